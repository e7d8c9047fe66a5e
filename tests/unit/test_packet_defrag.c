/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fragments put together: in any order, both ways where they contradict each other, within bounds
 * of datagrams, holes, bytes and time; and never a byte that no piece brought to its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "build.h"
#include "packet/defrag.h"
#include "support.h"

enum { SECOND = 1000000000, LEN = 400, PIECE = 56, PIECES = 8 };

/* A piece to be sent: bytes at.. of a datagram, as fragment of the packet `of`. */
struct sent {
	struct build_packet of; /* without payload */
	uint32_t off;
	bool has_more;
	struct slice data;
	uint64_t ts_ns;
	size_t cut; /* bytes that the capture leaves out */
};

/* The last frame sent; what defrag_take lends may lie in it no longer than until the next one. */
static uint8_t wire[BUILD_MAX];
static struct packet packet;
static enum dpi_parse parse;

static struct defrag *fresh(void **state)
{
	return defrag_init(*state);
}

static int setup(void **state)
{
	*state = malloc(defrag_size());
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Writes the frame of a piece; its IP header stands at the frame's first byte or behind `of`'s
 * link head. Returns the length. */
static size_t build_piece(uint8_t *out, const struct sent *s)
{
	static uint8_t body[BUILD_MAX];
	struct build_packet b = s->of;
	size_t len, ip;

	if (b.is_v6) {
		body[0] = b.proto;
		body[1] = 0;
		body[2] = (uint8_t)(s->off >> 8);
		body[3] = (uint8_t)(s->off | s->has_more);
		memcpy(body + 4, "\0\0\0", 3);
		body[7] = (uint8_t)b.id;
		if (s->data.len)
			memcpy(body + 8, s->data.at, s->data.len);
		b.proto = 44;
		b.payload = slice_of(body, s->data.len + 8);
		return build_frame(out, &b);
	}
	b.frag = 1; /* no transport header of the builder's */
	b.payload = s->data;
	len = build_frame(out, &b);
	ip = len - s->data.len - 20;
	out[ip + 6] = (uint8_t)(s->off >> 11 | (s->has_more ? 0x20 : 0));
	out[ip + 7] = (uint8_t)(s->off >> 3);
	return len;
}

static struct frame_fragment take(struct defrag *d, const struct sent *s)
{
	static struct frame f;
	struct frame_fragment out;

	f = (struct frame){.link = s->of.link, .ts_ns = s->ts_ns};
	f.wire_len = (uint32_t)build_piece(wire, s);
	f.bytes = slice_of(wire, f.wire_len - s->cut);
	parse = packet_decode(&f, &packet);
	defrag_take(d, &packet, &out);
	return out;
}

static struct build_packet of_flow(bool is_v6, uint16_t id)
{
	return (struct build_packet){.link = LINK_RAW_IP,
				     .is_v6 = is_v6,
				     .src = 0x0a000002,
				     .dst = 0x0a000001,
				     .proto = DPI_IP_UDP,
				     .id = id};
}

/* A UDP datagram from port 40000 to 53; its bytes say where they are. */
static void fill_datagram(uint8_t *out, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 7 + i / 256 + seed);
	memcpy(out, "\x9c\x40\0\x35", 4);
	out[4] = (uint8_t)(len >> 8);
	out[5] = (uint8_t)len;
	memcpy(out + 6, "\0\0", 2);
}

static struct sent piece_of(const struct build_packet *of, const uint8_t *datagram, size_t len,
			    size_t from, size_t to)
{
	return (struct sent){
		.of = *of,
		.off = (uint32_t)from,
		.has_more = to < len,
		.data = slice_of(datagram + from, to - from),
		.ts_ns = SECOND,
	};
}

