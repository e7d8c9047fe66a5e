/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet room's first look at a frame: its flow's hash, read by whoever deals frames out to
 * those that decode them. It must never read past the captured bytes, nor say of a frame what
 * packet.c does not: what it is not sure of it leaves to that.
 *
 * Standards: as include/dpi/parse.h.
 */
#include "packet/glance.h"

#include "packet/plain.h"
#include "packet/tunnel.h"

enum { TAG_LEN = sizeof(struct dpi_wire_tag) };

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
	const uint8_t *ip = s.at;
	struct dpi_key k;
	uint32_t total;
	uint8_t dir;

	if (s.len < IP4_LEN + UDP_LEN || ip[0] != 0x45 || dpi_get16(ip + 6) & IP4_PIECE)
		return false;
	total = dpi_get16(ip + 2);
	if (total < IP4_LEN || total > wire_len ||
	    !glance_l4(slice_from(s, IP4_LEN), ip[IP4_PROTO], total - IP4_LEN, g))
		return false;
	g->hash = plain_key4(ip, &k, &dir);
	return true;
}

dpi_inline bool glance_ip6(struct slice s, size_t wire_len, struct glance *g)
{
	const uint8_t *ip = s.at;
	struct dpi_key k;
	uint32_t left;
	uint8_t dir;

	if (s.len < IP6_LEN + UDP_LEN || ip[0] >> 4 != 6)
		return false;
	left = dpi_get16(ip + 4);
	if (left == 0 || left + IP6_LEN > wire_len ||
	    !glance_l4(slice_from(s, IP6_LEN), ip[IP6_NEXT], left, g))
		return false;
	g->hash = plain_key6(ip, &k, &dir);
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
