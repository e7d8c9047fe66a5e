/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Odd heads, for the packet room: what is no IP is said to be none, a head that lies is told, and
 * the heads of 802.11 have every length they can have.
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
	const char *bytes;
	size_t len;
	enum dpi_parse expect;
} odd[] = {
	{"ARP is not IP", LINK_ETHERNET, "\1\2\3\4\5\6\1\2\3\4\5\6\x08\x06\0\1", 16,
	 DPI_PARSE_NOT_IP},
	{"five tags are too deep", LINK_ETHERNET,
	 "\1\2\3\4\5\6\1\2\3\4\5\6\x88\xa8\0\1\x81\0\0\1\x81\0\0\1\x81\0\0\1\x81\0\0\1\x08\0", 34,
	 DPI_PARSE_DEEP},
	{"four are not", LINK_ETHERNET,
	 "\1\2\3\4\5\6\1\2\3\4\5\6\x88\xa8\0\1\x81\0\0\1\x81\0\0\1\x81\0\0\1\x08\6", 30,
	 DPI_PARSE_NOT_IP},
	{"raw IP of version 5", LINK_RAW_IP, "\x50\0\0\0", 4, DPI_PARSE_NOT_IP},
	{"an empty raw frame", LINK_RAW_IP, "", 0, DPI_PARSE_SHORT},
	{"loopback family, big-endian, then nothing", LINK_NULL, "\0\0\0\x02", 4, DPI_PARSE_SHORT},
	{"loopback family 24 is IPv6", LINK_NULL, "\x18\0\0\0", 4, DPI_PARSE_SHORT},
	{"loopback family 7 is not IP", LINK_NULL, "\x07\0\0\0\x45", 5, DPI_PARSE_NOT_IP},
	{"a netlink message in a cooked capture", LINK_COOKED1,
	 "\0\4\x03\x38\0\0\0\0\0\0\0\0\0\0\x08\0\x45", 17, DPI_PARSE_NOT_IP},
	{"cooked 802.2", LINK_COOKED1, "\0\0\0\1\0\6\0\0\0\0\0\0\0\0\0\4\x45", 17,
	 DPI_PARSE_NOT_IP},
	{"a link type that is not parsed", LINK_OTHER, "\x45\0\0\x14", 4, DPI_PARSE_NOT_IP},
	{"PPP behind a direction", LINK_PPP, "\0\xff\x03\0\x21\x45", 6, DPI_PARSE_SHORT},
	{"PPP sent, protocol of one byte", LINK_PPP, "\1\x21\x45", 3, DPI_PARSE_SHORT},
	{"PPP without its HDLC head", LINK_PPP, "\0\x21\x45", 3, DPI_PARSE_SHORT},
	{"PPP, link control", LINK_PPP, "\xff\x03\xc0\x21\1\1\0\4", 8, DPI_PARSE_NOT_IP},
	{"Cisco HDLC where PPP was promised", LINK_PPP, "\x0f\0\x08\0\x45", 5, DPI_PARSE_SHORT},
	{"Cisco HDLC, SLARP", LINK_CHDLC, "\x8f\0\x80\x35\0\0\0\2", 8, DPI_PARSE_NOT_IP},
	{"PPI around raw IP", LINK_PPI, "\0\0\x08\0\x65\0\0\0\x45", 9, DPI_PARSE_SHORT},
	{"PPI with a field of its own", LINK_PPI, "\0\0\x0a\0\x65\0\0\0\1\2\x50", 11,
	 DPI_PARSE_NOT_IP},
	{"PPI shorter than its own head", LINK_PPI, "\0\0\x07\0\x65\0\0\0\x45", 9, DPI_PARSE_BAD},
	{"PPI longer than the frame", LINK_PPI, "\0\0\xff\xff\x65\0\0\0\x45", 9, DPI_PARSE_SHORT},
	{"PPI inside PPI", LINK_PPI, "\0\0\x08\0\xc0\0\0\0\0\0\x08\0\1\0\0\0", 16,
	 DPI_PARSE_NOT_IP},
	{"radiotap of an unknown version", LINK_RADIOTAP, "\1\0\x08\0\0\0\0\0\x08\1", 10,
	 DPI_PARSE_BAD},
	{"radiotap longer than the frame", LINK_RADIOTAP, "\0\0\x09\0\0\0\0\0", 8, DPI_PARSE_SHORT},
	{"IPv4 whose header is too short", LINK_RAW_IP,
	 "\x44\0\0\x14\0\0\0\0\x40\x06\0\0\1\1\1\1\2\2\2\2", 20, DPI_PARSE_BAD},
};

