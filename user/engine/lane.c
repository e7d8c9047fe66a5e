/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's reader of TCP: segments go into the lanes of their direction (flow_table.h),
 * and every view of a lane is shown to the extractors in play. It must never take one answer as the
 * last: a first segment may turn out not to be the first, two segments may disagree, a handshake
 * may be a decoy. A name in any view counts.
 *
 * In each view parse_off is where the message under way begins, and in_play says which extractors
 * it has not ruled out. Standard: RFC 9293 3.4, 3.8.5.
 */
#include "engine/road.h"

#include <errno.h>
#include <stdlib.h>

enum { WINDOW = DPI_BUDGET_BYTES };
#define ALL_IN_PLAY ((uint16_t)((1U << EXTRACT_COUNT) - 1))
_Static_assert(EXTRACT_COUNT <= 16, "a bit an extractor");

static void lane_reset(struct flow_lane *lane, int view)
{
	lane->parse_off[view] = 0;
	lane->in_play[view] = ALL_IN_PLAY;
	lane->pending &= (uint8_t) ~(1U << view);
}

static uint32_t lane_base(const struct flow_lane *lane)
{
	return stream_base(lane->stream);
}

/* Notes that a side has said hello. A ServerHello holds neither a name nor the want of one. */
static void note_hello(struct finding *x, const struct flow_lane *lane, const struct clue *clue)
{
	struct flow_side *side = x->flow->side[x->packet->head.dir];

	if (clue->proto == PROTO_TLS && lane && lane == side->lane &&
	    (clue->name_count || (clue->flags & CLUE_NO_NAME)))
		side->has_hello = true;
}

/*
 * Once what follows a hello can be no other hello, notes where the bytes end that show it, so that
 * the server's acknowledgement of them is known when it comes.
 */
static void note_hello_over(struct flow_side *side)
{
	const struct flow_lane *lane = &side->lane[0];

	if (side->has_hello && !side->is_hello_over && lane->stream && !lane->in_play[0]) {
		side->is_hello_over = true;
		side->hello_over = stream_next_seq(lane->stream);
	}
}

/* Takes a message that was found in a view and moves to what follows it. */
static void take_message(struct finding *x, struct flow_lane *lane, int view, int extractor,
			 const struct clue *clue)
{
	static const uint16_t then_in_play[] = {
		[CLUE_THEN_SAME] = 0, [CLUE_THEN_ANY] = ALL_IN_PLAY, [CLUE_THEN_END] = 0};

	judge_clue(x, clue);
	lane->has_message |= view == 0;
	note_hello(x, lane, clue);
	lane->in_play[view] = then_in_play[clue->then];
	/* A message of no bytes would be found again for ever. */
	if (clue->then == CLUE_THEN_SAME && clue->consumed)
		lane->in_play[view] = (uint16_t)(1U << extractor);
	if (!clue->consumed)
		lane->in_play[view] = 0;
	lane->parse_off[view] += (uint32_t)clue->consumed;
}

/* Shows the message at parse_off to every extractor in play. Returns whether one found it. */
static bool try_message(struct finding *x, struct flow_lane *lane, int view, struct slice rest)
{
	struct clue clue;

	lane->pending &= (uint8_t) ~(1U << view);
	judge_begin(x, &clue);
	for (uint32_t left = lane->in_play[view]; left; left &= left - 1) {
		int i = __builtin_ctz(left);

		x->ctx.flow_proto = x->flow->proto;
		switch (extract_table[i].transports & EXTRACT_STREAM
				? extract_table[i].try(rest, &x->ctx, &clue)
				: EXTRACT_NOT_MINE) {
		case EXTRACT_NOT_MINE: /* which leaves the clue as it was */
			lane->in_play[view] &= (uint16_t) ~(1U << i);
			break;
		case EXTRACT_NEED_MORE:
			if (clue.proto != PROTO_NONE) {
				lane->pending |= (uint8_t)(1U << view);
				judge_clue(x, &clue);
			}
			judge_begin(x, &clue);
			break;
		case EXTRACT_FOUND: take_message(x, lane, view, i, &clue); return true;
		}
	}
	return false;
}

