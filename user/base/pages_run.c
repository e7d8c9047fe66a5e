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

static char *map(size_t len)
{
	char *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* How far behind `at` a place of this alignment, a power of two, is. */
static size_t to_aligned(const char *at, size_t len)
{
	return (len - ((uintptr_t)at & (len - 1))) & (len - 1);
}

/* Aligned to its length. */
static char *map_aligned(size_t len)
{
	char *at = map(len);
	size_t before;

	/* As a rule the system puts it there, right beside the one before it. */
	if (!at || !to_aligned(at, len))
		return at;
	munmap(at, len);
	at = map(2 * len);
	if (!at)
		return NULL;
	before = to_aligned(at, len);
	if (before)
		munmap(at, before);
	munmap(at + before + len, len - before);
	return at + before;
}

char *pages_run_take(size_t len)
{
	char *at = map_aligned(len);

	/* No more than advice. */
	if (at)
		madvise(at, len,
			len >= RUN_MAX * PAGES_BLOCK ? MADV_HUGEPAGE : MADV_POPULATE_WRITE);
	return at;
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
