/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One parser for both sides: from the first byte of a frame to flow key, direction and payload.
 *
 * The BPF verifier, the C compiler and a WebAssembly target all take these lines, so what a fuzzer
 * finds here in user space is what runs in the kernel. It must never read past the cursor's end,
 * never loop without a fixed bound, and call nothing outside this directory.
 *
 * Standards: IEEE 802.1Q (tags), RFC 2516 (PPPoE), RFC 3032 (MPLS), RFC 791, RFC 8200 and 4302
 * (extension headers), RFC 9293 (TCP), RFC 768 (UDP), RFC 792, RFC 4443.
 */
#ifndef DPI_PARSE_H
#define DPI_PARSE_H

#include "dpi/abi.h"

enum dpi_parse {
	DPI_PARSE_OK = 0,
	DPI_PARSE_NOT_IP,   /* ARP, LLDP, ...: nothing to decide on */
	DPI_PARSE_SHORT,    /* the frame ends inside a header */
	DPI_PARSE_BAD,	    /* a header contradicts itself */
	DPI_PARSE_DEEP,	    /* more than four tags or eight extension headers */
	DPI_PARSE_FRAGMENT, /* a fragment after the first: key holds addresses, no ports */
	DPI_PARSE_TINY,	    /* a first fragment without a whole transport header (RFC 1858 3):
			       key as for FRAGMENT */
};

enum {
	DPI_TAGS_MAX = 4, /* Linux takes any number of those that name no VLAN */
	DPI_EXTENSIONS_MAX = 8,
	DPI_LABELS_MAX = 4,
	DPI_TUNNELS_MAX = 4, /* levels of packets in packets that are followed */
	DPI_ETH_IP = 0x0800,
	DPI_ETH_IPV6 = 0x86dd,
	DPI_ETH_VLAN = 0x8100,
	DPI_ETH_QINQ = 0x88a8,
	DPI_ETH_QINQ_OLD = 0x9100,
	DPI_ETH_PPPOE = 0x8864,
	DPI_ETH_MPLS = 0x8847,
	DPI_ETH_MPLS_MULTICAST = 0x8848,
	DPI_ETH_PPP = 0x880b,	  /* of PPTP's GRE (RFC 2637 4.1) */
	DPI_ETH_BRIDGED = 0x6558, /* a whole Ethernet frame (RFC 1701, RFC 8926 3.4) */
	DPI_IP_ICMP = 1,
	DPI_IP_IP4 = 4,
	DPI_IP_TCP = 6,
	DPI_IP_UDP = 17,
	DPI_IP_IP6 = 41,
	DPI_IP_GRE = 47,
	DPI_IP_ICMPV6 = 58,
	DPI_TCP_FIN = 0x01,
	DPI_TCP_SYN = 0x02,
	DPI_TCP_RST = 0x04,
	DPI_TCP_PSH = 0x08,
	DPI_TCP_ACK = 0x10,
	DPI_TCP_URG = 0x20,
};

/* What may carry one IP packet inside another. Named in counters and reports. */
enum dpi_tunnel {
	DPI_TUNNEL_NONE,
	DPI_TUNNEL_IP4,	   /* IPv4 in IPv4 or IPv6 (RFC 2003, RFC 2473) */
	DPI_TUNNEL_IP6,	   /* IPv6 in IPv4 or IPv6 (RFC 4213, RFC 2473) */
	DPI_TUNNEL_GRE,	   /* RFC 2784, RFC 2890; PPTP's too */
	DPI_TUNNEL_VXLAN,  /* RFC 7348 */
	DPI_TUNNEL_GENEVE, /* RFC 8926 */
	DPI_TUNNEL_GTPU,   /* 3GPP TS 29.281 */
	DPI_TUNNEL_CAPWAP, /* data channel (RFC 5415 4.3); user side only */
	DPI_TUNNEL_TEREDO, /* RFC 4380 */
	DPI_TUNNEL_KINDS
};

/* Where parsing stands: pos moves from the frame's first byte towards end; off = pos - start. */
struct dpi_cursor {
	const __u8 *pos;
	const __u8 *end;
	__u32 off;
};

