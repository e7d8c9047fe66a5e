/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A capture that is memory, and whose file is cut short while it is read: what is still given, how
 * that ends, and whether what was given before is known to be lost.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "pcap/capture_in.h"
#include "pcap/guard.h"

enum { HEAD = 24, RECORD = 16 + 96, COUNT = 40000 };

static struct capture_guard guard; /* the handler's */

static void on_lost_page(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	if (!capture_guard_catch(&guard, info->si_addr))
		signal(SIGBUS, SIG_DFL);
}

/* A file of COUNT records of RECORD bytes; is_empty: of as many bytes, all records without any. */
static FILE *make_file(bool is_empty)
{
	uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 0, 1};
	uint32_t record[RECORD / 4] = {1, 1, RECORD - 16, RECORD - 16};
	FILE *f = tmpfile();

	assert_non_null(f);
	memset(record + 4, 0xab, sizeof(record) - 16);
	assert_int_equal(fwrite(head, sizeof(head), 1, f), 1);
	if (is_empty)
		memset(record, 0, sizeof(record)); /* seven records without a byte */
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(fwrite(record, sizeof(record), 1, f), 1);
	assert_int_equal(fflush(f), 0);
	return f;
}

static struct capture_in *open_mapped(FILE *f)
{
	struct sigaction lost = {.sa_sigaction = on_lost_page, .sa_flags = SA_SIGINFO};
	struct capture_in *in = NULL;
	struct fault fault;
	char path[64];

	assert_int_equal(sigaction(SIGBUS, &lost, NULL), 0); /* each test begins with cmocka's */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(f));
	assert_int_equal(capture_in_open(path, NULL, &in, &fault), 0);
	capture_in_map(in, &guard);
	assert_true(capture_in_is_lasting(in));
	return in;
}

/* Takes so many frames, or all of them to the end, up to so many at a time (1: by
 * capture_in_next()). Returns what ended it, or 1; counts in *frames. */
static int take(struct capture_in *in, size_t row, size_t most, size_t *frames, struct fault *f)
{
	struct capture_record r[64];
	struct capture_room room = {r, sizeof(r[0]), row, SIZE_MAX};
	size_t count = 1;
	int n = 1;

	while (*frames < most) {
		room.records = row < most - *frames ? row : most - *frames;
		n = row == 1 ? capture_in_next(in, r, f) : capture_in_take(in, &room, &count, f);
		for (size_t i = 0; n == 1 && i < count; i++)
			*frames += r[i].is_frame;
		if (n != 1)
			break;
	}
	return n;
}

static void a_file_cut_short_ends_there_or_is_known_to_be_lost(void **state)
{
	static const struct {
		const char *name;
		size_t taken; /* before the cut */
		size_t keep;  /* bytes */
		int end, check;
		size_t frames; /* given in all */
	} rows[] = {
		{"not cut", 10, HEAD + (size_t)COUNT * RECORD, 0, 0, COUNT},
		{"far ahead, between records", 10, HEAD + 30000 * RECORD, -EBADMSG, 0, 30000},
		{"far ahead, in a head", 10, HEAD + 30000 * RECORD + 7, -EBADMSG, 0, 30000},
		{"just behind what was taken", 5000, HEAD + 5000 * RECORD, -EBADMSG, 0, 5000},
		{"inside what was taken", 5000, HEAD + 5000 * RECORD - 1, -EBADMSG, -EIO, 5000},
		{"long before what was taken", 5000, HEAD + 9 * RECORD, -EBADMSG, -EIO, 5000},
		{"to nothing", 5000, 0, -EBADMSG, -EIO, 5000},
	};

	(void)state;
	for (size_t k = 0; k < 2 * sizeof(rows) / sizeof(rows[0]); k++) {
		size_t i = k / 2, row = k % 2 ? 64 : 1;
		FILE *f = make_file(false);
		struct capture_in *in = open_mapped(f);
		struct fault fault = {""};
		size_t frames = 0;
		int end, check;

		assert_int_equal(take(in, row, rows[i].taken, &frames, &fault), 1);
		assert_int_equal(ftruncate(fileno(f), (off_t)rows[i].keep), 0);
		end = take(in, row, SIZE_MAX, &frames, &fault);
		check = capture_in_check(in, &fault);
		if (end != rows[i].end || check != rows[i].check || frames != rows[i].frames)
			fail_msg("%s, %zu at a time: end %d, check %d, %zu frames", rows[i].name,
				 row, end, check, frames);
		if (end || check)
			assert_non_null(strstr(fault.text, "became shorter"));
		capture_in_close(in);
		fclose(f);
	}
}

static void a_record_that_lost_its_bytes_is_known_to_be_lost(void **state)
{
	FILE *f = make_file(false);
	struct capture_in *in = open_mapped(f);
	struct fault fault = {""};
	size_t frames = 0;

	(void)state;
	assert_int_equal(take(in, 64, 10, &frames, &fault), 1);
	/* The page that the file now ends in holds this record's head, and zeros behind. */
	assert_int_equal(ftruncate(fileno(f), HEAD + 30000 * RECORD + 20), 0);
	assert_int_equal(take(in, 64, SIZE_MAX, &frames, &fault), -EBADMSG);
	assert_int_equal(capture_in_check(in, &fault), frames == 30000 ? 0 : -EIO);
	assert_in_range(frames, 30000, 30001);
	capture_in_close(in);
	fclose(f);
}

static void records_without_a_byte_are_not_taken_for_lost(void **state)
{
	FILE *f = make_file(true);
	struct capture_in *in = open_mapped(f);
	struct fault fault = {""};
	size_t frames = 0;

	(void)state;
	assert_int_equal(take(in, 64, SIZE_MAX, &frames, &fault), 0);
	assert_int_equal(frames, (size_t)COUNT * (RECORD / 16));
	assert_int_equal(capture_in_check(in, &fault), 0);
	capture_in_close(in);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_cut_short_ends_there_or_is_known_to_be_lost),
		cmocka_unit_test(a_record_that_lost_its_bytes_is_known_to_be_lost),
		cmocka_unit_test(records_without_a_byte_are_not_taken_for_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
