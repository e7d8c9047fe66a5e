/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Things of one size that come and go in great numbers. Nothing is kept in front of a thing; what
 * is known of it stands at the head of its block, which its address tells, and a block whose things
 * are all gone goes back. A thing also has a number of 32 bits, by which it is found again.
 *
 * One thread owns the pools of one struct pages.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/pages.h"

struct pool_block;

enum { POOL_SIZE_MAX = 4096, POOL_KEPT = 32 };

struct pool {
	struct pages *pages;
	void *owner;
	uint32_t size;		   /* bytes of a thing */
	uint32_t shift;		   /* a number is that of the block, shifted, and the place in it */
	struct pool_block *open;   /* blocks with room */
	struct pool_block **block; /* by number; NULL: the number is free */
	size_t block_count, block_cap;
	uint32_t free_number; /* no block below this has no number */
	uint32_t kept_count;
	void *kept[POOL_KEPT]; /* by pool_give_hot(), the last one last */
};

/* size: bytes of a thing, at most POOL_SIZE_MAX. owner: for pool_owner. pages is borrowed for the
 * pool's life. */
void pool_init(struct pool *p, struct pages *pages, size_t size, void *owner);
/* Forgets all things; their memory goes back to the pages. */
void pool_clear(struct pool *p);

/* Gives a thing, zeroed, aligned to 8 bytes, and to its size where that is a power of two; NULL
 * when out of memory. */
void *pool_take(struct pool *p);
/* The same with anything in it. */
void *pool_take_unset(struct pool *p);
/* Takes a thing back, of whatever pool. */
void pool_give(void *thing);
/* The same for what is used all the time: a few of them stay out of their blocks and are given out
 * first, for they are in the cache, and their blocks' heads need not be. thing is of p. */
void pool_give_hot(struct pool *p, void *thing);
/* The owner that was named for the pool of a thing. */
void *pool_owner(const void *thing);
/* The number of a thing, less than pool_bound(), and the thing of a number. */
uint32_t pool_number(const void *thing);
size_t pool_bound(const struct pool *p);

/* How far the number of a block is shifted in those of its things, of size bytes. */
static inline unsigned pool_shift(size_t size)
{
	return 32 - (unsigned)__builtin_clz((unsigned)(PAGES_BLOCK / size - 1));
}

/* pool_at() where the caller knows the size, a multiple of 8, at compile time: two loads. */
static inline void *pool_at_sized(const struct pool *p, uint32_t number, size_t size)
{
	unsigned shift = pool_shift(size);

	return (char *)p->block[number >> shift] + (number & ((1U << shift) - 1)) * size;
}

static inline void *pool_at(const struct pool *p, uint32_t number)
{
	return (char *)p->block[number >> p->shift] +
	       (size_t)(number & ((1U << p->shift) - 1)) * p->size;
}

#endif
