/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet room's first look at a frame: its flow's hash, read by whoever deals frames out to
 * those that decode them. It must never read past the captured bytes, nor say of a frame what
 * packet.c does not: what it is not sure of it leaves to that.
 *
 * Standards: as include/dpi/parse.h.
 */
#include "packet/glance.h"

#include "packet/tunnel.h"

enum {
	ETH_TYPE = 12,
	ETH_LEN = sizeof(struct dpi_wire_eth),
	TAG_LEN = sizeof(struct dpi_wire_tag),
	IP4_LEN = sizeof(struct dpi_wire_ip4),
	IP6_LEN = sizeof(struct dpi_wire_ip6),
	TCP_LEN = sizeof(struct dpi_wire_tcp),
	UDP_LEN = sizeof(struct dpi_wire_udp),
	IP4_PIECE = 0x3fff, /* more fragments, or an offset */
};

/* The transport header at l4, UDP_LEN bytes of which are there; left: what IP says follows. */
dpi_inline bool glance_l4(struct slice l4, uint8_t proto, uint32_t left, struct glance *g)
{
	const uint8_t *at = l4.at;

	g->from = 0;
	g->payload = slice_of(at, 0);
	if (proto == DPI_IP_TCP) {
		uint32_t head = l4.len < TCP_LEN ? 0 : (uint32_t)(at[12] >> 4) * 4;

		return head >= TCP_LEN && head <= left;
	}
	if (proto == DPI_IP_UDP && left >= UDP_LEN && !tunnel_may_use(dpi_get16(at)) &&
	    !tunnel_may_use(dpi_get16(at + 2))) {
		uint32_t length = dpi_get16(at + 4);

		left = length >= UDP_LEN && length < left ? length : left;
		g->from = dpi_get16(at);
		g->payload = slice_first(slice_from(l4, UDP_LEN), left - UDP_LEN);
		return true;
	}
	return false;
}

/* s: from the IP header on; wire_len: the same on the wire. */
dpi_inline bool glance_ip4(struct slice s, size_t wire_len, struct glance *g)
{
	const uint64_t mapped = 0xffff00000000ULL;
	const uint8_t *ip = s.at, *port = ip + IP4_LEN;
	struct dpi_key k = {.proto = 0};
	uint64_t src, dst, low, high;
	uint32_t total;

	if (s.len < IP4_LEN + UDP_LEN || ip[0] != 0x45 || dpi_get16(ip + 6) & IP4_PIECE)
		return false;
	total = dpi_get16(ip + 2);
	if (total < IP4_LEN || total > wire_len ||
	    !glance_l4(slice_from(s, IP4_LEN), ip[9], total - IP4_LEN, g))
		return false;
	/* An address and its port as one number, for the key's order. */
	src = (uint64_t)dpi_get32(ip + 12) << 16 | dpi_get16(port);
	dst = (uint64_t)dpi_get32(ip + 16) << 16 | dpi_get16(port + 2);
	low = src < dst ? src : dst;
	high = src < dst ? dst : src;
	k.addr[0].d[1] = dpi_be64(mapped | low >> 16);
	k.addr[1].d[1] = dpi_be64(mapped | high >> 16);
	k.port[0] = dpi_be16((uint16_t)low);
	k.port[1] = dpi_be16((uint16_t)high);
	k.proto = ip[9];
	g->hash = dpi_key_hash(&k);
	return true;
}

dpi_inline bool glance_ip6(struct slice s, size_t wire_len, struct glance *g)
{
	const uint8_t *ip = s.at;
	struct dpi_key k = {.proto = 0};
	uint32_t left;

	if (s.len < IP6_LEN + UDP_LEN || ip[0] >> 4 != 6)
		return false;
	left = dpi_get16(ip + 4);
	if (left == 0 || left + IP6_LEN > wire_len ||
	    !glance_l4(slice_from(s, IP6_LEN), ip[6], left, g))
		return false;
	memcpy(k.addr, ip + 8, sizeof(k.addr));
	memcpy(k.port, ip + IP6_LEN, sizeof(k.port));
	k.proto = ip[6];
	dpi_key_order(&k);
	g->hash = dpi_key_hash(&k);
	return true;
}

dpi_inline bool is_tag(uint16_t type)
{
	return type == DPI_ETH_VLAN || type == DPI_ETH_QINQ || type == DPI_ETH_QINQ_OLD;
}

bool packet_glance(const struct frame *f, struct glance *g)
{
	size_t off = ETH_LEN;
	struct slice s;
	uint16_t type;

	if (f->link != LINK_ETHERNET || f->bytes.len < ETH_LEN)
		return false;
	type = dpi_get16(f->bytes.at + ETH_TYPE);
	for (int i = 0; i < DPI_TAGS_MAX && is_tag(type) && f->bytes.len >= off + TAG_LEN; i++) {
		off += TAG_LEN;
		type = dpi_get16(f->bytes.at + off - 2);
	}
	if (f->wire_len < off)
		return false;
	s = slice_from(f->bytes, off);
	return type == DPI_ETH_IP     ? glance_ip4(s, f->wire_len - off, g)
	       : type == DPI_ETH_IPV6 ? glance_ip6(s, f->wire_len - off, g)
				      : false;
}
