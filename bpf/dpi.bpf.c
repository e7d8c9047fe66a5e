/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The two kernel programs: XDP on receive, clsact on transmit. This file is the road alone; each
 * step stands in a header of its own.
 *
 *     parse, through tunnels -> key of a fragment -> static rules -> verdict of the flow ->
 *     DNS question -> first word -> count -> sample
 *
 * Of names, those that lie whole in one frame are decided here: a DNS question, which decides a
 * message or a segment, and the first word of a TCP connection, which decides the flow. All others
 * are the agent's to find, from samples; it answers with a verdict on the flow.
 *
 * What cannot be parsed is counted and passed, but for what hides its ports while any rule blocks
 * something: fragments made so, and more tags or IPv6 headers than are followed. No decision ever
 * depends on a checksum: on local traffic they are not finished here. Both programs share every map
 * and must load on Linux 6.1.
 */
#include "pieces.h"
#include "reset.h"
#include "word.h"

#define TC_ACT_UNSPEC (-1) /* go on with the next filter */
#define TC_ACT_SHOT   2
#define TC_INGRESS    1 /* bpf_redirect: as if just received (BPF_F_INGRESS) */

enum { HEADERS_LEAST = 54 }; /* Ethernet, IPv4 and TCP: what must lie in a socket buffer's head */

/* True while the engine shows signs of life, or nobody asked. */
static __always_inline bool agent_lives(const struct place *p)
{
	__u32 zero = 0;
	__u64 *beat;

	if (!(p->config->flags & DPI_CONFIG_FAIL_CLOSED))
		return true;
	beat = bpf_map_lookup_elem(&heartbeat, &zero);
	return beat && (p->now < *beat || p->now - *beat < DPI_HEARTBEAT_NS);
}

/* Carries a drop out, or only counts it when monitoring. Returns true when the frame must go. */
static __always_inline bool drop(struct place *p, struct dpi_flow *f, __u64 rule)
{
	if (rule)
		rule_hit(p, rule);
	if (p->config->flags & DPI_CONFIG_MONITOR) {
		count(p, MONITORED);
		return false;
	}
	if (f) {
		flow_count_dropped(p, f);
		p->drops = (__u32)f->dropped_packets;
	}
	count(p, DROPPED);
	count_by(p, DROPPED_BYTES, p->wire_len);
	return true;
}

/* Counts what the parser could not finish, and says whether the frame has a key all the same. */
static __always_inline bool count_parse(struct place *p, enum dpi_parse result)
{
	__u8 proto = p->packet.key.proto;

	switch (result) {
	case DPI_PARSE_NOT_IP: count(p, OTHER); return false;
	case DPI_PARSE_SHORT: count(p, SHORT); return false;
	case DPI_PARSE_BAD: count(p, BAD); return false;
	case DPI_PARSE_DEEP: count(p, DEEP); return false;
	default: break;
	}
	if (proto == DPI_IP_TCP)
		count(p, TCP);
	else if (proto == DPI_IP_UDP)
		count(p, UDP);
	else if (proto == DPI_IP_ICMP || proto == DPI_IP_ICMPV6)
		count(p, ICMP);
	else
		count(p, OTHER);
	return true;
}

/* A piece hides what a rule could be meant for. Returns true when it must be dropped. */
static __always_inline bool drop_piece(struct place *p, struct dpi_flow *f)
{
	if (!drop(p, f, 0))
		return false;
	count(p, DROP_FRAGMENT);
	return true;
}

/* The road's end for a piece that is of no known flow. Returns true when it must be dropped: when
 * it hides its ports, and any rule could be meant for it. */
static __always_inline bool decide_piece(struct place *p, __u32 hook, bool is_tiny, bool is_allowed)
{
	if (is_tiny && !is_allowed && (p->config->flags & DPI_CONFIG_BLOCKS) && drop_piece(p, 0))
		return true;
	if (piece_wanted(p, 0, 0))
		sample_send(p, hook, 0, 0);
	return false;
}

/* True for a packet that the agent may read: one with payload, or that names an urgent byte of one
 * to come. */
static __always_inline bool is_read(const struct place *p, __u32 payload)
{
	if (p->packet.key.proto == DPI_IP_TCP)
		return payload || (p->packet.tcp_flags & DPI_TCP_URG);
	return payload && p->packet.key.proto == DPI_IP_UDP;
}

