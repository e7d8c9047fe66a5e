/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A capture out of a form: it ends at the form's boundary where a record would begin, however the
 * bytes come, and packed or not; nowhere else, and not without one.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>
#include "pcap/capture_in.h"

#define BORDER "\r\n--XyZ"
#define FIELD \
	BORDER "\r\nContent-Disposition: form-data; name=\"notes\"\r\n\r\nwords, words\0and more"
#define ANOTHER BORDER "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b\"\r\n\r\n"
#define END	BORDER "--\r\n"

enum { FRAMES = 20, STREAM_MAX = 400000 };

struct stream {
	char at[STREAM_MAX];
	size_t len;
	size_t step; /* bytes written at once */
	int fd;
};

static void add(struct stream *s, const void *at, size_t len)
{
	assert_true(len <= sizeof(s->at) - s->len);
	memcpy(s->at + s->len, at, len);
	s->len += len;
}

/* Frames that hold the boundary themselves. */
static void add_capture(struct stream *s, bool is_ng)
{
	static const uint32_t pcap[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};
	static const uint32_t ng[12] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, ~0U,    ~0U,
					28,	    1,	20,	    1, 262144, 20};
	const uint32_t len = 100, whole = 32 + len;
	char body[100] = "before it " ANOTHER;

	add(s, is_ng ? ng : pcap, is_ng ? sizeof(ng) : sizeof(pcap));
	for (uint32_t i = 0; i < FRAMES; i++) {
		const uint32_t head[4] = {1700000000, i, len, len};
		const uint32_t block[7] = {6, whole, 0, 0, i, len, len};

		add(s, is_ng ? (const void *)block : head, is_ng ? sizeof(block) : sizeof(head));
		add(s, body, len);
		if (is_ng)
			add(s, &whole, sizeof(whole));
	}
}

/* As several members of gzip,. */
static void pack(struct stream *s, size_t members)
{
	struct stream *to = calloc(1, sizeof(*to));

	assert_non_null(to);
	for (size_t i = 0; i < members; i++) {
		size_t at = s->len * i / members, end = s->len * (i + 1) / members;
		z_stream z = {0};

		assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
		z.next_in = (z_const Bytef *)s->at + at;
		z.avail_in = (uInt)(end - at);
		z.next_out = (Bytef *)to->at + to->len;
		z.avail_out = (uInt)(sizeof(to->at) - to->len);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		to->len = sizeof(to->at) - z.avail_out;
		deflateEnd(&z);
	}
	memcpy(s->at, to->at, to->len);
	s->len = to->len;
	free(to);
}

static void *writer(void *arg)
{
	struct stream *s = arg;

	for (size_t at = 0; at < s->len; at += s->step)
		assert_true(write(s->fd, s->at + at,
				  s->step < s->len - at ? s->step : s->len - at) > 0);
	close(s->fd);
	return NULL;
}

/* Reads it through a pipe: what ended it, and how many frames there were. */
static int read_all(struct stream *s, const char *boundary, size_t *frames, struct fault *f)
{
	struct capture_in *in = NULL;
	struct capture_record r;
	pthread_t thread;
	char path[64];
	int ends[2], n;

	assert_int_equal(pipe(ends), 0);
	s->fd = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, writer, s), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(capture_in_open(path, NULL, &in, f), 0);
	if (boundary)
		assert_int_equal(capture_in_form(in, boundary, "file"), 0);
	capture_in_keep(in);
	for (*frames = 0; (n = capture_in_next(in, &r, f)) == 1; *frames += r.is_frame)
		capture_in_release(in, capture_in_position(in) - r.raw.len);
	while (read(ends[0], path, sizeof(path)) > 0)
		continue; /* what it left there, so that the writer can end */
	close(ends[0]);
	pthread_join(thread, NULL);
	capture_in_close(in);
	return n;
}

static void it_ends_at_the_boundary(void **state)
{
	static const struct {
		const char *name;
		struct slice behind;
		size_t padding; /* bytes of the next field, beyond those */
		int end;
		const char *says;
	} rows[] = {
		{"nothing behind it", {(const uint8_t *)"", 0}, 0, 0, NULL},
		{"a field", {(const uint8_t *)FIELD END, sizeof(FIELD END) - 1}, 0, 0, NULL},
		{"a long field", {(const uint8_t *)FIELD, sizeof(FIELD) - 1}, 200000, 0, NULL},
		{"another capture",
		 {(const uint8_t *)FIELD ANOTHER, sizeof(FIELD ANOTHER) - 1},
		 100,
		 -EBADMSG,
		 "another capture"},
		{"its boundary and no more", {(const uint8_t *)BORDER, 7}, 0, 0, NULL},
		{"half a boundary", {(const uint8_t *)BORDER, 6}, 0, -EBADMSG, NULL},
		{"another boundary", {(const uint8_t *)"\r\n--Xyz--\r\n", 11}, 100, -EBADMSG, NULL},
	};
	static const size_t steps[] = {1, 7, 4096, STREAM_MAX};
	struct stream *s = malloc(sizeof(*s));

	assert_non_null(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 4 * 4; i++) {
		size_t row = i / 16, way = i / 4 % 4, frames;
		struct fault f = {""};

		s->len = 0;
		s->step = steps[i % 4];
		if (s->step == 1 && rows[row].padding > 1000)
			continue; /* it would take long */
		add_capture(s, way == 1);
		if (way > 1)
			pack(s, way == 2 ? 1 : 3);
		add(s, rows[row].behind.at, rows[row].behind.len);
		for (size_t k = 0; k < rows[row].padding; k++)
			add(s, "~", 1);
		if (read_all(s, "XyZ", &frames, &f) != rows[row].end || frames != FRAMES ||
		    (rows[row].says && !strstr(f.text, rows[row].says)))
			fail_msg("%s, way %zu, step %zu: %zu frames, \"%s\"", rows[row].name, way,
				 s->step, frames, f.text);
	}
	free(s);
}

static void without_a_boundary_it_is_damaged(void **state)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct fault f = {""};
	size_t frames;

	assert_non_null(s);
	s->step = STREAM_MAX;
	add_capture(s, false);
	add(s, FIELD, sizeof(FIELD) - 1);
	assert_int_equal(read_all(s, NULL, &frames, &f), -EBADMSG);
	assert_int_equal(frames, FRAMES);
	free(s);
}

/* What was cut short before the form took it in is never called whole. */
static void a_cut_capture_is_damaged(void **state)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct fault f = {""};
	size_t frames;

	assert_non_null(s);
	for (int is_packed = 0; is_packed < 2; is_packed++)
		for (size_t cut = 1; cut < 116; cut++) {
			s->len = 0;
			s->step = STREAM_MAX;
			add_capture(s, false);
			s->len -= cut;
			if (is_packed)
				pack(s, 1);
			add(s, FIELD, sizeof(FIELD) - 1);
			for (size_t k = 0; k < 1000; k++)
				add(s, "~", 1);
			assert_int_equal(read_all(s, "XyZ", &frames, &f), -EBADMSG);
		}
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_at_the_boundary),
		cmocka_unit_test(without_a_boundary_it_is_damaged),
		cmocka_unit_test(a_cut_capture_is_damaged),
	};

	return cmocka_run_group_tests_name("pcap_form", tests, NULL, NULL);
}
