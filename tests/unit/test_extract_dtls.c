/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DTLS: records and fragments in a datagram, hellos in one and in pieces, and datagrams that are
 * none of it.
 */
#include "dtls_bytes.h"
#include "extract/hello.h"
#include "extract_rows.h"

static struct extract_pieces pieces;

#define DATAGRAM                               \
	.ctx = {.transport = EXTRACT_DATAGRAM, \
		.src_port = 50000,             \
		.dst_port = 443,               \
		.pieces = &pieces}
#define DTLS	 EXTRACT_FOUND, .proto = PROTO_DTLS, .then = CLUE_THEN_SAME
#define NOT_MINE EXTRACT_NOT_MINE
#define NUMBER	 "\0\0\0\0\0\1"

enum { HEADS = 13 + 12, BODY = sizeof(dtls_openssl) - HEADS };

/* Begins with no pieces, as the engine does for each datagram. */
static enum extract_answer try_fresh(struct slice bytes, const struct extract_context *ctx,
				     struct clue *clue)
{
	enum extract_answer answer;

	pieces.count = 0;
	pieces.used = 0;
	pieces.is_over = false;
	answer = dtls_try(bytes, ctx, clue);
	if (answer == EXTRACT_NOT_MINE)
		assert_true(pieces.count == 0 && !pieces.is_over);
	/* Names are tried below; here a clue without them says what it must. */
	memset(clue->ja4, 0, sizeof(clue->ja4));
	return answer;
}

static const struct row rows[] = {
	{"a hello verify request",
	 T("\x16\xfe\xff\0\0" NUMBER "\0\x13\3\0\0\7\0\0\0\0\0\0\0\7\xfe\xff\4abcd"), DTLS,
	 DATAGRAM},
	{"a server's hello in two fragments",
	 T("\x16\xfe\xfd\0\0" NUMBER "\0\x0e\2\0\0\x40\0\1\0\0\0\0\0\2\xfe\xfd"
	   "\x16\xfe\xfd\0\0" NUMBER "\0\x0e\2\0\0\x40\0\1\0\0\2\0\0\2\1\2"),
	 DTLS, DATAGRAM},
	{"the version before 1.0", T("\x16\1\0\0\0" NUMBER "\0\x0e\2\0\0\x02\0\1\0\0\0\0\0\2\1\0"),
	 DTLS, DATAGRAM},
	{"protected data", T("\x17\xfe\xfd\0\1" NUMBER "\0\5abcde"), DTLS, DATAGRAM},
	{"two protected records",
	 T("\x17\xfe\xfd\0\1" NUMBER "\0\2ab\x17\xfe\xfd\0\1" NUMBER "\0\3cde"), DTLS, DATAGRAM},
	{"protected data and a rest that is none", T("\x17\xfe\xfd\0\1" NUMBER "\0\2abcd"),
	 NOT_MINE, DATAGRAM},
	{"protected data longer than the datagram", T("\x17\xfe\xfd\0\1" NUMBER "\0\6abcde"),
	 NOT_MINE, DATAGRAM},
	{"an alert in the clear", T("\x15\xfe\xfd\0\0" NUMBER "\0\2\2\x28"), DTLS, DATAGRAM},
	{"an alert of three bytes", T("\x15\xfe\xfd\0\0" NUMBER "\0\3\2\x28\0"), NOT_MINE,
	 DATAGRAM},
	{"a change of cipher", T("\x14\xfe\xfd\0\0" NUMBER "\0\1\1"), DTLS, DATAGRAM},
	{"a cut fragment of a hello",
	 T("\x16\xfe\xff\0\0" NUMBER "\0\xd8\1\0\0\xcc\0\0\0\0\0\0\0\xcc\xfe\xfd"), DTLS, DATAGRAM},
	{"a fragment that reaches past its message",
	 T("\x16\xfe\xff\0\0" NUMBER "\0\x0e\1\0\0\2\0\0\0\0\1\0\0\2\xfe\xfd"), NOT_MINE, DATAGRAM},
	{"a fragment longer than its record",
	 T("\x16\xfe\xff\0\0" NUMBER "\0\x0e\1\0\0\x40\0\0\0\0\0\0\0\3\xfe\xfd\x16"), NOT_MINE,
	 DATAGRAM},
	{"a message of an unknown type",
	 T("\x16\xfe\xff\0\0" NUMBER "\0\x0e\x63\0\0\2\0\0\0\0\0\0\0\2\xfe\xfd"), NOT_MINE,
	 DATAGRAM},
	{"a hello of TLS's version",
	 T("\x16\xfe\xff\0\0" NUMBER "\0\x0e\1\0\0\2\0\0\0\0\0\0\0\2\3\3"), NOT_MINE, DATAGRAM},
	{"TLS", T("\x16\3\1\2\0\1\0\1\xfc\3\3\0\0\0\0\0"), NOT_MINE, DATAGRAM},
	{"STUN", T("\0\1\0\0\x21\x12\xa4\x42\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c"), NOT_MINE,
	 DATAGRAM},
	{"RTP", T("\x80\x60\0\1\0\0\0\1\0\0\0\2\1\2\3\4"), NOT_MINE, DATAGRAM},
	{"half a head", T("\x16\xfe\xfd\0\0" NUMBER "\0"), NOT_MINE, DATAGRAM},
};

