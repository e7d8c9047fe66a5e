/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The report as JSON, schema dpi-xdp/report/1. Keys and their meaning are a promise to clients:
 * they are added to, never changed. Made in pieces, so that a million rows need no room, and so
 * that several threads can make them: a piece is one part of the document, or some items of a list.
 */
#include "report/domain_order.h"
#include "report/json_parts.h"

#include <errno.h>
#include <stdlib.h>

enum { TOP_LEVEL = 1, LIST_LEVEL = 2 /* of nesting */, WARM_AHEAD = 8 /* domains */ };

/* A member, or several: all in one piece, or a list whose items are spread over pieces. */
struct part {
	void (*put)(struct json *j, const struct report *r); /* NULL: it is a list */
	const char *key;
	size_t (*count)(const struct report_json *d);
	void (*item)(struct json *j, const struct report_json *d, size_t i);
	/* Whether an item before this one was put; NULL: all are. */
	bool (*has_before)(const struct report_json *d, size_t i);
	size_t together; /* items a piece */
};

struct report_json {
	const struct report *r;
	const struct part *parts;
	size_t part_count, early_count; /* the parts that need no finished report come first */
	size_t first_blocked;		/* of the rows, where there is one */
	/* All domains; NULL where no list of them is wanted. */
	struct domain_place *by_name, *by_flows;
};

static size_t domain_count(const struct report_json *d)
{
	return d->r->domain_count;
}

/* Domains stand anywhere: ask for one that comes soon. A macro, since a function that did nothing
 * else would be taken for one without effect. */
#define WARM_DOMAIN(d, place, i)                                              \
	do {                                                                  \
		if ((d)->r->domain_count - (i) > WARM_AHEAD)                  \
			__builtin_prefetch((place)[(i) + WARM_AHEAD].domain); \
	} while (0)

/* Sorted as the escaped text sorts, which is what a client sees. */
static void put_name(struct json *j, const struct report_json *d, size_t i)
{
	const struct sum_domain *domain = d->by_name[i].domain;

	WARM_DOMAIN(d, d->by_name, i);
	json_slice(j, slice_of(domain->text, domain->len));
}

static void put_domain(struct json *j, const struct report_json *d, size_t i)
{
	WARM_DOMAIN(d, d->by_flows, i);
	json_line(j);
	json_domain(j, d->r, d->by_flows[i].domain);
}

static size_t row_count(const struct report_json *d)
{
	return d->r->row_count;
}

static void put_row(struct json *j, const struct report_json *d, size_t i)
{
	const struct report_config *config = &d->r->config;
	struct connection c;

	tally_row(config->tally, i, &c);
	json_line(j);
	json_connection(j, &c, config->catalogue, config->rules);
}

static size_t row_count_if_blocked(const struct report_json *d)
{
	return d->r->blocked_count ? d->r->row_count : 0;
}

static void put_blocked(struct json *j, const struct report_json *d, size_t i)
{
	if (tally_row_is_blocked(d->r->config.tally, i))
		put_row(j, d, i);
}

static bool has_blocked_before(const struct report_json *d, size_t i)
{
	return i > d->first_blocked;
}

static size_t rule_count(const struct report_json *d)
{
	return d->r->rule_count;
}

static void put_rule(struct json *j, const struct report_json *d, size_t i)
{
	json_line(j);
	json_rule(j, d->r, &d->r->rules[i]);
}

static size_t suspect_count(const struct report_json *d)
{
	return d->r->forensic.suspect_count;
}

static void put_suspect(struct json *j, const struct report_json *d, size_t i)
{
	json_line(j);
	json_suspect(j, d->r, d->r->suspect_order[i]);
}

/* Pieces are of some hundred kilobytes: they stay in the cache until they are written. */
static const struct part whole_parts[] = {
	{.put = json_part_head},
	{.put = json_part_totals},
	{.put = json_part_apps},
	{NULL, "domains_detected", domain_count, put_name, NULL, 4096},
	{NULL, "domains", domain_count, put_domain, NULL, 2048},
	{NULL, "connections", row_count, put_row, NULL, 256},
	{NULL, "blocked_connections", row_count_if_blocked, put_blocked, has_blocked_before, 256},
	/* WHOLE_EARLY parts so far */
	{NULL, "rules", rule_count, put_rule, NULL, 1024},
	{NULL, "suspicious", suspect_count, put_suspect, NULL, 32},
	{.put = json_part_nets},
	{.put = json_part_workers},
	{.put = json_part_counters},
};

