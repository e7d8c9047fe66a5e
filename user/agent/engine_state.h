/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine process's own data, shared by engine_process.c, engine_policy.c,
 * engine_answer.c and engine_events.c alone. Everything here belongs to the main thread.
 */
#ifndef AGENT_ENGINE_STATE_H
#define AGENT_ENGINE_STATE_H

#include "agent/engine_process.h"
#include "agent/event_keep.h"
#include "agent/kernel_counts.h"
#include "agent/shard.h"
#include "control/wire.h"

enum { ENGINE_EVENTS_KEPT = 8 * 1024 * 1024 };

struct engine_state {
	struct engine_options options;
	struct live_clock clock;
	struct catalogue *catalogue;
	struct policy *policy; /* the shards borrow it, and what follows */
	struct learnt *learnt;
	struct shard *shards[DPI_RINGS_MAX];
	unsigned shard_count;
	struct tally *unsampled; /* flows that ended without a sample */
	struct event_keep events;
	uint64_t instance;   /* of this start: event lines are numbered anew in each */
	uint64_t started_ns; /* monotonic */
	uint64_t sweep_now;  /* monotonic; for the walk that is going on */
	uint64_t beats;
};

/* Publishes another policy (see ENGINE_POLICY); the first one starts the shards. 0 or -errno. */
int engine_take_policy(struct engine_state *e, struct slice body, struct fault *f);
void engine_events_init(struct engine_state *e);
/* Fetches the event lines of every shard. */
void engine_events_collect(struct engine_state *e);
/* The answer to ENGINE_EVENTS. */
int engine_answer_events(struct engine_state *e, const struct wire *request, struct text *out,
			 struct text *err);
/* Answers one request over the socket. Non-zero: the socket is broken. */
int engine_answer(struct engine_state *e, const struct wire *request);

#endif
