/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is taken for an accident; see guard.h.
 */
#include "fleet/guard.h"

enum { BITS_MIN = 7, IP4_BITS = 96 };

const struct fleet_set fleet_sets[FLEET_SET_COUNT] = {
	{"ip", RULE_IP, false, false},
	{"domain", RULE_DOMAIN, false, false},
	{"app", RULE_APP, false, false},
	{"port", RULE_PORT, false, false},
	{"allow-ip", RULE_IP, true, false},
	{"allow-domain", RULE_DOMAIN, true, false},
	{"allow-app", RULE_APP, true, false},
	{"timed-ip", RULE_IP, false, true},
	{"timed-domain", RULE_DOMAIN, false, true},
	{"timed-app", RULE_APP, false, true},
	{"timed-port", RULE_PORT, false, true},
	{"timed-allow-ip", RULE_IP, true, true},
	{"timed-allow-domain", RULE_DOMAIN, true, true},
	{"timed-allow-app", RULE_APP, true, true},
	{"list", RULE_LIST, false, false},
	{"allow-list", RULE_LIST, true, false},
};

bool fleet_shares(const struct rule *r)
{
	if (r->kind == RULE_DEVICE || r->device_len)
		return false;
	return r->kind != RULE_LIST || rule_list_source(r).at[0] != '/';
}

size_t fleet_set_of(const struct rule *r)
{
	size_t i = 0;

	while (i < FLEET_SET_COUNT - 1 &&
	       (fleet_sets[i].kind != r->kind || fleet_sets[i].is_allow != r->is_allow ||
		(fleet_sets[i].is_timed != r->is_timed && r->kind != RULE_LIST)))
		i++;
	return i;
}

bool guard_holds(const struct rules *set, const struct rule *r)
{
	return rules_holds(set, r);
}

const struct rule *guard_stands_for(const struct rules *set, const struct rule *r)
{
	const struct rule *there = rules_by_id(set, r->id);

	if (!there || guard_holds(set, r) || (r->kind != RULE_LIST && there->is_timed))
		return NULL;
	return there;
}

bool guard_is_kept_out(const struct rules *set, const struct rule *r)
{
	const struct rule *there = guard_stands_for(set, r);

	return there && !fleet_shares(there);
}

bool guard_is_sweeping(const struct rule *r, const struct rule_apps *apps)
{
	struct rules *alone;
	int added;

	if (r->kind == RULE_IP)
		return r->ip.bits < BITS_MIN ||
		       (r->ip.bits >= IP4_BITS && r->ip.bits < IP4_BITS + BITS_MIN + 1);
	if (r->kind != RULE_DOMAIN)
		return false;
	/* What the file's own language takes by force alone. */
	alone = rules_new();
	added = alone ? rules_add(alone, RULE_DOMAIN, r->is_allow, slice_text(r->value), apps, 0,
				  NULL)
		      : -1;
	rules_free(alone);
	return added < 0;
}

bool guard_is_mass(size_t before, size_t lost)
{
	return lost >= GUARD_LOST_MIN && lost * 2 > before;
}

struct guard_losses guard_losses(const struct rules *before, const struct rules *after)
{
	struct guard_losses l = {0};
	struct rules_walk w = {0};
	const struct rule *r;

	while ((r = rules_next(before, &w))) {
		size_t set = fleet_set_of(r);

		if (!fleet_shares(r))
			continue;
		l.before[set]++;
		l.all_before++;
		if (!guard_holds(after, r)) {
			l.lost[set]++;
			l.all_lost++;
		}
	}
	return l;
}

bool guard_refuses(const struct guard_losses *l, size_t set)
{
	return guard_is_mass(l->before[set], l->lost[set]) ||
	       (l->lost[set] && guard_is_mass(l->all_before, l->all_lost));
}
