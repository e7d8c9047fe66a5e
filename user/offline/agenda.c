/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Policies by time; see agenda.h. The last spans are remembered, so that the workers, who come to a
 * moment one after the other, work it out once; and the policies, for hours come again each day.
 */
#include "offline/agenda.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "policy/policy.h"
#include "policy/rules_when.h"

enum {
	SPANS = 16,
	KEPT = DPI_RINGS_MAX +
	       16, /* policies: one for each worker's shard, and some to come again */
	SECOND_NS = 1000000000,
};

/* A policy, and the rules it was made of. */
struct kept {
	struct rules *rules;
	struct policy *policy; /* NULL: free */
	unsigned lent;	       /* to so many spans */
	uint64_t used;	       /* when last, in turns */
};

struct known {
	int64_t from_s, until_s; /* until_s 0: none */
	struct kept *kept;
};

struct agenda {
	const struct rules *rules;
	struct policy_apps apps;
	uint64_t seed, turn;
	pthread_mutex_t lock; /* of all below */
	struct kept kept[KEPT];
	struct known known[SPANS];
	size_t next; /* of known[], to be forgotten */
};

struct agenda *agenda_new(const struct policy *policy, const struct catalogue *catalogue)
{
	struct agenda *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->rules = policy_rules(policy);
	a->apps = catalogue_policy_apps(catalogue);
	a->seed = policy_seed(policy);
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

static void kept_clear(struct kept *k)
{
	policy_free(k->policy);
	rules_free(k->rules);
	*k = (struct kept){0};
}

void agenda_free(struct agenda *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < KEPT; i++)
		kept_clear(&a->kept[i]);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* A free place, or that of the policy which was not used for the longest. */
static struct kept *place(struct agenda *a)
{
	struct kept *oldest = NULL;

	for (size_t i = 0; i < KEPT; i++) {
		struct kept *k = &a->kept[i];

		if (!k->lent && (!oldest || k->used < oldest->used))
			oldest = k;
	}
	for (size_t i = 0; oldest && i < SPANS; i++)
		if (a->known[i].kept == oldest)
			a->known[i] = (struct known){0};
	if (oldest)
		kept_clear(oldest);
	return oldest;
}

/* The policy of these rules (taken): one that is there, or a new one. NULL when out of memory. */
static struct kept *policy_of(struct agenda *a, struct rules *rules)
{
	struct kept *k;

	for (size_t i = 0; i < KEPT; i++) {
		if (!a->kept[i].policy || !rules_equal(a->kept[i].rules, rules))
			continue;
		rules_free(rules);
		return &a->kept[i];
	}
	k = place(a);
	if (k)
		k->policy = policy_new(rules, &a->apps, a->seed);
	if (!k || !k->policy) {
		rules_free(rules);
		return NULL;
	}
	k->rules = rules;
	return k;
}

/* The span that is known around a moment, or NULL. */
static struct known *known_at(struct agenda *a, int64_t at_s)
{
	for (size_t i = 0; i < SPANS; i++)
		if (a->known[i].kept && at_s >= a->known[i].from_s && at_s < a->known[i].until_s)
			return &a->known[i];
	return NULL;
}

/* Works a moment out. One that ends with a span that is known begins it earlier. */
static struct known *learn(struct agenda *a, int64_t at_s)
{
	int64_t until_s;
	struct rules *rules = rules_in_force(a->rules, at_s, false, &until_s);
	struct kept *kept = rules ? policy_of(a, rules) : NULL;
	struct known *k;

	if (!kept)
		return NULL;
	for (size_t i = 0; i < SPANS; i++) {
		k = &a->known[i];
		if (k->kept != kept || k->until_s != until_s)
			continue;
		k->from_s = at_s < k->from_s ? at_s : k->from_s;
		return k;
	}
	k = &a->known[a->next++ % SPANS];
	*k = (struct known){.from_s = at_s, .until_s = until_s, .kept = kept};
	return k;
}

static struct kept *kept_of(struct agenda *a, const struct policy *policy)
{
	for (size_t i = 0; policy && i < KEPT; i++)
		if (a->kept[i].policy == policy)
			return &a->kept[i];
	return NULL;
}

int agenda_at(struct agenda *a, uint64_t ts_ns, struct agenda_span *span)
{
	const uint64_t last_s = UINT64_MAX / SECOND_NS;
	struct kept *before;
	struct known *k;

	pthread_mutex_lock(&a->lock);
	before = kept_of(a, span->policy);
	k = known_at(a, (int64_t)(ts_ns / SECOND_NS));
	if (!k)
		k = learn(a, (int64_t)(ts_ns / SECOND_NS));
	if (k) {
		uint64_t until_s = k->until_s > (int64_t)last_s ? last_s : (uint64_t)k->until_s;

		k->kept->lent++;
		k->kept->used = ++a->turn;
		if (before)
			before->lent--;
		*span = (struct agenda_span){
			.from_ns = (uint64_t)k->from_s * SECOND_NS,
			.len_ns = (until_s - (uint64_t)k->from_s) * SECOND_NS,
			.policy = k->kept->policy,
		};
	}
	pthread_mutex_unlock(&a->lock);
	return k ? 0 : -ENOMEM;
}
