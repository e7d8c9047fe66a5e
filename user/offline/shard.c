/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An engine, its tally and its events, for offline.c. Room: offline.
 */
#include "offline/shard.h"

#include <errno.h>
#include <sys/random.h>
#include "offline/offline.h"

static void take_event(void *ctx, const struct event *e)
{
	struct offline_shard *s = ctx;

	tally_event(s->tally, e);
	if (e->type == EVENT_FLOW_CLOSED && e->flow->state == FLOW_INCOMPLETE)
		s->incomplete_count++;
	if (s->log && eve_event(&s->log->text, e, s->eve))
		event_log_mark(s->log, s->number);
}

static bool learnt(void *ctx, const struct dpi_addr *addr, uint64_t ts_ns, struct name *name)
{
	struct offline_shard *s = ctx;

	return s->memory && dns_memory_get(s->memory, addr, ts_ns, name);
}

static void learnt_warm(void *ctx, const struct dpi_addr *addr, int step)
{
	struct offline_shard *s = ctx;

	if (s->memory)
		dns_memory_warm(s->memory, addr, step);
}

int offline_shard_open(struct offline_shard *s, const struct catalogue *catalogue,
		       const struct policy *policy, const struct eve_config *eve, size_t flow_max,
		       struct pages *pages)
{
	struct engine_config config = {
		.catalogue = catalogue,
		.policy = policy,
		.sink = {.ctx = s, .emit = eve ? take_event : NULL},
		.flow_max = flow_max,
		.held_max = OFFLINE_HELD_MAX / DPI_RINGS_MAX,
		.learnt = learnt,
		.learnt_warm = learnt_warm,
		.learnt_ctx = s,
		.pages = pages,
	};

	*s = (struct offline_shard){.eve = eve, .pages = pages};
	if (getrandom(&config.seed, sizeof(config.seed), 0) != sizeof(config.seed))
		return -EAGAIN;
	s->tally = tally_new(0);
	if (s->tally)
		tally_spool(s->tally, TALLY_PLAIN_MAX);
	s->engine = s->tally ? engine_new(&config) : NULL;
	return s->engine ? 0 : -ENOMEM;
}

/* Closes the flows that are open, of which somebody wants to hear. Their rows may be where those of
 * the worker's other shards were, which have ended before. */
static void close_flows(struct offline_shard *s)
{
	if (s->pages) {
		s->pages->is_ending = true;
		pages_sort(s->pages); /* the rows of all stand together, so that others do too */
		tally_reuse(s->tally, s->pages);
	}
	engine_free(s->engine);
	s->engine = NULL;
}

void offline_shard_end(struct offline_shard *s, struct event_log *log)
{
	if (s->has_ended || !s->engine)
		return;
	s->has_ended = true;
	s->counters = *engine_counters(s->engine);
	s->log = log;
	s->number = 0;
	if (s->eve)
		close_flows(s);
	tally_add_span(s->tally, s->first_ns, s->last_ns);
	s->counters.incomplete = s->incomplete_count; /* those that only closing showed included */
	tally_add_engine(s->tally, &s->counters);
}

void offline_shard_add(struct offline_shard *s, struct tally *into, struct report_worker *w)
{
	const struct engine_counters *c = &s->counters;

	tally_absorb(into, s->tally);
	w->packets += c->packets;
	w->forwarded += c->forwarded;
	w->dropped += c->dropped;
	w->flows += c->flows_opened;
	w->names += c->names;
}

void offline_shard_close(struct offline_shard *s)
{
	s->log = NULL;
	if (s->engine)
		engine_free(s->engine);
	tally_free(s->tally);
	*s = (struct offline_shard){0};
}
