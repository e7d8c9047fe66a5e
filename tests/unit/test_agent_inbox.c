/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The inbox: what is put in comes out once, whole and in order, from any number of threads; what
 * does not fit is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inbox.h"

enum { SENDERS = 4, SENT = 3000 };

/* What came out. */
struct seen {
	uint64_t count, bytes;
	uint64_t next[SENDERS]; /* the number that each sender's next frame must have */
	uint8_t flags;
	struct frame last;
	struct frame_fragment fragment;
	uint8_t copy[3][64];
};

static void take(void *ctx, const struct frame *f, uint8_t flags)
{
	struct seen *s = ctx;

	s->count++;
	s->bytes += f->bytes.len;
	s->flags = flags;
	s->last = *f;
	if (f->bytes.len <= 64)
		memcpy(s->copy[0], f->bytes.at, f->bytes.len);
	if (!f->fragment)
		return;
	s->fragment = *f->fragment;
	for (int v = 0; v < 2; v++)
		if (f->fragment->whole[v].len && f->fragment->whole[v].len <= 64)
			memcpy(s->copy[1 + v], f->fragment->whole[v].at, f->fragment->whole[v].len);
}

static void test_copies(void **state)
{
	struct inbox *b = inbox_new();
	struct seen s = {0};
	char bytes[] = "the frame", first[] = "one reading", last[] = "the other";
	struct frame_fragment fragment = {
		.has_flow = true,
		.dir = 1,
		.is_refused = true,
		.whole = {slice_of(first, 11), slice_of(last, 9)},
	};
	struct frame f = {
		.ts_ns = 5,
		.number = 6,
		.wire_len = 70,
		.bytes = slice_of(bytes, 9),
		.fragment = &fragment,
	};

	assert_false(inbox_has(b));
	assert_true(inbox_put(b, &f, 3));
	/* What was put in may be gone by the time it is taken. */
	memset(bytes, 'x', sizeof(bytes));
	memset(first, 'x', sizeof(first));
	memset(last, 'x', sizeof(last));
	memset(&fragment, 0, sizeof(fragment));
	assert_true(inbox_has(b));
	inbox_drain(b, take, &s);
	assert_false(inbox_has(b));
	assert_int_equal(s.count, 1);
	assert_int_equal(s.flags, 3);
	assert_int_equal(s.last.ts_ns, 5);
	assert_int_equal(s.last.wire_len, 70);
	assert_memory_equal(s.copy[0], "the frame", 9);
	assert_true(s.fragment.has_flow && s.fragment.is_refused && s.fragment.dir == 1);
	assert_int_equal(s.fragment.whole[0].len, 11);
	assert_int_equal(s.fragment.whole[1].len, 9);
	assert_memory_equal(s.copy[1], "one reading", 11);
	assert_memory_equal(s.copy[2], "the other", 9);
	inbox_drain(b, take, &s);
	assert_int_equal(s.count, 1);
	inbox_free(b);
}

static void test_is_bounded(void **state)
{
	static const uint8_t bytes[60000];
	struct inbox *b = inbox_new();
	struct frame f = {.bytes = slice_of(bytes, sizeof(bytes))};
	struct seen s = {0};
	unsigned put = 0;

	while (put < 1000 && inbox_put(b, &f, 0))
		put++;
	assert_in_range(put, 10, 100);
	assert_false(inbox_put(b, &f, 0));
	inbox_drain(b, take, &s);
	assert_int_equal(s.count, put);
	assert_null(s.last.fragment);
	assert_true(inbox_put(b, &f, 0));
	inbox_drain(b, take, &s);
	assert_int_equal(s.count, put + 1);
	inbox_free(b);
}

struct sender {
	struct inbox *b;
	uint32_t id;
	pthread_t thread;
	uint64_t bytes;
};

static void *send_all(void *ctx)
{
	static const uint8_t bytes[1500];
	struct sender *s = ctx;

	for (uint64_t i = 0; i < SENT;) {
		struct frame f = {
			.number = i, .ifindex = s->id, .bytes = slice_of(bytes, (i * 7) % 1500)};

		if (!inbox_put(s->b, &f, (uint8_t)s->id))
			continue;
		s->bytes += f.bytes.len;
		i++;
	}
	return NULL;
}

static void take_next(void *ctx, const struct frame *f, uint8_t flags)
{
	struct seen *s = ctx;

	assert_true(f->ifindex < SENDERS);
	assert_int_equal(flags, f->ifindex);
	assert_int_equal(f->number, s->next[f->ifindex]++);
	s->count++;
	s->bytes += f->bytes.len;
}

static void test_threads(void **state)
{
	struct inbox *b = inbox_new();
	struct sender sender[SENDERS];
	struct seen s = {0};
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < SENDERS; i++) {
		sender[i] = (struct sender){.b = b, .id = i};
		assert_int_equal(pthread_create(&sender[i].thread, NULL, send_all, &sender[i]), 0);
	}
	while (s.count < SENDERS * SENT)
		inbox_drain(b, take_next, &s);
	for (uint32_t i = 0; i < SENDERS; i++) {
		pthread_join(sender[i].thread, NULL);
		bytes += sender[i].bytes;
	}
	assert_int_equal(s.bytes, bytes);
	assert_false(inbox_has(b));
	inbox_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_is_bounded),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("agent inbox", tests, NULL, NULL);
}
