/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One worker: its life, its thread's loop and its letters; see shard.h. What it does with the
 * engine's events is in shard_events.c.
 */
#include "agent/shard_state.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	TICK_MS = 100,	   /* housekeeping without traffic */
	LATE_TICK_MS = 10, /* the same while late frames are to be counted */
	EXPIRE_AT_ONCE = 256,
	BURST_FRAMES = 4096, /* without a pause, then one: some 20 ms and 4 */
	GIVE_WAY_NS = 4000000,
};

enum { PORT_DNS = 53, PORT_MDNS = 5353, PORT_LLMNR = 5355 };

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

/* --- the thread ------------------------------------------------------------------------------- */

/*
 * The thread runs before ordinary ones (engine_process.c), because a verdict that waits for the
 * processor lets an answer through. When it has more to do than moments' work it gives way, so
 * that a flood of samples cannot starve the machine.
 */
static void give_way(struct shard *s)
{
	struct timespec pause = {.tv_nsec = GIVE_WAY_NS};

	s->burst = 0;
	nanosleep(&pause, NULL);
}

static struct outcome frame_judge(struct shard *s, const struct frame *f)
{
	struct outcome o;

	s->ifindex = f->ifindex;
	o = engine_frame(s->engine, f);
	s->ifindex = 0;
	return o;
}

static void frame_inspect(struct shard *s, const struct frame *f, uint8_t flags)
{
	struct outcome o = frame_judge(s, f);

	if (o.action != DPI_DROP || !o.flow)
		return;
	/* A DNS message that ought to have been dropped, and was not: it came through late. A
	 * fragment that contradicts another one has come through as well: nothing is to be done. */
	if (o.is_message && !(flags & DPI_SAMPLE_DROPPED))
		engine_note_late(s->engine, &o.flow->key, 1);
	else if (!o.is_message && o.flow->is_verdict)
		shard_verdict_keep(s, o.flow);
}

static void parcel_take(void *ctx, const struct frame *f, uint8_t flags)
{
	frame_inspect(ctx, f, flags);
}

/* Sees a frame that was in pieces to the engine of its flow. */
static void frame_hand(void *ctx, uint32_t hash, const struct frame *f)
{
	struct shard *s = ctx, *owner = s->config.shards[hash % s->config.maps->ring_count];
	uint64_t one = 1;

	if (owner == s)
		frame_inspect(s, f, s->sample_flags);
	else if (inbox_put(owner->inbox, f, s->sample_flags))
		(void)!write(owner->wake_fd, &one, sizeof(one));
	else
		s->unhanded++;
}

/* A first look at what learnt_frame() would read: the sender is a DNS server, by its port. */
static bool is_answer(const struct dpi_key *k, uint8_t dir)
{
	uint16_t from = dpi_be16(k->port[dir & 1]);

	return k->proto == DPI_IP_UDP &&
	       (from == PORT_DNS || from == PORT_MDNS || from == PORT_LLMNR);
}

/* The first word of a connection, which the kernel has decided on: for rules that are gone by now,
 * it may be. */
static void word_inspect(struct shard *s, const struct frame *f, const struct dpi_key *key)
{
	struct outcome o = frame_judge(s, f);

	if (o.flow && o.flow->is_verdict)
		shard_verdict_keep(s, o.flow);
	else
		live_verdict_delete(s->config.maps, key);
}

static bool has_letter(const struct shard *s)
{
	for (int i = 0; i < SHARD_POSTERS; i++)
		if (atomic_load_explicit(&s->letter[i], memory_order_relaxed))
			return true;
	return false;
}

