/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The step from one set of rules to another, as the rules that go and those that come: what a
 * process that has the one needs to make the other, in the same order. Room: policy.
 */
#ifndef POLICY_RULES_STEP_H
#define POLICY_RULES_STEP_H

#include "base/text.h"
#include "policy/rules.h"

enum {
	RULES_STEP_MAX = 4096, /* rules of one; a larger difference is no step */
	RULES_OF_SUFFIX_MAX = 8,
};

struct rules_step {
	const struct rule *rule[RULES_STEP_MAX]; /* borrowed from the sets */
	size_t gone, count;			 /* those that go stand before those that come */
};

/* Finds the step, fast where the sets are copies of each other that were changed a little. Returns
 * 0; or -E2BIG: they differ by too much, or by what is in their lists. */
int rules_step_find(const struct rules *before, const struct rules *after, struct rules_step *out);

/* Writes a step as text, a line a rule. */
void rules_step_write(const struct rules_step *s, struct text *out);
/* Takes a step that was written. 0, or -errno with *f; then the set is no longer of use. */
int rules_step_take(struct rules *r, struct slice lines, const struct rule_apps *apps,
		    struct fault *f);

/* One line, "+ block app TikTok" or "- allow domain a.example", and its end. */
void rules_line_write(const struct rule *r, bool is_added, struct text *out);
/* Such a line as what rules_add() wants; false: it is none. */
struct rules_line {
	bool is_added, is_allow;
	enum rule_kind kind;
	struct slice value; /* borrowed from the line */
};
bool rules_line_read(struct slice line, struct rules_line *out);
/* Takes the next line off the front, with its end. */
struct slice rules_line_next(struct slice *lines);

/* The rules of a set that speak of the same names as a domain rule, in their order. Returns how
 * many. */
size_t rules_of_suffix(const struct rules *r, const struct rule *like,
		       const struct rule *out[RULES_OF_SUFFIX_MAX]);

#endif
