/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A stream read as the engine reads a lane, a byte at a time: messages of one extractor, and of TLS
 * where anything may begin. What it names in the end must be the same however the stream is cut.
 */
#ifndef UNIT_EXTRACT_WALK_H
#define UNIT_EXTRACT_WALK_H

#include "extract_rows.h"
#include "hello_bytes.h"

struct walk {
	try_fn try;
	struct extract_context ctx;
	size_t off;
	bool is_any, is_over; /* anything may begin; nothing is in play */
	enum app_proto first; /* what the first message was */
	struct clue all;      /* the names of all messages; its proto is the last one's */
};

static inline void walk_take(struct walk *w, const struct clue *c)
{
	for (size_t i = 0; i < c->name_count; i++)
		clue_add_name(&w->all, name_slice(&c->name[i]));
	w->all.proto = c->proto;
	if (w->first == PROTO_NONE)
		w->first = c->proto;
	if (w->ctx.flow_proto == PROTO_NONE)
		w->ctx.flow_proto = c->proto;
	w->off += c->consumed;
	w->is_any = c->then == CLUE_THEN_ANY;
	w->is_over = c->then == CLUE_THEN_END || !c->consumed;
}

/* One more message, if it is there. */
static inline bool walk_step(struct walk *w, struct slice rest, struct clue *c)
{
	enum extract_answer answer = EXTRACT_NOT_MINE, tls = EXTRACT_NOT_MINE;

	memset(c, 0, sizeof(*c));
	if (w->is_any)
		tls = tls_try(rest, &w->ctx, c);
	if (tls == EXTRACT_FOUND)
		return true;
	memset(c, 0, sizeof(*c));
	answer = w->try(rest, &w->ctx, c);
	w->is_over = answer == EXTRACT_NOT_MINE && tls == EXTRACT_NOT_MINE;
	return answer == EXTRACT_FOUND;
}

static inline void walk_to(struct walk *w, const uint8_t *at, size_t len)
{
	struct clue c;

	while (!w->is_over && w->off < len && walk_step(w, slice_of(at + w->off, len - w->off), &c))
		walk_take(w, &c);
}

/* Reads the bytes and, behind them, a hello that names www.ntop.org. step: bytes at a time. */
static inline void walk_hello(struct walk *w, struct row_text head, size_t step)
{
	size_t len = head.len + sizeof(hello_curl);
	uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	memcpy(bytes, head.at, head.len);
	memcpy(bytes + head.len, hello_curl, sizeof(hello_curl));
	w->is_any = true;
	for (size_t end = step < len ? step : len; end < len; end += step)
		walk_to(w, bytes, end);
	walk_to(w, bytes, len);
	free(bytes);
}

/* A beginning of a client's stream, and what it was and named besides the hello's name. */
struct walk_row {
	const char *name;
	struct row_text head;
	struct extract_context ctx;
	enum app_proto first;
	struct row_text also; /* one more name, in front of the hello's; or none */
};

static inline void check_walk(try_fn try, const struct walk_row *r)
{
	static const size_t steps[] = {1, 2, 3, 7, 64, SIZE_MAX};
	unsigned count = r->also.at ? 2 : 1;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct walk w = {.try = try, .ctx = r->ctx};

		walk_hello(&w, r->head, steps[i]);
		if (w.first != r->first || w.all.name_count != count ||
		    strcmp(w.all.name[count - 1].text, "www.ntop.org") != 0 ||
		    (r->also.at && strcmp(w.all.name[0].text, r->also.at) != 0))
			fail_msg("%s: by %zu: first %d, %u names, last \"%s\", at %zu", r->name,
				 steps[i], w.first, w.all.name_count,
				 w.all.name_count ? w.all.name[w.all.name_count - 1].text : "",
				 w.off);
	}
}

static inline void check_walks(try_fn try, const struct walk_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_walk(try, &rows[i]);
}
#define CHECK_WALKS(try, rows) check_walks((try), (rows), sizeof(rows) / sizeof((rows)[0]))

/* All tests of an extractor that leads to TLS: its rows, its walks, and random bytes to a port. */
#define WALKED_MAIN(try, port, seed)                                \
	static void each_row(void **state)                          \
	{                                                           \
		CHECK_ROWS(try, rows);                              \
	}                                                           \
                                                                    \
	static void each_walk(void **state)                         \
	{                                                           \
		CHECK_WALKS(try, walks);                            \
	}                                                           \
                                                                    \
	static void random_payloads_are_none(void **state)          \
	{                                                           \
		check_random_is_none(try, port, seed, 1000000);     \
	}                                                           \
                                                                    \
	int main(void)                                              \
	{                                                           \
		const struct CMUnitTest tests[] = {                 \
			cmocka_unit_test(each_row),                 \
			cmocka_unit_test(each_walk),                \
			cmocka_unit_test(random_payloads_are_none), \
		};                                                  \
                                                                    \
		return cmocka_run_group_tests(tests, NULL, NULL);   \
	}

#endif
