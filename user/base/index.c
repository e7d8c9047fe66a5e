/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: the table of numbers. Open addressing: a number stands in its hash's slot or in the
 * next ones that were taken; one slot in four is free at least. Its memory is mapped, or of pages,
 * so that a table that was outgrown is at once the system's again, or theirs.
 */
#include "base/index.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MAP_POPULATE /* where pages do not come one by one */
#define MAP_POPULATE 0
#endif

enum { FIRST_SLOTS = 512 };

static void put(struct index *x, struct index_slot s)
{
	size_t at = index_at(x, s.hash);

	while (x->slot[at].number)
		at = (at + 1) & (x->slot_count - 1);
	x->slot[at] = s;
}

/* True for slots of so many bytes that come from pages. */
static bool is_paged(const struct index *x, size_t size)
{
	return x->pages && size >= PAGES_BLOCK;
}

/* Free slots, or NULL. */
static struct index_slot *take_slots(struct index *x, size_t count)
{
	size_t size = count * sizeof(struct index_slot);
	void *at;

	if (is_paged(x, size)) {
		at = pages_take_row(x->pages, size / PAGES_BLOCK);
		return at ? memset(at, 0, size) : NULL;
	}
	if (x->spool)
		return spool_take(x->spool, size);
	/* All pages at once: each would be read first, and then come anew to be written, which
	 * other threads have to be told. */
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		  -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

static int grow(struct index *x, size_t slot_count)
{
	struct index larger = {
		.slot_count = slot_count, .count = x->count, .spool = x->spool, .pages = x->pages};

	larger.slot = take_slots(x, larger.slot_count);
	if (!larger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < x->slot_count; i++)
		if (x->slot[i].number)
			put(&larger, x->slot[i]);
	index_clear(x);
	*x = larger;
	return 0;
}

void index_clear(struct index *x)
{
	size_t size = x->slot_count * sizeof(*x->slot);

	if (is_paged(x, size))
		pages_give_row(x->pages, x->slot, size / PAGES_BLOCK);
	else if (x->slot && x->spool)
		spool_give(x->slot, size);
	else if (x->slot)
		munmap(x->slot, size);
	*x = (struct index){.spool = x->spool, .pages = x->pages};
}

int index_reserve(struct index *x, size_t count)
{
	size_t slot_count = FIRST_SLOTS;

	while (slot_count / 4 * 3 < count)
		slot_count *= 2;
	return slot_count > x->slot_count ? grow(x, slot_count) : 0;
}

int index_add(struct index *x, uint32_t hash, uint32_t number)
{
	if (x->count >= x->slot_count / 4 * 3) {
		int err = grow(x, x->slot_count ? 2 * x->slot_count : FIRST_SLOTS);

		if (err)
			return err;
	}
	put(x, (struct index_slot){hash, number});
	x->count++;
	return 0;
}

/* Those behind a slot that became free move up, unless they stand where their hash says. */
static void close_gap(struct index *x, size_t gap)
{
	size_t mask = x->slot_count - 1;

	for (size_t at = (gap + 1) & mask; x->slot[at].number; at = (at + 1) & mask) {
		size_t from_home = (at - x->slot[at].hash) & mask;

		if (from_home < ((at - gap) & mask))
			continue;
		x->slot[gap] = x->slot[at];
		gap = at;
	}
	x->slot[gap].number = 0;
}

void index_remove(struct index *x, uint32_t hash, uint32_t number)
{
	size_t mask = x->slot_count - 1, at = index_at(x, hash);

	for (; x->slot_count && x->slot[at].number; at = (at + 1) & mask) {
		if (x->slot[at].number != number)
			continue;
		close_gap(x, at);
		x->count--;
		return;
	}
}
