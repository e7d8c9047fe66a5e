/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * QUIC's datagrams: the RFCs' own packets, and ones sealed here with any frames inside, cut short
 * at every length, with every bit flipped, and from either end. What a CRYPTO frame holds is a
 * word here: putting words together to a hello is the engine's work.
 */
#include "extract_rows.h"

#include <stdio.h>

#include "quic_bytes.h"
#include "quic_seal.h"

enum { DATAGRAMS_MAX = 4, PACKETS_MAX = 4 };

/* --- what came out --------------------------------------------------------------------------- */

/* Everything an extractor is given and fills. */
struct trial {
	struct crypt *crypt;
	struct ids ids;
	struct extract_pieces *pieces;
	struct clue clue;
	char text[4096]; /* of what the datagrams held */
};

static void trial_begin(struct trial *t)
{
	memset(t, 0, sizeof(*t));
	t->crypt = crypt_new();
	t->pieces = calloc(1, sizeof(*t->pieces));
	assert_non_null(t->crypt);
	assert_non_null(t->pieces);
}

static void trial_end(struct trial *t)
{
	crypt_free(t->crypt);
	free(t->pieces);
}

static enum extract_answer try(struct trial *t, const uint8_t *at, size_t len, bool is_opener)
{
	struct extract_context ctx = {
		.transport = EXTRACT_DATAGRAM,
		.src_port = 50000,
		.dst_port = 4433,
		.is_opener = is_opener,
		.crypt = t->crypt,
		.ids = &t->ids,
		.pieces = t->pieces,
	};
	const uint8_t *copy = lay_against_wall(at, len);
	enum extract_answer answer;

	t->pieces->count = 0;
	t->pieces->used = 0;
	t->pieces->is_over = false;
	memset(&t->clue, 0, sizeof(t->clue));
	answer = quic_try(slice_of(copy, len), &ctx, &t->clue);
	wall_free(copy);
	return answer;
}

/* Adds the pieces to the text: a letter a run, in the order in which runs came, then offset and
 * bytes; in the end '!' when there were too many. */
static void say(struct trial *t, uint64_t run[26], unsigned *run_count)
{
	size_t at = strlen(t->text);

	for (unsigned i = 0; i < t->pieces->count; i++) {
		const struct extract_piece *p = &t->pieces->piece[i];
		unsigned r = 0;

		assert_int_equal(t->pieces->proto, PROTO_QUIC);
		assert_true(p->bytes.at >= t->pieces->room &&
			    p->bytes.at + p->bytes.len <= t->pieces->room + t->pieces->used);
		while (r < *run_count && run[r] != p->run)
			r++;
		assert_true(r < 26);
		if (r == *run_count)
			run[(*run_count)++] = p->run;
		assert_true(p->bytes.len < 512 && at < sizeof(t->text) - 600);
		at += (size_t)snprintf(t->text + at, sizeof(t->text) - at, "%s%c%u=%.*s",
				       at && t->text[at - 1] != '|' ? " " : "", 'a' + (int)r,
				       p->offset, (int)p->bytes.len, (const char *)p->bytes.at);
	}
	snprintf(t->text + at, sizeof(t->text) - at, "%s|", t->pieces->is_over ? "!" : "");
}

/* --- rows ------------------------------------------------------------------------------------ */

#define N EXTRACT_NOT_MINE
#define F EXTRACT_FOUND

/* CRYPTO: offset and length are one byte each. */
#define HELLO "\x06\x00\x05hello"
#define WORLD "\x06\x05\x06 world"
#define PING  "\x01"
#define PAD   "\x00\x00\x00"
#define BIG   .pad_to = 1200

#define SEAL(what, ...)                                         \
	{                                                       \
		.type = INITIAL, .frames = T(what), __VA_ARGS__ \
	}
#define BYTES(what)                            \
	{                                      \
		.type = RAW, .frames = T(what) \
	}
#define OTHER(which, ...)                  \
	{                                  \
		.type = which, __VA_ARGS__ \
	}

