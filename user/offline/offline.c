/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A run of the capture door: its files, its shards, and what they add up to. Room: offline. Its
 * threads are in threads.c.
 */
#include "offline/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include "pcap/capture_set.h"

/* No output may be an input. */
static int check_files(const struct offline_config *c, struct fault *f)
{
	struct fault why = {""};
	int err;

	for (size_t i = 0; i < c->input_count; i++) {
		err = capture_out_check(c->out, c->inputs[i], &why);
		if (err)
			return fault_set(f, err, "%s: %s", c->out, why.text);
		err = c->events ? capture_out_check(c->events, c->inputs[i], &why) : 0;
		if (err)
			return fault_set(f, err, "%s: %s", c->events, why.text);
	}
	return 0;
}

static int open_files(struct offline *run, struct fault *f)
{
	const struct offline_config *c = run->config;
	struct fault why = {""};
	int err = check_files(c, f);

	if (err)
		return err;
	err = capture_set_open(c->inputs, c->input_count, c->stop, &run->in, f);
	if (err)
		return err == -EINTR ? err : -EINVAL;
	if (c->form)
		err = capture_in_form(run->in, c->form, "file");
	if (err)
		return err;
	if (c->guard && !c->form)
		capture_in_map(run->in, c->guard);
	if (!capture_in_is_lasting(run->in))
		capture_in_keep(run->in);
	run->is_lasting = capture_in_is_lasting(run->in);
	run->lent_max = capture_in_is_mapped(run->in) ? BATCH_LENT : BATCH_BYTES;
	err = capture_out_open_split(c->out, c->split_size, &run->out, &why);
	if (err)
		return fault_set(f, -EIO, "%s: %s", c->out, why.text);
	err = c->events ? capture_out_open(c->events, &run->events, &why) : 0;
	if (err)
		return fault_set(f, -EIO, "%s: %s", c->events, why.text);
	return 0;
}

/* The last line of the event log. */
static void put_stats(struct offline *run, struct tally *t)
{
	struct eve_stats stats = {.engine = tally_totals(t), .defrag = tally_defrag(t)};
	struct text line = {0};
	uint64_t first_ns;

	tally_span(t, &first_ns, &stats.ts_ns);
	stats.uptime_s = (stats.ts_ns - first_ns) / 1000000000;
	eve_stats(&line, &stats);
	run->out_of_memory |= line.failed;
	capture_out_write(run->events, slice_of(line.at, line.len), true);
	text_clear(&line);
}

/* Lets what comes of all rows stand where the flows were. Without memory for the lists, it stands
 * elsewhere. */
static void reuse_pages(struct offline *run, struct offline_result *r)
{
	for (size_t i = 0; i < run->config->workers && run->is_told; i++)
		if (pages_absorb(&r->pages, &run->worker[i].pages))
			break;
	r->pages.is_ending = true;
	pages_sort(&r->pages);
	tally_reuse(r->tally, &r->pages);
}

/* Adds the shards up into the result, and puts the events of what was still open at the end. */
static int add_up(struct offline *run, struct offline_result *r)
{
	struct event_log last = {0};
	int err;

	r->worker_count = run->config->workers;
	r->is_last = run->config->is_last;
	r->tally = tally_new(0);
	if (!r->tally)
		return -ENOMEM;
	tally_spool(r->tally, TALLY_PLAIN_MAX);
	for (size_t i = 0; i < DPI_RINGS_MAX; i++) {
		offline_shard_end(&run->shard[i], run->events ? &last : NULL);
		offline_shard_add(&run->shard[i], r->tally, &r->worker[i % r->worker_count]);
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
	reuse_pages(run, r);
	tally_add_defrag(r->tally, offline_route_counters(run->route));
	if (run->events && run->frames)
		put_stats(run, r->tally);
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
	r->blocks_left_out = capture_in_left_out(run->in);
	snprintf(r->strange_link, sizeof(r->strange_link), "%s", strange ? strange : "");
	r->frames = run->frames;
	r->bytes = run->bytes;
	r->end = run->end;
	r->fault = run->fault;
	r->filtered = run->filtered;
	for (size_t i = 0; i < DPI_RINGS_MAX; i++) {
		r->rules_late += run->time[i].late;
		run->out_of_memory |= run->time[i].failed;
	}
	if (run->filter && capture_filter_fault(run->filter))
		fault_set(&r->filter_fault, 0, "%s", capture_filter_fault(run->filter));
	r->is_headless = !run->has_pieces && r->end != OFFLINE_WHOLE;
	if (run->out_of_memory && r->end == OFFLINE_WHOLE) {
		r->end = OFFLINE_FAILED;
		fault_set(&r->fault, -ENOMEM,
			  "out of memory: events are missing, or rules came too late");
	}
	r->out = run->out;
	r->events = run->events;
	run->out = NULL;
	run->events = NULL;
}

/* A memory of DNS answers a worker; which one a shard asks is its worker's. */
static int open_memories(struct offline *run)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EAGAIN;
	for (unsigned i = 0; i < run->config->workers; i++) {
		run->worker[i].memory = dns_memory_new(OFFLINE_ADDRESSES_MAX, seed);
		if (!run->worker[i].memory)
			return -ENOMEM;
	}
	for (size_t i = 0; i < DPI_RINGS_MAX; i++) {
		run->owner[i] = (uint8_t)(i % run->config->workers);
		run->shard[i].memory = run->worker[run->owner[i]].memory;
	}
	return 0;
}