/* Reads on in one view as far as its bytes go. Returns whether a message was found. */
static bool read_view(struct finding *x, struct flow_lane *lane, int view, struct slice bytes)
{
	bool is_found = false;

	while (lane->in_play[view] && lane->parse_off[view] < bytes.len) {
		if (!try_message(x, lane, view, slice_from(bytes, lane->parse_off[view])))
			break;
		is_found = true;
	}
	return is_found;
}

/* The protocols that may begin in the midst of a connection, at the border of a segment. */
static uint16_t border_extractors(void)
{
	unsigned bits = 0;

	for (int i = 0; i < EXTRACT_COUNT; i++)
		if (extract_table[i].proto == PROTO_TLS || extract_table[i].proto == PROTO_HTTP)
			bits |= 1U << i;
	return (uint16_t)bits;
}

/* Reads bytes as a message of their own, beside the lane and its state. */
static void read_beside(struct finding *x, struct slice bytes, uint16_t in_play)
{
	struct flow_lane alone = {.in_play[0] = in_play};

	read_view(x, &alone, 0, bytes);
}

void lane_read_alone(struct finding *x, struct slice bytes)
{
	read_beside(x, bytes, ALL_IN_PLAY);
}

/*
 * Nothing has been recognised of this end and nothing is in play: the connection may have begun
 * before the capture, or speak another protocol first (STARTTLS). A message that begins where this
 * segment begins is then read on from there.
 */
static void try_border(struct finding *x, struct flow_lane *lane, uint32_t seq, int change)
{
	const struct flow *f = x->flow;
	struct slice view = stream_view(lane->stream, 0);
	uint32_t at = seq - lane_base(lane);

	if ((f->proto == PROTO_NONE || f->is_plain ||
	     (!lane->has_message && x->packet->head.dir == f->opener)) &&
	    !lane->in_play[0] && (change & STREAM_GREW) && at && at < view.len) {
		lane->parse_off[0] = lane->border = at;
		lane->in_play[0] = border_extractors();
		read_view(x, lane, 0, view);
	}
	/* What cannot be put in order yet, or is one side of a contradiction, counts by itself. */
	if ((f->flags & FLOW_AMBIGUOUS) ||
	    (f->proto == PROTO_NONE && (f->flags & FLOW_MIDSTREAM) && !(change & STREAM_GREW)))
		read_beside(x, x->packet->payload, border_extractors());
}

/* The stream begins earlier than was thought: reads it again from there, and goes on where it was
 * when that says nothing. */
static void read_rebased(struct finding *x, struct flow_lane *lane, uint32_t old_base)
{
	size_t shift = (size_t)(int64_t)(int32_t)(old_base - lane_base(lane));

	for (int v = 0; v < STREAM_VIEWS; v++) {
		struct slice view = stream_view(lane->stream, v);
		size_t off = lane->parse_off[v];
		uint16_t in_play = lane->in_play[v];

		lane_reset(lane, v);
		if (read_view(x, lane, v, view) || lane->in_play[v] || off + shift > WINDOW)
			continue;
		lane->parse_off[v] = (uint32_t)(off + shift);
		lane->in_play[v] = in_play;
		read_view(x, lane, v, view);
	}
}

/* The lane a segment belongs to: 1 when it lies wholly outside the window of 0. */
static int lane_of(const struct flow *f, const struct flow_side *side, int end, uint32_t seq,
		   size_t len)
{
	const struct flow_lane *lane = &side->lane[0];
	bool has_isn = f->isn_known & (1 << end);
	int64_t at;

	if (!lane->stream && !has_isn)
		return 0;
	at = (int32_t)(seq - (lane->stream ? lane_base(lane) : f->isn[end] + 1));
	return at >= WINDOW || at + (int64_t)len <= (has_isn ? 0 : -WINDOW);
}

/*
 * True while a receiver may read the bytes in another place than lane 0: no handshake was seen
 * whole, or there were several. Else what lies outside the window reaches nobody, and may be from
 * somebody who wants the connection blocked.
 */
static bool is_lane1_open(const struct flow *f, int end)
{
	return !(f->isn_known & (16 << end)) || (f->isn_known & (4 << end)) || f->is_disputed;
}

