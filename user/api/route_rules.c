/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules over HTTP: one value with POST and DELETE, one kind with GET, all of them with GET and PUT.
 * The agent changes them; where none runs the stored ones are changed, and the answer says so
 * ("in_force": false). Room: api.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/ask.h"
#include "api/porter.h"
#include "api/route.h"
#include "classify/catalogue.h"
#include "policy/rules.h"

/* How a path names kinds; an exception is "allow-" before it. */
static const struct {
	const char *word;
	enum rule_kind kind;
	bool is_allow;
} kinds[] = {
	{"ip", RULE_IP, false},
	{"port", RULE_PORT, false},
	{"app", RULE_APP, false},
	{"domain", RULE_DOMAIN, false},
	{"allow-ip", RULE_IP, true},
	{"allow-app", RULE_APP, true},
	{"allow-domain", RULE_DOMAIN, true},
	{"device", RULE_DEVICE, false},
};

/* The row's number, or -1 with a problem set. */
static int kind_find(struct api_answer *a, const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(word, kinds[i].word) == 0)
			return (int)i;
	api_problem(a, 404,
		    "there is no such kind of rule; the kinds are ip, port, app, domain, allow-ip, "
		    "allow-app, allow-domain, and device for what is called so");
	return -1;
}

static void flag_add(struct text *t, const char *name, bool value)
{
	text_printf(t, ",\"%s\":%s", name, value ? "true" : "false");
}

int route_rules_change(struct api_request *q, struct api_answer *a)
{
	int kind = kind_find(a, q->param[0]);
	struct text request = {0};
	struct wire answer;
	bool in_force;
	int err;

	if (kind < 0)
		return 0;
	text_printf(&request,
		    "{\"command\":\"change\",\"by\":\"http\",\"json\":true,\"kind\":\"%s\"",
		    rule_kind_name(kinds[kind].kind));
	flag_add(&request, "allow", kinds[kind].is_allow);
	flag_add(&request, "remove", strcmp(q->method, "DELETE") == 0);
	flag_add(&request, "force", ask_flag(q, "force"));
	flag_add(&request, "learnt", ask_flag(q, "learnt"));
	ask_times(q, &request);
	text_puts(&request, ",\"values\":[");
	text_json_utf8(&request, q->param[1]);
	text_puts(&request, "]}");
	err = ask_rules(q, a, &request, slice_of("", 0), &answer, &in_force);
	text_clear(&request);
	if (err)
		return 0;
	porter_fleet_poke(q->api->porter);
	answer_changed(a, &answer, in_force);
	return 0;
}

/* Asks for the rules, as JSON or as text. 0, or -1 with a problem set. */
static int rules_ask(struct api_request *q, struct api_answer *a, bool is_json, struct wire *answer,
		     bool *in_force)
{
	struct text request = {0};
	int err;

	text_printf(&request, "{\"command\":\"rules\",\"json\":%s}", is_json ? "true" : "false");
	err = ask_rules(q, a, &request, slice_of("", 0), answer, in_force);
	text_clear(&request);
	return err;
}

static bool wants_text(struct api_request *q)
{
	const char *format = api_query(q, "format", 0), *accept = api_header(q, "Accept");

	if (format)
		return strcmp(format, "text") == 0;
	return accept && strstr(accept, "text/plain") && !strstr(accept, "json");
}

/* Writes the rules of one kind, or of all where kind is below 0. */
static void rules_write(const json_t *rules, int kind, bool in_force, struct text *out)
{
	const json_t *one;
	bool is_first = true;
	size_t i;

	text_printf(out, "{\"in_force\":%s,", in_force ? "true" : "false");
	if (kind >= 0)
		text_printf(out, "\"kind\":\"%s\",", kinds[kind].word);
	text_puts(out, "\"rules\":[");
	json_array_foreach(rules, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "kind"));
		const char *action = json_string_value(json_object_get(one, "action"));
		char *text;

		if (kind >= 0 && (strcmp(name ?: "", rule_kind_name(kinds[kind].kind)) != 0 ||
				  (strcmp(action ?: "", "allow") == 0) != kinds[kind].is_allow))
			continue;
		text = json_dumps(one, JSON_COMPACT | JSON_ENSURE_ASCII);
		if (!is_first)
			text_putc(out, ',');
		text_puts(out, text ?: "null");
		free(text);
		is_first = false;
	}
	text_puts(out, "]}\n");
}