/* What a frame says. Offsets count from the frame's first byte; numbers are in host order. */
struct dpi_packet {
	struct dpi_key key;
	__u32 l3_off;
	__u32 l4_off; /* 0: of a fragment that holds no transport header */
	__u32 payload_off;
	__u32 payload_len; /* by the IP and UDP lengths, so padding is not counted; may exceed a
			      frame cut short by a snap length */
	__u32 seq, ack;	   /* TCP */
	__u8 dir;	   /* sending end of key */
	__u8 tcp_flags;
	__u8 is_first_fragment;
	__u8 ip_version; /* 4 or 6; 0 where there is none */
	__u8 has_more;	 /* of a fragment: another one follows it */
	__u16 frag_off;	 /* of a fragment: bytes of the datagram in front of it */
	__u32 frag_id;	 /* of a fragment */
};

struct dpi_wire_eth {
	__u8 dst[6], src[6];
	__be16 type;
} __attribute__((packed));
struct dpi_wire_tag {
	__be16 tci, type;
} __attribute__((packed));
struct dpi_wire_pppoe {
	__u8 version_type, code;
	__be16 session, length, protocol;
} __attribute__((packed));
struct dpi_wire_ip4 {
	__u8 version_ihl, tos;
	__be16 total, id, frag;
	__u8 ttl, proto;
	__be16 check;
	__be32 src, dst;
} __attribute__((packed));
struct dpi_wire_ip6 {
	__be32 version_class_flow;
	__be16 payload;
	__u8 next, hops;
	__u8 src[16], dst[16];
} __attribute__((packed));
struct dpi_wire_ext {
	__u8 next, len;
	__be16 frag; /* fragment header only (RFC 8200 4.5) */
	__be32 more;
} __attribute__((packed));
struct dpi_wire_tcp {
	__be16 src, dst;
	__be32 seq, ack;
	__u8 offset, flags;
	__be16 window, check, urgent;
} __attribute__((packed));
struct dpi_wire_gre {
	__be16 flags, type;
} __attribute__((packed));
/* VXLAN's, GENEVE's and GTP-U's heads are 8 bytes each. */
struct dpi_wire_tunnel {
	__u8 flags, kind;
	__be16 type;
	__be32 id;
} __attribute__((packed));
struct dpi_wire_udp {
	__be16 src, dst, length, check;
} __attribute__((packed));

/* Borrows the next n bytes and moves past them; NULL, and nothing moves, when fewer are left. */
dpi_inline const void *dpi_take(struct dpi_cursor *c, __u32 n)
{
	const __u8 *at = c->pos;

#if defined(__bpf__)
	if (at + n > c->end)
		return 0;
#else
	if (n > (size_t)(c->end - at))
		return 0;
#endif
	c->pos = at + n;
	c->off += n;
	return at;
}

/* The bytes of a big-endian field that may be unaligned. */
dpi_inline __u16 dpi_get16(const void *at)
{
	const __u8 *b = at;

	return (__u16)(b[0] << 8 | b[1]);
}

dpi_inline __u32 dpi_get32(const void *at)
{
	const __u8 *b = at;

	return (__u32)b[0] << 24 | (__u32)b[1] << 16 | (__u32)b[2] << 8 | b[3];
}

/* Sets the mapped form of an IPv4 address. v4 is in wire order. */
dpi_inline void dpi_addr_set4(struct dpi_addr *a, __be32 v4)
{
	a->d[0] = 0;
	a->w[2] = (__be32)dpi_be32(0xffff);
	a->w[3] = v4;
}

dpi_inline bool dpi_addr_is4(const struct dpi_addr *a)
{
	return a->d[0] == 0 && a->w[2] == (__be32)dpi_be32(0xffff);
}

