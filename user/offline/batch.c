/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Batches and the ring they travel in. Room: offline. It knows nothing of engines or files.
 */
#include "offline/batch.h"

#include <errno.h>
#include <stdlib.h>
#include "packet/defrag.h"

enum {
	CACHE_LINE = 64,
	/* What is known of one fragment, with both readings of its datagram. */
	FRAGMENT_ROOM = _Alignof(struct frame_fragment) + sizeof(struct frame_fragment) +
			2 * DEFRAG_WHOLE_MAX,
};

static void batch_free(struct batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < DPI_RINGS_MAX; i++)
		event_log_clear(&b->log[i]);
	free(b->tickets);
	free(b->odd);
	free(b->arena);
	free(b);
}

static void set_cap(struct batch *b, size_t cap)
{
	b->arena_cap = cap;
	b->arena_open = cap - FRAGMENT_ROOM;
}

/* An empty batch; NULL: out of memory. */
static struct batch *batch_new(unsigned workers, size_t pieces)
{
	struct batch *b = aligned_alloc(_Alignof(struct batch), sizeof(*b));

	if (!b)
		return NULL;
	memset(b, 0, sizeof(*b));
	set_cap(b, BATCH_BYTES + FRAGMENT_ROOM);
	b->piece_max = pieces;
	b->odd = malloc(pieces * sizeof(*b->odd));
	b->arena = malloc(b->arena_cap);
	b->tickets = aligned_alloc(CACHE_LINE, workers * pieces * sizeof(*b->tickets));
	if (!b->odd || !b->arena || !b->tickets) {
		batch_free(b);
		return NULL;
	}
	for (size_t i = 0; i < workers; i++)
		b->list[i].ticket = b->tickets + i * pieces;
	return b;
}

int batch_queue_init(struct batch_queue *q, unsigned workers)
{
	*q = (struct batch_queue){
		.workers = workers,
		.depth = workers > 1 ? BATCH_QUEUE : 1 + BATCH_AHEAD,
	};
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	for (size_t i = 0; i < q->depth; i++) {
		q->batch[i] = batch_new(workers, workers > 1 ? BATCH_PIECES : BATCH_PIECES_ALONE);
		if (!q->batch[i])
			return -ENOMEM;
	}
	return 0;
}

void batch_queue_clear(struct batch_queue *q)
{
	for (size_t i = 0; i < BATCH_QUEUE; i++)
		batch_free(q->batch[i]);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
}

/* True when there is room for another batch, and nobody fills one. */
static bool may_fill(const struct batch_queue *q)
{
	const struct batch *first = q->batch[q->written % q->depth], *last;

	if (q->is_end || q->is_filling || q->filled == q->written)
		return !q->is_end && !q->is_filling;
	last = q->batch[(q->filled - 1) % q->depth];
	return q->filled - q->written < q->depth && last->end - first->start < BATCH_UNDER_WAY;
}

/*
 * What is due for a worker, under the lock. Writing comes first, for it makes room; but whoever has
 * frames of its own to walk leaves it to one who waits. Else a worker that has fallen behind would
 * both walk and write, and stay behind.
 */
static enum batch_turn choose(struct batch_queue *q, unsigned worker, struct batch **b)
{
	uint64_t walked = q->walked[worker], ahead = q->filled - walked;
	bool may_write = !q->is_writing && q->written < q->filled && !(ahead && q->waiting);

	*b = q->batch[q->written % q->depth];
	if (may_write && !(*b)->busy) {
		q->is_writing = true;
		return BATCH_WRITE;
	}
	if (ahead < BATCH_AHEAD && may_fill(q)) {
		*b = q->batch[q->filled % q->depth];
		q->is_filling = true;
		return BATCH_FILL;
	}
	*b = q->batch[walked % q->depth];
	return ahead ? BATCH_WALK : BATCH_DONE;
}

enum batch_turn batch_queue_turn(struct batch_queue *q, unsigned worker, struct batch **b)
{
	enum batch_turn turn;

	pthread_mutex_lock(&q->lock);
	/* Whoever holds the last batches back will write them as well. */
	while ((turn = choose(q, worker, b)) == BATCH_DONE && !q->is_end) {
		q->waiting++;
		pthread_cond_wait(&q->changed, &q->lock);
		q->waiting--;
	}
	pthread_mutex_unlock(&q->lock);
	if (turn == BATCH_FILL)
		batch_clear(*b);
	return turn;
}

/* Ends a change that began by taking the lock. */
static void tell(struct batch_queue *q)
{
	if (q->waiting)
		pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

void batch_queue_filled(struct batch_queue *q, bool is_end)
{
	pthread_mutex_lock(&q->lock);
	q->batch[q->filled % q->depth]->busy = q->workers;
	q->filled++;
	q->is_filling = false;
	q->is_end |= is_end;
	tell(q);
}

void batch_queue_walked(struct batch_queue *q, unsigned worker, struct batch *b)
{
	pthread_mutex_lock(&q->lock);
	q->walked[worker]++;
	b->busy--;
	tell(q);
}

void batch_queue_written(struct batch_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->written++;
	q->is_writing = false;
	tell(q);
}

void batch_queue_end(struct batch_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_end = true;
	tell(q);
}

void batch_clear(struct batch *b)
{
	b->count = b->row = b->odd_count = 0;
	b->first_number = 0;
	b->row_end = NULL;
	b->arena_len = 0;
	memset(b->is_dropped, 0, sizeof(b->is_dropped));
	for (size_t i = 0; i < DPI_RINGS_MAX; i++) {
		event_log_reset(&b->log[i]);
		b->list[i].count = 0;
		b->list[i].has_drops = false;
	}
}

static struct slice copy_in(struct batch *b, struct slice s)
{
	uint8_t *at = b->arena + b->arena_len;

	if (s.len)
		memcpy(at, s.at, s.len);
	b->arena_len += s.len;
	return slice_of(at, s.len);
}

int batch_hold(struct batch *b, struct capture_record *r)
{
	size_t left = b->arena_cap - b->arena_len - FRAGMENT_ROOM, off;

	if (r->raw.len > left) {
		uint8_t *at;

		if (b->count > 0)
			return 0;
		at = realloc(b->arena, r->raw.len + FRAGMENT_ROOM);
		if (!at)
			return -ENOMEM;
		b->arena = at;
		set_cap(b, r->raw.len + FRAGMENT_ROOM);
	}
	off = r->is_frame ? (size_t)(r->frame.bytes.at - r->raw.at) : 0;
	r->raw = copy_in(b, r->raw);
	if (r->is_frame)
		r->frame.bytes.at = r->raw.at + off;
	return 1;
}

const struct frame_fragment *batch_hold_fragment(struct batch *b, const struct frame_fragment *f)
{
	size_t odd = b->arena_len % _Alignof(struct frame_fragment);
	struct frame_fragment *copy;

	b->arena_len += odd ? _Alignof(struct frame_fragment) - odd : 0;
	copy = (struct frame_fragment *)(b->arena + b->arena_len);
	b->arena_len += sizeof(*copy);
	*copy = *f;
	for (int i = 0; i < 2; i++)
		copy->whole[i] = copy_in(b, f->whole[i]);
	return copy;
}
