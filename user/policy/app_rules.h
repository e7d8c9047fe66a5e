/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: what the rules say of each application, a rule for a category meaning all of
 * its applications. Built once, then only read, by any thread.
 */
#ifndef POLICY_APP_RULES_H
#define POLICY_APP_RULES_H

#include "policy/policy.h"

struct app_rules {
	uint64_t device;      /* whose rules these are; 0: of all */
	__u64 *block, *allow; /* ids of rules by application; 0 is none */
};

/* The rules of all come first, then those of each device that has some. Without a rule for an
 * application there are none. */
struct app_rule_sets {
	struct app_rules *at;
	size_t count, app_count;
	bool is_learnt; /* only rules that say `learnt:` count */
};

/* Fills an empty one; is_learnt is set by the caller. An application's own rule comes before its
 * category's. Returns 0 or -ENOMEM; clear it in either case. */
int app_rules_build(struct app_rule_sets *s, const struct rules *rules,
		    const struct policy_apps *apps);
void app_rules_clear(struct app_rule_sets *s);

#endif
