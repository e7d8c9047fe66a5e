/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's road: one frame in, one outcome and its events out. What becomes of a frame
 * depends on the frames of its own flow and on the rules, and on nothing else, unless the table is
 * full. It must never know which door a frame came by, read a clock, or do work that grows with
 * the number of flows.
 */
#include "engine/track.h"

/* Counts a frame that has no packet in it, by why. */
static void count_unread(struct engine *e, const struct frame *f, enum dpi_parse parse)
{
	if (f->link == LINK_OTHER) {
		e->count.other++;
		e->count.link_unknown++;
		return;
	}
	switch (parse) {
	case DPI_PARSE_NOT_IP:
		e->count.other++;
		e->count.not_ip++;
		return;
	case DPI_PARSE_SHORT: e->count.short_frames++; break;
	case DPI_PARSE_BAD: e->count.bad_frames++; break;
	case DPI_PARSE_DEEP: e->count.deep_frames++; break;
	case DPI_PARSE_OK:
	case DPI_PARSE_TINY:
	case DPI_PARSE_FRAGMENT: return;
	}
	e->count.unparsed++;
}

static void count_tunnel(struct engine *e, enum dpi_tunnel kind)
{
	switch (kind) {
	case DPI_TUNNEL_IP4: e->count.tunnel_ip4++; break;
	case DPI_TUNNEL_IP6: e->count.tunnel_ip6++; break;
	case DPI_TUNNEL_GRE: e->count.tunnel_gre++; break;
	case DPI_TUNNEL_VXLAN: e->count.tunnel_vxlan++; break;
	case DPI_TUNNEL_GENEVE: e->count.tunnel_geneve++; break;
	case DPI_TUNNEL_GTPU: e->count.tunnel_gtpu++; break;
	case DPI_TUNNEL_CAPWAP: e->count.tunnel_capwap++; break;
	case DPI_TUNNEL_TEREDO: e->count.tunnel_teredo++; break;
	case DPI_TUNNEL_NONE:
	case DPI_TUNNEL_KINDS: break;
	}
}

/* Most packets are in no tunnel. */
static __attribute__((noinline)) void count_tunnels(struct engine *e, const struct packet *p)
{
	if (p->tunnel)
		count_tunnel(e, p->tunnel);
	if (p->is_deep)
		e->count.tunnel_deep++;
}

static inline void count_packet(struct engine *e, const struct packet *p)
{
	uint8_t proto = p->head.key.proto;

	if (proto == DPI_IP_TCP)
		e->count.tcp++;
	else if (proto == DPI_IP_UDP)
		e->count.udp++;
	else if (proto == DPI_IP_ICMP || proto == DPI_IP_ICMPV6)
		e->count.icmp++;
	else
		e->count.other++;
	if (p->tunnel || p->is_deep)
		count_tunnels(e, p);
}

void road_drop(struct engine *e, const struct packet *p, struct flow *f, uint64_t rule,
	       struct outcome *o)
{
	struct flow_rare *rare;

	if (e->config.is_monitor)
		return;
	o->action = DPI_DROP;
	o->rule = rule;
	if (!f)
		return;
	rare = flow_rare_open(f);
	if (rare) {
		rare->dropped_packets++;
		rare->dropped_bytes += p->frame->wire_len;
	} else {
		e->count.facts_lost++;
	}
}

/* A packet without a flow of its own (a later fragment, or no memory): address rules alone. */
void road_alone(struct engine *e, const struct packet *p, struct outcome *o)
{
	struct decision d = policy_match_flow(e->config.policy, &p->head.key,
					      dpi_opener_guess(&p->head));

	if (d.is_block)
		road_drop(e, p, NULL, d.rule, o);
}

/* One DNS message goes; its flow stays as it was. */
static void drop_message(struct finding *x, struct outcome *o)
{
	struct engine *e = x->engine;
	struct event event = {
		.type = EVENT_MESSAGE,
		.flow = x->flow,
		.name = &x->message_name,
		.source = x->message_proto,
		.is_answer = x->is_answer,
		.decision = x->message,
	};

	if (!x->flow->decision.rule)
		x->flow->decision = x->message;
	e->count.messages_dropped++;
	o->is_message = true;
	road_drop(e, x->packet, x->flow, x->message.rule, o);
	judge_emit(e, &event);
}

/* A packet that may show something, or end what is under way. */
dpi_inline void look(struct engine *e, const struct packet *p, struct flow *f, struct outcome *o)
{
	struct finding x;

	/* But for the name of a message, which is there when one is dropped. */
	x.engine = e;
	x.flow = f;
	x.packet = p;
	x.ctx = (struct extract_context){.ids = NULL};
	x.block = x.message = (struct decision){.rule = 0};
	inspect_packet(&x);
	if (x.block.rule)
		judge_block(e, f, x.block);
	f->state = (uint8_t)track_state(f);
	if (x.message.rule && !f->is_verdict)
		drop_message(&x, o);
}