static void check_whole(struct slice whole, const struct build_packet *of, const uint8_t *datagram,
			size_t len)
{
	static uint8_t expect[BUILD_MAX];
	struct build_packet b = *of;
	struct frame f = {.ts_ns = 1};
	size_t head = of->is_v6 ? 40 : 20;
	uint32_t sum = 0;
	struct packet p;

	b.link = LINK_RAW_IP;
	b.payload = slice_of(datagram, len);
	b.frag = of->is_v6 ? 0 : 1;
	b.proto = of->is_v6 ? 200 : of->proto; /* no transport header of the builder's */
	assert_int_equal(build_frame(expect, &b), head + len);
	assert_int_equal(whole.len, head + len);
	if (of->is_v6) {
		expect[6] = of->proto;
	} else {
		memcpy(expect + 6, "\0\0", 2);
		memcpy(expect + 10, whole.at + 10, 2);
		for (size_t i = 0; i < head; i += 2)
			sum += dpi_get16(whole.at + i);
		assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	}
	assert_memory_equal(whole.at, expect, whole.len);
	assert_int_equal(packet_decode_whole(&f, whole, &p), DPI_PARSE_OK);
	assert_int_equal(dpi_be16(p.head.key.port[p.head.dir]), 40000);
	assert_int_equal(p.payload.len, len - 8);
}

static void every_order_gives_the_datagram(void **state)
{
	uint8_t datagram[LEN];
	uint64_t seed = 20;

	fill_datagram(datagram, LEN, 0);
	for (int run = 0; run < 1000; run++) {
		struct build_packet of = of_flow(run & 1, (uint16_t)(run % 200 + 1));
		struct defrag *d = fresh(state);
		int order[PIECES];
		bool has_first = false;

		for (int i = 0; i < PIECES; i++)
			order[i] = run < 4 && run >= 2 ? PIECES - 1 - i : i;
		for (int i = PIECES - 1; run >= 4 && i > 0; i--) {
			int k = (int)(next_random(&seed) % (uint64_t)(i + 1)), was = order[i];

			order[i] = order[k];
			order[k] = was;
		}
		for (int i = 0; i < PIECES; i++) {
			size_t from = (size_t)order[i] * PIECE;
			size_t to = from + PIECE < LEN ? from + PIECE : LEN;
			struct sent s = piece_of(&of, datagram, LEN, from, to);
			struct frame_fragment out = take(d, &s);

			has_first |= from == 0;
			assert_true(packet_is_fragment(&packet, parse));
			assert_false(out.is_refused);
			assert_int_equal(out.has_flow, has_first);
			if (has_first) {
				assert_int_equal(dpi_be16(out.key.port[out.dir]), 40000);
				assert_int_equal(out.dir, 1);
			}
			assert_int_equal(out.whole[0].len != 0, i == PIECES - 1);
			assert_int_equal(out.whole[1].len, 0);
			if (out.whole[0].len)
				check_whole(out.whole[0], &of, datagram, LEN);
		}
		assert_int_equal(defrag_counters(d)->fragments_whole, 1);
		assert_int_equal(defrag_counters(d)->fragments_overlapping, 0);
	}
}

