/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the memory of a set of rules, looked at; see rule_store_inside.h. It knows ids and
 * texts, and nothing of what rules mean.
 */
#include "policy/rule_store_inside.h"

size_t rule_store_count(const struct rule_store *s)
{
	return s->count;
}

const struct rules_counts *rule_store_counts(const struct rule_store *s)
{
	return &s->counts;
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

	return rule_in(b, i - b->first);
}

const struct rule *rule_store_next(const struct rule_store *s, struct rules_walk *w)
{
	while (w->block < s->block_count && w->at >= s->block[w->block].count) {
		w->block++;
		w->at = 0;
	}
	return w->block < s->block_count ? rule_in(&s->block[w->block], w->at++) : NULL;
}

const struct rule *rule_store_next_of(const struct rule_store *s, struct rules_walk *w,
				      uint32_t sorts)
{
	while (w->block < s->block_count) {
		const struct block *b = &s->block[w->block];

		while ((b->sorts & sorts) && w->at < b->count) {
			const struct rule *rule = rule_in(b, w->at++);

			if (sorts_of(rule) & sorts)
				return rule;
		}
		w->block++;
		w->at = 0;
	}
	return NULL;
}

void rule_store_skip_shared(const struct rule_store *a, struct rules_walk *wa,
			    const struct rule_store *b, struct rules_walk *wb)
{
	while (wa->block < a->block_count && wb->block < b->block_count) {
		const struct block *x = &a->block[wa->block], *y = &b->block[wb->block];

		if (wa->at >= x->count || wb->at >= y->count) {
			if (wa->at < x->count || wb->at < y->count)
				return;
		} else if (wa->at != wb->at || x->count != y->count || x->room != y->room ||
			   x->order != y->order) {
			return;
		}
		*wa = (struct rules_walk){.block = wa->block + 1};
		*wb = (struct rules_walk){.block = wb->block + 1};
	}
}

const struct rule *rule_store_by_id(const struct rule_store *s, uint64_t id)
{
	size_t i = s->index.slot_count ? home_of(s, id) : 0;
	uint32_t slot;

	while (s->index.slot_count && (slot = slot_next(s, &i)))
		if (may_be(slot, id) && rule_of(s, ref_of(slot))->id == id)
			return rule_of(s, ref_of(slot));
	return NULL;
}

void rule_store_await(const struct rule_store *s, uint64_t id)
{
	if (s->index.slot_count)
		__builtin_prefetch(rule_index_slot(&s->index, home_of(s, id)), 1);
}

static bool is_same_value(const struct rule *a, const struct rule *b)
{
	return a->id == b->id && a->kind == b->kind && a->is_allow == b->is_allow &&
	       strcmp(a->value, b->value) == 0;
}

bool rule_store_is_same(const struct rule *a, const struct rule *b)
{
	return is_same_value(a, b) && a->is_timed == b->is_timed &&
	       (!a->is_timed || strcmp(rule_when(a), rule_when(b)) == 0);
}

const struct rule *rule_store_value(const struct rule_store *s, const struct rule *like,
				    size_t *count)
{
	size_t n = 0, i = s->index.slot_count ? home_of(s, like->id) : 0;
	const struct rule *found = NULL;
	uint32_t slot;

	while (s->index.slot_count && (slot = slot_next(s, &i))) {
		if (!may_be(slot, like->id) || !is_same_value(rule_of(s, ref_of(slot)), like))
			continue;
		n++;
		found = rule_of(s, ref_of(slot));
	}
	if (count)
		*count = n;
	return found;
}

/* The reference of the rule that is the same as *like, + 1; 0: there is none. */
static uint32_t find(const struct rule_store *s, const struct rule *like)
{
	size_t i = s->index.slot_count ? home_of(s, like->id) : 0;
	uint32_t slot;

	while (s->index.slot_count && (slot = slot_next(s, &i)))
		if (may_be(slot, like->id) && rule_store_is_same(rule_of(s, ref_of(slot)), like))
			return ref_of(slot) + 1;
	return 0;
}

const struct rule *rule_store_find(const struct rule_store *s, const struct rule *like)
{
	uint32_t found = find(s, like);

	return found ? rule_of(s, found - 1) : NULL;
}

uint32_t rule_store_place(const struct rule_store *s, uint32_t ref)
{
	const struct block *b = &s->block[ref / BLOCK_UNITS];
	uint32_t low = 0, high = b->count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (b->order->at[middle] <= ref % BLOCK_UNITS)
			low = middle;
		else
			high = middle;
	}
	return low;
}

size_t rule_store_number(const struct rule_store *s, const struct rule *like)
{
	uint32_t found = find(s, like);

	return found ? s->block[(found - 1) / BLOCK_UNITS].first + rule_store_place(s, found - 1)
		     : SIZE_MAX;
}
