/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: how memory holds a set of rules, for rule_store.c, which looks, and
 * rule_store_change.c, which writes.
 *
 * A reference is the number of a block times BLOCK_UNITS, plus the place in it. A slot of the index
 * holds a reference + 1 and, in the bits above it, a few bits of the id, so that a rule that is not
 * meant is seldom looked at: a million of them do not fit a cache.
 *
 * Blocks and pages of the index belong to all copies of a store, until one of them is about to
 * change it and takes a copy of that one for itself. Bytes of a block that no copy uses yet are the
 * first one's that wants them.
 */
#ifndef POLICY_RULE_STORE_INSIDE_H
#define POLICY_RULE_STORE_INSIDE_H

#include "policy/rule_index.h"
#include "policy/rule_store.h"

enum {
	BLOCK_BYTES = 1 << 18,
	UNIT = 8, /* places count in these */
	BLOCK_UNITS = BLOCK_BYTES / UNIT,
	HEAD_BYTES = offsetof(struct rule, value),
	BLOCK_RULES_MAX = BLOCK_BYTES / ((HEAD_BYTES + 1 + UNIT - 1) / UNIT * UNIT),
	FIRST_SLOTS = 64,
	WASTE_MIN = 1 << 13, /* units */
	REF_BITS = 27,	     /* of a slot; a gigabyte of rules */
	BLOCKS_MAX = ((1 << REF_BITS) - 1) / BLOCK_UNITS,
};
_Static_assert(BLOCK_UNITS <= UINT16_MAX + 1, "a place in a block is a uint16_t");

/* The bytes of rules. Allocated apart, so that the blocks themselves can be searched in the cache.
 */
struct room {
	size_t owners;
	uint32_t used; /* units that some copy has taken */
	_Alignas(UNIT) char bytes[BLOCK_BYTES];
};

/* Places of a block's rules, ascending: in the order of adding. */
struct order {
	size_t owners;
	uint16_t at[BLOCK_RULES_MAX];
};

struct block {
	struct room *room;
	struct order *order;
	uint32_t first; /* number of its first rule in the set */
	uint32_t count; /* rules in it */
	uint32_t used;	/* units taken */
	uint32_t sorts; /* of rules that are in it, or were; enum rules_sort */
};

struct rule_store {
	struct block *block;
	size_t block_count;
	size_t count;
	struct rules_counts counts;
	struct rule_index index; /* open addressing by id; 0: empty */
	size_t taken, wasted;	 /* units of blocks in use, and of rules taken away */
};

static inline struct rule *rule_of(const struct rule_store *s, uint32_t ref)
{
	return (struct rule *)&s->block[ref / BLOCK_UNITS].room->bytes[ref % BLOCK_UNITS * UNIT];
}

static inline const struct rule *rule_in(const struct block *b, size_t i)
{
	return (const struct rule *)&b->room->bytes[b->order->at[i] * UNIT];
}

static inline uint32_t slot_of(uint32_t ref, uint64_t id)
{
	return (ref + 1) | (uint32_t)(id >> 32) >> REF_BITS << REF_BITS;
}

static inline uint32_t ref_of(uint32_t slot)
{
	return (slot & ((1U << REF_BITS) - 1)) - 1;
}

/* False when the slot cannot be of this id. */
static inline bool may_be(uint32_t slot, uint64_t id)
{
	return slot >> REF_BITS == (uint32_t)(id >> 32) >> REF_BITS;
}

static inline uint32_t sorts_of(const struct rule *rule)
{
	return RULES_OF_KIND(rule->kind) | (rule->is_timed ? RULES_TIMED : 0) |
	       (rule->device_len ? RULES_OF_DEVICES : 0);
}

static inline size_t home_of(const struct rule_store *s, uint64_t id)
{
	return (size_t)(id ^ id >> 29) & (s->index.slot_count - 1);
}

/* What is in the slot at *i, which moves on to the next. */
static inline uint32_t slot_next(const struct rule_store *s, size_t *i)
{
	uint32_t slot = *rule_index_slot(&s->index, *i);

	*i = (*i + 1) & (s->index.slot_count - 1);
	return slot;
}

/* The place in its block's order of the rule at ref. */
uint32_t rule_store_place(const struct rule_store *s, uint32_t ref);

#endif