static void each_row(void **state)
{
	CHECK_ROWS(try_fresh, rows);
}

static const struct extract_context with_pieces = {.transport = EXTRACT_DATAGRAM,
						   .pieces = &pieces};

static void check_hello(const struct clue *c)
{
	assert_int_equal(c->name_count, 1);
	assert_string_equal(c->name[0].text, "blocked.example");
	assert_true(c->flags & CLUE_HELLO);
}

/* In one datagram the hello is read at once; no other one is needed. */
static void whole_hello(void **state)
{
	const uint8_t *at = lay_against_wall(dtls_openssl, sizeof(dtls_openssl));
	struct extract_context without = {.transport = EXTRACT_DATAGRAM};
	struct clue c = {0};

	pieces.count = pieces.used = 0;
	assert_int_equal(dtls_try(slice_of(at, sizeof(dtls_openssl)), &with_pieces, &c),
			 EXTRACT_FOUND);
	assert_int_equal(pieces.count, 0);
	check_hello(&c);
	assert_true(c.ja4[0] == 'd');
	memset(&c, 0, sizeof(c));
	assert_int_equal(dtls_try(slice_of(at, sizeof(dtls_openssl)), &without, &c), EXTRACT_FOUND);
	assert_int_equal(c.name_count, 0);
	wall_free(at);
}

/* CAPWAP's control channel puts a preamble in front (RFC 5415 4.2). */
static void behind_a_preamble(void **state)
{
	uint8_t bytes[4 + sizeof(dtls_openssl)] = {1};
	struct clue c = {0};

	memcpy(bytes + 4, dtls_openssl, sizeof(dtls_openssl));
	pieces.count = pieces.used = 0;
	assert_int_equal(dtls_try(slice_of(bytes, sizeof(bytes)), &with_pieces, &c), EXTRACT_FOUND);
	check_hello(&c);
}

/* --- fragments ------------------------------------------------------------------------------- */

/* The hello put in order from pieces, as the engine does. */
struct assembly {
	uint8_t bytes[4 + BODY];
	bool has[4 + BODY];
	uint64_t run;
};

static void put_number(uint8_t *at, size_t n)
{
	at[0] = (uint8_t)(n >> 16);
	at[1] = (uint8_t)(n >> 8);
	at[2] = (uint8_t)n;
}

/* Writes the fragment [from, to) of the body; returns its length. */
static size_t put_fragment(uint8_t *at, size_t from, size_t to)
{
	memcpy(at, dtls_openssl + 13, 12);
	put_number(at + 6, from);
	put_number(at + 9, to - from);
	memcpy(at + 12, dtls_openssl + HEADS + from, to - from);
	return 12 + to - from;
}

static size_t put_record(uint8_t *at, size_t len)
{
	memcpy(at, dtls_openssl, 13);
	at[11] = (uint8_t)(len >> 8);
	at[12] = (uint8_t)len;
	return 13 + len;
}

static void take_datagram(struct assembly *a, const uint8_t *bytes, size_t len)
{
	struct clue c = {0};

	pieces.count = pieces.used = 0;
	pieces.is_over = false;
	assert_int_equal(dtls_try(slice_of(bytes, len), &with_pieces, &c), EXTRACT_FOUND);
	assert_int_equal(c.name_count, 0);
	assert_int_equal(pieces.proto, PROTO_DTLS);
	assert_false(pieces.is_over);
	for (unsigned i = 0; i < pieces.count; i++) {
		const struct extract_piece *p = &pieces.piece[i];

		assert_true(p->offset + p->bytes.len <= sizeof(a->bytes));
		if (!a->run)
			a->run = p->run;
		assert_true(a->run == p->run);
		memcpy(a->bytes + p->offset, p->bytes.at, p->bytes.len);
		memset(a->has + p->offset, 1, p->bytes.len);
	}
}