/* Puts the key in canonical order. Returns which end the sender became: 0 or 1. */
dpi_inline __u8 dpi_key_order(struct dpi_key *k)
{
	__u64 a0 = dpi_be64(k->addr[0].d[0]), b0 = dpi_be64(k->addr[1].d[0]);
	__u64 a1 = dpi_be64(k->addr[0].d[1]), b1 = dpi_be64(k->addr[1].d[1]);
	__u16 ap = dpi_be16(k->port[0]), bp = dpi_be16(k->port[1]);
	struct dpi_addr addr;
	__be16 port;

	if (a0 < b0 || (a0 == b0 && (a1 < b1 || (a1 == b1 && ap <= bp))))
		return 0;
	addr = k->addr[0];
	k->addr[0] = k->addr[1];
	k->addr[1] = addr;
	port = k->port[0];
	k->port[0] = k->port[1];
	k->port[1] = port;
	return 1;
}

/*
 * The hash that chooses a flow's worker. Unkeyed on purpose: kernel and capture door must agree.
 * Tables that a sender could overfill add a seed of their own.
 */
enum { DPI_KEY_WORDS = 5 };
dpi_inline __u32 dpi_words_hash(const __u64 *w)
{
	__u64 h = 0x9e3779b97f4a7c15ULL;

#if defined(__clang__)
#pragma unroll
#elif defined(__GNUC__)
#pragma GCC unroll 5
#endif
	for (int i = 0; i < DPI_KEY_WORDS; i++) {
		h = (h ^ w[i]) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	return (__u32)h;
}

/* The same of a key: its addresses as they are, then ports and protocol as numbers. */
dpi_inline __u32 dpi_key_hash(const struct dpi_key *k)
{
	__u64 w[DPI_KEY_WORDS];

	w[0] = k->addr[0].d[0];
	w[1] = k->addr[0].d[1];
	w[2] = k->addr[1].d[0];
	w[3] = k->addr[1].d[1];
	w[4] = (__u64)dpi_be16(k->port[0]) << 32 | (__u64)dpi_be16(k->port[1]) << 16 | k->proto;
	return dpi_words_hash(w);
}

/*
 * What all pieces of a datagram have in common: their addresses and, for IPv4, their protocol. By
 * its hash they meet at one worker. ip_version is 4 or 6.
 */
dpi_inline struct dpi_key dpi_key_of_pieces(const struct dpi_key *k, __u8 ip_version)
{
	struct dpi_key pieces = *k;

	pieces.port[0] = pieces.port[1] = 0;
	if (ip_version == 6)
		pieces.proto = 44;
	return pieces;
}

/*
 * Which end most likely opened a flow whose beginning was not seen: a SYN's sender, a SYN-ACK's
 * receiver; else, where just one port is below 1024, the other end; else the sender.
 */
dpi_inline __u8 dpi_opener_guess(const struct dpi_packet *p)
{
	__u8 other = p->dir ? 0 : 1;
	bool low0 = dpi_be16(p->key.port[0]) < 1024, low1 = dpi_be16(p->key.port[1]) < 1024;

	if (p->key.proto == DPI_IP_TCP && (p->tcp_flags & DPI_TCP_SYN))
		return (p->tcp_flags & DPI_TCP_ACK) ? other : p->dir;
	if ((p->key.proto == DPI_IP_TCP || p->key.proto == DPI_IP_UDP) && low0 != low1)
		return low0 ? 1 : 0;
	return p->dir;
}

/* The transport header at the cursor; left is what the IP header says follows, in bytes. */
dpi_inline enum dpi_parse dpi_parse_l4(struct dpi_cursor *c, __u32 left, struct dpi_packet *p)
{
	p->l4_off = c->off;
	p->payload_off = c->off;
	p->payload_len = left;
	if (p->key.proto == DPI_IP_TCP) {
		const struct dpi_wire_tcp *t = dpi_take(c, sizeof(*t));
		__u32 head;

		if (!t)
			return DPI_PARSE_SHORT;
		head = (__u32)(t->offset >> 4) * 4;
		if (head < sizeof(*t) || head > left)
			return DPI_PARSE_BAD;
		p->key.port[0] = t->src;
		p->key.port[1] = t->dst;
		p->seq = dpi_get32(&t->seq);
		p->ack = dpi_get32(&t->ack);
		p->tcp_flags = t->flags;
		p->payload_off = p->l4_off + head;
		p->payload_len = left - head;
	} else if (p->key.proto == DPI_IP_UDP) {
		const struct dpi_wire_udp *u = dpi_take(c, sizeof(*u));
		__u32 length;

		if (!u)
			return DPI_PARSE_SHORT;
		length = dpi_get16(&u->length);
		if (left < sizeof(*u))
			return DPI_PARSE_BAD;
		p->key.port[0] = u->src;
		p->key.port[1] = u->dst;
		p->payload_off = p->l4_off + sizeof(*u);
		p->payload_len = left - sizeof(*u);
		/* A length that disagrees with IP: whichever is less was sent (RFC 768). */
		if (length >= sizeof(*u) && length < left)
			p->payload_len = length - sizeof(*u);
	}
	return DPI_PARSE_OK;
}

/*
 * The transport header of a first fragment. Anybody who sends one that ends inside that header
 * means to hide the ports (RFC 1858 3): it is no packet to decide on.
 */
dpi_inline enum dpi_parse dpi_parse_first(struct dpi_cursor *c, __u32 left, struct dpi_packet *p)
{
	__u32 least = p->key.proto == DPI_IP_TCP   ? sizeof(struct dpi_wire_tcp)
		      : p->key.proto == DPI_IP_UDP ? sizeof(struct dpi_wire_udp)
						   : 0;
	enum dpi_parse result;

	p->payload_off = c->off;
	p->payload_len = left;
	if (p->is_first_fragment && left < least)
		return DPI_PARSE_TINY;
	result = dpi_parse_l4(c, left, p);
	if (!p->is_first_fragment || result != DPI_PARSE_BAD)
		return result;
	p->l4_off = 0;
	return DPI_PARSE_TINY;
}

dpi_inline enum dpi_parse dpi_parse_ip4(struct dpi_cursor *c, __u32 wire_len, struct dpi_packet *p)
{
	const struct dpi_wire_ip4 *ip = dpi_take(c, sizeof(*ip));
	__u32 head, total, there, options;
	__u16 frag;

	if (!ip)
		return DPI_PARSE_SHORT;
	head = (__u32)(ip->version_ihl & 15) * 4;
	if (ip->version_ihl >> 4 != 4 || head < sizeof(*ip))
		return DPI_PARSE_BAD;
	there = wire_len > p->l3_off ? wire_len - p->l3_off : 0;
	total = dpi_get16(&ip->total);
	/* 0 is what segmentation offload leaves; more than was sent cannot be there. */
	if (total == 0 || total > there)
		total = there;
	if (total < head)
		return DPI_PARSE_BAD;
	frag = dpi_get16(&ip->frag);
	p->ip_version = 4;
	p->key.proto = ip->proto;
	dpi_addr_set4(&p->key.addr[0], ip->src);
	dpi_addr_set4(&p->key.addr[1], ip->dst);
	/* A multiple of 4 up to 40; the mask says so to the verifier of 6.1, which else follows a
	 * path where it is negative. */
	options = head - (__u32)sizeof(*ip);
	dpi_opaque(options);
	options &= 60;
	if (!dpi_take(c, options))
		return DPI_PARSE_SHORT;
	p->has_more = (frag & 0x2000) != 0;
	p->frag_id = dpi_get16(&ip->id);
	p->frag_off = (__u16)((frag & 0x1fff) << 3);
	if (frag & 0x1fff) {
		p->payload_off = c->off;
		p->payload_len = total - head;
		return DPI_PARSE_FRAGMENT;
	}
	p->is_first_fragment = p->has_more;
	return dpi_parse_first(c, total - head, p);
}

dpi_inline enum dpi_parse dpi_parse_ip6(struct dpi_cursor *c, __u32 wire_len, struct dpi_packet *p)
{
	const struct dpi_wire_ip6 *ip = dpi_take(c, sizeof(*ip));
	__u32 left, there;
	__u8 next;

	if (!ip)
		return DPI_PARSE_SHORT;
	if (*(const __u8 *)ip >> 4 != 6)
		return DPI_PARSE_BAD;
	there = wire_len > c->off ? wire_len - c->off : 0;
	left = dpi_get16(&ip->payload);
	if (left == 0 || left > there)
		left = there;
	p->ip_version = 6;
	__builtin_memcpy(&p->key.addr[0], ip->src, 16);
	__builtin_memcpy(&p->key.addr[1], ip->dst, 16);
	next = ip->next;
#if defined(__clang__)
#pragma unroll
#endif
	for (int i = 0; i <= DPI_EXTENSIONS_MAX; i++) {
		const struct dpi_wire_ext *x;
		__u32 size;

		/* hop-by-hop, routing, fragment, authentication, options, mobility, HIP, shim6 */
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60 &&
		    next != 135 && next != 139 && next != 140) {
			p->key.proto = next;
			return dpi_parse_first(c, left, p);
		}
		if (i == DPI_EXTENSIONS_MAX)
			break;
		p->key.proto = next;
		/* A first fragment that ends inside its headers (RFC 7112 5), or is one again. */
		if (p->is_first_fragment && (left < sizeof(*x) || next == 44))
			return DPI_PARSE_TINY;
		x = dpi_take(c, sizeof(*x));
		if (!x)
			return DPI_PARSE_SHORT;
		size = next == 44   ? sizeof(*x)
		       : next == 51 ? ((__u32)x->len + 2) * 4
				    : ((__u32)x->len + 1) * 8;
		if (size < sizeof(*x) || size > left)
			return p->is_first_fragment ? DPI_PARSE_TINY : DPI_PARSE_BAD;
		left -= size;
		if (next == 44) {
			__u16 frag = dpi_get16(&x->frag);

			p->has_more = frag & 1;
			p->frag_id = dpi_get32(&x->more);
			p->frag_off = frag & 0xfff8;
			if (frag & 0xfff8) {
				p->key.proto = x->next;
				p->payload_off = c->off;
				p->payload_len = left;
				return DPI_PARSE_FRAGMENT;
			}
			p->is_first_fragment = p->has_more;
		}
		next = x->next;
		if (!dpi_take(c, size - sizeof(*x)))
			return DPI_PARSE_SHORT;
	}
	return DPI_PARSE_DEEP;
}

