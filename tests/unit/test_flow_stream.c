/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The reassembler: a known text, cut, shuffled, overlapped and repeated by seeded chance, always
 * comes out as it went in; contradictions leave two views; nothing grows past its bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "dpi/abi.h"
#include "flow/stream.h"
#include "support.h"

enum { TEXT_MAX = 70000 };

static uint8_t text[TEXT_MAX];

static void fill_text(uint64_t seed)
{
	for (size_t i = 0; i < TEXT_MAX; i++)
		text[i] = (uint8_t)next_random(&seed);
}

static void expect_view(const struct stream *s, int view, const void *bytes, size_t len)
{
	struct slice v = stream_view(s, view);

	assert_int_equal(v.len, len);
	if (len)
		assert_memory_equal(v.at, bytes, len);
}

/* Pieces in any order, overlapping and repeated; with the first number known or not, and near the
 * wrap at 2^32. */
static void any_order_gives_the_text(void **state)
{
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		uint64_t r = seed;
		size_t len = 1 + next_random(&r) % 3000, count = 0;
		uint32_t isn = seed % 3 ? next_random(&r) * 2 : 0U - next_random(&r) % 3000;
		bool has_isn = seed % 2, is_whole = false;
		struct stream *s = stream_new();
		struct {
			size_t from, len;
		} piece[600];

		fill_text(seed);
		for (size_t at = 0; at < len && count < 300;) {
			size_t n = 1 + next_random(&r) % (seed % 5 ? 200 : 12);

			n = count == 299 || n > len - at ? len - at : n;
			piece[count].from = at;
			piece[count++].len = n;
			at += n;
		}
		for (size_t i = 0, extra = next_random(&r) % 20; i < extra; i++) {
			size_t from = next_random(&r) % len;

			piece[count].from = from;
			piece[count++].len = 1 + next_random(&r) % (len - from);
		}
		/* At most 60 places from where it was, so that the gap limit is not met. */
		for (size_t i = 0; i + 1 < count; i++) {
			size_t span = count - i < 60 ? count - i : 60;
			size_t j = i + next_random(&r) % span, from = piece[i].from,
			       n = piece[i].len;

			piece[i] = piece[j];
			piece[j].from = from;
			piece[j].len = n;
		}
		if (has_isn)
			stream_set_isn(s, isn);
		for (size_t i = 0; i < count; i++) {
			size_t before = stream_view(s, 0).len;
			int change = stream_add(s, isn + 1 + (uint32_t)piece[i].from,
						slice_of(text + piece[i].from, piece[i].len));

			assert_true(change >= 0);
			assert_false(change & STREAM_CONFLICT);
			assert_false(has_isn && (change & STREAM_REBASED));
			if (!(change & STREAM_REBASED))
				assert_int_equal(!!(change & STREAM_GREW),
						 stream_view(s, 0).len > before);
		}
		is_whole = stream_view(s, 0).len == len;
		if (!is_whole)
			print_message("seed %llu\n", (unsigned long long)seed);
		assert_true(is_whole);
		expect_view(s, 0, text, len);
		expect_view(s, 1, NULL, 0);
		assert_int_equal(stream_next_seq(s), (uint32_t)(isn + 1 + len));
		assert_false(stream_is_over(s));
		stream_free(s);
	}
}

/* A receiver as Linux is (tcp_data_queue and its out-of-order queue), segment by segment. */
enum { RECEIVER_LEN = 200, RECEIVER_SEGMENTS = 64 };

struct receiver {
	uint8_t text[RECEIVER_LEN];
	size_t front; /* delivered */
	struct waiting {
		size_t from, to;
		uint8_t bytes[RECEIVER_LEN];
	} waiting[RECEIVER_SEGMENTS]; /* by where they begin */
	size_t count;
};

static void receiver_deliver(struct receiver *r, size_t from, size_t to, const uint8_t *bytes)
{
	for (size_t at = r->front; at < to; at++)
		r->text[at] = bytes[at - from];
	if (to > r->front)
		r->front = to;
}

static void receiver_drop(struct receiver *r, size_t i)
{
	r->count--;
	memmove(&r->waiting[i], &r->waiting[i + 1], (r->count - i) * sizeof(r->waiting[0]));
}

