/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room fleet: three sets of rules made one. `base` is what fleet and host last agreed on;
 * what differs from it there is the fleet's change, what differs here is this host's. Both are
 * kept. Where they contradict each other (one blocks what the other allows) the fleet's, which has
 * the higher version, wins. Of a value there are rules with times or one without. It knows nothing
 * of Redis, of an agent or of the clock: rules that are over are in none of the sets.
 */
#ifndef FLEET_MERGE_H
#define FLEET_MERGE_H

#include "base/text.h"
#include "fleet/guard.h"

/* All borrowed. */
struct merge_in {
	const struct rules *base;      /* agreed on last */
	const struct rules *remote;    /* the fleet's now */
	const struct rules *here;      /* in force on this host now */
	const struct rules *own;       /* of this host alone; never shared, always in force */
	bool is_held[FLEET_SET_COUNT]; /* sets that cannot be written to at present */
	bool accepts_mass_change;
	const struct rule_apps *apps;
};

/* Owned by the caller: merge_clear. */
struct merge_out {
	struct rules *here;	  /* to be in force */
	struct rules *add, *take; /* to be published */
	size_t held_count;	  /* changes made here that stay here for now */
	size_t lost_count;	  /* those that the fleet's contradict, given up */
	struct text lost;	  /* their names, ", " between them */
	struct text kept_out; /* lists of the fleet that a file of this host keeps out, now new */
	const char *why_held; /* or NULL; static text */
};

/* 0; -ENOSPC: this host cannot take as many rules; -ENOMEM. */
int merge(const struct merge_in *in, struct merge_out *out);
void merge_clear(struct merge_out *out);

/* True when both hold the same rules. */
bool merge_is_equal(const struct rules *a, const struct rules *b);
/* Puts every rule of `more` into *into, which changes only if it must. 1 when it did, 0, -ENOSPC,
 * -ENOMEM. */
int merge_add(struct rules *into, const struct rules *more, const struct rule_apps *apps);

/* Takes every rule of `less` out of it, each as it is and not at other times. 0 or -ENOMEM. */
int merge_take(struct rules *from, const struct rules *less, const struct rule_apps *apps);

#endif
