/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines about flows that no worker saw a frame of: those that the kernel drops by an address
 * or port rule from their first frame on, and those that are not sampled. Room: agent, the clerk's,
 * on its walks over the kernel's flows.
 */
#include "agent/engine_state.h"

#include <unistd.h>

#include "report/eve.h"

/* Of what event_limit.h allows; a walk comes every few seconds, and a scan makes many flows. */
enum { UNSEEN_SHARE = 20 };

static void line_add(struct engine_state *e, const struct event *event,
		     const struct connection *row)
{
	const struct eve_config config = {
		.catalogue = e->catalogue, .rules = policy_rules(e->lent), .counted = row};
	const uint64_t one = 1;
	struct text line = {0};

	e->unseen.sharers = UNSEEN_SHARE;
	if (!event_limit_take(&e->unseen, event, eve_type(event), e->sweep_now))
		return;
	eve_event(&line, event, &config);
	if (line.failed)
		event_keep_skip(&e->events, 1);
	else
		event_keep_add(&e->events, slice_of(line.at, line.len));
	text_clear(&line);
	(void)!write(e->bell, &one, sizeof(one));
}

/* What a row says as the flow it would be, for the writer of events. */
static struct flow flow_of(const struct connection *row)
{
	return (struct flow){.key = row->key,
			     .opener = row->opener,
			     .first_ns = row->first_ns,
			     .last_ns = row->last_ns,
			     .app = row->app,
			     .state = row->state,
			     .is_closed = row->state == FLOW_CLOSED,
			     .is_verdict = row->rule != 0,
			     .decision = {.rule = row->rule, .is_block = row->rule != 0}};
}

void engine_unseen_ended(struct engine_state *e, const struct connection *row)
{
	const struct flow f = flow_of(row);
	const struct event event = {.type = EVENT_FLOW_CLOSED, .ts_ns = row->last_ns, .flow = &f};

	line_add(e, &event, row);
}

void engine_unseen_found(struct engine_state *e, const struct dpi_key *key,
			 const struct live_flow *k)
{
	struct connection row;
	struct flow f;
	struct event event = {.type = EVENT_VERDICT, .flow = &f};

	/* A flow begins between two walks only. */
	if (!k->static_rule || k->first_ns <= e->swept_ns || k->first_ns > e->sweep_now)
		return;
	kernel_counts_new_row(&e->clock, key, k, &row);
	f = flow_of(&row);
	event.ts_ns = row.first_ns;
	event.decision = f.decision;
	line_add(e, &event, &row);
}
