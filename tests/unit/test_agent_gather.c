/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One worker's fragments: each datagram is handed on once, whole, by the hash of its flow; a first
 * piece at once; nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agent/gather.h"
#include "build.h"
#include "support.h"

enum { CLIENT = 0x0a000001, SERVER = 0x0a000002, DATAGRAM = 3008, MTU = 1000 };

struct handed {
	unsigned count, whole;
	uint32_t hash;
	bool has_fragment;
	uint8_t bytes[DATAGRAM + 100];
	size_t len, other_len;
};

static void hand(void *ctx, uint32_t hash, const struct frame *f)
{
	struct handed *h = ctx;

	h->count++;
	h->hash = hash;
	h->has_fragment = f->fragment != NULL;
	if (!f->fragment || !f->fragment->whole[0].len)
		return;
	h->whole++;
	h->len = f->fragment->whole[0].len;
	h->other_len = f->fragment->whole[1].len;
	assert_in_range(h->len, 20, sizeof(h->bytes));
	memcpy(h->bytes, f->fragment->whole[0].at, h->len);
}

/* An IP datagram of UDP, as if nothing had cut it. */
static size_t datagram_make(uint8_t *out, uint16_t sport, uint8_t seed)
{
	uint8_t payload[DATAGRAM - 28];

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(seed + i * 31 + (i >> 8));
	return build_frame(out, &(struct build_packet){
					.link = LINK_RAW_IP,
					.src = CLIENT,
					.dst = SERVER,
					.sport = sport,
					.dport = 443,
					.proto = DPI_IP_UDP,
					.payload = slice_of(payload, sizeof(payload)),
				});
}

