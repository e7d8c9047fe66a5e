/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Packets and frames, made up: TCP, UDP, IPv4 and IPv6, IP fragments, tunnels, Ethernet. Each is
 * right unless it is asked to be wrong. Room: selftest. RFC 9293, 768, 791, 8200, 2784, 7348, 8926,
 * 4213, IEEE 802.1Q.
 *
 * Each function writes what it makes at `out`, which has room for MAKE_FRAME_MAX bytes and does not
 * overlap what it is made of, and returns its length.
 */
#ifndef SELFTEST_MAKE_FRAME_H
#define SELFTEST_MAKE_FRAME_H

#include <stdbool.h>
#include "base/slice.h"
#include "selftest/bytes.h"

enum { MAKE_FRAME_MAX = 2048 };
enum { MAKE_FIN = 1, MAKE_SYN = 2, MAKE_RST = 4, MAKE_PSH = 8, MAKE_ACK = 16, MAKE_URG = 32 };
enum { MAKE_TCP = 6, MAKE_UDP = 17 };

/* Whoever sends a packet, and to whom. IPv4: the first four bytes of an address. */
struct make_ends {
	bool is_v6;
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
};

struct make_segment {
	uint32_t seq, ack;
	uint8_t flags;
	uint8_t words; /* of the head, as its data offset claims; 0: what is true */
	uint16_t urgent;
	bool is_sum_wrong;
	struct slice options; /* a multiple of four */
};

struct make_ip {
	uint8_t ttl;
	uint32_t ident;	      /* IPv4: of the datagram; IPv6: the flow label */
	struct slice options; /* IPv4: a multiple of four */
	struct slice chain;   /* IPv6: the types of extension headers, in order */
};

size_t make_segment(uint8_t *out, const struct make_ends *e, const struct make_segment *s,
		    struct slice payload);
size_t make_datagram(uint8_t *out, const struct make_ends *e, struct slice payload);
/* The IP packet around a transport's bytes. */
size_t make_ip(uint8_t *out, const struct make_ends *e, const struct make_ip *ip, uint8_t proto,
	       struct slice body);

/* Where the body of an IP packet without options or extension headers begins. */
size_t make_ip_head(struct slice packet);
/* A fragment of such a packet that has these bytes at offset `at` (a multiple of 8). */
size_t make_fragment(uint8_t *out, struct slice packet, size_t at, struct slice bytes, bool more,
		     uint32_t ident);

/* What may stand between Ethernet and an IP packet: first what is no tunnel. */
enum make_layer {
	MAKE_BARE,
	MAKE_VLAN,
	MAKE_QINQ,
	MAKE_TAGS,
	MAKE_TAGS_MANY,
	MAKE_MPLS,
	MAKE_PPPOE,
	MAKE_IPIP, /* 6in4 around IPv6; from here on tunnels */
	MAKE_GRE,
	MAKE_GRE_BRIDGED,
	MAKE_GRE_IN_IPIP,
	MAKE_VXLAN,
	MAKE_GENEVE,
	MAKE_GTPU,
	MAKE_TEREDO, /* of IPv6 alone */
};

/* The Ethernet frame around an IP packet, with a layer between. */
size_t make_frame(uint8_t *out, enum make_layer layer, struct slice packet, bool is_reply);

#endif
