/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the names of lists in the table of suffixes. They stay where the lists have them:
 * the table knows each by the number of its first byte.
 */
#include "policy/list.h"
#include "policy/name_table_inside.h"

/* A name that is an exception of a list that allows is allowed: it cannot be meant otherwise. */
static struct name_say say_of(const struct name_list *l, struct list_name n, struct slice *suffix)
{
	*suffix = n.name;
	return (struct name_say){.rule = l->rule,
				 .is_allow = l->is_allow,
				 .is_exact = n.is_exact,
				 .is_list = true,
				 .is_spare = n.is_spare && !l->is_allow};
}

struct name_say name_table_say_of_list(const struct name_table *t, uint32_t number,
				       struct slice *suffix)
{
	const struct name_list *l = t->list;

	while (number >= l[1].first)
		l++;
	return say_of(l, list_name_at(l->list, number - l->first), suffix);
}

int name_table_find_lists(struct name_table *t, size_t *names)
{
	size_t count = t->is_learnt ? 0 : rules_list_count(t->rules), n = 0;
	uint64_t number = t->rule_count;
	struct rules_walk w = {0};
	const struct rule *rule;

	t->list = calloc(count + 1, sizeof(*t->list));
	if (!t->list)
		return -ENOMEM;
	while (n < count && (rule = rules_next_of(t->rules, &w, RULES_OF_KIND(RULE_LIST)))) {
		const struct list *list = rules_list(t->rules, rule->id);

		count -= !list;
		if (!list)
			continue;
		t->list[n++] = (struct name_list){.list = list,
						  .rule = rule->id,
						  .is_allow = rule->is_allow,
						  .first = (uint32_t)number};
		number += list_names_len(list);
		*names += list_name_count(list);
		if (number >= NAME_FULL - 1)
			return -E2BIG;
	}
	t->list[n].first = UINT32_MAX;
	return 0;
}

static int add_list(struct name_table *t, const struct name_list *l)
{
	struct name_coming c[NAME_AHEAD];
	struct list_name name;
	size_t at = 0, count = 0;
	int err = 0;

	for (size_t begin = 0; !err && list_next_name(l->list, &at, &name); begin = at) {
		c[count].number = l->first + (uint32_t)begin;
		c[count].say = say_of(l, name, &c[count].suffix);
		name_table_prepare(t, &c[count++]);
		if (count == NAME_AHEAD) {
			err = name_table_add(t, c, count);
			count = 0;
		}
	}
	return err ? err : name_table_add(t, c, count);
}

int name_table_add_lists(struct name_table *t)
{
	int err = 0;

	for (const struct name_list *l = t->list; l->list && !err; l++)
		err = add_list(t, l);
	return err;
}
