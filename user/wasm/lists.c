/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: stands for policy/list*.c, rules_lists.c, name_table_lists.c, value_list.c and
 * name_layer*.c. The page has the rules but not what is in the lists, so that a list is a rule
 * there that never speaks, and all code for it falls away. Whoever gave the page the rules has
 * looked at their sources. Nor does it change rules: a policy is built whole, and there are no
 * layers.
 */
#include "policy/name_layer.h"
#include "policy/name_table_inside.h"
#include "policy/rules_inside.h"
#include "policy/value.h"

#include <errno.h>

int value_read_list(union draft *d, struct slice value, const struct rule_apps *apps,
		    struct fault *f)
{
	if (!value.len || value.len > VALUE_MAX)
		return -EINVAL;
	d->rule.list.name_len = (uint8_t)value.len;
	memcpy(d->rule.value, value.at, value.len);
	d->rule.value[value.len] = '\0';
	return 0;
}

/* Nothing is ever told of one, so one number is enough for all. */
uint64_t value_list_id(bool is_allow, struct slice value, struct fault *f)
{
	return 1;
}

struct slice rule_list_name(const struct rule *r)
{
	return slice_text(r->value);
}

int list_shelf_copy(struct list_shelf *to, const struct list_shelf *from)
{
	return 0;
}

void list_shelf_clear(struct list_shelf *s)
{
}

const struct list *rules_list(const struct rules *r, uint64_t id)
{
	return NULL;
}

size_t rules_list_count(const struct rules *r)
{
	return 0;
}

int rules_make_way(struct rules *r, const struct rule *list, struct fault *f)
{
	return 0;
}

int rules_remove_list(struct rules *r, bool is_allow, struct slice value, struct fault *f)
{
	return 0;
}

size_t list_name_count(const struct list *l)
{
	return 0;
}

size_t list_addr_count(const struct list *l)
{
	return 0;
}

size_t list_names_len(const struct list *l)
{
	return 0;
}

bool list_next_addr(const struct list *l, size_t *at, struct dpi_addr *addr, uint8_t *bits)
{
	return false;
}

int name_table_find_lists(struct name_table *t, size_t *names)
{
	return 0;
}

int name_table_add_lists(struct name_table *t)
{
	return 0;
}

struct name_say name_table_say_of_list(const struct name_table *t, uint32_t number,
				       struct slice *suffix)
{
	return (struct name_say){0};
}

void name_table_add_behind(struct name_table *t, struct name_slot *s, const struct name_coming *c)
{
}

void name_rules_drop(struct name_rules *n)
{
	name_table_drop(n->table);
}

size_t name_rules_count(const struct name_rules *n)
{
	return n->table ? n->table->count : 0;
}

int name_rules_each(const struct name_rules *n,
		    int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx)
{
	return name_table_each(n->table, fn, ctx);
}

struct dpi_name_walk name_layer_walk(const struct name_rules *n, const struct policy_whom *whom,
				     struct slice name)
{
	return name_table_walk(n->table, whom, name);
}
