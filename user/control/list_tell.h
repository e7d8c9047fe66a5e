/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a list stands, in words and as JSON, whoever knows it: the agent, or the stored copies where
 * none runs. Room: control.
 */
#ifndef CONTROL_LIST_TELL_H
#define CONTROL_LIST_TELL_H

#include "base/text.h"
#include "control/paths.h"
#include "policy/list_reader.h"
#include "policy/rules.h"

/* All borrowed. */
struct list_told {
	const struct rule *rule;
	const char *state; /* "current", "fetching", "failed", "held", "stored", "missing" */
	bool is_there;	   /* there is a copy */
	const struct list_counts *counts;
	int64_t fetched_s, checked_s; /* 0: never */
	int64_t next_in_s;
	uint64_t fetches, failures;
	const char *why; /* "": nothing went wrong */
};

void list_tell_json(const struct list_told *t, struct text *out);
/* "1200 names, 5 addresses; 3 h old; failed: ..." */
void list_tell_words(const struct list_told *t, int64_t now_s, struct text *out);
/* The same as a comment behind a line of rules. */
void list_tell_line(const struct list_told *t, int64_t now_s, struct text *out);

/* The stored copies of a set's lists as {"lists":[...]}, where no agent runs. */
void list_tell_stored(const struct paths *p, const struct rules *rules, struct text *out);

#endif
