/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet room: every link head leads to the same key, every frame cut short is refused or
 * clipped, and nothing reads past the captured bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "build.h"
#include "packet/packet.h"
#include "support.h"

static const struct {
	const char *proves;
	enum link_type link;
	int tag_count;
	bool is_v6;
	uint32_t l3_off;
} heads[] = {
	{"plain Ethernet", LINK_ETHERNET, 0, false, 14},
	{"one VLAN tag", LINK_ETHERNET, 1, false, 18},
	{"QinQ", LINK_ETHERNET, 2, false, 22},
	{"Ethernet, IPv6", LINK_ETHERNET, 0, true, 14},
	{"QinQ, IPv6", LINK_ETHERNET, 2, true, 22},
	{"raw IPv4 by its nibble", LINK_RAW_IP, 0, false, 0},
	{"raw IPv6 by its nibble", LINK_RAW_IP, 0, true, 0},
	{"Linux cooked 1", LINK_COOKED1, 0, false, 16},
	{"Linux cooked 1, IPv6", LINK_COOKED1, 0, true, 16},
	{"Linux cooked 1, tagged", LINK_COOKED1, 1, false, 20},
	{"Linux cooked 2", LINK_COOKED2, 0, false, 20},
	{"Linux cooked 2, IPv6", LINK_COOKED2, 0, true, 20},
	{"BSD loopback", LINK_NULL, 0, false, 4},
	{"BSD loopback, IPv6", LINK_NULL, 0, true, 4},
	{"PPP with its HDLC head", LINK_PPP, 0, false, 4},
	{"PPP, IPv6", LINK_PPP, 0, true, 4},
	{"Cisco HDLC", LINK_CHDLC, 0, false, 4},
	{"Cisco HDLC, IPv6", LINK_CHDLC, 0, true, 4},
	{"PPI around Ethernet", LINK_PPI, 0, false, 22},
	{"PPI around Ethernet, tagged, IPv6", LINK_PPI, 1, true, 26},
	{"802.11", LINK_WIFI, 0, false, 32},
	{"802.11, IPv6", LINK_WIFI, 0, true, 32},
	{"radiotap", LINK_RADIOTAP, 0, false, 40},
};

static struct build_packet sample(size_t i, uint8_t proto)
{
	return (struct build_packet){
		.link = heads[i].link,
		.tag_count = heads[i].tag_count,
		.is_v6 = heads[i].is_v6,
		.src = 0x0a000001,
		.dst = 0x0a000002,
		.sport = 40000,
		.dport = 443,
		.proto = proto,
		.seq = 0x01020304,
		.ack = 0x05060708,
		.flags = DPI_TCP_ACK,
		.payload = slice_text("payload"),
	};
}

static void heads_give_the_same_key(void **state)
{
	static uint8_t bytes[BUILD_MAX];

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct build_packet b = sample(i, DPI_IP_TCP);
		struct frame f = {.link = b.link};
		struct packet p;

		print_message("%s\n", heads[i].proves);
		f.bytes = slice_of(bytes, build_frame(bytes, &b));
		f.wire_len = (uint32_t)f.bytes.len;
		assert_int_equal(packet_decode(&f, &p), DPI_PARSE_OK);
		assert_int_equal(p.head.l3_off, heads[i].l3_off);
		assert_int_equal(p.head.dir, 0);
		assert_int_equal(p.head.key.proto, DPI_IP_TCP);
		assert_int_equal(dpi_be16(p.head.key.port[0]), 40000);
		assert_int_equal(dpi_be16(p.head.key.port[1]), 443);
		assert_int_equal(p.head.key.addr[0].b[15], 1);
		assert_int_equal(p.head.key.addr[1].b[15], 2);
		assert_int_equal(p.head.seq, 0x01020304);
		assert_int_equal(p.head.ack, 0x05060708);
		assert_int_equal(p.hash, dpi_key_hash(&p.head.key));
		assert_true(slice_equal(p.payload, slice_text("payload")));
		assert_false(p.is_cut);
	}
}