static int frame_take(void *ctx, const struct frame *f, const struct dpi_sample *sample)
{
	struct shard *s = ctx;

	s->frames++;
	if (is_answer(&sample->key, sample->dir))
		learnt_frame(s->config.learnt, f);
	if (++s->burst == BURST_FRAMES)
		give_way(s);
	if (sample->flags & DPI_SAMPLE_FRAGMENT) {
		s->sample_flags = sample->flags;
		gather_take(s->gather, f, sample->flags & DPI_SAMPLE_DROPPED, frame_hand, s);
	} else if ((sample->flags & DPI_SAMPLE_DROPPED) && sample->key.proto == DPI_IP_TCP) {
		word_inspect(s, f, &sample->key);
	} else {
		frame_inspect(s, f, sample->flags);
	}
	return has_letter(s) || inbox_has(s->inbox);
}

static void tick(struct shard *s)
{
	uint64_t now = live_monotonic();

	if (s->late_count)
		shard_late_count(s, now);
	if (now - s->last_tick_ns < TICK_MS * 1000000ULL)
		return;
	s->last_tick_ns = now;
	engine_expire(s->engine, now + s->config.clock.offset_ns, EXPIRE_AT_ONCE);
}

/* --- letters ---------------------------------------------------------------------------------- */

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

static void letter_answer(struct shard *s, enum shard_poster from)
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

static void *shard_run(void *ctx)
{
	struct shard *s = ctx;

	while (!s->is_stopping) {
		struct pollfd p[2] = {{.fd = ring_poll_fd(s->ring), .events = POLLIN},
				      {.fd = s->wake_fd, .events = POLLIN}};
		uint64_t woken;

		if (poll(p, 2, 0) == 0) {
			s->burst = 0;
			poll(p, 2, s->copying ? 0 : s->late_count ? LATE_TICK_MS : TICK_MS);
		}
		if (p[1].revents & POLLIN)
			(void)!read(s->wake_fd, &woken, sizeof(woken));
		for (int from = 0; from < SHARD_POSTERS; from++)
			letter_answer(s, (enum shard_poster)from);
		if (s->copying)
			snapshot_go_on(s);
		inbox_drain(s->inbox, parcel_take, s);
		ring_drain(s->ring);
		tick(s);
	}
	ring_drain(s->ring);
	return NULL;
}

/* --- from the engine process ------------------------------------------------------------------ */

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

struct shard *shard_new(const struct shard_config *config, struct fault *f)
{
	struct shard *s = calloc(1, sizeof(*s));
	struct engine_config e = {
		.catalogue = config->catalogue,
		.policy = config->policy,
		.seed = config->seed,
		.flow_max = config->flow_max,
		.sink = {.ctx = s, .emit = shard_event},
		.last_seen = shard_last_seen,
		.last_seen_ctx = s,
		.learnt = learnt_name,
		.learnt_ctx = config->learnt,
	};

	if (!s) {
		fault_set(f, -ENOMEM, "out of memory");
		return NULL;
	}
	s->config = *config;
	s->limit.sharers = config->maps->ring_count;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->engine = engine_new(&e);
	s->tally = tally_new(TALLY_ROWS_LIVE);
	s->gather = gather_new();
	s->inbox = inbox_new();
	s->ring = ring_open(config->maps->ring[config->index], config->clock, frame_take, s, f);
	if (s->engine && s->tally && s->gather && s->inbox && s->ring && s->wake_fd >= 0)
		return s;
	if (s->ring)
		fault_set(f, -ENOMEM, "out of memory");
	shard_free(s);
	return NULL;
}

void shard_adopt(struct shard *s, const struct engine_adopted *a)
{
	engine_adopt(s->engine, a);
}

int shard_start(struct shard *s)
{
	int err = pthread_create(&s->thread, NULL, shard_run, s);

	s->is_running = err == 0;
	return -err;
}

void shard_free(struct shard *s)
{
	struct letter stop = {.kind = LETTER_STOP};

	if (!s)
		return;
	if (s->is_running) {
		letter_post(s, SHARD_RULES, &stop);
		pthread_join(s->thread, NULL);
	}
	engine_free(s->engine);
	tally_free(s->tally);
	ring_close(s->ring);
	gather_free(s->gather);
	inbox_free(s->inbox);
	text_clear(&s->events);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	free(s);
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
