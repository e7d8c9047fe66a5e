/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: blocks of 64 KiB, aligned to their size, mapped in runs that grow with what there is:
 * an eighth of it, so that little is mapped in vain, up to the size of a huge page. A block that is
 * given back loses its memory but for a few that are likely to be wanted again soon.
 */
#include "base/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/poison.h"

enum {
	RUN_MAX = 2097152 / PAGES_BLOCK, /* blocks: a huge page of most machines */
	WARM_MAX = 4,			 /* spare blocks that keep their memory */
};

struct pages_run {
	char *at;
	size_t len;
};

/* Maps len bytes aligned to len, which is a power of two times a block. NULL: none. */
static char *map_aligned(size_t len)
{
	size_t before, whole = 2 * len;
	char *at = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	before = (len - ((uintptr_t)at & (len - 1))) & (len - 1);
	if (before)
		munmap(at, before);
	munmap(at + before + len, whole - before - len);
	return at + before;
}

/* Room for the lists of one more run of so many blocks. */
static int make_room(struct pages *p, size_t blocks)
{
	size_t cap = p->run_cap ? 2 * p->run_cap : 16;
	char **spare = realloc(p->spare, (p->block_count + blocks) * sizeof(char *));
	struct pages_run *run;

	if (!spare)
		return -1;
	p->spare = spare;
	if (p->run_count < p->run_cap)
		return 0;
	run = realloc(p->run, cap * sizeof(*run));
	if (!run)
		return -1;
	p->run = run;
	p->run_cap = cap;
	return 0;
}

/* Maps one more run, of spare blocks. */
static int add_run(struct pages *p)
{
	size_t blocks = 1;
	char *at;

	while (blocks < RUN_MAX && blocks * 16 <= p->block_count)
		blocks *= 2;
	if (make_room(p, blocks))
		return -1;
	at = map_aligned(blocks * PAGES_BLOCK);
	if (!at)
		return -1;
	/* Neither is more than advice. */
	if (blocks == RUN_MAX)
		madvise(at, blocks * PAGES_BLOCK, MADV_HUGEPAGE);
	else
		madvise(at, blocks * PAGES_BLOCK, MADV_POPULATE_WRITE);
	p->run[p->run_count++] = (struct pages_run){at, blocks * PAGES_BLOCK};
	p->block_count += blocks;
	for (size_t i = blocks; i-- > 0;)
		p->spare[p->spare_count++] = at + i * PAGES_BLOCK;
	p->warm_count = 0;
	return 0;
}

void *pages_take(struct pages *p)
{
	if (!p->spare_count && add_run(p))
		return NULL;
	if (p->warm_count)
		p->warm_count--;
	return p->spare[--p->spare_count];
}

void pages_give(struct pages *p, void *block)
{
	p->spare[p->spare_count++] = block;
	if (p->warm_count < WARM_MAX)
		p->warm_count++;
	else
		madvise(p->spare[p->spare_count - 1 - WARM_MAX], PAGES_BLOCK, MADV_DONTNEED);
}

void pages_clear(struct pages *p)
{
	for (size_t i = 0; i < p->run_count; i++) {
		poison_open(p->run[i].at, p->run[i].len);
		munmap(p->run[i].at, p->run[i].len);
	}
	free(p->run);
	free(p->spare);
	*p = (struct pages){0};
}
