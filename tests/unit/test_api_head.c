/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Heads of requests: what is one, what is refused and with which status; whole, byte by byte, and
 * cut short at every length against an unmapped page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/head.h"
#include "support.h"

#define HOST "Host: localhost\r\n"

static const struct row {
	const char *name, *bytes;
	size_t len; /* 0: of the text */
	enum head_state state;
	unsigned status;
} rows[] = {
	{"plain", "GET / HTTP/1.1\r\n" HOST "\r\n", 0, HEAD_WHOLE, 0},
	{"HTTP/1.0 needs no Host", "GET / HTTP/1.0\r\n\r\n", 0, HEAD_WHOLE, 0},
	{"blanks around a value", "GET / HTTP/1.1\r\nHost:\t localhost \t\r\n\r\n", 0, HEAD_WHOLE,
	 0},
	{"body follows", "PUT / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 0, HEAD_WHOLE,
	 0},
	{"chunked", "PUT / HTTP/1.1\r\n" HOST "transfer-encoding: Chunked\r\n\r\n", 0, HEAD_WHOLE,
	 0},
	{"continue", "PUT / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n", 0, HEAD_WHOLE, 0},
	{"bytes above ASCII in a value", "GET / HTTP/1.1\r\n" HOST "X: \xc3\xa4\r\n\r\n", 0,
	 HEAD_WHOLE, 0},
	{"star of OPTIONS", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0, HEAD_WHOLE, 0},
	{"own method", "X-Y!~ /a?b=%2F&c HTTP/1.1\r\n" HOST "\r\n", 0, HEAD_WHOLE, 0},
	{"not ended", "GET / HTTP/1.1\r\n" HOST, 0, HEAD_MORE, 0},
	{"nothing", "", 0, HEAD_MORE, 0},
	{"star of GET", "GET * HTTP/1.1\r\n" HOST "\r\n", 0, HEAD_BAD, 400},
	{"no Host", "GET / HTTP/1.1\r\n\r\n", 0, HEAD_BAD, 400},
	{"two Hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 0, HEAD_BAD, 400},
	{"two lengths", "PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
	 0, HEAD_BAD, 400},
	{"length and chunked",
	 "PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
	 HEAD_BAD, 400},
	{"length of 19 digits",
	 "PUT / HTTP/1.1\r\n" HOST "Content-Length: 1000000000000000000\r\n\r\n", 0, HEAD_BAD, 400},
	{"length of 18 digits",
	 "PUT / HTTP/1.1\r\n" HOST "Content-Length: 100000000000000000\r\n\r\n", 0, HEAD_WHOLE, 0},
	{"other coding", "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 0, HEAD_BAD,
	 400},
	{"chunked in HTTP/1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, HEAD_BAD,
	 400},
	{"folded", "GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 0, HEAD_BAD, 400},
	{"bare LF", "GET / HTTP/1.1\n" HOST "\r\n", 0, HEAD_BAD, 400},
	{"LF alone", "\n", 0, HEAD_BAD, 400},
	{"bare CR", "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 0, HEAD_BAD, 400},
	{"NUL", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 27, HEAD_BAD, 400},
	{"blank before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 0, HEAD_BAD, 400},
	{"expects tea", "GET / HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n", 0, HEAD_BAD, 417},
	{"HTTP/2.0", "GET / HTTP/2.0\r\n", 0, HEAD_BAD, 505},
	{"HTTP/1.2", "GET / HTTP/1.2\r\n", 0, HEAD_BAD, 400},
	{"whole URL", "GET http://a/ HTTP/1.1\r\n" HOST "\r\n", 0, HEAD_BAD, 400},
	{"method too long", "ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n", 0, HEAD_BAD, 400},
	{"method without end", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0, HEAD_BAD, 400},
};

static size_t length(const struct row *r)
{
	return r->len ? r->len : strlen(r->bytes);
}

static void each_row(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct head h = {0};
		enum head_state got = head_read(&h, slice_of(rows[i].bytes, length(&rows[i])));

		if (got != rows[i].state || h.status != rows[i].status)
			fail_msg("%s: state %d status %u", rows[i].name, got, h.status);
	}
}

/* However it comes, the word about it is the same, and none is given too early. */
static void byte_by_byte(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = length(&rows[i]), n = 0;
		enum head_state got = HEAD_MORE;
		struct head h = {0};

		for (; n <= len && got == HEAD_MORE; n++) {
			const uint8_t *at = lay_against_wall(rows[i].bytes, n);

			got = head_read(&h, slice_of(at, n));
			wall_free(at);
		}
		if (got != rows[i].state || h.status != rows[i].status)
			fail_msg("%s: state %d status %u after %zu bytes", rows[i].name, got,
				 h.status, n);
	}
}

/* A head with a target and fields of exactly so many bytes. */
static unsigned status_of_sizes(size_t target, size_t fields)
{
	char *at = malloc(target + fields + 100);
	struct head h = {0};
	size_t n = (size_t)sprintf(at, "GET /");
	enum head_state got;

	memset(at + n, 'a', target - 1);
	n += target - 1;
	n += (size_t)sprintf(at + n, " HTTP/1.1\r\n" HOST "X: ");
	fields -= sizeof(HOST "X: \r\n") - 1;
	memset(at + n, 'b', fields);
	n += fields;
	n += (size_t)sprintf(at + n, "\r\n\r\n");
	got = head_read(&h, slice_of(at, n));
	free(at);
	return got == HEAD_WHOLE ? 200 : h.status;
}

static void limits_are_exact(void **state)
{
	assert_int_equal(status_of_sizes(HEAD_TARGET_MAX, 100), 200);
	assert_int_equal(status_of_sizes(HEAD_TARGET_MAX + 1, 100), 414);
	assert_int_equal(status_of_sizes(HEAD_TARGET_MAX, HEAD_FIELDS_MAX), 200);
	assert_int_equal(status_of_sizes(10, HEAD_FIELDS_MAX + 1), 431);
	assert_int_equal(status_of_sizes(10, 10 * HEAD_FIELDS_MAX), 431);
}

/* What never ends is told off before it is longer than a head can be. */
static void endless(void **state)
{
	static const char *const starts[] = {"GET /", "GET / HTTP/1.1\r\n",
					     "GET / HTTP/1.1\r\nA: ", "G"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		char at[HEAD_MAX];
		struct head h = {0};

		memset(at, 'a', sizeof(at));
		memcpy(at, starts[i], strlen(starts[i]));
		assert_int_equal(head_read(&h, slice_of(at, sizeof(at))), HEAD_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
