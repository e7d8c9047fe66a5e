/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * HTTP/2 with prior knowledge: the hosts of all requests, however their headers are compressed, cut
 * into frames and padded; and what only resembles it.
 */
#include "extract_rows.h"

#define STREAM .ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = 8080}
/* The client's stream never ends; its names are there at once. */
#define NAMES(...) .answer = EXTRACT_NEED_MORE, .proto = PROTO_HTTP2, .names = {__VA_ARGS__}, STREAM
/* It cannot be read on. */
#define BROKEN(...)                                                           \
	.answer = EXTRACT_FOUND, .proto = PROTO_HTTP2, .then = CLUE_THEN_END, \
	.names = {__VA_ARGS__}, STREAM
#define SERVER	 .answer = EXTRACT_FOUND, .proto = PROTO_HTTP2, .then = CLUE_THEN_END, STREAM
#define NOT_MINE .answer = EXTRACT_NOT_MINE, STREAM
#define MORE	 .answer = EXTRACT_NEED_MORE, STREAM
#define BLOCKED	 T("blocked.example")
#define ALLOWED	 T("allowed.example")

#define PREFACE	 "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* The head of a frame of up to 255 bytes: len, type and flags are one character each. */
#define FRAME(len, type, flags, id) "\0\0" len type flags "\0\0\0" id

/* :method GET, :scheme http, :path /, then :authority as a literal of 15 characters. */
#define GET	    "\x82\x86\x84"
#define AUTHORITY   "\x41\x0f"
#define GET_BLOCKED GET AUTHORITY "blocked.example"
#define GET_ALLOWED GET AUTHORITY "allowed.example"

