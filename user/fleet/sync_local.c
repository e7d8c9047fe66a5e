/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: seeing to this host alone: its rules as they are, those of its own among them, and
 * none that are over.
 */
#include <errno.h>

#include "control/times.h"
#include "fleet/merge.h"
#include "fleet/state.h"
#include "policy/rules_when.h"

const char sync_full[] = "this host has as many rules as it can hold, and cannot take the fleet's "
			 "too: take some away";

/* --- rules that are over ---------------------------------------------------------------------- */

int sync_leave_out_over(struct rules **rules, int64_t now_s)
{
	struct rules *left;
	size_t ended;

	if (!*rules || !rules_timed(*rules))
		return 0;
	left = rules_not_over(*rules, now_s, &ended);
	if (!left)
		return -ENOMEM;
	rules_free(*rules);
	*rules = left;
	return 0;
}

int sync_forget_over(struct fleet *fl, int64_t now_s)
{
	int err = sync_leave_out_over(&fl->base, now_s);

	if (!err)
		err = sync_leave_out_over(&fl->local.rules, now_s);
	return err ? err : sync_leave_out_over(&fl->local.own, now_s);
}

/* --- this host alone -------------------------------------------------------------------------- */

/* The own rules of before that are none any more and not the fleet's either. */
struct leaving {
	const struct rules *old, *own, *base;
};

static bool is_leaving(void *ctx, const struct rule *r)
{
	const struct leaving *l = ctx;

	return !guard_holds(l->own, r) && !guard_holds(l->base, r);
}

/* The fleet's rules that these kept out. */
static bool comes_back(void *ctx, const struct rule *r)
{
	const struct leaving *l = ctx;

	return guard_stands_for(l->old, r) && !guard_stands_for(l->own, r);
}

static int drop_own(struct fleet *fl, struct rules *next, const struct rules *old)
{
	struct leaving l = {.old = old, .own = fl->local.own, .base = fl->base};
	struct rules *go = rules_filter(old, is_leaving, &l, false);
	struct rules *come = rules_filter(fl->base, comes_back, &l, false);
	int err = go && come ? merge_take(next, go, &fl->apps) : -ENOMEM;

	if (!err)
		err = merge_add(next, come, &fl->apps);
	rules_free(go);
	rules_free(come);
	return err < 0 ? err : 0;
}

/* The fleet's lists that a file of this host kept out, until somebody took that away. */
struct uncovered {
	const struct rules *before, *now;
};

static bool is_uncovered(void *ctx, const struct rule *r)
{
	const struct uncovered *u = ctx;

	return r->kind == RULE_LIST && guard_is_kept_out(u->before, r) &&
	       !rules_by_id(u->now, r->id);
}

static int bring_lists(struct fleet *fl, struct rules *next)
{
	struct uncovered u = {.before = fl->before, .now = next};
	struct rules *come = rules_filter(fl->base, is_uncovered, &u, false);
	int err = come ? merge_add(next, come, &fl->apps) : -ENOMEM;

	rules_free(come);
	return err < 0 ? err : 0;
}

/* The rules as they should be here, by the host's own and, at a start from nothing, by the last
 * good ones of the fleet. Gives *out. */
static int complete(struct fleet *fl, const struct rules *old, struct rules **out)
{
	struct rules *next = rules_copy(fl->local.rules);
	int err = next ? 0 : -ENOMEM;

	if (!err && old)
		err = drop_own(fl, next, old);
	if (!err && fl->before)
		err = bring_lists(fl, next);
	if (!err && fl->local.is_missing)
		err = merge_add(next, fl->base, &fl->apps);
	if (err >= 0)
		err = merge_add(next, fl->local.own, &fl->apps);
	if (err < 0) {
		rules_free(next);
		return err;
	}
	*out = next;
	return 0;
}

/* Changes made here since fleet and host last agreed: what would be published if it were as then.
 */
static size_t count_pending(const struct fleet *fl)
{
	struct merge_in in = {.base = fl->base,
			      .remote = fl->base,
			      .here = fl->local.rules,
			      .own = fl->local.own,
			      .accepts_mass_change = true,
			      .apps = &fl->apps};
	struct merge_out m;
	size_t count;

	if (merge(&in, &m))
		return 0;
	count = rules_count(m.add) + rules_count(m.take) + m.held_count;
	merge_clear(&m);
	return count;
}

int sync_local(struct fleet *fl, struct fault *f)
{
	struct rules *old = NULL, *next = NULL;
	int changed, err, wish;

	err = local_follow_own(&fl->local, &old, f);
	/* A bad file is told of once, and shown until there is a good one. */
	if (err)
		fleet_note(fl->own_fault, sizeof(fl->own_fault), err < 0 ? f->text : "");
	changed = local_follow(&fl->local, f);
	wish = changed < 0 ? changed : fleet_pause_follow(fl, f);
	if (wish < 0) {
		rules_free(old);
		return wish;
	}
	if (!old && !changed)
		return wish;
	/* Own rules that went while nobody looked. */
	if (!old && fl->is_new_start)
		old = snapshot_load_own(fl);
	err = sync_forget_over(fl, times_now());
	if (!err)
		err = complete(fl, old, &next);
	if (err)
		fault_set(f, err, "%s", err == -ENOSPC ? sync_full : "out of memory");
	if (!err && !merge_is_equal(next, fl->local.rules))
		err = local_put(&fl->local, next, f);
	if (!err && old) {
		snapshot_save_own(fl);
		fl->is_new_start = false;
	}
	if (!err) {
		rules_free(fl->before);
		fl->before = rules_copy(fl->local.rules);
	}
	rules_free(next);
	rules_free(old);
	if (!fl->link)
		fl->now.pending_count = count_pending(fl);
	return err ? err : 1;
}
