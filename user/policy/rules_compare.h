/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two sets of rules beside each other: what was added, what was taken away. Room: policy. The order
 * of rules in a set means nothing, here as for packets.
 */
#ifndef POLICY_RULES_COMPARE_H
#define POLICY_RULES_COMPARE_H

#include "policy/rules.h"

/* Calls fn with each rule that one of the sets alone has: those of `before` first, each in the
 * order of its set, until it returns non-zero; returns that. Costs a look at every rule. */
int rules_compare(const struct rules *before, const struct rules *after,
		  int (*fn)(void *ctx, const struct rule *r, bool is_added), void *ctx);

/* Whether a rule ends by itself, at some moment. */
bool rule_has_end(const struct rule *r);

/* The same number for the same rules, in any order, and in any run; another one, but for chance in
 * 2^64, for others. Rules that end by themselves do not count: they go without anybody's doing. */
uint64_t rules_fingerprint(const struct rules *r);

#endif
