/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From a frame to the packet that counts: the outer headers, then, where it is a tunnel, the packet
 * inside, down to DPI_TUNNELS_MAX of them. The innermost one is the flow's; the addresses of the
 * outermost are kept for the address rules. What is inside and cannot be parsed is payload: the
 * packet around it then stands as an ordinary one.
 *
 * What has many paths is a function that is not static: the verifier proves such a one by itself
 * and once (Linux 5.6), and walks the road behind it once, not once for each path.
 */
#ifndef BPF_LAYERS_H
#define BPF_LAYERS_H

#include "place.h"

enum {
	LAYERS_OFF_MAX = 0x7fff, /* nothing behind it is looked into; a mask */
	LAYERS_PULL = 512,	 /* what a tunnel's headers may take of a socket buffer */
};

/* Where layers_step_*() found an IP header inside: offset, EtherType and enum dpi_tunnel. */
#define LAYERS_FOUND(off, type, kind) ((__u64)(kind) << 48 | (__u64)(type) << 32 | (off))

/* Puts the cursor at an offset that only the map of the packet bounds. False: it is too far. */
static __always_inline bool layers_seek(struct dpi_cursor *c, const __u8 *data, const __u8 *end,
					__u64 off)
{
	if (off > LAYERS_OFF_MAX)
		return false;
	dpi_opaque(off);
	off &= LAYERS_OFF_MAX;
	c->pos = data + off;
	c->end = end;
	c->off = (__u32)off;
	return true;
}

static __always_inline int layers_l3(const __u8 *data, const __u8 *end, struct dpi_packet *p,
				     __u32 off, __u32 type, __u32 wire_len)
{
	struct dpi_cursor c;

	if (!p || !layers_seek(&c, data, end, off))
		return DPI_PARSE_SHORT;
	return dpi_parse_l3(&c, (__u16)type, wire_len, p);
}

static __always_inline __u64 layers_step(const __u8 *data, const __u8 *end,
					 const struct dpi_packet *p)
{
	struct dpi_cursor c;
	__u8 kind;
	__u16 type;

	if (!p || !layers_seek(&c, data, end, p->payload_off))
		return 0;
	type = dpi_parse_tunnel(&c, p, &kind);
	if (!type || dpi_parse_carried(&c, &type) != DPI_PARSE_OK)
		return 0;
	return LAYERS_FOUND(c.off, type, kind);
}

/* An IP header at an offset; see dpi_parse_l3(). The offset stands above the type. */
__noinline int layers_l3_receive(struct xdp_md *ctx, struct dpi_packet *p, __u64 found,
				 __u32 wire_len)
{
	return layers_l3((const __u8 *)(long)ctx->data, (const __u8 *)(long)ctx->data_end, p,
			 (__u32)found, (__u16)(found >> 32), wire_len);
}

__noinline int layers_l3_transmit(struct __sk_buff *ctx, struct dpi_packet *p, __u64 found,
				  __u32 wire_len)
{
	return layers_l3((const __u8 *)(long)ctx->data, (const __u8 *)(long)ctx->data_end, p,
			 (__u32)found, (__u16)(found >> 32), wire_len);
}

/* Over the head of the tunnel that p is. Returns LAYERS_FOUND, or 0 when it is none. */
__noinline __u64 layers_step_receive(struct xdp_md *ctx, struct dpi_packet *p)
{
	return layers_step((const __u8 *)(long)ctx->data, (const __u8 *)(long)ctx->data_end, p);
}

__noinline __u64 layers_step_transmit(struct __sk_buff *ctx, struct dpi_packet *p)
{
	return layers_step((const __u8 *)(long)ctx->data, (const __u8 *)(long)ctx->data_end, p);
}

/* True for the protocols and ports that a tunnel may have: two compares for most packets. */
static __always_inline bool layers_may_follow(const struct dpi_packet *k)
{
	__u8 proto = k->key.proto;
	__be16 to;

	if (proto == DPI_IP_TCP)
		return false;
	if (proto != DPI_IP_UDP)
		return proto == DPI_IP_IP4 || proto == DPI_IP_IP6 || proto == DPI_IP_GRE;
	to = k->dir ? k->key.port[0] : k->key.port[1];
	return to == dpi_be16(4789) || to == dpi_be16(8472) || to == dpi_be16(6081) ||
	       to == dpi_be16(2152) || dpi_may_be_teredo(&k->key);
}

/* The same, from within a loop: Linux 6.1 refuses one whose end the compiler lets fall into its
 * beginning, as it does where this is part of it. */
static __noinline bool layers_go_on(const struct dpi_packet *k)
{
	return layers_may_follow(k);
}

/* Brings more of a socket buffer to where a program may read it. False: all of it is there. */
static __noinline bool layers_pull(struct __sk_buff *skb, __u32 most)
{
	__u32 there = skb->data_end - skb->data, want = skb->len;

	if (want > most)
		want = most;
	return there < want && bpf_skb_pull_data(skb, want) == 0;
}

