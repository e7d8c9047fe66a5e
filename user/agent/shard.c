/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One worker: its thread's loop, its letters, and what it does with the engine's events; see
 * shard.h.
 */
#include "agent/shard.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/kernel_counts.h"
#include "live/ring.h"
#include "report/eve.h"

enum {
	TICK_MS = 100,		      /* housekeeping without traffic */
	LATE_MAX = 1024,	      /* verdicts whose late frames are still to be counted */
	EVENTS_MAX = 4 * 1024 * 1024, /* bytes of event lines kept until they are fetched */
	EXPIRE_AT_ONCE = 256,
	BURST_FRAMES = 4096, /* without a pause, then one: some 20 ms and 4 */
	GIVE_WAY_NS = 4000000,
};
#define LATE_WAIT_NS                                                                \
	20000000ULL /* frames on their way when the verdict was written are through \
		     */

enum letter_kind { LETTER_POLICY, LETTER_SNAPSHOT, LETTER_EVENTS, LETTER_STOP };

/* Posted by the engine process, which waits; answered by the shard. */
struct letter {
	enum letter_kind kind;
	const struct policy *policy;
	struct shard_snapshot *snapshot;
	struct text *events;
	int err;
	sem_t answered;
};

/* A verdict whose late frames are counted once they are all through. */
struct late {
	struct dpi_key key;
	uint64_t since_ns, due_ns; /* monotonic */
};

/* Everything but `letter` belongs to the shard's thread once it runs. */
struct shard {
	struct shard_config config;
	struct engine *engine;
	struct tally *tally;
	struct ring *ring;
	pthread_t thread;
	bool is_running;
	int wake_fd;
	_Atomic(struct letter *) letter;
	struct late late[LATE_MAX];
	size_t late_count;
	struct text events;
	uint64_t events_lost, frames;
	uint64_t last_tick_ns;
	unsigned burst; /* frames since the ring was last found empty */
	bool is_stopping;
};

/* --- the engine's events ---------------------------------------------------------------------- */

/* Writes down in the kernel what is known of a flow, for the sampler and for the next agent. */
static void fact_write(struct shard *s, const struct flow *f)
{
	struct dpi_fact fact = {.settled = f->is_settled, .proto = f->proto};
	const struct flow_name *n = f->names;

	if (n) {
		fact.source = n->source;
		fact.name_len = n->len;
		memcpy(fact.name, n->text, n->len);
	}
	live_fact_put(s->config.maps, &f->key, &fact);
}

static void verdict_write(struct shard *s, const struct event *e)
{
	uint64_t now = live_monotonic();
	uint64_t since = e->number ? e->ts_ns - s->config.clock.offset_ns : now;

	/* The kernel knows address and port rules by itself. */
	if (e->decision.kind == RULE_IP || e->decision.kind == RULE_PORT)
		return;
	live_verdict_put(s->config.maps, &e->flow->key, e->decision.rule, since);
	if (e->number && s->late_count < LATE_MAX)
		s->late[s->late_count++] = (struct late){
			.key = e->flow->key, .since_ns = since, .due_ns = now + LATE_WAIT_NS};
}

/* True when what the kernel has under a flow's key by now is another flow, on the same ports. */
static bool is_used_again(const struct shard *s, const struct flow *f)
{
	struct live_flow k;

	return live_flow_get(s->config.maps, &f->key, &k) == 0 &&
	       k.first_ns + s->config.clock.offset_ns > f->last_ns;
}

static void flow_ended(struct shard *s, const struct flow *f)
{
	bool is_another = is_used_again(s, f);
	struct connection c;

	if (connection_of_flow(&c, f))
		return;
	if (!is_another)
		kernel_counts_row(s->config.maps, &s->config.clock, &c);
	tally_add_connection(s->tally, &c);
	connection_clear(&c);
	if (!is_another)
		live_flow_forget(s->config.maps, &f->key);
}

static void event_line(struct shard *s, const struct event *e)
{
	struct eve_config c = {.catalogue = s->config.catalogue,
			       .rules = policy_rules(s->config.policy)};

	if (s->events.len < EVENTS_MAX)
		eve_event(&s->events, e, &c);
	else
		s->events_lost++;
}

static void event_take(void *ctx, const struct event *e)
{
	struct shard *s = ctx;

	switch (e->type) {
	case EVENT_VERDICT: verdict_write(s, e); break;
	case EVENT_CLEARED:
		/* Inspection goes on: the sampler must know. */
		live_verdict_delete(s->config.maps, &e->flow->key);
		fact_write(s, e->flow);
		break;
	case EVENT_NAMED:
	case EVENT_SETTLED: fact_write(s, e->flow); break;
	case EVENT_FLOW_CLOSED:
		/* At the end of the process a flow goes on: the next engine adopts it. */
		if (!s->is_stopping)
			flow_ended(s, e->flow);
		break;
	case EVENT_MESSAGE: tally_event(s->tally, e); break;
	default: break;
	}
	event_line(s, e);
}

static bool last_seen(void *ctx, const struct dpi_key *key, uint64_t *ts_ns)
{
	struct shard *s = ctx;
	struct dpi_verdict v;
	struct live_flow k;

	/* A verdict ends when its own time is up, and the frame at hand may be the next flow's. */
	if (live_verdict_get(s->config.maps, key, &v) == 0)
		k.last_ns = v.last_ns;
	else if (live_flow_get(s->config.maps, key, &k))
		return false;
	*ts_ns = k.last_ns + s->config.clock.offset_ns;
	return true;
}

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

/* A frame of a blocked flow came through: on its way when the verdict was written, or that was lost
 * to a full map, and is written again. */
