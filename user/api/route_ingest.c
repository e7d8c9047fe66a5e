/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * POST /ingest: what would become of a packet that something else has seen. One JSON object, or one
 * a line (NDJSON); then the answers are a line each, in their order. Room: api.
 */
#include <errno.h>

#include "api/ingest.h"
#include "api/route.h"
#include "classify/catalogue.h"

enum { DEPTH_MAX = 16 };

struct batch {
	struct api *api;
	const struct policy *policy;
	struct text out;
};

static void write_verdict(struct batch *b, const struct ingest_verdict *v)
{
	text_printf(&b->out, "{\"status\":\"success\",\"data\":{\"status\":\"%s\",\"app\":",
		    v->is_dropped ? "dropped" : "forwarded");
	text_json(&b->out, slice_text(catalogue_name(b->api->catalogue, v->app)));
	text_puts(&b->out, ",\"reason\":");
	if (*v->reason)
		text_json(&b->out, slice_text(v->reason));
	else
		text_puts(&b->out, "null");
	text_puts(&b->out, "}}\n");
}

/* 0, or -EINVAL with *f. */
static int judge(struct batch *b, const json_t *json, struct fault *f)
{
	struct api_counters *n = b->api->counters;
	struct ingest_verdict v;
	struct ingest_record r;

	if (ingest_read(json, &r, f)) {
		n->ingest_refused++;
		return -EINVAL;
	}
	ingest_judge(b->policy, b->api->catalogue, &r, &v);
	n->ingest_bytes += r.size;
	if (v.is_dropped)
		n->ingest_dropped++;
	else
		n->ingest_forwarded++;
	write_verdict(b, &v);
	return 0;
}

static bool is_blank(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!strchr(" \t\r", s.at[i]) || !s.at[i])
			return false;
	return true;
}

/* Brackets of all kinds count, in strings too: no record has so many. */
static bool is_deep(struct slice s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++)
		depth += s.at[i] == '{' || s.at[i] == '[';
	return depth > DEPTH_MAX;
}

static void judge_line(struct batch *b, struct slice line, size_t number)
{
	struct fault f = {""};
	json_error_t said;
	json_t *json = NULL;
	int err = -EINVAL;

	if (is_deep(line))
		fault_set(&f, err, "more brackets than a record has");
	else
		json = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, &said);
	if (json) {
		err = judge(b, json, &f);
	} else {
		b->api->counters->ingest_refused++;
		if (!*f.text)
			fault_set(&f, err, "not JSON: %s", said.text);
	}
	json_decref(json);
	if (!err)
		return;
	text_printf(&b->out, "{\"status\":\"error\",\"line\":%zu,\"detail\":", number);
	text_json(&b->out, slice_text(f.text));
	text_puts(&b->out, "}\n");
}

static void judge_lines(struct batch *b, struct slice left)
{
	for (size_t number = 1; left.len; number++) {
		const uint8_t *end = memchr(left.at, '\n', left.len);
		size_t len = end ? (size_t)(end - left.at) : left.len;

		if (!is_blank(slice_first(left, len)))
			judge_line(b, slice_first(left, len), number);
		left = slice_from(left, len + (end != NULL));
	}
}

int route_ingest(struct api_request *q, struct api_answer *a)
{
	struct batch b = {.api = q->api};
	struct fault f = {""};
	int err = ingest_policy(q->api->ingest, &b.policy, &f);

	if (err)
		return api_problem(a, 503, "%s", f.text);
	if (q->json)
		err = judge(&b, q->json, &f);
	else
		judge_lines(&b, q->body);
	ingest_release(q->api->ingest);
	if (err) {
		text_clear(&b.out);
		return api_problem(a, 422, "%s", f.text);
	}
	api_answer_text(a, 200, q->json ? "application/json" : "application/x-ndjson", &b.out);
	return 0;
}
