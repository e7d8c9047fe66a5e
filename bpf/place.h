/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where a frame is met: either hook, one set of words. Everything that differs between XDP and
 * clsact is in this file. `hook` (enum dpi_hook) is a constant in each program and is handed down
 * as an argument, so that the verifier of every kernel sees only the branch that is its own.
 */
#ifndef BPF_PLACE_H
#define BPF_PLACE_H

#include "maps.h"

/* One frame on its way through a program. Lives on the program's stack. */
struct place {
	void *ctx; /* struct xdp_md or struct __sk_buff */
	struct dpi_counts *counts;
	struct dpi_config *config;
	struct dpi_scratch *scratch;
	struct dpi_packet packet;
	__u64 now;
	__u32 ifindex;
	__u32 wire_len;
	__u32 drops;   /* of this flow on this CPU, this frame included; 0 while it has none */
	bool is_inner; /* packet came in a tunnel: scratch->outer is the outermost */
	bool is_piece; /* packet is an IP fragment, first or later */
	__u8 dns_skip; /* bytes of payload in front of a DNS message */
};

#define count(p, id)	    ((p)->counts->n[DPI_COUNT_##id]++)
#define count_by(p, id, by) ((p)->counts->n[DPI_COUNT_##id] += (by))

/* Copies len bytes (1 .. the size of to) at offset off of the frame. 0, or negative. */
static __always_inline long place_load(const struct place *p, __u32 hook, __u32 off, void *to,
				       __u32 len)
{
	if (hook == DPI_HOOK_RECEIVE)
		return bpf_xdp_load_bytes(p->ctx, off, to, len);
	return bpf_skb_load_bytes(p->ctx, off, to, len);
}

/* Payload bytes of the frame that are really there. */
static __always_inline __u32 place_payload(const struct place *p)
{
	__u32 off = p->packet.payload_off, len = p->packet.payload_len;

	if (off >= p->wire_len)
		return 0;
	return len < p->wire_len - off ? len : p->wire_len - off;
}

#endif
