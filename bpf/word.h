/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The first word of a TCP connection: the name in a ClientHello, or the head of a request, that
 * lies whole in the first segment that its opener sends. It is compared here, so that not even this
 * frame gets through. What is decided here the engine would have decided: it is handed the frame
 * like any other, and puts its own verdict in the place of this one, or takes this one away.
 *
 * Whatever may be read in two ways is left to the engine: a segment that does not begin where the
 * handshake says, a handshake that is disputed, flags out of place, a name that is not plain
 * (dpi/word.h). A segment that a receiver may refuse (a short life, a false checksum) blocks here
 * as it does there, where any reading of the first bytes counts.
 */
#ifndef BPF_WORD_H
#define BPF_WORD_H

#include "sample.h"

enum {
	WORD_FLAGS = DPI_TCP_FIN | DPI_TCP_SYN | DPI_TCP_RST | DPI_TCP_ACK | DPI_TCP_URG,
};

static long word_hello(__u32 i, void *ctx)
{
	struct dpi_scratch *s = ((struct whom_loop *)ctx)->scratch;

	return !dpi_hello_step(&s->hello, s->frame, DPI_WORD_WINDOW - 1);
}

static long word_request(__u32 i, void *ctx)
{
	struct dpi_scratch *s = ((struct whom_loop *)ctx)->scratch;

	return !dpi_request_step(&s->request, s->frame, DPI_WORD_WINDOW - 1);
}

/* One byte of the name, from its right end: is it plain, and what is said of the suffix so far? */
static long word_walk(__u32 i, void *ctx)
{
	struct dpi_scratch *s = ((struct whom_loop *)ctx)->scratch;
	__u32 at = s->walk_at, len = s->word_len;
	__u8 c;

	if (at >= len)
		return 1;
	c = dpi_lower((__u8)dpi_word_u8(s->frame, DPI_WORD_WINDOW - 1, s->word + len - 1 - at));
	if (!dpi_host_byte(&s->host, c, len - 1 - at, at == 0)) {
		s->word_len = 0;
		return 1;
	}
	name_step(s, at, c);
	return 0;
}

/* Walks the name for one device. */
static long word_whom(__u32 i, void *ctx)
{
	struct whom_loop *l = ctx;
	struct dpi_scratch *s = l->scratch;

	if (!whom_begin(l, i))
		return 0;
	s->host.label = 0;
	bpf_loop(DPI_NAME_MAX, word_walk, l, 0);
	if (s->word_len)
		name_look(s, true);
	return 0;
}

/*
 * The rule that blocks the name at s->word, or 0. protocol: that which blocks what it was said in,
 * or 0. It comes first, as the engine has it; but an allowed name is left to the engine.
 */
static __always_inline __u64 word_rule(struct dpi_scratch *s, __u64 seed, __u64 protocol)
{
	struct whom_loop l = {.scratch = s, .seed = seed};
	__u64 rule;

	dpi_name_walk_init(&s->walk, seed);
	if (s->is_own) {
		bpf_loop(DPI_DEVICES_MAX, word_whom, &l, 0);
		dpi_name_walk_again(&s->walk, seed);
	}
	s->walk_at = 0;
	s->host.label = 0;
	bpf_loop(DPI_NAME_MAX, word_walk, &l, 0);
	if (!s->word_len)
		return 0;
	name_look(s, true);
	rule = dpi_name_walk_block(&s->walk, protocol);
	return rule && protocol ? protocol : rule;
}

/* How far behind the number of a SYN's sender the first byte it sends has its own: those in the SYN
 * itself (RFC 7413) stand with it. */
static __always_inline __u32 word_distance(const struct dpi_packet *k)
{
	return is_tcp_syn(k) ? 0 : 1;
}

/* True when both ends' handshake says that this segment is the first of the connection's opener. */
static __always_inline bool word_is_first(const struct place *p)
{
	const struct dpi_packet *k = &p->packet;
	const struct dpi_syn *s = bpf_map_lookup_elem(&syns, &k->key);
	__u8 dir = k->dir & 1, own = dir ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0;

	if (!s || !(s->flags & DPI_FLOW_OPENER) || !(s->flags & own) ||
	    (s->flags & DPI_FLOW_DISPUTED) || s->opener != dir ||
	    k->seq - s->isn[dir] != word_distance(k))
		return false;
	/* Where answers go by another way, no SYN-ACK is seen. */
	if (!(s->flags & (own ^ (DPI_FLOW_ISN0 | DPI_FLOW_ISN1))))
		return true;
	return (s->flags & DPI_FLOW_SURE) && k->ack == s->isn[dir ^ 1] + 1;
}

/* What of the settings holds for those whom the segment concerns. */
static __always_inline __u32 word_flags(const struct place *p)
{
	return p->config->flags & (p->scratch->is_own ? p->scratch->own.flags : ~0U);
}

static __always_inline __u64 word_protocol(const struct dpi_scratch *s, __u64 own, __u64 of_all)
{
	return s->is_own && own ? own : of_all;
}