/* Cut at every length, against a wall: short while a header is missing, then a clipped payload. */
static void cut_frames_are_never_guessed(void **state)
{
	static const uint8_t protos[] = {DPI_IP_TCP, DPI_IP_UDP};
	static uint8_t bytes[BUILD_MAX];

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		for (size_t k = 0; k < sizeof(protos); k++) {
			struct build_packet b = sample(i, protos[k]);
			size_t len = build_frame(bytes, &b), head = len - b.payload.len;

			for (size_t cut = 0; cut <= len; cut++) {
				const uint8_t *at = lay_against_wall(bytes, cut);
				struct frame f = {.link = b.link, .wire_len = (uint32_t)len};
				struct packet p;
				enum dpi_parse got;

				f.bytes = slice_of(at, cut);
				got = packet_decode(&f, &p);
				if (cut < head) {
					assert_int_equal(got, DPI_PARSE_SHORT);
				} else {
					assert_int_equal(got, DPI_PARSE_OK);
					assert_int_equal(p.payload.len, cut - head);
					assert_int_equal(p.is_cut, cut < len);
				}
				wall_free(at);
			}
		}
	}
}

static void both_directions_are_one_key(void **state)
{
	static uint8_t bytes[2][BUILD_MAX];
	struct build_packet b = sample(0, DPI_IP_UDP), back = b;
	struct frame f[2] = {{.link = LINK_ETHERNET}, {.link = LINK_ETHERNET}};
	struct packet p[2];

	back.src = b.dst;
	back.dst = b.src;
	back.sport = b.dport;
	back.dport = b.sport;
	f[0].bytes = slice_of(bytes[0], build_frame(bytes[0], &b));
	f[1].bytes = slice_of(bytes[1], build_frame(bytes[1], &back));
	for (int i = 0; i < 2; i++) {
		f[i].wire_len = (uint32_t)f[i].bytes.len;
		assert_int_equal(packet_decode(&f[i], &p[i]), DPI_PARSE_OK);
	}
	assert_memory_equal(&p[0].head.key, &p[1].head.key, sizeof(struct dpi_key));
	assert_int_equal(p[0].hash, p[1].hash);
	assert_int_equal(p[0].head.dir + p[1].head.dir, 1);
}

static void padding_is_no_payload(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct build_packet b = sample(0, DPI_IP_TCP);
	struct frame f = {.link = LINK_ETHERNET};
	struct packet p;
	size_t len;

	b.payload = slice_of(NULL, 0);
	len = build_frame(bytes, &b);
	memset(bytes + len, 0xee, 6);
	f.bytes = slice_of(bytes, len + 6);
	f.wire_len = (uint32_t)len + 6;
	assert_int_equal(packet_decode(&f, &p), DPI_PARSE_OK);
	assert_int_equal(p.payload.len, 0);
	assert_false(p.is_cut);
}

static void later_fragments_have_no_ports(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct build_packet b = sample(0, DPI_IP_UDP);
	struct frame f = {.link = LINK_ETHERNET};
	struct packet p;

	b.frag = 185;
	f.bytes = slice_of(bytes, build_frame(bytes, &b));
	f.wire_len = (uint32_t)f.bytes.len;
	assert_int_equal(packet_decode(&f, &p), DPI_PARSE_FRAGMENT);
	assert_int_equal(p.head.key.port[0], 0);
	assert_int_equal(p.head.key.port[1], 0);
	assert_int_equal(p.head.key.proto, DPI_IP_UDP);
	assert_int_equal(p.hash, dpi_key_hash(&p.head.key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_give_the_same_key),
		cmocka_unit_test(cut_frames_are_never_guessed),
		cmocka_unit_test(both_directions_are_one_key),
		cmocka_unit_test(padding_is_no_payload),
		cmocka_unit_test(later_fragments_have_no_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
