/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What stands around an IP packet: Ethernet with its tags, MPLS, PPPoE and tunnels; see
 * make_frame.h. Room: selftest. RFC 2003, 4213, 2784, 7348, 8926, 3032, 2516, 4380, 3GPP TS 29.281.
 */
#include "selftest/make_frame.h"

#include <string.h>

enum { ETHER_IP4 = 0x0800, ETHER_IP6 = 0x86dd, ETHER_MPLS = 0x8847, ETHER_PPPOE = 0x8864 };
enum { ETHER = 14, BRIDGED = 0x6558, PROTO_GRE = 47, TUNNEL_TTL = 64 };

static uint16_t kind_of(struct slice packet)
{
	return packet.at[0] >> 4 == 6 ? ETHER_IP6 : ETHER_IP4;
}

static size_t put_ether(uint8_t *out, uint16_t kind, bool is_reply)
{
	static const uint8_t inner[6] = {2, 0, 0, 0, 0, 2}, outer[6] = {2, 0, 0, 0, 0, 1};

	memcpy(out, is_reply ? inner : outer, 6);
	memcpy(out + 6, is_reply ? outer : inner, 6);
	bytes_put16(out + 12, kind);
	return ETHER;
}

/* The ends of a tunnel: documentation addresses, so that nobody's are used. */
static struct make_ends tunnel_ends(bool is_reply, uint16_t port)
{
	struct make_ends e = {.src = {203, 0, 113, 1}, .dst = {203, 0, 113, 2}, .sport = 50000};

	e.src[3] = is_reply ? 2 : 1;
	e.dst[3] = is_reply ? 1 : 2;
	e.dport = port;
	return e;
}

/* An IPv4 packet of a tunnel around head and packet. port: UDP's, or 0. */
static size_t put_outer(uint8_t *out, uint8_t proto, uint16_t port, struct slice head,
			struct slice packet, bool is_reply)
{
	struct make_ends e = tunnel_ends(is_reply, port);
	uint8_t body[MAKE_FRAME_MAX], datagram[MAKE_FRAME_MAX];
	struct slice inside = slice_of(body, head.len + packet.len);

	memcpy(body, head.at, head.len);
	memcpy(body + head.len, packet.at, packet.len);
	if (port)
		inside = slice_of(datagram, make_datagram(datagram, &e, inside));
	return make_ip(out, &e, &(struct make_ip){.ttl = TUNNEL_TTL, .ident = packet.len}, proto,
		       inside);
}

static size_t put_gre(uint8_t *out, uint16_t kind, struct slice packet, bool is_reply)
{
	uint8_t head[4] = {0};

	bytes_put16(head + 2, kind);
	return put_outer(out, PROTO_GRE, 0, slice_of(head, 4), packet, is_reply);
}

/* A tunnel over UDP that bridges Ethernet frames, or carries IP as it is. */
static size_t put_udp_tunnel(uint8_t *out, enum make_layer layer, struct slice packet,
			     bool is_reply)
{
	uint8_t frame[MAKE_FRAME_MAX], gtp[8] = {0x30, 255, 0, 0, 0, 0, 0, 5};
	size_t n = put_ether(frame, kind_of(packet), is_reply);

	if (layer == MAKE_TEREDO)
		return put_outer(out, MAKE_UDP, 3544, slice_of("", 0), packet, is_reply);
	bytes_put16(gtp + 2, packet.len);
	if (layer == MAKE_GTPU)
		return put_outer(out, MAKE_UDP, 2152, slice_of(gtp, 8), packet, is_reply);
	memcpy(frame + n, packet.at, packet.len);
	if (layer == MAKE_VXLAN)
		return put_outer(out, MAKE_UDP, 4789, slice_of("\x08\0\0\0\0\x10\x92\0", 8),
				 slice_of(frame, n + packet.len), is_reply);
	return put_outer(out, MAKE_UDP, 6081, slice_of("\0\0\x65\x58\0\0\x63\0", 8),
			 slice_of(frame, n + packet.len), is_reply);
}

static size_t put_tunnel(uint8_t *out, enum make_layer layer, struct slice packet, bool is_reply)
{
	uint8_t inner[MAKE_FRAME_MAX];
	size_t n;

	switch (layer) {
	case MAKE_IPIP:
		return put_outer(out, kind_of(packet) == ETHER_IP6 ? 41 : 4, 0, slice_of("", 0),
				 packet, is_reply);
	case MAKE_GRE: return put_gre(out, kind_of(packet), packet, is_reply);
	case MAKE_GRE_BRIDGED:
		n = put_ether(inner, kind_of(packet), is_reply);
		memcpy(inner + n, packet.at, packet.len);
		return put_gre(out, BRIDGED, slice_of(inner, n + packet.len), is_reply);
	case MAKE_GRE_IN_IPIP:
		n = put_gre(inner, kind_of(packet), packet, is_reply);
		return put_outer(out, 4, 0, slice_of("", 0), slice_of(inner, n), is_reply);
	default: return put_udp_tunnel(out, layer, packet, is_reply);
	}
}

/* Tags that name no VLAN, but a priority: receivers take them off, how many there may be. */
static size_t put_tags(uint8_t *out, size_t count, uint16_t *kind)
{
	for (size_t i = 0; i < count; i++) {
		bytes_put16(out + 4 * i, 0xe000);
		bytes_put16(out + 4 * i + 2, i + 1 < count ? 0x8100 : *kind);
	}
	*kind = 0x8100;
	return 4 * count;
}

/* What is between Ethernet and IP. Returns its length, and the type that Ethernet names. */
static size_t put_between(uint8_t *out, enum make_layer layer, struct slice packet, uint16_t *kind)
{
	*kind = kind_of(packet);
	switch (layer) {
	case MAKE_MPLS:
		memcpy(out, "\0\1\0\x40\0\1\1\x40", 8); /* two labels, the last with its mark */
		*kind = ETHER_MPLS;
		return 8;
	case MAKE_PPPOE:
		memcpy(out, "\x11\0\0\x09\0\0\0\0", 8);
		bytes_put16(out + 4, 2 + packet.len);
		bytes_put16(out + 6, *kind == ETHER_IP6 ? 0x57 : 0x21);
		*kind = ETHER_PPPOE;
		return 8;
	case MAKE_VLAN:
		bytes_put16(out, 10);
		bytes_put16(out + 2, *kind);
		*kind = 0x8100;
		return 4;
	case MAKE_TAGS: return put_tags(out, 4, kind);
	case MAKE_TAGS_MANY: return put_tags(out, 7, kind);
	case MAKE_QINQ:
		memcpy(out, "\0\x64\x81\0\0\x0a", 6);
		bytes_put16(out + 6, *kind);
		*kind = 0x88a8;
		return 8;
	default: return 0;
	}
}

size_t make_frame(uint8_t *out, enum make_layer layer, struct slice packet, bool is_reply)
{
	uint8_t tunnel[MAKE_FRAME_MAX];
	uint16_t kind;
	size_t n;

	if (layer >= MAKE_IPIP)
		packet = slice_of(tunnel, put_tunnel(tunnel, layer, packet, is_reply));
	n = put_between(out + ETHER, layer, packet, &kind);
	put_ether(out, kind, is_reply);
	memcpy(out + ETHER + n, packet.at, packet.len);
	return ETHER + n + packet.len;
}
