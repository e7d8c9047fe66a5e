/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A text builder: bytes appended to a buffer that grows. Every report, JSON document and event is
 * written through it, so escaping is done in one place. Running out of memory sets `failed`, which
 * sticks; the writer asks once at the end.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <string.h>
#include "base/slice.h"

struct text {
	char *at;
	size_t len, cap;
	bool failed;
};

void text_clear(struct text *t); /* frees the buffer; the struct can be used again */
/* Makes room for `more` bytes and a NUL behind them. False: out of memory, which sticks. */
bool text_reserve(struct text *t, size_t more);

/* These are what reports are made of, a hundred times a row: so they stand here, inline. */
static inline void text_add(struct text *t, const void *bytes, size_t len)
{
	if (len >= t->cap - t->len && !text_reserve(t, len))
		return;
	if (len)
		memcpy(t->at + t->len, bytes, len);
	t->len += len;
	t->at[t->len] = '\0';
}

static inline void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

static inline void text_putc(struct text *t, char c)
{
	text_add(t, &c, 1);
}

void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_u64(struct text *t, uint64_t n);

/* Bytes from the network for a person: 0x20-0x7e as they are but for the backslash, else \xNN. */
void text_escaped(struct text *t, struct slice s);
/* A JSON string with its quotes (RFC 8259 7); bytes outside 0x20-0x7e first become \xNN, so the
 * document is ASCII and re-parses to what text_escaped shows. */
void text_json(struct text *t, struct slice s);
/* The same of a text that a person typed (NUL-terminated): UTF-8 stays as it is, for a name is
 * still to be read out of it; a byte that is none becomes U+FFFD, which no name has (RFC 3629 4).
 */
void text_json_utf8(struct text *t, const char *value);
/* A CSV field in quotes (RFC 4180 2); a leading = + - @ gets an apostrophe, bytes as escaped. */
void text_csv(struct text *t, struct slice s);
/* Decimal seconds "1700000000.123456789" of nanoseconds since the epoch. */
void text_time(struct text *t, uint64_t ts_ns);

#endif
