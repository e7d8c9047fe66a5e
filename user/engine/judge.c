/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's judge: names become applications, names and applications become verdicts, and
 * each step becomes an event. It must never read payload, and decides by policy.h alone.
 *
 * What decides, in this order: an address that is allowed; an address or port that is blocked; an
 * application; a domain. Of several names in one flow any blocked one blocks it. DNS over UDP is
 * decided for each message, because resolvers ask for many names on one 5-tuple.
 */
#include "engine/road.h"

#include <errno.h>
#include <stdlib.h>

/* The best of what the rules say about one flow or message. */
struct judgement {
	struct decision allow;
	struct decision whole; /* a block of the protocol or of a sign */
	struct decision block;
	const struct name *name; /* behind block; NULL when it was none of this flow's */
	const struct policy_whom *whom;
};

static bool is_dns(enum app_proto p)
{
	return p == PROTO_DNS || p == PROTO_MDNS || p == PROTO_LLMNR;
}

/* Over TCP a dropped question leaves a hole that nothing behind it can pass, so there the verdict
 * is the flow's, as for every other protocol. */
static bool is_message(const struct flow *f, enum app_proto p)
{
	return f->key.proto == DPI_IP_UDP && is_dns(p);
}

static int app_of(const struct engine *e, const struct flow *f, enum app_proto p)
{
	return catalogue_of_proto(e->config.catalogue, p, flow_responder_port(f));
}

/* An application rule comes before a domain rule; else the first that matched stays. */
static void weigh(struct judgement *j, struct decision d, const struct name *name)
{
	if (!d.rule)
		return;
	if (!d.is_block) {
		j->allow = d;
	} else if (!j->block.rule || (j->block.kind == RULE_DOMAIN && d.kind != RULE_DOMAIN)) {
		j->block = d;
		j->name = name;
	}
}

/* The protocol and what a flow shows beside a name speak for all of it. */
static void weigh_whole(const struct engine *e, struct judgement *j, int app)
{
	struct decision d;

	if (app == APP_UNKNOWN)
		return;
	d = policy_match_app(e->config.policy, j->whom, app);
	if (d.rule && !d.is_block)
		j->allow = d;
	else if (!j->whole.rule)
		j->whole = d;
}

static void weigh_proto(const struct engine *e, const struct flow *f, struct judgement *j,
			enum app_proto p)
{
	weigh_whole(e, j, app_of(e, f, p));
}

static void weigh_signs(const struct engine *e, const struct flow *f, struct judgement *j)
{
	enum catalogue_sign sign;
	unsigned at = 0;

	while (sign_next(f->flags, &at, &sign))
		weigh_whole(e, j, catalogue_of_sign(e->config.catalogue, sign));
}

static void weigh_name(const struct engine *e, struct judgement *j, struct slice text,
		       const struct name *name)
{
	struct decision d = policy_match_name(e->config.policy, j->whom, text);

	if (d.is_block)
		weigh(j, d, name);
}

static bool name_is_allowed(const struct engine *e, const struct judgement *j, struct slice text)
{
	struct decision d = policy_match_name(e->config.policy, j->whom, text);

	return d.rule && !d.is_block;
}

/* True when there are names and each is allowed: those of a message, or all that a flow showed. */
static bool names_are_allowed(const struct engine *e, const struct judgement *j,
			      const struct flow *f, const struct clue *message)
{
	bool is_allowed = false;

	for (unsigned i = 0; message && i < message->name_count; i++) {
		is_allowed = name_is_allowed(e, j, name_slice(&message->name[i]));
		if (!is_allowed)
			return false;
	}
	if (message || (f->flags & FLOW_NAMES_FULL))
		return is_allowed;
	for (const struct flow_name *n = f->names; n; n = n->next) {
		if (is_message(f, n->source))
			continue;
		is_allowed = name_is_allowed(e, j, slice_of(n->text, n->len));
		if (!is_allowed)
			return false;
	}
	return is_allowed;
}

/* An allow beats a block: one of the protocol speaks for everything in the flow; one of a name for
 * that name, as policy_match_name has it, and for the protocol where no other name is. message: of
 * the flow's, when it is judged alone. */
static struct decision result_of(const struct engine *e, struct judgement *j, const struct flow *f,
				 const struct clue *message)
{
	if (j->allow.rule)
		return (struct decision){0};
	if (!j->whole.rule || names_are_allowed(e, j, f, message))
		return j->block;
	j->name = NULL;
	return j->whole;
}

void judge_emit(struct engine *e, struct event *event)
{
	event->ts_ns = e->now_ns;
	event->number = e->number;
	if (e->config.sink.emit)
		e->config.sink.emit(e->config.sink.ctx, event);
}

