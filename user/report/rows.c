/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The store of packed rows: chunks one after the other, each full of whole rows, and places in them
 * once they are sorted. What a row looks like inside is row_pack.c's.
 */
#include "report/rows.h"

#include "report/row_pack.h"

#include <errno.h>
#include <stdlib.h>

enum { CHUNK_FIRST = 65536, CHUNK_MAX = 1 << 20 };
enum { CACHE_LINE = 64, WARM_AHEAD = 16 /* rows */, BYTES_AHEAD = 2048 };

void rows_clear(struct rows *r)
{
	for (size_t i = 0; i < r->chunk_count; i++)
		spool_give(r->chunk[i].at, r->chunk[i].size);
	free(r->chunk);
	spool_give(r->place, r->count * sizeof(*r->place));
	spool_clear(&r->spool);
	*r = (struct rows){.spool = r->spool};
}

/* Room for one more chunk in the list. */
static int make_place(struct rows *r, size_t more)
{
	struct rows_chunk *chunk;

	if (r->chunk_count + more <= r->chunk_cap)
		return 0;
	chunk = realloc(r->chunk, 2 * (r->chunk_count + more) * sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	r->chunk = chunk;
	r->chunk_cap = 2 * (r->chunk_count + more);
	return 0;
}

/* Where the next row of at most `most` bytes goes; NULL when out of memory. */
static uint8_t *room(struct rows *r, size_t most)
{
	struct rows_chunk *last = r->chunk_count ? &r->chunk[r->chunk_count - 1] : NULL;
	size_t size = CHUNK_FIRST;
	uint8_t *at;

	if (last && last->size - last->len >= most)
		return last->at + last->len;
	while (!spool_has_spare(&r->spool) && size < CHUNK_MAX &&
	       size < r->chunk_count * CHUNK_FIRST)
		size *= 2;
	while (size < most)
		size *= 2;
	at = make_place(r, 1) ? NULL : spool_take_unset(&r->spool, size);
	if (at)
		r->chunk[r->chunk_count++] = (struct rows_chunk){.at = at, .size = size};
	return at;
}

static void unsort(struct rows *r)
{
	spool_give(r->place, r->count * sizeof(*r->place));
	r->place = NULL;
}

/* Takes what was put into the room. */
static void commit(struct rows *r, size_t len)
{
	unsort(r);
	r->chunk[r->chunk_count - 1].len += len;
	r->count++;
}

int rows_add(struct rows *r, const struct connection *c, const struct flow *f)
{
	size_t names_len = f ? connection_names_len(f) : c->names_len;
	uint8_t *at = room(r, ROW_PACK_MAX + names_len);

	if (!at)
		return -ENOMEM;
	commit(r, row_pack(at, c, f, names_len));
	return 0;
}

int rows_add_packed(struct rows *r, struct slice packed)
{
	while (packed.len) {
		size_t len = row_len(packed.at);
		uint8_t *to = room(r, len);

		if (!to)
			return -ENOMEM;
		memcpy(to, packed.at, len);
		commit(r, len);
		packed = slice_from(packed, len);
	}
	return 0;
}

int rows_copy(struct rows *into, const struct rows *from)
{
	int err = 0;

	for (size_t i = 0; i < from->chunk_count && !err; i++)
		err = rows_add_packed(into, slice_of(from->chunk[i].at, from->chunk[i].len));
	return err;
}

int rows_move(struct rows *into, struct rows *from)
{
	struct rows_chunk open = {0};
	int err = make_place(into, from->chunk_count);

	if (err)
		return err;
	unsort(into);
	unsort(from);
	/* The last chunk stays the last: there is room in it. */
	if (into->chunk_count && from->chunk_count)
		open = into->chunk[--into->chunk_count];
	for (size_t i = 0; i < from->chunk_count; i++)
		into->chunk[into->chunk_count++] = from->chunk[i];
	if (open.at)
		into->chunk[into->chunk_count++] = open;
	into->count += from->count;
	from->count = from->chunk_count = 0;
	rows_clear(from);
	return 0;
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Rows of one number are told apart by time, and by all else only when that is the same. */
static int compare_equals(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	struct connection c, d;
	int by = order(row_first_ns(x->at), row_first_ns(y->at));

	if (by)
		return by;
	row_unpack(x->at, &c);
	row_unpack(y->at, &d);
	return connection_compare(&c, &d);
}

/* Sorts the runs of one number. */
static void sort_equals(struct place *place, size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && place[end].key == place[i].key;)
			end++;
		if (end - i > 1)
			qsort(place + i, end - i, sizeof(*place), compare_equals);
	}
}

static void fill_places(const struct rows *r, struct place *place)
{
	for (size_t i = 0; i < r->chunk_count; i++) {
		const struct rows_chunk *c = &r->chunk[i];

		for (size_t at = 0; at < c->len; at += row_len(c->at + at)) {
			__builtin_prefetch(c->at + at + BYTES_AHEAD);
			*place++ = (struct place){row_first_number(c->at + at), c->at + at};
		}
	}
}

size_t rows_order_size(size_t count)
{
	return spool_size(count * sizeof(struct place));
}

int rows_sort(struct rows *r)
{
	size_t size = rows_order_size(r->count);
	struct place *place, *spare;

	if (r->place || !r->count)
		return 0;
	place = spool_take_unset(&r->spool, size);
	spare = place ? spool_take_unset(&r->spool, size) : NULL;
	if (!spare) {
		spool_give(place, size);
		return -ENOMEM;
	}
	fill_places(r, place);
	places_sort(place, spare, r->count);
	sort_equals(place, r->count);
	spool_give(spare, size);
	r->place = place;
	return 0;
}

void rows_get(const struct rows *r, size_t i, struct connection *out)
{
	/* Rows are read one after the other, but stand anywhere: ask for one that comes soon. In
	 * here, since a function that did nothing else would be taken for one without effect. */
	if (r->count - i > WARM_AHEAD) {
		const uint8_t *row = r->place[i + WARM_AHEAD].at;

		__builtin_prefetch(row);
		__builtin_prefetch(row + CACHE_LINE);
		__builtin_prefetch(row + 2 * CACHE_LINE);
	}
	row_unpack(r->place[i].at, out);
}

bool rows_next(const struct rows *r, struct rows_at *at, struct connection *out)
{
	const uint8_t *row;

	while (at->chunk < r->chunk_count && at->at == r->chunk[at->chunk].len)
		*at = (struct rows_at){.chunk = at->chunk + 1};
	if (at->chunk == r->chunk_count)
		return false;
	row = r->chunk[at->chunk].at + at->at;
	__builtin_prefetch(row + BYTES_AHEAD);
	__builtin_prefetch(row + BYTES_AHEAD + CACHE_LINE);
	row_unpack(row, out);
	at->at += row_len(row);
	return true;
}

int rows_cut(struct rows *r, size_t first)
{
	struct rows kept = {.spool = {.plain_max = r->spool.plain_max, .pages = r->spool.pages}};

	for (size_t i = first; i < r->count; i++) {
		size_t len = row_len(r->place[i].at);
		uint8_t *to = room(&kept, len);

		if (!to) {
			rows_clear(&kept);
			return -ENOMEM;
		}
		memcpy(to, r->place[i].at, len);
		commit(&kept, len);
	}
	rows_clear(r);
	*r = kept;
	return 0;
}
