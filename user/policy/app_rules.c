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

	for (size_t app = 0; apps->category && app < apps->app_count; app++) {
		const char *category = apps->category(apps->ctx, (int)app);

		if (category && slice_equal(slice_text(category), rule_subject(rule)))
			set_once(&ids[app], rule->id);
	}
}

static void add_app(struct app_rules *a, const struct rule *rule, const struct policy_apps *apps)
{
	int app = apps->find(apps->ctx, rule_subject(rule));

	if (app >= 0 && (size_t)app < apps->app_count)
		set_once(rule->is_allow ? &a->allow[app] : &a->block[app], rule->id);
}

/* The set of a device, or of all (0), made when there is none. NULL when out of memory. */
static struct app_rules *set_of(struct app_rule_sets *s, uint64_t device)
{
	struct app_rules *a;

	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].device == device)
			return &s->at[i];
	a = reallocarray(s->at, s->count + 1, sizeof(*a));
	if (!a)
		return NULL;
	s->at = a;
	a = &s->at[s->count++];
	*a = (struct app_rules){.device = device,
				.block = calloc(s->app_count + 1, sizeof(__u64)),
				.allow = calloc(s->app_count + 1, sizeof(__u64))};
	return a->block && a->allow ? a : NULL;
}

/* Adds the rules of one sort: for applications as such, or for categories. Counts those of the
 * other sort. */
static int add_sort(struct app_rule_sets *s, const struct rules *rules,
		    const struct policy_apps *apps, bool is_category, size_t *others)
{
	struct rules_walk w = {0};
	const struct rule *rule;

	while ((rule = rules_next_of(rules, &w, RULES_OF_KIND(RULE_APP)))) {
		struct app_rules *a;

		if (s->is_learnt && !rule->is_learnt)
			continue;
		if (rule->is_category != is_category) {
			++*others;
			continue;
		}
		a = set_of(s, rule->device_len ? rule_device_id(rule_device(rule)) : 0);
		if (!a)
			return -ENOMEM;
		if (is_category)
			add_category(a, rule, apps);
		else
			add_app(a, rule, apps);
	}
	return 0;
}

int app_rules_build(struct app_rule_sets *s, const struct rules *rules,
		    const struct policy_apps *apps)
{
	size_t others = 0;
	int err;

	s->app_count = apps->app_count;
	if (!set_of(s, 0))
		return -ENOMEM;
	err = add_sort(s, rules, apps, false, &others);
	return err || !others ? err : add_sort(s, rules, apps, true, &others);
}

void app_rules_clear(struct app_rule_sets *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->at[i].block);
		free(s->at[i].allow);
	}
	free(s->at);
	*s = (struct app_rule_sets){0};
}
