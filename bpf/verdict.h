/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The decisions the kernel takes by itself: address and port rules, the verdict on a flow, the
 * question of a DNS message. Each returns the id of the rule that drops the frame, or 0.
 */
#ifndef BPF_VERDICT_H
#define BPF_VERDICT_H

#include "whom.h"

/* What the address and port rules say of a flow: rule is the one behind the action. */
struct static_decision {
	__u64 rule;
	__u32 action; /* enum dpi_static */
};

static __always_inline void addr_merge(const struct dpi_addr_rule *r, bool is_src, __u64 *block,
				       __u64 *allow)
{
	__u64 side;

	if (!r)
		return;
	side = is_src ? r->allow_src : r->allow_dst;
	if (!*allow)
		*allow = r->allow_any ? r->allow_any : side;
	side = is_src ? r->block_src : r->block_dst;
	if (!*block)
		*block = r->block_any ? r->block_any : side;
}

static __always_inline void addr_rules(const struct place *p, const struct dpi_addr *a, bool is_src,
				       __u64 *block, __u64 *allow)
{
	if (p->config->flags & DPI_CONFIG_ADDRS)
		addr_merge(bpf_map_lookup_elem(&addrs, a), is_src, block, allow);
	if (p->config->flags & DPI_CONFIG_NETS) {
		struct dpi_net_key key = {.prefix_len = 128, .addr = *a};

		addr_merge(bpf_map_lookup_elem(&nets, &key), is_src, block, allow);
	}
}

/*
 * What the rules say of the ends of a tunnel: only a block, for what is inside has ends of its own.
 * is_opener: what is inside was sent by the end that opened its flow.
 */
static __always_inline struct static_decision outer_work_out(const struct place *p, bool is_opener)
{
	const struct dpi_scratch *s = p->scratch;
	struct static_decision d = {0, DPI_STATIC_NONE};
	__u64 block = 0, allow = 0;

	addr_rules(p, &s->outer[0], is_opener, &block, &allow);
	addr_rules(p, &s->outer[1], !is_opener, &block, &allow);
	if (allow)
		return d;
	if (block) {
		d.rule = block;
		d.action = DPI_STATIC_ADDRESS;
	} else if (p->config->flags & DPI_CONFIG_PORTS) {
		__u32 at = (__u32)s->outer_proto << 16 | dpi_be16(s->outer_port);
		__u64 *rule = bpf_map_lookup_elem(&ports, &at);

		if (rule) {
			d.rule = *rule;
			d.action = DPI_STATIC_PORT;
		}
	}
	return d;
}

/* Works out the static rules: the tunnel's ends; then of the packet an allow first, then addresses,
 * then the responder's port. */
static __always_inline struct static_decision static_work_out(const struct place *p, __u8 opener)
{
	const struct dpi_key *key = &p->packet.key;
	struct static_decision d = {0, DPI_STATIC_NONE};
	__u64 block = 0, allow = 0;

	if (p->is_inner) {
		d = outer_work_out(p, opener == p->packet.dir);
		if (d.action != DPI_STATIC_NONE)
			return d;
	}
	addr_rules(p, &key->addr[0], opener == 0, &block, &allow);
	addr_rules(p, &key->addr[1], opener != 0, &block, &allow);
	if (allow) {
		d.rule = allow;
		d.action = DPI_STATIC_ALLOW;
		return d;
	}
	if (block) {
		d.rule = block;
		d.action = DPI_STATIC_ADDRESS;
	} else if (p->config->flags & DPI_CONFIG_PORTS) {
		__be16 port = opener == 0 ? key->port[1] : key->port[0];
		__u32 at = (__u32)key->proto << 16 | dpi_be16(port);
		__u64 *rule = bpf_map_lookup_elem(&ports, &at);

		if (rule) {
			d.rule = *rule;
			d.action = DPI_STATIC_PORT;
		}
	}
	return d;
}

/* The static decision for a frame; worked out once a flow, CPU and policy epoch. f may be NULL. */
static __always_inline struct static_decision static_decide(const struct place *p,
							    struct dpi_flow *f)
{
	const __u32 kinds = DPI_CONFIG_ADDRS | DPI_CONFIG_NETS | DPI_CONFIG_PORTS;
	struct static_decision d = {0, DPI_STATIC_NONE};

	if (!(p->config->flags & kinds)) {
		if (f) {
			f->static_rule = 0;
			f->static_action = DPI_STATIC_NONE;
		}
		return d;
	}
	if (!f) {
		const struct dpi_syn *s = 0;
		__u8 opener = dpi_opener_guess(&p->packet);

		if (p->packet.key.proto == DPI_IP_TCP)
			s = bpf_map_lookup_elem(&syns, &p->packet.key);
		if (s && ((s->flags & DPI_FLOW_OPENER) || !is_syn(&p->packet)))
			opener = s->opener;
		return static_work_out(p, opener);
	}
	if (f->static_epoch != p->config->epoch) {
		d = static_work_out(p, f->opener);
		f->static_rule = d.rule;
		f->static_action = (__u8)d.action;
		f->static_epoch = p->config->epoch;
	}
	d.rule = f->static_rule;
	d.action = f->static_action;
	return d;
}