static void receiver_take(struct receiver *r, size_t from, size_t len, const uint8_t *bytes)
{
	size_t to = from + len, i = 0;

	if (from <= r->front) {
		receiver_deliver(r, from, to, bytes);
		while (r->count && r->waiting[0].from <= r->front) {
			receiver_deliver(r, r->waiting[0].from, r->waiting[0].to,
					 r->waiting[0].bytes);
			receiver_drop(r, 0);
		}
		return;
	}
	for (size_t k = 0; k < r->count; k++)
		if (r->waiting[k].from <= from && r->waiting[k].to >= to)
			return; /* covered */
	for (size_t k = r->count; k-- > 0;)
		if (r->waiting[k].from >= from && r->waiting[k].to <= to)
			receiver_drop(r, k);
	assert_true(r->count < RECEIVER_SEGMENTS);
	while (i < r->count && r->waiting[i].from <= from)
		i++;
	memmove(&r->waiting[i + 1], &r->waiting[i], (r->count - i) * sizeof(r->waiting[0]));
	r->waiting[i].from = from;
	r->waiting[i].to = to;
	memcpy(r->waiting[i].bytes, bytes, len);
	r->count++;
}

/* Every byte of two streams in conflict is accounted for by a model that keeps whole arrays. */
static void conflicts_equal_the_model(void **state)
{
	enum { LEN = RECEIVER_LEN };
	static struct receiver linux_like;

	for (uint64_t seed = 1; seed <= 3000; seed++) {
		uint64_t r = seed;
		uint8_t model[2][LEN];
		bool have[LEN] = {false}, is_split = false;
		struct stream *s = stream_new();
		size_t front = 0;

		linux_like.front = linux_like.count = 0;
		stream_set_isn(s, 0xffffff80);
		for (int i = 0; i < 30; i++) {
			size_t from = next_random(&r) % LEN, n = 1 + next_random(&r) % (LEN - from);
			bool differs = false;
			uint8_t bytes[LEN];
			int change;

			n = n > 40 ? 40 : n;
			for (size_t k = 0; k < n; k++) {
				size_t at = from + k;

				/* Mostly the text, now and then something else. */
				bytes[k] = (uint8_t)(at + (next_random(&r) % 100 == 0));
				differs |= have[at] && bytes[k] != model[is_split ? 1 : 0][at];
			}
			if (differs && !is_split) {
				memcpy(model[1], model[0], LEN);
				is_split = true;
			}
			for (size_t k = 0; k < n; k++) {
				size_t at = from + k;

				if (!have[at])
					model[0][at] = bytes[k];
				if (is_split)
					model[1][at] = bytes[k];
				have[at] = true;
			}
			change = stream_add(s, 0xffffff81 + (uint32_t)from, slice_of(bytes, n));
			receiver_take(&linux_like, from, n, bytes);
			/* A segment like the last one may still differ from the third view. */
			assert_true(!differs || (change & STREAM_CONFLICT));
			assert_true(is_split || !(change & STREAM_CONFLICT));
			while (front < LEN && have[front])
				front++;
			expect_view(s, 0, model[0], front);
			expect_view(s, 1, model[1], is_split ? front : 0);
			assert_int_equal(linux_like.front, front);
			expect_view(s, 2, linux_like.text, is_split ? front : 0);
		}
		stream_free(s);
	}
}

static void earlier_segment_moves_the_beginning(void **state)
{
	struct stream *s = stream_new();

	assert_int_equal(stream_add(s, 1000, slice_text("world")), STREAM_GREW);
	assert_int_equal(stream_add(s, 994, slice_text("hello ")), STREAM_GREW | STREAM_REBASED);
	expect_view(s, 0, "hello world", 11);
	assert_int_equal(stream_add(s, 980, slice_text("far")), STREAM_REBASED);
	expect_view(s, 0, "far", 3);
	/* Further than the window: not the same stream any more. */
	assert_int_equal(stream_add(s, 980U - DPI_BUDGET_BYTES - 1, slice_text("x")), STREAM_SAME);
	assert_true(stream_is_over(s));
	expect_view(s, 0, "far", 3);
	stream_free(s);
}

static void late_isn_cuts_or_moves(void **state)
{
	struct stream *s = stream_new();

	stream_add(s, 100, slice_text("xxxxhello"));
	stream_set_isn(s, 103);
	expect_view(s, 0, "hello", 5);
	stream_set_isn(s, 90); /* only the first counts */
	expect_view(s, 0, "hello", 5);
	assert_int_equal(stream_add(s, 109, slice_text("!")), STREAM_GREW | STREAM_REBASED);
	assert_int_equal(stream_add(s, 100, slice_text("yyyyhel")), STREAM_SAME);
	expect_view(s, 0, "hello!", 6);
	stream_free(s);

	s = stream_new();
	stream_add(s, 105, slice_text("world"));
	stream_set_isn(s, 99);
	expect_view(s, 0, NULL, 0);
	assert_int_equal(stream_add(s, 100, slice_text("hello")), STREAM_GREW | STREAM_REBASED);
	expect_view(s, 0, "helloworld", 10);
	stream_free(s);

	s = stream_new();
	stream_add(s, 100, slice_text("decoy"));
	stream_set_isn(s, 0x40000000);
	assert_int_equal(stream_add(s, 0x40000001, slice_text("real")),
			 STREAM_GREW | STREAM_REBASED);
	expect_view(s, 0, "real", 4);
	stream_free(s);
}

