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

static int compare_peers(const void *a, const void *b)
{
	const struct model_peer *x = a, *y = b;
	int by = x->suspect < y->suspect ? -1 : x->suspect > y->suspect;

	if (!by)
		by = memcmp(x->addr, y->addr, sizeof(*x->addr));
	if (!by)
		by = (y->domain != NULL) - (x->domain != NULL); /* one with a name first */
	if (!by && x->domain)
		by = x->domain->len - y->domain->len;
	if (!by && x->domain)
		by = memcmp(x->domain->text, y->domain->text, x->domain->len);
	return by;
}

static size_t index_of(const struct report *r, const struct dpi_addr *a)
{
	const struct forensic_suspect *s = forensic_suspect_of(&r->forensic, a);

	return s ? (size_t)(s - r->forensic.suspects) : SIZE_MAX;
}

/* Counts the names of rows that suspects opened, or stores them when visits is there. */
static size_t walk_visits(const struct report *r, struct model_visit *visits)
{
	struct connection_name name;
	struct connection c;
	size_t count = 0;

	for (size_t i = 0; i < r->row_count; i++) {
		size_t suspect;

		tally_row(r->config.tally, i, &c);
		suspect = c.name_count ? index_of(r, connection_src(&c)) : SIZE_MAX;
		if (suspect == SIZE_MAX)
			continue;
		for (size_t at = 0; connection_next_name(&c, &at, &name); count++) {
			if (visits)
				visits[count] = (struct model_visit){suspect, name.text};
		}
	}
	return count;
}

static int find_visits(struct report *r)
{
	size_t count = r->forensic.suspect_count ? walk_visits(r, NULL) : 0;

	r->visits = calloc(count + 1, sizeof(*r->visits));
	if (!r->visits)
		return -ENOMEM;
	if (count)
		walk_visits(r, r->visits);
	qsort(r->visits, count, sizeof(*r->visits), compare_visits);
	for (size_t i = 0; i < count; i++) {
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

static int find_peers(struct report *r)
{
	const struct sum_pair *p;
	size_t count, kept = 0, at = 0;

	r->peers = calloc(2 * sums_count(&r->sums->pairs) + 1, sizeof(*r->peers));
	if (!r->peers)
		return -ENOMEM;
	while ((p = sums_next_pair(r->sums, &at))) {
		add_peer(r, p->src, p->dst, p->domain ? p->domain : p->dst->learnt);
		if (p->src != p->dst)
			add_peer(r, p->dst, p->src, sum_addr_name(p->src));
	}
	count = r->peer_count;
	qsort(r->peers, count, sizeof(*r->peers), compare_peers);
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
