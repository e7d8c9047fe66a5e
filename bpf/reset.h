/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Resets: with `--action reset` a dropped TCP segment becomes a RST, so that both ends fail at once
 * and do not wait. A flow's first dropped segment goes on to its receiver as one, the next goes
 * back to its sender, and so on in turn; a segment without a flow (a SYN) always goes back. It is
 * rewritten in place, with sequence numbers from the segment itself (RFC 9293 3.10.7.1): nobody is
 * told anything but about this connection, and nothing is sent that was not asked for.
 *
 * Only plain headers are rewritten (IPv4 without options, IPv6 without extension headers, no
 * tunnel, no fragment); other segments are dropped in silence.
 */
#ifndef BPF_RESET_H
#define BPF_RESET_H

#include "sample.h"

enum {
	RESET_L4_MAX = 14 + 8 + 8 + 40, /* Ethernet, two tags, PPPoE, IPv6 */
	RESET_TCP = 20,
	RESET_MASK = 127, /* every offset used lies in scratch->frame below this */
};

/* The ones' complement sum of `words` 16-bit words at an offset of the frame (RFC 1071). */
static __always_inline __u32 words_sum(const __u8 *frame, __u32 off, int words)
{
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < words; i++)
		sum += dpi_get16(frame + ((off + 2 * (__u32)i) & RESET_MASK));
	return sum;
}

static __always_inline __u16 sum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline void put16(__u8 *frame, __u32 off, __u16 value)
{
	frame[off & RESET_MASK] = (__u8)(value >> 8);
	frame[(off + 1) & RESET_MASK] = (__u8)value;
}

static __always_inline void put32(__u8 *frame, __u32 off, __u32 value)
{
	put16(frame, off, (__u16)(value >> 16));
	put16(frame, off + 2, (__u16)value);
}

/* Exchanges two neighbouring fields of `size` bytes. */
static __always_inline void swap_fields(__u8 *frame, __u32 off, int size)
{
#pragma unroll
	for (int i = 0; i < size; i++) {
		__u32 a = (off + (__u32)i) & RESET_MASK, b = (off + (__u32)(size + i)) & RESET_MASK;
		__u8 byte = frame[a];

		frame[a] = frame[b];
		frame[b] = byte;
	}
}

/* What a dropped segment became. */
enum reset_kind { RESET_NONE = 0, RESET_BACK = 1, RESET_ON = 2 };

/* Makes the network header that of a bare TCP header; back: turns it round. */
static __always_inline void ip_turn(__u8 *frame, __u32 l3, bool is_v4, bool back)
{
	if (is_v4) {
		put16(frame, l3 + 2, 20 + RESET_TCP);
		put32(frame, l3 + 4, 0); /* no fragment, no identification */
		frame[(l3 + 8) & RESET_MASK] = 64;
		put16(frame, l3 + 10, 0);
		if (back)
			swap_fields(frame, l3 + 12, 4);
		put16(frame, l3 + 10, sum_fold(words_sum(frame, l3, 10)));
	} else {
		put16(frame, l3 + 4, RESET_TCP);
		frame[(l3 + 7) & RESET_MASK] = 64;
		if (back)
			swap_fields(frame, l3 + 8, 16);
	}
}

/* Writes the TCP header of the RST; the network header is already done. */
static __always_inline void tcp_turn(const struct place *p, __u8 *frame, __u32 l3, __u32 l4,
				     bool is_v4, bool back)
{
	const struct dpi_packet *k = &p->packet;
	bool has_ack = (k->tcp_flags & DPI_TCP_ACK) != 0;
	__u32 len = k->payload_len + ((k->tcp_flags & DPI_TCP_SYN) ? 1 : 0) +
		    ((k->tcp_flags & DPI_TCP_FIN) ? 1 : 0);
	__u32 sum = DPI_IP_TCP + RESET_TCP;

	frame[(l4 + 12) & RESET_MASK] = 5 << 4;
	frame[(l4 + 13) & RESET_MASK] = DPI_TCP_RST;
	if (back) {
		swap_fields(frame, l4, 2);
		put32(frame, l4 + 4, has_ack ? k->ack : 0);
		put32(frame, l4 + 8, has_ack ? 0 : k->seq + len);
	}
	if (back != has_ack)
		frame[(l4 + 13) & RESET_MASK] = DPI_TCP_RST | DPI_TCP_ACK;
	put32(frame, l4 + 14, 0); /* window, checksum */
	put16(frame, l4 + 18, 0);
	sum += is_v4 ? words_sum(frame, l3 + 12, 4) : words_sum(frame, l3 + 8, 16);
	sum += words_sum(frame, l4, 10);
	put16(frame, l4 + 16, sum_fold(sum));
}

/* Cuts the frame to the length of the answer. 0, or negative. */
static __always_inline long frame_cut(void *ctx, __u32 hook, __u32 from, __u32 to)
{
	if (hook == DPI_HOOK_RECEIVE)
		return bpf_xdp_adjust_tail(ctx, (int)(to - from));
	return bpf_skb_change_tail(ctx, to, 0);
}

static __always_inline long frame_store(void *ctx, __u32 hook, const void *from, __u32 len)
{
	if (hook == DPI_HOOK_RECEIVE)
		return bpf_xdp_store_bytes(ctx, 0, (void *)from, len);
	return bpf_skb_store_bytes(ctx, 0, from, len, 0);
}

/* Makes the dropped frame a RST. Returns which way it must go (enum reset_kind). */
static __noinline int reset_make(struct place *p, __u32 hook)
{
	bool back = (p->drops & 1) == 0;
	__u32 l3 = p->packet.l3_off, l4 = p->packet.l4_off, len;
	bool is_v4 = p->packet.ip_version == 4;
	__u8 *frame;

	if (!p->scratch || !p->counts || p->packet.key.proto != DPI_IP_TCP || p->is_inner ||
	    p->is_piece || (p->packet.tcp_flags & DPI_TCP_RST))
		return RESET_NONE;
	if (l4 < l3 || l4 - l3 != (is_v4 ? 20 : 40) || l4 > RESET_L4_MAX || l3 < 14)
		return RESET_NONE;
	len = l4 + RESET_TCP;
	dpi_opaque(len);
	len &= RESET_MASK;
	if (len < 14 + 20 + RESET_TCP || p->wire_len < len)
		return RESET_NONE;
	frame = p->scratch->frame;
	if (place_load(p, hook, 0, frame, len))
		return RESET_NONE;
	if (back)
		swap_fields(frame, 0, 6); /* Ethernet addresses */
	ip_turn(frame, l3, is_v4, back);
	tcp_turn(p, frame, l3, l4, is_v4, back);
	if (frame_cut(p->ctx, hook, p->wire_len, len) || frame_store(p->ctx, hook, frame, len))
		return RESET_NONE;
	count(p, RESETS);
	return back ? RESET_BACK : RESET_ON;
}

#endif
