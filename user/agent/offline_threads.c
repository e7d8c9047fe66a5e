/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The threads of the capture door: the reader, the workers and the writer; see offline.h for what
 * belongs to whom. Room: agent.
 */
#include "agent/offline_state.h"

#include <errno.h>
#include <signal.h>

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct offline *run = w->run;
	struct batch *b;

	for (uint64_t seq = 0; (b = batch_queue_next(&run->queue, seq)); seq++) {
		struct event_log *log = run->events ? &b->log[w->id] : NULL;

		for (size_t i = 0; i < b->count; i++) {
			struct batch_piece *p = &b->piece[i];
			struct offline_shard *s = &run->shard[p->shard];

			if (p->is_answer)
				learn_frame(w->memory, &p->frame);
			if (!p->is_frame || p->shard % run->queue.workers != w->id)
				continue;
			p->is_kept = offline_shard_frame(s, &p->frame, log);
		}
		batch_queue_done(&run->queue, b);
	}
	return NULL;
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

static int write_batch(struct offline *run, const struct batch *b)
{
	size_t at[DPI_RINGS_MAX] = {0}, from[DPI_RINGS_MAX] = {0};
	int err = 0;

	for (size_t i = 0; i < b->count && !err; i++) {
		const struct batch_piece *p = &b->piece[i];
		unsigned w = p->shard % run->queue.workers;

		if (p->is_kept)
			err = capture_out_write(run->out, p->raw, p->is_frame);
		if (!err && run->events && p->is_frame)
			err = write_events(run, &b->log[w], p->frame.number, &at[w], &from[w]);
	}
	run->has_pieces |= b->count > 0;
	for (size_t w = 0; w < run->queue.workers; w++)
		run->out_of_memory |= b->log[w].failed || b->log[w].text.failed;
	return err;
}

static void *writer_main(void *arg)
{
	struct offline *run = arg;
	struct batch *b;
	int err = 0;

	for (uint64_t seq = 0; (b = batch_queue_finished(&run->queue, seq)); seq++) {
		if (!err) {
			err = write_batch(run, b);
			if (err) {
				pthread_mutex_lock(&run->queue.lock);
				run->is_broken = true;
				pthread_mutex_unlock(&run->queue.lock);
			}
		}
		batch_queue_release(&run->queue);
	}
	return NULL;
}

static bool is_broken(struct offline *run)
{
	bool is;

	pthread_mutex_lock(&run->queue.lock);
	is = run->is_broken;
	pthread_mutex_unlock(&run->queue.lock);
	return is;
}

static void show_progress(const struct offline *run, const struct offline_result *r)
{
	struct offline_progress p = {
		.frames = r->frames,
		.bytes = capture_in_offset(run->in),
		.size = capture_in_size(run->in),
	};

	if (run->config->progress)
		run->config->progress(run->config->progress_ctx, &p);
}

/* Puts one piece into the batch, or into the next one when it is full. */
static int feed(struct offline *run, struct batch **b, struct capture_record *rec,
		struct offline_result *r)
{
	struct frame_fragment fragment;
	struct offline_place place = offline_route_place(run->route, rec, &fragment);
	int n = batch_add(*b, rec, place.shard);

	if (n == 0) {
		batch_queue_publish(&run->queue);
		show_progress(run, r);
		*b = batch_queue_take(&run->queue);
		n = batch_add(*b, rec, place.shard);
	}
	if (n == 1)
		(*b)->piece[(*b)->count - 1].is_answer = place.is_answer;
	if (n == 1 && rec->is_frame) {
		r->frames++;
		r->bytes += rec->frame.wire_len;
	}
	return n;
}

/* Fills batches until the capture, the user or an output ends it. */
static void read_all(struct offline *run, struct offline_result *r)
{
	const struct offline_config *c = run->config;
	struct batch *b = batch_queue_take(&run->queue);
	uint64_t published = run->queue.filled;
	struct capture_record rec;
	int n;

	do {
		if (c->frame_max && r->frames >= c->frame_max) {
			n = 0;
			break;
		}
		n = capture_in_next(run->in, &rec, &r->fault);
		if (n == 1)
			n = feed(run, &b, &rec, r);
		if (n == 1 && run->queue.filled != published) {
			published = run->queue.filled;
			if (c->stop && *c->stop)
				n = -EINTR;
			else if (is_broken(run))
				n = 0;
		}
	} while (n == 1);
	batch_queue_publish(&run->queue);
	batch_queue_end(&run->queue);
	r->end = n == 0		 ? OFFLINE_WHOLE
		 : n == -EBADMSG ? OFFLINE_DAMAGED
		 : n == -EINTR	 ? OFFLINE_STOPPED
				 : OFFLINE_FAILED;
	if (n == -EINTR)
		fault_set(&r->fault, n, "interrupted after %llu records",
			  (unsigned long long)r->frames);
	if (n == -ENOMEM)
		fault_set(&r->fault, n, "out of memory");
}

static void join_workers(struct offline *run)
{
	for (unsigned i = 0; i < run->worker_count; i++)
		pthread_join(run->worker[i].thread, NULL);
}

int offline_start(struct offline *run)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = -pthread_create(&run->writer, NULL, writer_main, run);
	if (!err) {
		while (run->worker_count < run->config->workers && !err) {
			struct worker *w = &run->worker[run->worker_count];

			w->run = run;
			w->id = run->worker_count;
			err = -pthread_create(&w->thread, NULL, worker_main, w);
			run->worker_count += !err;
		}
		if (err) { /* nothing was published yet, so all of them end */
			batch_queue_end(&run->queue);
			pthread_join(run->writer, NULL);
			join_workers(run);
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

void offline_read(struct offline *run, struct offline_result *r)
{
	read_all(run, r);
	join_workers(run);
	pthread_join(run->writer, NULL);
}