/* How many flows a shard keeps: its share, and a sixteenth more because the shares are uneven. */
static size_t shard_flows(size_t flow_max)
{
	size_t share = flow_max / DPI_RINGS_MAX + (flow_max % DPI_RINGS_MAX != 0);

	return share ? share + (share + 15) / 16 : OFFLINE_FLOWS_MAX;
}

/* Everything a run needs but its files and threads. 0 or -errno. */
static int prepare(struct offline *run, const struct offline_config *config)
{
	int err = batch_queue_init(&run->queue, config->workers);

	run->config = config;
	run->is_told = !config->is_unreported || config->events;
	run->eve = (struct eve_config){
		.catalogue = config->catalogue,
		.rules = policy_rules(config->policy),
		.is_offline = true,
	};
	if (rules_timed(policy_rules(config->policy)))
		run->agenda = agenda_new(config->policy, config->catalogue);
	if (!err && !run->agenda && rules_timed(policy_rules(config->policy)))
		err = -ENOMEM;
	run->route = offline_route_new();
	run->filter = config->filter ? capture_filter_new(config->filter) : NULL;
	if (!err && (!run->route || (config->filter && !run->filter)))
		err = -ENOMEM;
	for (size_t i = 0; i < DPI_RINGS_MAX && !err; i++)
		err = offline_shard_open(&run->shard[i], config->catalogue, config->policy,
					 run->is_told ? &run->eve : NULL,
					 shard_flows(config->flow_max),
					 &run->worker[i % config->workers].pages);
	return err ? err : open_memories(run);
}

/* Hundreds of megabytes, as a rule, of which the system takes all at once what is not given back
 * flow by flow. */
static void free_flows(struct offline *run)
{
	for (size_t i = 0; i < DPI_RINGS_MAX; i++)
		offline_shard_close(&run->shard[i]);
	for (size_t i = 0; i < DPI_RINGS_MAX; i++) {
		dns_memory_free(run->worker[i].memory);
		pages_clear(&run->worker[i].pages);
	}
}

static void run_free(struct offline *run)
{
	if (!run->config || !run->config->is_last)
		free_flows(run);
	agenda_free(run->agenda);
	capture_out_abandon(run->out);
	capture_out_abandon(run->events);
	capture_in_close(run->in);
	capture_filter_free(run->filter);
	batch_queue_clear(&run->queue);
	offline_route_free(run->route);
	free(run);
}

int offline_run(const struct offline_config *config, struct offline_result *r, struct fault *f)
{
	struct offline *run = calloc(1, sizeof(*run));
	double start = now_s();
	struct fault why = {""};
	int err;

	*r = (struct offline_result){0};
	if (!run)
		return fault_set(f, -ENOMEM, "out of memory");
	err = prepare(run, config);
	if (err) {
		fault_set(f, err, "cannot start: %s", strerror(-err));
		goto out;
	}
	err = open_files(run, f);
	if (err)
		goto out;
	err = offline_start(run);
	if (err) {
		fault_set(f, err, "cannot start a thread: %s", strerror(-err));
		goto out;
	}
	offline_work(run);
	err = run->is_lasting ? capture_in_check(run->in, &why) : 0;
	if (err) { /* the output may hold zeros in their place */
		err = fault_set(f, -ESTALE, "%s: %s", config->inputs[0], why.text);
		goto out;
	}
	err = add_up(run, r);
	if (err) {
		fault_set(f, err, "out of memory");
		goto out;
	}
	hand_over(run, r);
	r->duration_s = now_s() - start;
out:
	run_free(run);
	return err;
}

void offline_result_clear(struct offline_result *r)
{
	if (!r->is_last) {
		tally_free(r->tally);
		pages_clear(&r->pages);
	}
	capture_out_abandon(r->out);
	capture_out_abandon(r->events);
	*r = (struct offline_result){0};
}
