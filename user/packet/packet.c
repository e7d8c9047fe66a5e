/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet room: from a frame to the innermost packet in it, by the link head (link.c), the lines
 * that also run in the kernel (include/dpi/parse.h) and the tunnels (tunnel.c). It must never read
 * past the captured bytes, allocate, or guess a header that is not there.
 */
#include "packet/packet.h"

#include "packet/link.h"
#include "packet/tunnel.h"

enum { IP4_TTL = 8, IP6_HOPS = 7 };

static bool has_key(enum dpi_parse result)
{
	return result == DPI_PARSE_OK || result == DPI_PARSE_FRAGMENT || result == DPI_PARSE_TINY;
}

/* What no tunnel is ever sent in costs one comparison. */
static bool may_carry(const struct dpi_packet *p)
{
	return p->key.proto == DPI_IP_UDP || p->key.proto == DPI_IP_GRE ||
	       p->key.proto == DPI_IP_IP4 || p->key.proto == DPI_IP_IP6;
}

/* Goes inwards as long as what is inside can be parsed. What lies behind the outer packet's end is
 * not the inner one's. */
static enum dpi_parse follow(struct packet *p)
{
	enum dpi_parse result = DPI_PARSE_OK;

	while (result == DPI_PARSE_OK && p->tunnel_depth < DPI_TUNNELS_MAX && may_carry(&p->head)) {
		size_t end = (size_t)p->head.payload_off + p->head.payload_len;
		struct dpi_packet inner;
		enum dpi_tunnel kind;
		enum dpi_parse inside = tunnel_parse(p->bytes, &p->head, &inner, &kind);

		if (!has_key(inside))
			break;
		if (!p->tunnel_depth) {
			p->tunnel = (uint8_t)kind;
			p->outer[0] = p->head.key.addr[p->head.dir];
			p->outer[1] = p->head.key.addr[!p->head.dir];
			p->outer_port = p->head.key.port[!p->head.dir];
			p->outer_proto = p->head.key.proto;
		}
		p->tunnel_depth++;
		p->bytes = slice_first(p->bytes, end);
		p->head = inner;
		result = inside;
	}
	p->is_deep = result == DPI_PARSE_OK && p->tunnel_depth == DPI_TUNNELS_MAX &&
		     p->head.key.proto != DPI_IP_UDP && may_carry(&p->head);
	return result;
}

static inline enum dpi_parse decode(const struct frame *f, struct packet *p, struct slice bytes,
				    enum link_type link, uint32_t wire_len)
{
	struct dpi_cursor c = {.pos = bytes.at, .end = bytes.at + bytes.len};
	enum dpi_parse result;

	/* Field by field: this is most of what a frame costs. Without a tunnel outer[] is unset. */
	memset(&p->head, 0, sizeof(p->head));
	p->frame = f;
	p->hash = 0;
	p->table_hash = 0;
	p->is_cut = p->is_deep = false;
	p->tunnel = p->tunnel_depth = p->outer_proto = 0;
	p->outer_port = 0;
	p->bytes = bytes;
	p->payload = slice_of(bytes.at + bytes.len, 0);
	/* The ordinary case stands here by itself. */
	result = link == LINK_ETHERNET ? dpi_parse_eth(&c, wire_len, &p->head)
				       : link_parse(&c, link, wire_len, &p->head);
	if (result == DPI_PARSE_OK && may_carry(&p->head))
		result = follow(p);
	if (!has_key(result))
		return result;
	p->hash = dpi_key_hash(&p->head.key);
	p->ttl = p->bytes.at[p->head.l3_off + (p->head.ip_version == 4 ? IP4_TTL : IP6_HOPS)];
	p->payload = slice_first(slice_from(p->bytes, p->head.payload_off), p->head.payload_len);
	p->is_cut = p->payload.len < p->head.payload_len;
	return result;
}

enum dpi_parse packet_decode(const struct frame *f, struct packet *p)
{
	return decode(f, p, f->bytes, f->link, f->wire_len);
}

enum dpi_parse packet_decode_whole(const struct frame *f, struct slice datagram, struct packet *p)
{
	return decode(f, p, datagram, LINK_RAW_IP, (uint32_t)datagram.len);
}