static const struct row rows[] = {
	{"curl's first request, in Huffman code",
	 T(PREFACE
	   "\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\2\0\0\0\0\2\0\0\0\0\0\0\4\x08\0\0\0\0\0"
	   "\1\xff\0\1\0\0\x27\1\5\0\0\0\1\x82\x84\x86\x41\x93\xf1\xe3\xc2\xf1\xd0\x72\x75"
	   "\x2c\x8b\x97\xc8\xe9\xae\x82\xdc\x0b\xcd\x34\xcf\x7a\x88\x25\xb6\x50\xc3\xab\xbc"
	   "\xf2\xe1\x53\3*/*\0\0\0\4\1\0\0\0\0"),
	 NAMES(T("www.blocked.example"))},
	{"nghttp's two requests, the second by index",
	 T(PREFACE
	   "\0\0\x0c\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\0\0\xff\xff\0\0\0\4\1\0\0\0\0\0\0\x23\1\5\0"
	   "\0\0\1\x82\4\2/a\x86\x41\x89\xa4\x75\x7a\x5c\xbe\x47\x4d\x74\x17\x53\3*/*\x90\x7a"
	   "\x8a\xaa\x69\xd2\x9a\xc4\xc0\x57\x6c\x4b\x83\0\0\x0a\1\5\0\0\0\3\x82\4\2/b\x86\xc0"
	   "\xbf\x90\xbe\0\0\x08\7\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	 NAMES(T("many.example"))},
	{"a literal", T(PREFACE SETTINGS FRAME("\x14", "\1", "\5", "\1") GET_BLOCKED),
	 NAMES(BLOCKED)},
	{"no SETTINGS in front", T(PREFACE FRAME("\x14", "\1", "\5", "\1") GET_BLOCKED),
	 NAMES(BLOCKED)},
	{"a host field beside the authority",
	 T(PREFACE SETTINGS FRAME("\x25", "\1", "\5", "\1") GET_ALLOWED "\x66\x0f"
									"blocked.example"),
	 NAMES(ALLOWED, BLOCKED)},
	{"a host field by its name, in any case",
	 T(PREFACE SETTINGS FRAME("\x19", "\1", "\5", "\1") GET "\0\4HOST\x0f"
								"Blocked.Example"),
	 NAMES(BLOCKED)},
	{"user and port",
	 T(PREFACE FRAME("\x18", "\1", "\5", "\1") GET "\x41\x13"
						       "u@blocked.example:8"),
	 NAMES(BLOCKED)},
	{"a second request for another host",
	 T(PREFACE FRAME("\x14", "\1", "\5", "\1") GET_ALLOWED FRAME("\x14", "\1", "\5", "\3")
		   GET_BLOCKED),
	 NAMES(ALLOWED, BLOCKED)},
	{"a second request that points back",
	 T(PREFACE FRAME("\x14", "\1", "\5", "\1") GET_BLOCKED FRAME("\4", "\1", "\5", "\3") GET
	   "\xbe"),
	 NAMES(BLOCKED)},
	{"padding", T(PREFACE FRAME("\x18", "\1", "\x0d", "\1") "\3" GET_BLOCKED "\0\0\0"),
	 NAMES(BLOCKED)},
	{"priority", T(PREFACE FRAME("\x19", "\1", "\x25", "\1") "\0\0\0\0\x0f" GET_BLOCKED),
	 NAMES(BLOCKED)},
	{"padding and priority",
	 T(PREFACE FRAME("\x1b", "\1", "\x2d", "\1") "\1\0\0\0\0\x0f" GET_BLOCKED "\0"),
	 NAMES(BLOCKED)},
	{"padded, and going on in another frame",
	 T(PREFACE FRAME("\6", "\1", "\x08", "\1") "\2" GET "\0\0" FRAME("\x11", "\x09", "\4", "\1")
		   AUTHORITY "blocked.example"),
	 NAMES(BLOCKED)},
	{"pieces of no bytes between",
	 T(PREFACE FRAME("\3", "\1", "\0", "\1") GET FRAME("\0", "\x09", "\0", "\1")
		   FRAME("\0", "\x09", "\0", "\1") FRAME("\x11", "\x09", "\0", "\1") AUTHORITY
	   "blocked.example" FRAME("\0", "\x09", "\4", "\1")),
	 NAMES(BLOCKED)},
	{"data, windows and unknown frames between requests",
	 T(PREFACE FRAME("\x14", "\1", "\4", "\1")
		   GET_ALLOWED FRAME("\4", "\0", "\1", "\1") "abcd" FRAME(
			   "\4", "\x08", "\0", "\1") "\0\0\0\1" FRAME("\2", "\xfa", "\0",
								      "\0") "xy" FRAME("\x14", "\1",
										       "\5", "\3")
			   GET_BLOCKED),
	 NAMES(ALLOWED, BLOCKED)},
	{"headers in the shape of a name inside data are none",
	 T(PREFACE FRAME("\x1d", "\0", "\1", "\1") FRAME("\x14", "\1", "\5", "\1") GET_BLOCKED),
	 NAMES()},
	{"a promise", T(PREFACE FRAME("\x18", "\5", "\4", "\1") "\0\0\0\2" GET_BLOCKED),
	 NAMES(BLOCKED)},
	{"a name that is not whole does not count",
	 T(PREFACE FRAME("\x14", "\1", "\5", "\1") GET AUTHORITY "blocked.exampl"), NAMES()},
	{"a name that is whole counts before its block ends",
	 T(PREFACE FRAME("\x28", "\1", "\5", "\1") GET_BLOCKED "\x53"), NAMES(BLOCKED)},
	{"behind a PROXY line",
	 T("PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n" PREFACE FRAME("\x14", "\1", "\5", "\1")
		   GET_BLOCKED),
	 NAMES(BLOCKED)},
	{"an address",
	 T(PREFACE FRAME("\x0e", "\1", "\5", "\1") GET "\x41\x09"
						       "192.0.2.1"),
	 NAMES(T("192.0.2.1")), .flags = CLUE_IP_LITERAL},
	{"a name of NUL",
	 T(PREFACE FRAME("\x15", "\1", "\5", "\1") GET "\x41\x10"
						       "blocked.example\0"),
	 NAMES(T("blocked.example\0"), BLOCKED), .flags = CLUE_ODD_NAME},
	{"the preface alone", T(PREFACE), NAMES()},
	/* What no server reads on. */
	{"another frame between the pieces of a block",
	 T(PREFACE FRAME("\3", "\1", "\0", "\1") GET SETTINGS), BROKEN(), .flags = CLUE_NO_NAME},
	{"the piece of another stream",
	 T(PREFACE FRAME("\3", "\1", "\0", "\1") GET FRAME("\x11", "\x09", "\4", "\3") AUTHORITY
	   "blocked.example"),
	 BROKEN(), .flags = CLUE_NO_NAME},
	{"an index of nothing behind a name",
	 T(PREFACE FRAME("\x16", "\1", "\5", "\1") GET_BLOCKED "\xff\x7f"), BROKEN(BLOCKED)},
	{"more padding than frame", T(PREFACE FRAME("\4", "\1", "\x0d", "\1") "\x80" GET), BROKEN(),
	 .flags = CLUE_NO_NAME},
	{"a string over the end of its block",
	 T(PREFACE FRAME("\5", "\1", "\5", "\1") GET AUTHORITY "blocked.example"), BROKEN(),
	 .flags = CLUE_NO_NAME},
	/* The server's direction. */
	{"a server's settings", T("\0\0\x06\4\0\0\0\0\0\0\3\0\0\0\x64"), SERVER},
	{"Go's settings",
	 T("\0\0\x1e\4\0\0\0\0\0\0\5\0\x10\0\0\0\3\0\0\0\xfa\0\6\0\x10\1\x40\0\1\0\0\x10\0\0\4\0"
	   "\x10"
	   "\0\0"),
	 SERVER},
	{"no settings, then their acknowledgement", T(SETTINGS "\0\0\0\4\1\0\0\0\0"), SERVER},
	{"no settings, then a window", T(SETTINGS "\0\0\4\x08\0\0\0\0\0\0\0\1\0"), SERVER},
	{"no settings, and nothing yet", T(SETTINGS), MORE},
	{"no settings, then zeros", T(SETTINGS "\0\0\0\0\0\0\0\0\0"), NOT_MINE},
	{"settings of a length that is none", T("\0\0\x05\4\0\0\0\0\0\0\3\0\0\0"), NOT_MINE},
	{"settings on a stream", T("\0\0\x06\4\0\0\0\0\1\0\3\0\0\0\x64"), NOT_MINE},
	{"a setting that is none", T("\0\0\x06\4\0\0\0\0\0\0\x77\0\0\0\x64"), NOT_MINE},
	{"a frame greater than may be", T("\0\0\x06\4\0\0\0\0\0\0\5\0\0\0\x64"), NOT_MINE},
	{"an SMB session message", T("\0\0\0\x85\xffSMB"), NOT_MINE},
	/* What is not HTTP/2. */
	{"the preface in lower case", T("pri * http/2.0\r\n\r\nsm\r\n\r\n"), NOT_MINE},
	{"a request with the version of HTTP/2", T("PRI * HTTP/2.0\r\nHost: a.example\r\n\r\n"),
	 NOT_MINE},
	{"a POST", T("POST / HTTP/1.1\r\nHost: a.example\r\n\r\n"), NOT_MINE},
	{"nothing", T(""), MORE},
};

static void each_row(void **state)
{
	(void)state;
	CHECK_ROWS(http2_try, rows);
}

static size_t put_frame(uint8_t *to, uint8_t type, uint8_t flags, const char *bytes, size_t len)
{
	const uint8_t head[] = {0, (uint8_t)(len >> 8), (uint8_t)len, type, flags, 0, 0, 0, 1};

	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), bytes, len);
	return sizeof(head) + len;
}

