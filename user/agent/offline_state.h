/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A run of the capture door while it lasts, shared by offline.c and offline_threads.c alone. Room:
 * agent. What belongs to which thread is said in offline.h and batch.h.
 */
#ifndef AGENT_OFFLINE_STATE_H
#define AGENT_OFFLINE_STATE_H

#include "agent/batch.h"
#include "agent/offline.h"
#include "agent/offline_route.h"
#include "agent/offline_shard.h"

struct worker {
	struct offline *run;
	unsigned id;
	pthread_t thread;
	struct dns_memory *memory; /* every worker sees every answer, so all memories are alike */
};

struct offline {
	const struct offline_config *config;
	struct capture_in *in;
	struct capture_out *out, *events;
	struct batch_queue queue;
	struct offline_route *route; /* the reader's */
	struct eve_config eve;
	struct offline_shard shard[DPI_RINGS_MAX];
	struct worker worker[DPI_RINGS_MAX];
	unsigned worker_count; /* those that run */
	pthread_t writer;
	/* Set by the writer under the queue's lock: an output failed, so reading on is in vain. */
	bool is_broken;
	bool has_pieces;    /* the writer's: something was written */
	bool out_of_memory; /* the writer's: events were lost */
};

/* Starts the writer and the workers with the signals blocked, so that the reader alone is
 * interrupted. 0 or -errno; then no thread runs. */
int offline_start(struct offline *run);
/* The reader: fills batches until the capture, the user or an output ends it, then waits for the
 * other threads. */
void offline_read(struct offline *run, struct offline_result *r);

#endif