/* Opens a lane where its handshake says, if that was seen. Returns 0 or -ENOMEM. */
static int open_lane(struct flow *f, struct flow_side *side, int end, int i)
{
	struct flow_lane *lane = &side->lane[i];

	if (lane->stream)
		return 0;
	if (flow_lane_open(f, end, i))
		return -ENOMEM;
	if (i != 1 && (f->isn_known & (1 << end)))
		stream_set_isn(lane->stream, f->isn[end]);
	if (i == 1 && (f->isn_known & (4 << end)))
		stream_set_isn(lane->stream, flow_rare(f)->other_isn[end]);
	for (int v = 0; v < STREAM_VIEWS; v++)
		lane_reset(lane, v);
	return 0;
}

/*
 * True for what nobody will read any more: the answers of an end that is the responder for certain,
 * of a protocol that was recognised, when nothing is in play there. Where its bytes are goes on to
 * tell which acknowledgements can be true.
 */
static bool is_read_out(const struct finding *x, const struct flow_lane *lane)
{
	const struct flow *f = x->flow;
	int end = x->packet->head.dir;
	/* What the opener began with was accepted, and how this end begins is known. */
	unsigned handshake = 16U << !end | 1U << end;

	return end != f->opener && lane == &f->side[end]->lane[0] && f->has_syn &&
	       (f->isn_known & handshake) == handshake && !lane->in_play[0] &&
	       f->proto != PROTO_NONE && !f->is_plain && !f->is_disputed &&
	       !(f->flags & FLOW_AMBIGUOUS);
}

/*
 * The first segment of an answer is read where it is, and is not kept when that is all there is to
 * read. Returns whether it was.
 */
static bool read_in_place(struct finding *x, struct flow_lane *lane, uint32_t seq)
{
	struct slice bytes = x->packet->payload;

	if (x->packet->head.dir == x->flow->opener || lane->parse_off[0] ||
	    stream_next_seq(lane->stream) != lane_base(lane) || seq != lane_base(lane))
		return false;
	read_view(x, lane, 0, slice_first(bytes, WINDOW));
	if (is_read_out(x, lane))
		stream_hollow(lane->stream);
	return true;
}

/* Puts a segment in order in one lane and reads what has become readable. */
static int read_lane(struct finding *x, struct flow_side *side, int i, uint32_t seq)
{
	struct flow_lane *lane = &side->lane[i];
	bool is_read = false;
	uint32_t old_base;
	int change, views;

	if (open_lane(x->flow, side, x->packet->head.dir, i))
		return -ENOMEM;
	if (i == 0)
		is_read = read_in_place(x, lane, seq);
	old_base = lane_base(lane);
	change = stream_add(lane->stream, seq, x->packet->payload);
	if (change < 0)
		return change;
	if (stream_is_over(lane->stream) && !lane->is_over) {
		lane->is_over = true;
		x->engine->count.stream_over++;
	}
	if (change & STREAM_CONFLICT) {
		judge_flag(x->engine, x->flow, FLOW_AMBIGUOUS);
		for (int v = 1; v < STREAM_VIEWS; v++)
			lane_reset(lane, v);
	}
	if (change & STREAM_REBASED)
		read_rebased(x, lane, old_base);
	views = change && !is_read ? stream_view_count(lane->stream) : 0;
	for (int v = 0; v < views; v++)
		if (lane->in_play[v])
			read_view(x, lane, v, stream_view(lane->stream, v));
	try_border(x, lane, seq, change);
	for (int v = 0; v < views && side->urgent_count; v++)
		urgent_read(x, side, lane_base(lane), stream_view(lane->stream, v), lane->border);
	return 0;
}

/*
 * A segment that the receiver would refuse: from now on there is a lane without such ones. All that
 * came before was sound, so it begins as a copy of lane 0, all its views.
 */
static void open_sound_lanes(struct flow_side *side)
{
	if (side->has_unsound)
		return;
	side->has_unsound = true;
	side->has_lanes = true;
	for (int i = FLOW_LANE_SOUND; i <= FLOW_LANE_NEAR && side->lane[0].stream; i++) {
		side->lane[i] = side->lane[0];
		side->lane[i].stream = stream_copy(side->lane[0].stream);
	}
}

