/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A hash table of numbers: which things (numbers from 1 on) may have a hash. A look-up reads one
 * line of the cache, as a rule, and then only the thing it is after, for the hash stands beside the
 * number. The hash must be keyed by the caller where a sender can choose what is hashed.
 */
#ifndef BASE_INDEX_H
#define BASE_INDEX_H

#include "base/pages.h"
#include "base/spool.h"
#include "dpi/types.h"

struct index_slot {
	uint32_t hash;
	uint32_t number; /* 0: free */
};

/* {0} is empty. One thread at a time. */
struct index {
	struct index_slot *slot;
	size_t slot_count; /* a power of two, or 0 */
	size_t count;
	struct spool *spool; /* where the slots come from; NULL: from the system, or ... */
	struct pages *pages; /* ... from these when there are many */
};

void index_clear(struct index *x);
/* Makes room for so many numbers, so that it need not grow on the way there. Returns 0 or -ENOMEM,
 * when it grows as ever. */
int index_reserve(struct index *x, size_t count);
/* Adds a number that is not there yet. Returns 0 or -ENOMEM. */
int index_add(struct index *x, uint32_t hash, uint32_t number);
void index_remove(struct index *x, uint32_t hash, uint32_t number);

/* Where a hash's numbers begin; index_next gives them one after the other, then 0. */
static inline size_t index_at(const struct index *x, uint32_t hash)
{
	return hash & (x->slot_count - 1);
}

static inline uint32_t index_next(const struct index *x, uint32_t hash, size_t *at)
{
	size_t mask = x->slot_count - 1, i = *at;
	struct index_slot s;

	if (!x->slot_count)
		return 0;
	do {
		s = x->slot[i];
		i = (i + 1) & mask;
	} while (s.number && s.hash != hash);
	*at = i;
	return s.number;
}

/* The first number that a hash has; 0: none. */
static inline uint32_t index_first(const struct index *x, uint32_t hash)
{
	size_t mask = x->slot_count - 1;

	for (size_t i = hash; x->slot_count; i++) {
		const struct index_slot *s = &x->slot[i & mask];

		if (!s->number || s->hash == hash)
			return s->number;
	}
	return 0;
}

/* Asks the processor for the place of a hash. Inline by force, as all that does nothing else has to
 * be: the call of such a function may be left out as one without effect. */
dpi_inline void index_warm(const struct index *x, uint32_t hash)
{
	if (x->slot_count)
		__builtin_prefetch(&x->slot[index_at(x, hash)]);
}

#endif
