/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Google's own QUIC: datagrams whose message of tags is in clear, and one whose frames come out of
 * a protected packet.
 */
#include "extract_rows.h"

#include "extract/gquic.h"

#define DATAGRAM .ctx = {.transport = EXTRACT_DATAGRAM, .src_port = 50000, .dst_port = 443}
#define BLOCKED	 T("blocked.example")

#define ID     "\1\2\3\4\5\6\7\10"
#define HASH   "hash hash ha"
#define Q043   "\x09" ID "Q043\1" HASH
#define STREAM "\xa0\1" /* stream 1, with a length */
#define PAD    "\0\0\0\0\0\0\0\0"

/* Messages: count, two bytes unused, tags with the ends of their values, values. */
#define CHLO "CHLO\2\0\0\0SNI\0\x0f\0\0\0VER\0\x13\0\0\0blocked.exampleQ043"
#define SHLO "SHLO\1\0\0\0SNI\0\x0f\0\0\0blocked.example"

#define MINE .answer = EXTRACT_FOUND, .proto = PROTO_QUIC, .then = CLUE_THEN_SAME, DATAGRAM
#define NONE .answer = EXTRACT_NOT_MINE, DATAGRAM

static const struct row rows[] = {
	{"Q043", T(Q043 STREAM "\0\x2b" CHLO), .names = {BLOCKED}, MINE},
	{"padding behind it", T(Q043 STREAM "\0\x2b" CHLO PAD), .names = {BLOCKED}, MINE},
	{"padding and PING in front", T(Q043 PAD "\7" STREAM "\0\x2b" CHLO), .names = {BLOCKED},
	 MINE},
	{"a stream frame that goes on to the end", T(Q043 "\x80\1" CHLO), .names = {BLOCKED}, MINE},
	{"an offset of 0 in two bytes", T(Q043 "\xa4\1\0\0\0\x2b" CHLO), .names = {BLOCKED}, MINE},
	{"bytes of a later offset are no message", T(Q043 "\xa4\1\0\x10\0\x2b" CHLO), MINE},
	{"a stream number of four bytes", T(Q043 "\xa3\0\0\0\1\0\x2b" CHLO), .names = {BLOCKED},
	 MINE},
	{"ACK in front", T(Q043 "\x40\5\0\0\5\1\1\0\0\0\0" STREAM "\0\x2b" CHLO),
	 .names = {BLOCKED}, MINE},
	{"ACK with blocks and times",
	 T(Q043 "\x65\0\5\0\0\1\0\3\2\0\1\2\1\0\0\0\0\1\0\0" STREAM "\0\x2b" CHLO),
	 .names = {BLOCKED}, MINE},
	{"STOP_WAITING in front", T(Q043 "\6\1" STREAM "\0\x2b" CHLO), .names = {BLOCKED}, MINE},
	{"an unknown frame ends the walk", T(Q043 "\x0a" STREAM "\0\x2b" CHLO), MINE},
	{"a packet number of two bytes", T("\x19" ID "Q043\0\1" HASH STREAM "\0\x2b" CHLO),
	 .names = {BLOCKED}, MINE},
	{"little-endian until Q038", T("\x0d" ID "Q038\1" HASH STREAM "\x2b\0" CHLO),
	 .names = {BLOCKED}, MINE},
	{"a byte more until Q033", T("\x0d" ID "Q033\1" HASH "\1" STREAM "\x2b\0" CHLO),
	 .names = {BLOCKED}, MINE},
	{"Q044",
	 T("\xff"
	   "Q044\x50" ID "\0\0\0\1" HASH STREAM "\0\x2b" CHLO),
	 .names = {BLOCKED}, MINE},
	{"Q046",
	 T("\xc3"
	   "Q046\x50" ID "\0\0\0\1" HASH STREAM "\0\x2b" CHLO),
	 .names = {BLOCKED}, MINE},
	{"Q046, a number of one byte",
	 T("\xc0"
	   "Q046\x50" ID "\1" HASH STREAM "\0\x2b" CHLO),
	 .names = {BLOCKED}, MINE},
	{"Q046, a server's",
	 T("\xc3"
	   "Q046\5" ID "\0\0\0\1" HASH STREAM "\0\x1f" SHLO),
	 MINE},
	{"a message without a name",
	 T(Q043 STREAM "\0\x14"
		       "CHLO\1\0\0\0VER\0\4\0\0\0Q043"),
	 .flags = CLUE_NO_NAME, MINE},
	{"a message of a server names nothing", T(Q043 STREAM "\0\x1f" SHLO), MINE},
	{"a value that ends behind the message",
	 T(Q043 STREAM "\0\x1f"
		       "CHLO\1\0\0\0SNI\0\xff\0\0\0blocked.example"),
	 .flags = CLUE_NO_NAME, MINE},
	{"a value that ends in front of where it begins",
	 T(Q043 STREAM "\0\x27"
		       "CHLO\2\0\0\0VER\0\4\0\0\0SNI\0\2\0\0\0blocked.example"),
	 .flags = CLUE_NO_NAME, MINE},
	{"a table that claims more rows than there are",
	 T(Q043 STREAM "\0\x1f"
		       "CHLO\xff\xff\0\0SNI\0\x0f\0\0\0blocked.example"),
	 .flags = CLUE_NO_NAME, MINE},
	{"two messages, two names",
	 T(Q043 STREAM "\0\x2b" CHLO STREAM "\0\x1f"
		       "CHLO\1\0\0\0SNI\0\x0f\0\0\0allowed.example"),
	 .names = {BLOCKED, T("allowed.example")}, MINE},
	{"a list of versions", T("\x09" ID "Q043Q039"), MINE},
	{"no version", T("\x08" ID "\1" HASH STREAM "\0\x2b" CHLO), NONE},
	{"a reset", T("\x0b" ID "Q043\1" HASH STREAM "\0\x2b" CHLO), NONE},
	{"no connection id",
	 T("\x01"
	   "Q043\1" HASH STREAM "\0\x2b" CHLO),
	 NONE},
	{"a letter for a digit", T("\x09" ID "Q0x3\1" HASH STREAM "\0\x2b" CHLO), NONE},
	{"text", T("9 lines, Q043 of them about nothing at all"), NONE},
	{"Q050 has no public header", T("\x09" ID "Q050\1" HASH STREAM "\0\x2b" CHLO), NONE},
};

