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

static void add_peer(struct report *r, const struct sum_addr *of, const struct sum_addr *peer,
		     const struct sum_name *domain)
{
	if (of->suspect)
		r->peers[r->peer_count++] = (struct model_peer){
			.addr = peer->addr, .domain = domain, .suspect = of->suspect - 1};
}

/* Every end of a pair that is a suspect has the other end as its peer, in any order. */
static int list_peers(struct report *r, struct spool *plain)
{
	const struct sum_pair *p;
	size_t at = 0;

	r->peers_size = (2 * sums_count(&r->ends->pairs) + 1) * sizeof(*r->peers);
	r->peers = spool_take(plain, r->peers_size);
	if (!r->peers)
		return -ENOMEM;
	while ((p = sums_next_pair(r->ends, &at))) {
		add_peer(r, p->src, p->dst, p->domain ? p->domain : p->dst->learnt);
		if (p->src != p->dst)
			add_peer(r, p->dst, p->src, sum_addr_name(p->src));
	}
	return 0;
}

/* Gives the peers in order of their suspects. end: a 0 for each of these; then, where its peers
 * end. NULL: out of memory. */
static struct model_peer *group_peers(const struct report *r, size_t *end, struct spool *plain)
{
	struct model_peer *grouped = spool_take(plain, (r->peer_count + 1) * sizeof(*grouped));
	size_t sum = 0;

	for (size_t i = 0; i < r->peer_count; i++)
		end[r->peers[i].suspect]++;
	for (size_t i = 0; i < r->forensic.suspect_count; i++) {
		size_t count = end[i];

		end[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < r->peer_count && grouped; i++)
		grouped[end[r->peers[i].suspect]++] = r->peers[i];
	return grouped;
}

/* Adds those of one suspect behind the peers that are there, in order and each once. place: room
 * for twice as many. */
static void add_sorted(struct report *r, const struct model_peer *group, size_t count,
		       struct place *place)
{
	struct model_peer *last = NULL;

	/* By the lower half of the address first: by the upper one they stay in that order. */
	for (size_t i = 0; i < count; i++)
		place[i] = (struct place){dpi_be64(group[i].addr.d[1]), &group[i]};
	places_sort(place, place + count, count);
	for (size_t i = 0; i < count; i++)
		place[i].key = dpi_be64(((const struct model_peer *)place[i].at)->addr.d[0]);
	places_sort(place, place + count, count);
	for (size_t i = 0; i < count; i++) {
		const struct model_peer *p = place[i].at;

		if (!last || memcmp(&last->addr, &p->addr, sizeof(p->addr))) {
			last = &r->peers[r->peer_count++];
			*last = *p;
		} else if (is_better(p->domain, last->domain)) {
			last->domain = p->domain;
		}
	}
}

static int sort_peers(struct report *r, size_t *end, struct spool *plain)
{
	size_t grouped_size = (r->peer_count + 1) * sizeof(struct model_peer);
	struct model_peer *grouped = group_peers(r, end, plain);
	size_t most = 0, suspects = r->forensic.suspect_count;
	struct place *place;

	for (size_t i = 0, first = 0; i < suspects; first = end[i++])
		most = end[i] - first > most ? end[i] - first : most;
	place = malloc((2 * most + 1) * sizeof(*place));
	r->peer_count = 0;
	for (size_t i = 0, first = 0; i < suspects && grouped && place; first = end[i++])
		add_sorted(r, grouped + first, end[i] - first, place);
	free(place);
	spool_give(grouped, grouped_size);
	return grouped && place ? 0 : -ENOMEM;
}

int model_peers(struct report *r)
{
	/* Never a file; for the large pages, since peers are moved to anywhere. */
	struct spool plain = {.plain_max = SIZE_MAX};
	size_t *end;
	int err;

	if (!r->forensic.suspect_count)
		return 0;
	end = calloc(r->forensic.suspect_count, sizeof(*end));
	err = end ? list_peers(r, &plain) : -ENOMEM;
	if (!err)
		err = sort_peers(r, end, &plain);
	free(end);
	return err;
}

size_t model_peers_of(const struct report *r, size_t suspect, const struct model_peer **first)
{
	size_t at, count = model_rows_of(&r->peers->suspect, sizeof(*r->peers), r->peer_count,
					 suspect, &at);

	*first = r->peers + at;
	return count;
}
