/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the memory of a set of rules, made, copied, changed and freed; see
 * rule_store_inside.h.
 */
#include "policy/rule_store_inside.h"

#include <errno.h>
#include <stdlib.h>

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

static void room_drop(struct room *r)
{
	if (r && --r->owners == 0)
		free(r);
}

static void order_drop(struct order *o)
{
	if (o && --o->owners == 0)
		free(o);
}

void rule_store_free(struct rule_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->block_count; i++) {
		room_drop(s->block[i].room);
		order_drop(s->block[i].order);
	}
	free(s->block);
	rule_index_clear(&s->index);
	free(s);
}

/* Puts a reference into the index, which has room. 0 or -ENOMEM. */
static int index_rule(struct rule_store *s, uint32_t ref)
{
	uint64_t id = rule_of(s, ref)->id;
	size_t at = home_of(s, id);

	while (*rule_index_slot(&s->index, at))
		at = (at + 1) & (s->index.slot_count - 1);
	if (rule_index_own(&s->index, at))
		return -ENOMEM;
	*rule_index_slot(&s->index, at) = slot_of(ref, id);
	return 0;
}

/* Makes the index large enough for this many rules: at most three quarters of it are taken. */
static int grow_index(struct rule_store *s, size_t count)
{
	size_t slot_count = s->index.slot_count ? s->index.slot_count : FIRST_SLOTS;
	struct rule_index larger;

	while (count * 4 > slot_count * 3)
		slot_count *= 2;
	if (slot_count == s->index.slot_count)
		return 0;
	if (rule_index_init(&larger, slot_count))
		return -ENOMEM;
	rule_index_clear(&s->index);
	s->index = larger;
	for (size_t b = 0; b < s->block_count; b++)
		for (size_t i = 0; i < s->block[b].count; i++)
			index_rule(s, (uint32_t)(b * BLOCK_UNITS + s->block[b].order->at[i]));
	return 0;
}

/* Adds an empty block. Returns 0 or -ENOMEM. */
static int add_block(struct rule_store *s)
{
	struct block *block, b = {.first = (uint32_t)s->count};

	if (s->block_count >= BLOCKS_MAX)
		return -ENOMEM;
	block = realloc(s->block, (s->block_count + 1) * sizeof(*block));
	if (!block)
		return -ENOMEM;
	s->block = block;
	b.room = malloc(sizeof(*b.room));
	b.order = malloc(sizeof(*b.order));
	if (!b.room || !b.order) {
		free(b.room);
		free(b.order);
		return -ENOMEM;
	}
	b.room->owners = b.order->owners = 1;
	b.room->used = 0;
	block[s->block_count++] = b;
	return 0;
}

/* Makes the order of a block this store's own. 0 or -ENOMEM. */
static int own_order(struct block *b)
{
	struct order *own;

	if (b->order->owners == 1)
		return 0;
	own = malloc(sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->owners = 1;
	memcpy(own->at, b->order->at, b->count * sizeof(own->at[0]));
	b->order->owners--;
	b->order = own;
	return 0;
}

/* Makes the bytes behind those that this store uses its own. 0 or -ENOMEM. */
static int own_rest(struct block *b)
{
	struct room *own;

	if (b->room->used == b->used)
		return 0;
	own = malloc(sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->owners = 1;
	own->used = b->used;
	memcpy(own->bytes, b->room->bytes, (size_t)b->used * UNIT);
	room_drop(b->room);
	b->room = own;
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
	if (own_order(last) || own_rest(last))
		return -ENOMEM;
	*ref = (uint32_t)((s->block_count - 1) * BLOCK_UNITS + last->used);
	last->order->at[last->count++] = (uint16_t)last->used;
	last->used += (uint32_t)units;
	last->room->used = last->used;
	s->taken += units;
	return 0;
}

static void count_rule(struct rule_store *s, const struct rule *rule, size_t one)
{
	s->count += one;
	s->counts.of[rule->kind][rule->is_allow] += one;
	s->counts.timed += rule->is_timed ? one : 0;
	s->counts.learnt += rule->is_learnt ? one : 0;
	s->counts.of_devices += rule->device_len ? one : 0;
}

int rule_store_add(struct rule_store *s, const struct rule *rule)
{
	uint32_t ref;

	if (grow_index(s, s->count + 1) || take_units(s, units_of(rule), &ref))
		return -ENOMEM;
	memcpy((void *)rule_of(s, ref), rule, bytes_of(rule));
	if (index_rule(s, ref)) {
		s->block[s->block_count - 1].count--;
		return -ENOMEM;
	}
	s->block[s->block_count - 1].sorts |= sorts_of(rule);
	count_rule(s, rule, 1);
	return 0;
}

struct rule_store *rule_store_copy(const struct rule_store *s)
{
	struct rule_store *copy = rule_store_new();

	if (!copy)
		return NULL;
	*copy = *s;
	copy->block = malloc((s->block_count + 1) * sizeof(*s->block));
	if (!copy->block || rule_index_copy(&copy->index, &s->index)) {
		free(copy->block);
		free(copy);
		return NULL;
	}
	for (size_t i = 0; i < s->block_count; i++) {
		copy->block[i] = s->block[i];
		copy->block[i].room->owners++;
		copy->block[i].order->owners++;
	}
	return copy;
}

struct rule_store *rule_store_pack(const struct rule_store *s)
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

/* Makes the slots from this one to the next empty one this store's own. 0 or -ENOMEM. */
static int own_slots(struct rule_store *s, size_t from)
{
	size_t i = from;

	for (uint32_t slot = 1; slot;) {
		if (rule_index_own(&s->index, i))
			return -ENOMEM;
		slot = slot_next(s, &i);
	}
	return 0;
}

/* Empties a slot and moves up those behind it that it kept from their home. */
static void clear_slot(struct rule_store *s, size_t hole)
{
	size_t mask = s->index.slot_count - 1;
	uint32_t slot;

	for (size_t i = (hole + 1) & mask; (slot = *rule_index_slot(&s->index, i));
	     i = (i + 1) & mask) {
		size_t home = home_of(s, rule_of(s, ref_of(slot))->id);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			*rule_index_slot(&s->index, hole) = slot;
			hole = i;
		}
	}
	*rule_index_slot(&s->index, hole) = 0;
}

/* Closes the gap that the rule at ref leaves in the order. */
static void clear_order(struct rule_store *s, uint32_t ref)
{
	size_t at = ref / BLOCK_UNITS;
	struct block *b = &s->block[at];
	uint32_t place = rule_store_place(s, ref);

	b->count--;
	memmove(&b->order->at[place], &b->order->at[place + 1],
		(b->count - place) * sizeof(b->order->at[0]));
	while (++at < s->block_count)
		s->block[at].first--;
}

int rule_store_remove(struct rule_store *s, const struct rule *rule)
{
	size_t i = home_of(s, rule->id);
	uint32_t ref;

	while (rule_of(s, ref_of(*rule_index_slot(&s->index, i))) != rule)
		i = (i + 1) & (s->index.slot_count - 1);
	ref = ref_of(*rule_index_slot(&s->index, i));
	if (own_slots(s, i) || own_order(&s->block[ref / BLOCK_UNITS]))
		return -ENOMEM;
	s->wasted += units_of(rule);
	count_rule(s, rule, (size_t)-1);
	clear_slot(s, i);
	clear_order(s, ref);
	return 0;
}

bool rule_store_is_wasteful(const struct rule_store *s)
{
	return s->wasted > WASTE_MIN && s->wasted > s->taken / 2;
}
