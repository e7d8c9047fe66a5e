/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The threads of the capture door. Room: agent. See offline.h for what belongs to whom.
 */
#include "agent/offline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "agent/batch.h"
#include "agent/offline_shard.h"
#include "packet/packet.h"

struct worker {
	struct offline *run;
	unsigned id;
	pthread_t thread;
};

struct offline {
	const struct offline_config *config;
	struct capture_in *in;
	struct capture_out *out, *events;
	struct batch_queue queue;
	struct eve_config eve;
	struct offline_shard shard[DPI_RINGS_MAX];
	struct worker worker[DPI_RINGS_MAX];
	unsigned worker_count; /* those that run */
	pthread_t writer;
	/* Set by the writer under the queue's lock: an output failed, so reading on is in vain. */
	bool is_broken;
	bool has_pieces;    /* the writer's: something was written */
	bool out_of_memory; /* the writer's: events were lost */
};

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

/* The shard of a frame: by its flow; what has none goes to the first. */
static uint8_t shard_of(const struct capture_record *r)
{
	struct packet p;
	enum dpi_parse parse;

	if (!r->is_frame)
		return 0;
	parse = packet_decode(&r->frame, &p);
	if (parse != DPI_PARSE_OK && parse != DPI_PARSE_FRAGMENT)
		return 0;
	return (uint8_t)(p.hash % DPI_RINGS_MAX);
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
static int feed(struct offline *run, struct batch **b, const struct capture_record *rec,
		struct offline_result *r)
{
	uint8_t shard = shard_of(rec);
	int n = batch_add(*b, rec, shard);

	if (n == 0) {
		batch_queue_publish(&run->queue);
		show_progress(run, r);
		*b = batch_queue_take(&run->queue);
		n = batch_add(*b, rec, shard);
	}
	if (n == 1 && rec->is_frame) {
		r->frames++;
		r->bytes += rec->frame.wire_len;
	}
	return n;
}

/* The reader: fills batches until the capture, the user or an output ends it. */
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

/* Starts every thread with the signals blocked, so that the reader alone is interrupted. */
static int start_threads(struct offline *run)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = -pthread_create(&run->writer, NULL, writer_main, run);
	if (!err) {
		while (run->worker_count < run->config->workers && !err) {
			struct worker *w = &run->worker[run->worker_count];

			*w = (struct worker){.run = run, .id = run->worker_count};
			err = -pthread_create(&w->thread, NULL, worker_main, w);
			run->worker_count += !err;
		}
		if (err) { /* nothing was published yet, so all of them end */
			batch_queue_end(&run->queue);
			pthread_join(run->writer, NULL);
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static void join_workers(struct offline *run)
{
	for (unsigned i = 0; i < run->worker_count; i++)
		pthread_join(run->worker[i].thread, NULL);
}

static int open_files(struct offline *run, struct fault *f)
{
	const struct offline_config *c = run->config;
	struct fault why = {""};
	int err = capture_out_check(c->out, c->in, &why);

	if (err)
		return fault_set(f, err, "%s: %s", c->out, why.text);
	err = c->events ? capture_out_check(c->events, c->in, &why) : 0;
	if (err)
		return fault_set(f, err, "%s: %s", c->events, why.text);
	err = capture_in_open(c->in, c->stop, &run->in, &why);
	if (err)
		return fault_set(f, err == -EINTR ? err : -EINVAL, "%s: %s", c->in, why.text);
	err = capture_out_open(c->out, &run->out, &why);
	if (err)
		return fault_set(f, -EIO, "%s: %s", c->out, why.text);
	err = c->events ? capture_out_open(c->events, &run->events, &why) : 0;
	if (err)
		return fault_set(f, -EIO, "%s: %s", c->events, why.text);
	return 0;
}

/* Adds the shards up into the result, and puts the events of what was still open at the end. */
static int add_up(struct offline *run, struct offline_result *r)
{
	struct event_log last = {0};
	int err;

	r->worker_count = run->config->workers;
	r->tally = tally_new(0);
	if (!r->tally)
		return -ENOMEM;
	for (size_t i = 0; i < DPI_RINGS_MAX; i++) {
		offline_shard_finish(&run->shard[i], r->tally, &r->worker[i % r->worker_count],
				     run->events ? &last : NULL);
		run->out_of_memory |= last.failed || last.text.failed;
		err = last.count == 0
			      ? 0
			      : capture_out_write(run->events,
						  slice_of(last.text.at, last.text.len), true);
		event_log_reset(&last);
		if (err)
			break; /* it sticks: finishing the file will say so */
	}
	event_log_clear(&last);
	return 0;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What the reader learnt of the capture, and the open outputs, for the caller. */
static void hand_over(struct offline *run, struct offline_result *r)
{
	const char *strange = capture_in_strange_link(run->in);

	snprintf(r->format, sizeof(r->format), "%s", capture_in_format(run->in));
	snprintf(r->strange_link, sizeof(r->strange_link), "%s", strange ? strange : "");
	r->is_headless = !run->has_pieces && r->end != OFFLINE_WHOLE;
	if (run->out_of_memory && r->end == OFFLINE_WHOLE) {
		r->end = OFFLINE_FAILED;
		fault_set(&r->fault, -ENOMEM, "out of memory: events are missing");
	}
	r->out = run->out;
	r->events = run->events;
	run->out = NULL;
	run->events = NULL;
}

int offline_run(const struct offline_config *config, struct offline_result *r, struct fault *f)
{
	struct offline *run = calloc(1, sizeof(*run));
	double start = now_s();
	int err;

	*r = (struct offline_result){0};
	if (!run)
		return fault_set(f, -ENOMEM, "out of memory");
	run->config = config;
	run->eve = (struct eve_config){
		.catalogue = config->catalogue,
		.rules = policy_rules(config->policy),
		.is_offline = true,
	};
	err = batch_queue_init(&run->queue, config->workers);
	for (size_t i = 0; i < DPI_RINGS_MAX && !err; i++)
		err = offline_shard_open(&run->shard[i], config->catalogue, config->policy,
					 &run->eve);
	if (err) {
		fault_set(f, err, "cannot start: %s", strerror(-err));
		goto out;
	}
	err = open_files(run, f);
	if (err)
		goto out;
	err = start_threads(run);
	if (err) {
		join_workers(run);
		fault_set(f, err, "cannot start a thread: %s", strerror(-err));
		goto out;
	}
	read_all(run, r);
	join_workers(run);
	pthread_join(run->writer, NULL);
	err = add_up(run, r);
	if (err) {
		fault_set(f, err, "out of memory");
		goto out;
	}
	hand_over(run, r);
	r->duration_s = now_s() - start;
out:
	for (size_t i = 0; i < DPI_RINGS_MAX; i++)
		offline_shard_close(&run->shard[i]);
	capture_out_abandon(run->out);
	capture_out_abandon(run->events);
	capture_in_close(run->in);
	batch_queue_clear(&run->queue);
	free(run);
	return err;
}

void offline_result_clear(struct offline_result *r)
{
	tally_free(r->tally);
	capture_out_abandon(r->out);
	capture_out_abandon(r->events);
	*r = (struct offline_result){0};
}