static void check_names_blocked(const uint8_t *bytes, size_t len, size_t split)
{
	struct extract_context ctx = {.transport = EXTRACT_STREAM};
	struct clue c = {.name_count = 0};

	if (http2_try(slice_of(bytes, len), &ctx, &c) != EXTRACT_NEED_MORE || c.name_count != 1 ||
	    strcmp(c.name[0].text, "www.blocked.example"))
		fail_msg("cut at %zu: %u names, first \"%s\"", split, c.name_count, c.name[0].text);
}

/* Literal and Huffman code, cut in two at every byte, and into pieces of one byte each. */
static void a_block_in_pieces(void **state)
{
	static const struct row_text blocks[] = {
		T(GET "\x41\x13www.blocked.example\x53\3*/*"),
		T("\x82\x84\x86\x41\x93\xf1\xe3\xc2\xf1\xd0\x72\x75\x2c\x8b\x97\xc8\xe9\xae\x82\xdc"
		  "\x0b"
		  "\xcd\x34\xcf\x7a\x88\x25\xb6\x50\xc3\xab\xbc\xf2\xe1\x53\3*/*"),
	};
	static uint8_t out[4096];

	(void)state;
	memcpy(out, PREFACE, sizeof(PREFACE) - 1);
	for (size_t b = 0; b < 2; b++) {
		const char *block = blocks[b].at;
		size_t len = blocks[b].len, at;

		for (size_t cut = 0; cut <= len; cut++) {
			at = sizeof(PREFACE) - 1;
			at += put_frame(out + at, 1, 1, block, cut);
			at += put_frame(out + at, 9, 4, block + cut, len - cut);
			check_names_blocked(out, at, cut);
		}
		at = sizeof(PREFACE) - 1;
		at += put_frame(out + at, 1, 1, block, 0);
		for (size_t i = 0; i < len; i++)
			at += put_frame(out + at, 9, i + 1 == len ? 4 : 0, block + i, 1);
		at += put_frame(out + at, 1, 5, "\xbe", 1);
		check_names_blocked(out, at, len);
	}
}