/* Finds the name in s->frame. Returns whether there is one, with the rule on its protocol. */
static __always_inline bool word_read(struct place *p, __u32 there, __u64 *protocol)
{
	struct dpi_scratch *s = p->scratch;
	struct whom_loop l = {.scratch = s};

	if (s->frame[0] != 22) {
		if (!dpi_request_begin(&s->request, s->frame, DPI_WORD_WINDOW - 1, there))
			return false;
		bpf_loop(DPI_REQUEST_STEPS, word_request, &l, 0);
		s->word = s->request.name;
		s->word_len = s->request.name_len;
		*protocol = word_protocol(s, s->own.http_block, p->config->http_block);
		return s->request.state == DPI_WORD_FOUND;
	}
	if (!dpi_hello_begin(&s->hello, s->frame, DPI_WORD_WINDOW - 1, there))
		return false;
	bpf_loop(DPI_HELLO_STEPS, word_hello, &l, 0);
	s->word = s->hello.name;
	s->word_len = s->hello.name_len;
	*protocol = p->packet.key.port[p->packet.dir ? 0 : 1] == dpi_be16(443)
			    ? word_protocol(s, s->own.https_block, p->config->https_block)
			    : word_protocol(s, s->own.tls_block, p->config->tls_block);
	return s->hello.state == DPI_WORD_FOUND &&
	       ((!s->hello.has_ech && !s->hello.is_cut) || (word_flags(p) & DPI_CONFIG_ECH));
}

/* True for what may begin a hello or a request, and is to be read. */
static __always_inline bool word_is_wanted(const struct place *p, __u8 first)
{
	if (first == 22)
		return word_flags(p) & DPI_CONFIG_HELLOS;
	return first >= 'A' && first <= 'Z' && (word_flags(p) & DPI_CONFIG_REQUESTS);
}

/* The rule that blocks the name in this segment, or 0. */
static __noinline __u64 word_match(struct place *p, __u32 hook, struct dpi_flow *f)
{
	struct dpi_scratch *s = p->scratch;
	__u32 there = place_payload(p);
	__u64 len = there, protocol = 0, rule;

	if (!p->config || !s || !p->counts || there < DPI_REQUEST_LEAST)
		return 0;
	s->is_own = 0;
	if (place_load(p, hook, p->packet.payload_off, s->frame, 1) ||
	    !word_is_wanted(p, s->frame[0]) || !word_is_first(p))
		return 0;
	whom_ask(p, hook, f);
	if (s->is_own && !word_is_wanted(p, s->frame[0]))
		return 0;
	if (len > DPI_WORD_WINDOW)
		len = DPI_WORD_WINDOW;
	len--;
	dpi_opaque(len);
	len &= DPI_WORD_WINDOW - 1;
	len++;
	if (place_load(p, hook, p->packet.payload_off, s->frame, (__u32)len))
		return 0;
	count(p, WORDS);
	if (!word_read(p, (__u32)len, &protocol) || s->word_len > DPI_HOST_MAX)
		return 0;
	rule = word_rule(s, p->config->name_seed, protocol);
	/* What the agent knows of a flow is more than what is known here. */
	return rule && bpf_map_lookup_elem(&facts, &p->packet.key) ? 0 : rule;
}

/* True for a segment that may be an opener's first, or is sent in its place once more: all others
 * pay these few compares. What came before from outside the stream is no matter. */
static __always_inline bool word_may_be(const struct place *p, const struct dpi_flow *f,
					__u32 payload)
{
	const struct dpi_packet *k = &p->packet;
	__u8 dir = k->dir & 1, flags = k->tcp_flags & WORD_FLAGS;

	return (p->config->flags & (DPI_CONFIG_HELLOS | DPI_CONFIG_REQUESTS)) && f && payload &&
	       k->key.proto == DPI_IP_TCP && k->seq - f->isn[dir] == word_distance(k) &&
	       f->opener == dir && !(f->flags & DPI_FLOW_SETTLED) &&
	       (flags == DPI_TCP_ACK || flags == DPI_TCP_SYN);
}

/*
 * Puts the flow under a verdict of the kernel's own and tells the engine, which must know of each,
 * or nobody would take it away. What cannot be told is decided again when it is sent again. A piece
 * has its datagram's way through the engine, and leaves the verdict to that.
 */
static __always_inline void word_block(struct place *p, __u32 hook, struct dpi_flow *f, __u64 rule)
{
	struct dpi_verdict *v = &p->scratch->verdict;
	bool is_new;

	__builtin_memset(v, 0, sizeof(*v));
	v->rule = rule;
	v->since_ns = v->last_ns = p->now;
	v->packets = 1;
	v->bytes = p->wire_len;
	v->action = DPI_DROP;
	v->is_untold = 1;
	/* Before the engine can answer. One that is there is the engine's, or has run out. */
	is_new = !p->is_piece &&
		 bpf_map_update_elem(&verdicts, &p->packet.key, v, BPF_NOEXIST) == 0;
	if (!sample_send(p, hook, f, DPI_SAMPLE_DROPPED) && is_new)
		bpf_map_delete_elem(&verdicts, &p->packet.key);
	count(p, DROP_WORD);
}

#endif
