/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the threads of the capture door do: fill a batch, walk it, write it; see batch.h for who
 * does which and offline.h for what belongs to whom. Room: agent.
 */
#include "agent/offline_state.h"

#include <errno.h>
#include <signal.h>

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
	const struct capture_room room = {
		.at = &b->piece[b->count].record,
		.stride = sizeof(b->piece[0]),
		.records = most < BATCH_PIECES - b->count ? most : BATCH_PIECES - b->count,
		.bytes = BATCH_LENT - b->lent,
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
	if (b->lent >= BATCH_LENT || !batch_is_open(b))
		return -EAGAIN;
	if (most && run->frames >= most)
		return 0;
	most = most && most - run->frames < TAKE_ROW ? most - run->frames : TAKE_ROW;
	return run->is_lasting ? take_lasting(run, b, most, count) : take_passing(run, b, count);
}

/* Decodes a frame that was taken in, piece `at` of b, and sends it to whom it concerns. Returns its
 * mark. */
static uint8_t place(struct offline *run, struct batch *b, size_t at)
{
	struct batch_piece *p = &b->piece[at];
	struct frame_fragment fragment;
	struct offline_place to;
	struct batch_errand e = {.piece = (uint16_t)at};
	unsigned own;

	if (!p->record.is_frame)
		return 0;
	to = offline_route_place(run->route, &p->record.frame, &p->packet, &fragment);
	p->parse = to.parse;
	if (p->record.frame.fragment)
		p->record.frame.fragment = batch_hold_fragment(b, &fragment);
	run->frames++;
	run->bytes += p->record.frame.wire_len;
	e.shard = to.shard;
	own = run->owner[to.shard];
	for (unsigned w = 0; to.is_answer && w < run->queue.workers; w++) {
		e.what = BATCH_LEARN;
		if (w != own)
			batch_send(b, w, e);
	}
	e.what |= to.parse == DPI_PARSE_OK ? BATCH_TAKE | BATCH_WARM : BATCH_TAKE;
	batch_send(b, own, e);
	return (uint8_t)(to.shard | BATCH_FRAME);
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

/* The next piece of b, taken and open for it, becomes one of those that it has. */
static void put_in(struct offline *run, struct batch *b)
{
	struct batch_piece *p = &b->piece[b->count];

	b->mark[b->count] = place(run, b, b->count);
	b->lent += p->record.raw.len;
	b->count++;
}

/* Fills a batch, until it is full or the capture, the user or an output ends it. */
static void fill(const struct worker *w, struct batch *b)
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

		for (; b->count < to && batch_is_open(b);)
			put_in(run, b);
		if (b->count < to)
			capture_in_untake(run->in, &b->piece[b->count].record);
	}
	b->end = capture_in_offset(run->in);
	if (n != -EAGAIN)
		end(run, n);
	batch_queue_filled(&run->queue, n != -EAGAIN);
}

/* An errand on its way. */
struct going {
	struct batch_piece *piece;
	struct offline_shard *shard;
	struct engine *engine; /* to be warmed; NULL: nothing can be known ahead */
	struct batch_errand errand;
};

enum {
	WARM_STEPS = 3,
	WARM_APART = 8, /* errands */
	WARM_AHEAD = WARM_STEPS * WARM_APART,
	RING = 64, /* those under way and no fewer; a power of two */
};

static void run_errand(struct worker *w, struct batch *b, const struct going *g)
{
	struct event_log *log = w->run->events ? &b->log[w->id] : NULL;
	struct batch_piece *p = g->piece;

	if (g->errand.what & BATCH_LEARN)
		learn_answer(w->memory, &p->packet);
	/* Written only where it matters: the other workers' frames stand beside it. */
	if (g->errand.what & BATCH_TAKE &&
	    offline_shard_packet(g->shard, &p->packet, p->parse, log).action != DPI_PASS)
		b->is_dropped[g->errand.piece] = true;
}

/* Takes the worker's own frames down the road. What a frame will need is fetched in three steps,
 * each when the one before has come. */
static void walk(struct worker *w, struct batch *b)
{
	const struct batch_list *l = &b->list[w->id];
	struct going ring[RING] = {{.piece = NULL}}, *g;

	for (size_t k = 0; k < l->count + WARM_AHEAD; k++) {
		g = &ring[k % RING];
		g->engine = NULL;
		if (k < l->count) {
			g->errand = l->errand[k];
			g->piece = &b->piece[g->errand.piece];
			g->shard = &w->run->shard[g->errand.shard];
			if (g->errand.what & BATCH_WARM) {
				g->engine = g->shard->engine;
				engine_warm(g->engine, &g->piece->packet);
			}
		}
		g = &ring[(k - WARM_APART) % RING];
		if (g->engine)
			engine_warm_flow(g->engine, &g->piece->packet);
		g = &ring[(k - 2 * WARM_APART) % RING];
		if (g->engine)
			engine_warm_sides(g->engine, &g->piece->packet);
		if (k >= WARM_AHEAD)
			run_errand(w, b, &ring[(k - WARM_AHEAD) % RING]);
	}
	batch_queue_walked(&w->run->queue, w->id, b);
}