/* Pieces of 32 bytes' datagrams: where, how long, which fill; 0 ends. And what comes of them. */
static const struct {
	const char *proves;
	struct {
		uint8_t from, to, seed;
		bool is_last;
	} piece[5];
	uint8_t refused_from; /* the first piece that is refused; 9: none */
	const char *view[2];  /* the seed of each eight bytes; NULL: not whole */
} overlaps[] = {
	{"two pieces", {{0, 16, 1, 0}, {16, 32, 2, 1}}, 9, {"1122", NULL}},
	{"a repeat is no overlap",
	 {{0, 16, 1, 0}, {0, 16, 1, 0}, {16, 32, 2, 1}},
	 9,
	 {"1122", NULL}},
	{"part of what was there is a repeat",
	 {{0, 24, 1, 0}, {8, 16, 1, 0}, {24, 32, 2, 1}},
	 9,
	 {"1112", NULL}},
	{"the same place, other bytes",
	 {{0, 16, 1, 0}, {8, 16, 2, 0}, {16, 32, 3, 1}},
	 1,
	 {"1133", "1233"}},
	{"a longer piece over a shorter one",
	 {{8, 16, 2, 0}, {0, 24, 1, 0}, {24, 32, 3, 1}},
	 1,
	 {"1213", "1113"}},
	{"half over the one before",
	 {{0, 16, 1, 0}, {8, 24, 2, 0}, {24, 32, 3, 1}},
	 1,
	 {"1123", "1223"}},
	{"half over, the same bytes: refused all the same",
	 {{0, 16, 1, 0}, {8, 24, 1, 0}, {24, 32, 3, 1}},
	 1,
	 {"1113", "1113"}},
	{"over two pieces and the hole between",
	 {{0, 8, 1, 0}, {16, 24, 2, 0}, {0, 24, 3, 0}, {24, 32, 4, 1}},
	 2,
	 {"1324", "3334"}},
	{"the last piece rewritten",
	 {{16, 32, 1, 1}, {16, 32, 2, 1}, {0, 16, 3, 0}},
	 1,
	 {"3311", "3322"}},
	{"two ends: the first one stays, the last one counts",
	 {{16, 24, 1, 1}, {16, 32, 1, 1}, {0, 16, 2, 0}},
	 1,
	 {"221", "2211"}},
	{"an end before what was there",
	 {{16, 32, 1, 0}, {8, 16, 2, 1}, {0, 8, 3, 0}},
	 1,
	 {"32", "32"}},
	{"bytes behind the end", {{0, 8, 1, 0}, {8, 16, 1, 1}, {16, 24, 2, 0}}, 9, {"11", NULL}},
};

static void check_view(struct slice whole, const char *seeds)
{
	if (!seeds) {
		assert_int_equal(whole.len, 0);
		return;
	}
	assert_int_equal(whole.len, 20 + strlen(seeds) * 8);
	for (size_t i = 0; seeds[i]; i++)
		for (size_t k = 0; k < 8; k++)
			assert_int_equal(whole.at[20 + i * 8 + k], seeds[i]);
}

static void overlaps_give_both_views(void **state)
{
	for (size_t i = 0; i < sizeof(overlaps) / sizeof(overlaps[0]); i++) {
		struct build_packet of = of_flow(false, 9);
		struct defrag *d = fresh(state);
		struct slice view[2] = {{0}, {0}};
		uint8_t bytes[32];

		print_message("%s\n", overlaps[i].proves);
		of.proto = 200; /* no ports in it */
		for (int k = 0; overlaps[i].piece[k].to; k++) {
			size_t from = overlaps[i].piece[k].from, to = overlaps[i].piece[k].to;
			struct sent s = {.of = of, .off = (uint32_t)from, .ts_ns = SECOND};
			struct frame_fragment out;

			memset(bytes, '0' + overlaps[i].piece[k].seed, sizeof(bytes));
			s.has_more = !overlaps[i].piece[k].is_last;
			s.data = slice_of(bytes, to - from);
			out = take(d, &s);
			assert_int_equal(out.is_refused, k >= overlaps[i].refused_from);
			for (int v = 0; v < 2; v++)
				if (out.whole[v].len)
					view[v] = out.whole[v];
		}
		check_view(view[0], overlaps[i].view[0]);
		check_view(view[1], overlaps[i].view[1]);
		assert_int_equal(defrag_counters(d)->fragments_overlapping,
				 overlaps[i].refused_from != 9);
	}
}