/* The doubts about a segment; none about the other end's, which names nothing. */
static unsigned doubts_about(struct finding *x, const struct flow_side *side, uint32_t seq)
{
	struct flow *f = x->flow;
	const struct stream *s = side->lane[side->has_unsound ? FLOW_LANE_SOUND : 0].stream;

	if (x->packet->head.dir != f->opener)
		return 0;
	return sound_doubts(f, x->packet, s && (int32_t)(stream_next_seq(s) - seq) >= 0);
}

/* Puts a segment into the lanes that its doubts leave open. */
static int read_sound_lanes(struct finding *x, struct flow_side *side, unsigned doubts,
			    uint32_t seq)
{
	int err = 0;

	if (!(doubts & SOUND_REFUSED))
		err = read_lane(x, side, FLOW_LANE_SOUND, seq);
	if (!err && !doubts)
		err = read_lane(x, side, FLOW_LANE_NEAR, seq);
	return err;
}

/* A byte of anything in place of the last one sent, with no message under way: some systems ask so
 * whether the other end is still there (RFC 9293 3.8.4), and it is nothing that disagrees. */
static bool is_keep_alive(const struct flow *f, const struct flow_side *side,
			  const struct packet *p, uint32_t seq)
{
	const struct flow_lane *lane = &side->lane[0];

	/* Not where something was out of order before: then it may be a piece of a trick. */
	return p->payload.len == 1 && !side->has_unsound && !(f->flags & FLOW_AMBIGUOUS) &&
	       lane->stream && seq + 1 == stream_next_seq(lane->stream) &&
	       lane->parse_off[0] >= stream_view(lane->stream, 0).len && lane->has_message;
}

bool lane_pass(struct finding *x, struct flow_side *side)
{
	const struct packet *p = x->packet;
	const struct flow *f = x->flow;
	const struct flow_lane *lane = &side->lane[0];
	int end = p->head.dir;

	/* Nothing of it can be in doubt or in another lane, and nobody reads it. */
	return lane_is_hollow(side) && end != f->opener && f->proto != PROTO_NONE && !f->is_plain &&
	       !(f->flags & FLOW_AMBIGUOUS) && !is_lane1_open(f, end) && !side->has_hello &&
	       !(p->head.tcp_flags & (DPI_TCP_SYN | DPI_TCP_URG)) && p->payload.len &&
	       (lane->is_over || !stream_is_over(lane->stream)) &&
	       stream_pass(lane->stream, p->head.seq, p->payload.len);
}

int lane_read(struct finding *x, struct flow_side *side)
{
	const struct packet *p = x->packet;
	int end = p->head.dir, i, err;
	unsigned doubts;
	/* A SYN takes a sequence number of its own in front of its data. */
	uint32_t seq = p->head.seq + (p->head.tcp_flags & DPI_TCP_SYN ? 1 : 0);

	if (is_keep_alive(x->flow, side, p, seq))
		return 0;
	doubts = doubts_about(x, side, seq);
	if (p->head.tcp_flags & DPI_TCP_URG)
		urgent_note(side, p, seq, !doubts);
	if (!p->payload.len)
		return 0;
	if (doubts)
		open_sound_lanes(side);
	i = lane_of(x->flow, side, end, seq, p->payload.len);
	if (i && !is_lane1_open(x->flow, end)) {
		x->engine->count.stream_over++;
		return 0;
	}
	err = read_lane(x, side, i, seq);
	if (!err && i == 0 && (x->flow->isn_known & (1 << end)) && is_lane1_open(x->flow, end))
		err = read_lane(x, side, 1, seq);
	if (!err && i == 0 && side->has_unsound)
		err = read_sound_lanes(x, side, doubts, seq);
	note_hello_over(side);
	return err;
}

bool lane_is_pending(const struct flow_side *side)
{
	for (int l = 1; side->has_lanes && l < FLOW_LANES; l++)
		if (side->lane[l].stream && side->lane[l].pending)
			return true;
	return side->lane[0].stream && side->lane[0].pending;
}
