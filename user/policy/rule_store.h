/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: distinct rules in the order they were added, as memory holds them. Rules and
 * their texts lie together in a few large blocks, and an index of 4-byte references finds them, so
 * that a million take less than a hundred megabytes with all that is built of them.
 *
 * Adding, finding and taking away take constant time: taking away closes the gap in the order of
 * one block (2 bytes a rule) and renumbers the blocks behind it. A copy shares all blocks with what
 * it was made of, and what is changed then is copied block by block.
 */
#ifndef POLICY_RULE_STORE_H
#define POLICY_RULE_STORE_H

#include "policy/rules.h"

struct rule_store;

struct rule_store *rule_store_new(void);
void rule_store_free(struct rule_store *s);
/* The same rules. NULL when out of memory. */
struct rule_store *rule_store_copy(const struct rule_store *s);
/* The same, without the bytes of those taken away; nothing is shared. NULL when out of memory. */
struct rule_store *rule_store_pack(const struct rule_store *s);

size_t rule_store_count(const struct rule_store *s);
const struct rules_counts *rule_store_counts(const struct rule_store *s);
const struct rule *rule_store_at(const struct rule_store *s, size_t i);	      /* i < count */
const struct rule *rule_store_by_id(const struct rule_store *s, uint64_t id); /* or NULL */
/* Asks for the memory that finding or adding a rule of this id will touch. */
void rule_store_await(const struct rule_store *s, uint64_t id);
/* Any rule of the same value as *like, whenever it is in force, or NULL; *count (may be NULL) of
 * them. */
const struct rule *rule_store_value(const struct rule_store *s, const struct rule *like,
				    size_t *count);
/* The rule that is the same as *like, its times too, or NULL. */
const struct rule *rule_store_find(const struct rule_store *s, const struct rule *like);
bool rule_store_is_same(const struct rule *a, const struct rule *b);
/* The number of such a rule; SIZE_MAX: there is none. */
size_t rule_store_number(const struct rule_store *s, const struct rule *like);
const struct rule *rule_store_next(const struct rule_store *s, struct rules_walk *w);
/* The next of these sorts (enum rules_sort). */
const struct rule *rule_store_next_of(const struct rule_store *s, struct rules_walk *w,
				      uint32_t sorts);
/* Two walks that stand at the same rule of two stores: leaves out the blocks that both share. */
void rule_store_skip_shared(const struct rule_store *a, struct rules_walk *wa,
			    const struct rule_store *b, struct rules_walk *wb);

/* Copies a rule that is not there, with its text. Returns 0 or -ENOMEM. */
int rule_store_add(struct rule_store *s, const struct rule *rule);
/* Takes a rule away, which rule_store_find gave. Returns 0, or -ENOMEM and it is there. */
int rule_store_remove(struct rule_store *s, const struct rule *rule);
/* True when the bytes of rules taken away are worth a copy. */
bool rule_store_is_wasteful(const struct rule_store *s);

#endif
