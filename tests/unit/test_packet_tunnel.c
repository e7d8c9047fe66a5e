/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Packets in packets: every tunnel leads to the packet inside, and what only looks like one stays
 * an ordinary packet. Each row is cut short at every length too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "build.h"
#include "packet/packet.h"
#include "support.h"

/* A literal that may hold NUL bytes. */
#define T(literal)                             \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

/* What is done to the inside after it is built. */
enum fix {
	FIX_NONE,
	FIX_SWAP,   /* 802.11: frame control the other way round */
	FIX_TEREDO, /* IPv6: the source is a Teredo client's */
	FIX_LOCAL,  /* IPv6: the source is link-local */
	FIX_ARP,    /* Ethernet: the type says ARP */
	FIX_SECRET, /* 802.11: encrypted */
	FIX_VERSION /* IP: of a version that is none */
};

static const struct {
	const char *proves;
	bool is_outer6;
	uint8_t proto;
	uint16_t sport, dport;
	struct {
		const char *at;
		size_t len;
	} head;
	enum link_type inside;
	bool is_inner6;
	enum fix fix;
	enum dpi_tunnel kind; /* NONE: the outer packet stands */
} rows[] = {
	{"IPv4 in IPv4", 0, 4, 0, 0, T(""), LINK_RAW_IP, 0, 0, DPI_TUNNEL_IP4},
	{"IPv6 in IPv4", 0, 41, 0, 0, T(""), LINK_RAW_IP, 1, 0, DPI_TUNNEL_IP6},
	{"IPv4 in IPv6", 1, 4, 0, 0, T(""), LINK_RAW_IP, 0, 0, DPI_TUNNEL_IP4},
	{"IPv6 in IPv6", 1, 41, 0, 0, T(""), LINK_RAW_IP, 1, 0, DPI_TUNNEL_IP6},
	{"protocol 4, but no IPv4 in it", 0, 4, 0, 0, T(""), LINK_RAW_IP, 0, FIX_VERSION, 0},
	{"GRE", 0, 47, 0, 0, T("\0\0\x08\0"), LINK_RAW_IP, 0, 0, DPI_TUNNEL_GRE},
	{"GRE over IPv6", 1, 47, 0, 0, T("\0\0\x86\xdd"), LINK_RAW_IP, 1, 0, DPI_TUNNEL_GRE},
	{"GRE with checksum, key and sequence", 0, 47, 0, 0,
	 T("\xb0\0\x86\xdd\1\2\3\4\1\2\3\4\0\0\0\1"), LINK_RAW_IP, 1, 0, DPI_TUNNEL_GRE},
	{"GRE with a bridged frame", 0, 47, 0, 0, T("\0\0\x65\x58"), LINK_ETHERNET, 0, 0,
	 DPI_TUNNEL_GRE},
	{"GRE with a label", 0, 47, 0, 0, T("\0\0\x88\x47\0\x01\x01\x40"), LINK_RAW_IP, 0, 0,
	 DPI_TUNNEL_GRE},
	{"GRE with two labels", 0, 47, 0, 0, T("\0\0\x88\x47\0\x01\0\x40\0\x02\x01\x40"),
	 LINK_RAW_IP, 1, 0, DPI_TUNNEL_GRE},
	{"GRE with routing is not followed", 0, 47, 0, 0, T("\x40\0\x08\0\0\0\0\0"), LINK_RAW_IP, 0,
	 0, 0},
	{"GRE of version 2 is none", 0, 47, 0, 0, T("\0\2\x08\0"), LINK_RAW_IP, 0, 0, 0},
	{"PPTP", 0, 47, 0, 0, T("\x30\x01\x88\x0b\0\x40\0\1\0\0\0\1"), LINK_PPP, 0, 0,
	 DPI_TUNNEL_GRE},
	{"PPTP with an acknowledgement", 0, 47, 0, 0,
	 T("\x30\x81\x88\x0b\0\x40\0\1\0\0\0\1\0\0\0\1"), LINK_PPP, 1, 0, DPI_TUNNEL_GRE},
	{"PPTP, PPP's head left out", 0, 47, 0, 0, T("\x30\x01\x88\x0b\0\x40\0\1\0\0\0\1\x21"),
	 LINK_RAW_IP, 0, 0, DPI_TUNNEL_GRE},
	{"PPTP, encrypted", 0, 47, 0, 0, T("\x30\x01\x88\x0b\0\x40\0\1\0\0\0\1\xff\x03\0\xfd"),
	 LINK_RAW_IP, 0, 0, 0},
	{"ERSPAN 1", 0, 47, 0, 0, T("\0\0\x88\xbe"), LINK_ETHERNET, 0, 0, DPI_TUNNEL_GRE},
	{"ERSPAN 2", 0, 47, 0, 0, T("\x10\0\x88\xbe\0\0\0\1\x10\1\0\1\0\0\0\0"), LINK_ETHERNET, 0,
	 0, DPI_TUNNEL_GRE},
	{"ERSPAN 3", 0, 47, 0, 0, T("\x10\0\x22\xeb\0\0\0\1\x20\1\0\1\0\0\0\0\0\0\0\0"),
	 LINK_ETHERNET, 1, 0, DPI_TUNNEL_GRE},
	{"ERSPAN 3 with a subheader", 0, 47, 0, 0,
	 T("\x10\0\x22\xeb\0\0\0\1\x20\1\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0"), LINK_ETHERNET, 0, 0,
	 DPI_TUNNEL_GRE},
	{"ERSPAN 3 of another version", 0, 47, 0, 0,
	 T("\x10\0\x22\xeb\0\0\0\1\x30\1\0\1\0\0\0\0\0\0\0\0"), LINK_ETHERNET, 0, 0, 0},
	{"VXLAN", 0, 17, 50000, 4789, T("\x08\0\0\0\0\0\x2a\0"), LINK_ETHERNET, 0, 0,
	 DPI_TUNNEL_VXLAN},
	{"VXLAN on Linux's port", 1, 17, 50000, 8472, T("\x08\0\0\0\0\0\x2a\0"), LINK_ETHERNET, 1,
	 0, DPI_TUNNEL_VXLAN},
	{"VXLAN with ARP in it", 0, 17, 50000, 4789, T("\x08\0\0\0\0\0\x2a\0"), LINK_ETHERNET, 0,
	 FIX_ARP, 0},
	{"VXLAN's port, no VXLAN head", 0, 17, 50000, 4789, T("\x0c\0\0\0\0\0\x2a\0"),
	 LINK_ETHERNET, 0, 0, 0},
	{"VXLAN's port on the wrong end", 0, 17, 4789, 50000, T("\x08\0\0\0\0\0\x2a\0"),
	 LINK_ETHERNET, 0, 0, 0},
	{"GENEVE", 0, 17, 50000, 6081, T("\0\0\x65\x58\0\0\x2a\0"), LINK_ETHERNET, 0, 0,
	 DPI_TUNNEL_GENEVE},
	{"GENEVE with options and IPv6", 0, 17, 50000, 6081,
	 T("\x01\x40\x86\xdd\0\0\x2a\0\1\2\3\4"), LINK_RAW_IP, 1, 0, DPI_TUNNEL_GENEVE},
	{"GENEVE of version 1 is none", 0, 17, 50000, 6081, T("\x40\0\x65\x58\0\0\x2a\0"),
	 LINK_ETHERNET, 0, 0, 0},
	{"GTP-U", 0, 17, 2152, 2152, T("\x30\xff\0\x30\0\0\0\1"), LINK_RAW_IP, 0, 0,
	 DPI_TUNNEL_GTPU},
	{"GTP-U with a sequence number", 0, 17, 2152, 2152, T("\x32\xff\0\x30\0\0\0\1\0\1\0\0"),
	 LINK_RAW_IP, 1, 0, DPI_TUNNEL_GTPU},
	{"GTP-U of 5G", 0, 17, 2152, 2152, T("\x34\xff\0\x30\0\0\0\1\0\0\0\x85\1\0\1\0"),
	 LINK_RAW_IP, 0, 0, DPI_TUNNEL_GTPU},
	{"GTP-U with two extensions", 0, 17, 2152, 2152,
	 T("\x34\xff\0\x30\0\0\0\1\0\0\0\xc0\1\0\0\x85\2\0\0\0\0\0\0\0"), LINK_RAW_IP, 0, 0,
	 DPI_TUNNEL_GTPU},
	{"GTP-U, an extension of no length", 0, 17, 2152, 2152,
	 T("\x34\xff\0\x30\0\0\0\1\0\0\0\xc0\0\0\0\0"), LINK_RAW_IP, 0, 0, 0},
	{"GTP-U, an echo request", 0, 17, 2152, 2152, T("\x30\x01\0\x30\0\0\0\1"), LINK_RAW_IP, 0,
	 0, 0},
	{"GTP prime", 0, 17, 2152, 2152, T("\x20\xff\0\x30\0\0\0\1"), LINK_RAW_IP, 0, 0, 0},
	{"CAPWAP with Ethernet", 0, 17, 50000, 5247, T("\0\x10\x02\0\0\0\0\0"), LINK_ETHERNET, 0, 0,
	 DPI_TUNNEL_CAPWAP},
	{"CAPWAP with 802.11, from the controller", 0, 17, 5247, 50000, T("\0\x10\x03\0\0\0\0\0"),
	 LINK_WIFI, 0, 0, DPI_TUNNEL_CAPWAP},
	{"CAPWAP with 802.11, bytes swapped", 0, 17, 50000, 5247, T("\0\x10\x03\0\0\0\0\0"),
	 LINK_WIFI, 1, FIX_SWAP, DPI_TUNNEL_CAPWAP},
	{"CAPWAP with radio information", 0, 17, 50000, 5247,
	 T("\0\x20\x03\x10\0\0\0\0\4\1\2\3\4\0\0\0"), LINK_WIFI, 0, 0, DPI_TUNNEL_CAPWAP},
	{"CAPWAP, encrypted 802.11", 0, 17, 50000, 5247, T("\0\x10\x03\0\0\0\0\0"), LINK_WIFI, 0,
	 FIX_SECRET, 0},
	{"CAPWAP, a fragment", 0, 17, 50000, 5247, T("\0\x10\x03\x80\0\0\0\0"), LINK_WIFI, 0, 0, 0},
	{"CAPWAP, DTLS", 0, 17, 50000, 5247, T("\1\0\0\0"), LINK_ETHERNET, 0, 0, 0},
	{"CAPWAP, a head of one word", 0, 17, 50000, 5247, T("\0\x08\x02\0\0\0\0\0"), LINK_ETHERNET,
	 0, 0, 0},
	{"Teredo", 0, 17, 50000, 3544, T(""), LINK_RAW_IP, 1, FIX_TEREDO, DPI_TUNNEL_TEREDO},
	{"Teredo, the origin told", 0, 17, 3544, 50000, T("\0\0\x12\x34\1\2\3\4"), LINK_RAW_IP, 1,
	 FIX_TEREDO, DPI_TUNNEL_TEREDO},
	{"Teredo, authentic", 0, 17, 50000, 3544,
	 T("\0\1\2\1ab\x55"
	   "12345678\0"),
	 LINK_RAW_IP, 1, FIX_LOCAL, DPI_TUNNEL_TEREDO},
	{"Teredo, authentic and the origin told", 0, 17, 3544, 50000,
	 T("\0\1\0\0"
	   "12345678\0\0\0\x12\x34\1\2\3\4"),
	 LINK_RAW_IP, 1, FIX_TEREDO, DPI_TUNNEL_TEREDO},
	{"Teredo's port, addresses of nobody's", 0, 17, 50000, 3544, T(""), LINK_RAW_IP, 1, 0, 0},
	{"Teredo's port, IPv4", 0, 17, 50000, 3544, T(""), LINK_RAW_IP, 0, 0, 0},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void fix_inside(uint8_t *at, enum fix fix)
{
	uint8_t first = at[0];

	switch (fix) {
	case FIX_SWAP:
		at[0] = at[1];
		at[1] = first;
		break;
	case FIX_TEREDO: memcpy(at + 8, "\x20\x01\0\0", 4); break;
	case FIX_LOCAL: memcpy(at + 8, "\xfe\x80", 2); break;
	case FIX_ARP: memcpy(at + 12, "\x08\x06", 2); break;
	case FIX_SECRET: at[1] |= 0x40; break;
	case FIX_VERSION: at[0] = 0x50; break;
	case FIX_NONE: break;
	}
}

static struct build_packet inner_of(size_t i)
{
	return (struct build_packet){
		.link = rows[i].inside,
		.is_v6 = rows[i].is_inner6,
		.src = 0x0a000001,
		.dst = 0x0a000002,
		.sport = 40000,
		.dport = 443,
		.proto = DPI_IP_TCP,
		.seq = 0x01020304,
		.flags = DPI_TCP_ACK,
		.payload = slice_text("payload"),
	};
}

/* The whole frame of a row: Ethernet, the outer packet, the tunnel's head, the inside. */
static size_t build_row(uint8_t *out, size_t i, struct build_packet *outer)
{
	static uint8_t inside[BUILD_MAX];
	struct build_packet inner = inner_of(i);
	size_t len = rows[i].head.len;

	memcpy(inside, rows[i].head.at, len);
	inner.link = rows[i].inside;
	len += build_frame(inside + len, &inner);
	fix_inside(inside + rows[i].head.len, rows[i].fix);
	*outer = (struct build_packet){
		.is_v6 = rows[i].is_outer6,
		.src = 0xc0000201,
		.dst = 0xc0000102,
		.sport = rows[i].sport,
		.dport = rows[i].dport,
		.proto = rows[i].proto,
		.payload = slice_of(inside, len),
	};
	return build_frame(out, outer);
}

static void check_inner(const struct packet *p, size_t i)
{
	assert_int_equal(p->tunnel, rows[i].kind);
	assert_int_equal(p->tunnel_depth, rows[i].kind != DPI_TUNNEL_NONE);
	if (!rows[i].kind) {
		assert_int_equal(p->head.key.proto, rows[i].proto);
		return;
	}
	assert_int_equal(p->outer[0].b[15], 1);
	assert_int_equal(p->outer[1].b[15], 2);
	assert_int_equal(dpi_addr_is4(&p->outer[0]), !rows[i].is_outer6);
	assert_int_equal(p->head.key.proto, DPI_IP_TCP);
	assert_int_equal(dpi_addr_is4(&p->head.key.addr[0]), !rows[i].is_inner6);
	assert_int_equal(dpi_be16(p->head.key.port[p->head.dir]), 40000);
	assert_int_equal(dpi_be16(p->head.key.port[!p->head.dir]), 443);
	assert_int_equal(p->head.key.addr[p->head.dir].b[15], 1);
	assert_int_equal(p->head.seq, 0x01020304);
	assert_int_equal(p->hash, dpi_key_hash(&p->head.key));
}

static void tunnels_lead_inside(void **state)
{
	static uint8_t bytes[BUILD_MAX];

	for (size_t i = 0; i < ROWS; i++) {
		struct build_packet outer;
		size_t len = build_row(bytes, i, &outer);
		struct frame f = {.wire_len = (uint32_t)len};
		const uint8_t *at = lay_against_wall(bytes, len);
		struct packet p;

		print_message("%s\n", rows[i].proves);
		f.bytes = slice_of(at, len);
		assert_int_equal(packet_decode(&f, &p), DPI_PARSE_OK);
		check_inner(&p, i);
		if (rows[i].kind)
			assert_true(slice_equal(p.payload, slice_text("payload")));
		assert_false(p.is_cut);
		wall_free(at);
	}
}

/* Where the inside's own head is cut, the outer packet stands; it is never another tunnel. */
static void cut_tunnels_are_never_guessed(void **state)
{
	static uint8_t bytes[BUILD_MAX];

	for (size_t i = 0; i < ROWS; i++) {
		struct build_packet outer;
		size_t len = build_row(bytes, i, &outer);
		size_t head = len - outer.payload.len, inner = len - strlen("payload");

		for (size_t cut = 0; cut < len; cut++) {
			struct frame f = {.wire_len = (uint32_t)len};
			const uint8_t *at = lay_against_wall(bytes, cut);
			struct packet p;
			enum dpi_parse got;

			f.bytes = slice_of(at, cut);
			got = packet_decode(&f, &p);
			if (cut < head) {
				assert_int_equal(got, DPI_PARSE_SHORT);
			} else {
				assert_int_equal(got, DPI_PARSE_OK);
				assert_true(p.is_cut);
				assert_true(p.tunnel_depth == 0 || cut >= inner);
				if (cut >= inner)
					check_inner(&p, i);
			}
			wall_free(at);
		}
	}
}

/* IPv4 in IPv4 in ...: `levels` heads around one packet. */
static size_t build_levels(uint8_t *out, int levels)
{
	static uint8_t bytes[2][BUILD_MAX];
	struct build_packet b = inner_of(0);
	size_t len = build_frame(bytes[0], &b);

	for (int i = 0; i < levels; i++) {
		b = (struct build_packet){
			.link = i + 1 < levels ? LINK_RAW_IP : LINK_ETHERNET,
			.src = 0xc0000200U + (uint32_t)i,
			.dst = 0xc0000100U + (uint32_t)i,
			.proto = DPI_IP_IP4,
			.payload = slice_of(bytes[i & 1], len),
		};
		len = build_frame(bytes[~i & 1], &b);
	}
	memcpy(out, bytes[levels & 1], len);
	return len;
}

static void depth_is_bounded(void **state)
{
	static uint8_t bytes[BUILD_MAX];

	for (int levels = 1; levels < 7; levels++) {
		struct frame f = {.link = LINK_ETHERNET};
		struct packet p;

		f.bytes = slice_of(bytes, build_levels(bytes, levels));
		f.wire_len = (uint32_t)f.bytes.len;
		assert_int_equal(packet_decode(&f, &p), DPI_PARSE_OK);
		assert_int_equal(p.tunnel_depth,
				 levels < DPI_TUNNELS_MAX ? levels : DPI_TUNNELS_MAX);
		assert_int_equal(p.head.key.proto,
				 levels <= DPI_TUNNELS_MAX ? DPI_IP_TCP : DPI_IP_IP4);
		assert_int_equal(p.outer[0].b[15], levels - 1);
	}
}

/* The inside claims more than the outside carries, and bytes follow: they are not its own. */
static void inside_ends_with_the_outside(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct build_packet outer;
	size_t len = build_row(bytes, 0, &outer);
	struct frame f = {.link = LINK_ETHERNET};
	struct packet p;

	bytes[len - outer.payload.len + 2] = 0x7f; /* total length of the inside */
	memset(bytes + len, 0xee, 40);
	f.bytes = slice_of(bytes, len + 40);
	f.wire_len = (uint32_t)len + 40;
	assert_int_equal(packet_decode(&f, &p), DPI_PARSE_OK);
	assert_int_equal(p.tunnel, DPI_TUNNEL_IP4);
	assert_true(slice_equal(p.payload, slice_text("payload")));
	assert_int_equal(p.head.payload_len, strlen("payload"));
	assert_int_equal(p.bytes.len, len);
}

/* A piece of a tunnelled packet, and a tunnel in pieces. */
static void fragments_inside_and_outside(void **state)
{
	static uint8_t inside[BUILD_MAX], bytes[BUILD_MAX];
	struct build_packet inner = inner_of(0), outer;
	struct frame f = {.link = LINK_ETHERNET};
	struct packet p;
	size_t len;

	inner.frag = 185;
	len = build_frame(inside, &inner);
	build_row(bytes, 0, &outer);
	outer.payload = slice_of(inside, len);
	f.bytes = slice_of(bytes, build_frame(bytes, &outer));
	f.wire_len = (uint32_t)f.bytes.len;
	assert_int_equal(packet_decode(&f, &p), DPI_PARSE_FRAGMENT);
	assert_int_equal(p.tunnel, DPI_TUNNEL_IP4);
	assert_int_equal(p.head.frag_off, 185 * 8);
	assert_int_equal(p.head.key.addr[0].b[12], 10);

	len = build_row(bytes, 0, &outer);
	outer.frag = 0x2000;
	f.bytes = slice_of(bytes, build_frame(bytes, &outer));
	assert_int_equal(packet_decode(&f, &p), DPI_PARSE_OK);
	assert_int_equal(p.tunnel_depth, 0);
	assert_int_equal(p.head.is_first_fragment, 1);
	assert_int_equal(p.head.key.proto, DPI_IP_IP4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tunnels_lead_inside),
		cmocka_unit_test(cut_tunnels_are_never_guessed),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(inside_ends_with_the_outside),
		cmocka_unit_test(fragments_inside_and_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
