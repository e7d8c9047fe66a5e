/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the memory of a set of rules. It knows ids and texts, and nothing of what rules
 * mean.
 *
 * A reference is the number of a block times BLOCK_UNITS, plus the place in it. A slot of the index
 * holds a reference + 1 and, in the bits above it, a few bits of the id, so that a rule that is not
 * meant is seldom looked at: a million of them do not fit a cache.
 */
#include "policy/rule_store.h"

#include <errno.h>
#include <stdlib.h>

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

/* Allocated apart, so that the blocks themselves can be searched in the cache. */
struct room {
	uint16_t
		order[BLOCK_RULES_MAX]; /* places of its rules, ascending: in the order of adding */
	_Alignas(UNIT) char bytes[BLOCK_BYTES];
};

struct block {
	struct room *room;
	uint32_t first; /* number of its first rule in the set */
	uint32_t count; /* rules in it */
	uint32_t used;	/* units taken */
};

struct rule_store {
	struct block *block;
	size_t block_count;
	size_t count, timed;
	uint32_t *slot; /* open addressing by id; 0: empty */
	size_t slot_count;
	size_t taken, wasted; /* units of blocks in use, and of rules taken away */
};

static struct rule *rule_of(const struct rule_store *s, uint32_t ref)
{
	return (struct rule *)&s->block[ref / BLOCK_UNITS].room->bytes[ref % BLOCK_UNITS * UNIT];
}

static uint32_t slot_of(uint32_t ref, uint64_t id)
{
	return (ref + 1) | (uint32_t)(id >> 32) >> REF_BITS << REF_BITS;
}

static uint32_t ref_of(uint32_t slot)
{
	return (slot & ((1U << REF_BITS) - 1)) - 1;
}

/* False when the slot cannot be of this id. */
static bool may_be(uint32_t slot, uint64_t id)
{
	return slot >> REF_BITS == (uint32_t)(id >> 32) >> REF_BITS;
}

static size_t bytes_of(const struct rule *rule)
{
	size_t when = rule->is_timed ? strlen(rule_when(rule)) + 1 : 0;

	return HEAD_BYTES + strlen(rule->value) + 1 + when;
}

static size_t units_of(const struct rule *rule)
{
	return (bytes_of(rule) + UNIT - 1) / UNIT;
}

struct rule_store *rule_store_new(void)
{
	return calloc(1, sizeof(struct rule_store));
}

void rule_store_free(struct rule_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->block_count; i++)
		free(s->block[i].room);
	free(s->block);
	free(s->slot);
	free(s);
}

size_t rule_store_count(const struct rule_store *s)
{
	return s->count;
}