/*
 * Parses from the network header on. type is the EtherType in host order; wire_len the whole
 * frame's length; p must be zeroed by the caller. On OK and FRAGMENT the key is in canonical order.
 */
dpi_inline enum dpi_parse dpi_parse_l3(struct dpi_cursor *c, __u16 type, __u32 wire_len,
				       struct dpi_packet *p)
{
	enum dpi_parse result;

	p->l3_off = c->off;
	if (type == DPI_ETH_IP)
		result = dpi_parse_ip4(c, wire_len, p);
	else if (type == DPI_ETH_IPV6)
		result = dpi_parse_ip6(c, wire_len, p);
	else
		return DPI_PARSE_NOT_IP;
	if (result == DPI_PARSE_OK || result == DPI_PARSE_FRAGMENT || result == DPI_PARSE_TINY)
		p->dir = dpi_key_order(&p->key);
	return result;
}

/* The EtherType of a PPP protocol number (RFC 1332, RFC 5072); 0 when it is not IP. */
dpi_inline __u16 dpi_type_of_ppp(__u16 protocol)
{
	return protocol == 0x0021 ? DPI_ETH_IP : protocol == 0x0057 ? DPI_ETH_IPV6 : 0;
}

/* Steps over MPLS labels (RFC 3032 2.1). Returns the EtherType of what they carry, by its version
 * nibble (RFC 4928 3); 0 when it is no IP, or there are more labels than are followed. */
