/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: what is in the lists of a set of rules; see list_shelf.h. A few dozen at most
 * (LISTS_MAX), so they are looked through one by one.
 */
#include "policy/list_shelf.h"

#include <errno.h>
#include <stdlib.h>

static struct list_place *find(const struct list_shelf *s, uint64_t id)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->place[i].id == id)
			return &s->place[i];
	return NULL;
}

int list_shelf_put(struct list_shelf *s, uint64_t id, struct list *list)
{
	struct list_place *p = find(s, id);

	if (!list) {
		list_shelf_drop(s, id);
		return 0;
	}
	if (!p) {
		struct list_place *more = realloc(s->place, (s->count + 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->place = more;
		p = &more[s->count++];
		*p = (struct list_place){.id = id};
	}
	list_hold(list);
	list_drop(p->list);
	p->list = list;
	return 0;
}

int list_shelf_copy(struct list_shelf *to, const struct list_shelf *from)
{
	int err = 0;

	for (size_t i = 0; i < from->count && !err; i++)
		err = list_shelf_put(to, from->place[i].id, from->place[i].list);
	return err;
}

void list_shelf_drop(struct list_shelf *s, uint64_t id)
{
	struct list_place *p = find(s, id);

	if (!p)
		return;
	list_drop(p->list);
	*p = s->place[--s->count];
}

struct list *list_shelf_find(const struct list_shelf *s, uint64_t id)
{
	const struct list_place *p = find(s, id);

	return p ? p->list : NULL;
}

void list_shelf_clear(struct list_shelf *s)
{
	for (size_t i = 0; i < s->count; i++)
		list_drop(s->place[i].list);
	free(s->place);
	*s = (struct list_shelf){0};
}
