/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The thread of `top` that asks the agent, so that a busy agent never makes keys wait; see top.h.
 * Room: cli. Samples and changes cross by a pointer under the lock; nothing else is shared.
 */
#include "cli/top.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "control/follow.h"

#define WAIT_MAX_NS 10000000000ULL /* for an agent that takes long to answer */

struct top_feed {
	struct paths paths; /* the thread's alone, like the next four */
	struct follow *follow;
	struct top_sample *before; /* totals of the last sample, for rates */
	unsigned delay_ms;
	int wake_fd;
	pthread_t thread;
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t news;
	unsigned wants;
	bool is_ending, is_hurried, has_change, has_changed;
	struct top_change change;
	int change_err;
	struct fault change_words;
	struct top_sample *sample;
	struct top_event *events; /* TOP_EVENTS of them */
	size_t event_count;
	uint64_t events_lost;
};

static void wake(struct top_feed *f)
{
	if (write(f->wake_fd, "", 1) < 0) {
		/* A full pipe wakes as well. */
	}
}

/* --- what the thread does --------------------------------------------------------------------- */

/* The tables of the sample before are wanted once more, for rates: so it is kept whole and the page
 * gets another; both are small beside the flows, which are asked for only when they are shown. */
static void sample_publish(struct top_feed *f, struct top_sample *s, struct top_sample *kept)
{
	struct top_sample *old;

	pthread_mutex_lock(&f->lock);
	old = f->sample;
	f->sample = s;
	pthread_mutex_unlock(&f->lock);
	top_sample_free(old);
	top_sample_free(f->before);
	f->before = kept;
	wake(f);
}

static struct top_sample *sample_keep(const struct top_sample *s)
{
	struct top_sample *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->at_ns = s->at_ns;
	k->err = s->err;
	k->stats = json_deep_copy(s->stats);
	k->apps_json = json_deep_copy(s->apps_json);
	if (!s->err && top_sample_fill(k, NULL)) {
		top_sample_free(k);
		return NULL;
	}
	return k;
}

static uint64_t sample_once(struct top_feed *f)
{
	struct top_sample *s, *kept;
	unsigned wants;
	uint64_t took;

	pthread_mutex_lock(&f->lock);
	wants = f->wants;
	pthread_mutex_unlock(&f->lock);
	s = top_sample_take(&f->paths, wants, f->before && !f->before->err ? f->before : NULL);
	if (!s)
		return 0;
	took = s->took_ns;
	kept = sample_keep(s);
	sample_publish(f, s, kept);
	return took;
}

/* With the lock held. */
static void event_keep(struct top_feed *f, const struct top_event *e)
{
	if (f->event_count == TOP_EVENTS)
		memmove(f->events, f->events + 1, --f->event_count * sizeof(*e));
	f->events[f->event_count++] = *e;
}

static void events_take(struct top_feed *f)
{
	struct follow_lines lines;
	struct fault fault;

	while (f->follow && follow_next(f->follow, 0, &lines, &fault) == 1) {
		const char *at = lines.text.len ? (const char *)lines.text.at : "", *stop,
			   *end = at + lines.text.len;
		/* Only the last of them would be kept. */
		uint64_t skip = lines.count > TOP_EVENTS ? lines.count - TOP_EVENTS : 0;

		pthread_mutex_lock(&f->lock);
		f->events_lost += lines.lost;
		for (; at < end; at = stop) {
			struct top_event e;

			stop = memchr(at, '\n', (size_t)(end - at));
			stop = stop ? stop + 1 : end;
			if (skip)
				skip--;
			else if (top_event_read(slice_of(at, (size_t)(stop - at)), &e))
				event_keep(f, &e);
		}
		pthread_mutex_unlock(&f->lock);
	}
}

static void change_carry_out(struct top_feed *f)
{
	struct top_change c;
	struct fault words = {0};
	bool has;
	int err;

	pthread_mutex_lock(&f->lock);
	has = f->has_change;
	c = f->change;
	pthread_mutex_unlock(&f->lock);
	if (!has)
		return;
	err = top_change_ask(&f->paths, &c, &words);
	pthread_mutex_lock(&f->lock);
	f->has_change = false;
	f->has_changed = true;
	f->change_err = err;
	f->change_words = words;
	pthread_mutex_unlock(&f->lock);
	wake(f);
}

/* Until the next sample is due, or something cannot wait for it. An agent that takes long is asked
 * less often. */