static void verdict_keep(struct shard *s, const struct flow *f)
{
	struct dpi_verdict v;

	if (f->decision.kind == RULE_IP || f->decision.kind == RULE_PORT ||
	    live_verdict_get(s->config.maps, &f->key, &v) == 0)
		return;
	live_verdict_put(s->config.maps, &f->key, f->decision.rule,
			 f->verdict_ns - s->config.clock.offset_ns);
}

static int frame_take(void *ctx, const struct frame *f, const struct dpi_sample *sample)
{
	struct shard *s = ctx;
	struct outcome o = engine_frame(s->engine, f);

	s->frames++;
	if (++s->burst == BURST_FRAMES)
		give_way(s);
	/* A DNS message that ought to have been dropped, and was not: it came through late. */
	if (o.action == DPI_DROP && !o.is_message && o.flow)
		verdict_keep(s, o.flow);
	if (o.action == DPI_DROP && o.is_message && !(sample->flags & DPI_SAMPLE_DROPPED))
		engine_note_late(s->engine, &sample->key, 1);
	return atomic_load_explicit(&s->letter, memory_order_relaxed) != NULL;
}

static void late_count(struct shard *s, uint64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->late_count; i++) {
		struct late *l = &s->late[i];
		bool is_least;

		if (now < l->due_ns) {
			s->late[kept++] = *l;
			continue;
		}
		engine_note_late(s->engine, &l->key,
				 live_flow_late(s->config.maps, &l->key, l->since_ns, &is_least));
	}
	s->late_count = kept;
}

static void tick(struct shard *s)
{
	uint64_t now = live_monotonic();

	if (s->late_count)
		late_count(s, now);
	if (now - s->last_tick_ns < TICK_MS * 1000000ULL)
		return;
	s->last_tick_ns = now;
	engine_expire(s->engine, now + s->config.clock.offset_ns, EXPIRE_AT_ONCE);
}

static int snapshot_make(struct shard *s, struct shard_snapshot *out)
{
	const struct flow_table *flows = engine_flows(s->engine);
	size_t count = flow_table_count(flows);

	*out = (struct shard_snapshot){.frames = s->frames, .events_lost = s->events_lost};
	out->names = engine_counters(s->engine)->names;
	out->flows = engine_counters(s->engine)->flows_opened;
	out->closed = tally_copy(s->tally);
	out->open = calloc(count ? count : 1, sizeof(*out->open));
	if (!out->closed || !out->open)
		return -ENOMEM;
	tally_add_engine(out->closed, engine_counters(s->engine));
	for (const struct flow *f = flow_table_oldest(flows); f; f = f->newer)
		if (out->open_count < count && !connection_of_flow(&out->open[out->open_count], f))
			out->open_count++;
	return 0;
}

static void letter_answer(struct shard *s)
{
	struct letter *l = atomic_exchange(&s->letter, NULL);

	if (!l)
		return;
	switch (l->kind) {
	case LETTER_POLICY:
		/* Events of the change are judged, and named, by the new rules. */
		s->config.policy = l->policy;
		engine_set_policy(s->engine, l->policy,
				  live_monotonic() + s->config.clock.offset_ns);
		break;
	case LETTER_SNAPSHOT: l->err = snapshot_make(s, l->snapshot); break;
	case LETTER_EVENTS:
		*l->events = s->events;
		s->events = (struct text){0};
		break;
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
			poll(p, 2, s->late_count ? 10 : TICK_MS);
		}
		if (p[1].revents & POLLIN)
			(void)!read(s->wake_fd, &woken, sizeof(woken));
		letter_answer(s);
		ring_drain(s->ring);
		tick(s);
	}
	ring_drain(s->ring);
	return NULL;
}

/* --- from the engine process ------------------------------------------------------------------ */

static void letter_post(struct shard *s, struct letter *l)
{
	uint64_t one = 1;

	if (!s->is_running)
		return;
	sem_init(&l->answered, 0, 0);
	atomic_store(&s->letter, l);
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
		.sink = {.ctx = s, .emit = event_take},
		.last_seen = last_seen,
		.last_seen_ctx = s,
	};

	if (!s) {
		fault_set(f, -ENOMEM, "out of memory");
		return NULL;
	}
	s->config = *config;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->engine = engine_new(&e);
	s->tally = tally_new(TALLY_ROWS_LIVE);
	s->ring = ring_open(config->maps->ring[config->index], config->clock, frame_take, s, f);
	if (s->engine && s->tally && s->ring && s->wake_fd >= 0)
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
		letter_post(s, &stop);
		pthread_join(s->thread, NULL);
	}
	engine_free(s->engine);
	tally_free(s->tally);
	ring_close(s->ring);
	text_clear(&s->events);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	free(s);
}

void shard_set_policy(struct shard *s, const struct policy *policy)
{
	struct letter l = {.kind = LETTER_POLICY, .policy = policy};

	letter_post(s, &l);
}

int shard_snapshot(struct shard *s, struct shard_snapshot *out)
{
	struct letter l = {.kind = LETTER_SNAPSHOT, .snapshot = out};

	letter_post(s, &l);
	if (l.err)
		shard_snapshot_clear(out);
	return l.err;
}

void shard_snapshot_clear(struct shard_snapshot *snap)
{
	for (size_t i = 0; i < snap->open_count; i++)
		connection_clear(&snap->open[i]);
	free(snap->open);
	tally_free(snap->closed);
	*snap = (struct shard_snapshot){0};
}

void shard_take_events(struct shard *s, struct text *out)
{
	struct letter l = {.kind = LETTER_EVENTS, .events = out};

	letter_post(s, &l);
}
