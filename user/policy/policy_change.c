/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: one policy made of another, at the cost of what differs; and what the kernel must
 * take over to have the one in place of the other.
 */
#include "policy/policy_inside.h"
#include "policy/rules_step.h"

#include <errno.h>
#include <stdlib.h>

/* --- making ----------------------------------------------------------------------------------- */

static bool has_kind(const struct rules_step *s, unsigned kinds)
{
	for (size_t i = 0; i < s->count; i++)
		if (RULES_OF_KIND(s->rule[i]->kind) & kinds)
			return true;
	return false;
}

/* The names that DNS answers gave: few rules speak of them, as a rule. */
static int change_learnt(struct policy *p, const struct policy *old, struct name_change *c)
{
	struct app_rule_sets app = {.is_learnt = true};
	int err;

	if (!p->survey.has_learnt)
		return 0;
	if (!old->learnt.table)
		return -E2BIG;
	err = app_rules_build(&app, p->rules, c->apps);
	c->before = &old->learnt;
	c->app = &app;
	if (!err)
		err = name_rules_change(c, &p->learnt);
	app_rules_clear(&app);
	return err;
}

/* Fills a policy whose rules are known. 0, -E2BIG: the names must be built anew; or -ENOMEM. */
static int change(struct policy *p, const struct policy *old, const struct rules_step *step,
		  const struct policy_apps *apps)
{
	struct name_change c = {.before = &old->names,
				.rules = p->rules,
				.touched = step->rule,
				.touched_count = step->count,
				.apps = apps,
				.app = &p->apps};
	int err = app_rules_build(&p->apps, p->rules, apps);

	if (!err)
		err = name_rules_change(&c, &p->names);
	if (!err)
		err = change_learnt(p, old, &c);
	if (!err && p->survey.has_devices)
		err = device_table_build(&p->devices, p->rules);
	if (err)
		return err;
	if (has_kind(step, RULES_OF_KIND(RULE_IP) | RULES_OF_KIND(RULE_PORT))) {
		p->ends = end_rules_new(p->rules, &p->survey);
	} else {
		p->ends = old->ends;
		p->ends->owners++;
	}
	return p->ends ? 0 : -ENOMEM;
}

struct policy *policy_change(const struct policy *old, const struct rules *rules,
			     const struct policy_apps *apps)
{
	struct rules_step *step = malloc(sizeof(*step));
	struct policy *p = calloc(1, sizeof(*p));
	int err = step && p ? rules_step_find(old->rules, rules, step) : -ENOMEM;

	if (!err) {
		p->seed = old->seed;
		p->rules = rules_copy(rules);
		p->survey = survey_of(rules);
		err = p->rules ? change(p, old, step, policy_apps_or_none(apps)) : -ENOMEM;
	}
	free(step);
	if (!err)
		return p;
	policy_free(p);
	return err == -E2BIG ? policy_new(rules, apps, old->seed) : NULL;
}

/* --- differing -------------------------------------------------------------------------------- */

/* What is told of, to whom: entries that are new or other, or those that are gone. */
struct telling {
	const struct policy *other; /* that an entry is looked up in */
	const struct policy_difference *fn;
	void *ctx;
	bool is_gone;
};

static int tell_name(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	const struct telling *t = ctx;

	return t->is_gone == !r ? t->fn->name(t->ctx, hash, r) : 0;
}

static int tell_name_unless_there(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	const struct telling *t = ctx;
	struct dpi_name_rule there;
	bool is_there = name_rules_get(&t->other->names, hash, &there);

	if (is_there && (t->is_gone || memcmp(&there, r, sizeof(there)) == 0))
		return 0;
	return t->fn->name(t->ctx, hash, t->is_gone ? NULL : r);
}

static int tell_addr(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r)
{
	const struct telling *t = ctx;
	const struct dpi_addr_rule *there = addr_table_host(&t->other->ends->addrs, a);

	if (there && (t->is_gone || memcmp(there, r, sizeof(*r)) == 0))
		return 0;
	return t->fn->addr(t->ctx, a, t->is_gone ? NULL : r);
}

static int tell_net(void *ctx, const struct dpi_net_key *k, const struct dpi_addr_rule *r)
{
	const struct telling *t = ctx;
	const struct dpi_addr_rule *there;
	struct dpi_addr a = k->addr;

	there = addr_table_same_net(&t->other->ends->addrs, &a, (uint16_t)k->prefix_len);
	if (there && (t->is_gone || memcmp(there, r, sizeof(*r)) == 0))
		return 0;
	return t->fn->net(t->ctx, k, t->is_gone ? NULL : r);
}

static int tell_port(void *ctx, uint8_t proto, uint16_t port, uint64_t rule)
{
	const struct telling *t = ctx;
	uint64_t there = policy_port(t->other, proto, port);

	if (t->is_gone ? there != 0 : there == rule)
		return 0;
	return t->fn->port(t->ctx, proto, port, t->is_gone ? 0 : rule);
}

/* One half of a difference: what comes, or what goes. */
static int tell(const struct policy *from, const struct policy *to, bool is_gone,
		const struct policy_difference *fn, void *ctx)
{
	const struct policy *all = is_gone ? from : to;
	struct telling t = {.other = is_gone ? to : from, .fn = fn, .ctx = ctx, .is_gone = is_gone};
	int stop;

	if (from->names.table == to->names.table)
		stop = name_rules_difference(&from->names, &to->names, tell_name, &t);
	else
		stop = policy_each_name(all, tell_name_unless_there, &t);
	if (stop || from->ends == to->ends)
		return stop;
	stop = policy_each_addr(all, tell_addr, &t);
	if (!stop)
		stop = policy_each_net(all, tell_net, &t);
	return stop ? stop : policy_each_port(all, tell_port, &t);
}

int policy_each_difference(const struct policy *from, const struct policy *to,
			   const struct policy_difference *fn, void *ctx)
{
	int stop = tell(from, to, false, fn, ctx);

	return stop ? stop : tell(from, to, true, fn, ctx);
}