static __always_inline int layers_parse(struct place *p, __u32 hook, struct dpi_packet *packet,
					__u64 found, __u32 wire_len)
{
	if (hook == DPI_HOOK_RECEIVE)
		return layers_l3_receive(p->ctx, packet, found, wire_len);
	return layers_l3_transmit(p->ctx, packet, found, wire_len);
}

/* Parses the outer packet. */
static __always_inline int layers_outer(struct place *p, __u32 hook, struct dpi_cursor *c)
{
	__u16 type = 0;
	enum dpi_parse result = dpi_parse_link(c, &type);

	if (result != DPI_PARSE_OK)
		return result;
	if (type != DPI_ETH_IP && type != DPI_ETH_IPV6)
		return DPI_PARSE_NOT_IP;
	return layers_parse(p, hook, &p->packet, LAYERS_FOUND(c->off, type, 0), p->wire_len);
}

/* Parses one packet further inside. Returns 0 when there is none, else the kind of tunnel, with
 * *result. */
static __always_inline __u32 layers_inner_once(struct place *p, __u32 hook,
					       struct dpi_packet *inner, int *result)
{
	__u32 end = p->packet.payload_off + p->packet.payload_len;
	__u64 found = hook == DPI_HOOK_RECEIVE ? layers_step_receive(p->ctx, &p->packet)
					       : layers_step_transmit(p->ctx, &p->packet);

	if (!found)
		return 0;
	__builtin_memset(inner, 0, sizeof(*inner));
	*result = layers_parse(p, hook, inner, found, end);
	if (*result != DPI_PARSE_OK && *result != DPI_PARSE_FRAGMENT && *result != DPI_PARSE_TINY)
		return 0;
	/* Headers that go on behind the end of what the outer packet carries are none. */
	if (inner->payload_off > end || !dpi_is_carried((__u32)(found >> 48), inner))
		return 0;
	return (__u32)(found >> 48);
}

/* The same, once more when a socket buffer held too little of it. */
static __always_inline __u32 layers_inner(struct place *p, __u32 hook, struct dpi_packet *inner,
					  int *result)
{
	__u32 kind = layers_inner_once(p, hook, inner, result);

	if (!kind && hook == DPI_HOOK_TRANSMIT && layers_pull(p->ctx, LAYERS_PULL))
		kind = layers_inner_once(p, hook, inner, result);
	return kind;
}

static __always_inline void layers_count(struct place *p, __u32 kind)
{
	switch (kind) {
	case DPI_TUNNEL_IP4: count(p, TUNNEL_IP4); break;
	case DPI_TUNNEL_IP6: count(p, TUNNEL_IP6); break;
	case DPI_TUNNEL_GRE: count(p, TUNNEL_GRE); break;
	case DPI_TUNNEL_VXLAN: count(p, TUNNEL_VXLAN); break;
	case DPI_TUNNEL_GENEVE: count(p, TUNNEL_GENEVE); break;
	case DPI_TUNNEL_GTPU: count(p, TUNNEL_GTPU); break;
	case DPI_TUNNEL_TEREDO: count(p, TUNNEL_TEREDO); break;
	default: break;
	}
}

/* Keeps what the address and port rules need of the outermost packet. */
static __always_inline void layers_keep(struct place *p)
{
	const struct dpi_key *key = &p->packet.key;
	struct dpi_scratch *s = p->scratch;

	if (p->packet.dir) {
		s->outer[0] = key->addr[1];
		s->outer[1] = key->addr[0];
		s->outer_port = key->port[0];
	} else {
		s->outer[0] = key->addr[0];
		s->outer[1] = key->addr[1];
		s->outer_port = key->port[1];
	}
	s->outer_proto = key->proto;
}

/* Goes down to the innermost packet. Returns the parse result of the one that p->packet is then. */
static __always_inline int layers_descend(struct place *p, __u32 hook)
{
	int result = DPI_PARSE_OK, inside = DPI_PARSE_OK;
	struct dpi_packet inner;

	if (!p->scratch || !p->counts)
		return result;
	layers_keep(p);
	for (int i = 0; i <= DPI_TUNNELS_MAX; i++) {
		__u32 kind = layers_inner(p, hook, &inner, &inside);

		if (!kind)
			return result;
		if (i == DPI_TUNNELS_MAX) {
			count(p, TUNNEL_DEEP);
			return result;
		}
		if (i == 0 && !p->is_piece)
			layers_count(p, kind);
		p->packet = inner;
		p->is_inner = true;
		result = inside;
		if (result != DPI_PARSE_OK || !layers_go_on(&p->packet))
			return result;
	}
	return result;
}

/* One function a hook: Linux 6.1 proves what is not static whether it can be reached or not, and no
 * function that takes a socket buffer may be part of an XDP program. */
static __noinline int layers_descend_receive(struct place *p)
{
	return layers_descend(p, DPI_HOOK_RECEIVE);
}

static __noinline int layers_descend_transmit(struct place *p)
{
	return layers_descend(p, DPI_HOOK_TRANSMIT);
}

static __always_inline int layers_follow(struct place *p, __u32 hook)
{
	return hook == DPI_HOOK_RECEIVE ? layers_descend_receive(p) : layers_descend_transmit(p);
}

#endif
