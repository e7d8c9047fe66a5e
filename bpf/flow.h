/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flow a frame belongs to: found, opened, counted. A bare SYN opens nothing here, so a flood of
 * them pushes no real flow out; it is remembered, within a ration, in `syns`, from where the flow
 * learns who opened it and with which sequence numbers (RFC 9293 3.5).
 */
#ifndef BPF_FLOW_H
#define BPF_FLOW_H

#include "place.h"

/* True for the TCP segments that open no flow entry: SYN and SYN-ACK without data, RST. */
static __always_inline bool is_handshake(const struct dpi_packet *k)
{
	return k->key.proto == DPI_IP_TCP &&
	       ((k->tcp_flags & DPI_TCP_RST) ||
		((k->tcp_flags & DPI_TCP_SYN) && k->payload_len == 0));
}

/* True for a SYN or SYN-ACK. */
static __always_inline bool is_tcp_syn(const struct dpi_packet *k)
{
	return k->key.proto == DPI_IP_TCP && (k->tcp_flags & DPI_TCP_SYN);
}

/* True for a SYN without ACK. */
static __always_inline bool is_syn(const struct dpi_packet *k)
{
	return k->key.proto == DPI_IP_TCP &&
	       (k->tcp_flags & (DPI_TCP_SYN | DPI_TCP_ACK)) == DPI_TCP_SYN;
}

/*
 * True for a SYN that cannot belong to the flow on record: that one has ended, and began with
 * another number. Its ports are used again. (A flow under a verdict never gets here: no SYN clears
 * a block.) The end may have come by on another CPU, which `syns` tells. Both may be NULL.
 */
static __always_inline bool begins_anew(const struct dpi_packet *k, const struct dpi_flow *f,
					const struct dpi_syn *s)
{
	__u8 dir = k->dir & 1, known = dir ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0, flags = 0;

	if (s) {
		flags |= s->tcp_flags[0] | s->tcp_flags[1];
		if ((s->flags & known) && s->isn[dir] == k->seq)
			return false;
	}
	if (f) {
		flags |= f->tcp_flags[0] | f->tcp_flags[1];
		if ((f->flags & known) && f->isn[dir] == k->seq)
			return false;
	}
	return flags & (DPI_TCP_FIN | DPI_TCP_RST);
}

/* Forgets a flow on every CPU, so that the next one on its ports starts from nothing. */
static __always_inline void flow_forget(const struct dpi_key *key)
{
	bpf_map_delete_elem(&flows, key);
	bpf_map_delete_elem(&syns, key);
	bpf_map_delete_elem(&facts, key);
}

/* True while this CPU may still store half-open connections in the current second. */
static __always_inline bool syn_ration(struct place *p)
{
	struct dpi_scratch *s = p->scratch;

	if (p->now - s->syn_window > 1000000000ULL) {
		s->syn_window = p->now;
		s->syn_count = 0;
	}
	return s->syn_count++ < DPI_SYN_TRACK_PER_S;
}

/*
 * What a SYN or SYN-ACK says of who opened the connection and with which numbers. Anybody can send
 * a SYN with a wrong number before the right one, or a SYN-ACK out of nothing: the first SYN says
 * who opened, and the number that the other end's SYN-ACK accepts is the opener's; it is sure of it
 * while it is the SYN's, or no SYN was seen, and no other SYN-ACK says otherwise.
 */
static __always_inline void syn_learn(const struct dpi_packet *k, struct dpi_syn *s)
{
	__u8 dir = k->dir & 1, other = dir ^ 1;

	if (!(k->tcp_flags & DPI_TCP_ACK)) {
		if (!(s->flags & DPI_FLOW_OPENER)) {
			s->opener = dir;
			s->flags = DPI_FLOW_OPENER;
		}
		if (!(s->flags & (dir ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0))) {
			s->isn[dir] = k->seq;
			s->flags |= dir ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0;
		}
	} else if (!(s->flags & DPI_FLOW_OPENER) || dir != s->opener) {
		bool is_known = s->flags & (other ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0);
		bool is_same = s->isn[other] == k->ack - 1;

		if (s->flags & (dir ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0)) { /* not the first one */
			if (!is_same) {
				s->flags &= (__u8)~DPI_FLOW_SURE;
				s->flags |= DPI_FLOW_DISPUTED;
			}
			return;
		}
		s->isn[dir] = k->seq;
		s->isn[other] = k->ack - 1;
		s->flags |= DPI_FLOW_ISN0 | DPI_FLOW_ISN1;
		if (!is_known || is_same)
			s->flags |= DPI_FLOW_SURE;
	}
}

