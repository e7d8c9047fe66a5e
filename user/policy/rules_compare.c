/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two sets of rules beside each other; see rules_compare.h. Room: policy.
 */
#include "policy/rules_compare.h"

#include "base/table.h"
#include "policy/rules_when.h"

enum { LOOK_AHEAD = 64 };

/* A walk over the other set beside the first: mostly both say the same, and nothing need be looked
 * up, which in a million rules is far away. */
struct beside {
	const struct rules *rules;
	struct rules_walk walk;
	const struct rule *next;
};

static bool is_plainly_same(const struct rule *a, const struct rule *b)
{
	return b && a->id == b->id && !a->is_timed && !b->is_timed && !rule_is_named(a);
}

/* A list is known by its name, and is another one with another source; so is a device. */
static bool holds(const struct rules *in, const struct rule *r)
{
	const struct rule *there = rule_is_named(r) ? rules_by_id(in, r->id) : NULL;

	return rules_holds(in, r) && (!there || strcmp(there->value, r->value) == 0);
}

/* Whether the other set has the rule; the walk goes on to where it stands, if that is near. */
static bool beside_has(struct beside *b, const struct rule *r)
{
	bool has = is_plainly_same(r, b->next) || holds(b->rules, r);

	for (int i = 0; has && i < LOOK_AHEAD && b->next && !is_plainly_same(r, b->next); i++)
		b->next = rules_next(b->rules, &b->walk);
	if (has && is_plainly_same(r, b->next))
		b->next = rules_next(b->rules, &b->walk);
	return has;
}

/* The rules of one set that the other lacks. */
static int each_missing(const struct rules *of, const struct rules *in, bool is_added,
			int (*fn)(void *ctx, const struct rule *r, bool is_added), void *ctx)
{
	struct beside b = {.rules = in};
	struct rules_walk walk = {0};
	const struct rule *r;
	int result = 0;

	b.next = rules_next(in, &b.walk);
	while (!result) {
		struct rules_walk there = walk;

		if (rules_skip_shared(of, &walk, in, &there)) {
			b.walk = there;
			b.next = rules_next(in, &b.walk);
		}
		r = rules_next(of, &walk);
		if (!r)
			break;
		if (!beside_has(&b, r))
			result = fn(ctx, r, is_added);
	}
	return result;
}

int rules_compare(const struct rules *before, const struct rules *after,
		  int (*fn)(void *ctx, const struct rule *r, bool is_added), void *ctx)
{
	int result = each_missing(before, after, false, fn, ctx);

	return result ? result : each_missing(after, before, true, fn, ctx);
}

bool rule_has_end(const struct rule *r)
{
	struct when w;

	if (!r->is_timed)
		return false;
	rule_when_read(r, &w);
	return w.until_s != WHEN_NEVER;
}

/* Spreads an id over all bits, so that sums of them differ (the finisher of MurmurHash3). */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/* What a rule is beyond its id: its times, the source of a list, a device's addresses. */
static uint64_t hash_of_rest(const struct rule *r)
{
	const char *rest = rule_is_named(r) ? r->value : rule_when(r);

	return *rest ? table_hash(0, rest, strlen(rest)) : 0;
}

uint64_t rules_fingerprint(const struct rules *r)
{
	struct rules_walk walk = {0};
	const struct rule *rule;
	uint64_t sum = 0;

	while ((rule = rules_next(r, &walk)) != NULL)
		if (!rule_has_end(rule))
			sum += mix(rule->id ^ hash_of_rest(rule)) + 1;
	return sum;
}
