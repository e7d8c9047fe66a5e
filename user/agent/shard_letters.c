/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the threads of the engine process ask of a worker: a letter each, which the worker's thread
 * answers between frames while the poster waits. A copy of all flows is made a few at a time.
 */
#include "agent/shard_state.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

enum letter_kind {
	LETTER_PING,
	LETTER_POLICY,
	LETTER_NEWS,
	LETTER_COUNT,
	LETTER_SNAPSHOT,
	LETTER_STOP
};
enum { COPY_AT_ONCE = 64 }; /* flows: some 30 us */

/* Posted by a thread of the engine process, which waits; answered by the shard. */
struct letter {
	enum letter_kind kind;
	const struct policy *policy;
	struct shard_news *news;
	struct shard_counts *counts;
	struct shard_snapshot *snapshot;
	int err;
	sem_t answered;
};

/* --- the worker answers ----------------------------------------------------------------------- */

static void news_tell(struct shard *s, struct shard_news *news)
{
	tally_shed(s->tally, news->ended);
	news->events = s->events;
	s->events = (struct text){0};
	news->events_lost = s->events_lost - s->events_lost_told;
	s->events_lost_told = s->events_lost;
}

static void counts_tell(const struct shard *s, struct shard_counts *out)
{
	out->engine = *engine_counters(s->engine);
	out->defrag = *gather_counters(s->gather);
	out->defrag.fragments_refused += s->unhanded;
	out->frames = s->frames;
	out->events_lost = s->events_lost;
	memcpy(out->events_limited, s->limit.left_out, sizeof(out->events_limited));
}

/* Room for one more row; NULL: out of memory. */
static struct connection *copy_place(struct shard_snapshot *out)
{
	if (out->count == out->cap) {
		size_t cap = out->cap + out->cap / 2 + COPY_AT_ONCE;
		struct connection *open = realloc(out->open, cap * sizeof(*open));
		struct engine_supposed *would;

		if (!open)
			return NULL;
		out->open = open;
		would = out->policy ? realloc(out->would, cap * sizeof(*would)) : NULL;
		if (out->policy && !would)
			return NULL;
		out->would = would;
		out->cap = cap;
	}
	return &out->open[out->count];
}

static int copy_flow(struct shard *s, struct shard_snapshot *out, const struct flow *f)
{
	struct connection *row = copy_place(out);

	if (!row || connection_of_flow(row, f))
		return -ENOMEM;
	if (out->policy)
		out->would[out->count] = engine_suppose(s->engine, f, out->policy);
	out->count++;
	return 0;
}

static void snapshot_begin(struct shard *s, struct letter *l)
{
	struct shard_snapshot *out = l->snapshot;

	news_tell(s, l->news);
	counts_tell(s, &out->counts);
	/* Its memory comes with its use. */
	out->cap = flow_table_count(engine_flows(s->engine)) + COPY_AT_ONCE;
	out->open = malloc(out->cap * sizeof(*out->open));
	if (out->policy)
		out->would = malloc(out->cap * sizeof(*out->would));
	if (!out->open || (out->policy && !out->would))
		out->cap = 0;
	s->copying = l;
	s->copied = 0;
}

static void snapshot_go_on(struct shard *s)
{
	const struct flow_table *flows = engine_flows(s->engine);
	struct letter *l = s->copying;
	const struct flow *f = NULL;

	for (int i = 0; i < COPY_AT_ONCE && !l->err; i++) {
		f = flow_table_walk(flows, &s->copied);
		if (!f)
			break;
		l->err = copy_flow(s, l->snapshot, f);
	}
	if (f && !l->err)
		return;
	s->copying = NULL;
	sem_post(&l->answered);
}

bool shard_copy_ended(struct shard *s, const struct flow *f, const struct connection *row)
{
	struct connection *place;

	if (!s->copying || f->number <= s->copied)
		return false;
	place = copy_place(s->copying->snapshot);
	if (!place) {
		s->copying->err = -ENOMEM;
		return false;
	}
	*place = *row;
	if (s->copying->snapshot->policy) /* it has ended: no rule is asked of it any more */
		s->copying->snapshot->would[s->copying->snapshot->count] =
			(struct engine_supposed){.before = f->decision, .after = f->decision};
	s->copying->snapshot->count++;
	return true;
}

static void answer(struct shard *s, enum shard_poster from)
{
	struct letter *l = atomic_exchange(&s->letter[from], NULL);

	if (!l)
		return;
	switch (l->kind) {
	case LETTER_POLICY:
		/* Events of the change are judged, and named, by the new rules. */
		s->config.policy = l->policy;
		engine_set_policy(s->engine, l->policy,
				  live_monotonic() + s->config.clock.offset_ns);
		break;
	case LETTER_PING: break;
	case LETTER_NEWS: news_tell(s, l->news); break;
	case LETTER_COUNT: counts_tell(s, l->counts); break;
	case LETTER_SNAPSHOT: snapshot_begin(s, l); return;
	case LETTER_STOP: s->is_stopping = true; break;
	}
	sem_post(&l->answered);
}

void shard_letters_answer(struct shard *s)
{
	for (int from = 0; from < SHARD_POSTERS; from++)
		answer(s, (enum shard_poster)from);
	if (s->copying)
		snapshot_go_on(s);
}

/* --- others ask ------------------------------------------------------------------------------- */

static void letter_post(struct shard *s, enum shard_poster from, struct letter *l)
{
	uint64_t one = 1;

	if (!s->is_running)
		return;
	sem_init(&l->answered, 0, 0);
	atomic_store(&s->letter[from], l);
	(void)!write(s->wake_fd, &one, sizeof(one));
	while (sem_wait(&l->answered) && errno == EINTR)
		;
	sem_destroy(&l->answered);
}

void shard_stop(struct shard *s)
{
	struct letter l = {.kind = LETTER_STOP};

	letter_post(s, SHARD_RULES, &l);
}

void shard_ping(struct shard *s)
{
	struct letter l = {.kind = LETTER_PING};

	letter_post(s, SHARD_RULES, &l);
}

void shard_set_policy(struct shard *s, const struct policy *policy)
{
	struct letter l = {.kind = LETTER_POLICY, .policy = policy};

	letter_post(s, SHARD_RULES, &l);
}

void shard_news(struct shard *s, struct shard_news *news)
{
	struct letter l = {.kind = LETTER_NEWS, .news = news};

	letter_post(s, SHARD_CLERK, &l);
}

void shard_count(struct shard *s, struct shard_counts *out)
{
	struct letter l = {.kind = LETTER_COUNT, .counts = out};

	*out = (struct shard_counts){0};
	letter_post(s, SHARD_CLERK, &l);
}

int shard_snapshot(struct shard *s, struct shard_news *news, struct shard_snapshot *out)
{
	return shard_suppose(s, NULL, news, out);
}

int shard_suppose(struct shard *s, const struct policy *policy, struct shard_news *news,
		  struct shard_snapshot *out)
{
	struct letter l = {.kind = LETTER_SNAPSHOT, .news = news, .snapshot = out};

	*out = (struct shard_snapshot){.policy = policy};
	letter_post(s, SHARD_CLERK, &l);
	return l.err;
}

void shard_snapshot_clear(struct shard_snapshot *snap)
{
	for (size_t i = 0; i < snap->count; i++)
		connection_clear(&snap->open[i]);
	free(snap->open);
	free(snap->would);
	*snap = (struct shard_snapshot){0};
}
