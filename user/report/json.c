/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The JSON writer. It cannot produce an unescaped byte; it trusts its callers to close what they
 * open and to give a key to each member of an object.
 */
#include "report/json.h"

#include <stdio.h>
#include <time.h>

static void begin_item(struct json *j)
{
	uint64_t bit = 1ULL << (j->depth & 63);

	if (j->is_after_key) {
		j->is_after_key = false;
		return;
	}
	if (j->has_item & bit)
		text_putc(j->t, ',');
	j->has_item |= bit;
	if (j->is_line)
		text_putc(j->t, '\n');
	j->is_line = false;
}

void json_open(struct json *j, char bracket)
{
	begin_item(j);
	text_putc(j->t, bracket);
	j->depth++;
	j->has_item &= ~(1ULL << (j->depth & 63));
}

void json_close(struct json *j, char bracket)
{
	j->depth--;
	j->is_line = false;
	text_putc(j->t, bracket);
}

void json_line(struct json *j)
{
	j->is_line = true;
}

void json_plain_key(struct json *j, const char *key, size_t len)
{
	begin_item(j);
	text_putc(j->t, '"');
	text_add(j->t, key, len);
	text_add(j->t, "\":", 2);
	j->is_after_key = true;
}

void json_text_key(struct json *j, const char *key)
{
	begin_item(j);
	text_json(j->t, slice_text(key));
	text_putc(j->t, ':');
	j->is_after_key = true;
}

void json_slice(struct json *j, struct slice s)
{
	begin_item(j);
	text_json(j->t, s);
}

void json_string(struct json *j, const char *s)
{
	if (s)
		json_slice(j, slice_text(s));
	else
		json_null(j);
}

void json_u64(struct json *j, uint64_t n)
{
	begin_item(j);
	text_u64(j->t, n);
}

void json_bool(struct json *j, bool b)
{
	begin_item(j);
	text_puts(j->t, b ? "true" : "false");
}

void json_null(struct json *j)
{
	begin_item(j);
	text_puts(j->t, "null");
}

void json_number(struct json *j, const char *digits)
{
	begin_item(j);
	text_puts(j->t, digits);
}

void json_time(struct json *j, uint64_t ts_ns)
{
	begin_item(j);
	text_putc(j->t, '"');
	text_time(j->t, ts_ns);
	text_putc(j->t, '"');
}

void json_stamp(struct json *j, uint64_t ts_ns)
{
	time_t seconds = (time_t)(ts_ns / 1000000000);
	unsigned micros = (unsigned)(ts_ns / 1000 % 1000000);
	struct tm tm = {0};
	char day[40] = "", stamp[64];

	if (gmtime_r(&seconds, &tm))
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp, sizeof(stamp), "%s.%06u+0000", day, micros);
	json_string(j, stamp);
}
