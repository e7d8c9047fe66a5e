/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sorting domains: by name from the first byte on, eight bytes of each name at hand, and by flows
 * from the lowest byte on, which keeps the order of names among equals.
 */
#include "report/domain_order.h"

#include <errno.h>
#include <stdlib.h>

enum {
	DIGITS = 256,
	WORD = sizeof(uint64_t),
	FEW = 24,	/* are compared with each other */
	DEPTH_MAX = 64, /* bytes of a name; beyond, those that are alike are compared */
};

int domain_compare(const struct sum_domain *a, const struct sum_domain *b)
{
	int by = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return by ? by : a->len - b->len;
}

static int compare_places(const void *a, const void *b)
{
	const struct domain_place *x = a, *y = b;

	return domain_compare(x->domain, y->domain);
}

/* Eight bytes of a name from `depth` on, the first the highest; 0 where it has ended. */
static uint64_t key_of(const struct sum_domain *d, size_t depth)
{
	uint8_t bytes[WORD] = {0};
	uint64_t key = 0;

	if (depth < d->len)
		memcpy(bytes, d->text + depth, d->len - depth < WORD ? d->len - depth : WORD);
	for (size_t i = 0; i < WORD; i++)
		key = key << 8 | bytes[i];
	return key;
}

/* A few of one beginning, whose keys are those of the same depth. */
static void sort_few(struct domain_place *place, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct domain_place p = place[i];
		size_t at = i;

		for (; at; at--) {
			const struct domain_place *q = &place[at - 1];

			if (q->key < p.key || (q->key == p.key && compare_places(q, &p) <= 0))
				break;
			place[at] = *q;
		}
		place[at] = p;
	}
}

/* Counts the values of a byte; begin[v] is where those of v begin. Returns whether all have one. */
static bool count_bytes(const struct domain_place *place, size_t count, unsigned shift,
			uint32_t begin[DIGITS + 1])
{
	uint32_t sum = 0;

	memset(begin, 0, (DIGITS + 1) * sizeof(*begin));
	for (size_t i = 0; i < count; i++)
		begin[place[i].key >> shift & (DIGITS - 1)]++;
	if (begin[place[0].key >> shift & (DIGITS - 1)] == count)
		return true;
	for (size_t v = 0; v <= DIGITS; v++) {
		uint32_t n = begin[v];

		begin[v] = sum;
		sum += n;
	}
	return false;
}

/* Sorts by what follows the first `depth` bytes, which all have in common; spare is as long. */
static void sort_from(struct domain_place *place, struct domain_place *spare, size_t count,
		      size_t depth)
{
	uint32_t begin[DIGITS + 1], at[DIGITS];

	for (;; depth++) {
		unsigned shift = 8 * (WORD - 1 - depth % WORD);

		if (count <= FEW) {
			sort_few(place, count);
			return;
		}
		if (depth >= DEPTH_MAX) {
			qsort(place, count, sizeof(*place), compare_places);
			return;
		}
		for (size_t i = 0; depth % WORD == 0 && depth && i < count; i++)
			place[i].key = key_of(place[i].domain, depth);
		if (count_bytes(place, count, shift, begin))
			continue;
		memcpy(at, begin, sizeof(at));
		for (size_t i = 0; i < count; i++)
			spare[at[place[i].key >> shift & (DIGITS - 1)]++] = place[i];
		memcpy(place, spare, count * sizeof(*place));
		for (size_t v = 0; v < DIGITS; v++)
			if (begin[v + 1] - begin[v] > 1)
				sort_from(place + begin[v], spare, begin[v + 1] - begin[v],
					  depth + 1);
		return;
	}
}

struct domain_place *domain_order_names(const struct sums *s)
{
	size_t count = sums_count(&s->domains), i = 0;
	struct domain_place *place = calloc(count + 1, sizeof(*place));
	struct domain_place *spare = calloc(count + 1, sizeof(*spare));
	const struct sum_domain *d;

	if (place && spare) {
		for (size_t at = 0; (d = sums_next_domain(s, &at)); i++)
			place[i] = (struct domain_place){key_of(d, 0), d};
		sort_from(place, spare, count, 0);
	} else {
		free(place);
		place = NULL;
	}
	free(spare);
	return place;
}

int domain_order_flows(struct domain_place *place, size_t count)
{
	struct domain_place *spare = calloc(count + 1, sizeof(*spare));
	uint32_t begin[DIGITS + 1];

	if (!spare)
		return -ENOMEM;
	/* Turned round, the most flows are the lowest. */
	for (size_t i = 0; i < count; i++)
		place[i].key = ~place[i].domain->flows;
	for (unsigned shift = 0; shift < 64 && count; shift += 8) {
		if (count_bytes(place, count, shift, begin))
			continue;
		for (size_t i = 0; i < count; i++)
			spare[begin[place[i].key >> shift & (DIGITS - 1)]++] = place[i];
		memcpy(place, spare, count * sizeof(*place));
	}
	free(spare);
	return 0;
}
