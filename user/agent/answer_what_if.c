/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the supervisor answers about a change that is only supposed: it makes the rules that would
 * come of it, and the engine says what they would do; see asked.h.
 */
#include "agent/asked.h"

#include "agent/engine_process.h"
#include "control/supposed.h"
#include "report/difference.h"

enum { LIMIT_MOST = 1000000 };

int answer_what_if(struct asked *a)
{
	struct engine_what_if_wish w = {.is_json = asked_flag(a, "json"),
					.is_verbose = asked_flag(a, "verbose")};
	json_int_t limit = json_integer_value(json_object_get(a->json, "limit"));
	struct rules *next = NULL, *now = NULL;
	int64_t until_s;
	struct text body = {0};
	struct fault f = {0};
	int status;
	int err = supposed_rules(&a->s->paths, a->json, a->data, a->s->catalogue, a->s->rules,
				 &next, &f);

	if (!err)
		err = lists_fill(a->s, next, &f);
	if (!err)
		err = moments_rules(a->s, next, &now, &until_s, &f);
	if (!err)
		err = engine_suppose_rules(a->s, now, &w.number, &f);
	rules_free(next);
	rules_free(now);
	if (err)
		return asked_refuse(a, err, &f);
	w.limit = limit < 1 || limit > LIMIT_MOST ? DIFFERENCE_LISTED : (uint32_t)limit;
	text_add(&body, &w, sizeof(w));
	status = asked_relay(a, ENGINE_WHAT_IF, &body);
	text_clear(&body);
	return status;
}
