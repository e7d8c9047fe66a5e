/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules come in force: in the kernel, in the engine, then on the disk; see supervisor_state.h.
 * Whoever changes rules is told when all of that is done. What cannot be stored goes out of force
 * again. Room: agent.
 */
#include "agent/supervisor_state.h"

#include <errno.h>

#include "agent/kernel_protocols.h"

static uint32_t flags_of(const struct supervisor *s)
{
	return (s->options.is_monitor ? DPI_CONFIG_MONITOR : 0) |
	       (s->options.is_fail_closed ? DPI_CONFIG_FAIL_CLOSED : 0) |
	       (s->options.is_reset ? DPI_CONFIG_RESET : 0);
}

/* Writes a policy into the maps: by what differs from another, or all of it (NULL). */
static int write_maps(struct supervisor *s, const struct policy *from, const struct policy *to,
		      struct fault *f)
{
	const struct live_maps *maps = loader_maps(s->loader);
	struct live_protocols protocols;
	int err = kernel_protocols(s->catalogue, to, &protocols);

	if (err)
		fault_set(f, err, "out of memory");
	else if (from)
		err = live_policy_change(maps, from, to, flags_of(s), &protocols, f);
	else
		err = live_policy_apply(maps, to, flags_of(s), &protocols, f);
	kernel_protocols_clear(&protocols);
	return err;
}

/* Makes the rule maps hold a policy, or what they held. */
static int fill_maps(struct supervisor *s, const struct policy *next, struct fault *f)
{
	int err = write_maps(s, s->is_map_unknown ? NULL : s->policy, next, f);
	struct fault ignored;

	if (err && s->policy)
		s->is_map_unknown = write_maps(s, s->is_map_unknown ? NULL : next, s->policy,
					       &ignored) != 0;
	return err;
}

int rules_to_kernel(struct supervisor *s, const struct rules *rules, struct fault *f)
{
	struct policy_apps apps = catalogue_policy_apps(s->catalogue);
	struct policy *next = s->policy ? policy_change(s->policy, rules, &apps)
					: policy_new(rules, &apps, s->name_seed);
	int err = next ? fill_maps(s, next, f) : fault_set(f, -ENOMEM, "out of memory");

	if (err) {
		policy_free(next);
		return err;
	}
	s->is_map_unknown = false;
	policy_free(s->policy);
	s->policy = next;
	return 0;
}

void engine_rules(struct supervisor *s)
{
	struct fault ignored;

	/* An engine that is just being started again gets the rules then. */
	if (engine_give_rules(s, &ignored))
		engine_restart(s);
}

int rules_put_in_force(struct supervisor *s, struct rules *now, struct rules **before,
		       struct fault *f)
{
	int err = rules_to_kernel(s, now, f);

	if (err)
		return err;
	*before = s->in_force;
	s->in_force = now;
	engine_rules(s);
	return 0;
}

/* Other rules are in force and could not be stored: those of before come back. */
static void take_back(struct supervisor *s, struct rules *before)
{
	struct rules *tried;
	struct fault f;

	if (rules_put_in_force(s, before, &tried, &f) == 0)
		rules_free(tried);
	else
		log_error("%s; what was not stored stays in force until the next change", f.text);
}

int rules_publish(struct supervisor *s, struct rules *next, enum history_by by, struct fault *f)
{
	struct rules *now = NULL, *before = NULL;
	int64_t next_s;
	int err = lists_fill(s, next, f);

	if (!err)
		err = moments_rules(s, next, &now, &next_s, f);
	if (!err)
		err = rules_put_in_force(s, now, &before, f);
	if (err) {
		rules_free(now);
		return err;
	}
	err = history_save(&s->paths, s->rules, next, by, f);
	if (err) {
		take_back(s, before);
		return err;
	}
	rules_free(before);
	rules_free(s->rules);
	s->rules = next;
	s->next_s = next_s;
	s->rule_changes++;
	moments_forget(s);
	moments_arm(s);
	return 0;
}

/* Of the stored rules: what is in force now goes to the kernel. */
static int begin(struct supervisor *s, struct fault *f)
{
	struct rules *now = NULL;
	int64_t next_s;
	int err = moments_rules(s, s->rules, &now, &next_s, f);

	if (!err)
		err = rules_to_kernel(s, now, f);
	if (err) {
		rules_free(now);
		return err;
	}
	s->in_force = now;
	s->next_s = next_s;
	return 0;
}

int rules_begin(struct supervisor *s, struct fault *f)
{
	int err = lists_fill(s, s->rules, f);

	if (!err)
		err = begin(s, f);
	/* A stored list that the kernel cannot hold must not keep all else from being in force. */
	if (err && lists_empty(s->rules)) {
		log_error("%s: beginning without what is in the lists", f->text);
		err = begin(s, f);
	}
	if (!err)
		moments_arm(s);
	return err;
}
