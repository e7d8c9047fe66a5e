/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: what a set of rules is made of, for rules.c and rules_lists.c.
 */
#ifndef POLICY_RULES_INSIDE_H
#define POLICY_RULES_INSIDE_H

#include "policy/list_shelf.h"
#include "policy/rule_store.h"

struct shared {
	struct rule_store *store;
	size_t owners;
};

struct rules {
	struct shared *shared;
	struct list_shelf lists;
};

/* rules_add for a value that is parted from the words that say when (may be none). */
int rules_add_parted(struct rules *r, enum rule_kind kind, bool is_allow, struct slice value,
		     struct slice when, const struct rule_apps *apps, unsigned options,
		     struct fault *f);
/* Gives the set a store of its own: a copy of the one it has. 0 or -ENOMEM. */
int rules_part(struct rules *r);
/* Takes away all rules of a value. 0 or -ENOMEM. */
int rules_remove_value(struct rules *r, const struct rule *like);

/* Takes the list away that has the name of a new one, and from the shelf what was in it, if the new
 * one comes from elsewhere. Returns 0, -EINVAL or -ENOMEM with *f. (rules_lists.c) */
int rules_make_way(struct rules *r, const struct rule *list, struct fault *f);
/* Takes a list away by its name. Returns 1, 0 when there was none, -EINVAL or -ENOMEM with *f. */
int rules_remove_list(struct rules *r, bool is_allow, struct slice value, struct fault *f);

/* The same for a device (rules_devices.c). */
int rules_make_way_device(struct rules *r, const struct rule *device, struct fault *f);
int rules_remove_device(struct rules *r, struct slice value, struct fault *f);

#endif
