/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the rules of a set that are lists, and what is in them. Of one name there is one
 * list: another with that name takes its place.
 */
#include "policy/rules_inside.h"
#include "policy/value.h"

#include <errno.h>

const struct list *rules_list(const struct rules *r, uint64_t id)
{
	return list_shelf_find(&r->lists, id);
}

int rules_set_list(struct rules *r, uint64_t id, struct list *list)
{
	return list_shelf_put(&r->lists, id, list);
}

size_t rules_list_count(const struct rules *r)
{
	const size_t *count = rules_counts(r)->of[RULE_LIST];

	return count[false] + count[true];
}

int rules_make_way(struct rules *r, const struct rule *list, struct fault *f)
{
	const struct rule *old = rules_by_id(r, list->id);

	if (!old && rules_list_count(r) >= LISTS_MAX)
		return fault_set(f, -EINVAL,
				 "there are %d lists already, which is the most: take one away, or "
				 "put several into one file",
				 LISTS_MAX);
	if (!old || strcmp(old->value, list->value) == 0)
		return 0;
	if (r->shared->owners > 1 && rules_part(r))
		return fault_set(f, -ENOMEM, "out of memory");
	old = rules_by_id(r, list->id);
	if (!slice_equal(rule_list_source(old), rule_list_source(list)))
		list_shelf_drop(&r->lists, list->id);
	return rules_remove_value(r, old) ? fault_set(f, -ENOMEM, "out of memory") : 0;
}

int rules_remove_list(struct rules *r, bool is_allow, struct slice value, struct fault *f)
{
	uint64_t id = value_list_id(is_allow, value, f);

	if (!id)
		return -EINVAL;
	if (!rules_by_id(r, id))
		return 0;
	if (r->shared->owners > 1 && rules_part(r))
		return fault_set(f, -ENOMEM, "out of memory");
	list_shelf_drop(&r->lists, id);
	return rules_remove_value(r, rules_by_id(r, id)) ? fault_set(f, -ENOMEM, "out of memory")
							 : 1;
}