dpi_inline __u16 dpi_parse_labels(struct dpi_cursor *c)
{
#if defined(__clang__)
#pragma unroll
#endif
	for (int i = 0; i < DPI_LABELS_MAX; i++) {
		const __u8 *label = dpi_take(c, 4), *first;
		struct dpi_cursor ahead;

		if (!label)
			return 0;
		if (!(label[2] & 1))
			continue;
		ahead = *c;
		first = dpi_take(&ahead, 1);
		if (!first)
			return 0;
		return *first >> 4 == 4 ? DPI_ETH_IP : *first >> 4 == 6 ? DPI_ETH_IPV6 : 0;
	}
	return 0;
}

/* Steps over what follows an EtherType in front of an IP header: tags, PPPoE and MPLS labels.
 * Returns OK with *type of what is at the cursor then, NOT_IP's included; else SHORT or DEEP. */
dpi_inline enum dpi_parse dpi_parse_tags(struct dpi_cursor *c, __u16 *type)
{
#if defined(__clang__)
#pragma unroll
#endif
	for (int i = 0; i < DPI_TAGS_MAX; i++) {
		const struct dpi_wire_tag *tag;

		if (*type != DPI_ETH_VLAN && *type != DPI_ETH_QINQ && *type != DPI_ETH_QINQ_OLD)
			break;
		tag = dpi_take(c, sizeof(*tag));
		if (!tag)
			return DPI_PARSE_SHORT;
		*type = dpi_get16(&tag->type);
	}
	if (*type == DPI_ETH_VLAN || *type == DPI_ETH_QINQ || *type == DPI_ETH_QINQ_OLD)
		return DPI_PARSE_DEEP;
	if (*type == DPI_ETH_PPPOE) {
		const struct dpi_wire_pppoe *ppp = dpi_take(c, sizeof(*ppp));

		if (!ppp)
			return DPI_PARSE_SHORT;
		*type = dpi_type_of_ppp(dpi_get16(&ppp->protocol));
	} else if (*type == DPI_ETH_MPLS || *type == DPI_ETH_MPLS_MULTICAST) {
		*type = dpi_parse_labels(c);
	}
	return DPI_PARSE_OK;
}

