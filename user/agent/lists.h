/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The lists of the rules in force: what is in them, when each is fetched again, and what came of
 * it. Of the supervisor's thread, which waits for no fetch and reads nothing that was not made
 * plain.
 */
#ifndef AGENT_LISTS_H
#define AGENT_LISTS_H

#include "fetch/fetch.h"
#include "policy/rules.h"

struct supervisor;
struct text;

struct agent_list {
	uint64_t id; /* of the rule */
	char label[64], source[480];
	bool is_kept; /* a rule has it: for the sweep */
	/* The copy in force, if there is one. */
	struct list_counts counts;
	char etag[FETCH_TAG_MAX], modified[FETCH_TAG_MAX];
	int64_t fetched_s, checked_s; /* wall clock; 0: never */
	/* Getting the next. */
	struct fetch fetch;
	uint64_t begun_ns, due_ns;
	bool is_accepted; /* the next is taken though it is much smaller */
	bool is_held;	  /* the last was not */
	uint64_t fetches, failures, failures_in_a_row;
	char why[FETCH_WHY_MAX]; /* of the last one; "": it went well */
};

struct agent_lists {
	struct agent_list row[LISTS_MAX];
	size_t count;
	bool is_begun;
	uint64_t followed; /* the change of rules (rule_changes) that the rows are of */
};

/* Gives the lists of rules that are to come in force what is known of them: as they are in force,
 * or as they are stored. 0 or -ENOMEM with *f. */
int lists_fill(struct supervisor *s, struct rules *next, struct fault *f);
/* Takes what is in the lists out of a set. False when there was nothing. */
bool lists_empty(struct rules *rules);
/* Follows the rules in force, takes what has come and starts what is due; called every second or
 * so. */
void lists_serve(struct supervisor *s);
/* Makes all lists due, or the one of this label. Returns how many. */
size_t lists_refresh(struct supervisor *s, const char *label, bool is_accepted);
void lists_end(struct supervisor *s);

/* Writes how a rule's list stands, as a comment behind it in the text form; ctx is the supervisor.
 * (answer_lists.c) */
void lists_remark(const struct supervisor *s, const struct rule *rule, struct text *out);

#endif
