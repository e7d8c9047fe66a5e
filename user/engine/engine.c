/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's road: one frame in, one outcome and its events out. What becomes of a frame
 * depends on the frames of its own flow and on the rules, and on nothing else, unless the table is
 * full. It must never know which door a frame came by, read a clock, or do work that grows with
 * the number of flows.
 */
#include "engine/track.h"

#include <stdlib.h>

enum { FLOW_MAX_DEFAULT = 65536, HELD_MAX_DEFAULT = 64 << 20, NAMES_MAX_DEFAULT = 64 << 20 };

/* What the engine keeps of all flows goes on without one. */
static void forget(struct engine *e, const struct flow *f)
{
	if (e->cursor == f)
		e->cursor = flow_table_newer(e->flows, f);
	e->held -= f->held;
	for (const struct flow_name *n = f->names; n; n = n->next)
		e->named -= sizeof(*n) + n->len;
}

/* Outlives every flow that leaves: the last word about it. */
static void on_leave(void *ctx, struct flow *f)
{
	struct engine *e = ctx;
	uint64_t now_ns = e->now_ns, number = e->number;
	struct event event = {.type = EVENT_FLOW_CLOSED, .flow = f};

	if (e->is_ending)
		event.end = FLOW_END_STOPPED;
	else if (flow_table_evicted(e->flows) != e->count.flows_evicted)
		event.end = FLOW_END_FORCED; /* the count is brought up to date after this */
	if (!e->is_ending)
		forget(e, f);
	if (!f->is_verdict && f->is_pending && !f->name_count) {
		f->state = FLOW_INCOMPLETE;
		e->count.incomplete++;
	}
	/* It ended with its own last frame, whenever somebody noticed. */
	e->now_ns = f->last_ns;
	e->number = 0;
	judge_emit(e, &event);
	e->now_ns = now_ns;
	e->number = number;
}

struct engine *engine_new(const struct engine_config *config)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->config = *config;
	if (!e->config.flow_max)
		e->config.flow_max = FLOW_MAX_DEFAULT;
	if (!e->config.held_max)
		e->config.held_max = HELD_MAX_DEFAULT;
	if (!e->config.names_max)
		e->config.names_max = NAMES_MAX_DEFAULT;
	e->flows = flow_table_new_in(config->pages, e->config.flow_max, config->seed, on_leave, e);
	e->crypt = crypt_new();
	for (int i = 0; i < EXTRACT_COUNT; i++)
		if (extract_table[i].transports & EXTRACT_DATAGRAM)
			e->datagram_extractors |= 1U << i;
	if (!e->flows || !e->crypt) {
		engine_free(e);
		return NULL;
	}
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	e->is_ending = true;
	flow_table_free(e->flows);
	crypt_free(e->crypt);
	free(e);
}

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
static void look(struct engine *e, const struct packet *p, struct flow *f, struct outcome *o)
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

/* Nothing more can be learnt of the flow, and nothing of it is dropped: most frames there are. */
static inline bool is_settled(const struct flow *f, const struct packet *p)
{
	return f->is_settled && !f->is_verdict && !p->is_cut && !(f->flags & FLOW_LEARNT);
}