/* More hosts than a clue holds say so, and end the search. */
static void many_hosts_are_flagged(void **state)
{
	struct extract_context ctx = {.transport = EXTRACT_STREAM};
	struct clue c = {.name_count = 0};
	uint8_t out[1024];
	size_t at = sizeof(PREFACE) - 1;

	(void)state;
	memcpy(out, PREFACE, at);
	for (int i = 0; i <= CLUE_NAMES_MAX; i++) {
		char block[] = "\x41\x09?.example";

		block[2] = (char)('a' + i);
		at += put_frame(out + at, 1, 5, block, sizeof(block) - 1);
	}
	assert_int_equal(http2_try(slice_of(out, at), &ctx, &c), EXTRACT_FOUND);
	assert_int_equal(c.then, CLUE_THEN_END);
	assert_int_equal(c.name_count, CLUE_NAMES_MAX);
	assert_true(c.flags & CLUE_MANY_NAMES);
}

/* A whole window of the costliest frames is walked in a few milliseconds, not in its square. */
static void a_window_stays_linear(void **state)
{
	enum { WINDOW = 65536 };
	static uint8_t out[WINDOW];
	struct extract_context ctx = {.transport = EXTRACT_STREAM};
	struct clue c = {.name_count = 0};
	size_t at = sizeof(PREFACE) - 1;

	(void)state;
	memcpy(out, PREFACE, at);
	at += put_frame(out + at, 1, 1, "\x41\x89\xa4\x75\x7a\x5c\xbe\x47\x4d\x74\x17", 11);
	while (at + 11 < WINDOW)
		at += put_frame(out + at, 9, 0, "\xbe", 1);
	for (int i = 0; i < 64; i++)
		assert_int_equal(http2_try(slice_of(out, at), &ctx, &c), EXTRACT_NEED_MORE);
	assert_int_equal(c.name_count, 1);
}

static void random_payloads_name_nothing_odd(void **state)
{
	const struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 80};

	(void)state;
	check_random(http2_try, &ctx, 9113, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(a_block_in_pieces),
		cmocka_unit_test(many_hosts_are_flagged),
		cmocka_unit_test(a_window_stays_linear),
		cmocka_unit_test(random_payloads_name_nothing_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
