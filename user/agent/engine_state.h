/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine process's own data. Two threads share it: the main one takes rules and tells the
 * kernel that somebody is there; the clerk (clerk.c) keeps what has ended, collects event lines,
 * sweeps the maps and answers questions, and may take its time. Whose a field is stands beside it.
 */
#ifndef AGENT_ENGINE_STATE_H
#define AGENT_ENGINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/engine_process.h"
#include "agent/event_keep.h"
#include "agent/kernel_counts.h"
#include "agent/shard.h"
#include "control/wire.h"

enum { ENGINE_EVENTS_KEPT = 8 * 1024 * 1024, ENGINE_SUPPOSED_MAX = 4 };

struct engine_state {
	/* Set before the clerk starts, and not changed after. */
	struct engine_options options;
	struct live_clock clock;
	struct catalogue *catalogue;
	struct shard *shards[DPI_RINGS_MAX];
	unsigned shard_count;
	int bell;	      /* an eventfd that the shards ring: event lines are there */
	uint64_t instance;    /* of this start: event lines are numbered anew in each */
	uint64_t started_ns;  /* monotonic */
	pthread_mutex_t lock; /* of the next group */

	struct policy *policy; /* main; the shards borrow it */
	struct policy *lent;   /* to the clerk, for one answer */
	bool is_lent_old;      /* replaced since: it goes when it is back ... */
	struct policy *back;   /* ... and is here: main frees it, as policies share memory */
	struct learnt *learnt; /* of the shards */

	/* Rules that somebody asks about, until the clerk has answered; by number. */
	struct engine_supposition {
		uint64_t number;
		struct policy *policy; /* NULL: there is none */
	} supposed[ENGINE_SUPPOSED_MAX];

	/* The clerk's. */
	struct tally *ended; /* flows that have ended */
	struct tally *spare; /* empty: what the next shard's news come in */
	struct event_keep events;
	struct event_limit unseen; /* lines about flows that no worker saw */
	uint64_t sweep_now;	   /* monotonic; for the walk that is going on */
	uint64_t swept_ns;	   /* and for the one before, or the start */
	uint64_t beats;
	_Atomic uint64_t clerk_ns; /* monotonic: when it last came round */
	uint64_t answers_slow;	   /* askers that did not take their answer in time */
};

/* Lends the rules of now until they are returned; for one answer of the clerk. */
const struct policy *engine_policy_borrow(struct engine_state *e);
void engine_policy_return(struct engine_state *e);
/* Frees what has come back since it was replaced. */
void engine_policy_tidy(struct engine_state *e);
/* Takes what is new from every shard: ended flows, event lines. 0 or -ENOMEM. */
int engine_news_collect(struct engine_state *e);
/* What a shard's news are put in; NULL: out of memory. */
struct tally *engine_spare(struct engine_state *e);
/* Keeps what a shard told. */
void engine_news_keep(struct engine_state *e, struct shard_news *news);
/* Publishes another policy (see ENGINE_POLICY); the first one starts the shards. 0 or -errno. */
int engine_take_policy(struct engine_state *e, struct slice body, struct fault *f);
/* The same by what differs from the rules of now (see ENGINE_CHANGE). */
int engine_take_change(struct engine_state *e, struct slice body, struct fault *f);
/* Makes ready the rules in the text form behind their seed (see ENGINE_POLICY). Gives *out. 0 or
 * -errno with *f. */
int engine_policy_read(struct engine_state *e, struct slice body, struct policy **out,
		       struct fault *f);
/* Keeps rules that are to be asked about (see ENGINE_SUPPOSE); of too many, the oldest go. 0 or
 * -errno with *f. */
int engine_take_supposed(struct engine_state *e, struct slice body, struct fault *f);
void engine_events_init(struct engine_state *e);
/* On a walk over the kernel's flows, the rules borrowed: adds a "drop" line when a rule of the
 * kernel's own blocks a flow that began since the walk before. */
void engine_unseen_found(struct engine_state *e, const struct dpi_key *key,
			 const struct live_flow *k);
/* The "flow" line of one that ended; the rules borrowed. */
void engine_unseen_ended(struct engine_state *e, const struct connection *row);
/* Adds a "stats" line to the events. */
void engine_stats_line(struct engine_state *e);
/* The answer to ENGINE_EVENTS. */
int engine_answer_events(struct engine_state *e, const struct wire *request, struct text *out,
			 struct text *err);
/* Answers one request of the supervisor's: fills out and err. Returns the exit status. */
uint32_t engine_answer(struct engine_state *e, const struct wire *request, struct text *out,
		       struct text *err);

#endif
