/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * IP fragments. The first piece of a datagram says which flow it is of, and is remembered, so that
 * the later ones, which carry no ports, share its fate. All pieces go to the agent by the hash of
 * what they have in common, so that one worker puts the datagram together.
 *
 * Standards: RFC 791 3.2, RFC 8200 4.5, RFC 1858 (pieces made to hide the ports; those made to hide
 * a question are dropped as they are).
 */
#ifndef BPF_PIECES_H
#define BPF_PIECES_H

#include "layers.h"
#include "sample.h"

static __always_inline void piece_key(const struct dpi_packet *k, struct dpi_frag_key *out)
{
	if (k->dir) {
		out->src = k->key.addr[1];
		out->dst = k->key.addr[0];
	} else {
		out->src = k->key.addr[0];
		out->dst = k->key.addr[1];
	}
	out->id = k->frag_id;
	out->proto = k->ip_version == 6 ? 44 : k->key.proto;
}

/* Remembers the flow of a first piece. */
static __noinline int piece_note(const struct place *p)
{
	const struct dpi_packet *k = &p->packet;
	struct dpi_frag_key key = {};
	struct dpi_frag known = {
		.seen_ns = p->now,
		.port = {k->key.port[0], k->key.port[1]},
		.proto = k->key.proto,
		.dir = k->dir,
	};

	piece_key(k, &key);
	return (int)bpf_map_update_elem(&frags, &key, &known, BPF_ANY);
}

/* Gives a later piece the key of its flow. 0 when its first piece has not been seen. */
static __noinline int piece_find(struct place *p)
{
	struct dpi_frag_key key = {};
	const struct dpi_frag *known;

	piece_key(&p->packet, &key);
	known = bpf_map_lookup_elem(&frags, &key);
	if (!known || p->now - known->seen_ns > DPI_FRAG_NS)
		return 0;
	p->packet.key.port[0] = known->port[0];
	p->packet.key.port[1] = known->port[1];
	p->packet.key.proto = known->proto;
	p->packet.dir = known->dir;
	return 1;
}

/*
 * The verdict on the flow that a tunnel carries whose packets go in pieces, by the first one, or 0.
 * The piece stays one of the tunnel: the agent is to put it together, and what is asked or said in
 * it for the first time is the agent's to decide.
 */
static __always_inline __u64 piece_look_inside(struct place *p, __u32 hook)
{
	struct dpi_scratch *s = p->scratch;
	bool is_inner = p->is_inner;
	__u64 rule = 0;

	if (!s || !p->counts)
		return 0;
	s->piece = p->packet;
	p->packet.is_first_fragment = false;
	if (layers_follow(p, hook) == DPI_PARSE_OK && p->packet.l3_off != s->piece.l3_off)
		rule = verdict_find(p);
	p->packet = s->piece;
	p->is_inner = is_inner;
	return rule;
}

/* One function a hook, as of layers_follow(). */
static __noinline __u64 piece_look_receive(struct place *p)
{
	return piece_look_inside(p, DPI_HOOK_RECEIVE);
}

static __noinline __u64 piece_look_transmit(struct place *p)
{
	return piece_look_inside(p, DPI_HOOK_TRANSMIT);
}

static __always_inline __u64 piece_verdict_inside(struct place *p, __u32 hook)
{
	return hook == DPI_HOOK_RECEIVE ? piece_look_receive(p) : piece_look_transmit(p);
}

/*
 * True for the first piece of a datagram that ends in front of the end of the DNS question in it,
 * or of what would tell that there is one. No path is so narrow: it is cut so to hide the question.
 * is_dns: dns_match() has read it, as far as it goes.
 */
static __always_inline bool piece_hides_question(struct place *p, __u32 hook, bool is_dns)
{
	struct dpi_scratch *s = p->scratch;
	__u32 there = place_payload(p);

	if (!p->packet.is_first_fragment || p->packet.key.proto != DPI_IP_UDP)
		return false;
	if (is_dns)
		return s->question.state == DPI_QNAME_BAD && s->question.pos >= s->question.limit &&
		       s->question.limit < DPI_DNS_WINDOW;
	if (there >= DNS_LEAST)
		return false;
	return there < 8 || (place_load(p, hook, p->packet.payload_off, s->message, 8) == 0 &&
			     dpi_dns_head(s->message));
}

/* True while this CPU may still copy pieces that no flow's budget pays for. */
static __always_inline bool piece_ration(struct place *p)
{
	struct dpi_scratch *s = p->scratch;

	if (p->now - s->frag_window > 1000000000ULL) {
		s->frag_window = p->now;
		s->frag_count = 0;
	}
	if (s->frag_count++ < DPI_FRAG_PER_S)
		return true;
	count(p, FRAGMENT_UNSAMPLED);
	return false;
}

/* True when a piece should be copied. f may be NULL. A tunnel's pieces are many flows': they are
 * rationed as those of no flow are. */
static __always_inline bool piece_wanted(struct place *p, struct dpi_flow *f, __u32 payload)
{
	__u8 proto = p->packet.key.proto;

	if (proto == DPI_IP_ICMP || proto == DPI_IP_ICMPV6)
		return false;
	/* Not from the flow's budget: pieces that never make a datagram would use it up. */
	if (f && (proto == DPI_IP_TCP || proto == DPI_IP_UDP) && !layers_may_follow(&p->packet) &&
	    !(proto == DPI_IP_UDP && is_dns_port(&p->packet.key)) &&
	    (f->flags & DPI_FLOW_SETTLED || flow_settle(p, f)))
		return false;
	return piece_ration(p);
}

#endif
