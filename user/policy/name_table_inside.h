/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: what look-up (name_table.c) and building (name_table_build.c) of the table of
 * suffixes share.
 */
#ifndef POLICY_NAME_TABLE_INSIDE_H
#define POLICY_NAME_TABLE_INSIDE_H

#include "policy/name_table.h"

enum {
	NAME_FULL = 1 << 30,
	NAME_BEHIND = 1 << 31, /* a list's name behind its suffix's entry */
	NAME_ROOT_LABELS = 2,
	NAME_AHEAD = 16, /* names whose places in memory are asked for before the first is added */
};

_Static_assert((uint32_t)NAME_BEHIND == 1U << 31, "above NAME_FULL");

/* What one rule, or one entry of a list, says of a suffix. */
struct name_say {
	uint64_t rule;
	uint64_t device; /* whose rule it is; 0: of all */
	bool is_allow, is_exact;
	bool is_list;  /* the rule is a list */
	bool is_spare; /* an exception within lists */
};

static inline struct name_say name_say_of_rule(const struct rule *rule)
{
	return (struct name_say){.rule = rule->id,
				 .device = rule->device_len ? rule_device_id(rule_device(rule)) : 0,
				 .is_allow = rule->is_allow,
				 .is_exact = rule->is_exact};
}

/* Puts it into an entry; what is there already stays. False when it says nothing new. */
bool name_say_put(struct dpi_name_rule *r, const struct name_say *say);

/* The hashes of a suffix and of its last two labels; of a shorter one they are the same. */
struct name_hashes {
	uint64_t whole, root;
	bool is_top; /* of one label */
};
struct name_hashes name_table_hash(const struct name_table *t, uint64_t device, struct slice name);

/* Where a suffix with this hash would be, if nothing is there before it. */
size_t name_table_home(const struct name_table *t, uint64_t hash);
/* The slot of a device's suffix, whose hash is given, or the empty one where it would go. */
struct name_slot *name_table_find(const struct name_table *t, uint64_t hash, uint64_t device,
				  struct slice suffix);
/* The same by the hash alone, for which it hashes what is there. */
const struct name_slot *name_table_find_hash(const struct name_table *t, uint64_t hash);
/* The entry of a slot, written out into *room where it is a short one; NULL for an empty slot. */
const struct dpi_name_rule *name_table_entry(const struct name_table *t, const struct name_slot *s,
					     struct dpi_name_rule *room);

/* What says something of a name, on its way into the table. */
struct name_coming {
	struct slice suffix;
	uint32_t number;
	struct name_say say;
	struct name_hashes hashes;
};

/* True when something but lists and applications speaks in an entry. */
bool name_rule_is_ruled(const struct dpi_name_rule *r);
/* Takes what an entry, if there is one, says of a device's suffix that was walked so far. */
void name_table_take(const struct name_table *t, struct dpi_name_walk *w, uint64_t device,
		     struct slice suffix, bool is_whole);

/* Hashes a name and asks for the memory that it will touch on its way. */
void name_table_prepare(const struct name_table *t, struct name_coming *c);
/* Adds up to NAME_AHEAD names that were prepared. 0 or -ENOMEM. */
int name_table_add(struct name_table *t, const struct name_coming *c, size_t count);

/* --- name_table_lists.c ------------------------------------------------------------------------
 */

/* Notes the lists of the set and adds to *names how many they have. Returns 0, -ENOMEM, or -E2BIG:
 * there are more of them than can be numbered. */
int name_table_find_lists(struct name_table *t, size_t *names);
int name_table_add_lists(struct name_table *t);
/* Puts a list's name behind the entry of its suffix, which is at *s. */
void name_table_add_behind(struct name_table *t, struct name_slot *s, const struct name_coming *c);
/* What lists say of a suffix, whose slot is given, whatever rules say of it. */
struct dpi_name_rule name_table_listed(const struct name_table *t, const struct name_slot *s,
				       uint64_t hash, struct slice suffix);
/* What the name says whose first byte has this number. */
struct name_say name_table_say_of_list(const struct name_table *t, uint32_t number,
				       struct slice *suffix);

#endif
