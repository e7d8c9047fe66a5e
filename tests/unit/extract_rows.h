/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How one row of an extractor's table is tried: whole, with bytes appended, and cut short at every
 * length, always against an unmapped page. Cut short, a name may be found early or not yet, but
 * never another one.
 */
#ifndef UNIT_EXTRACT_ROWS_H
#define UNIT_EXTRACT_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "extract/extract.h"
#include "support.h"

typedef enum extract_answer (*try_fn)(struct slice, const struct extract_context *, struct clue *);

/* A literal that may hold NUL bytes. */
#define T(literal)                             \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

struct row_text {
	const char *at;
	size_t len;
};

struct row {
	const char *name;
	struct row_text bytes;
	enum extract_answer answer;
	enum app_proto proto;
	uint32_t flags;
	struct row_text names[CLUE_NAMES_MAX];
	enum clue_then then;
	size_t consumed; /* 0: all of them */
	struct extract_context ctx;
};

static inline struct slice row_name(const struct row *r, size_t i)
{
	return slice_of(r->names[i].at ? r->names[i].at : "", r->names[i].len);
}

static inline size_t row_name_count(const struct row *r)
{
	size_t n = 0;

	while (n < CLUE_NAMES_MAX && r->names[n].at)
		n++;
	return n;
}

/* The clue's names are the row's first ones, in that order. */
static inline void check_names(const struct row *r, const struct clue *c, bool all)
{
	size_t count = row_name_count(r);

	if (c->name_count > count || (all && c->name_count != count))
		fail_msg("%s: %u names, first \"%s\", expected %zu", r->name, c->name_count,
			 c->name[0].text, count);
	for (size_t i = 0; i < c->name_count; i++)
		if (!slice_equal(name_slice(&c->name[i]), row_name(r, i)))
			fail_msg("%s: name %zu is \"%s\", expected \"%s\"", r->name, i,
				 c->name[i].text, r->names[i].at);
}

static inline enum extract_answer try_against_wall(try_fn try, const struct row *r, size_t len,
						   struct clue *c)
{
	const uint8_t *at = lay_against_wall(r->bytes.at, len);
	enum extract_answer answer;

	memset(c, 0, sizeof(*c));
	answer = try(slice_of(at, len), &r->ctx, c);
	wall_free(at);
	return answer;
}

static inline void check_whole(try_fn try, const struct row *r)
{
	struct clue c;
	enum extract_answer answer = try_against_wall(try, r, r->bytes.len, &c);

	if (answer != r->answer)
		fail_msg("%s: answer %d, expected %d", r->name, answer, r->answer);
	if (c.proto != r->proto)
		fail_msg("%s: proto %d, expected %d", r->name, c.proto, r->proto);
	if (c.flags != r->flags)
		fail_msg("%s: flags %#x, expected %#x", r->name, c.flags, r->flags);
	check_names(r, &c, true);
	if (answer != EXTRACT_FOUND)
		return;
	if (c.then != r->then)
		fail_msg("%s: then %d, expected %d", r->name, c.then, r->then);
	if (c.consumed != (r->consumed ? r->consumed : r->bytes.len))
		fail_msg("%s: consumed %zu of %zu", r->name, c.consumed, r->bytes.len);
}

static inline void check_cut(try_fn try, const struct row *r, size_t len)
{
	static const struct clue untouched;
	struct clue c;
	enum extract_answer answer = try_against_wall(try, r, len, &c);
	bool is_stream = r->ctx.transport == EXTRACT_STREAM;

	check_names(r, &c, is_stream && answer == EXTRACT_FOUND);
	if (answer == EXTRACT_NOT_MINE && memcmp(&c, &untouched, sizeof(c)) != 0)
		fail_msg("%s: not mine at %zu, but the clue was touched", r->name, len);
	if (!is_stream)
		return;
	if (answer == EXTRACT_NOT_MINE && r->answer != EXTRACT_NOT_MINE)
		fail_msg("%s: ruled out at %zu", r->name, len);
	if (answer == EXTRACT_FOUND && r->answer != EXTRACT_FOUND)
		fail_msg("%s: found at %zu", r->name, len);
}

/* What was found stays found, with the same names, whatever follows in the stream. */
static inline void check_appended(try_fn try, const struct row *r)
{
	char *more = malloc(r->bytes.len + 64);
	struct row longer = *r;
	struct clue c;

	assert_non_null(more);
	memcpy(more, r->bytes.at, r->bytes.len);
	memset(more + r->bytes.len, 'x', 64);
	longer.bytes = (struct row_text){more, r->bytes.len + 64};
	assert_int_equal(try_against_wall(try, &longer, longer.bytes.len, &c), EXTRACT_FOUND);
	check_names(r, &c, true);
	free(more);
}

static inline void check_row(try_fn try, const struct row *r)
{
	check_whole(try, r);
	for (size_t len = 0; len < r->bytes.len; len++)
		check_cut(try, r, len);
	if (r->answer == EXTRACT_FOUND && r->ctx.transport == EXTRACT_STREAM)
		check_appended(try, r);
}

static inline void check_rows(try_fn try, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(try, &rows[i]);
}
#define CHECK_ROWS(try, rows) check_rows((try), (rows), sizeof(rows) / sizeof((rows)[0]))

/* Random bytes at the beginning of a stream to port: never the extractor's. */
static inline void check_random_is_none(try_fn try, uint16_t port, uint64_t seed, unsigned count)
{
	const struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = port};
	uint64_t bytes[8];

	for (unsigned i = 0; i < count; i++) {
		struct clue c = {.name_count = 0};

		for (size_t n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++)
			bytes[n] = next_random(&seed);
		assert_int_not_equal(try(slice_of(bytes, sizeof(bytes)), &ctx, &c), EXTRACT_FOUND);
	}
}

/* Random payloads: whatever is named must at least be a host name. */
static inline void check_random(try_fn try, const struct extract_context *ctx, uint64_t seed,
				unsigned count)
{
	uint64_t bytes[16];

	for (unsigned i = 0; i < count; i++) {
		size_t len = next_random(&seed) % sizeof(bytes) + 1;
		struct clue c = {.name_count = 0};

		for (size_t at = 0; at * sizeof(bytes[0]) < len; at++)
			bytes[at] = next_random(&seed);
		(void)try(slice_of(bytes, len), ctx, &c);
		for (size_t n = 0; n < c.name_count; n++)
			if (!name_is_host(name_slice(&c.name[n])))
				fail_msg("payload %u named \"%s\"", i, c.name[n].text);
	}
}

#endif