static const struct quic_row {
	const char *name;
	struct {
		enum extract_answer answer;
		bool is_server; /* sent by the end that did not open the flow */
		struct packet packet[PACKETS_MAX];
	} datagram[DATAGRAMS_MAX];
	const char *text;
} rows[] = {
	{"one CRYPTO frame", {{F, 0, {SEAL(HELLO, BIG)}}}, "a0=hello|"},
	{"a small packet", {{F, 0, {SEAL(HELLO)}}}, "a0=hello|"},
	{"no CRYPTO frame", {{F, 0, {SEAL(PING, BIG)}}}, "|"},
	{"pieces in a row become one", {{F, 0, {SEAL(HELLO WORLD)}}}, "a0=hello world|"},
	{"pieces in any order, PING and PADDING between",
	 {{F, 0, {SEAL(PING WORLD PAD PING HELLO PAD)}}},
	 "a5= world a0=hello|"},
	{"one byte a piece, in a row",
	 {{F,
	   0,
	   {SEAL("\6\0\1h" PING "\6\1\1e" PAD "\6\2\1l"
		 "\6\3\1l"
		 "\6\4\1o")}}},
	 "a0=hello|"},
	{"one byte a piece, backwards",
	 {{F, 0, {SEAL("\6\4\1o\6\3\1l\6\2\1l\6\1\1e\6\0\1h")}}},
	 "a4=o a3=l a2=l a1=e a0=h|"},
	{"pieces that overlap and disagree",
	 {{F, 0, {SEAL(HELLO "\6\0\5HELLO")}}},
	 "a0=hello a0=HELLO|"},
	{"an empty piece is none", {{F, 0, {SEAL("\6\7\0" HELLO)}}}, "a0=hello|"},
	{"ACK in front", {{F, 0, {SEAL("\2\5\0\1\0\1\2" HELLO)}}}, "a0=hello|"},
	{"ACK with ECN counts", {{F, 0, {SEAL("\3\5\0\0\0\1\2\3" HELLO)}}}, "a0=hello|"},
	{"an ACK that claims ranges without end takes the rest",
	 {{F, 0, {SEAL("\2\5\0\xff\xff\xff\xff\xff\xff\xff\xff\0" HELLO)}}},
	 "|"},
	{"CONNECTION_CLOSE in front", {{F, 0, {SEAL("\x1c\1\6\3why" HELLO)}}}, "a0=hello|"},
	{"an unknown frame ends the walk, what was found stays",
	 {{F, 0, {SEAL(HELLO "\x1e" WORLD)}}},
	 "a0=hello|"},
	{"STREAM has no place here", {{F, 0, {SEAL("\x08\x00" HELLO)}}}, "|"},
	{"a piece that claims more than there is",
	 {{F, 0, {SEAL(HELLO "\6\5\x40\xff world")}}},
	 "a0=hello|"},
	{"numbers wider than they need be",
	 {{F, 0, {SEAL("\x40\6\x80\0\0\0\xc0\0\0\0\0\0\0\5hello")}}},
	 "a0=hello|"},
	{"a piece that ends at 64 KiB",
	 {{F, 0, {SEAL("\6\x80\0\xff\xfb\5hello")}}},
	 "a65531=hello|"},
	{"a piece beyond 64 KiB is counted",
	 {{F, 0, {SEAL("\6\x80\0\xff\xfc\5hello" WORLD)}}},
	 "a5= world!|"},
	{"a piece at 2^62-1 is counted",
	 {{F, 0, {SEAL("\6\xff\xff\xff\xff\xff\xff\xff\xff\5hello")}}},
	 "!|"},

	{"version 2", {{F, 0, {SEAL(HELLO, .version = V2, BIG)}}}, "a0=hello|"},
	{"version 2's draft", {{F, 0, {SEAL(HELLO, .version = 0x709a50c4)}}}, "a0=hello|"},
	{"draft 22", {{F, 0, {SEAL(HELLO, .version = DRAFT(22))}}}, "a0=hello|"},
	{"draft 23", {{F, 0, {SEAL(HELLO, .version = DRAFT(23))}}}, "a0=hello|"},
	{"draft 28", {{F, 0, {SEAL(HELLO, .version = DRAFT(28))}}}, "a0=hello|"},
	{"draft 29", {{F, 0, {SEAL(HELLO, .version = DRAFT(29))}}}, "a0=hello|"},
	{"draft 32", {{F, 0, {SEAL(HELLO, .version = DRAFT(32))}}}, "a0=hello|"},
	{"draft 34 is version 1",
	 {{F, 0, {SEAL(HELLO, .version = DRAFT(34), .key_version = V1)}}},
	 "a0=hello|"},
	{"mvfst's draft 22",
	 {{F, 0, {SEAL(HELLO, .version = 0xfaceb001, .key_version = DRAFT(22))}}},
	 "a0=hello|"},
	{"mvfst's draft 27",
	 {{F, 0, {SEAL(HELLO, .version = 0xfaceb002, .key_version = DRAFT(27))}}},
	 "a0=hello|"},
	{"mvfst's version 1",
	 {{F, 0, {SEAL(HELLO, .version = 0xfaceb003, .key_version = V1)}}},
	 "a0=hello|"},
	{"Google's T051", {{F, 0, {SEAL("\x08\0\5hello", .version = T051)}}}, "a0=hello|"},
	{"a version that is there to be refused, written as version 1",
	 {{F, 0, {SEAL(HELLO, .version = GREASE, .key_version = V1, BIG)}}},
	 "a0=hello|"},
	{"... as draft 29",
	 {{F, 0, {SEAL(HELLO, .version = GREASE, .key_version = DRAFT(29), BIG)}}},
	 "a0=hello|"},
	{"... as one that nobody knows",
	 {{F, 0, {SEAL(HELLO, .version = GREASE, .key_version = V2, BIG)}}},
	 "|"},
	{"... in a small datagram is anybody's",
	 {{N, 0, {SEAL(HELLO, .version = GREASE, .key_version = V1)}}},
	 "|"},
	{"a version that is nobody's",
	 {{N, 0, {SEAL(HELLO, .version = 0x12345678, .key_version = V1, BIG)}}},
	 "|"},

	{"a token", {{F, 0, {SEAL(HELLO, .token = T("token"))}}}, "a0=hello|"},
	{"both ids",
	 {{F, 0, {SEAL(HELLO, .dcid = "0123456789abcdefghij", .scid = "source")}}},
	 "a0=hello|"},
	{"an empty id", {{F, 0, {SEAL(HELLO, .dcid = "")}}}, "a0=hello|"},
	{"an id of 21 bytes", {{N, 0, {SEAL(HELLO, .dcid = "0123456789abcdefghijk")}}}, "|"},
	{"packet numbers of each width",
	 {{F, 0, {SEAL(HELLO, .number_len = 1, .number = 255)}},
	  {F, 0, {SEAL(HELLO, .number_len = 2, .number = 65535)}},
	  {F, 0, {SEAL(HELLO, .number_len = 3, .number = 0xfffffe)}},
	  {F, 0, {SEAL(HELLO, .number_len = 4, .number = 0xffffff)}}},
	 "a0=hello|a0=hello|a0=hello|a0=hello|"},
	{"a number whose upper part was said before",
	 {{F, 0, {SEAL(PING, .number_len = 4, .number = 0x10ffff)}},
	  {F, 0, {SEAL(HELLO, .number_len = 1, .number = 0x110000)}}},
	 "|a0=hello|"},
	{"... by a decoy",
	 {{F, 0, {SEAL(PING, .number_len = 4, .number = 0x10ffff)}},
	  {F, 0, {SEAL(HELLO, .number_len = 1, .number = 1)}}},
	 "|a0=hello|"},
	{"the fixed bit is clear", {{F, 0, {SEAL(HELLO, .has_clear_bit = true)}}}, "a0=hello|"},
	{"the fixed bit is clear, and nothing opens",
	 {{N, 0, {SEAL(HELLO, .has_clear_bit = true, .key_id = "other")}}},
	 "|"},
	{"keys of another id: QUIC, but closed", {{F, 0, {SEAL(HELLO, .key_id = "other")}}}, "|"},
	{"a Length beyond the datagram", {{F, 0, {SEAL(HELLO, .length_lie = 1)}}}, "|"},
	{"a Length beyond a datagram to a short id",
	 {{N, 0, {SEAL(HELLO, .dcid = "short", .length_lie = 1)}}},
	 "|"},
	{"a Length that leaves no room for a sample",
	 {{N, 0, {SEAL(HELLO, .length_lie = -7)}}},
	 "|"},

	{"two Initial packets in a datagram",
	 {{F, 0, {SEAL(WORLD, .number = 1), SEAL(HELLO, .number = 0)}}},
	 "a5= world a0=hello|"},
	{"0-RTT and Handshake around it",
	 {{F, 0, {OTHER(ZERO_RTT), SEAL(HELLO), OTHER(HANDSHAKE), BYTES("\x41short header")}}},
	 "a0=hello|"},
	{"the same in version 2",
	 {{F,
	   0,
	   {OTHER(ZERO_RTT, .version = V2), SEAL(HELLO, .version = V2),
	    OTHER(HANDSHAKE, .version = V2)}}},
	 "a0=hello|"},
	{"a closed Initial in front",
	 {{F, 0, {SEAL(WORLD, .key_id = "other"), SEAL(HELLO)}}},
	 "a0=hello|"},
	{"packets to two ids",
	 {{F, 0, {SEAL(HELLO), SEAL(HELLO, .dcid = "dcid-002")}}},
	 "a0=hello|"}, /* the second is not for this connection (RFC 9000 12.2) */
	{"packets to two ids: nothing goes on from one to the other",
	 {{F, 0, {SEAL(HELLO), SEAL(WORLD, .dcid = "dcid-002")}}},
	 "a0=hello|"},
	{"packets to one id in two versions",
	 {{F, 0, {SEAL(HELLO), SEAL(WORLD, .version = V2)}}},
	 "a0=hello b5= world|"},
	{"junk behind it", {{F, 0, {SEAL(HELLO), BYTES("junk")}}}, "a0=hello|"},
	{"zeros in front: no server reads that",
	 {{N, 0, {BYTES("\0\0\0\0\0\0\0\0"), SEAL(HELLO)}}},
	 "|"},
	{"a 0-RTT packet alone", {{F, 0, {OTHER(ZERO_RTT)}}}, "|"},
	{"a Handshake packet alone", {{F, 1, {OTHER(HANDSHAKE)}}}, "|"},
	{"a Handshake packet that ends too late",
	 {{N, 1, {OTHER(HANDSHAKE, .length_lie = 1)}}},
	 "|"},
	{"a Handshake packet without the fixed bit",
	 {{N, 1, {OTHER(HANDSHAKE, .has_clear_bit = true)}}},
	 "|"},

	{"a hello over two datagrams",
	 {{F, 0, {SEAL(WORLD, .number = 1, BIG)}}, {F, 0, {SEAL(HELLO, BIG)}}},
	 "a5= world|a0=hello|"},
	{"the second one goes to the server's id",
	 {{F, 0, {SEAL(HELLO, .scid = "client")}},
	  {F,
	   1,
	   {SEAL("\6\0\6answer", .is_server = true, .key_id = "dcid-001", .dcid = "client",
		 .scid = "server")}},
	  {F, 0, {SEAL(WORLD, .dcid = "server", .key_id = "dcid-001", .number = 1)}}},
	 "a0=hello||a5= world|"},
	{"who opened the flow is not known",
	 {{F, 1, {SEAL(HELLO, .scid = "client")}},
	  {F, 0, {SEAL("\6\0\6answer", .is_server = true, .key_id = "dcid-001", .dcid = "client")}},
	  {F, 1, {SEAL(WORLD, .dcid = "server", .key_id = "dcid-001", .number = 1)}}},
	 "a0=hello||a5= world|"},
	{"the server chooses another version",
	 {{F, 0, {SEAL(HELLO)}},
	  {F,
	   1,
	   {SEAL("\6\0\6answer", .version = V2, .is_server = true, .key_id = "dcid-001",
		 .dcid = "client")}},
	  {F,
	   0,
	   {SEAL(WORLD, .version = V2, .dcid = "server", .key_id = "dcid-001", .number = 1)}}},
	 "a0=hello||a5= world|"},
	{"Retry: another id, other keys, a new hello",
	 {{F, 0, {SEAL(HELLO)}},
	  {F, 1, {OTHER(RETRY, .dcid = "client", .scid = "server-1")}},
	  {F, 0, {SEAL(HELLO, .dcid = "server-1", .token = T("token"))}},
	  {F, 0, {SEAL(WORLD, .dcid = "server-2", .key_id = "server-1")}}},
	 "a0=hello||b0=hello|b5= world|"},
	{"a server's Initial without the fixed bit: told by its keys, from either end",
	 {{F, 0, {SEAL(HELLO)}},
	  {F,
	   1,
	   {SEAL(PING, .is_server = true, .key_id = "dcid-001", .dcid = "client",
		 .has_clear_bit = true)}},
	  {F,
	   0,
	   {SEAL(PING, .is_server = true, .key_id = "dcid-001", .dcid = "client",
		 .has_clear_bit = true)}}},
	 "a0=hello|||"},
	{"a server's Initial whose client nobody saw",
	 {{F, 1, {SEAL(HELLO, .is_server = true, .key_id = "dcid-001", .dcid = "")}}},
	 "|"},
	{"a Retry that has no room for its tag",
	 {{N,
	   1,
	   {BYTES("\xf0\0\0\0\1\6client\6server"
		  "0123456789abcdef")}}},
	 "|"},
	{"junk first, then a hello",
	 {{N, 0, {BYTES("\x40")}}, {N, 0, {BYTES("\x41short")}}, {F, 0, {SEAL(HELLO)}}},
	 "||a0=hello|"},

	{"Version Negotiation",
	 {{F, 1, {BYTES("\xc5\0\0\0\0\6client\6server\x1a\x2a\x3a\x4a\0\0\0\1")}}},
	 "|"},
	{"... of versions that nobody knows",
	 {{N, 1, {BYTES("\xc5\0\0\0\0\6client\6server\x12\x34\x56\x78")}}},
	 "|"},
	{"... without any", {{N, 1, {BYTES("\xc5\0\0\0\0\6client\6server")}}}, "|"},
	{"... of half a version", {{N, 1, {BYTES("\xc5\0\0\0\0\6client\6server\0\0\0\1\0")}}}, "|"},
	{"a short header",
	 {{N,
	   0,
	   {BYTES("\x41"
		  "dcid-001 and then noise, noise, noise")}}},
	 "|"},
	{"DNS", {{N, 0, {BYTES("\x80\0\x81\x80\0\1\0\1\0\0\0\0\3www\7example\0\0\1\0\1")}}}, "|"},
	{"RTP", {{N, 0, {BYTES("\x80\x60\0\1\0\0\0\1\x12\x34\x56\x78 media, media")}}}, "|"},
	{"nothing", {{N, 0, {BYTES("")}}}, "|"},
};