/* Each with what came before it: a piece that is refused, and why; 0: it is not. */
static void bounds_are_kept(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct build_packet of = of_flow(false, 3), of6 = of_flow(true, 3);
	static const struct {
		const char *proves;
		uint32_t off;
		size_t len;
		bool has_more, is_v6, is_refused;
	} rows[] = {
		{"up to the last byte that IPv4 allows", 65000, 515, false, false, false},
		{"a byte more", 65000, 516, false, false, true},
		{"up to the last byte that IPv6 allows", 65000, 535, false, true, false},
		{"a byte more than that", 65000, 536, false, true, true},
		{"eight bytes, more follow", 8, 8, true, false, false},
		{"no multiple of eight, but more follow", 8, 12, true, false, true},
		{"no multiple of eight, the last", 8, 12, false, false, false},
		{"nothing in it", 8, 0, true, false, true},
		{"nothing in it, the last", 8, 0, false, true, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct defrag *d = fresh(state);
		struct sent s = {.of = rows[i].is_v6 ? of6 : of,
				 .off = rows[i].off,
				 .has_more = rows[i].has_more,
				 .data = slice_of(bytes, rows[i].len)};

		print_message("%s\n", rows[i].proves);
		assert_int_equal(take(d, &s).is_refused, rows[i].is_refused);
		assert_int_equal(defrag_counters(d)->fragments_refused, rows[i].is_refused);
	}
}

static void the_longest_datagram_is_whole(void **state)
{
	static uint8_t datagram[65515];
	struct build_packet of = of_flow(false, 5);
	struct defrag *d = fresh(state);
	struct frame_fragment out = {0};

	fill_datagram(datagram, sizeof(datagram), 3);
	for (size_t at = sizeof(datagram) / 1480 * 1480 + 1480; at; at -= 1480) {
		size_t to = at < sizeof(datagram) ? at : sizeof(datagram);
		struct sent s = piece_of(&of, datagram, sizeof(datagram), at - 1480, to);

		assert_int_equal(out.whole[0].len, 0);
		out = take(d, &s);
	}
	check_whole(out.whole[0], &of, datagram, sizeof(datagram));
}

static void holes_are_bounded(void **state)
{
	uint8_t datagram[2048];
	struct build_packet of = of_flow(false, 5);
	struct defrag *d = fresh(state);
	struct frame_fragment out;

	fill_datagram(datagram, sizeof(datagram), 0);
	for (size_t i = 0; i < 66; i++) {
		struct sent s = piece_of(&of, datagram, 2048, i * 16, i * 16 + 8);

		out = take(d, &s);
		assert_int_equal(out.is_refused, i >= 64);
	}
	assert_int_equal(defrag_counters(d)->fragments_refused, 2);
	/* A hole filled is room again: the datagram can still be whole. */
	for (size_t i = 0; i < 2048; i += 8) {
		struct sent s = piece_of(&of, datagram, 2048, i, i + 8);

		out = take(d, &s);
		assert_false(out.is_refused);
	}
	check_whole(out.whole[0], &of, datagram, 2048);
}

static void tiny_pieces_are_refused(void **state)
{
	static const struct {
		const char *proves;
		uint8_t proto;
		bool is_v6;
		size_t from, to;
		uint64_t tiny;
		bool is_refused;
	} rows[] = {
		{"half a UDP header", DPI_IP_UDP, false, 0, 4, 1, true},
		{"eight bytes of TCP", DPI_IP_TCP, false, 0, 8, 1, true},
		{"sixteen bytes of TCP over IPv6", DPI_IP_TCP, true, 0, 16, 1, true},
		{"a TCP header", DPI_IP_TCP, false, 0, 24, 0, false},
		{"a UDP header", DPI_IP_UDP, true, 0, 8, 0, false},
		{"what may rewrite TCP's flags", DPI_IP_TCP, false, 8, 32, 0, true},
		{"what comes behind TCP's head", DPI_IP_TCP, false, 24, 48, 0, false},
		{"what comes behind UDP's head", DPI_IP_UDP, false, 8, 32, 0, false},
	};
	uint8_t bytes[64] = {0x9c, 0x40, 0, 0x35};

	bytes[12] = 0x50;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct build_packet of = of_flow(rows[i].is_v6, 7);
		struct defrag *d = fresh(state);
		struct frame_fragment out;
		struct sent s;

		print_message("%s\n", rows[i].proves);
		of.proto = rows[i].proto;
		s = piece_of(&of, bytes, sizeof(bytes), rows[i].from, rows[i].to);
		out = take(d, &s);
		assert_int_equal(out.is_refused, rows[i].is_refused);
		assert_int_equal(out.has_flow, rows[i].from == 0 && !rows[i].is_refused);
		assert_int_equal(defrag_counters(d)->fragments_tiny, rows[i].tiny);
	}
}

