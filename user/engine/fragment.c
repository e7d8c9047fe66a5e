/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's side way for IP fragments. A door has put them together (packet/defrag.h); here
 * the datagram takes the road in place of the piece that completed it, and every other piece shares
 * its flow's fate. What contradicts another piece or hides its ports does not pass while any rule
 * blocks something (RFC 5722, RFC 1858). It must never take a piece for a packet of its own twice.
 */
#include "engine/road.h"

static void refuse(struct engine *e, const struct packet *p, struct outcome *o)
{
	if (!policy_blocks(e->config.policy) || o->action == DPI_DROP)
		return;
	e->count.dropped_fragments++;
	road_drop(e, p, o->flow, 0, o);
}

/* A piece that is no datagram yet, of a flow that its first piece has named. */
static void take_piece(struct engine *e, const struct packet *p, struct outcome *o)
{
	struct packet piece = *p;

	piece.head.key = p->frame->fragment->key;
	piece.head.dir = p->frame->fragment->dir;
	piece.head.payload_len = 0;
	piece.head.tcp_flags = 0;
	piece.payload.len = 0;
	piece.is_cut = false;
	piece.hash = dpi_key_hash(&piece.head.key);
	piece.table_hash = 0;
	road_packet(e, &piece, o);
}

/* The same datagram as a receiver reads it for whom the last of two pieces counts: its bytes are
 * inspected, but it is no frame of its own. */
static void take_other_view(struct engine *e, const struct packet *p, struct outcome *o)
{
	struct packet other;
	struct finding x = {.engine = e, .packet = &other};

	if (packet_decode_whole(p->frame, p->frame->fragment->whole[1], &other) != DPI_PARSE_OK)
		return;
	x.flow = flow_table_find(e->flows, &other.head.key, other.hash);
	if (!x.flow || x.flow->is_verdict)
		return;
	judge_flag(e, x.flow, FLOW_AMBIGUOUS);
	inspect_packet(&x);
	if (!x.block.rule && !x.message.rule)
		return;
	if (x.block.rule)
		judge_block(e, x.flow, x.block);
	road_drop(e, p, x.flow, x.block.rule ? x.block.rule : x.message.rule, o);
}

void fragment_take(struct engine *e, const struct packet *p, struct outcome *o)
{
	const struct frame_fragment *fragment = p->frame->fragment;
	bool has_ports = o->parse == DPI_PARSE_OK;
	struct packet whole;

	if (fragment && fragment->whole[0].len &&
	    packet_decode_whole(p->frame, fragment->whole[0], &whole) == DPI_PARSE_OK) {
		road_packet(e, &whole, o);
		if (fragment->whole[1].len)
			take_other_view(e, p, o);
	} else if (has_ports) {
		road_packet(e, p, o);
	} else if (fragment && fragment->has_flow) {
		take_piece(e, p, o);
	} else {
		road_alone(e, p, o);
	}
	if (o->flow && !(o->flow->flags & FLOW_FRAGMENTED))
		judge_flag(e, o->flow, FLOW_FRAGMENTED);
	if (o->parse == DPI_PARSE_TINY || (fragment && fragment->is_refused))
		refuse(e, p, o);
}