static void build(struct bytes *d, const struct packet packet[PACKETS_MAX], struct crypt *c)
{
	d->len = 0;
	for (int i = 0; i < PACKETS_MAX; i++)
		put_packet(d, &packet[i], c);
}

/* A datagram is there when it has a packet. */
static bool has_datagram(const struct quic_row *r, int i)
{
	return i < DATAGRAMS_MAX && r->datagram[i].packet[0].type != NO_PACKET;
}

static void check_clue(const struct quic_row *r, const struct trial *t, enum extract_answer answer,
		       size_t len)
{
	static const struct clue untouched;

	if (answer == EXTRACT_NOT_MINE) {
		if (memcmp(&t->clue, &untouched, sizeof(t->clue)) != 0 || t->pieces->count)
			fail_msg("%s: not mine, but something was said", r->name);
		return;
	}
	if (answer != EXTRACT_FOUND || t->clue.proto != PROTO_QUIC || t->clue.consumed != len ||
	    t->clue.name_count || t->clue.then != CLUE_THEN_SAME)
		fail_msg("%s: not the clue it should be", r->name);
}

static void each_row(void **state)
{
	static struct bytes d;
	struct trial t;

	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		const struct quic_row *r = &rows[n];
		unsigned run_count = 0;
		uint64_t run[26];

		trial_begin(&t);
		for (int i = 0; has_datagram(r, i); i++) {
			enum extract_answer answer;

			build(&d, r->datagram[i].packet, t.crypt);
			answer = try(&t, d.at, d.len, !r->datagram[i].is_server);
			if (answer != r->datagram[i].answer)
				fail_msg("%s: datagram %d: answer %d", r->name, i, answer);
			check_clue(r, &t, answer, d.len);
			say(&t, run, &run_count);
		}
		if (strcmp(t.text, r->text) != 0)
			fail_msg("%s: \"%s\", expected \"%s\"", r->name, t.text, r->text);
		trial_end(&t);
	}
}