static void each_row(void **state)
{
	CHECK_ROWS(quic_try, rows);
}

/* Frames out of a protected packet: Q050's message is read, T051's hello becomes a piece. */
static void frames_of_protected_packets(void **state)
{
	static const char message[] = "\0\x08\0\x2b" CHLO PAD, hello[] = "\0\x08\3\5hello" PAD;
	struct extract_pieces *pieces = calloc(1, sizeof(*pieces));
	struct clue clue = {.proto = PROTO_NONE};

	assert_non_null(pieces);
	memcpy(pieces->room, message, sizeof(message) - 1);
	gquic_frames_read(slice_of(pieces->room, sizeof(message) - 1), 0x51303530, 1, 7, pieces,
			  &clue);
	assert_int_equal(pieces->count, 0);
	assert_int_equal(clue.name_count, 1);
	assert_string_equal(clue.name[0].text, "blocked.example");
	memcpy(pieces->room, hello, sizeof(hello) - 1);
	clue.name_count = 0;
	gquic_frames_read(slice_of(pieces->room, sizeof(hello) - 1), 0x54303531, 1, 7, pieces,
			  &clue);
	assert_int_equal(clue.name_count, 0);
	assert_int_equal(pieces->count, 1);
	assert_int_equal(pieces->piece[0].run, 7);
	assert_int_equal(pieces->piece[0].offset, 3);
	assert_true(slice_equal(pieces->piece[0].bytes, slice_text("hello")));
	free(pieces);
}

/* A real message with random bytes changed: never a crash, and every name is canonical. */
static void damaged_datagrams(void **state)
{
	static const char whole[] = Q043 "\x65\0\5\0\0\1\0\3\2\0\1\2\1\0\0\0\0\1\0\0" STREAM
					 "\0\x2b" CHLO PAD;
	const struct extract_context ctx = {.transport = EXTRACT_DATAGRAM};
	uint64_t seed = 5;

	for (int i = 0; i < 300000; i++) {
		uint8_t bytes[sizeof(whole) - 1];
		struct clue c = {.proto = PROTO_NONE};

		memcpy(bytes, whole, sizeof(bytes));
		for (int n = 0; n < 3; n++) {
			uint64_t r = next_random(&seed);

			bytes[13 + r % (sizeof(bytes) - 13)] = (uint8_t)(r >> 32);
		}
		assert_int_equal(quic_try(slice_of(bytes, sizeof(bytes)), &ctx, &c), EXTRACT_FOUND);
		for (size_t n = 0; n < c.name_count; n++) {
			struct name again;

			assert_true(name_set(&again, name_slice(&c.name[n])));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(frames_of_protected_packets),
		cmocka_unit_test(damaged_datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
