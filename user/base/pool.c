/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: pools. A block begins with its head, in the room of the first things it could hold:
 *
 *   | head | thing | thing | (free) | thing | not yet used ...
 *
 * The free things of a block are a list through them. Blocks with room are a list through the
 * heads; the one that got room last is used first, so that others may run empty. What is kept out
 * of the blocks is in use to them.
 */
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/poison.h"

enum { ALIGN = 8, LINE = 64 /* of the cache */ };

struct pool_block {
	struct pool *pool;
	struct pool_block *next, *before; /* of the blocks with room */
	void *free;			  /* things that were given back */
	uint32_t number;
	uint32_t first;	 /* place of the first thing */
	uint32_t fresh;	 /* no thing from this place on was ever used */
	uint32_t end;	 /* behind the last place */
	uint32_t in_use; /* things */
};

static struct pool_block *block_of(const void *thing)
{
	return (struct pool_block *)((uintptr_t)thing & ~(uintptr_t)(PAGES_BLOCK - 1));
}

static void list_add(struct pool *p, struct pool_block *b)
{
	b->before = NULL;
	b->next = p->open;
	if (b->next)
		b->next->before = b;
	p->open = b;
}

static void list_remove(struct pool *p, struct pool_block *b)
{
	if (b->before)
		b->before->next = b->next;
	else
		p->open = b->next;
	if (b->next)
		b->next->before = b->before;
}

void pool_init(struct pool *p, struct pages *pages, size_t size, void *owner)
{
	*p = (struct pool){.pages = pages, .owner = owner};
	p->size = (uint32_t)((size + ALIGN - 1) / ALIGN * ALIGN);
	p->shift = pool_shift(p->size);
}

void pool_clear(struct pool *p)
{
	for (size_t i = 0; i < p->block_count; i++) {
		if (!p->block[i])
			continue;
		poison_open(p->block[i], PAGES_BLOCK);
		pages_give(p->pages, p->block[i]);
	}
	free(p->block);
	p->block = NULL;
	p->open = NULL;
	p->block_count = p->block_cap = 0;
	p->free_number = 0;
	p->kept_count = 0;
}

/* The least number that no block has; room for it in the list. */
static int find_number(struct pool *p, uint32_t *number)
{
	size_t cap = p->block_cap ? 2 * p->block_cap : 16;
	struct pool_block **block;

	while (p->free_number < p->block_count && p->block[p->free_number])
		p->free_number++;
	*number = p->free_number;
	if (*number < p->block_cap)
		return 0;
	/* Numbers have 32 bits. */
	if (cap > (size_t)UINT32_MAX >> p->shift)
		return -1;
	block = realloc(p->block, cap * sizeof(struct pool_block *));
	if (!block)
		return -1;
	p->block = block;
	p->block_cap = cap;
	return 0;
}

static struct pool_block *add_block(struct pool *p)
{
	struct pool_block *b;
	uint32_t number;

	if (find_number(p, &number))
		return NULL;
	b = pages_take(p->pages);
	if (!b)
		return NULL;
	*b = (struct pool_block){
		.pool = p,
		.number = number,
		.first = (uint32_t)((sizeof(*b) + p->size - 1) / p->size),
		.end = PAGES_BLOCK / p->size,
	};
	b->fresh = b->first;
	p->block[number] = b;
	if (number == p->block_count)
		p->block_count++;
	list_add(p, b);
	return b;
}

/* Asks for the thing that this block is to give next: it has long been out of the cache, or never
 * was in it, and whoever takes one writes all of it at once. Inline by force: a call of a function
 * that does nothing else is left out, as one without effect. */
static inline __attribute__((always_inline)) void warm_next(const struct pool *p,
							    const struct pool_block *b)
{
	const char *next = b->free;

	if (!next)
		next = (const char *)b + (size_t)b->fresh * p->size;
	for (size_t i = 0; i < p->size; i += LINE)
		__builtin_prefetch(next + i, 1);
}

static void *take_from_block(struct pool *p)
{
	struct pool_block *b = p->open ? p->open : add_block(p);
	void *thing;

	if (!b)
		return NULL;
	thing = b->free;
	poison_open(thing, p->size);
	if (thing)
		memcpy(&b->free, thing, sizeof(b->free));
	else
		thing = (char *)b + (size_t)b->fresh++ * p->size;
	b->in_use++;
	if (!b->free && b->fresh == b->end)
		list_remove(p, b);
	else
		warm_next(p, b);
	return thing;
}

void *pool_take_unset(struct pool *p)
{
	void *thing;

	if (!p->kept_count)
		return take_from_block(p);
	thing = p->kept[--p->kept_count];
	poison_open(thing, p->size);
	return thing;
}

void *pool_take(struct pool *p)
{
	void *thing = pool_take_unset(p);

	return thing ? memset(thing, 0, p->size) : NULL;
}

void pool_give(void *thing)
{
	struct pool_block *b;
	struct pool *p;

	if (!thing)
		return;
	b = block_of(thing);
	p = b->pool;
	if (!b->free && b->fresh == b->end)
		list_add(p, b);
	memcpy(thing, &b->free, sizeof(b->free));
	b->free = thing;
	poison_close(thing, p->size);
	if (--b->in_use)
		return;
	poison_open(b, PAGES_BLOCK);
	list_remove(p, b);
	p->block[b->number] = NULL;
	if (b->number < p->free_number)
		p->free_number = b->number;
	pages_give(p->pages, b);
}

void pool_give_hot(struct pool *p, void *thing)
{
	if (p->kept_count == POOL_KEPT) {
		pool_give(thing);
		return;
	}
	poison_close(thing, p->size);
	p->kept[p->kept_count++] = thing;
}

void *pool_owner(const void *thing)
{
	return block_of(thing)->pool->owner;
}

uint32_t pool_number(const void *thing)
{
	const struct pool_block *b = block_of(thing);
	uint32_t place = (uint32_t)((const char *)thing - (const char *)b) / b->pool->size;

	return b->number << b->pool->shift | place;
}

size_t pool_bound(const struct pool *p)
{
	return p->block_count << p->shift;
}
