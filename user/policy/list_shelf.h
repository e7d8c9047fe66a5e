/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: the lists that a set of rules holds, by the ids of their rules. Of the same
 * thread as the set.
 */
#ifndef POLICY_LIST_SHELF_H
#define POLICY_LIST_SHELF_H

#include "policy/list.h"

struct list_shelf {
	struct list_place {
		uint64_t id;
		struct list *list;
	} * place;
	size_t count;
};

/* Each returns 0 or -ENOMEM. A list that is put is held; NULL takes away what was there. */
int list_shelf_put(struct list_shelf *s, uint64_t id, struct list *list);
int list_shelf_copy(struct list_shelf *to, const struct list_shelf *from);
void list_shelf_drop(struct list_shelf *s, uint64_t id);
struct list *list_shelf_find(const struct list_shelf *s, uint64_t id); /* or NULL; borrowed */
void list_shelf_clear(struct list_shelf *s);

#endif