/* Parses what follows an EtherType: tags, PPPoE and MPLS, then dpi_parse_l3. */
dpi_inline enum dpi_parse dpi_parse_type(struct dpi_cursor *c, __u16 type, __u32 wire_len,
					 struct dpi_packet *p)
{
	enum dpi_parse result = dpi_parse_tags(c, &type);

	return result == DPI_PARSE_OK ? dpi_parse_l3(c, type, wire_len, p) : result;
}

/* Steps over an Ethernet head, tags and labels included; see dpi_parse_tags. */
dpi_inline enum dpi_parse dpi_parse_link(struct dpi_cursor *c, __u16 *type)
{
	const struct dpi_wire_eth *eth = dpi_take(c, sizeof(*eth));

	if (!eth)
		return DPI_PARSE_SHORT;
	*type = dpi_get16(&eth->type);
	return dpi_parse_tags(c, type);
}

/* Parses a whole Ethernet frame; see dpi_parse_l3. */
dpi_inline enum dpi_parse dpi_parse_eth(struct dpi_cursor *c, __u32 wire_len, struct dpi_packet *p)
{
	__u16 type = 0;
	enum dpi_parse result = dpi_parse_link(c, &type);

	return result == DPI_PARSE_OK ? dpi_parse_l3(c, type, wire_len, p) : result;
}

/*
 * GRE: flags and version, protocol, then a field of 4 bytes for each of checksum, key and sequence
 * (RFC 2890 2), and of version 1 an acknowledgement (RFC 2637 4.1).
 */
dpi_inline __u16 dpi_parse_gre(struct dpi_cursor *c, __u8 *kind)
{
	const struct dpi_wire_gre *gre = dpi_take(c, sizeof(*gre));
	__u16 flags, type;
	__u32 options;

	if (!gre)
		return 0;
	flags = dpi_get16(&gre->flags);
	type = dpi_get16(&gre->type);
	/* Routing (RFC 1701) is not used, and its length is not known. */
	if ((flags & 7) > 1 || (flags & 0x4000))
		return 0;
	options = ((flags & 0x8000) ? 4 : 0) + ((flags & 0x2000) ? 4 : 0) +
		  ((flags & 0x1000) ? 4 : 0) + (((flags & 7) && (flags & 0x0080)) ? 4 : 0);
	dpi_opaque(options);
	options &= 28;
	if (!dpi_take(c, options))
		return 0;
	*kind = DPI_TUNNEL_GRE;
	return type;
}

