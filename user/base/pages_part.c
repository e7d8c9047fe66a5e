/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: blocks that change hands for good. When what stood in them has gone, somebody else
 * has their memory at once: it need not go back to the system, page by page, to come from there
 * again.
 */
#include "base/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages_run.h"

/* The list, or a longer one in its place; NULL: out of memory, and it is as it was. */
static void *reach(void *list, size_t *cap, size_t count, size_t size)
{
	size_t wanted = count + count / 2 + 16;
	void *longer;

	if (list && count <= *cap)
		return list;
	longer = realloc(list, wanted * size);
	if (longer)
		*cap = wanted;
	return longer;
}

void *pages_part(struct pages *p, size_t count)
{
	size_t at = pages_find_row(p, count);
	char **parted, *first;

	if (at == SIZE_MAX)
		return NULL;
	parted = reach(p->parted, &p->parted_cap, p->parted_count + count, sizeof(*parted));
	if (!parted)
		return NULL;
	p->parted = parted;
	first = p->spare[at + count - 1];
	for (size_t i = 0; i < count; i++)
		p->parted[p->parted_count++] = first + i * PAGES_BLOCK;
	p->spare_count -= count;
	memmove(p->spare + at, p->spare + at + count, (p->spare_count - at) * sizeof(*p->spare));
	p->warm_count = 0;
	return first;
}

static int compare_down(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

void pages_sort(struct pages *p)
{
	if (p->spare_count)
		qsort(p->spare, p->spare_count, sizeof(*p->spare), compare_down);
	p->warm_count = 0;
}

bool pages_trade(struct pages *p, size_t count)
{
	if (count > p->spare_count)
		return false;
	for (; count; count--)
		pages_run_cool(p->spare[--p->spare_count]);
	p->warm_count = 0;
	return true;
}

static bool is_parted(const struct pages *p, const char *block)
{
	return bsearch(&block, p->parted, p->parted_count, sizeof(*p->parted), compare_down);
}

void pages_clear_others(struct pages *p)
{
	qsort(p->parted, p->parted_count, sizeof(*p->parted), compare_down);
	for (size_t i = 0; i < p->run_count; i++) {
		char *at = p->run[i].at, *end = at + p->run[i].len;

		for (; at < end; at += PAGES_BLOCK)
			if (!is_parted(p, at))
				pages_run_give(at, PAGES_BLOCK);
	}
	p->run_count = 0;
}

static void append(void *list, size_t *count, const void *more, size_t more_count, size_t size)
{
	if (more_count)
		memcpy((char *)list + *count * size, more, more_count * size);
	*count += more_count;
}

int pages_share(struct pages *p, struct pages *into, size_t count)
{
	size_t most = count < p->spare_count ? count : p->spare_count;
	char **spare = malloc((most + 1) * sizeof(*spare));

	if (!spare)
		return -ENOMEM;
	p->spare_count -= most;
	p->block_count -= most;
	p->warm_count = 0;
	memcpy(spare, p->spare + p->spare_count, most * sizeof(*spare));
	*into = (struct pages){
		.spare = spare, .spare_count = most, .block_count = most, .is_ending = true};
	return 0;
}

int pages_absorb(struct pages *into, struct pages *from)
{
	size_t runs = into->run_count + from->run_count, blocks_cap = 0;
	size_t blocks = into->block_count + from->block_count;
	size_t parted_count = into->parted_count + from->parted_count;
	struct pages_run *run = reach(into->run, &into->run_cap, runs, sizeof(*run));
	char **spare, **parted;

	into->run = run ? run : into->run;
	spare = reach(into->spare, &blocks_cap, blocks, sizeof(*spare));
	into->spare = spare ? spare : into->spare;
	parted = reach(into->parted, &into->parted_cap, parted_count, sizeof(*parted));
	into->parted = parted ? parted : into->parted;
	if (!run || !spare || !parted)
		return -ENOMEM;
	append(run, &into->run_count, from->run, from->run_count, sizeof(*run));
	append(spare, &into->spare_count, from->spare, from->spare_count, sizeof(*spare));
	append(parted, &into->parted_count, from->parted, from->parted_count, sizeof(*parted));
	into->block_count = blocks;
	into->warm_count = 0;
	from->run_count = from->parted_count = 0;
	pages_clear(from);
	return 0;
}
