/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An output in several files: where they are cut, what each begins with, and that all appear or
 * none, copied or lent. Files that were there before are not mixed with new ones.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "pcap/capture_out.h"

struct place {
	char dir[64], out[96], name[128];
};

static void place_make(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_split.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->out, sizeof(p->out), "%s/out.pcap", p->dir);
}

static const char *file_name(struct place *p, unsigned number, const char *tail)
{
	snprintf(p->name, sizeof(p->name), "%s/out-%05u.pcap%s", p->dir, number, tail);
	return p->name;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The text of a file, and "" when there is none. */
static const char *text_of(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Nothing but the files 1 to count, which go. */
static void place_remove(struct place *p, unsigned count)
{
	for (unsigned i = 1; i <= count; i++)
		assert_int_equal(unlink(file_name(p, i, "")), 0);
	assert_int_equal(rmdir(p->dir), 0);
}

static int put(struct capture_out *o, const char *text, bool is_frame, bool is_lent)
{
	struct slice s = slice_text(text);

	return is_lent ? capture_out_lend(o, s, is_frame) : capture_out_write(o, s, is_frame);
}

/* A file head and records; files of at most 20 bytes. */
static void files_begin_with_the_head_and_end_between_records(void **state)
{
	static const char *const records[] = {
		"aaaaa", "bbbbb",	   "ccccc", "dddddddddddddddddddddddd",
		"eeeee", "ffffffffffffff", "g"};
	static const char *const want[] = {"headaaaaabbbbbccccc", "headdddddddddddddddddddddddd",
					   "headeeeee", "headffffffffffffffg"};

	(void)state;
	for (int is_lent = 0; is_lent < 2; is_lent++) {
		struct capture_out *o = NULL;
		struct fault f;
		struct place p;

		place_make(&p);
		put_file(file_name(&p, 2, ""), "of an earlier run");
		assert_int_equal(capture_out_open_split(p.out, 20, &o, &f), 0);
		assert_int_equal(put(o, "head", false, is_lent), 0);
		for (size_t i = 0; i < 7; i++)
			assert_int_equal(put(o, records[i], true, is_lent), 0);
		assert_int_equal(capture_out_flush(o), 0);
		assert_int_equal(capture_out_file_count(o), 4);
		assert_false(is_there(file_name(&p, 1, "")));
		assert_true(is_there(file_name(&p, 1, ".part")));
		assert_string_equal(text_of(file_name(&p, 2, "")), "of an earlier run");
		assert_int_equal(capture_out_finish(o, &f), 0);
		for (unsigned i = 0; i < 4; i++)
			assert_string_equal(text_of(file_name(&p, i + 1, "")), want[i]);
		assert_false(is_there(p.out));
		place_remove(&p, 4);
	}
}

static void what_is_abandoned_leaves_nothing(void **state)
{
	struct capture_out *o = NULL;
	struct fault f;
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(capture_out_open_split(p.out, 10, &o, &f), 0);
	put(o, "head", false, false);
	for (int i = 0; i < 9; i++)
		assert_int_equal(put(o, "record", true, false), 0);
	assert_int_equal(capture_out_file_count(o), 9);
	capture_out_abandon(o);
	place_remove(&p, 0);
}

static void a_higher_number_is_refused(void **state)
{
	struct capture_out *o = NULL;
	struct fault f;
	struct place p;

	(void)state;
	place_make(&p);
	put_file(file_name(&p, 3, ""), "of an earlier run");
	assert_int_equal(capture_out_open_split(p.out, 10, &o, &f), 0);
	put(o, "head", false, false);
	put(o, "record", true, false);
	put(o, "record", true, false);
	assert_int_equal(capture_out_finish(o, &f), -EEXIST);
	assert_non_null(strstr(f.text, "out-00003.pcap"));
	assert_false(is_there(file_name(&p, 1, "")));
	assert_int_equal(unlink(file_name(&p, 3, "")), 0);
	place_remove(&p, 0);
}

/* One of the names is a directory by the time they are given: the others are taken back. */
static void a_name_that_cannot_be_given_gives_none(void **state)
{
	struct capture_out *o = NULL;
	struct fault f;
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(capture_out_open_split(p.out, 10, &o, &f), 0);
	put(o, "head", false, false);
	for (int i = 0; i < 3; i++)
		put(o, "record", true, false);
	assert_int_equal(mkdir(file_name(&p, 2, ""), 0700), 0);
	assert_true(capture_out_finish(o, &f) < 0);
	assert_int_equal(rmdir(file_name(&p, 2, "")), 0);
	place_remove(&p, 0);
}

static void what_cannot_be_split_is_refused(void **state)
{
	struct fault f;
	struct place p;
	char out[160];

	(void)state;
	place_make(&p);
	assert_int_equal(capture_out_check_split("-", "in", &f), -EINVAL);
	assert_int_equal(capture_out_check_split("/dev/null", "in", &f), -EINVAL);
	assert_int_equal(capture_out_check_split(p.dir, "in", &f), -EINVAL);
	assert_int_equal(capture_out_check_split(p.out, "in", &f), 0);
	put_file(file_name(&p, 7, ""), "the input");
	snprintf(out, sizeof(out), "%s", p.name);
	assert_int_equal(capture_out_check_split(p.out, out, &f), -EINVAL);
	assert_int_equal(capture_out_check_split(out, out, &f), 0); /* out-00007-00001.pcap */
	assert_int_equal(rename(out, file_name(&p, 7, ".part")), 0);
	assert_int_equal(capture_out_check_split(p.out, p.name, &f), -EINVAL);
	assert_int_equal(unlink(p.name), 0);
	place_remove(&p, 0);
}

static void names_of_a_split_are_known(void **state)
{
	static const struct {
		const char *out, *other;
		bool is_one;
	} cases[] = {
		{"out.pcap", "out-00001.pcap", true},
		{"out.pcap", "out-99999.pcap.part", true},
		{"out.pcap", "out-00000.pcap", false},
		{"out.pcap", "out-0001.pcap", false},
		{"out.pcap", "out-000001.pcap", false},
		{"out.pcap", "out-0000x.pcap", false},
		{"out.pcap", "out-00001.pcapng", false},
		{"out.pcap", "out-00001", false},
		{"out.pcap", "out.pcap", false},
		{"out.pcap", "d/out-00001.pcap", false},
		{"d.e/out", "d.e/out-00012", true},
		{"d.e/out", "d-00012.e/out", false},
		{"d/.out", "d/.out-00012", true},
		{"a-00001.pcap", "a-00001-00001.pcap", true},
		{"", "-00001", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(capture_out_is_of_split(cases[i].out, cases[i].other),
				 cases[i].is_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_begin_with_the_head_and_end_between_records),
		cmocka_unit_test(what_is_abandoned_leaves_nothing),
		cmocka_unit_test(a_higher_number_is_refused),
		cmocka_unit_test(a_name_that_cannot_be_given_gives_none),
		cmocka_unit_test(what_cannot_be_split_is_refused),
		cmocka_unit_test(names_of_a_split_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
