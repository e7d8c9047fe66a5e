/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the supervisor answers about lists: how each stands, and that they be fetched now; see
 * asked.h.
 */
#include "agent/asked.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "control/list_tell.h"
#include "policy/list.h"

static struct list_told told_of(const struct supervisor *s, const struct agent_list *l)
{
	const struct list *list = rules_list(s->rules, l->id);
	uint64_t now_ns = live_monotonic();

	return (struct list_told){
		.rule = rules_by_id(s->rules, l->id),
		.state = l->fetch.pid || (!list && !l->why[0]) ? "fetching"
			 : l->is_held			       ? "held"
			 : l->why[0]			       ? "failed"
							       : "current",
		.is_there = list != NULL,
		.counts = &l->counts,
		.fetched_s = l->fetched_s,
		.checked_s = l->checked_s,
		.next_in_s = l->due_ns > now_ns ? (int64_t)((l->due_ns - now_ns) / 1000000000) : 0,
		.fetches = l->fetches,
		.failures = l->failures,
		.why = l->why,
	};
}

void lists_json(const struct supervisor *s, struct text *out)
{
	bool is_first = true;

	text_puts(out, "\"lists\":[");
	for (size_t i = 0; i < s->lists.count; i++) {
		struct list_told told = told_of(s, &s->lists.row[i]);

		/* A rule with an end may have met it since. */
		if (!told.rule)
			continue;
		if (!is_first)
			text_putc(out, ',');
		list_tell_json(&told, out);
		is_first = false;
	}
	text_putc(out, ']');
}

int answer_lists(struct asked *a)
{
	text_putc(a->out, '{');
	lists_json(a->s, a->out);
	text_puts(a->out, "}\n");
	return DONE;
}

void lists_remark(const struct supervisor *s, const struct rule *rule, struct text *out)
{
	for (size_t i = 0; i < s->lists.count; i++) {
		struct list_told told;

		if (s->lists.row[i].id != rule->id)
			continue;
		told = told_of(s, &s->lists.row[i]);
		list_tell_line(&told, time(NULL), out);
	}
}

int answer_lists_refresh(struct asked *a)
{
	const char *label = asked_text(a, "list");
	size_t count = lists_refresh(a->s, label, asked_flag(a, "accept"));
	struct fault f;

	if (!count && *label)
		return asked_refuse(a,
				    fault_set(&f, -EINVAL,
					      "there is no list %.64s: `dpi-xdp rules` shows them",
					      label),
				    &f);
	text_printf(a->out, "{\"refreshing\":%zu}\n", count);
	return DONE;
}