/* Piece i of a datagram as an Ethernet frame; id tells datagrams apart. */
static size_t piece_make(uint8_t *out, const uint8_t *datagram, size_t len, unsigned i, uint16_t id)
{
	size_t body = len - 20, from = i * (MTU / 8 * 8), n = body - from;
	bool more = n > MTU;
	uint8_t *ip = out + 14;

	if (more)
		n = MTU / 8 * 8;
	memcpy(out, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08", 14);
	memcpy(ip, datagram, 20);
	ip[2] = (uint8_t)((n + 20) >> 8);
	ip[3] = (uint8_t)(n + 20);
	ip[4] = (uint8_t)(id >> 8);
	ip[5] = (uint8_t)id;
	ip[6] = (uint8_t)((more ? 0x20 : 0) | from >> 11);
	ip[7] = (uint8_t)(from >> 3);
	memcpy(ip + 20, datagram + 20 + from, n);
	return 34 + n;
}

static void give(struct gather *g, const uint8_t *bytes, size_t len, bool is_dropped,
		 struct handed *h)
{
	struct frame f = {
		.ts_ns = 1000000000,
		.wire_len = (uint32_t)len,
		.link = LINK_ETHERNET,
		.bytes = slice_of(lay_against_wall(bytes, len), len),
	};

	gather_take(g, &f, is_dropped, hand, h);
	wall_free(f.bytes.at);
}

static uint32_t hash_of(const uint8_t *datagram, size_t len)
{
	struct frame f = {
		.link = LINK_RAW_IP, .wire_len = (uint32_t)len, .bytes = slice_of(datagram, len)};
	struct packet p;

	assert_int_equal(packet_decode(&f, &p), DPI_PARSE_OK);
	return p.hash;
}

static void test_orders(void **state)
{
	static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct gather *g = gather_new();
	uint8_t datagram[DATAGRAM + 100], piece[MTU + 100];

	for (uint16_t i = 0; i < 6; i++) {
		size_t len = datagram_make(datagram, (uint16_t)(5000 + i), (uint8_t)i);
		struct handed h = {0};

		for (int n = 0; n < 3; n++) {
			bool is_first = orders[i][n] == 0, is_last = n == 2;
			unsigned before = h.count;

			give(g, piece, piece_make(piece, datagram, len, orders[i][n], i), false,
			     &h);
			/* The first is handed on for what is in it, the last for all of it. */
			assert_int_equal(h.count - before, is_first || is_last);
			assert_int_equal(h.whole, is_last);
		}
		assert_int_equal(h.hash, hash_of(datagram, len));
		assert_int_equal(h.len, len);
		assert_int_equal(h.other_len, 0);
		assert_memory_equal(h.bytes + 20, datagram + 20, len - 20);
	}
	assert_int_equal(gather_counters(g)->fragments_whole, 6);
	gather_free(g);
}

static void test_dropped(void **state)
{
	struct gather *g = gather_new();
	uint8_t datagram[DATAGRAM + 100], piece[MTU + 100];
	size_t len = datagram_make(datagram, 5000, 1);
	struct handed h = {0};

	for (unsigned i = 0; i < 3; i++)
		give(g, piece, piece_make(piece, datagram, len, i, 9), i == 0, &h);
	/* Told of, but never whole: the far end will not have it either. */
	assert_int_equal(h.count, 1);
	assert_false(h.has_fragment);
	assert_int_equal(h.whole, 0);
	gather_free(g);
}

/* Two first pieces with other ports: either may be what a receiver takes. */
static void test_two_readings(void **state)
{
	struct gather *g = gather_new();
	uint8_t one[DATAGRAM + 100], two[DATAGRAM + 100], piece[MTU + 100];
	size_t len = datagram_make(one, 5000, 1);
	struct handed h = {0};

	datagram_make(two, 6000, 1);
	give(g, piece, piece_make(piece, one, len, 0, 9), false, &h);
	give(g, piece, piece_make(piece, two, len, 0, 9), false, &h);
	assert_int_equal(h.count, 2);
	give(g, piece, piece_make(piece, one, len, 1, 9), false, &h);
	assert_int_equal(h.count, 2);
	give(g, piece, piece_make(piece, one, len, 2, 9), false, &h);
	/* Each as a flow of its own. */
	assert_int_equal(h.count, 4);
	assert_int_equal(h.whole, 2);
	assert_int_equal(h.other_len, 0);
	assert_int_equal(h.hash, hash_of(two, len));
	gather_free(g);
}

/* A tunnel in pieces around a datagram that is itself one piece of another. */
static void test_nested(void **state)
{
	struct gather *g = gather_new();
	uint8_t datagram[DATAGRAM + 100], inner[MTU + 100], outer[MTU + 200], piece[MTU + 300];
	size_t len = datagram_make(datagram, 5000, 3);
	struct handed h = {0};

	for (unsigned i = 0; i < 3; i++) {
		size_t n = piece_make(inner, datagram, len, i, 77) - 14;
		size_t whole = build_frame(
			outer, &(struct build_packet){.link = LINK_RAW_IP,
						      .src = 0xc0000201,
						      .dst = 0xc0000202,
						      .proto = DPI_IP_IP4,
						      .payload = slice_of(inner + 14, n)});
		size_t body = whole - 20, half = body / 2 / 8 * 8;

		for (int part = 0; part < 2; part++) {
			size_t from = part ? half : 0, size = part ? body - half : half;

			memcpy(piece, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08", 14);
			memcpy(piece + 14, outer, 20);
			piece[16] = (uint8_t)((size + 20) >> 8);
			piece[17] = (uint8_t)(size + 20);
			piece[19] = (uint8_t)(i + 1);
			piece[20] = (uint8_t)((part ? 0 : 0x20) | from >> 11);
			piece[21] = (uint8_t)(from >> 3);
			memcpy(piece + 34, outer + 20 + from, size);
			h.count = 0;
			give(g, piece, 34 + size, false, &h);
		}
	}
	assert_int_equal(h.whole, 1);
	assert_int_equal(h.hash, hash_of(datagram, len));
	assert_memory_equal(h.bytes + 20, datagram + 20, len - 20);
	gather_free(g);
}

/* Whatever comes, nothing is read that is not there, and no more is handed on than was given. */
static void test_noise(void **state)
{
	struct gather *g = gather_new();
	uint8_t datagram[DATAGRAM + 100], piece[MTU + 100];
	size_t len = datagram_make(datagram, 5000, 1);
	struct handed h = {0};
	uint64_t seed = 11;
	unsigned given = 20000;

	for (unsigned i = 0; i < given; i++) {
		uint64_t r = next_random(&seed);
		size_t n = piece_make(piece, datagram, len, r % 3, (uint16_t)(r >> 8 & 15));

		for (unsigned flips = r >> 16 & 3; flips; flips--)
			piece[14 + next_random(&seed) % 40] = (uint8_t)next_random(&seed);
		give(g, piece, n - (r >> 20 & 1 ? r >> 24 & 31 : 0), r >> 21 & 1 & r >> 22, &h);
	}
	assert_in_range(h.count, 1, given * 2);
	gather_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),	     cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_two_readings), cmocka_unit_test(test_nested),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests_name("agent gather", tests, NULL, NULL);
}