/* Remembers a SYN or SYN-ACK, and RSTs of what is remembered. rule: what dropped it, or 0. */
static __always_inline void syn_note(struct place *p, const struct dpi_flow *f, __u64 rule)
{
	const struct dpi_packet *k = &p->packet;
	__u8 dir = k->dir & 1;
	struct dpi_syn *s = bpf_map_lookup_elem(&syns, &k->key);

	if (!s) {
		struct dpi_syn fresh = {};

		if ((k->tcp_flags & (DPI_TCP_SYN | DPI_TCP_RST)) != DPI_TCP_SYN)
			return;
		/* A SYN into a flow that is under way teaches nothing: anybody can send one. */
		if (f && (f->packets[0] || f->packets[1]))
			return;
		if (!syn_ration(p)) {
			count(p, SYN_UNTRACKED);
			return;
		}
		fresh.first_ns = p->now;
		fresh.opener = dpi_opener_guess(k);
		bpf_map_update_elem(&syns, &k->key, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&syns, &k->key);
		if (!s)
			return;
	}
	if (k->tcp_flags & DPI_TCP_SYN)
		syn_learn(k, s);
	s->last_ns = p->now;
	if (!f) { /* else it is counted there */
		s->packets++;
		s->bytes += p->wire_len;
	}
	s->tcp_flags[dir] |= k->tcp_flags;
	if (rule) {
		s->rule = rule;
		if (!(p->config->flags & DPI_CONFIG_MONITOR))
			s->dropped++;
	}
}

/* Remembers for the other CPUs that a flow has ended. */
static __always_inline void syn_note_end(const struct dpi_packet *k)
{
	struct dpi_syn *s = bpf_map_lookup_elem(&syns, &k->key);

	if (s)
		s->tcp_flags[k->dir & 1] |= k->tcp_flags;
}

/* Fills a fresh per-CPU entry: who opened the flow, and its sequence numbers if they were seen. */
static __always_inline void flow_begin(const struct place *p, struct dpi_flow *f)
{
	const struct dpi_packet *k = &p->packet;
	const struct dpi_syn *s = 0;

	f->first_ns = p->now;
	f->opener = dpi_opener_guess(k);
	if (k->key.proto == DPI_IP_TCP)
		s = bpf_map_lookup_elem(&syns, &k->key);
	if (s) {
		f->opener = s->opener;
		f->isn[0] = s->isn[0];
		f->isn[1] = s->isn[1];
		f->flags = s->flags;
		f->tcp_flags[0] = s->tcp_flags[0];
		f->tcp_flags[1] = s->tcp_flags[1];
	} else if (k->key.proto == DPI_IP_TCP && (k->tcp_flags & DPI_TCP_SYN)) {
		/* Data in the SYN itself (RFC 7413). */
		if (k->dir & 1) {
			f->isn[1] = k->seq;
			f->flags |= DPI_FLOW_ISN1;
		} else {
			f->isn[0] = k->seq;
			f->flags |= DPI_FLOW_ISN0;
		}
	}
}

/*
 * Another CPU met the flow before this one: who opened it is what that one says. A reply that comes
 * in on a CPU of its own would else be taken for the beginning.
 */
