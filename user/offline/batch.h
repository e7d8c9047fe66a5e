/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What travels between the threads of the capture door: batches of frames, in file order. Room:
 * agent.
 *
 * There is no thread for reading and none for writing. Each worker takes whatever is due: filling
 * the next batch, walking its own frames of one, or writing the oldest that all have walked. One
 * fills and one writes at a time, so both go in file order, and whoever would wait works instead.
 *
 * A batch belongs to whoever fills it until it is published; then each worker owns the fate of its
 * own frames (is_dropped) and its own event log; then it belongs to whoever writes it. The lock is
 * taken once a turn, never for a frame.
 */
#ifndef OFFLINE_BATCH_H
#define OFFLINE_BATCH_H

#include <pthread.h>
#include "offline/event_log.h"
#include "packet/packet.h"
#include "pcap/capture_in.h"

enum {
	/* Pieces of a batch. For one worker alone few, so that what one turn has written the next
	 * finds in the nearest cache; for several many, so that they seldom wait for each other. */
	BATCH_PIECES_ALONE = 256,
	BATCH_PIECES = 1024,
	BATCH_BYTES = 1 << 20,	    /* in memory for a batch; a larger piece makes one of its own */
	BATCH_LENT = 4 << 20,	    /* of a mapped file, which is memory too */
	BATCH_QUEUE = 16,	    /* so far one worker may be ahead of another */
	BATCH_UNDER_WAY = 32 << 20, /* ... or so many bytes of the input, and a batch */
	BATCH_AHEAD = 2,	    /* batches that are kept filled in front of each worker */
};

/* What a piece is, for whoever writes a batch: the shard in the low bits. */
enum batch_mark {
	BATCH_SHARD = DPI_RINGS_MAX - 1,
	BATCH_FRAME = 32,
};

/*
 * A frame that concerns a worker, who decodes it. Small, for what one core has written and another
 * reads is dear: two make a line of the cache.
 */
struct batch_ticket {
	const uint8_t *at; /* its bytes */
	uint64_t ts_ns;
	uint32_t len;	   /* of its bytes; of an odd one: where it is in the batch's odd ones */
	uint32_t wire_len; /* as in struct frame */
	uint32_t number;   /* ... counted from the batch's first */
	uint16_t piece;
	uint8_t link; /* enum link_type */
	uint8_t shard : 4, what : 4;
};
enum batch_what {
	BATCH_TAKE = 1,	 /* it is of a shard of the worker's own */
	BATCH_LEARN = 2, /* the worker learns names from it */
	BATCH_ODD = 4,	 /* whoever filled the batch had to decode it */
};

_Static_assert(sizeof(struct batch_ticket) <= 32, "two to a line of the cache");
_Static_assert(DPI_RINGS_MAX <= 1 << 4, "a shard's four bits");

/* A frame that had to be decoded to say whose it is. */
struct batch_odd {
	struct frame frame;
	struct packet packet;
	enum dpi_parse parse;
};

/* Those of one worker, in file order; made while the batch is filled. */
struct batch_list {
	struct batch_ticket *ticket; /* room for all pieces */
	size_t count;
	bool has_drops;		/* the worker has dropped some */
} __attribute__((aligned(64))); /* no other worker's in the line */

struct batch {
	size_t piece_max;
	/* Of each piece, for whoever writes. */
	const uint8_t *at[BATCH_PIECES]; /* its bytes, in the arena or lasting */
	uint32_t len[BATCH_PIECES];
	uint32_t number[BATCH_PIECES];	       /* of a frame, counted from first_number */
	uint8_t mark[BATCH_PIECES];	       /* enum batch_mark */
	bool is_dropped[BATCH_PIECES];	       /* by the worker of its shard */
	struct batch_list list[DPI_RINGS_MAX]; /* by worker */
	struct batch_ticket *tickets;	       /* of all lists */
	struct batch_odd *odd;		       /* room for all pieces */
	size_t odd_count;
	uint64_t first_number; /* of its first frame; 0: there is none yet */
	size_t count;
	size_t row; /* from this piece on all are frames that lie one behind the other */
	const uint8_t *row_end;
	uint64_t start, end; /* of what it reaches over in the input */
	uint8_t *arena;
	size_t arena_len, arena_cap;
	size_t arena_open; /* with so much in it there is room for another fragment */
	unsigned busy;	   /* workers not done yet; under the queue's lock */
	struct event_log log[DPI_RINGS_MAX]; /* by worker */
};

/* A ring of batches. */
struct batch_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned waiting;		/* threads */
	uint64_t filled, written;	/* batches so far */
	uint64_t walked[DPI_RINGS_MAX]; /* by worker */
	bool is_filling, is_writing;
	bool is_end;		 /* no more will be filled */
	unsigned workers, depth; /* of the batches so many are there */
	struct batch *batch[BATCH_QUEUE];
};

enum batch_turn {
	BATCH_FILL,  /* this empty batch; then batch_queue_filled */
	BATCH_WALK,  /* one's own frames of this one; then batch_queue_walked */
	BATCH_WRITE, /* this one; then batch_queue_written */
	BATCH_DONE,  /* nothing is left for this worker */
};

/* Returns 0 or -ENOMEM; batch_queue_clear may follow either. */
int batch_queue_init(struct batch_queue *q, unsigned workers);
void batch_queue_clear(struct batch_queue *q);

/* What this worker is to do next; waits until there is something. Lends *b until it is done. */
enum batch_turn batch_queue_turn(struct batch_queue *q, unsigned worker, struct batch **b);
/* The batch is full; is_end: it is the last one. */
void batch_queue_filled(struct batch_queue *q, bool is_end);
void batch_queue_walked(struct batch_queue *q, unsigned worker, struct batch *b);
void batch_queue_written(struct batch_queue *q);
/* Nothing more will be filled: for when the workers cannot all be started. */
void batch_queue_end(struct batch_queue *q);

void batch_clear(struct batch *b);
static inline void batch_send(struct batch *b, unsigned worker, struct batch_ticket t)
{
	struct batch_list *l = &b->list[worker];

	l->ticket[l->count++] = t;
}
/* True when another piece may be taken in, apart from its bytes. */
static inline bool batch_is_open(const struct batch *b)
{
	return b->count < b->piece_max && b->arena_len <= b->arena_open;
}
/*
 * Copies the bytes of a record that is about to become piece count into the arena and points the
 * record there. Returns 1, 0 when the batch is full (nothing changed), or -ENOMEM.
 */
int batch_hold(struct batch *b, struct capture_record *r);
/* The same for what is known of a fragment: a copy that lasts as long as the batch. It always fits
 * while batch_is_open() said so before its piece. */
const struct frame_fragment *batch_hold_fragment(struct batch *b, const struct frame_fragment *f);

#endif
