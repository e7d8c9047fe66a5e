/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: writing a change to Redis. The counter is watched from before it is looked at until
 * the transaction runs, so that a change goes out once, whole, and only on top of what was seen.
 */
#include "fleet/sets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 1000 /* members in one command */ };

/* A command under way: its name, a key, and members. */
struct members {
	struct link_batch *batch;
	struct slice word[2 + WORDS_MAX];
	size_t count;
	char timed[WORDS_MAX][RULE_TEXT_MAX]; /* words that stand nowhere else in one piece */
};

static void flush(struct members *m)
{
	if (m->count > 2)
		link_batch_add(m->batch, m->word, m->count);
	m->count = 2;
}

static void add_member(struct members *m, struct slice member)
{
	if (m->count == 2 + WORDS_MAX)
		flush(m);
	m->word[m->count++] = member;
}

static void add_rule(struct members *m, const struct rule *r)
{
	if (m->count == 2 + WORDS_MAX)
		flush(m);
	add_member(m, sets_member(r, m->timed[m->count - 2]));
}

/* What else a rule is written as. */
static void add_aliases(struct members *m, const struct shared *seen, const struct rule *r)
{
	uint64_t key = seen->alias_count ? alias_key(r) : 0;

	for (size_t i = 0; i < seen->alias_count; i++)
		if (seen->alias[i].rule == key)
			add_member(m, slice_of(seen->alias[i].text, seen->alias[i].len));
}

static int add_commands(struct link_batch *b, const char *command, const struct keys *k,
			const struct rules *rules, const struct shared *seen)
{
	struct members *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->batch = b;
	for (size_t i = 0; i < FLEET_SET_COUNT; i++) {
		struct rules_walk w = {0};
		const struct rule *r;

		m->word[0] = slice_text(command);
		m->word[1] = slice_text(k->set[i]);
		m->count = 2;
		while ((r = rules_next(rules, &w))) {
			if (fleet_set_of(r) != i)
				continue;
			add_rule(m, r);
			if (seen)
				add_aliases(m, seen, r);
		}
		flush(m);
	}
	free(m);
	return 0;
}

/* Watches the counter and sees that it stands where it stood. */
static int watch(struct link *l, const struct keys *k, const struct shared *seen, struct fault *f)
{
	redisReply *r[2];
	struct link_batch b = {0};
	char version[24];
	bool is_same;
	int err;

	link_batch_words(&b, "WATCH", k->version, NULL);
	link_batch_words(&b, "GET", k->version, NULL);
	err = link_ask(l, &b, r, f);
	if (err)
		return err;
	snprintf(version, sizeof(version), "%" PRIu64, seen->version);
	if (link_refused(r[0], f) || link_refused(r[1], f)) {
		err = -EPERM;
	} else {
		is_same = seen->has_version ? r[1]->type == REDIS_REPLY_STRING &&
						      strtoull(r[1]->str, NULL, 10) == seen->version
					    : r[1]->type == REDIS_REPLY_NIL;
		err = is_same ? 0 : fault_set(f, -EAGAIN, "somebody was faster");
	}
	link_free(r, 2);
	return err;
}

static int add_change(struct link_batch *b, const struct keys *k, const struct shared *seen,
		      const struct sets_change *c)
{
	char version[24];
	int err = 0;

	snprintf(version, sizeof(version), "%" PRIu64, c->version);
	link_batch_words(b, "MULTI", NULL);
	for (size_t i = 0; i < FLEET_SET_COUNT && c->is_whole; i++)
		link_batch_words(b, "DEL", k->set[i], NULL);
	if (c->take)
		err = add_commands(b, "SREM", k, c->take, seen);
	if (!err && c->ended)
		err = add_commands(b, "SREM", k, c->ended, seen);
	if (!err && c->add)
		err = add_commands(b, "SADD", k, c->add, NULL);
	link_batch_words(b, "SET", k->version, version, NULL);
	link_batch_words(b, "PUBLISH", k->channel, version, NULL);
	link_batch_words(b, "EXEC", NULL);
	return err;
}

/* EXEC's answer: nil when the counter moved, else an answer a command. */
static int judge(const redisReply *exec, struct fault *f)
{
	if (exec->type == REDIS_REPLY_NIL)
		return fault_set(f, -EAGAIN, "somebody was faster");
	if (link_refused(exec, f))
		return -EPERM;
	for (size_t i = 0; exec->type == REDIS_REPLY_ARRAY && i < exec->elements; i++)
		if (link_refused(exec->element[i], f))
			return -EPERM;
	return exec->type == REDIS_REPLY_ARRAY
		       ? 0
		       : fault_set(f, -EPROTO, "an answer that is none to EXEC");
}

/* Lets the counter go again, when nothing is written after all. */
static void unwatch(struct link *l)
{
	redisReply *r = NULL;
	struct link_batch b = {0};
	struct fault ignored;

	link_batch_words(&b, "UNWATCH", NULL);
	if (!link_ask(l, &b, &r, &ignored))
		link_free(&r, 1);
}

int sets_write(struct link *l, const struct keys *k, const struct shared *seen,
	       const struct sets_change *c, struct fault *f)
{
	struct link_batch b = {0};
	redisReply **r = NULL;
	size_t count;
	int err = watch(l, k, seen, f);

	if (err) {
		if (err == -EAGAIN)
			unwatch(l);
		return err;
	}
	err = add_change(&b, k, seen, c);
	count = b.count;
	r = calloc(count, sizeof(*r));
	if (err || !r) {
		link_batch_clear(&b);
		free(r);
		return fault_set(f, -ENOMEM, "out of memory");
	}
	err = link_ask(l, &b, r, f);
	if (!err) {
		err = judge(r[count - 1], f);
		/* A command that could not even be queued says why; EXEC only that it failed. */
		for (size_t i = 0; i + 1 < count && err == -EPERM; i++)
			if (link_refused(r[i], f))
				break;
		link_free(r, count);
	}
	free(r);
	return err;
}
