/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Several captures as one: which frame comes next, what the head says, how a record is stored anew,
 * and what becomes of a damaged one. The order is also held against mergecap, by the golden tests.
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
#include "pcap/capture_set.h"

enum { FILES_MAX = 4, LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101 };

/* A capture of frames of one byte, the file's letter, at these microseconds. */
struct file {
	const char *times; /* digits */
	bool is_swapped, is_nano;
	uint32_t snap_len, linktype;
	size_t cut; /* bytes that are missing at the end */
	bool is_blocks;
};

struct bench {
	char path[FILES_MAX][64];
	const char *paths[FILES_MAX];
	size_t count;
	struct capture_in *in;
	struct fault fault;
};

static void put32(FILE *to, uint32_t v, bool is_swapped)
{
	v = is_swapped ? __builtin_bswap32(v) : v;
	fwrite(&v, 4, 1, to);
}

static void put_classic(FILE *to, const struct file *f, char letter)
{
	put32(to, f->is_nano ? 0xa1b23c4d : 0xa1b2c3d4, f->is_swapped);
	put32(to, f->is_swapped ? 0x00020004 : 0x00040002, f->is_swapped);
	put32(to, 0, false);
	put32(to, 0, false);
	put32(to, f->snap_len, f->is_swapped);
	put32(to, f->linktype ? f->linktype : LINKTYPE_ETHERNET, f->is_swapped);
	for (const char *t = f->times; *t; t++) {
		put32(to, 100, f->is_swapped);
		put32(to, (uint32_t)(*t - '0') * (f->is_nano ? 1000 : 1), f->is_swapped);
		put32(to, 1, f->is_swapped);
		put32(to, 60, f->is_swapped);
		fputc(letter, to);
	}
}

static void put_block(FILE *to, bool is_swapped, const uint32_t *words, size_t count)
{
	put32(to, words[0], is_swapped);
	put32(to, (uint32_t)count * 4 + 8, is_swapped);
	for (size_t i = 1; i < count; i++)
		put32(to, words[i], is_swapped);
	put32(to, (uint32_t)count * 4 + 8, is_swapped);
}

static void put_blocks(FILE *to, const struct file *f, char letter)
{
	bool is_swapped = f->is_swapped;
	uint32_t data = is_swapped ? (uint32_t)letter << 24 : (uint32_t)letter;

	put_block(to, is_swapped,
		  (uint32_t[]){0x0a0d0d0a, 0x1a2b3c4d, is_swapped ? 0x00010000 : 1, ~0U, ~0U}, 5);
	put_block(to, is_swapped, (uint32_t[]){1, is_swapped ? 0x00010000 : 1, 0}, 3);
	put_block(to, is_swapped, (uint32_t[]){0x40000bad, 1}, 2); /* not to be copied */
	for (const char *t = f->times; *t; t++) {
		uint64_t ticks = 100000000 + (uint64_t)(*t - '0');
		uint32_t high = (uint32_t)(ticks >> 32), low = (uint32_t)ticks;

		put_block(to, is_swapped, (uint32_t[]){6, 0, high, low, 1, 60, data}, 7);
	}
}

static void bench_make(struct bench *b, const struct file *files, size_t count)
{
	*b = (struct bench){.count = count};
	for (size_t i = 0; i < count; i++) {
		FILE *to;
		int fd;

		snprintf(b->path[i], sizeof(b->path[i]), "/tmp/test_set.XXXXXX");
		fd = mkstemp(b->path[i]);
		assert_true(fd >= 0);
		to = fdopen(fd, "w");
		assert_non_null(to);
		if (files[i].is_blocks)
			put_blocks(to, &files[i], (char)('a' + i));
		else
			put_classic(to, &files[i], (char)('a' + i));
		fflush(to);
		assert_int_equal(ftruncate(fd, ftell(to) - (long)files[i].cut), 0);
		fclose(to);
		b->paths[i] = b->path[i];
	}
}

