/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines that are kept: each is read once and in order by who goes on where he was, a gap
 * shows as one, memory stays within its bound; and ids of events read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/event_keep.h"
#include "control/follow.h"

enum { KEPT = 300000, LINES = 40000 };

static void add(struct event_keep *k, uint64_t number, size_t width)
{
	struct text t = {0};

	text_printf(&t, "{\"n\":%llu,\"fill\":\"%0*d\"}\n", (unsigned long long)number, (int)width,
		    0);
	event_keep_add(k, slice_of(t.at, t.len));
	text_clear(&t);
}

/* Reads all that is there after `after`, at most max bytes a time; each line must hold the number
 * it is given. Returns the last number; *lost grows by the gaps. */
static uint64_t read_on(struct event_keep *k, uint64_t after, size_t max, uint64_t *lost)
{
	for (;;) {
		struct text out = {0};
		uint64_t first, next;
		char *at;

		event_keep_read(k, after, max, &out, &first, &next);
		assert_true(first > after);
		*lost += first - 1 - after;
		if (first == next) {
			assert_int_equal(out.len, 0);
			return next - 1;
		}
		at = out.at;
		for (uint64_t n = first; n < next; n++) {
			assert_int_equal(strtoull(at + strlen("{\"n\":"), NULL, 10), n);
			at = strchr(at, '\n') + 1;
		}
		assert_int_equal(at - out.at, out.len);
		after = next - 1;
		text_clear(&out);
	}
}

/* Readers with room of every size see each line once. */
static void lines_are_read_once(void **state)
{
	static const size_t room[] = {1, 40, 1000, 65536, 1048576};
	struct event_keep k;
	uint64_t lost = 0;

	event_keep_init(&k, KEPT);
	for (uint64_t n = 1; n <= 3000; n++)
		add(&k, n, n % 90);
	for (size_t i = 0; i < sizeof(room) / sizeof(room[0]); i++) {
		assert_int_equal(read_on(&k, 0, room[i], &lost), 3000);
		assert_int_equal(read_on(&k, 1234, room[i], &lost), 3000);
		assert_int_equal(read_on(&k, 3000, room[i], &lost), 3000);
	}
	assert_int_equal(lost, 0);
	assert_int_equal(k.unfetched, 0);
	event_keep_clear(&k);
}

static void oldest_are_dropped(void **state)
{
	struct event_keep k;
	uint64_t lost = 0, last = 0, fetched = 0;

	event_keep_init(&k, KEPT);
	for (uint64_t n = 1; n <= LINES; n++) {
		add(&k, n, 80);
		assert_true(k.bytes <= KEPT);
		if (n == LINES / 2)
			fetched = last = read_on(&k, 0, 1048576, &lost);
	}
	assert_int_equal(fetched, LINES / 2);
	assert_int_equal(read_on(&k, last, 1048576, &lost), LINES);
	assert_true(lost > LINES / 2);
	event_keep_clear(&k);
}

/* What was dropped and had not been fetched is counted, and what had been is not. */
static void unfetched_are_counted(void **state)
{
	struct event_keep k;
	uint64_t lost = 0;

	event_keep_init(&k, 100000);
	for (uint64_t n = 1; n <= 500; n++)
		add(&k, n, 80);
	read_on(&k, 0, 1048576, &lost);
	assert_int_equal(lost, 0);
	for (uint64_t n = 501; n <= 10000; n++)
		add(&k, n, 80);
	read_on(&k, 500, 1048576, &lost);
	assert_int_equal(k.unfetched, lost);
	assert_true(lost > 8000);
	event_keep_clear(&k);
}

static void gaps_are_seen(void **state)
{
	struct event_keep k;
	uint64_t lost = 0, first, next;
	struct text out = {0};

	event_keep_init(&k, KEPT);
	event_keep_skip(&k, 5);
	for (uint64_t n = 6; n <= 10; n++)
		add(&k, n, 3);
	event_keep_skip(&k, 7);
	for (uint64_t n = 18; n <= 20; n++)
		add(&k, n, 3);
	event_keep_skip(&k, 1);
	assert_int_equal(read_on(&k, 0, 1048576, &lost), 21);
	assert_int_equal(lost, 13);
	/* A number that was never given: the answer lies before it. */
	event_keep_read(&k, 1000, 1, &out, &first, &next);
	assert_int_equal(first, 22);
	assert_int_equal(next, 22);
	assert_int_equal(out.len, 0);
	event_keep_clear(&k);
}

static void long_lines(void **state)
{
	struct event_keep k;
	uint64_t lost = 0;

	event_keep_init(&k, KEPT);
	add(&k, 1, 100000);
	add(&k, 2, 10);
	add(&k, 3, 70000);
	assert_int_equal(read_on(&k, 0, 10, &lost), 3);
	assert_int_equal(lost, 0);
	add(&k, 4, KEPT + 1); /* more than all room: it stands alone */
	assert_int_equal(read_on(&k, 3, 10, &lost), 4);
	assert_int_equal(lost, 0);
	event_keep_clear(&k);
}

static void ids(void **state)
{
	static const char *const bad[] = {"",
					  "new",
					  "1-2",
					  "9f86d081884c7d65",
					  "9f86d081884c7d65-",
					  "9f86d081884c7d65-+1",
					  "9f86d081884c7d65- 1",
					  "9f86d081884c7d65-01",
					  "9F86D081884C7D65-1",
					  "9f86d081884c7d65-1x",
					  "9f86d081884c7d65-99999999999999999999",
					  "-f86d081884c7d65-1",
					  "9f86d081884c7d651-1"};
	struct follow_id id = {7, 7};
	char text[FOLLOW_ID_MAX];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (follow_id_parse(bad[i], &id) != -EINVAL || id.number != 7)
			fail_msg("\"%s\" is read as an id", bad[i]);
	assert_int_equal(follow_id_parse("9f86d081884c7d65-18446744073709551615", &id), 0);
	assert_true(id.instance == 0x9f86d081884c7d65 && id.number == UINT64_MAX);
	assert_string_equal(follow_id_format(&id, text), "9f86d081884c7d65-18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_once),
		cmocka_unit_test(oldest_are_dropped),
		cmocka_unit_test(unfetched_are_counted),
		cmocka_unit_test(gaps_are_seen),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
