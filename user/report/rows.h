/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rows of the report, packed: addresses by their kind, and what a connection lacks takes no room;
 * some hundred bytes in place of several hundred. They come in any order, and are read in the order
 * of connection_compare() after rows_sort(). Private to this room.
 *
 *   | length, bits, times, counts ... | addresses | what few have | names as a connection has them
 */
#ifndef REPORT_ROWS_H
#define REPORT_ROWS_H

#include "base/spool.h"
#include "report/connection.h"
#include "report/places.h"

struct rows_chunk {
	uint8_t *at;
	size_t len, size; /* in use; there */
};

/* Owned by its tally, with its one thread; {0} is empty. */
struct rows {
	struct spool spool;
	struct rows_chunk *chunk;
	size_t chunk_count, chunk_cap;
	size_t count;
	struct place *place; /* of all rows, in order of first_number; NULL until rows_sort */
};

void rows_clear(struct rows *r);
/* Adds a connection (borrowed); the names of f, where there is one, in place of its own. Returns 0
 * or -ENOMEM. */
int rows_add(struct rows *r, const struct connection *c, const struct flow *f);
/* Adds copies of whole rows, as they stand in a chunk. Returns 0 or -ENOMEM, when some are missing.
 */
int rows_add_packed(struct rows *r, struct slice packed);
/* Adds copies of all rows of another. Returns 0 or -ENOMEM, when some are missing. */
int rows_copy(struct rows *into, const struct rows *from);
/* Takes all rows of another, which is empty then. Returns 0, or -ENOMEM with nothing changed. */
int rows_move(struct rows *into, struct rows *from);
/* Puts the rows in order. Returns 0 or -ENOMEM. */
int rows_sort(struct rows *r);
/* Bytes that the order of so many rows takes, and while they are sorted twice as many. */
size_t rows_order_size(size_t count);
/* Row i of the sorted ones, i < count. *out borrows from r until it changes. */
void rows_get(const struct rows *r, size_t i, struct connection *out);
/* Walks the rows where they stand, sorted or not: true and the next one, which is borrowed as
 * above; *at begins as {0}. */
struct rows_at {
	size_t chunk, at;
};
bool rows_next(const struct rows *r, struct rows_at *at, struct connection *out);
/* Leaves only the sorted rows from `first` on. Returns 0, or -ENOMEM with nothing changed. */
int rows_cut(struct rows *r, size_t first);

#endif
