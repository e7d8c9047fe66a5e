/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's inspection: payload of a flow is read, on any port and in both directions,
 * until its budget ends or nothing can change what was found. It must never end for what one end
 * alone says: an innocent name may be a decoy, and RST or FIN may be false.
 *
 * TCP goes through lane.c; a datagram is a message of its own, and the pieces of handshakes in it
 * go through pieces.c.
 */
#include "engine/road.h"

#include <stdlib.h>

enum { NAMED_PASSED = 64, QUIC_LONG = 0x80 /* header form (RFC 9000 17.2) */ };

static bool is_dns_flow(const struct flow *f)
{
	return f->key.proto == DPI_IP_UDP &&
	       (f->proto == PROTO_DNS || f->proto == PROTO_MDNS || f->proto == PROTO_LLMNR);
}

/* The flow's own connection ids, or an empty set until there are some to keep: in the engine's
 * hands, for most flows have few of the many that there is room for. */
static struct ids *ids_of(struct engine *e, const struct flow *f)
{
	const struct ids *own = flow_ids(f);

	e->ids.count = e->ids.next = 0;
	if (own)
		memcpy(&e->ids, own, ids_size(own));
	return &e->ids;
}

/* Reads a datagram, which is a message of its own but for the pieces of handshakes in it, which are
 * left in the engine. Returns whether it ends inside one. */
static bool read_datagram(struct finding *x)
{
	bool has_ids = x->packet->payload.len && (x->packet->payload.at[0] & QUIC_LONG);
	struct engine *e = x->engine;
	bool is_pending = false;
	struct clue clue;

	/* Only packets with a long header ask for them, and few are such. */
	if (has_ids)
		x->ctx.ids = ids_of(e, x->flow);
	x->ctx.pieces = &e->pieces;
	e->pieces.count = 0;
	e->pieces.used = 0;
	e->pieces.is_over = false;
	judge_begin(x, &clue);
	for (uint32_t left = e->datagram_extractors; left; left &= left - 1) {
		int i = __builtin_ctz(left);
		enum extract_answer answer = extract_table[i].try(x->packet->payload, &x->ctx,
								  &clue);

		if (answer == EXTRACT_NOT_MINE) /* which leaves the clue as it was */
			continue;
		judge_clue(x, &clue);
		if (answer == EXTRACT_FOUND)
			break;
		is_pending |= clue.proto != PROTO_NONE;
		judge_begin(x, &clue);
	}
	if (has_ids && e->ids.count)
		flow_keep_ids(x->flow, &e->ids);
	return is_pending;
}

static bool is_spent(const struct flow_side *side)
{
	return side->units >= DPI_BUDGET_UNITS || side->bytes >= DPI_BUDGET_BYTES;
}

static void charge(struct flow_side *side, uint32_t len)
{
	side->units += len > DPI_UNIT_BYTES ? DPI_UNIT_BYTES : len + !len;
	side->bytes += len < DPI_BUDGET_BYTES ? len : DPI_BUDGET_BYTES;
}

/* The budget of one direction has ended: what it held is freed; without a name, the flow is
 * undecided once the end that would have named it cannot do so any more. */
static void end_side(struct engine *e, struct flow *f, int end)
{
	struct flow_side *side = f->side[end], *other = f->side[!end];

	side->is_done = true;
	e->count.spent++;
	flow_side_clear(side);
	side->is_pending = false;
	f->is_pending = other && other->is_pending;
	if (!f->name_count && (end == f->opener || !f->payload[!end] || (other && other->is_done)))
		judge_flag(e, f, FLOW_UNDECIDED);
	if (other && other->is_done)
		inspect_settle(e, f);
}

/*
 * True once the other end has answered a hello and acknowledged it and what came behind it, and
 * that was no other hello: from then on nobody takes another one in its place, and what was found
 * stands. Where segments disagree, nobody can know what was acknowledged.
 */
static bool is_hello_taken(const struct flow *f, const struct packet *p)
{
	int end = p->head.dir;
	const struct flow_side *asked = f->side[!end];

	return f->key.proto == DPI_IP_TCP && asked && asked->is_hello_over && f->payload[end] &&
	       !(f->flags & FLOW_AMBIGUOUS) && (p->head.tcp_flags & DPI_TCP_ACK) &&
	       asked->lane[0].stream && (int32_t)(p->head.ack - asked->hello_over) >= 0 &&
	       (int32_t)(stream_next_seq(asked->lane[0].stream) - p->head.ack) >= 0;
}

void inspect_free(struct engine *e, struct flow *f)
{
	flow_settle(f);
	e->held -= f->held;
	flow_table_hold(e->flows, f, 0);
}

void inspect_settle(struct engine *e, struct flow *f)
{
	struct event event = {.type = EVENT_SETTLED, .flow = f};

	if (f->is_settled)
		return;
	f->is_settled = true;
	f->is_pending = false;
	inspect_free(e, f);
	judge_emit(e, &event);
}

void inspect_weigh(struct engine *e, struct flow *f, struct flow_side *side)
{
	int lanes = side->has_lanes ? FLOW_LANES : side->is_stream;
	size_t held = 0;

	for (int l = 0; l < lanes; l++)
		if (side->lane[l].stream)
			held += stream_held(side->lane[l].stream);
	for (int i = 0; i < side->run_count; i++)
		held += stream_held(&side->run[i].stream);
	e->held += held - side->held;
	flow_table_hold(e->flows, f, f->held + (uint32_t)(held - side->held));
	side->held = (uint32_t)held;
}