static int rules_answer(struct api_request *q, struct api_answer *a, int kind)
{
	struct wire answer;
	struct text out = {0};
	bool in_force;
	json_t *all;

	if (rules_ask(q, a, true, &answer, &in_force))
		return 0;
	all = json_loadb(answer.out, answer.out_len, 0, NULL);
	wire_clear(&answer);
	rules_write(json_object_get(all, "rules"), kind, in_force, &out);
	json_decref(all);
	api_answer_json(a, 200, &out);
	return 0;
}

int route_rules_kind(struct api_request *q, struct api_answer *a)
{
	int kind = kind_find(a, q->param[0]);

	return kind < 0 ? 0 : rules_answer(q, a, kind);
}

int route_rules_get(struct api_request *q, struct api_answer *a)
{
	struct wire answer;
	struct text out = {0};
	bool in_force;

	if (!wants_text(q))
		return rules_answer(q, a, -1);
	if (rules_ask(q, a, false, &answer, &in_force))
		return 0;
	text_add(&out, answer.out, answer.out_len);
	wire_clear(&answer);
	api_answer_text(a, 200, "text/plain; charset=utf-8", &out);
	return 0;
}

/* One rule of such a list: its value, and behind it when it is in force. 1, 0 or -errno with *f. */
static int rule_read(const json_t *one, struct rules *out, const struct rule_apps *apps,
		     bool is_forced, struct fault *f)
{
	const char *name = json_string_value(json_object_get(one, "kind"));
	const char *action = json_string_value(json_object_get(one, "action"));
	const json_t *value = json_object_get(one, "value"), *when = json_object_get(one, "when");
	const json_t *device = json_object_get(one, "device");
	struct text whole = {0};
	int kind = 0, err;

	while (kind < RULE_KINDS && strcmp(name ?: "", rule_kind_name((enum rule_kind)kind)) != 0)
		kind++;
	text_add(&whole, json_string_value(value), json_string_length(value));
	/* What GET gave has it in the value as well. */
	if (json_string_length(device) && !whole.failed && !strstr(whole.at, " device "))
		text_printf(&whole, " device %s", json_string_value(device));
	if (json_string_length(when)) {
		text_puts(&whole, "  ");
		text_add(&whole, json_string_value(when), json_string_length(when));
	}
	err = whole.failed
		      ? fault_set(f, -ENOMEM, "out of memory")
		      : rules_add(out, (enum rule_kind)kind, action && strcmp(action, "allow") == 0,
				  slice_of(whole.at ? whole.at : "", whole.len), apps,
				  is_forced ? RULES_FORCE : 0, f);
	text_clear(&whole);
	return err;
}

/* Reads {"rules":[{"kind","action","value","device","when"}]} into *out. 0, or -1 with a problem
 * set. */
static int rules_read(struct api_request *q, struct api_answer *a, struct rules *out)
{
	struct rule_apps apps = catalogue_rule_apps(q->api->catalogue);
	bool is_forced = ask_flag(q, "force");
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(q->json, "rules"), i, one)
	{
		struct fault f = {0};

		if (rule_read(one, out, &apps, is_forced, &f) < 0) {
			api_problem(a, 422, "rules[%zu]: %s", i, f.text);
			return -1;
		}
	}
	return 0;
}

/* The text form of the rules in the body. Gives it; NULL with a problem set. */
static char *rules_text(struct api_request *q, struct api_answer *a)
{
	struct rules *rules;
	char *text = NULL;

	if (!q->json) {
		text = strndup((const char *)q->body.at, q->body.len);
	} else if ((rules = rules_new())) {
		if (rules_read(q, a, rules)) {
			rules_free(rules);
			return NULL;
		}
		text = rules_format(rules);
		rules_free(rules);
	}
	if (!text)
		api_problem(a, 500, "out of memory; try again later");
	return text;
}

int route_rules_put(struct api_request *q, struct api_answer *a)
{
	char *text = rules_text(q, a);
	struct text request = {0};
	struct wire answer;
	bool in_force;
	int err;

	if (!text)
		return 0;
	text_puts(&request, "{\"command\":\"rules-set\",\"by\":\"http\",\"name\":\"rules\"");
	flag_add(&request, "force", q->json || ask_flag(q, "force"));
	text_putc(&request, '}');
	err = ask_rules(q, a, &request, slice_of(text, q->json ? strlen(text) : q->body.len),
			&answer, &in_force);
	text_clear(&request);
	free(text);
	if (err)
		return 0;
	porter_fleet_poke(q->api->porter);
	wire_clear(&answer);
	return rules_answer(q, a, -1);
}
