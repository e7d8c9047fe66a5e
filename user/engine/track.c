/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's bookkeeping: which flow a packet belongs to, when a flow begins and ends, and
 * how far a TCP handshake has come (RFC 9293 3.5, 3.6); of packets that are ordinary, track.h. It
 * must never let RST, FIN or a SYN take a verdict back or end inspection: anyone on the way can
 * send those.
 */
#include "engine/track.h"

#include <errno.h>

#define DRAIN_LATE_NS 60000000000ULL

/* Keeps a number beside the one that is known; without memory it is one of many. */
static void note_other_isn(struct flow *f, int end, uint32_t isn)
{
	struct flow_rare *rare = flow_rare_open(f);

	if (rare) {
		f->isn_known |= (uint8_t)(ISN_OTHER << end);
		rare->other_isn[end] = isn;
	} else {
		f->isn_known |= (uint8_t)(ISN_MANY << end);
	}
}

static bool is_other_isn(const struct flow *f, int end, uint32_t isn)
{
	return has_isn_bit(f, end, ISN_OTHER) && flow_rare(f)->other_isn[end] == isn;
}

/*
 * Somebody says that the connection began with another number: either may be false, so lane 1 is
 * read from there; of several, from wherever lane 0 does not reach.
 */
static void dispute_isn(struct flow *f, int end, uint32_t isn)
{
	struct flow_side *side = f->side[end];

	f->is_disputed = true;
	if (has_isn_bit(f, end, ISN_MANY) || is_other_isn(f, end, isn))
		return;
	if (has_isn_bit(f, end, ISN_OTHER)) {
		f->isn_known &= (uint8_t) ~(ISN_OTHER << end);
		f->isn_known |= (uint8_t)(ISN_MANY << end);
	} else {
		note_other_isn(f, end, isn);
	}
	if (side) {
		stream_free(side->lane[1].stream);
		side->lane[1] = (struct flow_lane){.stream = NULL};
	}
}

static void set_isn(struct flow *f, int end, uint32_t isn)
{
	f->isn_known |= (uint8_t)(ISN_KNOWN << end);
	f->isn[end] = isn;
	if (f->side[end] && f->side[end]->lane[0].stream)
		stream_set_isn(f->side[end]->lane[0].stream, isn);
}

/* Takes a number that a SYN gives for its sender. Of several the first stays, and the last is kept
 * beside it; a confirmed one stands against all. */
static void note_isn(struct flow *f, int end, uint32_t isn)
{
	if (!has_isn_bit(f, end, ISN_KNOWN)) {
		set_isn(f, end, isn);
	} else if (f->isn[end] != isn && !f->payload[end] && !has_isn_bit(f, end, ISN_SURE)) {
		note_other_isn(f, end, isn);
	}
}

/*
 * Takes a number that the other end has accepted. Anybody can send a SYN-ACK out of nothing: it
 * counts when such a SYN was seen, or none at all; and against one that was confirmed before, it
 * only raises a dispute.
 */
static void confirm_isn(struct flow *f, int end, uint32_t isn)
{
	bool is_same = has_isn_bit(f, end, ISN_KNOWN) && f->isn[end] == isn;

	if (is_same) {
		f->isn_known |= (uint8_t)(ISN_SURE << end);
	} else if (has_isn_bit(f, end, ISN_SURE) || f->payload[end]) {
		dispute_isn(f, end, isn);
	} else if (is_other_isn(f, end, isn)) {
		f->isn_known &= (uint8_t) ~(ISN_OTHER << end);
		f->isn_known |= (uint8_t)(ISN_SURE << end);
		set_isn(f, end, isn);
	} else if ((f->tcp_flags[end] & DPI_TCP_SYN) && !has_isn_bit(f, end, ISN_OTHER)) {
		dispute_isn(f, end, isn);
	} else { /* one of several SYNs, not all of which are kept, or one that was not seen */
		f->isn_known |= (uint8_t)(ISN_SURE << end);
		set_isn(f, end, isn);
	}
}

/* A RST that its receiver takes has the number it waits for (RFC 5961 3.2). Where nothing more is
 * read, any may be that one. */
static bool is_reset_taken(struct flow *f, const struct packet *p)
{
	int end = p->head.dir;
	const struct flow_side *side = f->side[end];

	if (f->is_settled || !sound_handshake(f, p))
		return f->is_settled;
	if (side && (side->is_done || side->lane[1].stream))
		return true;
	if (side && side->lane[0].stream)
		return p->head.seq == stream_next_seq(side->lane[0].stream);
	/* Nothing was sent: the first number, or none is known. An answer to a SYN has none. */
	return !has_isn_bit(f, end, ISN_KNOWN) || p->head.seq == f->isn[end] + 1 || !p->head.seq;
}