enum { WHOLE_EARLY = 7 };

static const struct part summary_parts[] = {
	{.put = json_part_head},
	{.put = json_part_totals},
	{.put = json_part_apps},
	{.put = json_part_sizes},
	{NULL, "rules", rule_count, put_rule, NULL, 1024},
	{NULL, "suspicious", suspect_count, put_suspect, NULL, 32},
	{.put = json_part_nets},
	{.put = json_part_workers},
	{.put = json_part_counters},
};

static size_t pieces_of(const struct report_json *d, const struct part *p)
{
	size_t count = p->put ? 0 : p->count(d);

	return count ? (count + p->together - 1) / p->together : 1;
}

size_t report_json_count(const struct report_json *d)
{
	size_t parts = d->r->is_finished ? d->part_count : d->early_count, count = 0;

	for (size_t i = 0; i < parts; i++)
		count += pieces_of(d, &d->parts[i]);
	return count;
}

/* Items of a list from `first` on, with its brackets where they belong. */
static void put_items(struct json *j, const struct report_json *d, const struct part *p,
		      size_t first)
{
	size_t count = p->count(d);
	size_t end = count - first > p->together ? first + p->together : count;

	if (!first) {
		json_part(j, p->key, '[');
	} else {
		j->depth = LIST_LEVEL;
		if (!p->has_before || p->has_before(d, first))
			j->has_item |= 1U << LIST_LEVEL;
	}
	for (size_t i = first; i < end; i++)
		p->item(j, d, i);
	if (end == count)
		json_close(j, ']');
}

int report_json_piece(const struct report_json *d, size_t piece, struct text *t)
{
	const struct part *p = d->parts, *last = d->parts + d->part_count - 1;
	struct json j = json_to(t);
	size_t count;

	for (; (count = pieces_of(d, p)) <= piece; p++)
		piece -= count;
	if (p == d->parts)
		json_open(&j, '{');
	j.depth = TOP_LEVEL;
	j.has_item |= (uint64_t)(p != d->parts) << TOP_LEVEL;
	if (p->put)
		p->put(&j, d->r);
	else
		put_items(&j, d, p, piece * p->together);
	if (p == last && piece == count - 1) {
		json_close(&j, '}');
		text_putc(t, '\n');
	}
	return t->failed ? -ENOMEM : 0;
}

struct report_json *report_json_new(const struct report *r)
{
	struct report_json *d = calloc(1, sizeof(*d));
	size_t size = (r->domain_count + 1) * sizeof(*d->by_flows);

	if (!d)
		return NULL;
	d->r = r;
	d->parts = whole_parts;
	d->part_count = sizeof(whole_parts) / sizeof(whole_parts[0]);
	d->early_count = WHOLE_EARLY;
	while (r->blocked_count && d->first_blocked < r->row_count &&
	       !tally_row_is_blocked(r->config.tally, d->first_blocked))
		d->first_blocked++;
	d->by_name = domain_order_names(r->names);
	d->by_flows = malloc(size);
	if (d->by_name && d->by_flows) {
		memcpy(d->by_flows, d->by_name, size);
		if (!domain_order_flows(d->by_flows, r->domain_count))
			return d;
	}
	report_json_free(d);
	return NULL;
}

void report_json_free(struct report_json *d)
{
	if (!d)
		return;
	free(d->by_name);
	free(d->by_flows);
	free(d);
}

static int write_all(const struct report_json *d, const struct report_out *to)
{
	size_t count = report_json_count(d);
	struct text t = {0};
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		t.len = 0;
		err = report_json_piece(d, i, &t);
		if (!err)
			err = to->write(to->ctx, t.at, t.len);
	}
	text_clear(&t);
	return err;
}

int report_json(const struct report *r, const struct report_out *to)
{
	struct report_json *d = report_json_new(r);
	int err = d ? write_all(d, to) : -ENOMEM;

	report_json_free(d);
	return err;
}

int report_summary_json(const struct report *r, const struct report_out *to)
{
	const struct report_json d = {
		.r = r,
		.parts = summary_parts,
		.part_count = sizeof(summary_parts) / sizeof(summary_parts[0]),
	};

	return write_all(&d, to);
}