/* Cut short, a datagram holds no other pieces, only fewer. */
static void each_row_cut_short(void **state)
{
	static struct bytes d;
	struct trial t, whole;

	trial_begin(&t);
	trial_begin(&whole);
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		build(&d, rows[n].datagram[0].packet, t.crypt);
		whole.ids.count = whole.ids.next = 0;
		(void)try(&whole, d.at, d.len, true);
		for (size_t len = 0; len < d.len; len++) {
			enum extract_answer answer;

			t.ids.count = t.ids.next = 0;
			answer = try(&t, d.at, len, true);
			check_clue(&rows[n], &t, answer, len);
			assert_true(t.pieces->count <= whole.pieces->count);
			for (unsigned i = 0; i < t.pieces->count; i++)
				assert_true(slice_equal(t.pieces->piece[i].bytes,
							whole.pieces->piece[i].bytes));
		}
	}
	trial_end(&t);
	trial_end(&whole);
}

/* --- the RFCs' packets ----------------------------------------------------------------------- */

static const struct rfc_row {
	const char *name;
	const uint8_t *client, *server, *retry;
	size_t client_len, server_len, retry_len;
} rfc_rows[] = {
	{"RFC 9001 A", quic_rfc_client_1, quic_rfc_server_1, quic_rfc_retry_1,
	 sizeof(quic_rfc_client_1), sizeof(quic_rfc_server_1), sizeof(quic_rfc_retry_1)},
	{"RFC 9369 A", quic_rfc_client_2, quic_rfc_server_2, quic_rfc_retry_2,
	 sizeof(quic_rfc_client_2), sizeof(quic_rfc_server_2), sizeof(quic_rfc_retry_2)},
};

