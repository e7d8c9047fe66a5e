/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What travels between the threads of the capture door: batches of frames, in file order, each
 * filled by the reader, walked by every worker and emptied by the writer. Room: agent.
 *
 * A batch belongs to the reader until it is published, then each worker owns the fields of its own
 * frames (is_kept) and its own event log, then the writer owns all of it. The lock is taken once a
 * batch and thread, never for a frame.
 */
#ifndef AGENT_BATCH_H
#define AGENT_BATCH_H

#include <pthread.h>
#include "base/text.h"
#include "dpi/abi.h"
#include "pcap/capture_in.h"

enum {
	BATCH_PIECES = 1024,
	BATCH_BYTES = 1 << 20, /* a single larger piece makes a batch of its own */
	BATCH_QUEUE = 8,
};

/* A piece of the capture. */
struct batch_piece {
	struct frame frame; /* when is_frame; bytes and fragment in the batch's arena */
	struct slice raw;   /* in the arena */
	bool is_frame;
	bool is_answer; /* every worker learns names from it */
	uint8_t shard;
	bool is_kept; /* written by the worker of its shard */
};

/* Events of one worker, in frame order: text, and where each frame's lines end. */
struct event_mark {
	uint64_t number; /* of the frame */
	size_t end;
};
struct event_log {
	struct text text;
	struct event_mark *marks;
	size_t count, cap;
	bool failed; /* out of memory */
};

struct batch {
	struct batch_piece piece[BATCH_PIECES];
	size_t count;
	uint8_t *arena;
	size_t arena_len, arena_cap;
	unsigned busy;			     /* workers not done yet; under the queue's lock */
	struct event_log log[DPI_RINGS_MAX]; /* by worker */
};

/* A ring of batches: one reader, every worker sees each batch, one writer. */
struct batch_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled_cond, done_cond, free_cond;
	uint64_t filled, written; /* batches so far */
	bool is_end;		  /* no more will be filled */
	unsigned workers;
	struct batch *batch[BATCH_QUEUE];
};

/* Returns 0 or -ENOMEM; batch_queue_clear may follow either. */
int batch_queue_init(struct batch_queue *q, unsigned workers);
void batch_queue_clear(struct batch_queue *q);

/* Reader: the batch to fill, empty; waits for the writer when all are in use. */
struct batch *batch_queue_take(struct batch_queue *q);
/* Reader: hands over the batch taken last. */
void batch_queue_publish(struct batch_queue *q);
/* Reader: nothing more will come. */
void batch_queue_end(struct batch_queue *q);
/* Worker: batch number seq (from 0), or NULL when there will be none; then says it is done. */
struct batch *batch_queue_next(struct batch_queue *q, uint64_t seq);
void batch_queue_done(struct batch_queue *q, struct batch *b);
/* Writer: batch number seq when all workers are done with it, or NULL; then gives it back. */
struct batch *batch_queue_finished(struct batch_queue *q, uint64_t seq);
void batch_queue_release(struct batch_queue *q);

/* Copies a piece in. Returns 1, 0 when the batch is full (nothing changed), -ENOMEM. */
int batch_add(struct batch *b, const struct capture_record *r, uint8_t shard);

/* Says that the text now in the log belongs to a frame, after whatever was there. */
void event_log_mark(struct event_log *l, uint64_t number);
void event_log_reset(struct event_log *l); /* empties it; keeps its memory */
void event_log_clear(struct event_log *l); /* frees it */

#endif