/* What becomes of a packet of f, or of none (NULL). */
static inline void decide(struct engine *e, const struct packet *p, struct flow *f,
			  struct outcome *o)
{
	o->flow = f;
	if (!f) {
		road_alone(e, p, o);
		return;
	}
	if (is_settled(f, p) || f->is_verdict)
		f->state = (uint8_t)track_state(f);
	else
		look(e, p, f, o);
	if (f->is_verdict)
		road_drop(e, p, f, f->decision.rule, o);
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
		/* Ports behind more headers than anybody needs are hidden on purpose. */
		if (p->head.ip_version == 6 && policy_blocks(e->config.policy)) {
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
	if (!f || !is_settled(f, p))
		return take_packet(e, p, f);
	f->state = (uint8_t)track_state(f);
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

void engine_set_policy(struct engine *e, const struct policy *policy, uint64_t ts_ns)
{
	e->config.policy = policy;
	e->now_ns = ts_ns;
	e->number = 0;
	for (struct flow *f = flow_table_oldest(e->flows); f; f = flow_table_newer(e->flows, f))
		judge_again(e, f);
}

/* The verdict a flow was under goes on if its rule is still in force; else the rules decide. */
static void adopt_verdict(struct engine *e, struct flow *f, uint64_t rule)
{
	const struct rule *r = rule ? policy_rule(e->config.policy, rule) : NULL;
	struct decision d = judge_ends(e, f);

	if (rule) {
		f->is_verdict = f->is_settled = true;
		if (flow_rare_open(f))
			f->rare->verdict_ns = f->last_ns;
		else
			e->count.facts_lost++;
		f->decision.rule = rule;
		f->decision.is_block = true;
		f->decision.kind = r ? r->kind : RULE_DOMAIN;
	}
	if (!r || d.rule)
		judge_again(e, f);
}

void engine_adopt(struct engine *e, const struct engine_adopted *a)
{
	struct event event = {.type = EVENT_FLOW_OPENED};
	uint32_t hash = dpi_key_hash(&a->key);
	bool is_message = a->key.proto == DPI_IP_UDP &&
			  (a->proto == PROTO_DNS || a->proto == PROTO_MDNS ||
			   a->proto == PROTO_LLMNR);
	struct flow *f;

	e->now_ns = a->ts_ns;
	e->number = 0;
	if (flow_table_find(e->flows, &a->key, hash))
		return;
	f = flow_table_open(e->flows, &a->key, hash, a->ts_ns);
	e->count.flows_evicted = flow_table_evicted(e->flows);
	if (!f) {
		e->count.flows_refused++;
		return;
	}
	e->count.flows_opened++;
	f->opener = a->opener < 2 ? a->opener : 0;
	f->proto = (uint8_t)a->proto;
	f->flags = FLOW_ADOPTED;
	f->isn_known = a->isn_known & 3;
	f->is_disputed = true; /* inspection picks up wherever the flow is by now */
	memcpy(f->isn, a->isn, sizeof(f->isn));
	f->is_settled = a->is_settled && !is_message;
	judge_app(e, f, a->proto, NULL);
	if (a->name.len && judge_keep_name(e, f, a->source, &a->name) == 1)
		judge_app(e, f, a->source, &a->name);
	event.flow = f;
	judge_emit(e, &event);
	adopt_verdict(e, f, a->verdict_rule);
	f->state = (uint8_t)track_state(f);
}

static void expire_one(struct engine *e, struct flow *f, uint64_t ts_ns)
{
	if (!track_is_gone(e, f, ts_ns))
		return;
	flow_table_close(e->flows, f);
	e->count.flows_expired++;
}

void engine_expire(struct engine *e, uint64_t ts_ns, size_t most)
{
	size_t i = 0;

	e->now_ns = ts_ns;
	e->number = 0;
	/* Half from the oldest on; half from where the last look ended, for many blocked flows that
	 * live stand in front of all others. */
	for (struct flow *f = flow_table_oldest(e->flows), *next; f && i < most / 2; f = next) {
		next = flow_table_newer(e->flows, f);
		expire_one(e, f, ts_ns);
		i++;
	}
	for (; i < most; i++) {
		struct flow *f = e->cursor ? e->cursor : flow_table_oldest(e->flows);

		if (!f)
			return;
		e->cursor = flow_table_newer(e->flows, f);
		expire_one(e, f, ts_ns);
	}
}

void engine_note_late(struct engine *e, const struct dpi_key *key, uint64_t frames)
{
	struct flow *f = flow_table_find(e->flows, key, dpi_key_hash(key));

	e->count.late += frames;
	if (f && flow_rare_open(f))
		f->rare->late_packets += frames;
	else if (f)
		e->count.facts_lost += frames;
}

const struct engine_counters *engine_counters(const struct engine *e)
{
	return &e->count;
}

const struct flow_table *engine_flows(const struct engine *e)
{
	return e->flows;
}