static void follow_tcp(struct flow *f, const struct packet *p)
{
	const struct frame_hint *hint = &p->frame->hint;
	uint8_t flags = p->head.tcp_flags;
	int end = p->head.dir;

	if ((flags & DPI_TCP_SYN) && f->is_over && f->payload[end] &&
	    !(has_isn_bit(f, end, ISN_KNOWN) && f->isn[end] == p->head.seq))
		dispute_isn(f, end, p->head.seq);
	else if (flags & DPI_TCP_SYN)
		note_isn(f, end, p->head.seq);
	else if (hint->has_isn && has_isn_bit(f, end, ISN_KNOWN) && f->isn[end] != hint->isn)
		dispute_isn(f, end, hint->isn);
	else if (hint->has_isn && hint->is_isn_sure)
		confirm_isn(f, end, hint->isn);
	else if (hint->has_isn)
		note_isn(f, end, hint->isn);
	if (hint->has_other_isn && !has_isn_bit(f, !end, ISN_KNOWN))
		note_isn(f, !end, hint->other_isn);
	if ((flags & DPI_TCP_SYN) && (flags & DPI_TCP_ACK) && !(f->has_syn && end == f->opener))
		confirm_isn(f, !end, p->head.ack - 1);
	else if (is_handshake_end(f, p))
		f->isn_known |= (uint8_t)(ISN_SURE << !end);
	f->tcp_flags[end] |= flags;
	if (f->tcp_flags[0] & f->tcp_flags[1] & DPI_TCP_FIN)
		f->is_closed = f->is_over = true;
	if (flags & DPI_TCP_RST) {
		f->is_closed = true;
		f->is_over |= is_reset_taken(f, p);
	}
}

/* A SYN-ACK that accepts another connection than the one that f has been reading. */
static bool is_accepted_anew(const struct flow *f, const struct packet *p)
{
	int opener = f->opener & 1;

	return (p->head.tcp_flags & DPI_TCP_SYN) && (p->head.tcp_flags & DPI_TCP_ACK) &&
	       p->head.dir != opener && f->payload[opener] && (f->isn_known & (1 << opener)) &&
	       f->isn[opener] != p->head.ack - 1;
}

/* Some message of that end may be incomplete: a false handshake is not to make it forgotten. */
static bool is_under_way(const struct flow *f, int end)
{
	const struct flow_side *side = f->side[end];

	return side && side->lane[0].stream && side->lane[0].in_play[0];
}

/* Bytes of that end wait for more. */
static bool is_amid(const struct flow *f, int end)
{
	const struct flow_side *side = f->side[end];

	return is_under_way(f, end) &&
	       side->lane[0].parse_off[0] < stream_view(side->lane[0].stream, 0).len;
}

/*
 * A blocked connection that was silent for a minute makes room for another on its ports: for a SYN,
 * or for what a door that shows no SYN says is another's. Nothing else of it passes so soon, for
 * TCP sends again what was dropped.
 */
static bool is_block_over(const struct flow *f, const struct packet *p)
{
	const struct frame_hint *hint = &p->frame->hint;
	int end = p->head.dir;
	uint64_t now_ns = p->frame->ts_ns;

	if (now_ns <= f->last_ns || now_ns - f->last_ns <= DPI_VERDICT_IDLE_NS)
		return false;
	if (p->head.tcp_flags & DPI_TCP_SYN)
		return !(p->head.tcp_flags & DPI_TCP_ACK);
	return hint->has_isn && has_isn_bit(f, end, ISN_KNOWN) && f->isn[end] != hint->isn;
}

/* A packet that cannot belong to f: f is over, unblocked, and began with another number. */
static bool begins_anew(struct flow *f, const struct packet *p)
{
	const struct frame_hint *hint = &p->frame->hint;
	int end = p->head.dir;

	if (f->key.proto != DPI_IP_TCP)
		return false;
	if (f->is_verdict)
		return is_block_over(f, p);
	/* A door that hands on no handshake has seen it, and says which connection this is. */
	if (hint->has_isn && has_isn_bit(f, end, ISN_KNOWN) && f->isn[end] != hint->isn)
		return !(p->head.tcp_flags & DPI_TCP_SYN) &&
		       (hint->is_isn_sure || !is_under_way(f, end));
	if (is_accepted_anew(f, p))
		return !is_under_way(f, f->opener & 1);
	if (!f->is_over || !sound_handshake(f, p))
		return false;
	if (!(p->head.tcp_flags & DPI_TCP_SYN) || (p->head.tcp_flags & DPI_TCP_ACK))
		return false;
	if (has_isn_bit(f, end, ISN_KNOWN) && f->isn[end] == p->head.seq)
		return false;
	/* The end may be as false as this beginning: then both are read. */
	return !is_amid(f, end);
}

static bool is_midstream(const struct packet *p)
{
	return p->head.key.proto == DPI_IP_TCP && !(p->head.tcp_flags & DPI_TCP_SYN) &&
	       !p->frame->hint.has_isn;
}

/* Keeps whose packets carry those of a new flow. Returns 0 or -ENOMEM. */
static int note_tunnel(struct flow *f, const struct packet *p)
{
	struct flow_rare *rare = p->tunnel ? flow_rare_open(f) : NULL;

	if (!rare)
		return p->tunnel ? -ENOMEM : 0;
	rare->tunnel = p->tunnel;
	rare->tunnel_depth = p->tunnel_depth;
	rare->outer_proto = p->outer_proto;
	rare->outer_port = p->outer_port;
	rare->outer[p->head.dir] = p->outer[0];
	rare->outer[!p->head.dir] = p->outer[1];
	f->flags |= FLOW_TUNNELLED;
	return 0;
}