/* The block of the rule with this number: the last that begins at or before it. */
static size_t block_at(const struct rule_store *s, size_t i)
{
	size_t low = 0, high = s->block_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (s->block[middle].first <= i)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const struct rule *rule_store_at(const struct rule_store *s, size_t i)
{
	const struct block *b = &s->block[block_at(s, i)];

	return (const struct rule *)&b->room->bytes[b->room->order[i - b->first] * UNIT];
}

const struct rule *rule_store_next(const struct rule_store *s, struct rules_walk *w)
{
	const struct block *b;

	while (w->block < s->block_count && w->at >= s->block[w->block].count) {
		w->block++;
		w->at = 0;
	}
	if (w->block >= s->block_count)
		return NULL;
	b = &s->block[w->block];
	return (const struct rule *)&b->room->bytes[b->room->order[w->at++] * UNIT];
}

static size_t home_of(const struct rule_store *s, uint64_t id)
{
	return (size_t)(id ^ id >> 29) & (s->slot_count - 1);
}

const struct rule *rule_store_by_id(const struct rule_store *s, uint64_t id)
{
	if (!s->slot_count)
		return NULL;
	for (size_t i = home_of(s, id); s->slot[i]; i = (i + 1) & (s->slot_count - 1))
		if (may_be(s->slot[i], id) && rule_of(s, ref_of(s->slot[i]))->id == id)
			return rule_of(s, ref_of(s->slot[i]));
	return NULL;
}

void rule_store_await(const struct rule_store *s, uint64_t id)
{
	if (s->slot_count)
		__builtin_prefetch(&s->slot[home_of(s, id)], 1);
}

static bool is_same_value(const struct rule *a, const struct rule *b)
{
	return a->id == b->id && a->kind == b->kind && a->is_allow == b->is_allow &&
	       strcmp(a->value, b->value) == 0;
}

static bool is_same(const struct rule *a, const struct rule *b)
{
	return is_same_value(a, b) && a->is_timed == b->is_timed &&
	       (!a->is_timed || strcmp(rule_when(a), rule_when(b)) == 0);
}

size_t rule_store_timed(const struct rule_store *s)
{
	return s->timed;
}

const struct rule *rule_store_value(const struct rule_store *s, const struct rule *like,
				    size_t *count)
{
	const struct rule *found = NULL;
	size_t n = 0;

	for (size_t i = s->slot_count ? home_of(s, like->id) : 0; s->slot_count && s->slot[i];
	     i = (i + 1) & (s->slot_count - 1)) {
		if (!may_be(s->slot[i], like->id) ||
		    !is_same_value(rule_of(s, ref_of(s->slot[i])), like))
			continue;
		n++;
		found = rule_of(s, ref_of(s->slot[i]));
	}
	if (count)
		*count = n;
	return found;
}

const struct rule *rule_store_find(const struct rule_store *s, const struct rule *like)
{
	if (!s->slot_count)
		return NULL;
	for (size_t i = home_of(s, like->id); s->slot[i]; i = (i + 1) & (s->slot_count - 1))
		if (may_be(s->slot[i], like->id) && is_same(rule_of(s, ref_of(s->slot[i])), like))
			return rule_of(s, ref_of(s->slot[i]));
	return NULL;
}

/* Puts a reference into the index, which has room. */
static void index_rule(struct rule_store *s, uint32_t ref)
{
	uint64_t id = rule_of(s, ref)->id;
	size_t at = home_of(s, id);

	while (s->slot[at])
		at = (at + 1) & (s->slot_count - 1);
	s->slot[at] = slot_of(ref, id);
}

/* Makes the index large enough for this many rules: at most three quarters of it are taken. */
static int grow_index(struct rule_store *s, size_t count)
{
	size_t slot_count = s->slot_count ? s->slot_count : FIRST_SLOTS;
	uint32_t *slot;

	while (count * 4 > slot_count * 3)
		slot_count *= 2;
	if (slot_count == s->slot_count)
		return 0;
	slot = calloc(slot_count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(s->slot);
	s->slot = slot;
	s->slot_count = slot_count;
	for (size_t b = 0; b < s->block_count; b++)
		for (size_t i = 0; i < s->block[b].count; i++)
			index_rule(s, (uint32_t)(b * BLOCK_UNITS + s->block[b].room->order[i]));
	return 0;
}

/* Adds an empty block. Returns 0 or -ENOMEM. */
static int add_block(struct rule_store *s)
{
	struct block *block;
	struct room *room;

	if (s->block_count >= BLOCKS_MAX)
		return -ENOMEM;
	block = realloc(s->block, (s->block_count + 1) * sizeof(*block));
	if (!block)
		return -ENOMEM;
	s->block = block;
	room = malloc(sizeof(*room));
	if (!room)
		return -ENOMEM;
	block[s->block_count++] = (struct block){.room = room, .first = (uint32_t)s->count};
	return 0;
}

/* Takes units of the last block, or of a new one. */
static int take_units(struct rule_store *s, size_t units, uint32_t *ref)
{
	struct block *last;

	if (!s->block_count || BLOCK_UNITS - s->block[s->block_count - 1].used < units) {
		if (add_block(s))
			return -ENOMEM;
	}
	last = &s->block[s->block_count - 1];
	*ref = (uint32_t)((s->block_count - 1) * BLOCK_UNITS + last->used);
	last->room->order[last->count++] = (uint16_t)last->used;
	last->used += (uint32_t)units;
	s->taken += units;
	return 0;
}

int rule_store_add(struct rule_store *s, const struct rule *rule)
{
	uint32_t ref;

	if (grow_index(s, s->count + 1) || take_units(s, units_of(rule), &ref))
		return -ENOMEM;
	memcpy((void *)rule_of(s, ref), rule, bytes_of(rule));
	index_rule(s, ref);
	s->timed += rule->is_timed;
	s->count++;
	return 0;
}

struct rule_store *rule_store_copy(const struct rule_store *s)
{
	struct rule_store *copy = rule_store_new();
	struct rules_walk w = {0};
	const struct rule *rule;

	if (!copy || grow_index(copy, s->count + 1))
		goto fail;
	while ((rule = rule_store_next(s, &w)))
		if (rule_store_add(copy, rule))
			goto fail;
	return copy;
fail:
	rule_store_free(copy);
	return NULL;
}

/* Empties a slot and moves up those behind it that it kept from their home. */
static void clear_slot(struct rule_store *s, size_t hole)
{
	size_t mask = s->slot_count - 1;

	for (size_t i = (hole + 1) & mask; s->slot[i]; i = (i + 1) & mask) {
		size_t home = home_of(s, rule_of(s, ref_of(s->slot[i]))->id);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			s->slot[hole] = s->slot[i];
			hole = i;
		}
	}
	s->slot[hole] = 0;
}

/* Closes the gap that the rule at ref leaves in the order. */
static void clear_order(struct rule_store *s, uint32_t ref)
{
	size_t at = ref / BLOCK_UNITS;
	struct block *b = &s->block[at];
	uint32_t low = 0, high = b->count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (b->room->order[middle] <= ref % BLOCK_UNITS)
			low = middle;
		else
			high = middle;
	}
	b->count--;
	memmove(&b->room->order[low], &b->room->order[low + 1],
		(b->count - low) * sizeof(b->room->order[0]));
	s->count--;
	while (++at < s->block_count)
		s->block[at].first--;
}

void rule_store_remove(struct rule_store *s, const struct rule *rule)
{
	size_t i = home_of(s, rule->id);
	uint32_t ref;

	while (rule_of(s, ref_of(s->slot[i])) != rule)
		i = (i + 1) & (s->slot_count - 1);
	ref = ref_of(s->slot[i]);
	s->wasted += units_of(rule);
	s->timed -= rule->is_timed;
	clear_slot(s, i);
	clear_order(s, ref);
}

bool rule_store_is_wasteful(const struct rule_store *s)
{
	return s->wasted > WASTE_MIN && s->wasted > s->taken / 2;
}