/* Teredo's port at either end, which only its servers and some of its relays have. */
dpi_inline bool dpi_may_be_teredo(const struct dpi_key *k)
{
	const __be16 teredo = dpi_be16(3544);

	return k->port[0] == teredo || k->port[1] == teredo;
}

/* Authentication (00 01, lengths of identifier and value, those, a nonce of 8 and a byte) and
 * origin (00 00, port, address), either of which may be there, then IPv6 (RFC 4380 5.1.1). */
dpi_inline __u16 dpi_parse_teredo(struct dpi_cursor *c, __u8 *kind)
{
	struct dpi_cursor ahead = *c;
	const __u8 *at = dpi_take(&ahead, 4);

	if (at && at[0] == 0 && at[1] == 1) {
		__u32 len = 13U + at[2] + at[3];

		dpi_opaque(len);
		len &= 1023;
		if (!dpi_take(c, len))
			return 0;
	}
	ahead = *c;
	at = dpi_take(&ahead, 2);
	if (at && at[0] == 0 && at[1] == 0 && !dpi_take(c, 8))
		return 0;
	ahead = *c;
	at = dpi_take(&ahead, 1);
	if (!at || *at >> 4 != 6)
		return 0;
	*kind = DPI_TUNNEL_TEREDO;
	return DPI_ETH_IPV6;
}

/* True for the address of a Teredo client, or the link's own, with which it looks for a router
 * (RFC 4380 5.2.1): one end of what is in Teredo has such a one. */
dpi_inline bool dpi_addr_is_teredo(const struct dpi_addr *a)
{
	return dpi_be32(a->w[0]) == 0x20010000 || (a->b[0] == 0xfe && a->b[1] == 0x80);
}

/* Of what was parsed in a tunnel: false when it is not what that tunnel carries. */
dpi_inline bool dpi_is_carried(__u32 kind, const struct dpi_packet *inner)
{
	return kind != DPI_TUNNEL_TEREDO || dpi_addr_is_teredo(&inner->key.addr[0]) ||
	       dpi_addr_is_teredo(&inner->key.addr[1]);
}

/* The three tunnels over UDP that have a port of their own and a head of 8 bytes. */
dpi_inline __u16 dpi_parse_udp_tunnel(struct dpi_cursor *c, const struct dpi_packet *p, __u8 *kind)
{
	__u16 to = dpi_be16(p->key.port[p->dir ? 0 : 1]);
	const struct dpi_wire_tunnel *head;
	const __u8 *first;
	__u32 options;
	__u16 type;

	if (dpi_may_be_teredo(&p->key))
		return dpi_parse_teredo(c, kind);
	if (to != 4789 && to != 8472 && to != 6081 && to != 2152)
		return 0;
	head = dpi_take(c, sizeof(*head));
	if (!head)
		return 0;
	type = dpi_get16(&head->type);
	if (to == 6081) {
		/* Version 0; the reserved bits of the second byte are ignored (RFC 8926 3.4). */
		if (head->flags >> 6)
			return 0;
		options = (__u32)(head->flags & 63) * 4;
		dpi_opaque(options);
		options &= 252;
		if (!dpi_take(c, options))
			return 0;
		*kind = DPI_TUNNEL_GENEVE;
		return type;
	}
	if (to != 2152) {
		/* The I bit, and no other that means something else (RFC 7348 5). */
		if (head->flags != 0x08 || (dpi_get32(&head->id) & 0xff))
			return 0;
		*kind = DPI_TUNNEL_VXLAN;
		return DPI_ETH_BRIDGED;
	}
	/* GTP version 1, user data (255). Optional fields come all together, four bytes; behind an
	 * extension header there are more (TS 29.281 5.1, 5.2): followed for the one of 5G. */
	if ((head->flags & 0xf0) != 0x30 || head->kind != 255)
		return 0;
	if (head->flags & 7) {
		const __u8 *more = dpi_take(c, 4);

		if (!more)
			return 0;
		if ((head->flags & 4) && more[3]) {
			const __u8 *extension = dpi_take(c, 4);

			if (!extension || extension[0] != 1 || extension[3])
				return 0;
		}
	}
	first = c->pos;
	if (!dpi_take(c, 1))
		return 0;
	c->pos = first;
	c->off--;
	*kind = DPI_TUNNEL_GTPU;
	return *first >> 4 == 4 ? DPI_ETH_IP : *first >> 4 == 6 ? DPI_ETH_IPV6 : 0;
}

