/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the report says about each suspicious address beside the reasons: the names asked for by
 * it, and the addresses it dealt with.
 */
#include "report/model.h"

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

/* Of one suspect. */
static int compare_peers(const void *a, const void *b)
{
	const struct model_peer *x = a, *y = b;
	int by = memcmp(x->addr, y->addr, sizeof(*x->addr));

	if (!by)
		by = (y->domain != NULL) - (x->domain != NULL); /* one with a name first */
	if (!by && x->domain)
		by = x->domain->len - y->domain->len;
	if (!by && x->domain)
		by = memcmp(x->domain->text, y->domain->text, x->domain->len);
	return by;
}

/* The visits found so far, as many as there is room for. */
struct visits {
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

/* Adds the names of rows that suspects opened. */
static int add_visits(const struct report *r, struct visits *v, size_t first, size_t count)
{
	struct connection c[TOGETHER];
	struct sums_sought sought[TOGETHER];
	struct connection_name name;
	int err = 0;

	for (size_t i = 0; i < count; i++) {
		tally_row(r->config.tally, first + i, &c[i]);
		sought[i] = sums_seek(r->sums, &c[i]);
	}
	for (size_t i = 0; i < count; i++)
		sums_warm(r->sums, &sought[i]);
	for (size_t i = 0; i < count && !err; i++) {
		const struct sum_addr *src = sums_sought_src(r->sums, &c[i], &sought[i]);

		if (!src || !src->suspect)
			continue;
		for (size_t at = 0; !err && connection_next_name(&c[i], &at, &name);)
			err = add_visit(v, src->suspect - 1, name.text);
	}
	return err;
}

/* Servers that many ask are suspects, too, and open nothing. */
static bool has_opener(const struct forensic *f)
{
	for (size_t i = 0; i < f->suspect_count; i++)
		if (f->suspects[i].addr->from_flows)
			return true;
	return false;
}

static int find_visits(struct report *r)
{
	size_t rows = has_opener(&r->forensic) ? r->row_count : 0;
	struct visits v = {.visit = malloc(VISITS_FIRST * sizeof(*v.visit)), .cap = VISITS_FIRST};
	int err = v.visit ? 0 : -ENOMEM;

	for (size_t i = 0; i < rows && !err; i += TOGETHER)
		err = add_visits(r, &v, i, rows - i < TOGETHER ? rows - i : TOGETHER);
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

static void add_peer(struct report *r, const struct sum_addr *of, const struct sum_addr *peer,
		     const struct sum_domain *domain)
{
	if (of->suspect)
		r->peers[r->peer_count++] = (struct model_peer){of->suspect - 1, &peer->addr,
								domain};
}

/* Every end of a pair that is a suspect has the other end as its peer, in any order. */
static int list_peers(struct report *r)
{
	const struct sum_pair *p;
	size_t at = 0;

	r->peers = calloc(2 * sums_count(&r->sums->pairs) + 1, sizeof(*r->peers));
	if (!r->peers)
		return -ENOMEM;
	while ((p = sums_next_pair(r->sums, &at))) {
		add_peer(r, p->src, p->dst, p->domain ? p->domain : p->dst->learnt);
		if (p->src != p->dst)
			add_peer(r, p->dst, p->src, sum_addr_name(p->src));
	}
	return 0;
}

/* Brings together the peers of each suspect, in order of the suspects. end: a 0 for each of
 * them; then, where its peers end. */
static int group_peers(struct report *r, size_t *end)
{
	struct model_peer *grouped = malloc((r->peer_count + 1) * sizeof(*grouped));
	size_t sum = 0;

	if (!grouped)
		return -ENOMEM;
	for (size_t i = 0; i < r->peer_count; i++)
		end[r->peers[i].suspect]++;
	for (size_t i = 0; i < r->forensic.suspect_count; i++) {
		size_t count = end[i];

		end[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < r->peer_count; i++)
		grouped[end[r->peers[i].suspect]++] = r->peers[i];
	free(r->peers);
	r->peers = grouped;
	return 0;
}

/* Sorts them suspect by suspect: there may be very many, but few of one. */
static int sort_peers(struct report *r)
{
	size_t *end = calloc(r->forensic.suspect_count + 1, sizeof(*end));
	int err = end ? group_peers(r, end) : -ENOMEM;

	for (size_t i = 0, first = 0; !err && i < r->forensic.suspect_count; first = end[i++])
		qsort(r->peers + first, end[i] - first, sizeof(*r->peers), compare_peers);
	free(end);
	return err;
}

static int find_peers(struct report *r)
{
	size_t count, kept = 0;
	int err = list_peers(r);

	if (!err)
		err = sort_peers(r);
	if (err)
		return err;
	count = r->peer_count;
	for (size_t i = 0; i < count; i++) {
		const struct model_peer *last = kept ? &r->peers[kept - 1] : NULL;

		if (!last || last->suspect != r->peers[i].suspect ||
		    memcmp(last->addr, r->peers[i].addr, sizeof(*last->addr)))
			r->peers[kept++] = r->peers[i];
	}
	r->peer_count = kept;
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
	return err ? err : find_peers(r);
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

size_t model_peers_of(const struct report *r, size_t suspect, const struct model_peer **first)
{
	size_t low = 0, high = r->peer_count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->peers[middle].suspect < suspect)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < r->peer_count && r->peers[end].suspect == suspect; end++)
		;
	*first = r->peers + low;
	return end - low;
}
