/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: blocks of 64 KiB, aligned to their size, in runs that grow with what there is. A block
 * that is given back loses its memory but for a few that are likely to be wanted again soon.
 */
#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages_run.h"

enum {
	WARM_LEAST = 4, /* spare blocks that keep their memory, and ... */
	WARM_PART = 32, /* ... of all blocks, one in so many */
};

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

/* Takes one more run, of spare blocks, `least` of them at least. */
static int add_run(struct pages *p, size_t least)
{
	size_t blocks = pages_run_size(p->block_count);
	char *at;

	while (blocks < least)
		blocks *= 2;
	if (make_room(p, blocks))
		return -1;
	at = pages_run_take(blocks * PAGES_BLOCK);
	if (!at)
		return -1;
	p->run[p->run_count++] = (struct pages_run){at, blocks * PAGES_BLOCK};
	p->block_count += blocks;
	for (size_t i = blocks; i-- > 0;)
		p->spare[p->spare_count++] = at + i * PAGES_BLOCK;
	p->warm_count = 0;
	return 0;
}

void *pages_take(struct pages *p)
{
	if (!p->spare_count && add_run(p, 1))
		return NULL;
	if (p->warm_count)
		p->warm_count--;
	return p->spare[--p->spare_count];
}

size_t pages_find_row(const struct pages *p, size_t count)
{
	size_t in_row = 0;

	for (size_t i = p->spare_count; i-- > 0;) {
		bool goes_on = in_row && p->spare[i] == p->spare[i + 1] + PAGES_BLOCK;

		in_row = goes_on ? in_row + 1 : 1;
		if (in_row == count)
			return i;
	}
	return SIZE_MAX;
}

void *pages_take_row(struct pages *p, size_t count)
{
	size_t at = pages_find_row(p, count), behind;
	char *first;

	if (at == SIZE_MAX && add_run(p, count))
		return NULL;
	if (at == SIZE_MAX)
		at = p->spare_count - count;
	first = p->spare[at + count - 1];
	behind = p->spare_count - at - count;
	memmove(p->spare + at, p->spare + at + count, behind * sizeof(*p->spare));
	p->spare_count -= count;
	if (p->warm_count > behind)
		p->warm_count = behind + (p->warm_count - behind > count
						  ? p->warm_count - behind - count
						  : 0);
	return first;
}

void pages_give(struct pages *p, void *block)
{
	size_t warm_max = WARM_LEAST + p->block_count / WARM_PART;

	p->spare[p->spare_count++] = block;
	if (p->warm_count < warm_max)
		p->warm_count++;
	else if (!p->is_ending)
		pages_run_cool(p->spare[p->spare_count - 1 - p->warm_count]);
}

void pages_give_row(struct pages *p, void *row, size_t count)
{
	for (size_t i = count; i-- > 0;)
		pages_give(p, (char *)row + i * PAGES_BLOCK);
}

void pages_clear(struct pages *p)
{
	if (p->parted_count)
		pages_clear_others(p);
	for (size_t i = 0; i < p->run_count; i++)
		pages_run_give(p->run[i].at, p->run[i].len);
	free(p->run);
	free(p->spare);
	free(p->parted);
	*p = (struct pages){0};
}
