/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Three sets of rules made one; see merge.h.
 */
#include "fleet/merge.h"

#include <errno.h>

static const char held_set[] = "the fleet's set is refused or cannot be written to";
static const char held_sweeping[] = "a rule would reach nearly everything; run serve with "
				    "--accept-mass-change if that is meant";
static const char held_full[] =
	"a fleet's set has at most 100000 rules; keep long lists in each host's --local-rules";
static const char held_mass[] =
	"more than half of the rules were taken away here; run serve with --accept-mass-change if "
	"that is meant for the fleet";

static int add_rule(struct rules *into, const struct rule *r, const struct rule_apps *apps)
{
	char text[RULE_TEXT_MAX];
	int added = rules_add(into, (enum rule_kind)r->kind, r->is_allow,
			      slice_text(rule_text(r, text)), apps, RULES_FORCE, NULL);

	/* A rule of a set can be read again; what else may fail is memory, or a bound. */
	return added == -EINVAL ? -ENOSPC : added;
}

/* Takes this very rule away, and none of the same value at other times. */
static int take_rule(struct rules *from, const struct rule *r, const struct rule_apps *apps)
{
	char text[RULE_TEXT_MAX];
	int taken = !guard_holds(from, r)
			    ? 0
			    : rules_remove(from, (enum rule_kind)r->kind, r->is_allow,
					   slice_text(rule_text(r, text)), apps, NULL);

	return taken < 0 ? -ENOMEM : taken;
}

int merge_take(struct rules *from, const struct rules *less, const struct rule_apps *apps)
{
	struct rules_walk w = {0};
	const struct rule *r;
	int err = 0;

	while (err >= 0 && (r = rules_next(less, &w)))
		err = take_rule(from, r, apps);
	return err < 0 ? err : 0;
}

int merge_add(struct rules *into, const struct rules *more, const struct rule_apps *apps)
{
	struct rules_walk w = {0};
	const struct rule *r;
	int changed = 0;

	while ((r = rules_next(more, &w))) {
		int added = guard_holds(into, r) ? 0 : add_rule(into, r, apps);

		if (added < 0)
			return added;
		changed |= added;
	}
	return changed;
}

bool merge_is_equal(const struct rules *a, const struct rules *b)
{
	return rules_equal(a, b);
}

/* True when the fleet has just said the opposite: it allows what this would block, or blocks what
 * this would allow. What is so for a time only is an exception, and contradicts nothing. */
static bool is_contradicted(const struct merge_in *in, const struct rule *r)
{
	struct rules *twin;
	bool is;

	if (r->kind == RULE_PORT || r->is_timed)
		return false;
	twin = rules_new();
	is = twin &&
	     rules_add(twin, (enum rule_kind)r->kind, !r->is_allow, slice_text(r->value), in->apps,
		       RULES_FORCE, NULL) > 0 &&
	     guard_holds(in->remote, rules_at(twin, 0)) &&
	     !guard_holds(in->base, rules_at(twin, 0));
	rules_free(twin);
	return is;
}

static void hold(struct merge_out *out, const char *why)
{
	out->held_count++;
	out->why_held = why;
}

static void add_label(struct text *names, const struct rule *r)
{
	char label[600];

	rule_label(r, label, sizeof(label));
	text_printf(names, "%s%s", names->len ? ", " : "", label);
}

/* Gives up what this host added, against the fleet's. */
static int lose(const struct merge_in *in, const struct rule *r, struct merge_out *out)
{
	int err = take_rule(out->here, r, in->apps);

	add_label(&out->lost, r);
	out->lost_count++;
	return err < 0 ? err : 0;
}

/* Of this rule the fleet has another one, which stays: times that yield to none, or another source
 * of a list. */
static int yield(const struct merge_in *in, const struct rule *r, struct merge_out *out)
{
	if (guard_holds(in->base, guard_stands_for(in->remote, r)))
		hold(out, held_set); /* it was to go, and cannot */
	else if (r->kind == RULE_LIST)
		return lose(in, r, out);
	return 0;
}

