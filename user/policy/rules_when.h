/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: which rules of a set are in force at a moment, and when that changes. Reads no
 * clock: the moment is given.
 */
#ifndef POLICY_RULES_WHEN_H
#define POLICY_RULES_WHEN_H

#include "base/text.h"
#include "policy/rules.h"
#include "policy/when.h"

/* Reads a rule's own times; one without has always been in force and always will be. */
void rule_when_read(const struct rule *r, struct when *out);
/* Whether a rule is in force, and until when that holds (WHEN_NEVER: for good). */
bool rule_is_on(const struct rule *r, int64_t moment_s, int64_t *until_s);

/*
 * The rules in force at a moment, as a set of their own and without their times; while all is
 * paused, the exceptions among them alone. *until_s is the next moment at which they are others.
 * NULL when out of memory.
 */
struct rules *rules_in_force(const struct rules *r, int64_t moment_s, bool is_paused,
			     int64_t *until_s);
/* All rules as if they had no times, each value once. NULL when out of memory. */
struct rules *rules_always(const struct rules *r);
/* The rules that are not over for good, as a set; *ended of them are. NULL when out of memory. */
struct rules *rules_not_over(const struct rules *r, int64_t moment_s, size_t *ended);

/* The text form, as rules_format gives it, with a comment behind each rule that has times: whether
 * it is in force, and what comes next. The caller frees; NULL when out of memory. */
char *rules_format_at(const struct rules *r, int64_t moment_s);
/* The words of such a comment: "in force; ends in 29 m 3 s". */
void rule_state_write(const struct rule *r, int64_t moment_s, struct text *out);

#endif
