/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A glance at a frame says just what decoding it says, or nothing: frames of all kinds, changed and
 * cut at random, are looked at both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "build.h"
#include "packet/defrag.h"
#include "packet/glance.h"
#include "support.h"

enum { ROUNDS = 200000, HEADS = 90 };

static uint64_t state = 1;

/* Some number below n. */
static uint32_t any(uint32_t n)
{
	return (uint32_t)((next_random(&state) >> 32) * n >> 32);
}

/* Returns whether the glance was enough. */
static bool check_frame(const struct frame *f)
{
	struct packet p;
	struct glance g;
	enum dpi_parse parse;
	bool is_udp;

	if (!packet_glance(f, &g))
		return false;
	parse = packet_decode(f, &p);
	is_udp = p.head.key.proto == DPI_IP_UDP;
	assert_int_equal(parse, DPI_PARSE_OK);
	assert_false(packet_is_fragment(&p, parse));
	assert_int_equal(p.tunnel_depth, 0);
	assert_int_equal(g.hash, p.hash);
	assert_int_equal(g.from, is_udp ? dpi_be16(p.head.key.port[p.head.dir]) : 0);
	assert_int_equal(g.payload.len, is_udp ? p.payload.len : 0);
	if (is_udp)
		assert_ptr_equal(g.payload.at, p.payload.at);
	return true;
}

static const enum link_type links[] = {LINK_RAW_IP, LINK_COOKED1, LINK_COOKED2, LINK_NULL,
				       LINK_PPP,    LINK_WIFI,	  LINK_OTHER};
static const uint8_t protos[] = {DPI_IP_TCP, DPI_IP_UDP, DPI_IP_ICMP, DPI_IP_GRE, DPI_IP_IP4};
static const uint16_t ports[] = {53, 443, 2152, 3544, 4789, 5353, 6081, 8472, 40000};
/* Whole but for the last three: as most send it. */
static const uint16_t frags[] = {0x4000, 0x4000, 0x4000, 0, 0x8000, 0x2000, 0x2001, 185};
#define ANY_OF(list) list[any(sizeof(list) / sizeof(list[0]))]

static struct build_packet make(void)
{
	return (struct build_packet){
		.tag_count = any(3) ? 0 : (int)any(4),
		.is_v6 = any(2),
		.src = 0x0a000001 + any(3),
		.dst = 0x0a000001 + any(3),
		.sport = ANY_OF(ports),
		.dport = ANY_OF(ports),
		.proto = any(4) ? protos[any(2)] : ANY_OF(protos),
		.flags = (uint8_t)any(256),
		.frag = ANY_OF(frags),
		.payload = slice_first(slice_text("a payload of some length"), any(25)),
	};
}

/* Against a wall, so that it does not read on behind the frame. */
static void a_glance_says_what_decoding_says(void **unused)
{
	static uint8_t bytes[BUILD_MAX];
	size_t enough = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct build_packet b = make();
		size_t len = build_frame(bytes, &b) + any(8);
		size_t cut = any(3) ? len : any((uint32_t)len + 1);
		struct frame f = {.link = any(16) ? LINK_ETHERNET : ANY_OF(links),
				  .wire_len = (uint32_t)len};

		for (uint32_t n = any(3) ? 0 : 1 + any(3); n; n--)
			bytes[any(len < HEADS ? (uint32_t)len : HEADS)] = (uint8_t)any(256);
		if (!any(5))
			f.wire_len = any((uint32_t)len + 70);
		f.bytes = slice_of(lay_against_wall(bytes, cut), cut);
		enough += check_frame(&f);
		wall_free(f.bytes.at);
	}
	assert_in_range(enough, ROUNDS / 5, ROUNDS);
}

/* What most frames are needs no more than a glance. */
static void a_glance_is_enough_for_plain_frames(void **unused)
{
	static uint8_t bytes[BUILD_MAX];

	for (int i = 0; i < 2 * 2 * (DPI_TAGS_MAX + 2); i++) {
		struct build_packet b = {
			.tag_count = i / 4,
			.is_v6 = i & 1,
			.proto = i & 2 ? DPI_IP_TCP : DPI_IP_UDP,
			.src = 1,
			.dst = 2,
			.sport = 53,
			.dport = 40000,
		};
		size_t len = build_frame(bytes, &b);
		struct frame f = {.bytes = slice_of(bytes, len), .wire_len = (uint32_t)len};

		assert_int_equal(check_frame(&f), b.tag_count <= DPI_TAGS_MAX);
		f.link = LINK_RAW_IP;
		assert_false(check_frame(&f));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_glance_says_what_decoding_says),
		cmocka_unit_test(a_glance_is_enough_for_plain_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
