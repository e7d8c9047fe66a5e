/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: a few suffixes that stand before those of a table, so that a change of one
 * rule need not build the table of a million anew. What the layer has of a suffix is all there is
 * of it, be it nothing. Built once, then only read, by any thread.
 */
#ifndef POLICY_NAME_LAYER_H
#define POLICY_NAME_LAYER_H

#include "policy/name_table.h"

enum { NAME_LAYER_MAX = 16384 /* entries; with more, the table is built anew */ };

/* A suffix in a layer. */
struct name_over {
	uint64_t hash;
	uint32_t slot; /* of the table: where it has the suffix, or would have */
	bool is_same;  /* the table says the same by now: the next layer leaves it out */
	struct dpi_name_rule rule; /* all zero: nothing is said */
};

struct name_layer {
	struct name_over *over;
	size_t count, room;
	uint32_t *index; /* open addressing by hash over over[]: place + 1, or 0 */
	size_t index_count;
	size_t added, hidden; /* suffixes that the table has not; that it alone has */
};

/* The names that rules speak of. */
struct name_rules {
	struct name_table *table;
	struct name_layer *layer; /* NULL: there is none */
};

void name_rules_drop(struct name_rules *n);
size_t name_rules_count(const struct name_rules *n);
/* What is said of a suffix by its hash; false: nothing. */
bool name_rules_get(const struct name_rules *n, uint64_t hash, struct dpi_name_rule *out);
int name_rules_each(const struct name_rules *n,
		    int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx);
/* As name_table_walk, through the layer. */
struct dpi_name_walk name_layer_walk(const struct name_rules *n, const struct policy_whom *whom,
				     struct slice name);

/* A change of rules, seen from the names. */
struct name_change {
	const struct name_rules *before;
	const struct rules *rules; /* those to come */
	const struct rule *const *touched;
	size_t touched_count; /* rules that go or come, of any kind */
	const struct policy_apps *apps;
	const struct app_rule_sets *app; /* of the rules to come */
};
/* Gives the names after a change: the same table behind another layer. Returns 0; -E2BIG: there is
 * too much before the table, or nothing behind: build it anew; or -ENOMEM. */
int name_rules_change(const struct name_change *c, struct name_rules *out);
/* Calls fn for every suffix of which two that share a table say other things; r is NULL where
 * nothing is said any more. Ends as name_table_each does. */
int name_rules_difference(const struct name_rules *from, const struct name_rules *to,
			  int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r),
			  void *ctx);

#endif