static void the_rfcs_packets(void **state)
{
	for (size_t i = 0; i < sizeof(rfc_rows) / sizeof(rfc_rows[0]); i++) {
		const struct rfc_row *r = &rfc_rows[i];
		struct trial t;

		trial_begin(&t);
		assert_int_equal(try(&t, r->client, r->client_len, true), EXTRACT_FOUND);
		assert_int_equal(t.pieces->count, 1);
		assert_int_equal(t.pieces->piece[0].offset, 0);
		assert_int_equal(t.pieces->piece[0].bytes.len, sizeof(quic_rfc_client_plain) - 4);
		assert_memory_equal(t.pieces->piece[0].bytes.at, quic_rfc_client_plain + 4,
				    sizeof(quic_rfc_client_plain) - 4);
		/* The server's is told apart, and holds no name. */
		assert_int_equal(try(&t, r->server, r->server_len, false), EXTRACT_FOUND);
		assert_int_equal(t.pieces->count, 0);
		assert_int_equal(try(&t, r->retry, r->retry_len, false), EXTRACT_FOUND);
		trial_end(&t);
	}
}

/* What one bit of a client's packet differs in is no packet of it. */
static void every_bit_flipped(void **state)
{
	uint8_t bytes[sizeof(quic_rfc_client_1)];
	struct trial t;

	trial_begin(&t);
	memcpy(bytes, quic_rfc_client_1, sizeof(bytes));
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		t.ids.count = t.ids.next = 0;
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		(void)try(&t, bytes, sizeof(bytes), true);
		if (t.pieces->count || t.ids.count)
			fail_msg("bit %zu: something was read", bit);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	trial_end(&t);
}

