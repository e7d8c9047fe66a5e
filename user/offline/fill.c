/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Filling a batch for the capture door: pieces are taken from the capture in rows, and of each
 * frame a ticket is sent to whom it concerns. Room: offline. One thread at a time is here, in file
 * order.
 */
#include "offline/state.h"

#include <errno.h>

enum {
	FILTER_TURN = 65536, /* frames that may be left out before somebody asks how far it is */
	TAKE_ROW = 32, /* taken at once: they are in the first cache when they are looked at */
};

/* Whoever fills: the pieces at hand. */
struct filling {
	struct offline *run;
	struct batch *batch;
	struct capture_record row[TAKE_ROW];
	size_t count;
};

/* Bytes of the input that may still go into b, or be left out beside it: they stay in memory until
 * it is written, where the input is lasting. */
static size_t room_of(const struct offline *run, const struct batch *b)
{
	uint64_t len = capture_in_position(run->in) - b->start;

	return len < run->lent_max ? run->lent_max - (size_t)len : 0;
}

/* The next piece that the filter lets in. Returns as capture_in_next, or -EAGAIN when too many
 * were left out to stay longer. */
static int next(struct offline *run, const struct batch *b, struct capture_record *r)
{
	int n;

	while ((n = capture_in_next(run->in, r, &run->fault)) == 1) {
		if (!run->filter || !r->is_frame || capture_filter_match(run->filter, r))
			return 1;
		if (++run->filtered % FILTER_TURN == 0 || !room_of(run, b))
			return -EAGAIN;
	}
	return n;
}

/* The same for as many as there are in a row, up to most. */
static int take_lasting(struct filling *f, size_t most)
{
	struct offline *run = f->run;
	const struct batch *b = f->batch;
	size_t left = b->piece_max - b->count;
	const struct capture_room room = {
		.at = f->row,
		.stride = sizeof(f->row[0]),
		.records = most < left ? most : left,
		.bytes = room_of(run, b),
	};
	int n;

	if (!run->filter)
		return capture_in_take(run->in, &room, &f->count, &run->fault);
	n = next(run, b, f->row);
	f->count = n == 1;
	return n;
}

/* The next piece, its bytes held by the batch. */
static int take_passing(struct filling *f)
{
	struct offline *run = f->run;
	struct capture_record *r = f->row;
	int n = 1;

	if (run->has_held)
		*r = run->held;
	else
		n = next(run, f->batch, r);
	if (n != 1)
		return n;
	run->has_held = false;
	n = batch_hold(f->batch, r);
	f->count = n == 1;
	if (n == 0) {
		run->held = *r;
		run->has_held = true;
	}
	return n == 0 ? -EAGAIN : n;
}

/* Takes the next pieces of the capture into the row. Returns 1; -EAGAIN when the batch is full, or
 * what ended the capture. */
static int take(struct filling *f)
{
	struct offline *run = f->run;
	const struct batch *b = f->batch;
	uint64_t most = run->config->frame_max;

	f->count = 0;
	if (!batch_is_open(b) || (run->is_lasting && !room_of(run, b)))
		return -EAGAIN;
	if (most && run->frames >= most)
		return 0;
	most = most && most - run->frames < TAKE_ROW ? most - run->frames : TAKE_ROW;
	return run->is_lasting ? take_lasting(f, most) : take_passing(f);
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

/* Decodes a frame that is odd, and keeps what came of it. */
static struct offline_place place_odd(struct offline *run, struct batch *b, const struct frame *f,
				      struct batch_ticket *t)
{
	struct batch_odd *odd = &b->odd[b->odd_count];
	struct offline_place to;

	odd->frame = *f;
	to = offline_route_place(run->route, &odd->frame, &odd->packet, &run->fragment);
	odd->parse = to.parse;
	if (odd->frame.fragment)
		odd->frame.fragment = batch_hold_fragment(b, &run->fragment);
	t->len = (uint32_t)b->odd_count++;
	t->what |= BATCH_ODD;
	return to;
}

/* Sends a frame to whom it concerns. Returns its mark. */
static inline uint8_t send(struct offline *run, struct batch *b, const struct frame *f)
{
	struct batch_ticket t;
	struct offline_place to;
	unsigned owner;

	if (!b->first_number)
		b->first_number = f->number;
	t = (struct batch_ticket){
		.at = f->bytes.at,
		.ts_ns = f->ts_ns,
		.len = (uint32_t)f->bytes.len,
		.wire_len = f->wire_len,
		.number = (uint32_t)(f->number - b->first_number),
		.piece = (uint16_t)b->count,
		.link = (uint8_t)f->link,
	};
	b->number[b->count] = t.number;
	/* One alone looks at a frame once: when it decodes it. */
	if (run->queue.workers == 1) {
		batch_send(b, 0, t);
		return BATCH_FRAME;
	}
	if (!offline_route_glance(f, &to))
		to = place_odd(run, b, f, &t);
	owner = run->owner[to.shard];
	if (to.is_answer) {
		t.what |= BATCH_LEARN;
		for (unsigned w = 0; w < run->queue.workers; w++)
			if (w != owner)
				batch_send(b, w, t);
	}
	t.shard = to.shard;
	t.what |= BATCH_TAKE;
	batch_send(b, owner, t);
	return (uint8_t)(to.shard | BATCH_FRAME);
}

/* The pieces of a row become the batch's, as long as it is open. Returns how many. */
static size_t put_in(struct offline *run, struct batch *b, const struct capture_record *row,
		     size_t count)
{
	uint64_t frames = 0, bytes = 0;
	size_t i;

	for (i = 0; i < count && batch_is_open(b); i++, b->count++) {
		const struct capture_record *r = &row[i];

		b->at[b->count] = r->raw.at;
		b->len[b->count] = (uint32_t)r->raw.len;
		if (r->raw.at != b->row_end)
			b->row = b->count;
		b->row_end = r->raw.at + r->raw.len;
		if (!r->is_frame) {
			b->mark[b->count] = 0;
			b->row = b->count + 1;
			continue;
		}
		frames++;
		bytes += r->frame.wire_len;
		b->mark[b->count] = send(run, b, &r->frame);
	}
	run->frames += frames;
	run->bytes += bytes;
	return i;
}

void offline_fill(const struct worker *w, struct batch *b)
{
	struct offline *run = w->run;
	struct filling f = {.run = run, .batch = b};
	bool is_broken;
	int n = note(run, &is_broken);

	if (!n)
		n = !is_broken;
	if (run->last_filler != w->id)
		capture_in_turn(run->in);
	run->last_filler = w->id;
	b->start = capture_in_position(run->in);
	while (n == 1 && (n = take(&f)) == 1) {
		size_t count = put_in(run, b, f.row, f.count);

		if (count < f.count)
			capture_in_untake(run->in, &f.row[count]);
	}
	b->end = capture_in_position(run->in);
	if (n != -EAGAIN)
		end(run, n);
	batch_queue_filled(&run->queue, n != -EAGAIN);
}
