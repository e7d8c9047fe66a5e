/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two sets of rules beside each other; see rules_compare.h. Room: policy.
 */
#include "policy/rules_compare.h"

#include "base/table.h"
#include "policy/rules_when.h"

/* The rules of one set that the other lacks. */
static int each_missing(const struct rules *of, const struct rules *in, bool is_added,
			int (*fn)(void *ctx, const struct rule *r, bool is_added), void *ctx)
{
	struct rules_walk walk = {0};
	const struct rule *r;
	int result = 0;

	while (!result && (r = rules_next(of, &walk)) != NULL)
		if (!rules_holds(in, r))
			result = fn(ctx, r, is_added);
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

static uint64_t hash_of_times(const struct rule *r)
{
	const char *words = rule_when(r);

	return r->is_timed ? table_hash(0, words, strlen(words)) : 0;
}

uint64_t rules_fingerprint(const struct rules *r)
{
	struct rules_walk walk = {0};
	const struct rule *rule;
	uint64_t sum = 0;

	while ((rule = rules_next(r, &walk)) != NULL)
		if (!rule_has_end(rule))
			sum += mix(rule->id ^ hash_of_times(rule)) + 1;
	return sum;
}
