/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A shard's way from one policy to the next; see time.h.
 */
#include "offline/time.h"

#include "engine/engine.h"

/* Flows that are gone by then are not judged again, as live they would not be there. */
static void set_policy(struct offline_shard *s, const struct policy *policy, uint64_t ts_ns)
{
	engine_expire(s->engine, ts_ns, 2 * flow_table_count(engine_flows(s->engine)));
	engine_set_policy(s->engine, policy, ts_ns);
}

void offline_time_turn(struct offline_time *t, struct agenda *a, struct offline_shard *s,
		       const struct frame *f, struct event_log *log)
{
	const struct policy *before = t->span.policy;
	bool is_back = before && f->ts_ns < t->span.from_ns;

	if (agenda_span_has(&t->span, f->ts_ns) || !f->ts_ns)
		return;
	if (is_back && t->turns_back == OFFLINE_TURNS_BACK) {
		t->late++;
		return;
	}
	if (agenda_at(a, f->ts_ns, &t->span)) {
		t->failed = true;
		return;
	}
	if (t->span.policy == before)
		return;
	t->turns++;
	t->turns_back += is_back;
	s->log = log;
	s->number = f->number;
	set_policy(s, t->span.policy, f->ts_ns);
}
