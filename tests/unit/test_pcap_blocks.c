/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * pcapng as a hostile writer would have it: versions, interfaces and options that are legal or
 * nearly so, each a row with what must come of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "pcap/capture_in.h"

/* A file under construction, in this machine's byte order. */
struct maker {
	uint8_t *bytes;
	size_t len, cap;
};

static void put(struct maker *m, const void *at, size_t len)
{
	if (m->len + len > m->cap) {
		m->cap = 2 * (m->len + len);
		m->bytes = realloc(m->bytes, m->cap);
		assert_non_null(m->bytes);
	}
	memcpy(m->bytes + m->len, at, len);
	m->len += len;
}

static void put32(struct maker *m, uint32_t v)
{
	put(m, &v, 4);
}

static void put_block(struct maker *m, uint32_t type, const void *body, size_t len)
{
	put32(m, type);
	put32(m, (uint32_t)len + 12);
	put(m, body, len);
	put32(m, (uint32_t)len + 12);
}

static void put_section(struct maker *m, uint16_t major, uint16_t minor)
{
	uint32_t body[4] = {0x1a2b3c4d, major | (uint32_t)minor << 16, UINT32_MAX, UINT32_MAX};

	put_block(m, 0x0a0d0d0a, body, sizeof(body));
}

static void put_interface(struct maker *m, uint32_t snap, const void *options, size_t len)
{
	uint8_t body[1024] = {1};

	assert_true(len <= sizeof(body) - 8);
	memcpy(body + 4, &snap, 4);
	if (len)
		memcpy(body + 8, options, len);
	put_block(m, 1, body, 8 + len);
}

static void put_packet(struct maker *m, uint32_t interface, uint64_t ticks, uint32_t cap)
{
	uint8_t body[20 + 64] = {0};
	uint32_t fields[5] = {interface, (uint32_t)(ticks >> 32), (uint32_t)ticks, cap, cap};

	assert_true(cap <= 64 && cap % 4 == 0);
	memcpy(body, fields, sizeof(fields));
	put_block(m, 6, body, 20 + cap);
}

struct tale {
	int end;
	size_t frames, raw_len;
	uint64_t last_ns;
	struct fault fault;
};

/* Reads the file to its end or its damage; frees it. */
static struct tale read_made(struct maker *m)
{
	struct capture_in *in = NULL;
	struct capture_record r;
	struct tale t = {0};
	FILE *f = tmpfile();
	char path[64];

	assert_non_null(f);
	assert_int_equal(fwrite(m->bytes, 1, m->len, f), m->len);
	assert_int_equal(fflush(f), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(f));
	assert_int_equal(capture_in_open(path, NULL, &in, &t.fault), 0);
	while ((t.end = capture_in_next(in, &r, &t.fault)) == 1) {
		t.raw_len += r.raw.len;
		t.frames += r.is_frame;
		if (r.is_frame)
			t.last_ns = r.frame.ts_ns;
	}
	capture_in_close(in);
	fclose(f);
	free(m->bytes);
	return t;
}

static void section_versions_are_those_that_were_ever_written(void **state)
{
	static const struct {
		uint16_t major, minor;
		int end;
	} rows[] = {
		{1, 0, 0},	  {1, 2, 0},	    {1, 1, -EBADMSG}, {1, 3, -EBADMSG},
		{0, 0, -EBADMSG}, {2, 0, -EBADMSG}, {2, 2, -EBADMSG}, {1, 256, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct maker m = {0};
		struct tale t;

		put_section(&m, 1, 0);
		put_interface(&m, 0, NULL, 0);
		put_packet(&m, 0, 1, 20);
		put_section(&m, rows[i].major, rows[i].minor);
		put_interface(&m, 0, NULL, 0);
		put_packet(&m, 0, 1, 20);
		t = read_made(&m);
		if (t.end != rows[i].end || t.frames != (rows[i].end ? 1 : 2))
			fail_msg("version %u.%u: end %d after %zu frames", rows[i].major,
				 rows[i].minor, t.end, t.frames);
	}
}

/* Interfaces belong to their section, and are 65,536 at most in each. */
static void interfaces_are_bounded_and_end_with_their_section(void **state)
{
	static const struct {
		const char *name;
		uint32_t first, second; /* interfaces of two sections */
		uint32_t used;		/* by a packet in the second */
		int end;
		size_t frames;
	} rows[] = {
		{"the last of the section", 1, 3, 2, 0, 2},
		{"one of the section before", 3, 1, 2, -EBADMSG, 1},
		{"none described", 1, 0, 0, -EBADMSG, 1},
		{"as many as there may be", 1, 65536, 65535, 0, 2},
		{"one too many", 1, 65537, 0, -EBADMSG, 1},
		{"as many in each", 65536, 65536, 65535, 0, 2},
		{"an identifier of all ones", 1, 1, UINT32_MAX, -EBADMSG, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct maker m = {0};
		struct tale t;

		put_section(&m, 1, 0);
		for (uint32_t n = 0; n < rows[i].first; n++)
			put_interface(&m, 0, NULL, 0);
		put_packet(&m, 0, 1, 20);
		put_section(&m, 1, 0);
		for (uint32_t n = 0; n < rows[i].second; n++)
			put_interface(&m, 0, NULL, 0);
		put_packet(&m, rows[i].used, 1, 20);
		t = read_made(&m);
		if (t.end != rows[i].end || t.frames != rows[i].frames)
			fail_msg("%s: end %d after %zu frames", rows[i].name, t.end, t.frames);
	}
}

/* Options that lie about their length end their list, and are no damage. */
static void options_of_an_interface_set_its_time_or_nothing(void **state)
{
	static const struct {
		const char *name;
		const char *options;
		size_t len;
		uint64_t ticks, ts_ns;
	} rows[] = {
		{"none", "", 0, 3000000, 3000000000},
		{"nanoseconds", "\x09\0\1\0\x09\0\0\0", 8, 3000000000, 3000000000},
		{"seconds", "\x09\0\1\0\0\0\0\0", 8, 3, 3000000000},
		{"halves", "\x09\0\1\0\x81\0\0\0", 8, 7, 3500000000},
		{"2^-64", "\x09\0\1\0\xc0\0\0\0", 8, UINT64_MAX, 999999999},
		{"2^-127", "\x09\0\1\0\xff\0\0\0", 8, UINT64_MAX, 0},
		{"10^-19", "\x09\0\1\0\x13\0\0\0", 8, 10000000000000000000U, 1000000000},
		{"an offset of a second", "\x0e\0\x08\0\1\0\0\0\0\0\0\0", 12, 3000000, 4000000000},
		{"a length past the block", "\x09\0\xff\xff\x09\0\0\0", 8, 3000000, 3000000000},
		{"behind the end of the list", "\0\0\0\0\x09\0\1\0\x09\0\0\0", 12, 3000000,
		 3000000000},
		{"a resolution of two bytes", "\x09\0\2\0\x09\x09\0\0", 8, 3000000, 3000000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct maker m = {0};
		struct tale t;

		put_section(&m, 1, 0);
		put_interface(&m, 0, rows[i].options, rows[i].len);
		put_packet(&m, 0, rows[i].ticks, 20);
		t = read_made(&m);
		if (t.end || t.frames != 1 || t.last_ns != rows[i].ts_ns)
			fail_msg("%s: end %d, %llu ns", rows[i].name, t.end,
				 (unsigned long long)t.last_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section_versions_are_those_that_were_ever_written),
		cmocka_unit_test(interfaces_are_bounded_and_end_with_their_section),
		cmocka_unit_test(options_of_an_interface_set_its_time_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
