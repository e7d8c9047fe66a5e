/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Entries of one kind, found by their hash, at addresses that never change: they stand in chunks of
 * a spool, in the order in which they came, and an index has their numbers. Private to the sums
 * (sums.h). It knows nothing of what is in an entry.
 */
#ifndef REPORT_SUM_STORE_H
#define REPORT_SUM_STORE_H

#include "base/index.h"
#include "base/spool.h"

enum {
	SUM_UNIT = 8, /* bytes; entries are whole units, and numbered by them, from 1 on */
	SUM_CHUNK = 262144,
	SUM_CHUNK_UNITS = SUM_CHUNK / SUM_UNIT,
	SUM_LINE = 64, /* of the cache */
};

struct sum_chunk {
	char *at;
	size_t used;  /* bytes */
	size_t piece; /* bytes of the spool's piece that begins here; 0: none does */
};

/* Zeroed, it is empty; sum_store_clear. */
struct sum_store {
	struct index index;
	struct sum_chunk *chunk;
	size_t chunk_count, chunk_room, chunk_cap; /* in use; there; in the list */
};

/* A new entry of so many bytes, zeroed; those of whole lines of the cache stand in lines of their
 * own where all of a store are. NULL: out of memory, or of numbers. */
void *sum_store_hold(struct sum_store *st, struct spool *spool, size_t size, uint32_t hash);
void sum_store_clear(struct sum_store *st);

/* The entry of a number. */
static inline void *sum_store_at(const struct sum_store *st, uint32_t number)
{
	return st->chunk[number / SUM_CHUNK_UNITS].at +
	       (size_t)(number % SUM_CHUNK_UNITS) * SUM_UNIT;
}

/* Asks the processor for the first entry that has the hash. */
static inline __attribute__((always_inline)) void sum_store_warm(const struct sum_store *st,
								 uint32_t hash)
{
	size_t at = index_at(&st->index, hash);
	uint32_t number = index_next(&st->index, hash, &at);
	const char *entry = number ? sum_store_at(st, number) : NULL;

	if (!entry)
		return;
	__builtin_prefetch(entry);
	__builtin_prefetch(entry + SUM_LINE);
}

/* --- a walk over all, in order; *at counts as numbers do, and begins at 0 ----------------------
 */

/* The entry at *at; NULL behind the last. */
static inline void *sum_store_from(const struct sum_store *st, size_t *at)
{
	size_t chunk;

	if (!*at)
		*at = SUM_LINE / SUM_UNIT;
	chunk = *at / SUM_CHUNK_UNITS;
	if (chunk < st->chunk_count && *at % SUM_CHUNK_UNITS * SUM_UNIT >= st->chunk[chunk].used)
		*at = ++chunk * SUM_CHUNK_UNITS;
	return chunk < st->chunk_count ? sum_store_at(st, (uint32_t)*at) : NULL;
}

/* The same for entries of one size, and past it. */
static inline void *sum_store_next(const struct sum_store *st, size_t *at, size_t size)
{
	void *entry = sum_store_from(st, at);

	*at += entry ? size / SUM_UNIT : 0;
	return entry;
}

/* The entry that stands so many of this size further on, if it is in the same chunk; else NULL. */
static inline const void *sum_store_ahead(const struct sum_store *st, size_t at, size_t size,
					  size_t count)
{
	const struct sum_chunk *chunk = &st->chunk[at / SUM_CHUNK_UNITS];
	size_t place = at % SUM_CHUNK_UNITS * SUM_UNIT + count * size;

	return place + size > chunk->used ? NULL : chunk->at + place;
}

#endif
