/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: the slots of an index that copies of it share, page by page, until one of
 * them writes. It knows nothing of what is in a slot. One thread copies, writes and frees.
 */
#ifndef POLICY_RULE_INDEX_H
#define POLICY_RULE_INDEX_H

#include <stddef.h>
#include <stdint.h>

enum { RULE_PAGE_SLOTS = 4096 };

struct rule_page {
	size_t owners;
	uint32_t slot[]; /* RULE_PAGE_SLOTS, or all there are */
};

struct rule_index {
	struct rule_page **page;
	size_t slot_count; /* a power of two, or 0 */
};

/* Makes an empty one: all slots 0. Returns 0 or -ENOMEM. */
int rule_index_init(struct rule_index *x, size_t slot_count);
void rule_index_clear(struct rule_index *x);
/* Makes *copy the same. Returns 0 or -ENOMEM. */
int rule_index_copy(struct rule_index *copy, const struct rule_index *x);
/* Makes the page of a slot this one's own. Returns 0 or -ENOMEM. */
int rule_index_own(struct rule_index *x, size_t i);

/* To be read; to be written once it is owned. */
static inline uint32_t *rule_index_slot(const struct rule_index *x, size_t i)
{
	return &x->page[i / RULE_PAGE_SLOTS]->slot[i % RULE_PAGE_SLOTS];
}

#endif
