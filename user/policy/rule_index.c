/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the slots of an index that copies of it share; see rule_index.h.
 */
#include "policy/rule_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t page_count(const struct rule_index *x)
{
	return (x->slot_count + RULE_PAGE_SLOTS - 1) / RULE_PAGE_SLOTS;
}

static size_t page_bytes(const struct rule_index *x)
{
	size_t slots = x->slot_count < RULE_PAGE_SLOTS ? x->slot_count : RULE_PAGE_SLOTS;

	return sizeof(struct rule_page) + slots * sizeof(uint32_t);
}

static void page_drop(struct rule_page *p)
{
	if (p && --p->owners == 0)
		free(p);
}

int rule_index_init(struct rule_index *x, size_t slot_count)
{
	*x = (struct rule_index){.slot_count = slot_count};
	x->page = calloc(page_count(x), sizeof(struct rule_page *));
	for (size_t i = 0; x->page && i < page_count(x); i++) {
		x->page[i] = calloc(1, page_bytes(x));
		if (!x->page[i])
			break;
		x->page[i]->owners = 1;
	}
	if (x->page && x->page[page_count(x) - 1])
		return 0;
	rule_index_clear(x);
	return -ENOMEM;
}

void rule_index_clear(struct rule_index *x)
{
	for (size_t i = 0; x->page && i < page_count(x); i++)
		page_drop(x->page[i]);
	free(x->page);
	*x = (struct rule_index){0};
}

int rule_index_copy(struct rule_index *copy, const struct rule_index *x)
{
	*copy = (struct rule_index){0};
	if (!x->slot_count)
		return 0;
	copy->page = malloc(page_count(x) * sizeof(struct rule_page *));
	if (!copy->page)
		return -ENOMEM;
	copy->slot_count = x->slot_count;
	for (size_t i = 0; i < page_count(x); i++) {
		copy->page[i] = x->page[i];
		copy->page[i]->owners++;
	}
	return 0;
}

int rule_index_own(struct rule_index *x, size_t i)
{
	struct rule_page **p = &x->page[i / RULE_PAGE_SLOTS], *own;

	if ((*p)->owners == 1)
		return 0;
	own = malloc(page_bytes(x));
	if (!own)
		return -ENOMEM;
	memcpy(own, *p, page_bytes(x));
	own->owners = 1;
	(*p)->owners--;
	*p = own;
	return 0;
}