void judge_flag(struct engine *e, struct flow *f, enum flow_flag flag)
{
	struct event event = {.type = EVENT_ANOMALY, .flow = f, .flags = flag};

	if (f->flags & flag)
		return;
	f->flags |= flag;
	switch (flag) {
	case FLOW_AMBIGUOUS: e->count.ambiguous++; break;
	case FLOW_UNDECIDED: e->count.undecided++; break;
	case FLOW_ECH: e->count.ech++; break;
	case FLOW_NO_NAME: e->count.no_name++; break;
	case FLOW_DOH: e->count.doh++; break;
	case FLOW_DOT: e->count.dot++; break;
	case FLOW_DOQ: e->count.doq++; break;
	default: break;
	}
	judge_emit(e, &event);
}

/* What a flow is when no name says: DNS that hides in another protocol is that first; else it is
 * the one of its protocol, proto_app. */
static int app_without_name(const struct engine *e, const struct flow *f, int proto_app)
{
	int app = APP_UNKNOWN;

	if (!(f->flags & (FLOW_DOH | FLOW_DOT | FLOW_DOQ)))
		return proto_app;
	if (f->flags & FLOW_DOH)
		app = catalogue_of_sign(e->config.catalogue, SIGN_DOH);
	else if (f->flags & FLOW_DOT)
		app = catalogue_of_sign(e->config.catalogue, SIGN_DOT);
	else
		app = catalogue_of_sign(e->config.catalogue, SIGN_DOQ);
	return app != APP_UNKNOWN ? app : proto_app;
}

void judge_app(const struct engine *e, struct flow *f, enum app_proto source,
	       const struct name *name)
{
	int proto_app = app_of(e, f, f->proto), by_name = APP_UNKNOWN;
	int otherwise = app_without_name(e, f, proto_app);

	/* The first name that has an application decides; a question is not a visit. */
	if (f->app != APP_UNKNOWN && f->app != otherwise && f->app != proto_app)
		return;
	if (name && !is_dns(source))
		by_name = catalogue_classify(e->config.catalogue, name_slice(name));
	f->app = by_name != APP_UNKNOWN ? by_name : otherwise;
}

static void take_flags(struct engine *e, struct flow *f, uint32_t flags)
{
	for (uint32_t bit; flags & ~f->flags; flags &= ~bit) {
		bit = flags & ~f->flags;
		bit &= -bit;
		judge_flag(e, f, (enum flow_flag)bit);
	}
}

int judge_keep_name(struct engine *e, struct flow *f, enum app_proto source,
		    const struct name *name)
{
	int n;

	if (e->named > e->config.names_max)
		return flow_has_name(f, source, name) ? 0 : -ENOSPC;
	n = flow_add_name(f, source, name);
	if (n == 1)
		e->named += sizeof(struct flow_name) + name->len;
	return n;
}

static void take_name(struct engine *e, struct flow *f, const struct clue *clue,
		      const struct name *name)
{
	enum app_proto source = clue->proto;
	struct event event = {.type = EVENT_NAMED,
			      .flow = f,
			      .name = name,
			      .source = source,
			      .is_answer = clue->flags & CLUE_RESPONSE};
	uint32_t before = f->flags;
	int n = judge_keep_name(e, f, source, name);

	if (n < 0) {
		e->count.names_unlisted++;
		/* The table may have set the flag; the event is still to come. */
		if (n == -ENOSPC && !(before & FLOW_NAMES_FULL)) {
			f->flags = before;
			judge_flag(e, f, FLOW_NAMES_FULL);
		}
	}
	if (n <= 0)
		return;
	e->count.names++;
	if (f->flags & FLOW_LEARNT) { /* its own name is better than one by hearsay */
		f->flags &= ~(uint32_t)FLOW_LEARNT;
		f->app = APP_UNKNOWN;
	}
	judge_app(e, f, source, name);
	judge_emit(e, &event);
}

/* What the rules on applications and names say of a clue. */
static void weigh_clue(struct finding *x, const struct clue *clue)
{
	struct engine *e = x->engine;
	struct flow *f = x->flow;
	struct policy_whom whom;
	struct judgement j = {.whom = whom_of(e, f, &whom)};
	struct decision d;

	weigh_proto(e, f, &j, clue->proto);
	weigh_signs(e, f, &j);
	for (unsigned i = 0; i < clue->name_count; i++)
		weigh_name(e, &j, name_slice(&clue->name[i]), &clue->name[i]);
	d = result_of(e, &j, f, is_message(f, clue->proto) ? clue : NULL);
	if (!d.rule)
		return;
	if (!is_message(f, clue->proto)) {
		if (!x->block.rule || (x->block.kind == RULE_DOMAIN && d.kind != RULE_DOMAIN))
			x->block = d;
		return;
	}
	x->message = d;
	x->message_proto = clue->proto;
	x->is_answer = clue->flags & CLUE_RESPONSE;
	x->message_name.len = 0;
	x->message_name.text[0] = '\0';
	if (j.name)
		x->message_name = *j.name;
	else if (clue->name_count)
		x->message_name = clue->name[0];
}