/* Without handles, without room, without ids. */
static void with_less(void **state)
{
	struct trial t;
	struct extract_context ctx = {.transport = EXTRACT_DATAGRAM, .is_opener = true};
	const struct slice bytes = slice_of(quic_rfc_client_1, sizeof(quic_rfc_client_1));
	struct clue clue = {.proto = PROTO_NONE};

	trial_begin(&t);
	assert_int_equal(quic_try(bytes, &ctx, &clue), EXTRACT_FOUND);
	ctx.crypt = t.crypt;
	assert_int_equal(quic_try(bytes, &ctx, &clue), EXTRACT_FOUND);
	ctx.pieces = t.pieces;
	assert_int_equal(quic_try(bytes, &ctx, &clue), EXTRACT_FOUND);
	assert_int_equal(t.pieces->count, 1);
	trial_end(&t);
}

/* Google's Q050: the packet is protected, the name in a message of its own form. */
static void message_of_q050(void **state)
{
	static struct bytes d;
	const struct packet p = SEAL("\7\x08\0\x27"
				     "CHLO\2\0\0\0SNI\0\x0f\0\0\0VER\0\x0f\0\0\0blocked.example",
				     .version = Q050, BIG);
	struct trial t;

	trial_begin(&t);
	d.len = 0;
	put_packet(&d, &p, t.crypt);
	assert_int_equal(try(&t, d.at, d.len, true), EXTRACT_FOUND);
	assert_int_equal(t.pieces->count, 0);
	assert_int_equal(t.clue.name_count, 1);
	assert_string_equal(t.clue.name[0].text, "blocked.example");
	for (size_t len = 0; len < d.len; len++) {
		(void)try(&t, d.at, len, true);
		assert_int_equal(t.clue.name_count, 0);
	}
	trial_end(&t);
}

