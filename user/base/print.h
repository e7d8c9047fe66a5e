/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Printing into room that is known to be there: each writes at `at` and returns where it ended,
 * with no NUL behind. For what is printed a million times a report; text.h is for all else.
 */
#ifndef BASE_PRINT_H
#define BASE_PRINT_H

#include <string.h>
#include "base/slice.h"

enum {
	PRINT_U64_MAX = 20, /* bytes */
	PRINT_TIME_MAX = 21,
	PRINT_JSON_BYTE_MAX = 5, /* that one byte of a string becomes, beside the quotes */
};

/* Decimal. */
char *print_u64(char *at, uint64_t n);
/* Decimal seconds "1700000000.123456789" of nanoseconds since the epoch. */
char *print_time(char *at, uint64_t ts_ns);
/* A JSON string with its quotes, as text_json (text.h) has it. */
char *print_json(char *at, struct slice s);

/* Bytes of our own; a literal's length is known when it is compiled. */
static inline char *print_bytes(char *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}
#define PRINT_LITERAL(at, s) print_bytes(at, s, sizeof(s) - 1)

#endif
