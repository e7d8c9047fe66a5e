/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: a set of rules in the order they were added. Rules and their texts lie together in a
 * few large blocks, and an index of 4-byte references finds them, so that a million take less than
 * a hundred megabytes. One thread at a time; a set that nobody changes may be read by all.
 *
 * Adding, finding, telling a duplicate and taking away take constant time: taking away closes the
 * gap in the order of one block (2 bytes a rule) and renumbers the blocks behind it.
 */
#include "policy/value.h"

#include <errno.h>
#include <stdlib.h>

enum {
	RULES_MAX = 1000000,
	BLOCK_BYTES = 1 << 18,
	UNIT = 8, /* places count in these */
	BLOCK_UNITS = BLOCK_BYTES / UNIT,
	BLOCK_RULES_MAX = BLOCK_BYTES / (sizeof(struct rule) + UNIT),
	FIRST_SLOTS = 64,
	WASTE_MIN = 1 << 13, /* units */
};
_Static_assert(BLOCK_UNITS <= UINT16_MAX + 1, "a place in a block is a uint16_t");

struct block {
	uint32_t first; /* number of its first rule in the set */
	uint32_t count; /* rules in it */
	uint32_t used;	/* units taken */
	uint16_t
		order[BLOCK_RULES_MAX]; /* places of its rules, ascending: in the order of adding */
	_Alignas(UNIT) char bytes[BLOCK_BYTES];
};

struct rules {
	struct block **block;
	size_t block_count;
	size_t count;
	uint32_t *slot; /* open addressing by id; a reference + 1, or 0 */
	size_t slot_count;
	size_t taken, wasted; /* units of blocks in use, and of rules taken away */
};

/* A reference: number of the block times BLOCK_UNITS, plus the place in it. */
static struct rule *rule_of(const struct rules *r, uint32_t ref)
{
	return (struct rule *)&r->block[ref / BLOCK_UNITS]->bytes[ref % BLOCK_UNITS * UNIT];
}

static size_t units_of(const char *value)
{
	return (sizeof(struct rule) + strlen(value) + 1 + UNIT - 1) / UNIT;
}

struct rules *rules_new(void)
{
	return calloc(1, sizeof(struct rules));
}

static void clear(struct rules *r)
{
	for (size_t i = 0; i < r->block_count; i++)
		free(r->block[i]);
	free(r->block);
	free(r->slot);
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	clear(r);
	free(r);
}

size_t rules_count(const struct rules *r)
{
	return r->count;
}

