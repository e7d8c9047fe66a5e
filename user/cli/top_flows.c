/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flows of a sample, and the names they asked for; see top.h. Room: cli. A document of 65,536
 * flows is 30 MB, and ten times that when parsed whole: so it is taken apart into its rows, and
 * each is parsed alone.
 */
#include "cli/top.h"

#include <errno.h>
#include <stdlib.h>

#include "control/answer.h"

/* A document under way; strings are copied to `words`, which is as long as the document. */
struct reading {
	const char *at, *end;
	char *words;
	struct top_sample *s;
	size_t cap;
};

/* The end of the object that begins at r->at, or NULL. Braces in strings are none. */
static const char *object_end(const struct reading *r)
{
	bool is_string = false;
	unsigned depth = 0;

	for (const char *c = r->at; c < r->end; c++) {
		if (is_string && *c == '\\')
			c++;
		else if (*c == '"')
			is_string = !is_string;
		else if (!is_string && *c == '{')
			depth++;
		else if (!is_string && *c == '}' && --depth == 0)
			return c + 1;
	}
	return NULL;
}

/* A string is never longer than what it was written as. */
static const char *words(struct reading *r, const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);
	size_t len = json_string_length(value);
	char *copy = r->words;

	if (!len)
		return "";
	memcpy(copy, json_string_value(value), len + 1);
	r->words += len + 1;
	return copy;
}

static int row_add(struct reading *r, const json_t *row)
{
	struct top_sample *s = r->s;

	if (s->flow_count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct top_flow *flows = realloc(s->flows, cap * sizeof(*flows));

		if (!flows)
			return -ENOMEM;
		s->flows = flows;
		r->cap = cap;
	}
	s->flows[s->flow_count++] = (struct top_flow){
		.proto = words(r, row, "protocol"),
		.src = words(r, row, "src_ip"),
		.dst = words(r, row, "dst_ip"),
		.app = words(r, row, "app"),
		.state = words(r, row, "state"),
		.name = words(r, row, "domain"),
		.reason = words(r, row, "block_reason"),
		.src_port = control_number(row, "src_port"),
		.dst_port = control_number(row, "dst_port"),
		.packets = control_number(row, "packets"),
		.bytes = control_number(row, "bytes"),
		.dropped = control_number(row, "dropped_packets"),
		.is_blocked = json_is_true(json_object_get(row, "blocked")),
	};
	return 0;
}

static int rows_read(struct reading *r)
{
	int err = 0;

	r->at = memchr(r->at, '[', (size_t)(r->end - r->at));
	while (!err && r->at && (r->at = memchr(r->at, '{', (size_t)(r->end - r->at)))) {
		const char *end = object_end(r);
		json_t *row = end ? json_loadb(r->at, (size_t)(end - r->at), 0, NULL) : NULL;

		if (row)
			err = row_add(r, row);
		json_decref(row);
		r->at = end;
	}
	return err;
}

static int domain_order(const void *a, const void *b)
{
	return strcmp(((const struct top_domain *)a)->name, ((const struct top_domain *)b)->name);
}

/* Flows that have a name, by their names. */
static int domains_fill(struct top_sample *s)
{
	struct top_domain *d = calloc(s->flow_count + 1, sizeof(*d));
	size_t n = 0, kept = 0;

	if (!d)
		return -ENOMEM;
	for (size_t i = 0; i < s->flow_count; i++) {
		const struct top_flow *f = &s->flows[i];

		if (*f->name)
			d[n++] = (struct top_domain){f->name,	   f->app,   1,
						     f->packets,   f->bytes, f->dropped,
						     f->is_blocked};
	}
	qsort(d, n, sizeof(*d), domain_order);
	for (size_t i = 0; i < n; i++) {
		struct top_domain *to = kept ? &d[kept - 1] : NULL;

		if (!to || strcmp(to->name, d[i].name) != 0) {
			d[kept++] = d[i];
			continue;
		}
		to->flows++;
		to->packets += d[i].packets;
		to->bytes += d[i].bytes;
		to->dropped += d[i].dropped;
		to->is_blocked |= d[i].is_blocked;
	}
	s->domains = d;
	s->domain_count = kept;
	return 0;
}

int top_flows_read(struct top_sample *s, const char *text, size_t len)
{
	struct reading r = {.at = text, .end = text + len, .s = s};
	int err;

	s->flow_words = malloc(len + 1);
	if (!s->flow_words)
		return -ENOMEM;
	r.words = s->flow_words;
	err = rows_read(&r);
	return err ? err : domains_fill(s);
}