/* --- bounds ---------------------------------------------------------------------------------- */

/* More pieces than fit are counted; those that fit are there. */
static void more_pieces_than_fit(void **state)
{
	static char frames[(EXTRACT_PIECES_MAX + 1) * 5];
	static struct bytes d;
	struct trial t;

	trial_begin(&t);
	for (size_t i = 0; i <= EXTRACT_PIECES_MAX; i++)
		memcpy(frames + i * 5,
		       (char[5]){6, (char)(0x40 | (2 * i >> 8)), (char)(2 * i), 1, 'x'}, 5);
	for (size_t over = 0; over < 2; over++) {
		struct packet p = {
			.type = INITIAL,
			.frames = {frames, (EXTRACT_PIECES_MAX + over) * 5},
		};

		d.len = 0;
		put_packet(&d, &p, t.crypt);
		assert_int_equal(try(&t, d.at, d.len, true), EXTRACT_FOUND);
		assert_int_equal(t.pieces->count, EXTRACT_PIECES_MAX);
		assert_int_equal(t.pieces->is_over, over);
	}
	trial_end(&t);
}

/* A datagram of hundreds of packets that nothing opens costs a bounded number of attempts, and it
 * is said that not all was read. */
static void hundreds_of_packets(void **state)
{
	static struct bytes d;
	const struct packet closed = SEAL(HELLO, .key_id = "other");
	const struct packet open = SEAL(HELLO);
	struct trial t;

	trial_begin(&t);
	d.len = 0;
	for (int i = 0; i < 500; i++)
		put_packet(&d, &closed, t.crypt);
	put_packet(&d, &open, t.crypt);
	assert_int_equal(try(&t, d.at, d.len, true), EXTRACT_FOUND);
	assert_true(t.pieces->is_over);
	/* As many that open are all read. */
	d.len = 0;
	for (int i = 0; i < 500; i++)
		put_packet(&d, &open, t.crypt);
	assert_int_equal(try(&t, d.at, d.len, true), EXTRACT_FOUND);
	assert_false(t.pieces->is_over);
	assert_int_equal(t.pieces->count, 500);
	trial_end(&t);
}