/* A tiny first piece is put together all the same: the name in it is known. */
static void tiny_datagrams_are_read(void **state)
{
	uint8_t datagram[LEN];
	struct build_packet of = of_flow(true, 7);
	struct defrag *d = fresh(state);
	struct sent s;

	fill_datagram(datagram, LEN, 0);
	s = piece_of(&of, datagram, LEN, 8, LEN);
	assert_false(take(d, &s).is_refused);
	s = piece_of(&of, datagram, LEN, 0, 8);
	s.data.len = 8;
	check_whole(take(d, &s).whole[0], &of, datagram, LEN);
}

/* UDP's checksum over the pseudo header (RFC 768), for addresses as of_flow has them. */
static void set_checksum(uint8_t *datagram, size_t len)
{
	uint32_t sum = 0x0a00 + 2 + 0x0a00 + 1 + DPI_IP_UDP + (uint32_t)len;

	for (size_t i = 0; i < len; i += 2)
		sum += dpi_get16(datagram + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	datagram[6] = (uint8_t)(~sum >> 8);
	datagram[7] = (uint8_t)~sum;
}

static void an_identification_is_used_again(void **state)
{
	uint8_t one[LEN], two[LEN];
	struct build_packet of = of_flow(false, 7);
	struct defrag *d = fresh(state);
	struct frame_fragment out;
	struct sent s;

	fill_datagram(one, LEN, 0);
	fill_datagram(two, LEN, 99);
	set_checksum(one, LEN);
	set_checksum(two, LEN);
	s = piece_of(&of, one, LEN, 0, 200);
	take(d, &s);
	s = piece_of(&of, one, LEN, 200, LEN);
	check_whole(take(d, &s).whole[0], &of, one, LEN);
	/* A repeat: the flow is known, and whoever missed the piece has the datagram now. */
	out = take(d, &s);
	assert_true(out.has_flow);
	assert_false(out.is_refused);
	check_whole(out.whole[0], &of, one, LEN);
	assert_int_equal(defrag_counters(d)->fragments_whole, 1);
	/* Pieces of another datagram: no overlap, and no mixture of the two. */
	s = piece_of(&of, two, LEN, 200, LEN);
	out = take(d, &s);
	assert_true(out.has_flow);
	assert_false(out.is_refused);
	assert_int_equal(out.whole[0].len + out.whole[1].len, 0);
	s = piece_of(&of, two, LEN, 0, 200);
	out = take(d, &s);
	assert_false(out.is_refused);
	assert_int_equal(out.whole[1].len, 0);
	check_whole(out.whole[0], &of, two, LEN);
	assert_int_equal(defrag_counters(d)->fragments_whole, 2);
	assert_int_equal(defrag_counters(d)->fragments_overlapping, 0);
}

/* The rest sent a second time, other than before: who missed the first one reads this datagram. */
static void a_second_rest_is_read(void **state)
{
	uint8_t one[LEN], two[LEN];
	struct build_packet of = of_flow(false, 7);
	struct defrag *d = fresh(state);
	struct sent s;

	fill_datagram(one, LEN, 0);
	fill_datagram(two, LEN, 99);
	memcpy(two, one, 200);
	set_checksum(two, LEN);
	memcpy(one, two, 200);
	s = piece_of(&of, one, LEN, 0, 200);
	take(d, &s);
	s = piece_of(&of, one, LEN, 200, LEN);
	assert_true(take(d, &s).whole[0].len);
	s = piece_of(&of, two, LEN, 200, LEN);
	check_whole(take(d, &s).whole[0], &of, two, LEN);
}

static void the_oldest_leaves_first(void **state)
{
	uint8_t datagram[LEN];
	struct defrag *d = fresh(state);
	struct frame_fragment out;
	struct build_packet of;
	struct sent s;

	fill_datagram(datagram, LEN, 0);
	for (uint16_t id = 1; id <= DEFRAG_DATAGRAMS + 1; id++) {
		of = of_flow(false, id);
		s = piece_of(&of, datagram, LEN, 0, 200);
		take(d, &s);
	}
	assert_int_equal(defrag_counters(d)->fragments_lost, 1);
	of = of_flow(false, 2);
	s = piece_of(&of, datagram, LEN, 200, LEN);
	check_whole(take(d, &s).whole[0], &of, datagram, LEN);
	of = of_flow(false, 1);
	s = piece_of(&of, datagram, LEN, 200, LEN);
	out = take(d, &s);
	assert_int_equal(out.whole[0].len, 0);
	assert_false(out.has_flow);
}

static void time_runs_out(void **state)
{
	static const struct {
		const char *proves;
		uint64_t later_ns;
		bool is_whole;
	} rows[] = {
		{"after 30 seconds", 30ULL * SECOND, true},
		{"later than that", 30ULL * SECOND + 1, false},
	};
	uint8_t datagram[LEN];
	struct build_packet of = of_flow(false, 7);

	fill_datagram(datagram, LEN, 0);
	for (size_t i = 0; i < 2; i++) {
		struct defrag *d = fresh(state);
		struct sent s = piece_of(&of, datagram, LEN, 0, 200);

		print_message("%s\n", rows[i].proves);
		take(d, &s);
		s = piece_of(&of, datagram, LEN, 200, LEN);
		s.ts_ns += rows[i].later_ns;
		assert_int_equal(take(d, &s).whole[0].len != 0, rows[i].is_whole);
		assert_int_equal(defrag_counters(d)->fragments_lost, !rows[i].is_whole);
	}
	/* A clock that was set back forgets nothing. */
	{
		struct defrag *d = fresh(state);
		struct sent s = piece_of(&of, datagram, LEN, 0, 200);

		s.ts_ns = 100ULL * SECOND;
		take(d, &s);
		s = piece_of(&of, datagram, LEN, 200, LEN);
		assert_true(take(d, &s).whole[0].len);
	}
}

/* What differs between two datagrams so that their pieces are never mixed. */
static void datagrams_are_told_apart(void **state)
{
	uint8_t datagram[LEN];
	struct build_packet of[5];

	fill_datagram(datagram, LEN, 0);
	for (size_t i = 0; i < 5; i++)
		of[i] = of_flow(false, 7);
	of[0].id = 8;
	of[1].src++;
	of[2].dst++;
	of[3].proto = 200;
	of[4].src = of[0].dst;
	of[4].dst = of[0].src;
	for (size_t i = 0; i < 5; i++) {
		struct build_packet first = of_flow(false, 7);
		struct defrag *d = fresh(state);
		struct sent s = piece_of(&first, datagram, LEN, 0, 200);

		take(d, &s);
		s = piece_of(&of[i], datagram, LEN, 200, LEN);
		assert_int_equal(take(d, &s).whole[0].len, 0);
	}
}

static void an_atomic_fragment_is_none(void **state)
{
	static const struct frame_fragment none;
	uint8_t datagram[LEN];
	struct build_packet of = of_flow(true, 7);
	struct defrag *d = fresh(state);
	struct frame_fragment out;
	struct sent s;

	fill_datagram(datagram, LEN, 0);
	s = piece_of(&of, datagram, LEN, 0, LEN);
	out = take(d, &s);
	assert_int_equal(parse, DPI_PARSE_OK);
	assert_false(packet_is_fragment(&packet, parse));
	assert_memory_equal(&out, &none, sizeof(none));
}

static void cut_pieces_are_not_put_together(void **state)
{
	uint8_t datagram[LEN];
	struct build_packet of = of_flow(false, 7);
	struct defrag *d = fresh(state);
	struct frame_fragment out;
	struct sent s;

	fill_datagram(datagram, LEN, 0);
	s = piece_of(&of, datagram, LEN, 0, 200);
	s.cut = 100;
	assert_true(take(d, &s).has_flow);
	s = piece_of(&of, datagram, LEN, 200, LEN);
	s.cut = 1;
	out = take(d, &s);
	assert_true(out.has_flow);
	assert_false(out.is_refused);
	assert_int_equal(out.whole[0].len, 0);
	/* The whole pieces after all. */
	s.cut = 0;
	assert_int_equal(take(d, &s).whole[0].len, 0);
	s = piece_of(&of, datagram, LEN, 0, 200);
	check_whole(take(d, &s).whole[0], &of, datagram, LEN);
}

/* Sends `bytes` as the two halves of an IPv4-in-IPv4 datagram, or as one; returns the last answer.
 */
static struct frame_fragment take_tunnel(struct defrag *d, uint32_t src, uint16_t id,
					 struct slice bytes, bool is_halved)
{
	static uint8_t copy[BUILD_MAX];
	struct build_packet of = of_flow(false, id);
	struct frame_fragment out;
	struct sent s;

	memcpy(copy, bytes.at, bytes.len);
	of.src = src;
	of.dst = 0xc0000202;
	of.proto = DPI_IP_IP4;
	if (is_halved) {
		s = piece_of(&of, copy, bytes.len, 0, 64);
		take(d, &s);
		s = piece_of(&of, copy, bytes.len, 64, bytes.len);
	} else {
		s = piece_of(&of, copy, bytes.len, 0, bytes.len);
	}
	out = take(d, &s);
	return out;
}

static void a_tunnel_in_pieces(void **state)
{
	static uint8_t inside[BUILD_MAX];
	uint8_t datagram[LEN];
	struct build_packet of = of_flow(false, 1);
	struct defrag *d = fresh(state);
	struct frame_fragment out;
	struct frame f = {.ts_ns = 1};
	struct packet p;

	fill_datagram(datagram, LEN, 0);
	of.sport = 40000;
	of.dport = 443;
	of.payload = slice_of(datagram, LEN);
	out = take_tunnel(d, 0xc0000201, 5, slice_of(inside, build_frame(inside, &of)), true);
	assert_int_equal(packet_decode_whole(&f, out.whole[0], &p), DPI_PARSE_OK);
	assert_int_equal(p.tunnel, DPI_TUNNEL_IP4);
	assert_int_equal(p.outer[0].b[12], 0xc0);
	assert_int_equal(dpi_be16(p.head.key.port[p.head.dir]), 40000);
	assert_true(slice_equal(p.payload, slice_of(datagram, LEN)));
}

/* Pieces of one datagram that come through two tunnels are of two datagrams. */
static void pieces_inside_a_tunnel(void **state)
{
	static uint8_t half[2][BUILD_MAX];
	uint8_t datagram[LEN];
	struct build_packet of = of_flow(false, 6);
	struct defrag *d = fresh(state);
	struct sent s[2];
	size_t len[2];

	fill_datagram(datagram, LEN, 0);
	s[0] = piece_of(&of, datagram, LEN, 0, 200);
	s[1] = piece_of(&of, datagram, LEN, 200, LEN);
	for (int i = 0; i < 2; i++)
		len[i] = build_piece(half[i], &s[i]);
	take_tunnel(d, 0xc0000201, 1, slice_of(half[0], len[0]), false);
	assert_int_equal(packet.tunnel_depth, 1);
	assert_int_equal(
		take_tunnel(d, 0xc0000203, 1, slice_of(half[1], len[1]), false).whole[0].len, 0);
	check_whole(take_tunnel(d, 0xc0000201, 1, slice_of(half[1], len[1]), false).whole[0], &of,
		    datagram, LEN);
}

/* A piece that claims more than its tunnel carries is cut: what follows the tunnel is not its own.
 */
static void a_piece_ends_with_its_tunnel(void **state)
{
	uint8_t bytes[200] = {0}, inside[BUILD_MAX];
	struct build_packet of = of_flow(false, 6), outer = of_flow(false, 1);
	struct defrag *d = fresh(state);
	struct sent s = piece_of(&of, bytes, 400, 0, 200);
	struct frame_fragment out;
	struct frame f = {.link = LINK_RAW_IP};
	size_t len = build_piece(inside, &s);

	for (int beyond = 0; beyond < 2; beyond++) {
		inside[3] = (uint8_t)(len + (size_t)beyond * 16);
		outer.proto = DPI_IP_IP4;
		outer.payload = slice_of(inside, len);
		f.wire_len = (uint32_t)build_frame(wire, &outer) + 40;
		memset(wire + f.wire_len - 40, 0xee, 40);
		f.bytes = slice_of(wire, f.wire_len);
		assert_int_equal(packet_decode(&f, &packet), DPI_PARSE_OK);
		assert_int_equal(packet.tunnel_depth, 1);
		defrag_take(d, &packet, &out);
		assert_true(out.has_flow);
	}
	/* Nothing of the second one was laid over the first. */
	assert_int_equal(defrag_counters(d)->fragments_overlapping, 0);
	assert_false(out.is_refused);
}

/* Both at once, with a table so full that the outer datagram is the oldest: what it lends stays. */
static void pieces_inside_pieces(void **state)
{
	static uint8_t half[2][BUILD_MAX];
	uint8_t datagram[LEN];
	struct build_packet of = of_flow(false, 6), other;
	struct defrag *d = fresh(state);
	struct frame_fragment out, inner = {0};
	struct frame f = {.ts_ns = SECOND};
	struct packet p;

	fill_datagram(datagram, LEN, 0);
	for (int i = 0; i < 2; i++) {
		struct sent s = piece_of(&of, datagram, LEN, i ? 200 : 0, i ? LEN : 200);
		size_t len = build_piece(half[i], &s);

		out = take_tunnel(d, 0xc0000201, (uint16_t)(40 + i), slice_of(half[i], len), true);
		assert_int_equal(packet_decode_whole(&f, out.whole[0], &p),
				 i ? DPI_PARSE_FRAGMENT : DPI_PARSE_OK);
		assert_true(packet_is_fragment(&p, i ? DPI_PARSE_FRAGMENT : DPI_PARSE_OK));
		defrag_take(d, &p, &inner);
		assert_int_equal(p.tunnel_depth, 1);
	}
	check_whole(inner.whole[0], &of, datagram, LEN);
	/* Full of others, all younger than the outer one but for its own last piece. */
	d = fresh(state);
	for (uint16_t id = 100; id < 100 + DEFRAG_DATAGRAMS; id++) {
		struct sent s;

		other = of_flow(false, id);
		if (id == 100)
			out = take_tunnel(d, 0xc0000201, 9, slice_of(half[1], 220), true);
		s = piece_of(&other, datagram, LEN, 0, 200);
		if (id > 100)
			take(d, &s);
	}
	out = take_tunnel(d, 0xc0000201, 9, slice_of(half[1], 220), true);
	assert_int_equal(packet_decode_whole(&f, out.whole[0], &p), DPI_PARSE_FRAGMENT);
	defrag_take(d, &p, &inner);
	assert_true(slice_equal(p.payload, slice_of(datagram + 200, LEN - 200)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_gives_the_datagram),
		cmocka_unit_test(overlaps_give_both_views),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(the_longest_datagram_is_whole),
		cmocka_unit_test(holes_are_bounded),
		cmocka_unit_test(tiny_pieces_are_refused),
		cmocka_unit_test(tiny_datagrams_are_read),
		cmocka_unit_test(an_identification_is_used_again),
		cmocka_unit_test(a_second_rest_is_read),
		cmocka_unit_test(the_oldest_leaves_first),
		cmocka_unit_test(time_runs_out),
		cmocka_unit_test(datagrams_are_told_apart),
		cmocka_unit_test(an_atomic_fragment_is_none),
		cmocka_unit_test(cut_pieces_are_not_put_together),
		cmocka_unit_test(a_tunnel_in_pieces),
		cmocka_unit_test(pieces_inside_a_tunnel),
		cmocka_unit_test(a_piece_ends_with_its_tunnel),
		cmocka_unit_test(pieces_inside_pieces),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