static bool wait_turn(struct top_feed *f, uint64_t took_ns)
{
	uint64_t wait_ns = f->delay_ms * 1000000ULL;
	struct timespec until;
	bool is_ending;

	if (took_ns > WAIT_MAX_NS / 4)
		took_ns = WAIT_MAX_NS / 4;
	if (wait_ns < 4 * took_ns)
		wait_ns = 4 * took_ns;
	clock_gettime(CLOCK_MONOTONIC, &until);
	wait_ns += (uint64_t)until.tv_nsec;
	until.tv_sec += (time_t)(wait_ns / 1000000000ULL);
	until.tv_nsec = (long)(wait_ns % 1000000000ULL);
	pthread_mutex_lock(&f->lock);
	while (!f->is_ending && !f->is_hurried &&
	       pthread_cond_timedwait(&f->news, &f->lock, &until) != ETIMEDOUT)
		;
	f->is_hurried = false;
	is_ending = f->is_ending;
	pthread_mutex_unlock(&f->lock);
	return !is_ending;
}

static void *run(void *ctx)
{
	struct top_feed *f = ctx;
	uint64_t took;

	do {
		change_carry_out(f);
		took = sample_once(f);
		events_take(f);
	} while (wait_turn(f, took));
	return NULL;
}

/* --- what the page's thread does -------------------------------------------------------------- */

int top_feed_start(const struct paths *p, unsigned delay_ms, int wake_fd, struct top_feed **out)
{
	struct top_feed *f = calloc(1, sizeof(*f));
	pthread_condattr_t attr;
	struct fault fault;
	int err = -ENOMEM;

	if (!f)
		return err;
	f->events = calloc(TOP_EVENTS, sizeof(*f->events));
	f->paths = *p;
	f->delay_ms = delay_ms;
	f->wake_fd = wake_fd;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->news, &attr);
	pthread_condattr_destroy(&attr);
	if (f->events)
		err = follow_open(p, FOLLOW_OLDEST, &f->follow, &fault);
	if (!err)
		err = -pthread_create(&f->thread, NULL, run, f);
	if (err) {
		follow_close(f->follow);
		free(f->events);
		free(f);
		return err;
	}
	*out = f;
	return 0;
}

static void hurry(struct top_feed *f)
{
	f->is_hurried = true;
	pthread_cond_signal(&f->news);
}

void top_feed_want(struct top_feed *f, unsigned wants)
{
	pthread_mutex_lock(&f->lock);
	if (wants & ~f->wants)
		hurry(f);
	f->wants = wants;
	pthread_mutex_unlock(&f->lock);
}

struct top_sample *top_feed_sample(struct top_feed *f)
{
	struct top_sample *s;

	pthread_mutex_lock(&f->lock);
	s = f->sample;
	f->sample = NULL;
	pthread_mutex_unlock(&f->lock);
	return s;
}

size_t top_feed_events(struct top_feed *f, struct top_event *out, size_t max, uint64_t *lost)
{
	size_t n;

	pthread_mutex_lock(&f->lock);
	n = f->event_count < max ? f->event_count : max;
	memcpy(out, f->events + (f->event_count - n), n * sizeof(*out));
	f->event_count = 0;
	*lost += f->events_lost;
	f->events_lost = 0;
	pthread_mutex_unlock(&f->lock);
	return n;
}

bool top_feed_change(struct top_feed *f, const struct top_change *c)
{
	bool is_free;

	pthread_mutex_lock(&f->lock);
	is_free = !f->has_change && !f->has_changed;
	if (is_free) {
		f->change = *c;
		f->has_change = true;
		hurry(f);
	}
	pthread_mutex_unlock(&f->lock);
	return is_free;
}

bool top_feed_changed(struct top_feed *f, struct top_change *c, int *err, struct fault *words)
{
	bool has;

	pthread_mutex_lock(&f->lock);
	has = f->has_changed;
	if (has) {
		*c = f->change;
		*err = f->change_err;
		*words = f->change_words;
		f->has_changed = false;
	}
	pthread_mutex_unlock(&f->lock);
	return has;
}

void top_feed_stop(struct top_feed *f)
{
	struct timespec until;

	pthread_mutex_lock(&f->lock);
	f->is_ending = true;
	pthread_cond_signal(&f->news);
	pthread_mutex_unlock(&f->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	if (pthread_timedjoin_np(f->thread, NULL, &until))
		return; /* it waits for an agent: what it holds goes with the process */
	follow_close(f->follow);
	top_sample_free(f->sample);
	top_sample_free(f->before);
	free(f->events);
	pthread_cond_destroy(&f->news);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
