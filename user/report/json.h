/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Writing JSON (RFC 8259) front to back: commas are put by the writer, strings pass through
 * text_json, so a document is ASCII and well formed whatever the network sent. Nothing is kept but
 * the nesting; nesting is at most 63 deep.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "base/text.h"

/* Borrows the text it appends to. */
struct json {
	struct text *t;
	uint64_t has_item; /* a bit a level: something stands before, so a comma comes next */
	unsigned depth;
	bool is_after_key;
	bool is_line; /* the next item goes on a line of its own */
};

static inline struct json json_to(struct text *t)
{
	return (struct json){.t = t};
}

void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_line(struct json *j);		       /* begins a new line before the next item */
/* A key of the schema's own: it is written as it is. */
void json_plain_key(struct json *j, const char *key, size_t len);
static inline void json_key(struct json *j, const char *key)
{
	json_plain_key(j, key, strlen(key));
}
/* A key that may hold anything. */
void json_text_key(struct json *j, const char *key);
void json_slice(struct json *j, struct slice s);
void json_string(struct json *j, const char *s); /* NULL gives null */
void json_u64(struct json *j, uint64_t n);
void json_bool(struct json *j, bool b);
void json_null(struct json *j);
/* A number already in text, such as "0.125". */
void json_number(struct json *j, const char *digits);
/* "1700000000.123456789", a string. */
void json_time(struct json *j, uint64_t ts_ns);
/* "2023-11-14T22:13:20.123456+0000", a string. */
void json_stamp(struct json *j, uint64_t ts_ns);

static inline void json_pair_string(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

static inline void json_pair_u64(struct json *j, const char *key, uint64_t n)
{
	json_key(j, key);
	json_u64(j, n);
}

static inline void json_pair_bool(struct json *j, const char *key, bool b)
{
	json_key(j, key);
	json_bool(j, b);
}

#endif