static const struct {
	const char *proves;
	struct {
		uint32_t off;
		const char *bytes;
	} add[4];
	const char *first, *later;
} rows[] = {
	{"bytes left of the beginning are cut", {{-4U, "xxxxhello"}}, "hello", ""},
	{"a repeat is no conflict", {{0, "hello"}, {0, "hello"}, {2, "llo!"}}, "hello!", ""},
	{"same place, other bytes: two views",
	 {{4, "FAKE"}, {4, "real"}, {0, "head"}},
	 "headFAKE",
	 "headreal"},
	{"short fake, longer real", {{6, "xx"}, {4, "real"}, {0, "head"}}, "headrexx", "headreal"},
	{"garbage in front of the later piece", {{2, "xxld"}, {0, "cold"}}, "coxxld", "coldld"},
	{"the latest of three wins in view 1", {{0, "aaa"}, {0, "bbb"}, {0, "ccc"}}, "aaa", "ccc"},
	{"past the window is not stored", {{10000000, "x"}, {0, "hello"}}, "hello", ""},
	{"the last byte of the window is", {{DPI_BUDGET_BYTES - 1, "xy"}, {0, "a"}}, "a", ""},
	{"a gap hides what lies behind it", {{0, "he"}, {3, "lo"}}, "he", ""},
};

static void segments_give_views(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stream *s = stream_new();

		print_message("%s\n", rows[i].proves);
		stream_set_isn(s, 0xfffffffd);
		for (int k = 0; k < 4 && rows[i].add[k].bytes; k++)
			assert_true(stream_add(s, 0xfffffffe + rows[i].add[k].off,
					       slice_text(rows[i].add[k].bytes)) >= 0);
		expect_view(s, 0, rows[i].first, strlen(rows[i].first));
		expect_view(s, 1, rows[i].later, strlen(rows[i].later));
		stream_free(s);
	}
}

static void window_and_gaps_are_bounded(void **state)
{
	struct stream *s = stream_new();

	fill_text(7);
	stream_set_isn(s, 0);
	stream_add(s, 1, slice_of(text, TEXT_MAX));
	assert_true(stream_is_over(s));
	expect_view(s, 0, text, DPI_BUDGET_BYTES);
	assert_int_equal(stream_add(s, 1 + DPI_BUDGET_BYTES, slice_text("x")), STREAM_SAME);
	stream_free(s);

	/* More islands than are kept: the nearer ones stay, so the beginning can still be told. */
	s = stream_new();
	stream_set_isn(s, 0);
	for (uint32_t i = 0; i < STREAM_GAPS_MAX; i++)
		assert_int_equal(stream_add(s, 11 + 2 * i, slice_of(text + 10 + 2 * i, 1)), 0);
	assert_false(stream_is_over(s));
	stream_add(s, 1001, slice_of(text + 1000, 1));
	assert_true(stream_is_over(s));
	assert_int_equal(stream_add(s, 1, slice_of(text, 1)), STREAM_GREW);
	assert_int_equal(stream_add(s, 1, slice_of(text, 200)), STREAM_GREW);
	expect_view(s, 0, text, 200);
	stream_free(s);
}

/* Backwards a byte at a time through the whole window, with no beginning known. */
static void backwards_costs_no_more(void **state)
{
	clock_t start = clock();

	fill_text(9);
	for (int round = 0; round < 20; round++) {
		struct stream *s = stream_new();

		for (uint32_t i = DPI_BUDGET_BYTES; i-- > 0;)
			stream_add(s, 5000 + i, slice_of(text + i, 1));
		expect_view(s, 0, text, DPI_BUDGET_BYTES);
		stream_free(s);
	}
	/* 1.3 million single bytes; quadratic would be minutes. */
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20);
}

