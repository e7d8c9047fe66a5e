/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where pages.c takes its runs of blocks from: pages_run.c of this room, or of the room wasm where
 * memory is neither mapped nor given back. Private to base.
 */
#ifndef BASE_PAGES_RUN_H
#define BASE_PAGES_RUN_H

#include <stddef.h>

struct pages;

/* Blocks that were mapped together. */
struct pages_run {
	char *at;
	size_t len;
};

/* Between pages.c and pages_part.c: the place of the first of so many spare blocks in a row, which
 * lie with the lowest on top as long as nobody has had them, or once they are sorted; SIZE_MAX:
 * there is none. And unmapping all but what was parted with. */
size_t pages_find_row(const struct pages *p, size_t count);
void pages_clear_others(struct pages *p);

/* How many blocks the next run should have, a power of two, when there are so many already. */
size_t pages_run_size(size_t block_count);
/* len bytes, a power of two of blocks, aligned to a block; NULL: there are none. */
char *pages_run_take(size_t len);
void pages_run_give(char *at, size_t len);
/* A block that nobody is likely to want soon: what it holds may go. */
void pages_run_cool(char *block);

#endif
