/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine process takes rules: the first ones start the shards, with every flow that the maps
 * remember from an engine before this one; later ones are published to all of them; see
 * engine_state.h.
 */
#include "agent/clerk.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>

#include "policy/rules_step.h"

/* --- flows known from before ------------------------------------------------------------------ */

static struct shard *shard_of(struct engine_state *e, const struct dpi_key *k)
{
	return e->shards[dpi_key_hash(k) % e->options.maps->ring_count];
}

static void adopt(struct engine_state *e, const struct dpi_key *k, const struct dpi_fact *fact,
		  const struct dpi_verdict *v)
{
	struct engine_adopted a = {.key = *k, .opener = DPI_OPENER_0};
	struct live_flow seen;

	a.ts_ns = live_monotonic() + e->clock.offset_ns;
	if (live_flow_get(e->options.maps, k, &seen) == 0) {
		a.opener = seen.opener & 1;
		a.isn_known = seen.isn_known;
		memcpy(a.isn, seen.isn, sizeof(a.isn));
		a.ts_ns = seen.last_ns + e->clock.offset_ns;
	}
	if (fact) {
		a.proto = fact->proto;
		a.source = fact->source;
		a.is_settled = fact->settled;
		name_set(&a.name, slice_of(fact->name, fact->name_len));
	}
	if (v) {
		a.verdict_rule = v->rule;
		if (v->last_ns + e->clock.offset_ns > a.ts_ns)
			a.ts_ns = v->last_ns + e->clock.offset_ns;
	}
	shard_adopt(shard_of(e, k), &a);
}

static void adopt_verdict(void *ctx, const struct dpi_key *k, const struct dpi_verdict *v)
{
	struct engine_state *e = ctx;
	struct dpi_fact fact;
	bool has_fact = live_fact_get(e->options.maps, k, &fact) == 0;

	/* No engine knows whose it is. What was dropped is in the ring, or is sent again. */
	if (v->is_untold) {
		live_verdict_delete(e->options.maps, k);
		return;
	}
	adopt(e, k, has_fact ? &fact : NULL, v);
}

static void adopt_fact(void *ctx, const struct dpi_key *k, const struct dpi_fact *fact)
{
	struct engine_state *e = ctx;
	struct dpi_verdict v;

	if (live_verdict_get(e->options.maps, k, &v))
		adopt(e, k, fact, NULL);
}

static int shards_start(struct engine_state *e, struct fault *f)
{
	struct shard_config config = {
		.maps = e->options.maps,
		.catalogue = e->catalogue,
		.policy = e->policy,
		.shards = e->shards,
		.bell = e->bell,
		.socket = e->options.socket,
		.clock = e->clock,
		.flow_max = e->options.flow_max,
	};
	int err;

	if (getrandom(&config.seed, sizeof(config.seed), 0) != sizeof(config.seed))
		return fault_set(f, -errno, "no random numbers: %s", strerror(errno));
	if (!e->learnt)
		e->learnt = learnt_new(config.seed);
	if (!e->learnt)
		return fault_set(f, -ENOMEM, "out of memory");
	config.learnt = e->learnt;
	for (; e->shard_count < e->options.maps->ring_count; e->shard_count++) {
		config.index = e->shard_count;
		e->shards[e->shard_count] = shard_new(&config, f);
		if (!e->shards[e->shard_count])
			return -ENOMEM;
	}
	live_verdict_each(e->options.maps, adopt_verdict, e);
	live_fact_each(e->options.maps, adopt_fact, e);
	for (unsigned i = 0; i < e->shard_count; i++)
		if (shard_start(e->shards[i]))
			return fault_set(f, -EAGAIN, "a worker thread cannot be started");
	err = clerk_start(e);
	if (err)
		return fault_set(f, err, "a thread cannot be started: %s", strerror(-err));
	/* Only the shards are in a hurry. */
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){.sched_priority = 0});
	return 0;
}

/* --- rules ------------------------------------------------------------------------------------ */

static void verdict_check(void *ctx, const struct dpi_key *k, const struct dpi_verdict *v)
{
	struct engine_state *e = ctx;

	if (!policy_rule(e->policy, v->rule))
		live_verdict_delete(e->options.maps, k);
}

