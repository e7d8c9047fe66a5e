/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room for the entries of sums; see sum_store.h. Room: report.
 */
#include "report/sum_store.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 8 /* chunks; beyond, so many come at once, which is a large page */ };

/* How many chunks come at once after so many; one by one where they are what others have left, in
 * which there are no large pages to be had. */
static size_t chunks_together(const struct spool *spool, size_t number)
{
	return number < MANY || spool_has_spare(spool) ? 1 : MANY;
}

/* Makes room for the next chunks. */
static int take_chunks(struct sum_store *st, struct spool *spool)
{
	size_t count = chunks_together(spool, st->chunk_room);
	struct sum_chunk *chunk = st->chunk;
	char *at;

	if (st->chunk_room + count > st->chunk_cap) {
		size_t cap = st->chunk_cap ? 2 * st->chunk_cap : MANY;

		chunk = realloc(chunk, cap * sizeof(*chunk));
		if (!chunk)
			return -1;
		st->chunk = chunk;
		st->chunk_cap = cap;
	}
	at = spool_take_unset(spool, count * SUM_CHUNK);
	if (!at)
		return -1;
	for (size_t i = 0; i < count; i++)
		chunk[st->chunk_room++] = (struct sum_chunk){.at = at + i * SUM_CHUNK};
	chunk[st->chunk_room - count].piece = count * SUM_CHUNK;
	return 0;
}

/* Room for one more entry in the last chunk, or in a new one. */
static int make_room(struct sum_store *st, struct spool *spool, size_t size)
{
	if (st->chunk_count && SUM_CHUNK - st->chunk[st->chunk_count - 1].used >= size)
		return 0;
	if (st->chunk_count >= UINT32_MAX / SUM_CHUNK_UNITS)
		return -1;
	if (st->chunk_count == st->chunk_room && take_chunks(st, spool))
		return -1;
	/* No entry has number 0; those of whole lines stand in lines of their own. */
	if (!st->chunk_count)
		st->chunk[0].used = SUM_LINE;
	st->chunk_count++;
	return 0;
}

void *sum_store_hold(struct sum_store *st, struct spool *spool, size_t size, uint32_t hash)
{
	struct sum_chunk *last;
	uint32_t number;
	char *entry;

	st->index.spool = spool;
	if (make_room(st, spool, size))
		return NULL;
	last = &st->chunk[st->chunk_count - 1];
	number = (uint32_t)((st->chunk_count - 1) * SUM_CHUNK_UNITS + last->used / SUM_UNIT);
	if (index_add(&st->index, hash, number))
		return NULL;
	entry = last->at + last->used;
	last->used += size;
	return memset(entry, 0, size);
}

void sum_store_clear(struct sum_store *st)
{
	for (size_t i = 0; i < st->chunk_room; i++)
		if (st->chunk[i].piece)
			spool_give(st->chunk[i].at, st->chunk[i].piece);
	free(st->chunk);
	index_clear(&st->index);
}
