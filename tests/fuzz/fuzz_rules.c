/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any text as rules. What is refused must say where; what is taken must come out as text that is
 * taken again as the same set, and must compile.
 */
#include "classify/catalogue.h"
#include "policy/policy.h"
#include "policy/rules_when.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool is_so)
{
	if (!is_so)
		abort();
}

/* The same rules; the order may differ between sections. */
static void demand_same(const struct rules *a, const struct rules *b)
{
	demand(rules_count(a) == rules_count(b));
	for (size_t i = 0; i < rules_count(a); i++) {
		const struct rule *x = rules_at(a, i), *y = rules_by_id(b, x->id);

		demand(y && x->kind == y->kind && x->is_allow == y->is_allow);
		demand(x->is_exact == y->is_exact && strcmp(x->value, y->value) == 0);
		demand(x->is_learnt == y->is_learnt && x->is_category == y->is_category);
		demand(memcmp(&x->ip, &y->ip, sizeof(x->ip)) == 0);
	}
}

/* Whatever the times: a change of what is in force is to come, and nothing changes before it. */
static void check_times(const struct rules *rules, int64_t moment_s)
{
	int64_t until_s, again_s;
	struct rules *now = rules_in_force(rules, moment_s, false, &until_s), *then;

	demand(now && until_s > moment_s && rules_timed(now) == 0);
	then = rules_in_force(rules, until_s == WHEN_NEVER ? moment_s + 99999 : until_s - 1, false,
			      &again_s);
	demand(then && rules_equal(now, then));
	rules_free(now);
	rules_free(then);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct catalogue *catalogue;
	struct rules *rules = NULL, *again = NULL;
	struct fault f = {""};
	struct rule_apps apps;
	struct policy_apps owned;
	struct policy *policy;
	char *text;

	if (!size)
		return 0;
	if (!catalogue)
		catalogue = catalogue_new();
	apps = catalogue_rule_apps(catalogue);
	owned = catalogue_policy_apps(catalogue);
	/* The first byte chooses whether public suffixes are taken. */
	if (rules_parse(slice_of(data + 1, size - 1), "fuzz", &apps, data[0] & RULES_FORCE, &rules,
			&f)) {
		demand(strncmp(f.text, "fuzz:", 5) == 0);
		return 0;
	}
	text = rules_format(rules);
	demand(text != NULL);
	demand(rules_parse(slice_text(text), "again", &apps, RULES_FORCE, &again, &f) == 0);
	demand_same(rules, again);
	demand(rules_equal(rules, again));
	if (rules_timed(rules))
		check_times(rules, 1792900000 + data[0] * INT64_C(4321));
	policy = policy_new(rules, &owned, 1);
	demand(policy != NULL);
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);
		struct slice name = rule_subject(r);

		if (r->kind != RULE_DOMAIN || r->device_len)
			continue;
		demand(policy_match_name(policy, NULL, name).rule != 0);
		/* What says `learnt:` decides learnt names, unless something allows the name. */
		if (r->is_learnt && policy_match_name(policy, NULL, name).is_block)
			demand(policy_match_learnt(policy, NULL, name).is_block);
	}
	policy_free(policy);
	free(text);
	rules_free(rules);
	rules_free(again);
	return 0;
}
