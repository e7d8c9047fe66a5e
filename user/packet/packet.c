/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet room: from a frame to the innermost packet in it, by the link head (link.c), the lines
 * that also run in the kernel (include/dpi/parse.h) and the tunnels (tunnel.c). It must never read
 * past the captured bytes, allocate, or guess a header that is not there.
 */
#include "packet/packet.h"

#include "packet/link.h"
#include "packet/plain.h"
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

static enum dpi_parse decode(const struct frame *f, struct packet *p, struct slice bytes,
			     enum link_type link, uint32_t wire_len)
{
	struct dpi_cursor c = {.pos = bytes.at, .end = bytes.at + bytes.len};
	enum dpi_parse result;

	/* Without a tunnel outer[] is unset. */
	memset(&p->head, 0, sizeof(p->head));
	p->frame = f;
	p->hash = 0;
	p->table_hash = 0;
	p->is_cut = p->is_deep = false;
	p->tunnel = p->tunnel_depth = p->outer_proto = 0;
	p->outer_port = 0;
	p->bytes = bytes;
	p->payload = slice_of(bytes.at + bytes.len, 0);
	result = link_parse(&c, link, wire_len, &p->head);
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

/* The transport header of a plain frame at l4_off, 8 bytes of which are known to be there; left:
 * what the IP header says follows. */
dpi_inline bool plain_l4(const struct frame *f, struct dpi_packet *h, uint8_t proto,
			 uint32_t l4_off, uint32_t left)
{
	const uint8_t *l4 = f->bytes.at + l4_off;
	uint32_t head = UDP_LEN;

	if (proto == DPI_IP_TCP) {
		if (f->bytes.len < l4_off + TCP_LEN)
			return false;
		head = (uint32_t)(l4[12] >> 4) * 4;
		if (head < TCP_LEN || head > left || f->bytes.len < l4_off + head)
			return false;
		h->seq = dpi_get32(l4 + 4);
		h->ack = dpi_get32(l4 + 8);
		h->tcp_flags = l4[13];
	} else if (proto == DPI_IP_UDP) {
		uint32_t length = dpi_get16(l4 + 4);

		if (left < UDP_LEN || tunnel_may_use(dpi_get16(l4)) ||
		    tunnel_may_use(dpi_get16(l4 + 2)))
			return false;
		left = length >= UDP_LEN && length < left ? length : left;
		h->seq = h->ack = 0;
		h->tcp_flags = 0;
	} else {
		return false;
	}
	h->l3_off = ETH_LEN;
	h->l4_off = l4_off;
	h->payload_off = l4_off + head;
	h->payload_len = left - head;
	return true;
}

/* What plain frames have in common, when the head is known. */
dpi_inline void plain_end(const struct frame *f, struct packet *p)
{
	size_t off = p->head.payload_off, len = p->head.payload_len, there = f->bytes.len - off;

	p->head.is_first_fragment = p->head.has_more = 0;
	p->head.frag_off = 0;
	p->frame = f;
	/* Apart, as they were written a moment ago: a wider copy would wait for both. */
	p->bytes = slice_of(f->bytes.at, f->bytes.len);
	p->table_hash = 0;
	p->is_cut = there < len;
	p->is_deep = false;
	p->tunnel = p->tunnel_depth = p->outer_proto = 0;
	p->outer_port = 0;
	p->payload = slice_of(f->bytes.at + off, there < len ? there : len);
}

dpi_inline bool plain_ip4(const struct frame *f, struct packet *p)
{
	const uint8_t *ip = f->bytes.at + ETH_LEN;
	uint32_t total = dpi_get16(ip + 2);

	if (ip[0] != 0x45 || dpi_get16(ip + 6) & IP4_PIECE || total < IP4_LEN ||
	    total + ETH_LEN > f->wire_len ||
	    !plain_l4(f, &p->head, ip[IP4_PROTO], ETH_LEN + IP4_LEN, total - IP4_LEN))
		return false;
	p->hash = plain_key4(ip, &p->head.key, &p->head.dir);
	p->head.ip_version = 4;
	p->head.frag_id = dpi_get16(ip + 4);
	p->ttl = ip[IP4_TTL];
	plain_end(f, p);
	return true;
}

static __attribute__((noinline)) bool plain_ip6(const struct frame *f, struct packet *p)
{
	const uint8_t *ip = f->bytes.at + ETH_LEN;
	uint32_t left = dpi_get16(ip + 4);

	if (f->bytes.len < ETH_LEN + IP6_LEN + UDP_LEN || ip[0] >> 4 != 6 || left == 0 ||
	    left + ETH_LEN + IP6_LEN > f->wire_len ||
	    !plain_l4(f, &p->head, ip[IP6_NEXT], ETH_LEN + IP6_LEN, left))
		return false;
	p->hash = plain_key6(ip, &p->head.key, &p->head.dir);
	p->head.ip_version = 6;
	p->head.frag_id = 0;
	p->ttl = ip[IP6_HOPS];
	plain_end(f, p);
	return true;
}

/*
 * Most frames there are: Ethernet, an IP header without options, a TCP or UDP header, and no tunnel
 * in it. Says of them just what decode() says, in a third of the time; false: this is none of
 * them, or something about it is odd, and decode() has to look.
 */
dpi_inline bool decode_plain(const struct frame *f, struct packet *p)
{
	uint16_t type;

	if (f->link != LINK_ETHERNET || f->bytes.len < ETH_LEN + IP4_LEN + UDP_LEN)
		return false;
	type = dpi_get16(f->bytes.at + ETH_TYPE);
	return type == DPI_ETH_IP ? plain_ip4(f, p) : type == DPI_ETH_IPV6 && plain_ip6(f, p);
}

enum dpi_parse packet_decode(const struct frame *f, struct packet *p)
{
	return decode_plain(f, p) ? DPI_PARSE_OK : decode(f, p, f->bytes, f->link, f->wire_len);
}

enum dpi_parse packet_decode_whole(const struct frame *f, struct slice datagram, struct packet *p)
{
	return decode(f, p, datagram, LINK_RAW_IP, (uint32_t)datagram.len);
}
