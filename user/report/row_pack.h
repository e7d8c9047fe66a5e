/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One row of the report, packed and unpacked. Private to rows.c.
 */
#ifndef REPORT_ROW_PACK_H
#define REPORT_ROW_PACK_H

#include "report/connection.h"

enum {
	ROW_PACK_MIN = 64,
	ROW_PACK_MAX = 320, /* bytes of a row beside its names */
};

/* Rows stand at addresses that are whole eights, and are as long. */

/* Packs a connection; its names, of so many bytes, are those of f, or its own when f is NULL.
 * Returns the length. */
size_t row_pack(uint8_t *at, const struct connection *c, const struct flow *f, size_t names_len);
/* Unpacks; the names are borrowed from the row. */
void row_unpack(const uint8_t *row, struct connection *out);

size_t row_len(const uint8_t *row); /* which may stand anywhere */
uint64_t row_first_number(const uint8_t *row);
uint64_t row_first_ns(const uint8_t *row);
bool row_is_blocked(const uint8_t *row);

#endif
