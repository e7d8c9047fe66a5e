/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One worker of the engine process: a ring, an engine, a tally and the thread that owns them. The
 * kernel chooses the ring by the flow's hash, so a flow stays with one shard for life and no frame
 * ever meets a lock. What crosses threads is a letter: the engine process posts one, the shard
 * answers it between frames; and IP fragments, whose pieces meet at one shard and may be of the
 * flow of another: they go through a bounded inbox.
 */
#ifndef AGENT_SHARD_H
#define AGENT_SHARD_H

#include "agent/event_limit.h"
#include "agent/learnt.h"
#include "base/text.h"
#include "engine/engine.h"
#include "live/maps.h"
#include "report/tally.h"

struct shard;

struct shard_config {
	unsigned index;
	const struct live_maps *maps;	   /* borrowed */
	const struct catalogue *catalogue; /* borrowed */
	const struct policy *policy;	   /* borrowed until another is posted */
	/* All workers, by ring; borrowed, complete before the first of them starts, and none is
	 * freed while another one runs. */
	struct shard *const *shards;
	struct learnt *learnt; /* borrowed: names by DNS answers, of all workers */
	int bell;	       /* an eventfd: rung when an event line follows none */
	int socket;	       /* any: the kernel tells the names of interfaces by it */
	struct live_clock clock;
	uint64_t seed;
	size_t flow_max;
};

/* Makes the engine and opens the ring; no thread yet, so that flows can be adopted. */
struct shard *shard_new(const struct shard_config *config, struct fault *f);
void shard_adopt(struct shard *s, const struct engine_adopted *a);
int shard_start(struct shard *s); /* starts the thread; 0 or -errno */
void shard_free(struct shard *s); /* stops it, drains what is there, frees everything */

/* Comes back when the shard has come round. */
void shard_ping(struct shard *s);

/* Gives the shard another policy and waits until no frame can meet the old one any more. */
void shard_set_policy(struct shard *s, const struct policy *policy);

/*
 * What the clerk asks for; one thread asks. A shard answers between frames and goes on: what has
 * ended changes hands, and open flows are copied a few at a time.
 */

/* What has been since the last call. */
struct shard_news {
	struct tally *ended;  /* in: new, of TALLY_ROWS_LIVE; out: the same one, filled */
	struct text events;   /* lines; the caller clears it */
	uint64_t events_lost; /* lines that there was no room for */
};
void shard_news(struct shard *s, struct shard_news *news);

/* What is now. */
struct shard_counts {
	struct engine_counters engine;
	struct defrag_counters defrag;
	uint64_t frames, events_lost;
	uint64_t events_limited[EVENT_KINDS_MAX];
};
struct shard_snapshot {
	struct shard_counts counts;    /* of its beginning */
	struct connection *open;       /* open flows; counts are the engine's, not the kernel's */
	struct engine_supposed *would; /* of open[i], where another policy was given; else NULL */
	const struct policy *policy;   /* that one */
	size_t count, cap;
};
void shard_count(struct shard *s, struct shard_counts *out);
/* Fills *out with every flow that was open when it began, and perhaps some opened since: so *ended,
 * as above, belongs to it. 0 or -ENOMEM; either way shard_snapshot_clear() frees it. */
int shard_snapshot(struct shard *s, struct shard_news *news, struct shard_snapshot *out);
/* The same, with what another policy (borrowed for the call) would make of each flow. */
int shard_suppose(struct shard *s, const struct policy *policy, struct shard_news *news,
		  struct shard_snapshot *out);
void shard_snapshot_clear(struct shard_snapshot *snap);

#endif
