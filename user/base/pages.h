/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Memory from the system by blocks of 64 KiB that go back to it one by one, which an allocator that
 * shares pages among things of every kind cannot promise. One thread owns a struct pages.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGES_BLOCK = 65536 };

/* {0} is empty. */
struct pages {
	struct pages_run *run; /* what was mapped */
	size_t run_count, run_cap;
	char **spare; /* blocks that nobody has */
	size_t spare_count;
	size_t warm_count; /* the last so many of them still hold memory */
	size_t block_count;
	char **parted; /* blocks that are others' for good */
	size_t parted_count, parted_cap;
	bool is_ending; /* what is given back keeps its memory, for whoever parts with it */
};

/* A block, aligned to its size, with anything in it; NULL when out of memory. */
void *pages_take(struct pages *p);
void pages_give(struct pages *p, void *block);
/* So many blocks in a row, a power of two. NULL when out of memory. */
void *pages_take_row(struct pages *p, size_t count);
void pages_give_row(struct pages *p, void *row, size_t count);
/* So many spare blocks in a row that are the caller's from now on, to be unmapped by it, with
 * anything in them. NULL when there are none. Several lie in a row after pages_sort() only. */
void *pages_part(struct pages *p, size_t count);
void pages_sort(struct pages *p);
/* Gives the memory of so many spare blocks back to the system, for whoever needs as much in a row.
 * False: there are not so many, and nothing was done. */
bool pages_trade(struct pages *p, size_t count);
/* Takes all that another one has, which is empty then. Returns 0, or -ENOMEM with nothing changed.
 */
int pages_absorb(struct pages *into, struct pages *from);
/* Moves up to so many spare blocks to another, which is empty; they come back by pages_absorb().
 * Returns 0 or -ENOMEM. */
int pages_share(struct pages *p, struct pages *into, size_t count);
/* Unmaps everything, blocks that somebody has included, but not those that were parted with. */
void pages_clear(struct pages *p);

#endif
