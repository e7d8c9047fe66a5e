/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A run of the capture door while it lasts, shared by the files called offline alone. Room:
 * offline. What belongs to which thread is said in offline.h and batch.h.
 */
#ifndef OFFLINE_STATE_H
#define OFFLINE_STATE_H

#include "offline/batch.h"
#include "offline/offline.h"
#include "offline/route.h"
#include "offline/shard.h"
#include "offline/time.h"
#include "pcap/filter.h"

struct worker {
	struct offline *run;
	unsigned id;
	pthread_t thread;	   /* but for the first */
	struct dns_memory *memory; /* every worker sees every answer, so all memories are alike */
	struct pages pages;	   /* what the flows of its shards stand in */
};

struct offline {
	const struct offline_config *config;
	struct capture_in *in;
	struct capture_out *out, *events;
	struct batch_queue queue;
	bool is_told;	 /* somebody wants to hear of flows */
	bool is_lasting; /* the records of the input stay in memory, and need not be copied */
	size_t lent_max; /* then: bytes of it that a batch reaches over */
	struct eve_config eve;
	struct offline_shard shard[DPI_RINGS_MAX];
	struct agenda *agenda;			 /* NULL: the rules do not know the time */
	struct offline_time time[DPI_RINGS_MAX]; /* each its shard's */
	struct worker worker[DPI_RINGS_MAX];
	unsigned worker_count;	      /* those that run; the first is the caller's own thread */
	uint8_t owner[DPI_RINGS_MAX]; /* by shard: its worker */

	/* Of whoever fills; but for the first two of one worker alone, who uses them walking. */
	struct offline_route *route;
	struct frame_fragment fragment; /* of the frame at hand */
	struct capture_record held;	/* what did not fit into the last batch; when has_held */
	bool has_held;
	unsigned last_filler;
	struct capture_filter *filter; /* NULL: every frame is taken */
	uint64_t frames, bytes, filtered;
	enum offline_end end;
	struct fault fault;

	/* Of whoever writes. */
	bool has_pieces;    /* something was written */
	bool out_of_memory; /* events were lost */

	/* Under the queue's lock. */
	bool is_broken; /* an output failed, so reading on is in vain */
	struct offline_progress progress;
};

/* Fills a batch, until it is full or the capture, the user or an output ends it. */
void offline_fill(const struct worker *w, struct batch *b);
/* Takes the worker's own frames of a batch down the road. */
void offline_walk(struct worker *w, struct batch *b);
/* Starts the workers but the first, with the signals blocked, so that the caller alone is
 * interrupted. 0 or -errno; then no thread runs. */
int offline_start(struct offline *run);
/* The first worker, until all is done; then waits for the other threads. */
void offline_work(struct offline *run);

#endif
