/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Outputs appear whole or not at all: names, the .part beside them, refusals, and a disk that fills
 * up (a file size limit stands in for it) at every size.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "pcap/capture_out.h"

struct place {
	char dir[64], out[96], part[96], other[96];
};

static void place_make(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_capture_out.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->out, sizeof(p->out), "%s/out", p->dir);
	snprintf(p->part, sizeof(p->part), "%s/out.part", p->dir);
	snprintf(p->other, sizeof(p->other), "%s/other", p->dir);
}

static void place_remove(const struct place *p)
{
	unlink(p->out);
	unlink(p->part);
	unlink(p->other);
	assert_int_equal(rmdir(p->dir), 0); /* nothing else was left behind */
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void a_whole_file_gets_its_name_at_the_end(void **state)
{
	struct capture_out *o = NULL;
	struct fault f;
	struct place p;

	(void)state;
	place_make(&p);
	write_file(p.out, "what was there before");
	assert_int_equal(capture_out_open(p.out, &o, &f), 0);
	assert_int_equal(capture_out_write(o, slice_text("head"), false), 0);
	assert_int_equal(capture_out_write(o, slice_text("record"), true), 0);
	assert_int_equal(capture_out_flush(o), 0);
	assert_int_equal(size_of(p.out), 21);
	assert_int_equal(size_of(p.part), 10);
	assert_int_equal(capture_out_finish(o, &f), 0);
	assert_int_equal(size_of(p.out), 10);
	assert_int_equal(size_of(p.part), -1);
	place_remove(&p);
}

static void an_abandoned_file_leaves_nothing(void **state)
{
	struct capture_out *o = NULL;
	struct fault f;
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(capture_out_open(p.out, &o, &f), 0);
	assert_int_equal(capture_out_write(o, slice_text("record"), true), 0);
	capture_out_abandon(o);
	assert_int_equal(size_of(p.out), -1);
	assert_int_equal(size_of(p.part), -1);
	capture_out_abandon(NULL);
	place_remove(&p);
}

static void the_input_is_never_written_to(void **state)
{
	struct fault f;
	struct place p;

	(void)state;
	place_make(&p);
	write_file(p.out, "input");
	assert_int_equal(capture_out_check(p.out, p.out, &f), -EINVAL);
	assert_int_equal(link(p.out, p.other), 0); /* a hard link is the same file */
	assert_int_equal(capture_out_check(p.other, p.out, &f), -EINVAL);
	unlink(p.other);
	assert_int_equal(symlink(p.out, p.other), 0);
	assert_int_equal(capture_out_check(p.other, p.out, &f), -EINVAL);
	unlink(p.other);
	assert_int_equal(rename(p.out, p.part), 0); /* the input is what OUT would be built in */
	assert_int_equal(capture_out_check(p.out, p.part, &f), -EINVAL);
	assert_int_equal(capture_out_check(p.other, p.part, &f), 0);
	assert_int_equal(capture_out_check(p.dir, p.part, &f), -EINVAL);
	assert_int_equal(capture_out_check("/dev/null", p.part, &f), 0);
	assert_int_equal(capture_out_check("-", p.part, &f), 0);
	assert_int_equal(size_of(p.part), 5);
	place_remove(&p);
}

static void a_link_is_written_through(void **state)
{
	struct capture_out *o = NULL;
	struct stat st;
	struct fault f;
	struct place p;

	(void)state;
	place_make(&p);
	write_file(p.other, "old");
	assert_int_equal(symlink(p.other, p.out), 0);
	assert_int_equal(capture_out_open(p.out, &o, &f), 0);
	assert_int_equal(capture_out_write(o, slice_text("newer"), true), 0);
	assert_int_equal(capture_out_finish(o, &f), 0);
	assert_int_equal(lstat(p.out, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(size_of(p.other), 5);
	place_remove(&p);
}

static void devices_are_written_directly_and_their_faults_seen(void **state)
{
	struct capture_out *o = NULL;
	struct fault f;

	(void)state;
	assert_int_equal(capture_out_open("/dev/null", &o, &f), 0);
	assert_int_equal(capture_out_write(o, slice_text("x"), true), 0);
	assert_int_equal(capture_out_finish(o, &f), 0);
	assert_int_equal(access("/dev/null.part", F_OK), -1);
	assert_int_equal(capture_out_open("/dev/full", &o, &f), 0);
	assert_int_equal(capture_out_write(o, slice_text("x"), true), 0);
	assert_int_equal(capture_out_finish(o, &f), -ENOSPC);
	assert_int_equal(capture_out_open("/nonexistent/out", &o, &f), -ENOENT);
}

/* Lent and copied pieces in any mixture, more of them than are held back at once, some empty. */
static void lent_and_copied_pieces_keep_their_order(void **state)
{
	enum { COUNT = 60000, LEN = 7 };
	uint8_t *bytes = malloc(COUNT * LEN), *got = malloc(COUNT * LEN + 1);
	struct capture_out *o = NULL;
	struct fault f;
	struct place p;
	FILE *file;

	(void)state;
	assert_non_null(bytes);
	assert_non_null(got);
	for (size_t i = 0; i < COUNT * LEN; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251);
	place_make(&p);
	assert_int_equal(capture_out_open(p.out, &o, &f), 0);
	assert_int_equal(capture_out_lend(o, slice_of(NULL, 0), false), 0);
	for (size_t i = 0; i < COUNT; i++) {
		uint8_t small[LEN];
		int err;

		memcpy(small, bytes + i * LEN, LEN); /* overwritten by the next */
		if (i < COUNT / 3 ? i % 3 == 0 : i % 1000 == 0)
			err = capture_out_write(o, slice_of(small, LEN), true);
		else
			err = capture_out_lend(o, slice_of(bytes + i * LEN, LEN), true);
		assert_int_equal(err, 0);
		if (i % 7919 == 0)
			assert_int_equal(capture_out_flush(o), 0);
	}
	assert_int_equal(capture_out_finish(o, &f), 0);
	file = fopen(p.out, "r");
	assert_non_null(file);
	assert_int_equal(fread(got, 1, COUNT * LEN + 1, file), COUNT * LEN);
	fclose(file);
	assert_memory_equal(got, bytes, COUNT * LEN);
	free(bytes);
	free(got);
	place_remove(&p);
}

/* A lent piece is what it is when it is flushed, and never looked at after that. */
static void nothing_is_borrowed_after_a_flush(void **state)
{
	char text[] = "record", *heap = strdup("heap");
	struct capture_out *o = NULL;
	struct fault f;
	struct place p;
	char got[16] = "";
	FILE *file;

	(void)state;
	place_make(&p);
	assert_int_equal(capture_out_open(p.out, &o, &f), 0);
	assert_int_equal(capture_out_lend(o, slice_text(text), true), 0);
	memcpy(text, "RECORD", 6);
	assert_int_equal(capture_out_lend(o, slice_text(heap), true), 0);
	assert_int_equal(size_of(p.part), 0);
	assert_int_equal(capture_out_flush(o), 0);
	free(heap);
	memcpy(text, "------", 6);
	assert_int_equal(capture_out_write(o, slice_text("!"), true), 0);
	assert_int_equal(capture_out_finish(o, &f), 0);
	file = fopen(p.out, "r");
	assert_non_null(file);
	assert_int_equal(fread(got, 1, sizeof(got), file), 11);
	fclose(file);
	assert_string_equal(got, "RECORDheap!");
	place_remove(&p);
}

/* A piece above the buffer's size is written, copied or lent. */
static void a_large_piece_is_written(void **state)
{
	size_t len = (size_t)5 << 20;
	uint8_t *large = calloc(1, len);
	struct capture_out *o = NULL;
	struct fault f;
	struct place p;

	(void)state;
	assert_non_null(large);
	place_make(&p);
	assert_int_equal(capture_out_open(p.out, &o, &f), 0);
	assert_int_equal(capture_out_write(o, slice_text("head"), false), 0);
	assert_int_equal(capture_out_write(o, slice_of(large, len), true), 0);
	assert_int_equal(size_of(p.part), (long)len + 4);
	assert_int_equal(capture_out_lend(o, slice_of(large, len), true), 0);
	assert_int_equal(capture_out_finish(o, &f), 0);
	assert_int_equal(size_of(p.out), 2 * (long)len + 4);
	free(large);
	place_remove(&p);
}

/* 40 records of 100 bytes behind a head of 24, with room for `limit` bytes: copied, lent one by
 * one, lent as one run, as rows with single ones between them, or copied and lent in turn. */
enum way { COPIED, LENT, LENT_RUN, LENT_ROWS, MIXED, WAYS };
static void fill(const struct place *p, rlim_t limit, enum way way)
{
	static const uint8_t records[40][100] = {{1}};
	static const uint32_t row[9] = {100, 100, 100, 100, 100, 100, 100, 100, 100};
	struct capture_out *o = NULL;
	struct rlimit was, now;
	struct fault f;
	long whole = ((long)limit - 24) / 100;
	char words[64];
	int err;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	now = was;
	now.rlim_cur = limit;
	assert_int_equal(capture_out_open(p->out, &o, &f), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
	capture_out_write(o, slice_of(records, 24), false);
	for (int i = 0; i < 40; i++) {
		struct slice record = slice_of(records[way == LENT_RUN ? i : 0], 100);

		if (way == LENT_ROWS && i % 10 == 0)
			capture_out_lend_row(o, slice_of(records, 900), row, 9);
		if (way == LENT_ROWS && i % 10 < 9)
			continue;
		if (way == COPIED || (way == MIXED && i % 2))
			capture_out_write(o, record, true);
		else
			capture_out_lend(o, record, true);
	}
	if (way != COPIED) /* the fault sticks, and is found again at the end */
		assert_int_equal(capture_out_flush(o), -EFBIG);
	err = capture_out_finish(o, &f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(size_of(p->out), -1);
	if ((long)limit < 124) {
		assert_int_equal(size_of(p->part), -1);
		return;
	}
	assert_int_equal(size_of(p->part), 24 + whole * 100);
	snprintf(words, sizeof(words), "; %ld whole records", whole);
	assert_non_null(strstr(f.text, words));
}

static void a_full_disk_leaves_whole_records_under_another_name(void **state)
{
	struct place p;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	place_make(&p);
	for (enum way way = COPIED; way < WAYS; way++) {
		for (rlim_t limit = 0; limit < 4024; limit += 37)
			fill(&p, limit, way);
	}
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_file_gets_its_name_at_the_end),
		cmocka_unit_test(an_abandoned_file_leaves_nothing),
		cmocka_unit_test(the_input_is_never_written_to),
		cmocka_unit_test(a_link_is_written_through),
		cmocka_unit_test(devices_are_written_directly_and_their_faults_seen),
		cmocka_unit_test(lent_and_copied_pieces_keep_their_order),
		cmocka_unit_test(nothing_is_borrowed_after_a_flush),
		cmocka_unit_test(a_large_piece_is_written),
		cmocka_unit_test(a_full_disk_leaves_whole_records_under_another_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
