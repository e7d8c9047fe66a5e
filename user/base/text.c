/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: the text builder and the only escaping in the program. What a sender chose never
 * reaches a terminal, a JSON document or a spreadsheet as anything but printable ASCII.
 *
 * The buffer is kept NUL-terminated behind `len`, for callers that hand it to the C library.
 * Standards: RFC 8259 7 (JSON strings), RFC 4180 2 (CSV fields).
 */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/print.h"

enum { FIRST_CAP = 256 };

void text_clear(struct text *t)
{
	free(t->at);
	*t = (struct text){0};
}

/* Nothing is added any more. */
static bool fail(struct text *t)
{
	t->failed = true;
	t->cap = t->len;
	return false;
}

bool text_reserve(struct text *t, size_t more)
{
	size_t need, cap = t->cap ? t->cap : FIRST_CAP;
	char *at;

	if (t->failed || more > SIZE_MAX / 4 - t->len)
		return fail(t);
	need = t->len + more + 1;
	if (need <= t->cap)
		return true;
	while (cap < need)
		cap *= 2;
	at = realloc(t->at, cap);
	if (!at)
		return fail(t);
	t->at = at;
	t->cap = cap;
	return true;
}

/* Takes what was printed behind the text, up to `end`. */
static void end_at(struct text *t, char *end)
{
	t->len = (size_t)(end - t->at);
	*end = '\0';
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		t->failed = true;
		return;
	}
	if (!text_reserve(t, (size_t)len))
		return;
	va_start(args, format);
	vsnprintf(t->at + t->len, (size_t)len + 1, format, args);
	va_end(args);
	t->len += (size_t)len;
}

void text_u64(struct text *t, uint64_t n)
{
	if (text_reserve(t, PRINT_U64_MAX))
		end_at(t, print_u64(t->at + t->len, n));
}

/* What one kind of text needs beside the \xNN of every kind. */
struct escape {
	const char *slash; /* how the backslash of \xNN itself is written */
	const char *quote; /* how a double quote is written */
};

static const struct escape escape_plain = {.slash = "\\", .quote = "\""};
static const struct escape escape_csv = {.slash = "\\", .quote = "\"\""};

/* Appends runs of ordinary bytes at once, the others one by one. */
static void add_escaped(struct text *t, struct slice s, const struct escape *e)
{
	static const char hex[] = "0123456789abcdef";
	size_t run = 0, i;

	for (i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (c >= 0x20 && c <= 0x7e && c != '\\' && c != '"')
			continue;
		if (i > run)
			text_add(t, s.at + run, i - run);
		run = i + 1;
		if (c == '"') {
			text_puts(t, e->quote);
			continue;
		}
		text_puts(t, e->slash);
		text_putc(t, 'x');
		text_putc(t, hex[c >> 4]);
		text_putc(t, hex[c & 15]);
	}
	if (i > run)
		text_add(t, s.at + run, i - run);
}

void text_escaped(struct text *t, struct slice s)
{
	add_escaped(t, s, &escape_plain);
}

void text_json(struct text *t, struct slice s)
{
	if (text_reserve(t, PRINT_JSON_BYTE_MAX * s.len + 2))
		end_at(t, print_json(t->at + t->len, s));
}

/* How many bytes the UTF-8 character at `at` has (RFC 3629 4); 0 when it is none. */
static size_t utf8_len(const unsigned char *at)
{
	static const struct {
		unsigned char first, last, low, high; /* of the lead byte; of the one behind it */
		size_t len;
	} rows[] = {
		{0x01, 0x7f, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = 2;

		if (at[0] < rows[i].first || at[0] > rows[i].last)
			continue;
		if (rows[i].len > 1 && (at[1] < rows[i].low || at[1] > rows[i].high))
			return 0;
		for (; n < rows[i].len; n++)
			if ((at[n] & 0xc0) != 0x80)
				return 0;
		return rows[i].len;
	}
	return 0;
}

void text_json_utf8(struct text *t, const char *value)
{
	text_putc(t, '"');
	while (*value) {
		size_t len = utf8_len((const unsigned char *)value);

		if (len == 0)
			text_puts(t, "\\ufffd");
		else if ((unsigned char)*value < 0x20)
			text_printf(t, "\\u%04x", (unsigned)*value);
		else if (*value == '"' || *value == '\\')
			text_printf(t, "\\%c", *value);
		else
			text_add(t, value, len);
		value += len ? len : 1;
	}
	text_putc(t, '"');
}

void text_csv(struct text *t, struct slice s)
{
	text_putc(t, '"');
	if (s.len && s.at[0] && strchr("=+-@", s.at[0]))
		text_putc(t, '\'');
	add_escaped(t, s, &escape_csv);
	text_putc(t, '"');
}

void text_time(struct text *t, uint64_t ts_ns)
{
	if (text_reserve(t, PRINT_TIME_MAX))
		end_at(t, print_time(t->at + t->len, ts_ns));
}