void judge_clue(struct finding *x, const struct clue *clue)
{
	struct engine *e = x->engine;
	struct flow *f = x->flow;
	bool is_weighed = policy_hears_names(e->config.policy);

	if (clue->proto == PROTO_NONE)
		return;
	for (unsigned i = 0; is_weighed && i < clue->name_count; i++)
		policy_await_name(e->config.policy, name_slice(&clue->name[i]));
	/* A protocol that was read tells more than one that was only recognised. */
	if (f->proto == PROTO_NONE || (f->is_plain && !(clue->flags & CLUE_PLAIN))) {
		f->proto = (uint8_t)clue->proto;
		f->is_plain = clue->flags & CLUE_PLAIN;
		judge_app(e, f, clue->proto, NULL);
	}
	take_flags(e, f, sign_of_clue(e, f, clue));
	/* Few clues have one, and its place in the flow is far from all else. */
	if (clue->ja4[0])
		flow_keep_ja4(f, clue->ja4);
	for (unsigned i = 0; i < clue->name_count; i++)
		take_name(e, f, clue, &clue->name[i]);
	if (is_weighed && !flow_is_allowed(f)) {
		whom_note(e, f, x->packet);
		weigh_clue(x, clue);
	}
}

static void spill(void *ctx, const struct clue *clue)
{
	judge_clue(ctx, clue);
}

void judge_begin(struct finding *x, struct clue *clue)
{
	clue_clear(clue);
	clue->spill = spill;
	clue->spill_ctx = x;
}

void judge_block(struct engine *e, struct flow *f, struct decision d)
{
	struct event event = {.type = EVENT_VERDICT, .flow = f, .decision = d};
	struct flow_rare *rare = flow_rare_open(f);

	f->is_verdict = true;
	f->decision = d;
	if (rare)
		rare->verdict_ns = e->now_ns;
	else
		e->count.facts_lost++;
	f->state = FLOW_BLOCKED;
	f->is_settled = true;
	inspect_free(e, f);
	e->count.verdicts++;
	judge_emit(e, &event);
}

/* What the rules say of the packets that carry those of a flow. */
static struct decision judge_outer(const struct engine *e, const struct flow *f,
				   const struct flow_rare *rare)
{
	struct dpi_key outer = {.addr = {rare->outer[0], rare->outer[1]},
				.port = {rare->outer_port, rare->outer_port},
				.proto = rare->outer_proto};
	uint8_t opener = f->opener ^ dpi_key_order(&outer);

	return policy_match_flow(e->config.policy, &outer, opener);
}

struct decision judge_ends(const struct engine *e, const struct flow *f)
{
	const struct flow_rare *rare = flow_rare(f);
	struct decision d = {.rule = 0};

	if (rare->tunnel)
		d = judge_outer(e, f, rare);
	return d.is_block ? d : policy_match_flow(e->config.policy, &f->key, f->opener);
}

struct decision judge_flow(const struct engine *e, const struct flow *f)
{
	struct decision d = judge_ends(e, f);
	struct policy_whom whom;
	struct judgement j = {.name = NULL};

	if (d.rule)
		return d;
	if (!policy_hears_names(e->config.policy))
		return (struct decision){0};
	j.whom = whom_of(e, f, &whom);
	if (f->proto != PROTO_NONE && !is_message(f, f->proto))
		weigh_proto(e, f, &j, f->proto);
	weigh_signs(e, f, &j);
	weigh(&j, hearsay_match(e, f), NULL);
	for (const struct flow_name *n = f->names; n; n = n->next) {
		if (is_message(f, n->source))
			continue;
		if (n->source != f->proto)
			weigh_proto(e, f, &j, n->source);
		weigh_name(e, &j, slice_of(n->text, n->len), NULL);
	}
	return result_of(e, &j, f, NULL);
}

void judge_again(struct engine *e, struct flow *f)
{
	struct event event = {.type = EVENT_CLEARED, .flow = f};
	struct decision d = judge_flow(e, f);

	if (d.is_block && !f->is_verdict) {
		judge_block(e, f, d);
		return;
	}
	if (f->is_verdict && !d.is_block) {
		f->is_verdict = false;
		f->decision = d;
		/* What was dropped was not read: inspection picks up from here, as in a flow
		 * whose beginning was not seen. */
		f->is_settled = false;
		f->flags |= f->payload[0] || f->payload[1] ? FLOW_MIDSTREAM : 0;
		f->is_disputed = true;
		for (int end = 0; end < 2; end++)
			if (f->payload[end])
				f->isn_known &= (uint8_t) ~(5 << end);
		f->state = (uint8_t)track_state(f);
		judge_emit(e, &event);
		return;
	}
	/* Of a flow that is not blocked, a block names the first message that was dropped. */
	if (d.rule || f->is_verdict || !f->decision.is_block)
		f->decision = d;
}