/* A rule that this host added since; room[] counts what its set may still take. */
static int add_local(const struct merge_in *in, const struct rule *r, size_t *room,
		     struct merge_out *out)
{
	size_t set = fleet_set_of(r);
	int err;

	if (guard_holds(in->remote, r))
		return 0; /* the fleet has it too by now */
	if (guard_stands_for(in->remote, r) && !rules_by_id(out->take, r->id))
		return yield(in, r, out);
	if (is_contradicted(in, r))
		return lose(in, r, out);
	if (in->is_held[set])
		hold(out, held_set);
	else if (!room[set])
		hold(out, held_full);
	else if (!in->accepts_mass_change && guard_is_sweeping(r, in->apps))
		hold(out, held_sweeping);
	else if ((err = add_rule(out->add, r, in->apps)) < 0)
		return err;
	else
		room[set]--;
	return 0;
}

/* What this host added: in force, neither agreed on nor its own. */
static int find_added(const struct merge_in *in, struct merge_out *out)
{
	size_t room[FLEET_SET_COUNT];
	struct rules_walk w = {0};
	const struct rule *r;
	int err = 0;

	for (size_t i = 0; i < FLEET_SET_COUNT; i++)
		room[i] = GUARD_SET_MAX;
	while ((r = rules_next(in->remote, &w)))
		if (room[fleet_set_of(r)])
			room[fleet_set_of(r)]--;
	w = (struct rules_walk){0};
	while (!err && (r = rules_next(in->here, &w)))
		if (fleet_shares(r) && !guard_holds(in->base, r) && !guard_holds(in->own, r))
			err = add_local(in, r, room, out);
	return err;
}

/* What this host took away, if the fleet still has it. */
static int find_taken(const struct merge_in *in, struct merge_out *out)
{
	struct guard_losses l = guard_losses(in->base, in->here);
	struct rules_walk w = {0};
	const struct rule *r;
	int err = 0;

	while (err >= 0 && (r = rules_next(in->base, &w))) {
		size_t set = fleet_set_of(r);

		if (guard_holds(in->here, r) || guard_holds(in->own, r) ||
		    guard_stands_for(in->own, r) || guard_is_kept_out(in->here, r))
			continue;
		if (!guard_holds(in->remote, r))
			continue;
		if (in->is_held[set])
			hold(out, held_set);
		else if (!in->accepts_mass_change && guard_refuses(&l, set))
			hold(out, held_mass);
		else
			err = add_rule(out->take, r, in->apps);
	}
	return err < 0 ? err : 0;
}

/* What the fleet took away and added since; in this order, for what it gave other times. */
static int follow_fleet(const struct merge_in *in, struct merge_out *out)
{
	struct rules_walk w = {0};
	const struct rule *r;
	int err = 0;

	while (err >= 0 && (r = rules_next(in->base, &w)))
		if (!guard_holds(in->remote, r))
			err = take_rule(out->here, r, in->apps);
	w = (struct rules_walk){0};
	while (err >= 0 && (r = rules_next(in->remote, &w))) {
		if (guard_holds(in->base, r) || guard_holds(out->here, r))
			continue;
		if (guard_is_kept_out(out->here, r))
			add_label(&out->kept_out, r);
		else
			err = add_rule(out->here, r, in->apps);
	}
	return err < 0 ? err : 0;
}

int merge(const struct merge_in *in, struct merge_out *out)
{
	int err;

	*out = (struct merge_out){
		.here = rules_copy(in->here), .add = rules_new(), .take = rules_new()};
	err = out->here && out->add && out->take ? 0 : -ENOMEM;
	if (!err)
		err = find_taken(in, out);
	if (!err)
		err = find_added(in, out);
	if (!err)
		err = follow_fleet(in, out);
	if (!err)
		err = merge_add(out->here, in->own, in->apps);
	if (err < 0)
		merge_clear(out);
	return err < 0 ? err : 0;
}

void merge_clear(struct merge_out *out)
{
	rules_free(out->here);
	rules_free(out->add);
	rules_free(out->take);
	text_clear(&out->lost);
	text_clear(&out->kept_out);
	*out = (struct merge_out){0};
}