/* How long a verdict outlives its flow's last frame, for the frame at hand. */
static __always_inline __u64 verdict_idle_most(const struct dpi_packet *k)
{
	return k->key.proto == DPI_IP_TCP && !is_tcp_syn(k) ? DPI_VERDICT_IDLE_TCP_NS
							    : DPI_VERDICT_IDLE_NS;
}

/* The verdict the agent has put on the flow, unless it ended for want of frames. Once a new
 * handshake is answered, it is gone. */
static __always_inline __u64 verdict_find(struct place *p)
{
	struct dpi_verdict *v = bpf_map_lookup_elem(&verdicts, &p->packet.key);

	if (!v || v->action != DPI_DROP)
		return 0;
	if (p->now > v->last_ns && p->now - v->last_ns > verdict_idle_most(&p->packet)) {
		count(p, EXPIRED);
		if (is_tcp_syn(&p->packet) && (p->packet.tcp_flags & DPI_TCP_ACK))
			bpf_map_delete_elem(&verdicts, &p->packet.key);
		return 0;
	}
	v->last_ns = p->now;
	__sync_fetch_and_add(&v->packets, 1);
	__sync_fetch_and_add(&v->bytes, p->wire_len);
	return v->rule;
}

/* --- names ---------------------------------------------------------------------------------- */

/* Takes what the rules say of the suffix at s->walk; whole: it is the entire name. */
static __always_inline void name_look(struct dpi_scratch *s, bool whole)
{
	__u64 hash = s->walk.hash;
	const struct dpi_name_rule *r = bpf_map_lookup_elem(&names, &hash);

	if (r)
		dpi_name_walk_found(&s->walk, r, whole);
}

/* The next byte from the right, the at-th: a dot is a border, where rules may speak. */
static __always_inline void name_step(struct dpi_scratch *s, __u32 at, __u8 c)
{
	if (c == '.')
		name_look(s, false);
	dpi_name_walk_byte(&s->walk, c);
	s->walk_at = at + 1;
}

/* --- DNS ------------------------------------------------------------------------------------ */

enum {
	DNS_HEAD = 12,
	DNS_LENGTH = 2,		  /* in front of that, over TCP */
	DNS_LEAST = DNS_HEAD + 5, /* and the shortest question */
};

static long question_read(__u32 i, void *ctx)
{
	struct dpi_scratch *s = ((struct whom_loop *)ctx)->scratch;

	return !dpi_qname_step(&s->question, s->message, DPI_DNS_WINDOW - 1, s->name);
}

static long question_walk(__u32 i, void *ctx)
{
	struct dpi_scratch *s = ((struct whom_loop *)ctx)->scratch;
	__u32 at = s->walk_at, len = s->question.len;

	if (at >= len)
		return 1;
	name_step(s, at, s->name[(len - 1 - at) & 255]);
	return 0;
}

/* Begins the walk of a name for one device of those concerned; false: there is none here. */
static __always_inline bool whom_begin(struct whom_loop *l, __u32 i)
{
	struct dpi_scratch *s = l->scratch;
	__u64 device = whom_device(s, i);

	if (!device)
		return false;
	dpi_name_walk_again(&s->walk, l->seed ^ device);
	s->walk_at = 0;
	return true;
}

/* Walks the question for one device. */
static long question_whom(__u32 i, void *ctx)
{
	struct whom_loop *l = ctx;
	struct dpi_scratch *s = l->scratch;

	if (!whom_begin(l, i))
		return 0;
	bpf_loop(DPI_NAME_MAX, question_walk, l, 0);
	name_look(s, true);
	return 0;
}

/* Compares the question at s->question.pos and moves behind it. Returns the rule that blocks it, or
 * 0; s->question.state says whether it could be read, and unread is the answer when not. */
static __always_inline __u64 question_match(struct dpi_scratch *s, __u64 seed, __u64 protocol,
					    __u64 unread)
{
	struct whom_loop l = {.scratch = s, .seed = seed};

	dpi_qname_init(&s->question, s->question.pos, s->question.limit);
	bpf_loop(DPI_NAME_MAX + 20, question_read, &l, 0);
	if (s->question.state != DPI_QNAME_DONE)
		return unread;
	dpi_name_walk_init(&s->walk, seed);
	if (s->is_own && s->question.len) {
		bpf_loop(DPI_DEVICES_MAX, question_whom, &l, 0);
		dpi_name_walk_again(&s->walk, seed);
	}
	s->walk_at = 0;
	if (s->question.len) {
		bpf_loop(DPI_NAME_MAX, question_walk, &l, 0);
		name_look(s, true);
	}
	s->question.pos = s->question.after + 4; /* type and class */
	return dpi_name_walk_block(&s->walk, protocol);
}

