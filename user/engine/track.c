/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's bookkeeping: which flow a packet belongs to, when a flow begins and ends, and
 * how far a TCP handshake has come (RFC 9293 3.5, 3.6). It must never let RST, FIN or a SYN take
 * a verdict back or end inspection: anyone on the way can send those.
 */
#include "engine/road.h"

enum { DRAIN_EACH = 2 };
#define CLOCK_STEP_NS 1000000000ULL
#define DRAIN_LATE_NS 60000000000ULL

/* Takes an initial sequence number as known. Of several the first stays, and the last is kept
 * beside it. A SYN-ACK says which one its sender accepted, and that counts more. */
static void note_isn(struct flow *f, int end, uint32_t isn, bool is_confirmed)
{
	if (is_confirmed &&
	    (!f->payload[end] || ((f->isn_known & (1 << end)) && f->isn[end] == isn)))
		f->isn_known |= (uint8_t)(16 << end);
	if ((f->isn_known & (1 << end)) && (f->payload[end] || f->isn[end] == isn))
		return;
	if ((f->isn_known & (1 << end)) && !is_confirmed) {
		f->isn_known |= (uint8_t)(4 << end);
		f->other_isn[end] = isn;
		return;
	}
	f->isn_known |= (uint8_t)(1 << end);
	f->isn[end] = isn;
	if (f->side[end] && f->side[end]->lane[0].stream)
		stream_set_isn(f->side[end]->lane[0].stream, isn);
}

static void follow_tcp(struct flow *f, const struct packet *p)
{
	const struct frame_hint *hint = &p->frame->hint;
	uint8_t flags = p->head.tcp_flags;
	int end = p->head.dir;

	if (flags & DPI_TCP_SYN)
		note_isn(f, end, p->head.seq, false);
	else if (hint->has_isn)
		note_isn(f, end, hint->isn, hint->is_isn_sure);
	if ((flags & DPI_TCP_SYN) && (flags & DPI_TCP_ACK) && !(f->has_syn && end == f->opener))
		note_isn(f, !end, p->head.ack - 1, true);
	f->tcp_flags[end] |= flags;
	if ((flags & DPI_TCP_RST) || (f->tcp_flags[0] & f->tcp_flags[1] & DPI_TCP_FIN))
		f->is_closed = true;
}

/* A SYN-ACK that accepts another connection than the one that f has been reading. */
static bool is_accepted_anew(const struct flow *f, const struct packet *p)
{
	int opener = f->opener & 1;

	return (p->head.tcp_flags & DPI_TCP_SYN) && (p->head.tcp_flags & DPI_TCP_ACK) &&
	       p->head.dir != opener && f->payload[opener] && (f->isn_known & (1 << opener)) &&
	       f->isn[opener] != p->head.ack - 1;
}

/* A packet that cannot belong to f: f is over, unblocked, and began with another number. */
static bool begins_anew(const struct flow *f, const struct packet *p)
{
	const struct frame_hint *hint = &p->frame->hint;
	int end = p->head.dir;

	if (f->key.proto != DPI_IP_TCP || f->is_verdict)
		return false;
	/* A door that hands on no handshake has seen it, and says which connection this is. */
	if (hint->has_isn && (f->isn_known & (1 << end)) && f->isn[end] != hint->isn)
		return !(p->head.tcp_flags & DPI_TCP_SYN);
	if (is_accepted_anew(f, p))
		return true;
	if (!f->is_closed)
		return false;
	if (!(p->head.tcp_flags & DPI_TCP_SYN) || (p->head.tcp_flags & DPI_TCP_ACK))
		return false;
	return !(f->isn_known & (1 << end)) || f->isn[end] != p->head.seq;
}

static bool is_midstream(const struct packet *p)
{
	return p->head.key.proto == DPI_IP_TCP && !(p->head.tcp_flags & DPI_TCP_SYN) &&
	       !p->frame->hint.has_isn;
}

static struct flow *open_flow(struct engine *e, const struct packet *p)
{
	const struct frame_hint *hint = &p->frame->hint;
	struct event event = {.type = EVENT_FLOW_OPENED};
	struct flow *f;

	f = flow_table_open(e->flows, &p->head.key, p->hash, e->now_ns);
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
	f->decision = policy_match_flow(e->config.policy, &f->key, f->opener);
	event.flow = f;
	judge_emit(e, &event);
	if (f->decision.is_block)
		judge_block(e, f, f->decision);
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
	d = policy_match_flow(e->config.policy, &f->key, f->opener);
	f->decision = d;
	if (d.is_block)
		judge_block(e, f, d);
}

enum flow_state track_state(const struct flow *f)
{
	bool is_two_way = f->packets[0] && f->packets[1];

	if (f->is_verdict)
		return FLOW_BLOCKED;
	if (f->is_closed)
		return f->is_pending && !f->name_count ? FLOW_INCOMPLETE : FLOW_CLOSED;
	if (f->name_count || f->proto != PROTO_NONE)
		return FLOW_CLASSIFIED;
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

struct flow *track_packet(struct engine *e, const struct packet *p)
{
	struct flow *f = flow_table_find(e->flows, &p->head.key, p->hash);
	int end = p->head.dir;
	bool is_disputed = false;

	if (f && track_is_gone(e, f, e->now_ns)) {
		flow_table_close(e->flows, f);
		e->count.flows_expired++;
		f = NULL;
	}
	if (f && begins_anew(f, p)) {
		is_disputed = !f->is_closed && !p->frame->hint.has_isn;
		flow_table_close(e->flows, f);
		f = NULL;
	}
	if (!f)
		f = open_flow(e, p);
	if (!f)
		return NULL;
	f->is_disputed |= is_disputed;
	flow_table_touch(e->flows, f, e->now_ns);
	f->packets[end]++;
	f->bytes[end] += p->frame->wire_len;
	if (f->key.proto == DPI_IP_TCP) {
		note_opener(e, f, p);
		follow_tcp(f, p);
	}
	if (p->head.payload_len)
		f->payload[end]++;
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
	uint64_t limit = e->clock_ns + CLOCK_STEP_NS;

	e->clock_ns = e->clock_ns && e->now_ns > limit ? limit : e->now_ns;
	for (int i = 0; i < DRAIN_EACH && e->clock_ns > DRAIN_LATE_NS; i++) {
		struct flow *f = e->cursor ? e->cursor : flow_table_oldest(e->flows);

		if (!f)
			return;
		e->cursor = f->newer;
		if (track_is_gone(e, f, e->clock_ns - DRAIN_LATE_NS)) {
			flow_table_close(e->flows, f);
			e->count.flows_expired++;
		}
	}
}
