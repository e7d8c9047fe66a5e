/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A worker's own data, shared by shard.c, shard_events.c and shard_letters.c alone. Room: agent.
 * Everything here but `letter` belongs to the shard's thread once it runs.
 */
#ifndef AGENT_SHARD_STATE_H
#define AGENT_SHARD_STATE_H

#include "agent/shard.h"

#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>

#include "agent/gather.h"
#include "agent/inbox.h"
#include "live/ring.h"

enum {
	SHARD_LATE_MAX = 1024, /* verdicts whose late frames are still to be counted */
	SHARD_IFACES = 8,      /* names of interfaces that are remembered */
};

struct letter;
enum shard_poster { SHARD_RULES, SHARD_CLERK, SHARD_POSTERS };

/* A verdict whose late frames are counted once they are all through. */
struct late {
	struct dpi_key key;
	uint64_t since_ns, due_ns; /* monotonic */
};

/* What an interface is called; asked again now and then, as it may be renamed. */
struct iface_name {
	uint32_t index;
	uint64_t due_ns; /* monotonic */
	char name[IF_NAMESIZE];
};

struct shard {
	struct shard_config config;
	struct engine *engine;
	struct tally *tally;
	struct ring *ring;
	struct gather *gather; /* fragments that meet here, whatever flow they are of */
	struct inbox *inbox;   /* datagrams put together elsewhere; others write */
	uint64_t unhanded;     /* those whose worker had no room for them */
	uint8_t sample_flags;  /* of the fragment at hand */
	pthread_t thread;
	bool is_running;
	int wake_fd;
	_Atomic(struct letter *) letter[SHARD_POSTERS];
	struct letter *copying; /* a snapshot that is being made, a few flows a turn */
	uint32_t copied;	/* number of the last flow in it */
	struct late late[SHARD_LATE_MAX];
	size_t late_count;
	struct text events;
	struct event_limit limit;
	struct iface_name ifaces[SHARD_IFACES];
	uint32_t ifindex;			/* of the frame at hand */
	uint64_t events_lost, events_lost_told; /* all; those that somebody knows of */
	uint64_t frames;
	uint64_t last_tick_ns;
	unsigned burst; /* frames since the ring was last found empty */
	bool is_stopping;
};

/* The engine's event sink: what an event changes in the kernel's maps, the tally and the log. */
void shard_event(void *ctx, const struct event *e);
/* When the kernel last saw a flow (engine_config.last_seen). */
bool shard_last_seen(void *ctx, const struct dpi_key *key, uint64_t *ts_ns);
/* A frame of a blocked flow came through: on its way when the verdict was written, or that was lost
 * to a full map, and is written again. */
void shard_verdict_keep(struct shard *s, const struct flow *f);
/* A flow ends; when open flows are being copied and its turn has not come, its row (complete) is
 * taken among them. True: *row is taken. */
bool shard_copy_ended(struct shard *s, const struct flow *f, const struct connection *row);
/* Answers the letters that have come, and goes on with a copy of the flows. */
void shard_letters_answer(struct shard *s);
/* Asks the worker's thread to end, and waits until it has heard. */
void shard_stop(struct shard *s);
/* Counts the late frames of verdicts that are old enough at `now` (monotonic). */
void shard_late_count(struct shard *s, uint64_t now);

#endif
