/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the supervisor answers: one table of requests, one function each. What concerns interfaces
 * is in answer_interfaces.c, what concerns rules in answer_rules.c; whatever concerns flows is
 * handed on to the engine process from here.
 */
#include "agent/asked.h"

#include <errno.h>

#include "agent/engine_page.h"
#include "control/control.h"

enum { REQUEST_JSON_MAX = 4194304 };

int asked_relay(struct asked *a, uint32_t request, const struct text *body)
{
	struct fault f = {0};
	int err = body->failed ? -ENOMEM
			       : engine_question(a->s, request, slice_of(body->at, body->len),
						 a->fd, &f);

	if (err)
		return asked_refuse(a, err, &f);
	a->is_handed_on = true;
	return DONE;
}

static int relay_view(struct asked *a, uint32_t request)
{
	struct engine_view v = {
		.is_json = asked_flag(a, "json"),
		.is_boxed = asked_flag(a, "boxed"),
		.is_coloured = asked_flag(a, "coloured"),
		.is_verbose = asked_flag(a, "verbose"),
		.width = (unsigned)json_integer_value(json_object_get(a->json, "width")),
	};
	struct text body = {0};
	int status;

	text_add(&body, &v, sizeof(v));
	for (size_t i = 0; i < a->s->interfaces.count; i++)
		text_printf(&body, "%s%s", i ? " " : "", a->s->interfaces.row[i].attachment.name);
	status = asked_relay(a, request, &body);
	text_clear(&body);
	return status;
}

static int answer_report(struct asked *a)
{
	return relay_view(a, ENGINE_REPORT);
}

static int answer_summary(struct asked *a)
{
	return relay_view(a, ENGINE_SUMMARY);
}

static int answer_workers(struct asked *a)
{
	return relay_view(a, ENGINE_WORKERS);
}

/* "connections" are all that are remembered, "flows" those that are open; a page at a time where a
 * limit is given. */
static int answer_page(struct asked *a, bool is_open_only)
{
	struct engine_page_wish w = {.is_open_only = is_open_only};
	json_int_t limit = json_integer_value(json_object_get(a->json, "limit"));
	const char *cursor = asked_text(a, "cursor");
	struct text body = {0};
	struct fault f = {0};
	int status;

	w.limit = limit < 1 || limit > ENGINE_PAGE_MAX ? ENGINE_PAGE_MAX : (uint32_t)limit;
	w.has_cursor = *cursor != 0;
	w.cursor.is_newest = asked_flag(a, "newest");
	if (w.has_cursor && engine_cursor_parse(cursor, &w.cursor))
		return asked_refuse(a,
				    fault_set(&f, -EINVAL,
					      "that cursor is none; take the one that the page "
					      "before ended with, or begin without"),
				    &f);
	text_add(&body, &w, sizeof(w));
	status = asked_relay(a, ENGINE_PAGE, &body);
	text_clear(&body);
	return status;
}

static int answer_connections(struct asked *a)
{
	return answer_page(a, false);
}

static int answer_flows(struct asked *a)
{
	if (json_object_get(a->json, "limit"))
		return answer_page(a, true);
	return relay_view(a, ENGINE_FLOWS);
}

static int answer_apps(struct asked *a)
{
	return relay_view(a, ENGINE_APPS);
}

static int answer_stats(struct asked *a)
{
	return relay_view(a, ENGINE_STATS);
}

static int answer_events(struct asked *a)
{
	struct text body = {0};
	int status;

	text_printf(&body, "%lld %s", json_integer_value(json_object_get(a->json, "wait")),
		    asked_text(a, "after"));
	status = asked_relay(a, ENGINE_EVENTS, &body);
	text_clear(&body);
	return status;
}

static const struct {
	const char *name;
	int (*answer)(struct asked *a);
} requests[] = {
	{"attach", answer_attach},
	{"detach", answer_detach},
	{"status", answer_status},
	{"change", answer_change},
	{"rules", answer_rules},
	{"rules-set", answer_rules_set},
	{"rules-reload", answer_rules_reload},
	{"rules-version", answer_rules_version},
	{"rules-history", answer_rules_history},
	{"rules-diff", answer_rules_history},
	{"rules-rollback", answer_rules_rollback},
	{"lists", answer_lists},
	{"lists-refresh", answer_lists_refresh},
	{"why", answer_why},
	{"what-if", answer_what_if},
	{"pause", answer_pause},
	{"resume", answer_pause},
	{"pause-state", answer_pause},
	{"report", answer_report},
	{"flows", answer_flows},
	{"apps", answer_apps},
	{"summary", answer_summary},
	{"workers", answer_workers},
	{"connections", answer_connections},
	{"stats", answer_stats},
	{"events", answer_events},
};

static int answer_named(struct asked *a)
{
	const char *command = asked_text(a, "command");

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (strcmp(command, requests[i].name) == 0)
			return requests[i].answer(a);
	text_puts(a->err, "this agent does not know that request; are the program and the "
			  "running agent of one version?\n");
	return USAGE;
}

enum client_next supervisor_answer(void *ctx, int fd, const struct wire *request, uint32_t *status,
				   struct text *out, struct text *err)
{
	struct supervisor *s = ctx;
	struct asked a = {.s = s,
			  .data = slice_of(request->err, request->err_len),
			  .fd = fd,
			  .out = out,
			  .err = err};
	json_error_t fault;
	json_t *root = NULL;

	*status = USAGE;
	if (request->out_len > REQUEST_JSON_MAX) {
		text_printf(err, "a request may have %d bytes beside its rules\n",
			    REQUEST_JSON_MAX);
	} else {
		root = json_loadb(request->out, request->out_len, JSON_REJECT_DUPLICATES, &fault);
		a.json = root;
		*status = (uint32_t)answer_named(&a);
	}
	json_decref(root);
	if (s->is_ending)
		*status |= CONTROL_ENDING;
	return a.is_handed_on ? CLIENT_GONE : CLIENT_ANSWER;
}
