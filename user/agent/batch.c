/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Batches and the ring they travel in. Room: agent. It knows nothing of engines or files.
 */
#include "agent/batch.h"

#include <errno.h>
#include <stdlib.h>

static void batch_free(struct batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < DPI_RINGS_MAX; i++)
		event_log_clear(&b->log[i]);
	free(b->arena);
	free(b);
}

int batch_queue_init(struct batch_queue *q, unsigned workers)
{
	*q = (struct batch_queue){.workers = workers};
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled_cond, NULL);
	pthread_cond_init(&q->done_cond, NULL);
	pthread_cond_init(&q->free_cond, NULL);
	for (size_t i = 0; i < BATCH_QUEUE; i++) {
		q->batch[i] = calloc(1, sizeof(struct batch));
		if (!q->batch[i])
			return -ENOMEM;
		q->batch[i]->arena = malloc(BATCH_BYTES);
		if (!q->batch[i]->arena)
			return -ENOMEM;
		q->batch[i]->arena_cap = BATCH_BYTES;
	}
	return 0;
}

void batch_queue_clear(struct batch_queue *q)
{
	for (size_t i = 0; i < BATCH_QUEUE; i++)
		batch_free(q->batch[i]);
	pthread_cond_destroy(&q->free_cond);
	pthread_cond_destroy(&q->done_cond);
	pthread_cond_destroy(&q->filled_cond);
	pthread_mutex_destroy(&q->lock);
}

struct batch *batch_queue_take(struct batch_queue *q)
{
	struct batch *b;

	pthread_mutex_lock(&q->lock);
	while (q->filled - q->written == BATCH_QUEUE)
		pthread_cond_wait(&q->free_cond, &q->lock);
	b = q->batch[q->filled % BATCH_QUEUE];
	pthread_mutex_unlock(&q->lock);
	b->count = 0;
	b->arena_len = 0;
	for (size_t i = 0; i < DPI_RINGS_MAX; i++)
		event_log_reset(&b->log[i]);
	return b;
}

void batch_queue_publish(struct batch_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->batch[q->filled % BATCH_QUEUE]->busy = q->workers;
	q->filled++;
	pthread_cond_broadcast(&q->filled_cond);
	pthread_mutex_unlock(&q->lock);
}

void batch_queue_end(struct batch_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_end = true;
	pthread_cond_broadcast(&q->filled_cond);
	pthread_cond_broadcast(&q->done_cond);
	pthread_mutex_unlock(&q->lock);
}

struct batch *batch_queue_next(struct batch_queue *q, uint64_t seq)
{
	struct batch *b = NULL;

	pthread_mutex_lock(&q->lock);
	while (q->filled == seq && !q->is_end)
		pthread_cond_wait(&q->filled_cond, &q->lock);
	if (q->filled > seq)
		b = q->batch[seq % BATCH_QUEUE];
	pthread_mutex_unlock(&q->lock);
	return b;
}

void batch_queue_done(struct batch_queue *q, struct batch *b)
{
	pthread_mutex_lock(&q->lock);
	if (--b->busy == 0)
		pthread_cond_signal(&q->done_cond);
	pthread_mutex_unlock(&q->lock);
}

struct batch *batch_queue_finished(struct batch_queue *q, uint64_t seq)
{
	struct batch *b = NULL;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		if (q->filled > seq) {
			b = q->batch[seq % BATCH_QUEUE];
			if (b->busy == 0)
				break;
		} else if (q->is_end) {
			b = NULL;
			break;
		}
		pthread_cond_wait(&q->done_cond, &q->lock);
	}
	pthread_mutex_unlock(&q->lock);
	return b;
}

void batch_queue_release(struct batch_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->written++;
	pthread_cond_signal(&q->free_cond);
	pthread_mutex_unlock(&q->lock);
}

/* What a piece takes in the arena: its bytes and, of a fragment, what the reader knows of it. */
static size_t room_of(const struct capture_record *r)
{
	const struct frame_fragment *fragment = r->is_frame ? r->frame.fragment : NULL;
	size_t len = r->raw.len;

	if (fragment)
		len += _Alignof(struct frame_fragment) - 1 + sizeof(*fragment) +
		       fragment->whole[0].len + fragment->whole[1].len;
	return len;
}

static struct slice copy_in(struct batch *b, struct slice s)
{
	uint8_t *at = b->arena + b->arena_len;

	if (s.len)
		memcpy(at, s.at, s.len);
	b->arena_len += s.len;
	return slice_of(at, s.len);
}

static const struct frame_fragment *copy_fragment(struct batch *b, const struct frame_fragment *f)
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

int batch_add(struct batch *b, const struct capture_record *r, uint8_t shard)
{
	size_t room = room_of(r);
	struct batch_piece *p;
	uint8_t *at;

	if (b->count == BATCH_PIECES)
		return 0;
	if (room > b->arena_cap - b->arena_len) {
		if (b->count > 0)
			return 0;
		at = realloc(b->arena, room);
		if (!at)
			return -ENOMEM;
		b->arena = at;
		b->arena_cap = room;
	}
	p = &b->piece[b->count++];
	*p = (struct batch_piece){
		.raw = copy_in(b, r->raw),
		.is_frame = r->is_frame,
		.shard = shard,
		.is_kept = true,
	};
	if (r->is_frame) {
		p->frame = r->frame;
		p->frame.bytes.at = p->raw.at + (r->frame.bytes.at - r->raw.at);
		if (r->frame.fragment)
			p->frame.fragment = copy_fragment(b, r->frame.fragment);
	}
	return 1;
}

void event_log_mark(struct event_log *l, uint64_t number)
{
	struct event_mark *more;

	if (l->count > 0 && l->marks[l->count - 1].number == number) {
		l->marks[l->count - 1].end = l->text.len;
		return;
	}
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;

		more = realloc(l->marks, cap * sizeof(*more));
		if (!more) {
			l->failed = true;
			return;
		}
		l->marks = more;
		l->cap = cap;
	}
	l->marks[l->count++] = (struct event_mark){.number = number, .end = l->text.len};
}

void event_log_reset(struct event_log *l)
{
	l->text.len = 0;
	l->count = 0;
}

void event_log_clear(struct event_log *l)
{
	text_clear(&l->text);
	free(l->marks);
	*l = (struct event_log){0};
}
