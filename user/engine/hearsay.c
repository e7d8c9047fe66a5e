/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's hearsay: the name that a DNS answer gave to the address of a flow. Many sites
 * may share an address, so it never speaks before the flow had its chance to show a name of its
 * own, and never against one.
 */
#include "engine/road.h"

static struct slice learnt_slice(const struct flow *f)
{
	return slice_of(f->learnt->text, f->learnt->len);
}

void hearsay_learn(struct engine *e, struct flow *f)
{
	const struct dpi_addr *responder = &f->key.addr[f->opener ? 0 : 1];
	struct name name;

	if (f->learnt)
		flow_set_learnt(f, NULL);
	f->flags &= ~(uint32_t)FLOW_LEARNT;
	if (!e->config.learnt ||
	    !e->config.learnt(e->config.learnt_ctx, responder, e->now_ns, &name))
		return;
	if (flow_set_learnt(f, &name))
		return;
	f->flags |= FLOW_LEARNT;
	f->app = catalogue_classify(e->config.catalogue, learnt_slice(f));
	e->count.learnt++;
}

struct decision hearsay_match(const struct engine *e, const struct flow *f)
{
	struct policy_whom whom;

	if (!hearsay_is_due(f) || f->is_pending)
		return (struct decision){0};
	return policy_match_learnt(e->config.policy, whom_of(e, f, &whom), learnt_slice(f));
}

void hearsay_judge(struct finding *x)
{
	struct decision d;

	whom_note(x->engine, x->flow, x->packet);
	if (x->block.rule || !hearsay_match(x->engine, x->flow).is_block)
		return;
	d = judge_flow(x->engine, x->flow);
	if (d.is_block)
		x->block = d;
}