/* Frees what a named flow holds of the responder's bytes. Returns whether there was any. */
static bool relieve_responder(struct engine *e, struct flow *f)
{
	struct flow_side *side = f->side[f->opener ? 0 : 1];

	if (!f->name_count || !side || !side->held)
		return false;
	side->is_done = true;
	flow_side_clear(side);
	side->is_pending = false;
	f->is_pending = f->side[f->opener & 1] && f->side[f->opener & 1]->is_pending;
	inspect_weigh(e, f, side);
	return true;
}

/*
 * Ends the inspection of flows that hold memory, those that took none for longest first, until the
 * rest fits: whoever opens many flows to fill it loses them before anybody else does. Of a flow
 * that was named, the answers go first: they are most of it, and names come with requests. The
 * requests go only when many such flows in a row have nothing else to give.
 */
static void relieve(struct engine *e, const struct flow *current)
{
	/* Some more than it takes, so that looking for who gives is not every frame's work. */
	size_t enough = e->config.held_max - e->config.held_max / 8;
	struct flow *f, *next;
	int passed = 0;

	if (e->held <= e->config.held_max)
		return;
	for (f = flow_table_holder(e->flows); f && e->held > enough; f = next) {
		next = flow_table_next_holder(e->flows, f);
		if (f == current)
			continue;
		if (relieve_responder(e, f)) {
			e->count.relieved++;
			continue;
		}
		if (f->name_count && passed++ < NAMED_PASSED) {
			flow_table_hold(e->flows, f, f->held); /* behind all others */
			continue;
		}
		e->count.relieved++;
		if (!f->name_count)
			judge_flag(e, f, FLOW_UNDECIDED);
		inspect_settle(e, f);
	}
}

/* What extractors are told beside the bytes. */
static void set_context(struct finding *x, enum extract_transport transport)
{
	const struct flow *f = x->flow;
	int end = x->packet->head.dir;

	x->ctx.transport = transport;
	x->ctx.src_port = dpi_be16(f->key.port[end]);
	x->ctx.dst_port = dpi_be16(f->key.port[!end]);
	x->ctx.is_opener = end == f->opener;
	x->ctx.flow_proto = f->proto;
	x->ctx.crypt = x->engine->crypt;
}

/* Ends a budget that is spent, or that of an end for which there was no memory. */
static void end_payload(struct finding *x, struct flow_side *side, bool has_changed, int err)
{
	struct engine *e = x->engine;

	if (err || is_spent(side)) {
		end_side(e, x->flow, x->packet->head.dir);
		has_changed = true;
	}
	if (has_changed && !x->flow->is_settled)
		inspect_weigh(e, x->flow, side);
}

static void inspect_segment(struct finding *x)
{
	struct flow *f = x->flow;
	int end = x->packet->head.dir, err;
	struct flow_side *side = f->side[end], *other = f->side[!end];
	bool is_hollow;

	if (!side)
		side = flow_side_open(f, end);
	if (!side || side->is_done)
		return;
	charge(side, x->packet->head.payload_len);
	is_hollow = lane_is_hollow(side);
	if (is_hollow && lane_pass(x, side)) {
		if (is_spent(side))
			end_payload(x, side, false, 0);
		return;
	}
	set_context(x, EXTRACT_STREAM);
	err = lane_read(x, side);
	side->is_pending = lane_is_pending(side);
	f->is_pending = side->is_pending || (other && other->is_pending);
	end_payload(x, side, !is_hollow, err);
}

/* Questions go on for ever on one 5-tuple, and each is decided for itself: they have no budget, and
 * need no state but for what else comes between them. */
static void inspect_datagram(struct finding *x)
{
	struct flow *f = x->flow;
	int end = x->packet->head.dir;
	struct extract_pieces *p = &x->engine->pieces;
	struct flow_side *side = f->side[end];
	bool is_pending, has_pieces;

	if (side && side->is_done)
		return;
	set_context(x, EXTRACT_DATAGRAM);
	is_pending = read_datagram(x);
	has_pieces = p->count || p->is_over;
	if (!side && (has_pieces || !is_dns_flow(f)))
		side = flow_side_open(f, end);
	if (side && has_pieces)
		is_pending |= pieces_take(x, side, p);
	f->is_pending = is_pending;
	if (side && !is_dns_flow(f)) {
		charge(side, x->packet->head.payload_len);
		end_payload(x, side, has_pieces, 0);
	} else if (side && has_pieces) {
		inspect_weigh(x->engine, f, side);
	}
}

static void inspect_payload(struct finding *x)
{
	if (x->flow->key.proto == DPI_IP_TCP)
		inspect_segment(x);
	else
		inspect_datagram(x);
	relieve(x->engine, x->flow);
}

static void inspect_open(struct finding *x)
{
	const struct packet *p = x->packet;
	struct flow *f = x->flow;

	if ((p->head.payload_len && (f->key.proto == DPI_IP_TCP || f->key.proto == DPI_IP_UDP)) ||
	    (p->head.tcp_flags & DPI_TCP_URG))
		inspect_payload(x);
	if (is_hello_taken(f, p))
		inspect_settle(x->engine, f);
}

void inspect_empty(struct engine *e, const struct packet *p, struct flow *f)
{
	if (is_hello_taken(f, p))
		inspect_settle(e, f);
}

void inspect_packet(struct finding *x)
{
	if (x->packet->is_cut) {
		x->engine->count.payload_cut++;
		judge_flag(x->engine, x->flow, FLOW_CUT);
	}
	if (!x->flow->is_settled)
		inspect_open(x);
	if (hearsay_is_due(x->flow))
		hearsay_judge(x);
}
