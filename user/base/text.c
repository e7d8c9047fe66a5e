/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: the text builder and the only escaping in the program. What a sender chose never
 * reaches a terminal, a JSON document or a spreadsheet as anything but printable ASCII.
 *
 * The buffer is kept NUL-terminated behind `len`, for callers that hand it to the C library.
 * Standards: RFC 8259 7 (JSON strings), RFC 4180 2 (CSV fields).
 */
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 256 };

void text_clear(struct text *t)
{
	free(t->at);
	*t = (struct text){0};
}

/* Makes room for `more` bytes and the NUL behind them. */
static bool make_room(struct text *t, size_t more)
{
	size_t need, cap = t->cap ? t->cap : FIRST_CAP;
	char *at;

	if (t->failed)
		return false;
	if (more > SIZE_MAX / 4 - t->len) {
		t->failed = true;
		return false;
	}
	need = t->len + more + 1;
	if (need <= t->cap)
		return true;
	while (cap < need)
		cap *= 2;
	at = realloc(t->at, cap);
	if (!at) {
		t->failed = true;
		return false;
	}
	t->at = at;
	t->cap = cap;
	return true;
}

void text_add(struct text *t, const void *bytes, size_t len)
{
	if (!make_room(t, len))
		return;
	if (len)
		memcpy(t->at + t->len, bytes, len);
	t->len += len;
	t->at[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_putc(struct text *t, char c)
{
	text_add(t, &c, 1);
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
	if (!make_room(t, (size_t)len))
		return;
	va_start(args, format);
	vsnprintf(t->at + t->len, (size_t)len + 1, format, args);
	va_end(args);
	t->len += (size_t)len;
}

void text_u64(struct text *t, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	text_add(t, digits + at, sizeof(digits) - at);
}

/* What one kind of text needs beside the \xNN of every kind. */
struct escape {
	const char *slash; /* how the backslash of \xNN itself is written */
	const char *quote; /* how a double quote is written */
};

static const struct escape escape_plain = {.slash = "\\", .quote = "\""};
static const struct escape escape_json = {.slash = "\\\\", .quote = "\\\""};
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
	text_putc(t, '"');
	add_escaped(t, s, &escape_json);
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
	text_printf(t, "%" PRIu64 ".%09" PRIu64, ts_ns / 1000000000, ts_ns % 1000000000);
}