/* The room that is left is what bounds the plain bytes. */
static void no_room_left(void **state)
{
	const struct slice bytes = slice_of(quic_rfc_client_1, sizeof(quic_rfc_client_1));
	struct trial t;
	struct extract_context ctx = {.transport = EXTRACT_DATAGRAM, .is_opener = true};

	trial_begin(&t);
	ctx.crypt = t.crypt;
	ctx.pieces = t.pieces;
	for (size_t left = bytes.len - 1; left <= bytes.len; left++) {
		t.pieces->count = 0;
		t.pieces->is_over = false;
		t.pieces->used = EXTRACT_ROOM - left;
		assert_int_equal(quic_try(bytes, &ctx, &t.clue), EXTRACT_FOUND);
		assert_int_equal(t.pieces->count, left == bytes.len);
		assert_int_equal(t.pieces->is_over, left < bytes.len);
	}
	trial_end(&t);
}

/* More ids than are kept: what goes on from the first is not read, and that is said. */
static void more_ids_than_are_kept(void **state)
{
	static const char *ids[] = {"dcid-001", "dcid-002", "dcid-003", "dcid-004", "dcid-005"};
	static struct bytes d;
	struct packet later = SEAL(WORLD, .dcid = "server", .key_id = "dcid-001");
	struct trial t;

	trial_begin(&t);
	for (int i = 0; i < 5; i++) {
		struct packet p = SEAL(HELLO, .dcid = ids[i]);

		d.len = 0;
		put_packet(&d, &p, t.crypt);
		assert_int_equal(try(&t, d.at, d.len, true), EXTRACT_FOUND);
		assert_false(t.pieces->is_over);
		d.len = 0;
		put_packet(&d, &later, t.crypt);
		assert_int_equal(try(&t, d.at, d.len, true), EXTRACT_FOUND);
		assert_int_equal(t.pieces->count, i < IDS_KEPT);
		assert_int_equal(t.pieces->is_over, i >= IDS_KEPT);
	}
	trial_end(&t);
}

static void random_payloads_are_not_quic(void **state)
{
	static const uint8_t firsts[] = {0x00, 0x40, 0x09, 0x0d, 0x80, 0xc0, 0xc3, 0xd0, 0xff};
	static uint64_t bytes[175];
	uint64_t seed = 11;
	struct trial t;

	trial_begin(&t);
	for (unsigned i = 0; i < 300000; i++) {
		struct extract_context ctx = {.transport = EXTRACT_DATAGRAM,
					      .crypt = t.crypt,
					      .ids = &t.ids,
					      .pieces = t.pieces};
		size_t len = i % 4 ? next_random(&seed) % 100 : sizeof(bytes);

		for (size_t at = 0; at * sizeof(bytes[0]) < len; at++)
			bytes[at] = next_random(&seed);
		*(uint8_t *)bytes = firsts[i % sizeof(firsts)];
		assert_int_equal(quic_try(slice_of(bytes, len), &ctx, &t.clue), EXTRACT_NOT_MINE);
	}
	trial_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(each_row_cut_short),
		cmocka_unit_test(the_rfcs_packets),
		cmocka_unit_test(every_bit_flipped),
		cmocka_unit_test(message_of_q050),
		cmocka_unit_test(with_less),
		cmocka_unit_test(more_pieces_than_fit),
		cmocka_unit_test(hundreds_of_packets),
		cmocka_unit_test(no_room_left),
		cmocka_unit_test(more_ids_than_are_kept),
		cmocka_unit_test(random_payloads_are_not_quic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
