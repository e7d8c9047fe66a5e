/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the supervisor answers: one table of requests, one function each. What concerns interfaces
 * is in answer_interfaces.c, what concerns rules in answer_rules.c; whatever concerns flows is
 * handed on to the engine process from here.
 */
#include "agent/asked.h"

#include <errno.h>

#include "agent/engine_process.h"

static int relay(struct asked *a, uint32_t request, const struct text *body)
{
	struct wire answer = {0};
	struct fault f = {0};
	int err = body->failed
			  ? -ENOMEM
			  : engine_ask(a->s, request, slice_of(body->at, body->len), &answer, &f);

	if (err)
		return asked_refuse(a, err, &f);
	text_add(a->out, answer.out, answer.out_len);
	text_add(a->err, answer.err, answer.err_len);
	err = (int)answer.kind;
	wire_clear(&answer);
	return err;
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
	status = relay(a, request, &body);
	text_clear(&body);
	return status;
}

static int answer_report(struct asked *a)
{
	return relay_view(a, ENGINE_REPORT);
}

static int answer_flows(struct asked *a)
{
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

	text_puts(&body, asked_text(a, "after"));
	status = relay(a, ENGINE_EVENTS, &body);
	text_clear(&body);
	return status;
}

static const struct {
	const char *name;
	int (*answer)(struct asked *a);
} requests[] = {
	{"attach", answer_attach}, {"detach", answer_detach}, {"status", answer_status},
	{"change", answer_change}, {"rules", answer_rules},   {"rules-set", answer_rules_set},
	{"why", answer_why},	   {"report", answer_report}, {"flows", answer_flows},
	{"apps", answer_apps},	   {"stats", answer_stats},   {"events", answer_events},
};

int supervisor_answer(struct supervisor *s, const struct wire *request, struct text *out,
		      struct text *err)
{
	json_error_t fault;
	json_t *root = json_loadb(request->out, request->out_len, JSON_REJECT_DUPLICATES, &fault);
	struct asked a = {.s = s,
			  .json = root,
			  .data = slice_of(request->err, request->err_len),
			  .out = out,
			  .err = err};
	const char *command = root ? asked_text(&a, "command") : "";
	int status = USAGE;
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (strcmp(command, requests[i].name) == 0) {
			status = requests[i].answer(&a);
			break;
		}
	if (i == sizeof(requests) / sizeof(requests[0]))
		text_puts(err, "this agent does not know that request; are the program and the "
			       "running agent of one version?\n");
	json_decref(root);
	return status;
}