/* Heads of 802.11: in front of an LLC/SNAP head and an IPv4 packet, or what hides one. */
static const struct {
	const char *proves;
	enum link_type link;
	const char *head;
	size_t len;
	bool is_ip;
} wifi[] = {
#define ADDRESSES "\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3"
	{"to an access point", LINK_WIFI, "\x08\1" ADDRESSES "\0\0", 24, true},
	{"from an access point", LINK_WIFI, "\x08\2" ADDRESSES "\x10\0", 24, true},
	{"between two of them: a fourth address", LINK_WIFI, "\x08\3" ADDRESSES "\0\0\2\0\0\0\0\4",
	 30, true},
	{"QoS", LINK_WIFI, "\x88\1" ADDRESSES "\0\0\6\0", 26, true},
	{"QoS and HT control", LINK_WIFI, "\x88\x81" ADDRESSES "\0\0\6\0\1\2\3\4", 30, true},
	{"QoS, HT control, a fourth address", LINK_WIFI,
	 "\x88\x83" ADDRESSES "\0\0\2\0\0\0\0\4\6\0\1\2\3\4", 36, true},
	{"the order flag without QoS adds nothing", LINK_WIFI, "\x08\x81" ADDRESSES "\0\0", 24,
	 true},
	{"QoS, several packets in one", LINK_WIFI, "\x88\1" ADDRESSES "\0\0\x86\0", 26, false},
	{"encrypted", LINK_WIFI, "\x08\x41" ADDRESSES "\0\0", 24, false},
	{"a first piece", LINK_WIFI, "\x08\5" ADDRESSES "\0\0", 24, false},
	{"a later piece", LINK_WIFI, "\x08\1" ADDRESSES "\1\0", 24, false},
	{"no data", LINK_WIFI, "\x48\1" ADDRESSES "\0\0", 24, false},
	{"a beacon", LINK_WIFI, "\x80\0" ADDRESSES "\0\0", 24, false},
	{"a version to come", LINK_WIFI, "\x09\1" ADDRESSES "\0\0", 24, false},
	{"radiotap with a time and flags", LINK_RADIOTAP,
	 "\0\0\x11\0\3\0\0\0\1\2\3\4\5\6\7\x08\0\x08\1" ADDRESSES "\0\0", 41, true},
	{"radiotap, QoS filled up to four bytes", LINK_RADIOTAP,
	 "\0\0\x11\0\3\0\0\0\1\2\3\4\5\6\7\x08\x20\x88\1" ADDRESSES "\0\0\6\0\0\0", 45, true},
	{"radiotap of two words, then flags", LINK_RADIOTAP,
	 "\0\0\x0d\0\2\0\0\x80\0\0\0\0\x20\x08\1" ADDRESSES "\0\0", 37, true},
	{"radiotap whose words never end", LINK_RADIOTAP,
	 "\0\0\x08\0\2\0\0\x80\x08\1" ADDRESSES "\0\0", 32, true},
#undef ADDRESSES
};

static void wifi_heads_are_stepped_over(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct build_packet b = {.link = LINK_RAW_IP,
				 .src = 1,
				 .dst = 2,
				 .proto = DPI_IP_TCP,
				 .payload = slice_text("payload")};

	for (size_t i = 0; i < sizeof(wifi) / sizeof(wifi[0]); i++) {
		struct frame f = {.link = wifi[i].link};
		size_t at = wifi[i].len + 8, len;

		print_message("%s\n", wifi[i].proves);
		memcpy(bytes, wifi[i].head, wifi[i].len);
		memcpy(bytes + wifi[i].len, "\xaa\xaa\x03\0\0\0\x08\0", 8);
		len = at + build_frame(bytes + at, &b);
		f.wire_len = (uint32_t)len;
		for (size_t cut = 0; cut <= len; cut++) {
			const uint8_t *wall = lay_against_wall(bytes, cut);
			struct packet p;
			enum dpi_parse got;

			f.bytes = slice_of(wall, cut);
			got = packet_decode(&f, &p);
			if (wifi[i].is_ip && cut < len - b.payload.len)
				assert_int_equal(got, DPI_PARSE_SHORT);
			else if (wifi[i].is_ip)
				assert_int_equal(got, DPI_PARSE_OK);
			else
				assert_true(got == DPI_PARSE_NOT_IP || cut < wifi[i].len);
			if (got == DPI_PARSE_OK)
				assert_int_equal(p.head.l3_off, at);
			wall_free(wall);
		}
	}
}

