/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Lists over HTTP: how each stands, one added by its source, taken away, fetched now. The agent
 * fetches them beside: an answer does not wait for that, GET tells what came of it. Room: api.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/ask.h"
#include "api/porter.h"
#include "api/route.h"

int route_lists_get(struct api_request *q, struct api_answer *a)
{
	struct text request = {0}, out = {0};
	struct wire answer;
	bool in_force;
	json_t *said;
	char *lists;
	int err;

	text_puts(&request, "{\"command\":\"lists\"}");
	err = ask_rules(q, a, &request, slice_of("", 0), &answer, &in_force);
	text_clear(&request);
	if (err)
		return 0;
	said = json_loadb(answer.out, answer.out_len, 0, NULL);
	wire_clear(&answer);
	lists = json_dumps(json_object_get(said, "lists"), JSON_COMPACT | JSON_ENSURE_ASCII);
	text_printf(&out, "{\"in_force\":%s,\"lists\":%s}\n", in_force ? "true" : "false",
		    lists ?: "[]");
	free(lists);
	json_decref(said);
	api_answer_json(a, 200, &out);
	return 0;
}

/* A word of the query or of the body; NULL: not given. */
static const char *word_of(struct api_request *q, const char *name)
{
	return api_query(q, name, 0) ?: json_string_value(json_object_get(q->json, name));
}

static bool is_asked(struct api_request *q, const char *name)
{
	const char *value = api_query(q, name, 0);

	return (value && strcmp(value, "false") != 0 && strcmp(value, "0") != 0) ||
	       json_is_true(json_object_get(q->json, name));
}

/* "NAME SOURCE every 12h" of the request. 0, or -1 with a problem set. */
static int value_make(struct api_request *q, struct api_answer *a, bool is_removal,
		      struct text *out)
{
	const char *source = word_of(q, "source"), *every = word_of(q, "every");

	text_puts(out, q->param[0]);
	if (is_removal)
		return 0;
	/* The files of the machine are for those who have a shell on it. */
	if (!source || (strncasecmp(source, "http://", 7) && strncasecmp(source, "https://", 8))) {
		api_problem(a, 422,
			    "give a \"source\" that begins with http:// or https://; a list that "
			    "is a file is added by `dpi-xdp block-list`");
		return -1;
	}
	text_printf(out, " %s", source);
	if (every)
		text_printf(out, " every %s", every);
	return 0;
}

int route_lists_change(struct api_request *q, struct api_answer *a)
{
	bool is_removal = strcmp(q->method, "DELETE") == 0, in_force;
	const char *action = word_of(q, "action");
	struct text request = {0}, value = {0};
	struct wire answer;
	int err;

	if (action && strcmp(action, "allow") != 0 && strcmp(action, "block") != 0) {
		api_problem(a, 422, "an \"action\" is block or allow");
		return 0;
	}
	if (value_make(q, a, is_removal, &value))
		return 0;
	text_printf(&request,
		    "{\"command\":\"change\",\"json\":true,\"kind\":\"list\",\"allow\":%s,"
		    "\"remove\":%s,\"values\":[",
		    action && strcmp(action, "allow") == 0 ? "true" : "false",
		    is_removal ? "true" : "false");
	text_json_utf8(&request, value.failed ? "" : value.at);
	text_puts(&request, "]}");
	err = ask_rules(q, a, &request, slice_of("", 0), &answer, &in_force);
	text_clear(&request);
	text_clear(&value);
	if (err)
		return 0;
	answer_changed(a, &answer, in_force);
	return 0;
}

int route_lists_refresh(struct api_request *q, struct api_answer *a)
{
	struct text request = {0};
	struct wire answer;
	int err;

	text_printf(&request, "{\"command\":\"lists-refresh\",\"accept\":%s,\"list\":",
		    is_asked(q, "accept_mass_change") ? "true" : "false");
	text_json_utf8(&request, q->param[0]);
	text_putc(&request, '}');
	err = ask_running(q, a, &request, &answer);
	text_clear(&request);
	if (err)
		return 0;
	answer_said(a, &answer);
	return 0;
}
