/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: reading the fleet's rules out of Redis; see sets.h.
 */
#include "fleet/sets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)GUARD_SET_MAX <= (int)LINK_ELEMENTS_MAX, "a whole set fits an answer");

/* A whole set into *into, or the reason why not. -ENOMEM alone is a failure. */
static int read_set(const redisReply *reply, size_t set, const struct sets_past *past,
		    struct shared *out, struct rules *into)
{
	struct fault f = {""};
	int err = 0;

	if (reply->type != REDIS_REPLY_ARRAY) {
		if (!link_refused(reply, &f))
			fault_set(&f, 0, "an answer that is no set");
		snprintf(out->reason[set], sizeof(out->reason[set]), "%.190s", f.text);
		return 0;
	}
	for (size_t i = 0; i < reply->elements && !err; i++)
		err = sets_read_member(reply->element[i], &fleet_sets[set], past, into, out, &f);
	if (err)
		snprintf(out->reason[set], sizeof(out->reason[set]), "%.190s", f.text);
	return err == -ENOMEM ? err : 0;
}

/* --- what is taken of it ---------------------------------------------------------------------- */

static int add_set(struct rules *into, const struct rules *from, size_t set,
		   const struct rule_apps *apps)
{
	struct rules_walk w = {0};
	char text[RULE_TEXT_MAX];
	const struct rule *r;

	while ((r = rules_next(from, &w)))
		if (fleet_set_of(r) == set &&
		    rules_add(into, (enum rule_kind)r->kind, r->is_allow,
			      slice_text(rule_text(r, text)), apps, RULES_FORCE, NULL) < 0)
			return -ENOMEM;
	return 0;
}

/* Of each set what was read, or, where that is refused, what was good. Gives *out. */
static int join_sets(struct rules *const *read, const struct sets_past *past,
		     const struct shared *s, struct rules **out)
{
	struct rules *all = rules_new();
	int err = all ? 0 : -ENOMEM;

	for (size_t i = 0; i < FLEET_SET_COUNT && !err; i++)
		err = add_set(all, s->reason[i][0] ? past->good : read[i], i, past->apps);
	if (err)
		rules_free(all);
	else
		*out = all;
	return err;
}

/* Refuses the sets that lose too much; then those are as they were. */
static int take_sets(struct rules *const *read, const struct sets_past *past, struct shared *s)
{
	struct guard_losses l;
	bool is_refused = false;
	int err = join_sets(read, past, s, &s->rules);

	if (err || past->accepts_mass_change || !s->has_version)
		return err;
	l = guard_losses(past->good, s->rules);
	for (size_t i = 0; i < FLEET_SET_COUNT; i++) {
		if (s->reason[i][0] || !guard_refuses(&l, i))
			continue;
		snprintf(s->reason[i], sizeof(s->reason[i]),
			 "%zu of %zu rules are gone at once; if that is meant, run serve with "
			 "--accept-mass-change",
			 l.lost[i], l.before[i]);
		is_refused = true;
	}
	if (!is_refused)
		return 0;
	rules_free(s->rules);
	s->rules = NULL;
	return join_sets(read, past, s, &s->rules);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Which sets are worth asking for; the others are refused unread. */
static void refuse_unread(const struct glance *g, struct shared *s)
{
	for (size_t i = 0; i < FLEET_SET_COUNT; i++) {
		if (g->size[i] < 0)
			snprintf(s->reason[i], sizeof(s->reason[i]),
				 "the key holds something else than a set");
		else if (g->size[i] > GUARD_SET_MAX)
			snprintf(s->reason[i], sizeof(s->reason[i]),
				 "%lld members; a fleet's set has at most %d", g->size[i],
				 GUARD_SET_MAX);
	}
}

/* Asks for the counter and the sets in one transaction. *answer is EXEC's array. */
static int ask_all(struct link *l, const struct keys *k, const struct shared *s,
		   redisReply **answer, struct fault *f)
{
	redisReply *r[FLEET_SET_COUNT + 3];
	struct link_batch b = {0};
	size_t count, wanted = 1;
	int err;

	link_batch_words(&b, "MULTI", NULL);
	link_batch_words(&b, "GET", k->version, NULL);
	for (size_t i = 0; i < FLEET_SET_COUNT; i++)
		if (!s->reason[i][0]) {
			link_batch_words(&b, "SMEMBERS", k->set[i], NULL);
			wanted++;
		}
	link_batch_words(&b, "EXEC", NULL);
	count = b.count;
	err = link_ask(l, &b, r, f);
	if (err)
		return err;
	for (size_t i = 0; i < count && !err; i++)
		if (link_refused(r[i], f))
			err = -EPERM;
	if (!err && (r[count - 1]->type != REDIS_REPLY_ARRAY || r[count - 1]->elements != wanted))
		err = fault_set(f, -EPROTO, "an answer that is none to EXEC");
	if (!err) {
		*answer = r[count - 1];
		r[count - 1] = NULL;
	}
	link_free(r, count);
	return err;
}

int sets_read(struct link *l, const struct keys *k, const struct glance *g,
	      const struct sets_past *past, struct shared *out, struct fault *f)
{
	struct rules *read[FLEET_SET_COUNT] = {NULL};
	redisReply *answer = NULL;
	size_t next = 1;
	int err;

	*out = (struct shared){0};
	refuse_unread(g, out);
	err = ask_all(l, k, out, &answer, f);
	if (err)
		return err;
	sets_read_version(answer->element[0], &out->has_version, &out->version,
			  out->reason[FLEET_SET_COUNT], sizeof(out->reason[0]));
	for (size_t i = 0; i < FLEET_SET_COUNT && !err; i++) {
		read[i] = rules_new();
		if (!read[i])
			err = -ENOMEM;
		else if (!out->reason[i][0])
			err = read_set(answer->element[next++], i, past, out, read[i]);
	}
	if (!err)
		err = take_sets(read, past, out);
	for (size_t i = 0; i < FLEET_SET_COUNT; i++)
		rules_free(read[i]);
	link_free(&answer, 1);
	if (err) {
		shared_clear(out);
		fault_set(f, err, "out of memory");
	}
	return err;
}

void shared_clear(struct shared *s)
{
	for (size_t i = 0; i < s->alias_count; i++)
		free(s->alias[i].text);
	free(s->alias);
	rules_free(s->rules);
	*s = (struct shared){0};
}