/*
 * Steps over the head of a tunnel whose outer packet p has been parsed to its payload, where the
 * cursor stands. Returns the EtherType of what is inside (DPI_ETH_BRIDGED: an Ethernet frame;
 * DPI_ETH_PPP: a PPP frame) and sets *kind; 0 when this is no tunnel, or none with IP in it that is
 * known here: then the cursor may have moved. A UDP port alone proves nothing: the head must be
 * sound as well, and whoever goes on to parse the inside takes the outer packet for an ordinary one
 * when that fails.
 */
dpi_inline __u16 dpi_parse_tunnel(struct dpi_cursor *c, const struct dpi_packet *p, __u8 *kind)
{
	*kind = DPI_TUNNEL_NONE;
	if (p->is_first_fragment)
		return 0;
	if (p->key.proto == DPI_IP_IP4) {
		*kind = DPI_TUNNEL_IP4;
		return DPI_ETH_IP;
	}
	if (p->key.proto == DPI_IP_IP6) {
		*kind = DPI_TUNNEL_IP6;
		return DPI_ETH_IPV6;
	}
	if (p->key.proto == DPI_IP_GRE)
		return dpi_parse_gre(c, kind);
	if (p->key.proto == DPI_IP_UDP)
		return dpi_parse_udp_tunnel(c, p, kind);
	return 0;
}

/* The EtherType of what a PPP frame carries (RFC 1661 2, RFC 1662 3.1): address and control may
 * have been left out, and the first byte of the protocol with them; 0 when it is not IP. */
dpi_inline __u16 dpi_parse_ppp(struct dpi_cursor *c)
{
	const __u8 *at = dpi_take(c, 1), *more;

	if (at && *at == 0xff) {
		if (!dpi_take(c, 1))
			return 0;
		at = dpi_take(c, 1);
	}
	if (!at)
		return 0;
	if (*at & 1)
		return dpi_type_of_ppp(*at);
	more = dpi_take(c, 1);
	return more ? dpi_type_of_ppp((__u16)(*at << 8 | *more)) : 0;
}

/* Steps over what dpi_parse_tunnel(), whose answer *type is, has found in front of an IP header;
 * see dpi_parse_tags. */
dpi_inline enum dpi_parse dpi_parse_carried(struct dpi_cursor *c, __u16 *type)
{
	if (*type == DPI_ETH_BRIDGED) {
		const struct dpi_wire_eth *eth = dpi_take(c, sizeof(*eth));

		if (!eth)
			return DPI_PARSE_SHORT;
		*type = dpi_get16(&eth->type);
	} else if (*type == DPI_ETH_PPP) {
		*type = dpi_parse_ppp(c);
	}
	return dpi_parse_tags(c, type);
}

/* Parses what dpi_parse_tunnel() has found inside: type is its answer; wire_len the offset in the
 * frame where the outer packet's payload ends; see dpi_parse_l3. */
dpi_inline enum dpi_parse dpi_parse_inside(struct dpi_cursor *c, __u16 type, __u32 wire_len,
					   struct dpi_packet *p)
{
	enum dpi_parse result = dpi_parse_carried(c, &type);

	return result == DPI_PARSE_OK ? dpi_parse_l3(c, type, wire_len, p) : result;
}

#endif