/* The lines of one log that belong to a frame; *at and *from walk the log. */
static int write_events(struct offline *run, const struct event_log *l, uint64_t number, size_t *at,
			size_t *from)
{
	int err = 0;

	while (!err && *at < l->count && l->marks[*at].number == number) {
		err = capture_out_write(
			run->events, slice_of(l->text.at + *from, l->marks[*at].end - *from), true);
		*from = l->marks[(*at)++].end;
	}
	return err;
}

static int write_all_events(struct offline *run, const struct batch *b)
{
	size_t at[DPI_RINGS_MAX] = {0}, from[DPI_RINGS_MAX] = {0};
	int err = 0;

	for (size_t i = 0; i < b->count && !err; i++) {
		unsigned w = (b->mark[i] & BATCH_SHARD) % run->queue.workers;

		if (b->mark[i] & BATCH_FRAME)
			err = write_events(run, &b->log[w], b->piece[i].record.frame.number, &at[w],
					   &from[w]);
	}
	return err;
}

static int write_batch(struct offline *run, const struct batch *b)
{
	int err = 0;

	for (size_t i = 0; i < b->count && !err; i++)
		if (!b->is_dropped[i])
			err = capture_out_lend(run->out, b->piece[i].record.raw,
					       b->mark[i] & BATCH_FRAME);
	if (!err)
		err = capture_out_flush(run->out);
	if (!err && run->events)
		err = write_all_events(run, b);
	run->has_pieces |= b->count > 0;
	for (size_t w = 0; w < run->queue.workers; w++)
		run->out_of_memory |= b->log[w].failed || b->log[w].text.failed;
	return err;
}

static void put(struct offline *run, const struct batch *b)
{
	bool is_broken;

	pthread_mutex_lock(&run->queue.lock);
	is_broken = run->is_broken;
	pthread_mutex_unlock(&run->queue.lock);
	if (!is_broken && write_batch(run, b)) {
		pthread_mutex_lock(&run->queue.lock);
		run->is_broken = true;
		pthread_mutex_unlock(&run->queue.lock);
	}
	if (run->is_lasting)
		capture_in_release(run->in, b->end);
	batch_queue_written(&run->queue);
}

static void show_progress(struct offline *run)
{
	struct offline_progress p;

	if (!run->config->progress)
		return;
	pthread_mutex_lock(&run->queue.lock);
	p = run->progress;
	pthread_mutex_unlock(&run->queue.lock);
	run->config->progress(run->config->progress_ctx, &p);
}

/* A worker that has nothing left closes the flows of its shards. Where that makes events, they are
 * written in order, and the shards end one by one. */
static void end_shards(struct worker *w)
{
	struct offline *run = w->run;

	for (unsigned s = w->id; s < DPI_RINGS_MAX && !run->events; s += run->queue.workers)
		offline_shard_end(&run->shard[s], NULL);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct offline *run = w->run;
	struct batch *b;

	for (;;) {
		switch (batch_queue_turn(&run->queue, w->id, &b)) {
		case BATCH_FILL: fill(w, b); break;
		case BATCH_WALK: walk(w, b); break;
		case BATCH_WRITE: put(run, b); break;
		case BATCH_DONE: end_shards(w); return NULL;
		}
		if (!w->id)
			show_progress(run);
	}
}

static void join_workers(struct offline *run)
{
	for (unsigned i = 1; i < run->worker_count; i++)
		pthread_join(run->worker[i].thread, NULL);
}

int offline_start(struct offline *run)
{
	sigset_t all, before;
	int err = 0;

	sigfillset(&all);
	sigdelset(&all, SIGBUS); /* of a capture that is memory; the caller's handler knows */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	while (run->worker_count < run->config->workers && !err) {
		struct worker *w = &run->worker[run->worker_count];

		w->run = run;
		w->id = run->worker_count;
		if (w->id)
			err = -pthread_create(&w->thread, NULL, worker_main, w);
		run->worker_count += !err;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err) {
		batch_queue_end(&run->queue);
		join_workers(run);
	}
	return err;
}

void offline_work(struct offline *run)
{
	worker_main(&run->worker[0]);
	join_workers(run);
}
