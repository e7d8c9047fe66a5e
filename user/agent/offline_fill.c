/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Filling a batch for the capture door: pieces are taken from the capture in rows, frames decoded
 * and sent to whom they concern. Room: agent. One thread at a time is here, in file order.
 */
#include "agent/offline_state.h"

#include <errno.h>

enum {
	FILTER_TURN = 65536, /* frames that may be left out before somebody asks how far it is */
	TAKE_ROW = 32,	     /* taken at once: they are in the first cache when they are decoded */
};

/* The next piece that the filter lets in. Returns as capture_in_next, or -EAGAIN when too many
 * were left out to stay longer. */
static int next(struct offline *run, struct capture_record *r)
{
	int n;

	while ((n = capture_in_next(run->in, r, &run->fault)) == 1) {
		if (!run->filter || !r->is_frame || capture_filter_match(run->filter, r))
			return 1;
		if (++run->filtered % FILTER_TURN == 0)
			return -EAGAIN;
	}
	return n;
}

/* The same for as many as there are in a row, up to most, *count in all. */
static int take_lasting(struct offline *run, struct batch *b, size_t most, size_t *count)
{
	size_t left = b->piece_max - b->count;
	const struct capture_room room = {
		.at = &b->piece[b->count].record,
		.stride = sizeof(b->piece[0]),
		.records = most < left ? most : left,
		.bytes = run->lent_max - b->lent,
	};
	int n;

	if (!run->filter)
		return capture_in_take(run->in, &room, count, &run->fault);
	n = next(run, room.at);
	*count = n == 1;
	return n;
}

/* The next piece, its bytes held by b. Gives as take(). */
static int take_passing(struct offline *run, struct batch *b, size_t *count)
{
	struct capture_record *r = &b->piece[b->count].record;
	int n = 1;

	if (run->has_held)
		*r = run->held;
	else
		n = next(run, r);
	if (n != 1)
		return n;
	run->has_held = false;
	n = batch_hold(b, r);
	*count = n == 1;
	if (n == 0) {
		run->held = *r;
		run->has_held = true;
	}
	return n == 0 ? -EAGAIN : n;
}

/* Takes the next pieces of the capture into b, behind those it has. Returns 1 with their *count;
 * -EAGAIN when b is full, or what ended the capture. */
static int take(struct offline *run, struct batch *b, size_t *count)
{
	uint64_t most = run->config->frame_max;

	*count = 0;
	if (b->lent >= run->lent_max || !batch_is_open(b))
		return -EAGAIN;
	if (most && run->frames >= most)
		return 0;
	most = most && most - run->frames < TAKE_ROW ? most - run->frames : TAKE_ROW;
	return run->is_lasting ? take_lasting(run, b, most, count) : take_passing(run, b, count);
}

/* Notes how far it is, and asks whether to go on. 0, or -EINTR when not. */
static int note(struct offline *run, bool *is_broken)
{
	const struct offline_config *c = run->config;

	pthread_mutex_lock(&run->queue.lock);
	run->progress = (struct offline_progress){
		.frames = run->frames,
		.bytes = capture_in_offset(run->in),
		.size = capture_in_size(run->in),
	};
	*is_broken = run->is_broken;
	pthread_mutex_unlock(&run->queue.lock);
	return c->stop && *c->stop ? -EINTR : 0;
}

static void end(struct offline *run, int n)
{
	run->end = n == 0	   ? OFFLINE_WHOLE
		   : n == -EBADMSG ? OFFLINE_DAMAGED
		   : n == -EINTR   ? OFFLINE_STOPPED
				   : OFFLINE_FAILED;
	if (n == -EINTR)
		fault_set(&run->fault, n, "interrupted after %llu records",
			  (unsigned long long)run->frames);
	if (n == -ENOMEM)
		fault_set(&run->fault, n, "out of memory");
}

/* Sends a frame to whom it concerns. */
static inline void send(const struct offline *run, struct batch *b, size_t piece,
			struct offline_place to)
{
	struct batch_errand e = {
		.piece = (uint16_t)piece,
		.shard = to.shard,
		.what = to.parse == DPI_PARSE_OK ? BATCH_TAKE | BATCH_WARM : BATCH_TAKE,
	};
	unsigned owner = run->owner[to.shard];

	if (to.is_answer) {
		e.what |= BATCH_LEARN;
		for (unsigned w = 0; w < run->queue.workers; w++)
			if (w != owner)
				batch_send(b, w, (struct batch_errand){e.piece, 0, BATCH_LEARN});
	}
	batch_send(b, owner, e);
}

/* Decodes a frame that was taken in, and says whose it is. Returns its mark. */
static inline uint8_t place(struct offline *run, struct batch *b, struct batch_piece *p)
{
	struct offline_place to = offline_route_place(run->route, &p->record.frame, &p->packet,
						      &run->fragment);

	p->parse = to.parse;
	if (p->record.frame.fragment)
		p->record.frame.fragment = batch_hold_fragment(b, &run->fragment);
	send(run, b, b->count, to);
	return (uint8_t)(to.shard | BATCH_FRAME);
}

/* The pieces that were taken in front of `to` become the batch's, as long as it is open. */
static void put_in(struct offline *run, struct batch *b, size_t to)
{
	uint64_t frames = 0, bytes = 0;
	size_t lent = 0;

	for (; b->count < to && batch_is_open(b); b->count++) {
		struct batch_piece *p = &b->piece[b->count];
		struct slice raw = p->record.raw;

		lent += raw.len;
		b->len[b->count] = (uint32_t)raw.len;
		if (raw.at != b->row_end)
			b->row = b->count;
		b->row_end = raw.at + raw.len;
		if (p->record.is_frame) {
			frames++;
			bytes += p->record.frame.wire_len;
			b->mark[b->count] = place(run, b, p);
		} else {
			b->mark[b->count] = 0;
			b->row = b->count + 1;
		}
	}
	b->lent += lent;
	run->frames += frames;
	run->bytes += bytes;
}

void offline_fill(const struct worker *w, struct batch *b)
{
	struct offline *run = w->run;
	bool is_broken;
	int n = note(run, &is_broken);
	size_t count;

	if (!n)
		n = !is_broken;
	if (run->last_filler != w->id)
		capture_in_turn(run->in);
	run->last_filler = w->id;
	while (n == 1 && (n = take(run, b, &count)) == 1) {
		size_t to = b->count + count;

		put_in(run, b, to);
		if (b->count < to)
			capture_in_untake(run->in, &b->piece[b->count].record);
	}
	b->end = capture_in_position(run->in);
	if (n != -EAGAIN)
		end(run, n);
	batch_queue_filled(&run->queue, n != -EAGAIN);
}