static void bench_remove(struct bench *b)
{
	capture_in_close(b->in);
	for (size_t i = 0; i < b->count; i++)
		unlink(b->path[i]);
}

/* Reads to the end; order becomes the frames' letters with their digits. Returns how it ended. */
static int read_all(struct bench *b, char *order, uint32_t *head)
{
	struct capture_record r;
	uint64_t number = 0;
	int n;

	*order = '\0';
	while ((n = capture_in_next(b->in, &r, &b->fault)) == 1) {
		if (!r.is_frame) {
			if (number == 0 && r.raw.len == 24)
				memcpy(head, r.raw.at, 24);
			continue;
		}
		assert_int_equal(r.frame.number, ++number);
		assert_int_equal(r.frame.bytes.len, 1);
		assert_int_equal(r.frame.wire_len, 60);
		assert_true(r.frame.bytes.at > r.raw.at &&
			    r.frame.bytes.at + r.frame.bytes.len <= r.raw.at + r.raw.len);
		order += sprintf(order, "%c%u ", *r.frame.bytes.at,
				 (unsigned)((r.frame.ts_ns - 100000000000ULL) / 1000));
	}
	return n;
}

static void frames_come_in_the_order_of_time(void **state)
{
	static const struct {
		struct file files[FILES_MAX];
		size_t count;
		const char *order, *format;
	} cases[] = {
		{{{.times = "13"}, {.times = "24"}}, 2, "a1 b2 a3 b4 ", "pcap"},
		{{{.times = "112"}, {.times = "12"}, {.times = "1"}},
		 3,
		 "c1 b1 a1 a1 b2 a2 ",
		 "pcap"}, /* ties */
		{{{.times = "59"}, {.times = "318"}},
		 2,
		 "b3 b1 a5 b8 a9 ",
		 "pcap"}, /* out of order in a file */
		{{{.times = ""}, {.times = "1"}, {.times = ""}, {.times = "2"}},
		 4,
		 "b1 d2 ",
		 "pcap"},
		{{{.times = ""}, {.times = ""}}, 2, "", "pcap"},
		{{{.times = "13"},
		  {.times = "24", .is_swapped = true},
		  {.times = "0", .is_nano = true}},
		 3,
		 "c0 a1 b2 a3 b4 ",
		 "pcap"},
		{{{.times = "13", .is_swapped = true, .is_nano = true}, {.times = "24"}},
		 2,
		 "a1 b2 a3 b4 ",
		 "pcap"},
		{{{.times = "13"}, {.times = "2", .linktype = LINKTYPE_RAW}},
		 2,
		 "a1 b2 a3 ",
		 "pcapng"},
		{{{.times = "13"}, {.times = "24", .is_blocks = true}},
		 2,
		 "a1 b2 a3 b4 ",
		 "pcapng"},
		{{{.times = "13", .is_blocks = true, .is_swapped = true},
		  {.times = "24", .is_blocks = true}},
		 2,
		 "a1 b2 a3 b4 ",
		 "pcapng"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char order[256];
		uint32_t head[6];
		struct bench b;

		bench_make(&b, cases[i].files, cases[i].count);
		assert_int_equal(capture_set_open(b.paths, b.count, NULL, &b.in, &b.fault), 0);
		assert_string_equal(capture_in_format(b.in), cases[i].format);
		assert_int_equal(read_all(&b, order, head), 0);
		assert_string_equal(order, cases[i].order);
		assert_int_equal(capture_in_offset(b.in), capture_in_size(b.in));
		bench_remove(&b);
	}
}

static void the_head_is_the_first_ones_with_the_most_of_all(void **state)
{
	static const struct file files[] = {{.times = "1", .is_swapped = true, .snap_len = 50},
					    {.times = "2", .is_nano = true, .snap_len = 70},
					    {.times = "3", .snap_len = 60}};
	uint32_t head[6] = {0};
	char order[64];
	struct bench b;

	(void)state;
	bench_make(&b, files, 3);
	assert_int_equal(capture_set_open(b.paths, 3, NULL, &b.in, &b.fault), 0);
	assert_int_equal(read_all(&b, order, head), 0);
	assert_int_equal(head[0], __builtin_bswap32(0xa1b23c4d));
	assert_int_equal(head[4], __builtin_bswap32(70));
	bench_remove(&b);
}

static void a_damaged_one_ends_and_the_others_go_on(void **state)
{
	static const struct file files[] = {
		{.times = "159"}, {.times = "248", .cut = 1}, {.times = "6"}};
	static const struct file heads[] = {{.times = "", .cut = 20}, {.times = "", .cut = 3}};
	uint32_t head[6];
	char order[64];
	struct bench b;

	(void)state;
	bench_make(&b, files, 3);
	assert_int_equal(capture_set_open(b.paths, 3, NULL, &b.in, &b.fault), 0);
	assert_int_equal(read_all(&b, order, head), -EBADMSG);
	assert_string_equal(order, "a1 b2 b4 a5 c6 a9 ");
	assert_memory_equal(b.fault.text, b.path[1], strlen(b.path[1]));
	assert_non_null(strstr(b.fault.text, "damaged at record 3, byte offset 58"));
	bench_remove(&b);

	bench_make(&b, heads, 2);
	assert_int_equal(capture_set_open(b.paths, 2, NULL, &b.in, &b.fault), 0);
	assert_int_equal(read_all(&b, order, head), -EBADMSG);
	assert_string_equal(order, "");
	assert_non_null(strstr(b.fault.text, "1 more captures are damaged"));
	bench_remove(&b);
}

static void what_cannot_be_opened_is_named(void **state)
{
	static const struct file files[] = {{.times = "1"}, {.times = "2"}};
	struct bench b;

	(void)state;
	bench_make(&b, files, 2);
	unlink(b.path[1]);
	assert_int_equal(capture_set_open(b.paths, 2, NULL, &b.in, &b.fault), -ENOENT);
	assert_memory_equal(b.fault.text, b.path[1], strlen(b.path[1]));
	assert_null(b.in);
	bench_remove(&b);
}

/* One capture: what capture_in_open() gives, every byte of it. */
static void one_alone_is_handed_through(void **state)
{
	static const struct file files[] = {{.times = "52", .is_blocks = true, .is_swapped = true}};
	struct capture_record r;
	uint8_t bytes[4096];
	size_t len, at = 0;
	struct bench b;
	FILE *file;

	(void)state;
	bench_make(&b, files, 1);
	file = fopen(b.path[0], "r");
	assert_non_null(file);
	len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	assert_int_equal(capture_set_open(b.paths, 1, NULL, &b.in, &b.fault), 0);
	for (; capture_in_next(b.in, &r, &b.fault) == 1; at += r.raw.len) {
		assert_true(r.raw.len <= len - at);
		assert_memory_equal(r.raw.at, bytes + at, r.raw.len);
	}
	assert_int_equal(at, len);
	assert_int_equal(capture_in_left_out(b.in), 0);
	bench_remove(&b);
}

static void blocks_that_must_not_be_copied_are_counted(void **state)
{
	static const struct file files[] = {{.times = "1"}, {.times = "2", .is_blocks = true}};
	uint32_t head[6];
	char order[64];
	struct bench b;

	(void)state;
	bench_make(&b, files, 2);
	assert_int_equal(capture_set_open(b.paths, 2, NULL, &b.in, &b.fault), 0);
	assert_int_equal(read_all(&b, order, head), 0);
	assert_int_equal(capture_in_left_out(b.in), 1);
	bench_remove(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_in_the_order_of_time),
		cmocka_unit_test(the_head_is_the_first_ones_with_the_most_of_all),
		cmocka_unit_test(a_damaged_one_ends_and_the_others_go_on),
		cmocka_unit_test(what_cannot_be_opened_is_named),
		cmocka_unit_test(one_alone_is_handed_through),
		cmocka_unit_test(blocks_that_must_not_be_copied_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
