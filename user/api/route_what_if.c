/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Before a change and after it, over HTTP: what one would do to the flows of now, what changes
 * there were, and the way back. Room: api. The agent answers; where none runs the stored rules have
 * a history too, but no flows.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/ask.h"
#include "api/porter.h"
#include "api/route.h"

enum { LIMIT_DEFAULT = 100 };

/* --- what if ---------------------------------------------------------------------------------- */

/* A member of one change that the agent knows by the same name. */
static void copy_text(const json_t *one, const char *name, struct text *out)
{
	const char *value = json_string_value(json_object_get(one, name));

	if (!value)
		return;
	text_printf(out, ",\"%s\":", name);
	text_json_utf8(out, value);
}

static void put_flag(struct text *out, const char *name, bool value)
{
	text_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

/* One change as control/stored.h reads it. */
static void put_change(const json_t *one, bool is_forced, struct text *out)
{
	const char *action = json_string_value(json_object_get(one, "action"));

	text_printf(out, "{\"kind\":\"%s\"", json_string_value(json_object_get(one, "kind")) ?: "");
	put_flag(out, "allow", action && strcmp(action, "allow") == 0);
	put_flag(out, "remove", json_is_true(json_object_get(one, "remove")));
	put_flag(out, "learnt", json_is_true(json_object_get(one, "learnt")));
	put_flag(out, "force", is_forced);
	copy_text(one, "for", out);
	copy_text(one, "until", out);
	copy_text(one, "when", out);
	copy_text(one, "device", out);
	text_puts(out, ",\"values\":[");
	text_json_utf8(out, json_string_value(json_object_get(one, "value")) ?: "");
	text_puts(out, "]}");
}

static void put_changes(struct api_request *q, struct text *out)
{
	bool is_forced = json_is_true(json_object_get(q->json, "force"));
	const json_t *limit = json_object_get(q->json, "limit"), *one;
	size_t i;

	text_printf(out, ",\"limit\":%lld,\"changes\":[",
		    limit ? (long long)json_integer_value(limit) : LIMIT_DEFAULT);
	json_array_foreach(json_object_get(q->json, "changes"), i, one)
	{
		text_puts(out, i ? "," : "");
		put_change(one, is_forced, out);
	}
	text_putc(out, ']');
}

int route_what_if(struct api_request *q, struct api_answer *a)
{
	struct slice data = q->json ? slice_of("", 0) : q->body;
	struct text request = {0};
	struct wire answer;
	int err;

	text_puts(&request, "{\"command\":\"what-if\",\"json\":true");
	if (q->json)
		put_changes(q, &request);
	else
		text_printf(&request, ",\"load\":true,\"name\":\"rules\",\"limit\":%d",
			    LIMIT_DEFAULT);
	text_putc(&request, '}');
	err = ask_running_with(q, a, &request, data, &answer);
	text_clear(&request);
	if (err)
		return 0;
	answer_said(a, &answer);
	return 0;
}

/* --- the way back ----------------------------------------------------------------------------- */

/* Asks about the history of the rules. 0, or -1 with a problem set. */
static int ask(struct api_request *q, struct api_answer *a, const char *command, uint64_t number,
	       struct wire *answer, bool *in_force)
{
	struct text request = {0};
	int err;

	text_printf(&request, "{\"command\":\"%s\",\"json\":true,\"number\":%llu}", command,
		    (unsigned long long)number);
	err = ask_rules(q, a, &request, slice_of("", 0), answer, in_force);
	text_clear(&request);
	return err;
}

/* The number of a change in the path. 0, or -1 with a problem set. */
static int number_read(struct api_request *q, struct api_answer *a, uint64_t *out)
{
	const char *text = q->param[0];
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (!errno && !*end && text[0] >= '0' && text[0] <= '9' && *out > 0 && *out <= INT64_MAX)
		return 0;
	api_problem(a, 404, "that is no number of a change; GET /rules/history lists them");
	return -1;
}

static int answer_as_is(struct api_answer *a, struct wire *answer)
{
	struct text out = {0};

	text_add(&out, answer->out, answer->out_len);
	wire_clear(answer);
	api_answer_json(a, 200, &out);
	return 0;
}

int route_rules_history(struct api_request *q, struct api_answer *a)
{
	struct wire answer;
	bool in_force;

	return ask(q, a, "rules-history", 0, &answer, &in_force) ? 0 : answer_as_is(a, &answer);
}

int route_rules_diff(struct api_request *q, struct api_answer *a)
{
	struct wire answer;
	uint64_t number;
	bool in_force;

	if (number_read(q, a, &number) || ask(q, a, "rules-diff", number, &answer, &in_force))
		return 0;
	return answer_as_is(a, &answer);
}

int route_rules_rollback(struct api_request *q, struct api_answer *a)
{
	struct text out = {0};
	struct wire answer;
	uint64_t number;
	bool in_force;
	json_t *said;

	if (number_read(q, a, &number) || ask(q, a, "rules-rollback", number, &answer, &in_force))
		return 0;
	porter_fleet_poke(q->api->porter);
	said = json_loadb(answer.out, answer.out_len, 0, NULL);
	wire_clear(&answer);
	text_printf(&out,
		    "{\"status\":\"success\",\"rolled_back\":%llu,\"changed\":%s,\"rules\":%lld,"
		    "\"in_force\":%s}\n",
		    (unsigned long long)number,
		    json_is_true(json_object_get(said, "changed")) ? "true" : "false",
		    (long long)json_integer_value(json_object_get(said, "rules")),
		    in_force ? "true" : "false");
	json_decref(said);
	api_answer_json(a, 200, &out);
	return 0;
}