static __always_inline void opener_ask(const struct place *p, struct dpi_flow *f)
{
	__u64 first_ns = f->first_ns;

	for (__u32 cpu = 0; cpu < DPI_CPUS_ASKED; cpu++) {
		const struct dpi_flow *other;

		if (cpu >= p->config->cpu_count)
			break;
		other = bpf_map_lookup_percpu_elem(&flows, &p->packet.key, cpu);
		if (other && other->first_ns && other->first_ns < first_ns) {
			first_ns = other->first_ns;
			f->opener = other->opener;
			__builtin_memcpy(f->mac, other->mac, sizeof(f->mac));
		}
	}
}

/* Finds or opens this CPU's entry; NULL when the map refuses, which is counted. */
static __always_inline struct dpi_flow *flow_find(struct place *p)
{
	const struct dpi_key *key = &p->packet.key;
	struct dpi_flow *f = bpf_map_lookup_elem(&flows, key);
	bool is_known;

	if (is_syn(&p->packet)) {
		const struct dpi_syn *s = bpf_map_lookup_elem(&syns, key);
		bool is_anew = begins_anew(&p->packet, f, s);
		/* Nothing is left of an earlier flow but what was found out about it. */
		bool is_rest = !is_anew && !s && bpf_map_lookup_elem(&facts, key);

		if ((is_anew || is_rest) && !bpf_map_lookup_elem(&verdicts, key)) {
			if (is_rest) {
				bpf_map_delete_elem(&facts, key);
			} else {
				flow_forget(key);
				f = 0;
			}
		}
	}
	is_known = f != 0;
	if (!f) {
		if (is_handshake(&p->packet))
			return 0;
		__builtin_memset(&p->scratch->flow, 0, sizeof(p->scratch->flow));
		bpf_map_update_elem(&flows, key, &p->scratch->flow, BPF_NOEXIST);
		f = bpf_map_lookup_elem(&flows, key);
		if (!f) {
			count(p, FLOW_FULL);
			return 0;
		}
	}
	/* An entry another CPU made is there with zeroes; one idle too long is a new flow's. */
	if (f->first_ns && p->now - f->last_ns > DPI_VERDICT_IDLE_NS &&
	    p->packet.key.proto != DPI_IP_TCP)
		__builtin_memset(f, 0, sizeof(*f));
	if (!f->first_ns) {
		flow_begin(p, f);
		if (is_known)
			opener_ask(p, f);
	}
	f->last_ns = p->now;
	f->tcp_flags[p->packet.dir & 1] |= p->packet.tcp_flags;
	if (p->packet.key.proto == DPI_IP_TCP &&
	    (p->packet.tcp_flags & (DPI_TCP_FIN | DPI_TCP_RST)))
		syn_note_end(&p->packet);
	return f;
}

/* True while frames of the flow are still being looked at by the agent. */
static __always_inline bool flow_in_budget(const struct dpi_flow *f, __u8 dir)
{
	return !(f->flags & DPI_FLOW_SETTLED) && f->budget_units[dir & 1] < DPI_BUDGET_UNITS &&
	       f->budget_bytes[dir & 1] < DPI_BUDGET_BYTES;
}

/* True when the agent has said enough of the flow; it then stays so. */
static __always_inline bool flow_settle(const struct place *p, struct dpi_flow *f)
{
	const struct dpi_fact *fact = bpf_map_lookup_elem(&facts, &p->packet.key);

	if (!fact || !fact->settled)
		return false;
	f->flags |= DPI_FLOW_SETTLED;
	return true;
}

static __always_inline void flow_count_passed(const struct place *p, struct dpi_flow *f)
{
	__u8 dir = p->packet.dir & 1;

	f->packets[dir]++;
	f->bytes[dir] += p->wire_len;
}

/* Remembers when a frame passed, in case the flow's verdict turns out to have come too late. */
static __always_inline void flow_note_time(const struct place *p, struct dpi_flow *f)
{
	if (flow_in_budget(f, 0) || flow_in_budget(f, 1)) {
		f->recent[f->recent_at & (DPI_RECENT - 1)] = p->now;
		f->recent_at++;
	}
}

static __always_inline void flow_count_dropped(const struct place *p, struct dpi_flow *f)
{
	f->dropped_packets++;
	f->dropped_bytes += p->wire_len;
}

#endif