static void expect_alike(const struct stream *a, const struct stream *b)
{
	assert_int_equal(stream_next_seq(a), stream_next_seq(b));
	assert_int_equal(stream_base(a), stream_base(b));
	assert_int_equal(stream_is_over(a), stream_is_over(b));
	for (int v = 0; v < STREAM_VIEWS; v++)
		expect_view(a, v, stream_view(b, v).at, stream_view(b, v).len);
}

/* Whatever comes, one in memory of its own that is moved about, and one of shared memory, hold what
 * any other does; and so does a copy. */
static void memory_changes_nothing(void **state)
{
	struct stream_memory memory;
	struct pages pages = {0};

	stream_memory_init(&memory, &pages);
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		uint64_t r = seed;
		uint32_t isn = next_random(&r);
		uint32_t span = seed % 7 ? 100 + next_random(&r) % 6000 : DPI_BUDGET_BYTES;
		struct stream *plain = stream_new(), *copy;
		struct stream place[2], *moved = &place[0];

		fill_text(seed);
		stream_init(moved, &memory);
		for (int i = 0; i < 100; i++) {
			uint32_t from = next_random(&r) % span;
			size_t len = 1 + next_random(&r) % (seed % 3 ? 300 : 1460);
			size_t shift = next_random(&r) % 8 ? 0 : 1; /* other bytes */
			struct slice bytes = slice_of(text + from + shift, len);

			if (i == (int)(seed % 150)) {
				stream_set_isn(plain, isn);
				stream_set_isn(moved, isn);
			}
			assert_int_equal(stream_add(plain, isn + 1 + from, bytes),
					 stream_add(moved, isn + 1 + from, bytes));
			place[!(moved - place)] = *moved;
			moved = &place[!(moved - place)];
			expect_alike(moved, plain);
		}
		copy = stream_copy(moved);
		expect_alike(copy, plain);
		stream_free(copy);
		stream_hollow(moved);
		stream_hollow(plain);
		expect_alike(moved, plain);
		stream_clear(moved);
		stream_free(plain);
	}
	stream_memory_clear(&memory);
	pages_clear(&pages);
}

/* Bytes of any number have a buffer that holds them: neighbours leave each other alone. */
static void any_length_fits(void **state)
{
	struct stream_memory memory;
	struct pages pages = {0};

	stream_memory_init(&memory, &pages);
	fill_text(1);
	for (size_t len = 1; len <= POOL_SIZE_MAX + 2; len++) {
		struct stream s[3];

		for (int i = 0; i < 3; i++) {
			stream_init(&s[i], &memory);
			assert_int_equal(stream_add(&s[i], 1, slice_of(text + i, len)),
					 STREAM_GREW);
		}
		for (int i = 0; i < 3; i++) {
			expect_view(&s[i], 0, text + i, len);
			stream_clear(&s[i]);
		}
	}
	stream_memory_clear(&memory);
	pages_clear(&pages);
}

/* The way past the common case is the same as through it. */
static void passing_is_adding(void **state)
{
	unsigned passed = 0;

	fill_text(7);
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		uint64_t r = seed;
		uint32_t isn = seed % 2 ? next_random(&r) : 0U - next_random(&r) % 3000;
		struct stream *a = stream_new(), *b = stream_new();

		if (seed % 3)
			stream_set_isn(a, isn);
		if (seed % 3)
			stream_set_isn(b, isn);
		for (int i = 0; i < 60; i++) {
			uint32_t next = stream_next_seq(a);
			uint32_t seq = next_random(&r) % 4 ? next
							   : isn + next_random(&r) % 70000 - 1000;
			struct slice bytes = slice_of(text, next_random(&r) % 3000);
			int change = stream_add(a, seq, bytes);

			if (stream_pass(b, seq, bytes.len)) {
				assert_int_equal(change, bytes.len ? STREAM_GREW : STREAM_SAME);
				passed++;
			} else {
				assert_int_equal(change, stream_add(b, seq, bytes));
			}
			expect_alike(a, b);
			if (i == (int)(seed % 20)) {
				stream_hollow(a);
				stream_hollow(b);
			}
		}
		stream_free(a);
		stream_free(b);
	}
	assert_true(passed > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_text),
		cmocka_unit_test(conflicts_equal_the_model),
		cmocka_unit_test(earlier_segment_moves_the_beginning),
		cmocka_unit_test(late_isn_cuts_or_moves),
		cmocka_unit_test(segments_give_views),
		cmocka_unit_test(window_and_gaps_are_bounded),
		cmocka_unit_test(backwards_costs_no_more),
		cmocka_unit_test(memory_changes_nothing),
		cmocka_unit_test(any_length_fits),
		cmocka_unit_test(passing_is_adding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