static struct flow *open_flow(struct engine *e, const struct packet *p, uint64_t hash)
{
	const struct frame_hint *hint = &p->frame->hint;
	struct event event = {.type = EVENT_FLOW_OPENED};
	struct flow *f;

	f = flow_table_open_hashed(e->flows, &p->head.key, hash, e->now_ns);
	e->count.flows_evicted = flow_table_evicted(e->flows);
	if (!f) {
		e->count.flows_refused++;
		return NULL;
	}
	e->count.flows_opened++;
	f->opener = hint->has_opener && hint->opener < 2 ? hint->opener
							 : dpi_opener_guess(&p->head);
	f->first_number = p->frame->number;
	f->app = APP_UNKNOWN;
	if (is_midstream(p))
		f->flags |= FLOW_MIDSTREAM;
	if (note_tunnel(f, p)) { /* without it the rules would not know whose it is */
		e->count.flows_refused++;
		flow_table_close(e->flows, f);
		return NULL;
	}
	f->decision = judge_ends(e, f);
	event.flow = f;
	judge_emit(e, &event);
	if (f->decision.is_block)
		judge_block(e, f, f->decision);
	else
		hearsay_learn(e, f);
	return f;
}

/*
 * A SYN-ACK out of nothing makes the wrong end look like the opener; the first SYN puts that right,
 * and the rules that ask who opened are asked again.
 */
static void note_opener(struct engine *e, struct flow *f, const struct packet *p)
{
	struct decision d;

	if (f->has_syn || !(p->head.tcp_flags & DPI_TCP_SYN) || (p->head.tcp_flags & DPI_TCP_ACK))
		return;
	f->has_syn = true;
	if (f->opener == p->head.dir || f->payload[0] || f->payload[1] || f->is_verdict)
		return;
	f->opener = p->head.dir;
	d = judge_ends(e, f);
	f->decision = d;
	if (d.is_block)
		judge_block(e, f, d);
	else
		hearsay_learn(e, f);
}

enum flow_state track_beginning(const struct flow *f)
{
	bool is_two_way = f->packets[0] && f->packets[1];

	/* TCP: the opener's ACK ends the handshake. */
	if (f->key.proto == DPI_IP_TCP)
		is_two_way = (is_two_way && (f->tcp_flags[f->opener] & DPI_TCP_ACK)) ||
			     f->payload[0] || f->payload[1];
	return is_two_way ? FLOW_ESTABLISHED : FLOW_NEW;
}

bool track_is_gone(struct engine *e, struct flow *f, uint64_t now_ns)
{
	uint64_t seen_ns;

	if (!flow_is_idle(f, now_ns))
		return false;
	if (!e->config.last_seen ||
	    !e->config.last_seen(e->config.last_seen_ctx, &f->key, &seen_ns) ||
	    seen_ns <= f->last_ns)
		return true;
	flow_table_touch(e->flows, f, seen_ns);
	return flow_is_idle(f, now_ns);
}

/* The flow of a packet for which the one that was found may be over, or there is none. */
static struct flow *begin(struct engine *e, struct flow *f, const struct packet *p, uint64_t hash)
{
	bool is_disputed = false;

	if (f && track_is_gone(e, f, e->now_ns)) {
		flow_table_close(e->flows, f);
		e->count.flows_expired++;
		f = NULL;
	}
	if (f && begins_anew(f, p)) {
		is_disputed = !f->is_closed && !f->is_verdict && !p->frame->hint.has_isn;
		e->count.flows_expired += f->is_verdict;
		flow_table_close(e->flows, f);
		f = NULL;
	}
	if (!f)
		f = open_flow(e, p, hash);
	if (f)
		f->is_disputed |= is_disputed;
	return f;
}

struct flow *track_turn(struct engine *e, struct flow *f, const struct packet *p, uint64_t hash)
{
	f = begin(e, f, p, hash);
	if (!f)
		return NULL;
	track_count(e, f, p);
	if (f->key.proto == DPI_IP_TCP) {
		sound_note(f, p);
		note_opener(e, f, p);
		follow_tcp(f, p);
	}
	track_count_payload(f, p);
	return f;
}

/*
 * A flow that nobody uses gives its memory back while others are busy. That must not change what
 * becomes of its own frames: so the clock follows the frames by at most a second each (one frame
 * from the year 2100 ages nobody), and a flow goes a minute after its own next frame would have
 * found it gone.
 */
void track_drain(struct engine *e)
{
	struct flow *f;

	if (e->clock_ns <= DRAIN_LATE_NS)
		return;
	f = e->cursor ? e->cursor : flow_table_oldest(e->flows);
	if (!f)
		return;
	e->cursor = flow_table_newer(e->flows, f);
	if (track_is_gone(e, f, e->clock_ns - DRAIN_LATE_NS)) {
		flow_table_close(e->flows, f);
		e->count.flows_expired++;
	}
}
