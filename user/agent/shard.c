/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One worker: its life and its thread's loop; see shard.h. What it does with the engine's events is
 * in shard_events.c, what others ask of it in shard_letters.c.
 */
#include "agent/shard_state.h"

#include <errno.h>
#include <poll.h>
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
		shard_letters_answer(s);
		inbox_drain(s->inbox, parcel_take, s);
		ring_drain(s->ring);
		tick(s);
	}
	ring_drain(s->ring);
	return NULL;
}

/* --- its life --------------------------------------------------------------------------------- */

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
	if (!s)
		return;
	if (s->is_running) {
		shard_stop(s);
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