const struct policy *engine_policy_borrow(struct engine_state *e)
{
	pthread_mutex_lock(&e->lock);
	e->lent = e->policy;
	pthread_mutex_unlock(&e->lock);
	return e->lent;
}

void engine_policy_return(struct engine_state *e)
{
	pthread_mutex_lock(&e->lock);
	if (e->is_lent_old)
		e->back = e->lent;
	e->lent = NULL;
	e->is_lent_old = false;
	pthread_mutex_unlock(&e->lock);
}

void engine_policy_tidy(struct engine_state *e)
{
	struct policy *back;

	pthread_mutex_lock(&e->lock);
	back = e->back;
	e->back = NULL;
	pthread_mutex_unlock(&e->lock);
	policy_free(back);
}

/* No shard has it any more; the clerk may. One that it had before is back by now. */
static void policy_end(struct engine_state *e, struct policy *old)
{
	bool is_lent;

	engine_policy_tidy(e);
	pthread_mutex_lock(&e->lock);
	is_lent = e->lent == old;
	e->is_lent_old |= is_lent;
	pthread_mutex_unlock(&e->lock);
	if (!is_lent)
		policy_free(old);
}

int engine_policy_read(struct engine_state *e, struct slice body, struct policy **out,
		       struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(e->catalogue);
	struct policy_apps suffixes = catalogue_policy_apps(e->catalogue);
	struct rules *rules = NULL;
	struct policy *next;
	char seed[17] = "";
	int err;

	if (body.len < 16)
		return fault_set(f, -EINVAL, "a policy without its seed");
	memcpy(seed, body.at, 16);
	err = rules_parse_whole(slice_from(body, 16), "rules", &apps, RULES_FORCE, &rules, f);
	if (err)
		return err;
	next = policy_new(rules, &suffixes, strtoull(seed, NULL, 16));
	rules_free(rules);
	if (!next)
		return fault_set(f, -ENOMEM, "out of memory");
	*out = next;
	return 0;
}

/* Publishes a policy (taken); the first one starts the shards. 0 or -errno with *f. */
static int publish(struct engine_state *e, struct policy *next, struct fault *f)
{
	struct policy *old = e->policy;

	pthread_mutex_lock(&e->lock);
	e->policy = next;
	pthread_mutex_unlock(&e->lock);
	if (!e->shard_count)
		return shards_start(e, f);
	for (unsigned i = 0; i < e->shard_count; i++)
		shard_set_policy(e->shards[i], e->policy);
	policy_end(e, old);
	/* Verdicts of flows that no shard remembers go with their rule. */
	live_verdict_each(e->options.maps, verdict_check, e);
	return 0;
}

int engine_take_policy(struct engine_state *e, struct slice body, struct fault *f)
{
	struct policy *next = NULL;
	int err = engine_policy_read(e, body, &next, f);

	return err ? err : publish(e, next, f);
}

/* Makes *rules, the rules of now, those that a change leads to. 0 or -errno with *f. */
static int change_read(const struct engine_state *e, struct slice body, struct rules *rules,
		       struct fault *f)
{
	struct rule_apps apps = catalogue_rule_apps(e->catalogue);
	char count[17] = "";
	int err;

	if (body.len < 16)
		return fault_set(f, -EINVAL, "a change without the number of rules");
	memcpy(count, body.at, 16);
	err = rules_step_take(rules, slice_from(body, 16), &apps, f);
	if (!err && rules_count(rules) != strtoull(count, NULL, 16))
		err = fault_set(f, -ESTALE, "a change of other rules");
	return err;
}

int engine_take_change(struct engine_state *e, struct slice body, struct fault *f)
{
	struct policy_apps suffixes = catalogue_policy_apps(e->catalogue);
	struct rules *rules = e->policy ? rules_copy(policy_rules(e->policy)) : NULL;
	struct policy *next = NULL;
	int err = rules ? change_read(e, body, rules, f)
			: fault_set(f, -ENOMEM, "there is nothing to change, or no memory");

	if (!err)
		next = policy_change(e->policy, rules, &suffixes);
	rules_free(rules);
	if (err)
		return err;
	return next ? publish(e, next, f) : fault_set(f, -ENOMEM, "out of memory");
}
