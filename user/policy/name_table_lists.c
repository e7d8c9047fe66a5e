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

void name_table_add_behind(struct name_table *t, struct name_slot *s, const struct name_coming *c)
{
	size_t i = (size_t)(s - t->slot);

	/* There is one for each name that comes. */
	while (t->slot[i].at)
		i = (i + 1) & (t->slot_count - 1);
	t->slot[i] = (struct name_slot){(uint32_t)(c->hashes.whole >> 32),
					(uint32_t)NAME_BEHIND | (c->number + 1)};
}

struct dpi_name_rule name_table_listed(const struct name_table *t, const struct name_slot *s,
				       uint64_t hash, struct slice suffix)
{
	struct dpi_name_rule room, listed = {0};
	const struct dpi_name_rule *r = name_table_entry(t, s, &room);

	if (!r)
		return listed;
	if (!name_rule_is_ruled(r)) {
		listed = *r;
		listed.flags &= ~(uint32_t)DPI_NAME_APP;
		listed.app_block = listed.app_allow = 0;
		return listed;
	}
	for (size_t i = (size_t)(s - t->slot); t->slot[i].at; i = (i + 1) & (t->slot_count - 1)) {
		uint32_t at = t->slot[i].at & ~(uint32_t)NAME_BEHIND;
		struct name_say say;
		struct slice name;

		if (at == t->slot[i].at || t->slot[i].mark != hash >> 32)
			continue;
		say = name_table_say_of_list(t, at - 1, &name);
		if (slice_equal(name, suffix))
			name_say_put(&listed, &say);
	}
	return listed;
}
