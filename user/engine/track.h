/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Private to the engine room: the part of its bookkeeping (track.c) that every frame passes,
 * inline. A packet with which its flow just goes on is counted here and in one place; all others,
 * which open a flow, end one or say how it began, go to track_turn(). It must never take one for
 * the other.
 */
#ifndef ENGINE_TRACK_H
#define ENGINE_TRACK_H

#include "engine/road.h"
#include "flow/flow_find.h"

enum isn_bit {
	ISN_KNOWN = 1, /* isn[] */
	ISN_OTHER = 4, /* other_isn[] */
	ISN_SURE = 16, /* isn[] was confirmed */
	ISN_MANY = 64, /* more than two numbers were said to be it */
};

static inline bool has_isn_bit(const struct flow *f, int end, enum isn_bit bit)
{
	return f->isn_known & (bit << end);
}

/* The opener accepts the only number that the other end was said to begin with. */
static inline bool is_handshake_end(const struct flow *f, const struct packet *p)
{
	int other = !p->head.dir;

	return p->head.dir == f->opener && (p->head.tcp_flags & DPI_TCP_ACK) &&
	       !(p->head.tcp_flags & DPI_TCP_SYN) && has_isn_bit(f, other, ISN_KNOWN) &&
	       !has_isn_bit(f, other, ISN_OTHER) && !has_isn_bit(f, other, ISN_MANY) &&
	       p->head.ack == f->isn[other] + 1;
}

/* One more packet of a flow that goes on: for those, nothing but counting and track_on() would
 * change anything. */
static inline bool track_goes_on(const struct flow *f, const struct packet *p, uint64_t now_ns)
{
	const struct frame_hint *hint = &p->frame->hint;

	return !(p->head.tcp_flags & (DPI_TCP_SYN | DPI_TCP_FIN | DPI_TCP_RST)) &&
	       !(f->is_over | f->is_verdict) && !(hint->has_isn | hint->has_other_isn) &&
	       (now_ns - f->last_ns <= DPI_VERDICT_IDLE_NS || !flow_is_idle(f, now_ns));
}

/* What such a packet of TCP says of its end. */
static inline void track_on(struct flow *f, const struct packet *p)
{
	int end = p->head.dir;

	if (!f->ttl[end])
		sound_note(f, p);
	else if (f->ttl[end] < p->ttl)
		f->ttl[end] = p->ttl;
	if (!has_isn_bit(f, !end, ISN_SURE) && is_handshake_end(f, p))
		f->isn_known |= (uint8_t)(ISN_SURE << !end);
	f->tcp_flags[end] |= p->head.tcp_flags;
}

/* In front of all that may show the flow to somebody. */
static inline void track_count(struct engine *e, struct flow *f, const struct packet *p)
{
	int end = p->head.dir;

	flow_table_touch(e->flows, f, e->now_ns);
	f->packets[end]++;
	f->bytes[end] += p->frame->wire_len;
}

/* Behind all that asks whether there was payload before. */
static inline void track_count_payload(struct flow *f, const struct packet *p)
{
	int end = p->head.dir;

	if (p->head.payload_len)
		f->payload[end] += f->payload[end] < UINT16_MAX;
}

/* The flow of a packet for which the one that was found (f; NULL: none) does not just go on. NULL
 * when out of memory. */
struct flow *track_turn(struct engine *e, struct flow *f, const struct packet *p, uint64_t hash);

/* The flow of a packet, opened when it is new, with the packet counted; NULL when out of memory. */
dpi_inline struct flow *track_packet(struct engine *e, const struct packet *p)
{
	uint64_t hash = p->table_hash ? p->table_hash
				      : flow_table_hash(e->flows, &p->head.key, p->hash);
	struct flow *f = flow_table_find_hashed(e->flows, &p->head.key, hash);

	if (!f || !track_goes_on(f, p, e->now_ns))
		return track_turn(e, f, p, hash);
	track_count(e, f, p);
	if (p->head.key.proto == DPI_IP_TCP)
		track_on(f, p);
	track_count_payload(f, p);
	return f;
}

#endif
