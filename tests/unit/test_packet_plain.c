/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet room's short way for plain frames says just what the lines it stands for say: frames
 * of all kinds, changed and cut at random, are decoded both ways. The long way is made here of its
 * parts: include/dpi/parse.h, and tunnel.c for whether the short one should have kept out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "build.h"
#include "packet/packet.h"
#include "packet/tunnel.h"
#include "support.h"

enum { ROUNDS = 100000, HEADS = 90, TTL4 = 8, TTL6 = 7 };

static uint64_t state = 1;

/* Some number below n. */
static uint32_t any(uint32_t n)
{
	return (uint32_t)((next_random(&state) >> 32) * n >> 32);
}

static bool has_key(enum dpi_parse parse)
{
	return parse == DPI_PARSE_OK || parse == DPI_PARSE_FRAGMENT || parse == DPI_PARSE_TINY;
}

static bool is_tunnel(const struct frame *f, const struct dpi_packet *outer)
{
	struct dpi_packet inner;
	enum dpi_tunnel kind;

	return has_key(tunnel_parse(f->bytes, outer, &inner, &kind));
}

static void check_head(const struct dpi_packet *a, const struct dpi_packet *b)
{
	assert_memory_equal(&a->key, &b->key, sizeof(a->key));
	assert_int_equal(a->l3_off, b->l3_off);
	assert_int_equal(a->l4_off, b->l4_off);
	assert_int_equal(a->payload_off, b->payload_off);
	assert_int_equal(a->payload_len, b->payload_len);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->ack, b->ack);
	assert_int_equal(a->dir, b->dir);
	assert_int_equal(a->tcp_flags, b->tcp_flags);
	assert_int_equal(a->is_first_fragment, b->is_first_fragment);
	assert_int_equal(a->ip_version, b->ip_version);
	assert_int_equal(a->has_more, b->has_more);
	assert_int_equal(a->frag_off, b->frag_off);
	assert_int_equal(a->frag_id, b->frag_id);
}

/* Decodes an Ethernet frame both ways. Returns what it is. */
static enum dpi_parse check_frame(const struct frame *f)
{
	struct dpi_cursor c = {.pos = f->bytes.at, .end = f->bytes.at + f->bytes.len};
	struct dpi_packet head = {.l3_off = 0};
	enum dpi_parse long_way = dpi_parse_eth(&c, f->wire_len, &head), parse;
	struct slice payload = slice_first(slice_from(f->bytes, head.payload_off),
					   head.payload_len);
	struct packet p;

	memset(&p, 0xa5, sizeof(p));
	parse = packet_decode(f, &p);
	if (long_way == DPI_PARSE_OK && is_tunnel(f, &head)) {
		assert_int_not_equal(p.tunnel_depth, 0);
		return parse;
	}
	assert_int_equal(parse, long_way);
	if (!has_key(parse))
		return parse;
	check_head(&p.head, &head);
	assert_ptr_equal(p.frame, f);
	assert_ptr_equal(p.bytes.at, f->bytes.at);
	assert_int_equal(p.bytes.len, f->bytes.len);
	assert_int_equal(p.hash, dpi_key_hash(&head.key));
	assert_int_equal(p.ttl, f->bytes.at[head.l3_off + (head.ip_version == 4 ? TTL4 : TTL6)]);
	assert_int_equal(p.table_hash, 0);
	assert_ptr_equal(p.payload.at, payload.at);
	assert_int_equal(p.payload.len, payload.len);
	assert_int_equal(p.is_cut, payload.len < head.payload_len);
	assert_int_equal(p.tunnel | p.tunnel_depth | p.outer_port | p.outer_proto, 0);
	return parse;
}

static const uint8_t protos[] = {DPI_IP_TCP, DPI_IP_UDP, DPI_IP_ICMP, DPI_IP_GRE, DPI_IP_IP4};
static const uint16_t ports[] = {53, 443, 2152, 3544, 4789, 5247, 6081, 8472, 40000};

/* Whole but for the last three: as most send it. */
static const uint16_t frags[] = {0x4000, 0x4000, 0x4000, 0, 0x8000, 0x2000, 0x2001, 185};

static size_t make(uint8_t *bytes)
{
	struct build_packet b = {
		.tag_count = any(6) ? 0 : 1,
		.is_v6 = any(2),
		.src = 0x0a000001 + any(3),
		.dst = 0x0a000001 + any(3),
		.sport = ports[any(sizeof(ports) / sizeof(ports[0]))],
		.dport = ports[any(sizeof(ports) / sizeof(ports[0]))],
		.proto = any(4) ? protos[any(2)] : protos[any(sizeof(protos))],
		.seq = any(UINT32_MAX),
		.ack = any(UINT32_MAX),
		.flags = (uint8_t)any(256),
		.ttl = (uint8_t)any(256),
		.frag = frags[any(sizeof(frags) / sizeof(frags[0]))],
		.id = (uint16_t)any(65536),
		.payload = slice_first(slice_text("a payload of some length"), any(25)),
	};

	return build_frame(bytes, &b);
}

/* Against a wall, so that neither reads on behind the frame. */
static void plain_frames_are_decoded_as_all_others(void **unused)
{
	static uint8_t bytes[BUILD_MAX];
	size_t seen[DPI_PARSE_TINY + 1] = {0};

	for (int i = 0; i < ROUNDS; i++) {
		size_t len = make(bytes) + any(8), cut = any(3) ? len : any((uint32_t)len + 1);
		struct frame f = {.link = LINK_ETHERNET, .wire_len = (uint32_t)len};

		for (uint32_t n = any(3) ? 0 : 1 + any(3); n; n--)
			bytes[any(len < HEADS ? (uint32_t)len : HEADS)] = (uint8_t)any(256);
		if (!any(4))
			f.wire_len = any((uint32_t)len + 70);
		f.bytes = slice_of(lay_against_wall(bytes, cut), cut);
		seen[check_frame(&f)]++;
		wall_free(f.bytes.at);
	}
	for (size_t i = 0; i <= DPI_PARSE_TINY; i++)
		if (i != DPI_PARSE_DEEP)
			assert_true(seen[i] > 0);
	assert_true(seen[DPI_PARSE_OK] > ROUNDS / 3);
}

/* A port that the short way takes for nobody's is one where the long way finds no tunnel either. */
static void no_port_of_a_tunnel_is_passed_over(void **unused)
{
	size_t others = 0;

	for (uint32_t port = 0; port < 65536; port++) {
		bool is_one = false;

#define X(p) is_one |= port == (p);
		TUNNEL_PORTS(X)
#undef X
		assert_true(!is_one || tunnel_may_use((uint16_t)port));
		others += !is_one && tunnel_may_use((uint16_t)port);
	}
	assert_true(others < 1000);
	assert_false(tunnel_may_use(53));
	assert_false(tunnel_may_use(443));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_frames_are_decoded_as_all_others),
		cmocka_unit_test(no_port_of_a_tunnel_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
