/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the history of the rules is shown as, by the agent and where none runs. Room: control.
 */
#ifndef CONTROL_HISTORY_ANSWER_H
#define CONTROL_HISTORY_ANSWER_H

#include <jansson.h>

#include "base/text.h"
#include "control/history.h"

/*
 * Answers "rules-history", the list, or "rules-diff", one change ("number"; 0 or none: the newest),
 * as text or with "json" as JSON. now: the stored rules. 0, or -errno with *f.
 */
int history_answer(const struct paths *p, const struct rules *now, const json_t *request,
		   struct text *out, struct fault *f);
/* The number in a request; 0 when it has none. -EINVAL with *f: it is no number. */
int history_number(const json_t *request, uint64_t *out, struct fault *f);
/* Says what a rollback did, as text or JSON: so many rules are there now; is_same: they were
 * already those. */
void history_tell(const struct history_entry *e, size_t rule_count, bool is_same, bool is_json,
		  struct text *out);

#endif
