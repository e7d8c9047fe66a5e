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
	bool is_ending; /* pages_clear comes next: what is given back stays until then */
};

/* A block, aligned to its size, with anything in it; NULL when out of memory. */
void *pages_take(struct pages *p);
void pages_give(struct pages *p, void *block);
/* So many blocks in a row, a power of two. NULL when out of memory. */
void *pages_take_row(struct pages *p, size_t count);
void pages_give_row(struct pages *p, void *row, size_t count);
/* Unmaps everything, blocks that somebody has included. */
void pages_clear(struct pages *p);

#endif
