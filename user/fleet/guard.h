/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room fleet: what is taken for an accident, or for malice, until somebody says that it is
 * meant (--accept-mass-change): rules that reach everything, and rules that vanish by the half.
 */
#ifndef FLEET_GUARD_H
#define FLEET_GUARD_H

#include "fleet/fleet.h"
#include "policy/rules.h"

enum {
	GUARD_LOST_MIN = 8,    /* fewer rules may vanish at once, however few there were */
	GUARD_SET_MAX = 100000 /* rules of one set; long lists are a matter for each host's file */
};

/* The sets of a fleet, in the order of struct fleet_set. */
struct fleet_set {
	const char *name; /* "ip", "allow-app", "timed-app" */
	enum rule_kind kind;
	bool is_allow;
	/* Rules with times have sets of their own: a host that knows no times would refuse a whole
	 * set for one rule that has some. (Lists have always had their own.) */
	bool is_timed;
};
enum { FLEET_SET_COUNT = FLEET_SETS };
extern const struct fleet_set fleet_sets[FLEET_SET_COUNT];
/* False for a list that is a file of this host. */
bool fleet_shares(const struct rule *r);
/* The number of the set that a rule belongs to, which the fleet shares. */
size_t fleet_set_of(const struct rule *r);

/* True when a rule of this text is in the set; of a list, with this source. */
bool guard_holds(const struct rules *set, const struct rule *r);
/* The other rule in the set that keeps this one out of it, or NULL: one of the same value that has
 * no times, where this has some; a list of the same name. Borrowed from the set. */
const struct rule *guard_stands_for(const struct rules *set, const struct rule *r);
/* True when that is a list from a file of this host: it stays, and the fleet's is left out here. */
bool guard_is_kept_out(const struct rules *set, const struct rule *r);
/* True for a rule that reaches every name below a public suffix, or more than a 128th of all
 * addresses. */
bool guard_is_sweeping(const struct rule *r, const struct rule_apps *apps);
/* True when more than half of `before` rules are gone, and not a mere handful. */
bool guard_is_mass(size_t before, size_t lost);

struct guard_losses {
	size_t before[FLEET_SET_COUNT], lost[FLEET_SET_COUNT];
	size_t all_before, all_lost;
};
/* What of `before` is not in `after`, by sets. */
struct guard_losses guard_losses(const struct rules *before, const struct rules *after);
/* True when this set, or all together, lose more than they may. */
bool guard_refuses(const struct guard_losses *l, size_t set);

#endif