static void check_assembly(const struct assembly *a)
{
	struct clue c = {0};

	assert_null(memchr(a->has, 0, sizeof(a->has)));
	assert_int_equal(
		hello_read(slice_of(a->bytes, sizeof(a->bytes)), false, PROTO_DTLS, NULL, &c),
		EXTRACT_FOUND);
	check_hello(&c);
}

/* A datagram for each half, the later one first, cut at every place. */
static void every_border(void **state)
{
	static uint8_t bytes[HEADS + BODY];

	for (size_t cut = 1; cut < BODY; cut++) {
		struct assembly a = {.run = 0};
		size_t len = put_record(bytes, put_fragment(bytes + 13, cut, BODY));

		take_datagram(&a, bytes, len);
		len = put_record(bytes, put_fragment(bytes + 13, 0, cut));
		take_datagram(&a, bytes, len);
		check_assembly(&a);
	}
}

/* A fragment a byte: all in one record, and each in a record of its own. */
static void fragment_a_byte(void **state)
{
	static uint8_t bytes[BODY * (HEADS + 1)];
	struct assembly one = {.run = 0}, each = {.run = 0};
	size_t len = 0;

	for (size_t i = 0; i < BODY; i++)
		len += put_fragment(bytes + 13 + len, i, i + 1);
	take_datagram(&one, bytes, put_record(bytes, len));
	check_assembly(&one);
	len = 0;
	for (size_t i = 0; i < BODY; i++)
		len += put_record(bytes + len, put_fragment(bytes + len + 13, i, i + 1));
	take_datagram(&each, bytes, len);
	check_assembly(&each);
}

/* Fragments the wrong way round are more pieces than a datagram may have; it is said so. */
static void too_many_pieces_are_told(void **state)
{
	static uint8_t bytes[EXTRACT_PIECES_MAX * (HEADS + 1) + 13];
	struct clue c = {0};
	size_t len = 0;

	for (size_t i = 0; i < EXTRACT_PIECES_MAX; i++)
		len += put_fragment(bytes + 13 + len, BODY - 1 - i % BODY, BODY - i % BODY);
	pieces.count = pieces.used = 0;
	pieces.is_over = false;
	assert_int_equal(dtls_try(slice_of(bytes, put_record(bytes, len)), &with_pieces, &c),
			 EXTRACT_FOUND);
	assert_true(pieces.is_over);
	assert_int_equal(pieces.count, EXTRACT_PIECES_MAX);
}

/* A second hello in the same datagram counts too. */
static void two_hellos(void **state)
{
	uint8_t bytes[2 * sizeof(dtls_openssl)];
	struct clue c = {0};

	memcpy(bytes, dtls_openssl, sizeof(dtls_openssl));
	memcpy(bytes + sizeof(dtls_openssl), dtls_openssl, sizeof(dtls_openssl));
	bytes[sizeof(dtls_openssl) + 13 + 5] = 1;
	pieces.count = pieces.used = 0;
	assert_int_equal(dtls_try(slice_of(bytes, sizeof(bytes)), &with_pieces, &c), EXTRACT_FOUND);
	check_hello(&c);
	assert_int_equal(pieces.count, 1);
	assert_int_equal(pieces.piece[0].bytes.len, 4 + BODY);
	memset(&c, 0, sizeof(c));
	assert_int_equal(hello_read(pieces.piece[0].bytes, false, PROTO_DTLS, NULL, &c),
			 EXTRACT_FOUND);
	check_hello(&c);
}

static void random_payloads_are_none(void **state)
{
	uint64_t seed = 81, bytes[8];

	for (int i = 0; i < 2000000; i++) {
		struct clue c = {0};

		for (size_t n = 0; n < 8; n++)
			bytes[n] = next_random(&seed);
		assert_int_not_equal(dtls_try(slice_of(bytes, sizeof(bytes)), &with_pieces, &c),
				     EXTRACT_FOUND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),	     cmocka_unit_test(whole_hello),
		cmocka_unit_test(behind_a_preamble), cmocka_unit_test(every_border),
		cmocka_unit_test(fragment_a_byte),   cmocka_unit_test(too_many_pieces_are_told),
		cmocka_unit_test(two_hellos),	     cmocka_unit_test(random_payloads_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
