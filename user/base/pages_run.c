/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: runs of blocks mapped from the system. A huge page at a time once there is some: what
 * is far apart costs a processor as much for its pages' addresses as for itself.
 */
#include "base/pages_run.h"

#include <sys/mman.h>

#include "base/pages.h"
#include "base/poison.h"

enum {
	RUN_MAX = 2097152 / PAGES_BLOCK, /* blocks: a huge page of most machines */
	HUGE_FROM = 8,			 /* with so many blocks, the next run is as large */
};

size_t pages_run_size(size_t block_count)
{
	return block_count < HUGE_FROM ? 1 : RUN_MAX;
}

char *pages_run_take(size_t len)
{
	size_t before, whole = 2 * len;
	char *at = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	before = (len - ((uintptr_t)at & (len - 1))) & (len - 1);
	if (before)
		munmap(at, before);
	munmap(at + before + len, whole - before - len);
	/* No more than advice. */
	madvise(at + before, len,
		len >= RUN_MAX * PAGES_BLOCK ? MADV_HUGEPAGE : MADV_POPULATE_WRITE);
	return at + before;
}

void pages_run_give(char *at, size_t len)
{
	poison_open(at, len);
	munmap(at, len);
}

void pages_run_cool(char *block)
{
	madvise(block, PAGES_BLOCK, MADV_DONTNEED);
}
