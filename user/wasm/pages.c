/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: base/pages.h where memory cannot be mapped or given back: runs are pages of the
 * module, which are of the same size and past the C library, whose aligned memory leaves holes; and
 * what is given back waits for whoever takes the next.
 */
#include "base/pages.h"

#include <stdlib.h>
#include <unistd.h>

enum { RUN_MAX = 16 }; /* blocks: 1 MiB at once */

struct pages_run {
	char *at;
	size_t len;
};

/* Runs that were given back, each with this in its first bytes. */
static struct spare_run {
	struct spare_run *next;
	size_t len;
} * spare_runs;

static void *take_run(size_t len)
{
	void *at;

	for (struct spare_run **s = &spare_runs; *s; s = &(*s)->next) {
		if ((*s)->len != len)
			continue;
		at = *s;
		*s = (*s)->next;
		return at;
	}
	at = sbrk((intptr_t)len);
	return at == (void *)-1 ? NULL : at;
}

static void give_run(const struct pages_run *run)
{
	struct spare_run *s = (struct spare_run *)run->at;

	*s = (struct spare_run){spare_runs, run->len};
	spare_runs = s;
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

/* One more run, of spare blocks; an eighth of what there is, and `least` of them. */
static int add_run(struct pages *p, size_t least)
{
	size_t blocks = 1;
	char *at;

	while (blocks < RUN_MAX && blocks * 16 <= p->block_count)
		blocks *= 2;
	while (blocks < least)
		blocks *= 2;
	if (make_room(p, blocks))
		return -1;
	at = take_run(blocks * PAGES_BLOCK);
	if (!at)
		return -1;
	p->run[p->run_count++] = (struct pages_run){at, blocks * PAGES_BLOCK};
	p->block_count += blocks;
	for (size_t i = blocks; i-- > 0;)
		p->spare[p->spare_count++] = at + i * PAGES_BLOCK;
	return 0;
}

void *pages_take(struct pages *p)
{
	if (!p->spare_count && add_run(p, 1))
		return NULL;
	return p->spare[--p->spare_count];
}

/* Always from a new run: the others' order is lost, and their blocks wait for whoever takes one. */
void *pages_take_row(struct pages *p, size_t count)
{
	char *first;

	if (add_run(p, count))
		return NULL;
	first = p->spare[p->spare_count - 1];
	p->spare_count -= count;
	return first;
}

void pages_give(struct pages *p, void *block)
{
	p->spare[p->spare_count++] = block;
}

void pages_give_row(struct pages *p, void *row, size_t count)
{
	for (size_t i = count; i-- > 0;)
		pages_give(p, (char *)row + i * PAGES_BLOCK);
}

void pages_clear(struct pages *p)
{
	for (size_t i = 0; i < p->run_count; i++)
		give_run(&p->run[i]);
	free(p->run);
	free(p->spare);
	*p = (struct pages){0};
}