/* mDNS and LLMNR: the same messages, but applications of their own. */
static __always_inline bool is_local_name_port(const struct dpi_key *k)
{
	__u16 a = dpi_be16(k->port[0]), b = dpi_be16(k->port[1]);

	return a == 5353 || b == 5353 || a == 5355 || b == 5355;
}

/* Ports on which every message is taken for DNS, mDNS or LLMNR and always sampled. */
static __always_inline bool is_dns_port(const struct dpi_key *k)
{
	return k->port[0] == dpi_be16(53) || k->port[1] == dpi_be16(53) || is_local_name_port(k);
}

/* The names of NetBIOS have the same heads (RFC 1002 4.2.1.1) but are no DNS. */
static __always_inline bool is_netbios_port(const struct dpi_key *k)
{
	return dpi_be16(k->port[0]) == 137 || dpi_be16(k->port[1]) == 137;
}

/* True when a DNS message may begin `skip` bytes into the payload; its head is then in
 * scratch->message. */
static __always_inline bool dns_begins(struct place *p, __u32 hook, __u32 skip)
{
	p->dns_skip = (__u8)skip;
	return place_payload(p) >= skip + DNS_LEAST &&
	       place_load(p, hook, p->packet.payload_off + skip, p->scratch->message, DNS_HEAD) ==
		       0 &&
	       dpi_dns_head(p->scratch->message);
}

/* True when a UDP payload can be a DNS message, or a TCP segment on its port can begin with one:
 * behind its length (RFC 1035 4.2.2), or that came by itself. */
static __always_inline bool dns_is_message(struct place *p, __u32 hook)
{
	const __be16 dns = dpi_be16(53);

	if (p->packet.key.proto == DPI_IP_TCP)
		return (p->packet.key.port[0] == dns || p->packet.key.port[1] == dns) &&
		       (dns_begins(p, hook, DNS_LENGTH) || dns_begins(p, hook, 0));
	return p->packet.key.proto == DPI_IP_UDP && dns_begins(p, hook, 0);
}

/*
 * The rule that blocks a question of the DNS message in this frame, or 0. Queries and answers
 * alike: an answer repeats the question. A name the kernel cannot read is counted and left to the
 * agent. Over TCP this drops the one segment, and the agent blocks the flow. f may be NULL.
 */
static __noinline __u64 dns_match(struct place *p, __u32 hook, struct dpi_flow *f)
{
	struct dpi_scratch *s = p->scratch;
	__u32 there = place_payload(p), skip = p->dns_skip;
	__u64 len, seed, protocol, unread, rule = 0;
	__u32 questions;

	if (!p->config || !s || !p->counts || there < skip + DNS_LEAST)
		return 0;
	s->question.state = DPI_QNAME_DONE;
	len = there - skip;
	if (len > DPI_DNS_WINDOW)
		len = DPI_DNS_WINDOW;
	len--;
	dpi_opaque(len);
	len &= DPI_DNS_WINDOW - 1;
	len++;
	if (place_load(p, hook, p->packet.payload_off + skip, s->message, (__u32)len))
		return 0;
	count(p, DNS_MESSAGES);
	whom_ask(p, hook, f);
	if (s->is_own && s->own.dns_allow)
		return 0;
	questions = s->message[5];
	seed = p->config->name_seed;
	protocol = s->is_own && s->own.dns_block ? s->own.dns_block : p->config->dns_block;
	if (is_local_name_port(&p->packet.key) || is_netbios_port(&p->packet.key))
		protocol = 0;
	/* On other ports, what cannot be read is something else that looks like it; in a stream it
	 * may be the midst of something. */
	unread = p->packet.key.proto == DPI_IP_UDP && is_dns_port(&p->packet.key) ? protocol : 0;
	s->question.pos = DNS_HEAD;
	s->question.limit = (__u32)len;
	for (__u32 i = 0; i < DPI_QUESTIONS_MAX; i++) {
		if (i >= questions || rule)
			break;
		rule = question_match(s, seed, protocol, unread);
		if (s->question.state != DPI_QNAME_DONE) {
			count(p, DNS_UNDECIDED);
			break;
		}
	}
	return rule;
}

/* Adds a drop to its rule's count on this CPU. */
static __always_inline void rule_hit(const struct place *p, __u64 rule)
{
	struct dpi_hits *h = bpf_map_lookup_elem(&hits, &rule);

	if (!h) {
		struct dpi_hits none = {};

		bpf_map_update_elem(&hits, &rule, &none, BPF_NOEXIST);
		h = bpf_map_lookup_elem(&hits, &rule);
		if (!h)
			return;
	}
	h->packets++;
	h->bytes += p->wire_len;
}

#endif