/* An address or port rule blocks the flow. Returns true when the frame must be dropped. */
static __always_inline bool drop_static(struct place *p, struct dpi_flow *f,
					struct static_decision fixed)
{
	if (!drop(p, f, fixed.rule))
		return false;
	if (fixed.action == DPI_STATIC_ADDRESS)
		count(p, DROP_ADDRESS);
	else
		count(p, DROP_PORT);
	return true;
}

/* The flow is under a verdict: the same. */
static __always_inline bool drop_verdict(struct place *p, struct dpi_flow *f, __u64 rule)
{
	if (drop(p, f, rule)) {
		count(p, DROP_VERDICT);
		return true;
	}
	if (f)
		flow_count_passed(p, f);
	return false;
}

/* The question of this DNS message is blocked: the same. The agent is told. */
static __always_inline bool drop_question(struct place *p, __u32 hook, struct dpi_flow *f,
					  __u64 rule)
{
	bool is_gone = drop(p, f, rule);

	if (f && !is_gone)
		flow_count_passed(p, f);
	sample_send(p, hook, f, is_gone ? DPI_SAMPLE_DROPPED : 0);
	if (is_gone)
		count(p, DROP_DNS);
	return is_gone;
}

/* The name in this first segment is blocked: the same. The agent is told. */
static __always_inline bool drop_word(struct place *p, __u32 hook, struct dpi_flow *f)
{
	__u64 rule = word_match(p, hook, f);

	if (!rule || !drop(p, f, rule))
		return false;
	word_block(p, hook, f, rule);
	return true;
}

/* A frame of f goes on: it is counted, and copied for the agent where that may read it. */
static __always_inline void pass(struct place *p, __u32 hook, struct dpi_flow *f, __u32 payload,
				 bool is_dns)
{
	flow_count_passed(p, f);
	flow_note_time(p, f);
	if (p->is_piece) {
		if (payload && piece_wanted(p, f, payload))
			sample_send(p, hook, f, 0);
		return;
	}
	if (is_read(p, payload) &&
	    ((is_dns && is_dns_port(&p->packet.key)) || sample_wanted(p, f, payload)))
		sample_send(p, hook, f, 0);
}

/* The road from the static rules on. Returns true when the frame must be dropped. */
static __always_inline bool decide(struct place *p, __u32 hook, enum dpi_parse result)
{
	bool has_flow = result == DPI_PARSE_OK || (result == DPI_PARSE_FRAGMENT && piece_find(p));
	struct dpi_flow *f = has_flow ? flow_find(p) : 0;
	struct static_decision fixed = static_decide(p, f);
	bool is_static_drop = fixed.action == DPI_STATIC_ADDRESS || fixed.action == DPI_STATIC_PORT;
	bool is_allowed = fixed.action == DPI_STATIC_ALLOW, is_dns;
	__u32 payload;
	__u64 rule;

	if (has_flow && (f ? is_tcp_syn(&p->packet) : is_handshake(&p->packet)))
		syn_note(p, f, is_static_drop ? fixed.rule : 0);
	if (is_static_drop && drop_static(p, f, fixed))
		return true;
	if (!has_flow)
		return decide_piece(p, hook, result == DPI_PARSE_TINY, is_allowed);
	rule = is_allowed ? 0 : verdict_find(p);
	if (!rule && p->is_piece)
		rule = p->scratch->inside;
	if (rule)
		return drop_verdict(p, f, rule);
	payload = place_payload(p);
	is_dns = payload >= DNS_LEAST && !p->packet.frag_off && dns_is_message(p, hook);
	if (!is_allowed && (p->config->flags & DPI_CONFIG_NAMES) && !p->config->dns_allow) {
		rule = is_dns ? dns_match(p, hook, f) : 0;
		if (rule)
			return drop_question(p, hook, f, rule);
		if (piece_hides_question(p, hook, is_dns) && drop_piece(p, f))
			return true;
	}
	if (!is_allowed && word_may_be(p, f, payload) && drop_word(p, hook, f))
		return true;
	/* The agent would decide on this payload; without one nobody does (--fail closed). */
	if (!is_allowed && payload && (!f || flow_in_budget(f, p->packet.dir)) && !agent_lives(p) &&
	    !(f && flow_settle(p, f)) && drop(p, f, 0)) {
		count(p, DROP_FAIL_CLOSED);
		return true;
	}
	if (f)
		pass(p, hook, f, payload, is_dns && p->packet.key.proto == DPI_IP_UDP);
	return false;
}

