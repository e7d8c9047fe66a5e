/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's life apart from frames: an engine opens and ends, gets other rules, takes flows
 * over from before a restart and lets idle ones go. It must never forget a flow without a last word
 * about it.
 */
#include "engine/road.h"

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

void engine_set_policy(struct engine *e, const struct policy *policy, uint64_t ts_ns)
{
	e->config.policy = policy;
	e->now_ns = ts_ns;
	e->number = 0;
	for (struct flow *f = flow_table_oldest(e->flows); f; f = flow_table_newer(e->flows, f))
		judge_again(e, f);
}

struct engine_supposed engine_suppose(struct engine *e, const struct flow *f,
				      const struct policy *policy)
{
	const struct policy *in_force = e->config.policy;
	struct engine_supposed s = {.before = {.rule = 0}};

	if (f->is_verdict || !f->decision.is_block)
		s.before = f->decision;
	e->config.policy = policy;
	s.after = judge_flow(e, f);
	e->config.policy = in_force;
	return s;
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
		/* Only names get verdicts, whichever kind of rule speaks of them. */
		f->decision.kind = r && r->kind != RULE_LIST ? r->kind : RULE_DOMAIN;
		whom_note_rule(e, f, rule);
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
	if (a->key.proto == DPI_IP_TCP)
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
