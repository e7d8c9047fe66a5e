/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the threads of the capture door do: fill a batch (fill.c), walk it (walk.c),
 * write it; see batch.h for who does which and offline.h for what belongs to whom. Room: offline.
 */
#include "offline/state.h"

#include <errno.h>
#include <signal.h>

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
			err = write_events(run, &b->log[w], b->first_number + b->number[i], &at[w],
					   &from[w]);
	}
	return err;
}

/* What was not dropped; where nothing was, the frames as one. */
static int write_pieces(struct offline *run, const struct batch *b)
{
	size_t row = b->row;
	int err = 0;

	for (size_t w = 0; w < run->queue.workers; w++)
		if (b->list[w].has_drops)
			row = b->count;
	for (size_t i = 0; i < row && !err; i++)
		if (!b->is_dropped[i])
			err = capture_out_lend(run->out, slice_of(b->at[i], b->len[i]),
					       b->mark[i] & BATCH_FRAME);
	if (row < b->count && !err) {
		const uint8_t *at = b->at[row];

		err = capture_out_lend_row(run->out, slice_of(at, (size_t)(b->row_end - at)),
					   b->len + row, b->count - row);
	}
	return err;
}

static int write_batch(struct offline *run, const struct batch *b)
{
	int err = write_pieces(run, b);

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
		case BATCH_FILL: offline_fill(w, b); break;
		case BATCH_WALK: offline_walk(w, b); break;
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