/* Counts an IP fragment, and remembers of a first one which flow it is of, and what is said of the
 * one inside. (Here, where few paths meet, the verifier does not mind.) */
static __always_inline void take_piece(struct place *p, __u32 hook, enum dpi_parse result)
{
	p->is_piece = true;
	p->scratch->inside = 0;
	if (result == DPI_PARSE_FRAGMENT)
		count(p, FRAGMENT);
	else if (result == DPI_PARSE_TINY)
		count(p, TINY);
	else {
		piece_note(p);
		if (layers_may_follow(&p->packet))
			p->scratch->inside = piece_verdict_inside(p, hook);
	}
}

/* One frame, from either hook. Returns true when it must be dropped. */
static __always_inline bool road(struct place *p, __u32 hook, struct dpi_cursor *c)
{
	__u32 zero = 0, cpu = bpf_get_smp_processor_id();
	enum dpi_parse result;

	p->counts = bpf_map_lookup_elem(&counts, &zero);
	p->config = bpf_map_lookup_elem(&config, &zero);
	p->scratch = bpf_map_lookup_elem(&scratch, &cpu);
	if (!p->counts || !p->config || !p->scratch)
		return false;
	if (hook == DPI_HOOK_RECEIVE) {
		count(p, RX_PACKETS);
		count_by(p, RX_BYTES, p->wire_len);
	} else {
		count(p, TX_PACKETS);
		count_by(p, TX_BYTES, p->wire_len);
	}
	result = layers_outer(p, hook, c);
	if (result == DPI_PARSE_OK && layers_may_follow(&p->packet))
		result = layers_follow(p, hook);
	if (count_parse(p, result)) {
		p->now = bpf_ktime_get_ns();
		if (result != DPI_PARSE_OK || p->packet.is_first_fragment)
			take_piece(p, hook, result);
		if (decide(p, hook, result))
			return true;
	} else if (result == DPI_PARSE_DEEP && (p->config->flags & DPI_CONFIG_BLOCKS) &&
		   drop(p, 0, 0)) {
		/* What is behind more headers than anybody needs is hidden on purpose. */
		count(p, DROP_DEEP);
		return true;
	}
	count(p, PASSED);
	return false;
}

/* True when the ends of a dropped flow are to be told (`--action reset`). */
static __always_inline bool is_answered(const struct place *p)
{
	return p->config && (p->config->flags & DPI_CONFIG_RESET);
}

SEC("xdp.frags")
int dpi_receive(struct xdp_md *ctx)
{
	struct place p = {.ctx = ctx, .ifindex = ctx->ingress_ifindex};
	struct dpi_cursor c = {.pos = (const __u8 *)(long)ctx->data,
			       .end = (const __u8 *)(long)ctx->data_end};

	p.wire_len = (__u32)bpf_xdp_get_buff_len(ctx);
	if (!road(&p, DPI_HOOK_RECEIVE, &c))
		return XDP_PASS;
	if (!is_answered(&p))
		return XDP_DROP;
	switch (reset_make(&p, DPI_HOOK_RECEIVE)) {
	case RESET_BACK: return XDP_TX;
	case RESET_ON: return XDP_PASS;
	default: return XDP_DROP;
	}
}

SEC("tc")
int dpi_transmit(struct __sk_buff *skb)
{
	struct place p = {.ctx = skb, .ifindex = skb->ifindex};
	struct dpi_cursor c = {};

	p.wire_len = skb->len;
	layers_pull(skb, HEADERS_LEAST);
	c.pos = (const __u8 *)(long)skb->data;
	c.end = (const __u8 *)(long)skb->data_end;
	if (!road(&p, DPI_HOOK_TRANSMIT, &c))
		return TC_ACT_UNSPEC;
	if (!is_answered(&p))
		return TC_ACT_SHOT;
	switch (reset_make(&p, DPI_HOOK_TRANSMIT)) {
	case RESET_BACK: return (int)bpf_redirect(p.ifindex, TC_INGRESS);
	case RESET_ON: return TC_ACT_UNSPEC;
	default: return TC_ACT_SHOT;
	}
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";
