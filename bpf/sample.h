/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Samples: exact-length copies of payload frames for the agent, in the ring of the worker that owns
 * the flow (or, of IP fragments, that puts them together), until the agent says enough or the
 * budget ends. The kernel ships bytes, not conclusions.
 */
#ifndef BPF_SAMPLE_H
#define BPF_SAMPLE_H

#include "verdict.h"

/* True when this payload frame should be copied; takes it from the budget. */
static __always_inline bool sample_wanted(const struct place *p, struct dpi_flow *f, __u32 payload)
{
	__u8 dir = p->packet.dir & 1;

	if (!flow_in_budget(f, dir) || flow_settle(p, f))
		return false;
	f->budget_units[dir] += !payload ? 1 : payload < DPI_UNIT_BYTES ? payload : DPI_UNIT_BYTES;
	f->budget_bytes[dir] += payload;
	return true;
}

/* The handshake as `syns` knows it by now, for it is shared by the CPUs; else as it was when this
 * CPU first saw the flow. */
static __always_inline void sample_put_isn(const struct place *p, struct dpi_sample *h,
					   const struct dpi_flow *f)
{
	__u8 dir = p->packet.dir & 1, known = dir ? DPI_FLOW_ISN1 : DPI_FLOW_ISN0, flags = 0;
	__u8 others = dir ? DPI_FLOW_ISN0 : DPI_FLOW_ISN1;
	const struct dpi_syn *s = 0;

	if (p->packet.key.proto == DPI_IP_TCP)
		s = bpf_map_lookup_elem(&syns, &p->packet.key);
	if (s && (s->flags & others)) {
		h->other_isn = s->isn[dir ^ 1];
		h->flags |= DPI_SAMPLE_OTHER;
	} else if (f && (f->flags & others)) {
		h->other_isn = f->isn[dir ^ 1];
		h->flags |= DPI_SAMPLE_OTHER;
	}
	if (s && (s->flags & known)) {
		h->isn = s->isn[dir];
		h->opener = s->opener;
		flags = s->flags;
	} else if (f && (f->flags & known)) {
		h->isn = f->isn[dir];
		flags = f->flags;
	}
	if (flags & known)
		h->flags |= DPI_SAMPLE_ISN;
	if (flags & DPI_FLOW_SURE)
		h->flags |= DPI_SAMPLE_SURE;
}

/* Copies the frame into its worker's ring. f may be NULL. Returns 1 when it is there, else 0. */
static __noinline int sample_send(struct place *p, __u32 hook, struct dpi_flow *f, __u32 flags)
{
	struct dpi_scratch *s = p->scratch;
	struct dpi_sample *h;
	__u64 len = p->wire_len;
	__u32 slot, ring_count;
	__u8 dir = p->packet.dir & 1;
	void *ring;

	if (!s || !p->config || !p->counts || len == 0)
		return 0;
	h = &s->sample;
	if (len > DPI_SNAP_MAX) {
		len = DPI_SNAP_MAX;
		count(p, SAMPLE_CUT);
	}
	len--;
	dpi_opaque(len);
	len &= 0xffff;
	len++;
	if (place_load(p, hook, 0, s->frame, (__u32)len))
		return 0;
	h->ts_ns = p->now;
	h->flow_packets = f ? f->packets[0] + f->packets[1] : 0;
	h->key = p->packet.key;
	h->ifindex = p->ifindex;
	h->wire_len = p->wire_len;
	h->cap_len = (__u32)len;
	if (p->is_piece) {
		struct dpi_key pieces = dpi_key_of_pieces(&h->key, p->packet.ip_version);

		h->hash = dpi_key_hash(&pieces);
		flags |= DPI_SAMPLE_FRAGMENT;
	} else {
		h->hash = dpi_key_hash(&h->key);
	}
	h->isn = h->other_isn = 0;
	h->cpu = bpf_get_smp_processor_id();
	h->dir = dir;
	h->hook = (__u8)hook;
	h->opener = f ? f->opener : DPI_OPENER_UNKNOWN;
	h->flags = (__u8)flags;
	sample_put_isn(p, h, f);
	ring_count = p->config->ring_count;
	if (ring_count == 0)
		return 0;
	slot = h->hash % ring_count;
	ring = bpf_map_lookup_elem(&rings, &slot);
	if (!ring || bpf_ringbuf_output(ring, h, sizeof(*h) + len, 0)) {
		count(p, SAMPLE_LOST);
		if (f)
			f->flags |= DPI_FLOW_LOST;
		return 0;
	}
	count(p, SAMPLES);
	count_by(p, SAMPLE_BYTES, len);
	return 1;
}

#endif
