/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: the suffixes that rules speak of, found by their hash as the kernel finds
 * them (dpi/name.h). Built once, then only read, by any thread.
 *
 * Most names are spoken of by nobody, and a million rules do not fit a cache. So a small filter
 * stands before the table, and in it stand, beside the suffixes themselves, the last two labels of
 * each: one look ends the walk over most names.
 */
#ifndef POLICY_NAME_TABLE_H
#define POLICY_NAME_TABLE_H

#include "policy/app_rules.h"
#include "policy/name_filter.h"

/*
 * Most entries are one rule's, or one line's of a list: those say only which. Rules have their
 * numbers in the set; behind them come the bytes of the names of every list, so that a name is
 * stored where the list has it and nowhere else. A list's name of which a rule speaks as well has a
 * slot of its own behind the entry, for when the rule is gone (name_layer.h); NAME_BEHIND marks it.
 */
struct name_slot {
	uint32_t mark; /* the upper half of the hash */
	uint32_t at;   /* number of what says so + 1; from NAME_FULL on a place in full[]; or 0 */
};

/* What several rules, or an application, say of one suffix. */
struct name_full {
	uint64_t hash;
	struct dpi_name_rule rule;
};

struct name_list {
	const struct list *list;
	uint64_t rule;
	bool is_allow;
	uint32_t first; /* number of its first byte */
};

struct name_table {
	size_t owners;	     /* policies */
	struct rules *rules; /* its own copy */
	uint32_t rule_count;
	struct name_list *list; /* the last, with no list, says where the numbers end */
	bool is_learnt;		/* only rules that say `learnt:` are in it */
	bool has_top;		/* some suffix is of one label */
	uint64_t seed;
	struct name_slot *slot; /* open addressing */
	size_t slot_count, count;
	struct name_full *full;
	size_t full_count, full_room;
	struct name_filter filter;
};

/* Makes a table of all name rules, or of those that say `learnt:` (no list does), as *app was
 * built. NULL when out of memory. Several policies may have it; one thread holds and drops. */
struct name_table *name_table_new(const struct rules *rules, const struct policy_apps *apps,
				  const struct app_rule_sets *app, uint64_t seed);
struct name_table *name_table_hold(struct name_table *t); /* NULL is fine in both */
void name_table_drop(struct name_table *t);

/* Asks for the memory that the walk over this name will touch first, if it may be far. */
void name_table_await(const struct name_table *t, struct slice name);
/* Walks a canonical name from its right end over the table, once for each device and once for all.
 * Only what rules say of the name is meant in the answer: the walk ends where nothing more can be
 * said. whom may be NULL. */
struct dpi_name_walk name_table_walk(const struct name_table *t, const struct policy_whom *whom,
				     struct slice name);
int name_table_each(const struct name_table *t,
		    int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx);

#endif