/* Takes a packet that inspection does not look into, of a flow that is not blocked: many frames are
 * such. False for any other, to which nothing was done. */
static inline bool pass(struct engine *e, const struct packet *p, struct flow *f)
{
	if (f->is_verdict || p->is_cut || hearsay_is_due(f))
		return false;
	if (!f->is_settled) {
		if (!inspect_is_empty(p))
			return false;
		inspect_empty(e, p, f);
	}
	f->state = (uint8_t)track_state(f);
	return true;
}

/* What becomes of a packet of f, or of none (NULL). */
dpi_inline void decide(struct engine *e, const struct packet *p, struct flow *f, struct outcome *o)
{
	o->flow = f;
	if (!f) {
		road_alone(e, p, o);
		return;
	}
	if (pass(e, p, f))
		return;
	if (!f->is_verdict)
		look(e, p, f, o);
	if (f->is_verdict) {
		f->state = FLOW_BLOCKED;
		road_drop(e, p, f, f->decision.rule, o);
	}
}

void road_packet(struct engine *e, const struct packet *p, struct outcome *o)
{
	decide(e, p, track_packet(e, p), o);
}

/* Counts what became of a frame. */
static struct outcome end(struct engine *e, const struct outcome *o)
{
	if (o->action == DPI_DROP)
		e->count.dropped++;
	else
		e->count.forwarded++;
	/* One by one, as they were written a moment ago: a wider copy would wait for all of them.
	 */
	return (struct outcome){o->action, o->parse, o->rule, o->is_message, o->flow};
}

/* A packet that may show something, or is dropped, or has no flow (f is NULL). */
static __attribute__((noinline)) struct outcome take_packet(struct engine *e,
							    const struct packet *p, struct flow *f)
{
	struct outcome o = {.action = DPI_PASS, .parse = DPI_PARSE_OK};

	decide(e, p, f, &o);
	return end(e, &o);
}

/* A frame that is a fragment, or has no packet in it. */
static void read_other(struct engine *e, const struct packet *p, struct outcome *o)
{
	switch (o->parse) {
	case DPI_PARSE_FRAGMENT: e->count.fragments++; /* fall through */
	case DPI_PARSE_OK:
	case DPI_PARSE_TINY:
		count_packet(e, p);
		fragment_take(e, p, o);
		return;
	case DPI_PARSE_DEEP:
		/* What is behind more headers than anybody needs is hidden on purpose. */
		if (policy_blocks(e->config.policy)) {
			e->count.dropped_deep++;
			road_drop(e, p, NULL, 0, o);
		} /* fall through */
	default: count_unread(e, p->frame, o->parse); return;
	}
}

static __attribute__((noinline)) struct outcome take_other(struct engine *e, const struct packet *p,
							   enum dpi_parse parse)
{
	struct outcome o = {.action = DPI_PASS, .parse = parse};

	read_other(e, p, &o);
	return end(e, &o);
}

struct outcome engine_packet(struct engine *e, const struct packet *p, enum dpi_parse parse)
{
	const struct frame *frame = p->frame;
	struct flow *f;

	e->now_ns = frame->ts_ns;
	e->number = frame->number;
	track_clock(e);
	e->count.packets++;
	e->count.bytes += frame->wire_len;
	if (parse != DPI_PARSE_OK || frame->fragment)
		return take_other(e, p, parse);
	count_packet(e, p);
	f = track_packet(e, p);
	if (!f || !pass(e, p, f))
		return take_packet(e, p, f);
	e->count.forwarded++;
	return (struct outcome){.action = DPI_PASS, .parse = parse, .flow = f};
}

struct outcome engine_frame(struct engine *e, const struct frame *f)
{
	struct packet p;
	enum dpi_parse parse = packet_decode(f, &p);

	return engine_packet(e, &p, parse);
}

void engine_warm(const struct engine *e, struct packet *p)
{
	p->table_hash = flow_table_hash(e->flows, &p->head.key, p->hash);
	flow_table_warm_bucket(e->flows, p->table_hash);
}

/* A new flow will ask what was learnt of the address that its first packet goes to. */
static void warm_learnt(const struct engine *e, const struct packet *p, int step)
{
	if (e->config.learnt_warm)
		e->config.learnt_warm(e->config.learnt_ctx, &p->head.key.addr[p->head.dir ? 0 : 1],
				      step);
}

void engine_warm_flow(const struct engine *e, const struct packet *p)
{
	if (!flow_table_warm_flow(e->flows, p->table_hash))
		warm_learnt(e, p, 0);
}

void engine_warm_sides(const struct engine *e, const struct packet *p)
{
	const struct flow *f = flow_table_likely(e->flows, p->table_hash);

	if (!f)
		warm_learnt(e, p, 1);
	if (!f || flow_warm_sides(f))
		__builtin_prefetch(p->payload.at);
}
