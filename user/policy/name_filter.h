/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: a set of hashes that says "not there" or "perhaps", in two bytes a hash. All
 * bits of a hash lie in one word, so that asking costs one line of the cache. (A Bloom filter in
 * blocks: Putze, Sanders, Singler 2007.)
 */
#ifndef POLICY_NAME_FILTER_H
#define POLICY_NAME_FILTER_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct name_filter {
	uint64_t *word;
	uint32_t word_count;
};

/* Makes an empty one for so many hashes, fewer than 2^32. Returns 0 or -ENOMEM. */
static inline int name_filter_init(struct name_filter *f, size_t count)
{
	f->word_count = (uint32_t)(count / 4 + 1);
	f->word = calloc(f->word_count, sizeof(*f->word));
	return f->word ? 0 : -ENOMEM;
}

static inline void name_filter_clear(struct name_filter *f)
{
	free(f->word);
	*f = (struct name_filter){0};
}

/* The upper half chooses the word, the lower one its bits: FNV alone leaves the upper half of short
 * names alike. */
static inline uint64_t name_filter_mix(uint64_t hash)
{
	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static inline uint64_t *name_filter_word(const struct name_filter *f, uint64_t mixed)
{
	return &f->word[(mixed >> 32) * f->word_count >> 32];
}

/* The memory that a hash touches, for whoever asks for it ahead. (Not a function that does so: one
 * that only prefetches is taken for one without effect by gcc 12, and its calls vanish.) */
static inline const void *name_filter_place(const struct name_filter *f, uint64_t hash)
{
	return name_filter_word(f, name_filter_mix(hash));
}

static inline uint64_t name_filter_bits(uint64_t mixed)
{
	return 1ULL << (mixed & 63) | 1ULL << (mixed >> 6 & 63) | 1ULL << (mixed >> 12 & 63) |
	       1ULL << (mixed >> 18 & 63);
}

static inline void name_filter_add(struct name_filter *f, uint64_t hash)
{
	uint64_t mixed = name_filter_mix(hash);

	*name_filter_word(f, mixed) |= name_filter_bits(mixed);
}

/* False when the hash was not added. */
static inline bool name_filter_may_have(const struct name_filter *f, uint64_t hash)
{
	uint64_t mixed = name_filter_mix(hash), bits = name_filter_bits(mixed);

	return (*name_filter_word(f, mixed) & bits) == bits;
}

#endif
