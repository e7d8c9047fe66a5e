/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the report says about each suspicious address beside the reasons: the names asked for by
 * it. The addresses it dealt with are in peers.c.
 */
#include "report/model.h"
#include "report/rows.h"

#include <errno.h>
#include <stdlib.h>

static int compare_visits(const void *a, const void *b)
{
	const struct model_visit *x = a, *y = b;
	size_t least = x->domain.len < y->domain.len ? x->domain.len : y->domain.len;
	int by = x->suspect < y->suspect ? -1 : x->suspect > y->suspect;

	if (!by)
		by = memcmp(x->domain.at, y->domain.at, least);
	if (!by)
		by = x->domain.len < y->domain.len ? -1 : x->domain.len > y->domain.len;
	return by;
}

/* The visits found so far, as many as there is room for. */
struct visits {
	const struct rows *rows;
	bool is_end; /* of the rows */
	struct model_visit *visit;
	size_t count, cap;
};

static int add_visit(struct visits *v, size_t suspect, struct slice domain)
{
	if (v->count == v->cap) {
		size_t cap = 2 * v->cap;
		struct model_visit *visit = realloc(v->visit, cap * sizeof(*visit));

		if (!visit)
			return -ENOMEM;
		v->visit = visit;
		v->cap = cap;
	}
	v->visit[v->count++] = (struct model_visit){suspect, domain};
	return 0;
}

enum {
	VISITS_FIRST = 256,
	TOGETHER = 16, /* rows whose sources are asked of memory at a time */
};

/* Adds the names of those of the next rows that suspects opened. */
static int add_visits(const struct report *r, struct visits *v, struct rows_at *at_row)
{
	struct connection c[TOGETHER];
	struct sums_sought sought[TOGETHER];
	struct connection_name name;
	size_t count = 0;
	int err = 0;

	for (; count < TOGETHER && rows_next(v->rows, at_row, &c[count]); count++)
		sought[count] = sums_seek_ends(r->ends, &c[count]);
	v->is_end = !count;
	for (size_t i = 0; i < count; i++)
		sums_warm_ends(r->ends, &sought[i]);
	for (size_t i = 0; i < count && !err; i++) {
		const struct sum_addr *src = sums_sought_src(r->ends, &c[i], &sought[i]);

		if (!src || !src->suspect)
			continue;
		for (size_t at = 0; !err && connection_next_name(&c[i], &at, &name);)
			err = add_visit(v, src->suspect - 1, name.text);
	}
	return err;
}

static int find_visits(struct report *r)
{
	struct visits v = {.rows = tally_rows(r->config.tally), .cap = VISITS_FIRST};
	struct rows_at at = {0};
	int err;

	v.visit = malloc(VISITS_FIRST * sizeof(*v.visit));
	v.is_end = !r->forensic.has_opener;
	err = v.visit ? 0 : -ENOMEM;
	while (!err && !v.is_end)
		err = add_visits(r, &v, &at);
	r->visits = v.visit;
	if (err)
		return err;
	qsort(v.visit, v.count, sizeof(*v.visit), compare_visits);
	for (size_t i = 0; i < v.count; i++) {
		size_t kept = r->visit_count;

		if (!kept || compare_visits(&r->visits[kept - 1], &r->visits[i]))
			r->visits[r->visit_count++] = r->visits[i];
	}
	return 0;
}

/* The directly flagged, by their first reason, before those that are only associated. */
static int first_reason(const struct forensic_suspect *s)
{
	int k = 0;

	while (k < FORENSIC_ASSOCIATED && !s->count[k])
		k++;
	return k;
}

static int order_suspects(struct report *r)
{
	size_t count = r->forensic.suspect_count, at = 0;

	r->suspect_order = calloc(count + 1, sizeof(*r->suspect_order));
	if (!r->suspect_order)
		return -ENOMEM;
	for (int k = 0; k < FORENSIC_KINDS; k++)
		for (size_t i = 0; i < count; i++)
			if (first_reason(&r->forensic.suspects[i]) == k)
				r->suspect_order[at++] = i;
	return 0;
}

int model_suspects(struct report *r)
{
	int err = order_suspects(r);

	if (!err)
		err = find_visits(r);
	return err ? err : model_peers(r);
}

size_t model_visits_of(const struct report *r, size_t suspect, const struct model_visit **first)
{
	size_t low = 0, high = r->visit_count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->visits[middle].suspect < suspect)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < r->visit_count && r->visits[end].suspect == suspect; end++)
		;
	*first = r->visits + low;
	return end - low;
}
