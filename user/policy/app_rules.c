/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: application rules by the catalogue's numbers. Categories are spread here and not
 * where rules are stored, so that a later catalogue brings its later applications under them.
 */
#include "policy/app_rules.h"

#include <errno.h>
#include <stdlib.h>

static void set_once(__u64 *field, __u64 id)
{
	if (!*field)
		*field = id;
}

static void add_category(struct app_rules *a, const struct rule *rule,
			 const struct policy_apps *apps)
{
	__u64 *ids = rule->is_allow ? a->allow : a->block;

	for (size_t app = 0; apps->category && app < a->count; app++) {
		const char *category = apps->category(apps->ctx, (int)app);

		if (category && strcmp(category, rule_subject(rule)) == 0)
			set_once(&ids[app], rule->id);
	}
}

static void add_app(struct app_rules *a, const struct rule *rule, const struct policy_apps *apps)
{
	int app = apps->find(apps->ctx, slice_text(rule_subject(rule)));

	if (app >= 0 && (size_t)app < a->count)
		set_once(rule->is_allow ? &a->allow[app] : &a->block[app], rule->id);
}

/* Adds the rules of one sort: for applications as such, or for categories. Returns how many of the
 * other sort there are. */
static size_t add_sort(struct app_rules *a, const struct rules *rules,
		       const struct policy_apps *apps, bool is_category)
{
	struct rules_walk w = {0};
	const struct rule *rule;
	size_t others = 0;

	while ((rule = rules_next_of(rules, &w, RULES_OF_KIND(RULE_APP)))) {
		if (a->is_learnt && !rule->is_learnt)
			continue;
		if (rule->is_category != is_category)
			others++;
		else if (is_category)
			add_category(a, rule, apps);
		else
			add_app(a, rule, apps);
	}
	return others;
}

int app_rules_build(struct app_rules *a, const struct rules *rules, const struct policy_apps *apps)
{
	a->block = calloc(apps->app_count + 1, sizeof(__u64));
	a->allow = calloc(apps->app_count + 1, sizeof(__u64));
	if (!a->block || !a->allow)
		return -ENOMEM;
	a->count = apps->app_count;
	if (add_sort(a, rules, apps, false))
		add_sort(a, rules, apps, true);
	return 0;
}

void app_rules_clear(struct app_rules *a)
{
	free(a->block);
	free(a->allow);
	*a = (struct app_rules){0};
}