/* First fragments that hide their ports: IPv6 header chains that end inside a header. */
static const struct {
	const char *proves;
	uint8_t next;
	const char *bytes;
	size_t len;
	enum dpi_parse expect;
} chains[] = {
#define HEAD(next, more) next "\0\0" more "\0\0\0\7"
	{"a first fragment with its UDP header", 44, HEAD("\x11", "\1") "\x9c\x40\0\x35\0\x10\0\0",
	 16, DPI_PARSE_OK},
	{"less than a UDP header", 44, HEAD("\x11", "\1") "\x9c\x40\0\x35", 12, DPI_PARSE_TINY},
	{"less than a TCP header", 44, HEAD("\6", "\1") "\x9c\x40\0\x35\0\0\0\1", 16,
	 DPI_PARSE_TINY},
	{"a TCP header that claims more than is there", 44,
	 HEAD("\6", "\1") "\x9c\x40\0\x35\0\0\0\1\0\0\0\0\xf0\2\0\0\0\0\0\0", 28, DPI_PARSE_TINY},
	{"options that end in the next piece", 44, HEAD("\x3c", "\1") "\x11\1\0\0\0\0\0\0", 16,
	 DPI_PARSE_TINY},
	{"options that begin in the next piece", 44, HEAD("\x3c", "\1") "\x11\0\0\0", 12,
	 DPI_PARSE_TINY},
	{"a fragment that is one again", 44,
	 HEAD("\x2c", "\1") HEAD("\x11", "\1") "\x9c\x40\0\x35\0\x10\0\0", 24, DPI_PARSE_TINY},
	{"an atomic fragment is a packet", 44, HEAD("\x11", "\0") "\x9c\x40\0\x35\0\x08\0\0", 16,
	 DPI_PARSE_OK},
	{"an atomic fragment, then a later one", 44,
	 HEAD("\x2c", "\0") "\x11\0\0\x08\0\0\0\7"
			    "\x9c\x40\0\x35\0\x10\0\0",
	 24, DPI_PARSE_FRAGMENT},
	{"options cut short in a whole packet", 60, "\x11\1\0\0\0\0\0\0", 8, DPI_PARSE_BAD},
#undef HEAD
};

static void chains_that_hide_are_told(void **state)
{
	static uint8_t bytes[BUILD_MAX];

	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		struct build_packet b = {.link = LINK_RAW_IP, .is_v6 = true, .src = 1, .dst = 2};
		struct frame f = {.link = LINK_RAW_IP};
		struct packet p;

		print_message("%s\n", chains[i].proves);
		b.proto = chains[i].next;
		b.payload = slice_of(chains[i].bytes, chains[i].len);
		f.bytes = slice_of(bytes, build_frame(bytes, &b));
		f.wire_len = (uint32_t)f.bytes.len;
		assert_int_equal(packet_decode(&f, &p), chains[i].expect);
		if (chains[i].expect == DPI_PARSE_TINY) {
			assert_int_equal(p.head.l4_off, 0);
			assert_int_equal(p.head.key.port[0] | p.head.key.port[1], 0);
			assert_int_equal(p.head.is_first_fragment, 1);
		}
	}
}

static void odd_frames_are_named(void **state)
{
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		const uint8_t *at = lay_against_wall(odd[i].bytes, odd[i].len);
		struct frame f = {.link = odd[i].link, .wire_len = (uint32_t)odd[i].len};
		struct packet p;

		print_message("%s\n", odd[i].proves);
		f.bytes = slice_of(at, odd[i].len);
		assert_int_equal(packet_decode(&f, &p), odd[i].expect);
		wall_free(at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_frames_are_named),
		cmocka_unit_test(wifi_heads_are_stepped_over),
		cmocka_unit_test(chains_that_hide_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
