/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: the suffixes that rules speak of, found by their hash as the kernel finds
 * them (dpi/name.h). Built once, then only read, by any thread.
 */
#ifndef POLICY_NAME_TABLE_H
#define POLICY_NAME_TABLE_H

#include "policy/app_rules.h"

/* Most entries are a block of one suffix: those are 16 bytes and keep only the rule's number. */
struct name_slot {
	uint64_t hash;
	uint32_t rule; /* number in the set + 1, or 0 */
	uint32_t full; /* place in full[] + 1, or 0; neither: an empty slot */
};

struct name_table {
	const struct rules *rules; /* borrowed for the table's life */
	bool is_learnt;		   /* only rules that say `learnt:` are in it */
	uint64_t seed;
	struct name_slot *slot; /* open addressing */
	size_t slot_count, count;
	struct dpi_name_rule *full;
	size_t full_count;
};

/* Fills an empty table: with all name rules, or with those that say `learnt:`, as *app was built.
 * Returns 0 or -ENOMEM; clear it in either case. */
int name_table_build(struct name_table *t, const struct rules *rules,
		     const struct policy_apps *apps, const struct app_rules *app, uint64_t seed);
void name_table_clear(struct name_table *t);

/* Walks a canonical name from its right end over the table. */
struct dpi_name_walk name_table_walk(const struct name_table *t, struct slice name);
int name_table_each(const struct name_table *t,
		    int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx);

#endif