/* The block of the rule with this number: the last that begins at or before it. */
static size_t block_at(const struct rules *r, size_t i)
{
	size_t low = 0, high = r->block_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (r->block[middle]->first <= i)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const struct rule *rules_at(const struct rules *r, size_t i)
{
	const struct block *b = r->block[block_at(r, i)];

	return (const struct rule *)&b->bytes[b->order[i - b->first] * UNIT];
}

static size_t home_of(const struct rules *r, uint64_t id)
{
	return (size_t)(id ^ id >> 29) & (r->slot_count - 1);
}

static bool is_same(const struct rule *a, const struct rule *b)
{
	return a->id == b->id && a->kind == b->kind && a->is_allow == b->is_allow &&
	       strcmp(a->value, b->value) == 0;
}

/* The slot that holds the same rule as *like, or the empty one where it would go. */
static size_t find_slot(const struct rules *r, const struct rule *like)
{
	size_t i = home_of(r, like->id);

	while (r->slot[i] && !is_same(rule_of(r, r->slot[i] - 1), like))
		i = (i + 1) & (r->slot_count - 1);
	return i;
}

const struct rule *rules_by_id(const struct rules *r, uint64_t id)
{
	if (!r->slot_count)
		return NULL;
	for (size_t i = home_of(r, id); r->slot[i]; i = (i + 1) & (r->slot_count - 1)) {
		const struct rule *rule = rule_of(r, r->slot[i] - 1);

		if (rule->id == id)
			return rule;
	}
	return NULL;
}

/* Puts a reference into the index, which has room. */
static void index_rule(struct rules *r, uint32_t ref)
{
	size_t at = home_of(r, rule_of(r, ref)->id);

	while (r->slot[at])
		at = (at + 1) & (r->slot_count - 1);
	r->slot[at] = ref + 1;
}

/* Makes room for one more slot: at most three quarters are taken. */
static int grow_slots(struct rules *r)
{
	size_t slot_count = r->slot_count ? r->slot_count * 2 : FIRST_SLOTS;
	uint32_t *slot;

	if ((r->count + 1) * 4 <= r->slot_count * 3)
		return 0;
	slot = calloc(slot_count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(r->slot);
	r->slot = slot;
	r->slot_count = slot_count;
	for (size_t b = 0; b < r->block_count; b++)
		for (size_t i = 0; i < r->block[b]->count; i++)
			index_rule(r, (uint32_t)(b * BLOCK_UNITS + r->block[b]->order[i]));
	return 0;
}

/* Takes units of the last block, or of a new one. */
static int take_units(struct rules *r, size_t units, uint32_t *ref)
{
	struct block *last = r->block_count ? r->block[r->block_count - 1] : NULL;

	if (!last || BLOCK_UNITS - last->used < units) {
		struct block **block;

		if (r->block_count >= UINT32_MAX / BLOCK_UNITS)
			return -ENOMEM;
		block = realloc(r->block, (r->block_count + 1) * sizeof(*block));
		if (!block)
			return -ENOMEM;
		r->block = block;
		last = malloc(sizeof(*last));
		if (!last)
			return -ENOMEM;
		last->first = (uint32_t)r->count;
		last->count = last->used = 0;
		block[r->block_count++] = last;
	}
	*ref = (uint32_t)((r->block_count - 1) * BLOCK_UNITS + last->used);
	last->order[last->count++] = (uint16_t)last->used;
	last->used += (uint32_t)units;
	r->taken += units;
	return 0;
}

/* Copies a rule and its text into the set. Returns 1, 0 when it is there already, or -ENOMEM. */
static int insert(struct rules *r, const struct rule *rule)
{
	struct rule *mine;
	uint32_t ref;
	size_t slot;

	if (grow_slots(r))
		return -ENOMEM;
	slot = find_slot(r, rule);
	if (r->slot[slot])
		return 0;
	if (take_units(r, units_of(rule->value), &ref))
		return -ENOMEM;
	mine = rule_of(r, ref);
	*mine = *rule;
	mine->value = strcpy((char *)(mine + 1), rule->value);
	r->slot[slot] = ref + 1;
	r->count++;
	return 1;
}

struct rules *rules_copy(const struct rules *r)
{
	struct rules *copy = rules_new();

	for (size_t i = 0; copy && i < r->count; i++) {
		if (insert(copy, rules_at(r, i)) < 0) {
			rules_free(copy);
			return NULL;
		}
	}
	return copy;
}

int rules_add(struct rules *r, enum rule_kind kind, bool is_allow, struct slice value,
	      const struct rule_apps *apps, unsigned options, struct fault *f)
{
	struct draft d;
	int err;

	err = value_read(&d, kind, is_allow, value, apps, options, f);
	if (err)
		return err;
	if (r->count >= RULES_MAX && !rules_by_id(r, d.rule.id))
		return fault_set(f, -EINVAL,
				 "there are %d rules already, which is the most: take some away",
				 RULES_MAX);
	err = insert(r, &d.rule);
	return err < 0 ? fault_set(f, err, "out of memory: take some rules away") : err;
}

/* Empties a slot and moves up those behind it that it kept from their home. */
static void clear_slot(struct rules *r, size_t hole)
{
	size_t mask = r->slot_count - 1;

	for (size_t i = (hole + 1) & mask; r->slot[i]; i = (i + 1) & mask) {
		size_t home = home_of(r, rule_of(r, r->slot[i] - 1)->id);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			r->slot[hole] = r->slot[i];
			hole = i;
		}
	}
	r->slot[hole] = 0;
}

/* Closes the gap that the rule at ref leaves in the order. */
static void clear_order(struct rules *r, uint32_t ref)
{
	size_t at = ref / BLOCK_UNITS;
	struct block *b = r->block[at];
	uint32_t low = 0, high = b->count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (b->order[middle] <= ref % BLOCK_UNITS)
			low = middle;
		else
			high = middle;
	}
	b->count--;
	memmove(&b->order[low], &b->order[low + 1], (b->count - low) * sizeof(b->order[0]));
	r->count--;
	while (++at < r->block_count)
		r->block[at]->first--;
}

/* Gives back the bytes of rules taken away. Without memory for that, they stay. */
static void repack(struct rules *r)
{
	struct rules *copy = rules_copy(r);

	if (!copy)
		return;
	clear(r);
	*r = *copy;
	free(copy);
}

int rules_remove(struct rules *r, enum rule_kind kind, bool is_allow, struct slice value,
		 const struct rule_apps *apps, struct fault *f)
{
	struct draft d;
	uint32_t ref;
	size_t slot;
	int err;

	err = value_read(&d, kind, is_allow, value, apps, RULES_FORCE, f);
	if (err)
		return err;
	if (!r->slot_count)
		return 0;
	slot = find_slot(r, &d.rule);
	if (!r->slot[slot])
		return 0;
	ref = r->slot[slot] - 1;
	r->wasted += units_of(rule_of(r, ref)->value);
	clear_slot(r, slot);
	clear_order(r, ref);
	if (r->wasted > WASTE_MIN && r->wasted > r->taken / 2)
		repack(r);
	return 1;
}
