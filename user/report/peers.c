/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The addresses that each suspect dealt with, each once. There may be very many, but few of one
 * suspect: they are brought together first, and then sorted suspect by suspect.
 */
#include "report/model.h"
#include "report/places.h"

#include <errno.h>
#include <stdlib.h>

/* True when a is to be listed rather than b, of one address: one with a name, then by the name. */
static bool is_better(const struct sum_name *a, const struct sum_name *b)
{
	if (!a || !b)
		return a && !b;
	if (a->len != b->len)
		return a->len < b->len;
	return memcmp(a->text, b->text, a->len) < 0;
}

static void count_peer(struct model_group *groups, const struct sum_addr *of)
{
	if (of->suspect)
		groups[of->suspect - 1].count++;
}

/* Every end of a pair that is a suspect has the other end as its peer: finds out how much room each
 * group takes, at most. */
static void make_groups(struct report *r)
{
	const struct sum_pair *p;

	for (size_t at = 0; (p = sums_next_pair(r->ends, &at));) {
		count_peer(r->groups, p->src);
		if (p->src != p->dst)
			count_peer(r->groups, p->dst);
	}
	for (size_t i = 0; i < r->forensic.suspect_count; i++) {
		r->groups[i].first = r->peer_count;
		r->peer_count += r->groups[i].count;
		r->groups[i].count = 0;
	}
}

static void add_peer(struct report *r, const struct sum_addr *of, const struct sum_addr *peer,
		     const struct sum_name *domain)
{
	struct model_group *g = of->suspect ? &r->groups[of->suspect - 1] : NULL;

	if (g)
		r->peers[g->first + g->count++] = (struct model_peer){.addr = peer->addr,
								      .domain = domain};
}

static void fill_groups(struct report *r)
{
	const struct sum_pair *p;

	for (size_t at = 0; (p = sums_next_pair(r->ends, &at));) {
		add_peer(r, p->src, p->dst, p->domain ? p->domain : p->dst->learnt);
		if (p->src != p->dst)
			add_peer(r, p->dst, p->src, sum_addr_name(p->src));
	}
}

/* Room for sorting a group of any size there is. */
struct desk {
	struct place *place; /* twice as many */
	struct model_peer *sorted;
};

/* Puts a group in order, each peer once. */
static void sort_group(struct model_peer *peers, struct model_group *g, const struct desk *desk)
{
	struct place *place = desk->place;
	size_t kept = 0;

	/* By the lower half of the address first: by the upper one they stay in that order. */
	for (size_t i = 0; i < g->count; i++)
		place[i] = (struct place){dpi_be64(peers[i].addr.d[1]), &peers[i]};
	places_sort(place, place + g->count, g->count);
	for (size_t i = 0; i < g->count; i++)
		place[i].key = dpi_be64(((const struct model_peer *)place[i].at)->addr.d[0]);
	places_sort(place, place + g->count, g->count);
	for (size_t i = 0; i < g->count; i++) {
		const struct model_peer *p = place[i].at;
		struct model_peer *last = kept ? &desk->sorted[kept - 1] : NULL;

		if (!last || memcmp(&last->addr, &p->addr, sizeof(p->addr)))
			desk->sorted[kept++] = *p;
		else if (is_better(p->domain, last->domain))
			last->domain = p->domain;
	}
	memcpy(peers, desk->sorted, kept * sizeof(*peers));
	g->count = kept;
}

static int sort_groups(struct report *r)
{
	size_t most = 0, suspects = r->forensic.suspect_count;
	struct desk desk;

	for (size_t i = 0; i < suspects; i++)
		most = r->groups[i].count > most ? r->groups[i].count : most;
	desk.place = malloc((2 * most + 1) * sizeof(*desk.place));
	desk.sorted = malloc((most + 1) * sizeof(*desk.sorted));
	for (size_t i = 0; i < suspects && desk.place && desk.sorted; i++)
		if (r->groups[i].count > 1)
			sort_group(r->peers + r->groups[i].first, &r->groups[i], &desk);
	free(desk.place);
	free(desk.sorted);
	return desk.place && desk.sorted ? 0 : -ENOMEM;
}

int model_peers(struct report *r)
{
	/* Never a file; for the large pages, since peers are moved to anywhere. */
	struct spool plain = {.plain_max = SIZE_MAX, .pages = r->ends->spool.pages};

	if (!r->forensic.suspect_count)
		return 0;
	r->groups = calloc(r->forensic.suspect_count, sizeof(*r->groups));
	if (!r->groups)
		return -ENOMEM;
	make_groups(r);
	r->peers = spool_take_unset(&plain, (r->peer_count + 1) * sizeof(*r->peers));
	if (!r->peers)
		return -ENOMEM;
	fill_groups(r);
	return sort_groups(r);
}

void model_peers_clear(struct report *r)
{
	spool_give(r->peers, (r->peer_count + 1) * sizeof(*r->peers));
	free(r->groups);
}

size_t model_peers_of(const struct report *r, size_t suspect, const struct model_peer **first)
{
	*first = r->peers + r->groups[suspect].first;
	return r->groups[suspect].count;
}
