/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The run: a lab, an agent, all rows played, a wait for the verdicts, probes, the score. Room:
 * selftest.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "selftest/lab.h"
#include "selftest/play.h"

enum {
	BURST = 32, /* frames between two looks at what has arrived */
	BURST_PAUSE_US = 500,
	VERDICTS_MS = 6000, /* at most, until each flow that is to be blocked is */
	ASK_MS = 20,
	QUIET_MS = 150, /* without a frame: all have arrived */
	SEND_TRIES = 50,
};

static volatile sig_atomic_t caught;

struct run {
	const struct selftest_wish *wish;
	struct lab lab;
	struct subject subject;
	struct stage stage;
	struct score *score;
	size_t sent;
	int err; /* the first that kept a frame from being sent or counted */
};

static void on_signal(int number)
{
	caught = number;
}

static void sleep_us(unsigned us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000L};

	nanosleep(&t, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Takes what has arrived at both ends. Returns how many frames. */
static size_t collect(struct run *r)
{
	static const enum stage_side ends[] = {STAGE_SERVER, STAGE_CLIENT};
	uint8_t frame[2 * MAKE_FRAME_MAX];
	size_t count = 0;

	for (size_t i = 0; i < 2; i++) {
		size_t n;

		while ((n = lab_receive(&r->lab, ends[i], frame, sizeof(frame)))) {
			count++;
			if (!score_arrived(r->score, ends[1 - i], slice_of(frame, n)))
				r->err = -ENOMEM;
		}
	}
	return count;
}

static void emit(void *ctx, const struct stage_shot *shot)
{
	struct run *r = ctx;
	int err = -EAGAIN;

	if (r->err || caught)
		return;
	if (!score_sent(r->score, shot))
		r->err = -ENOMEM;
	for (int i = 0; i < SEND_TRIES && err == -EAGAIN; i++) {
		err = lab_send(&r->lab, shot->from, shot->frame);
		if (err)
			sleep_us(BURST_PAUSE_US);
	}
	if (err && !r->err)
		r->err = err;
	if (++r->sent % BURST == 0) {
		collect(r);
		sleep_us(BURST_PAUSE_US);
	}
}

static void pause_ms(void *ctx, unsigned ms)
{
	(void)ctx;
	if (!caught)
		sleep_us(ms * 1000);
}

/* Whether a verdict on this flow is to come. */
static bool is_awaited(const struct talk *t)
{
	const struct row *row = rows_at(t->row, NULL);

	return t->is_attack && !t->is_frame_wise && !t->is_over && !row->open;
}

/* Waits until each flow that is to be blocked is, or time is up. */
static int wait_verdicts(struct run *r, struct fault *f)
{
	bool *is_blocked = calloc(65536, sizeof(*is_blocked));
	uint64_t end = now_ns() + VERDICTS_MS * 1000000ULL;
	size_t missing = 1;
	int err = is_blocked ? 0 : fault_set(f, -ENOMEM, "out of memory");

	while (!err && missing && !caught && now_ns() < end) {
		sleep_us(ASK_MS * 1000);
		err = subject_ask(&r->subject, is_blocked, f);
		missing = 0;
		for (size_t i = 0; i < r->stage.talk_count; i++) {
			const struct talk *t = &r->stage.talks[i];

			missing += is_awaited(t) && !is_blocked[t->client_port];
		}
	}
	free(is_blocked);
	return err;
}

/* Until nothing has arrived for a while. */
static void wait_quiet(struct run *r)
{
	for (unsigned ms = 0; ms < QUIET_MS && !caught; ms += 10) {
		sleep_us(10000);
		if (collect(r))
			ms = 0;
	}
}

static int play(struct run *r, struct fault *f)
{
	int err;

	play_rows(&r->stage, r->wish);
	collect(r);
	err = r->err ? 0 : wait_verdicts(r, f);
	if (err)
		return err;
	play_probes(&r->stage);
	wait_quiet(r);
	if (r->stage.is_broken)
		r->err = -ENOMEM;
	if (r->err)
		return fault_set(f, r->err, "a frame could not be sent: %s", strerror(-r->err));
	return 0;
}

static int run(struct run *r, struct selftest_outcome *out, struct fault *f)
{
	int err = 0;

	r->score = score_new();
	out->rows = calloc(rows_count(), sizeof(*out->rows));
	if (!stage_init(&r->stage) || !r->score || !out->rows)
		return fault_set(f, -ENOMEM, "out of memory");
	r->stage.emit = emit;
	r->stage.pause = pause_ms;
	r->stage.ctx = r;
	err = lab_open(&r->lab, f);
	if (!err)
		err = subject_start(&r->subject, &r->lab, &r->wish->subject, f);
	if (!err)
		err = lab_join_nothing(&r->lab, f);
	if (!err)
		err = lab_check(&r->lab, f);
	if (err)
		return err;
	out->has_begun = true;
	snprintf(out->how, sizeof(out->how), "%s", r->subject.how);
	err = play(r, f);
	if (!err)
		score_count(r->score, out->rows);
	return err;
}

int selftest_run(const struct selftest_wish *w, struct selftest_outcome *out, struct fault *f)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction catch = {.sa_handler = on_signal}, before[3];
	struct run r = {.wish = w,
			.lab = {.home = -1, .space = {-1, -1}, .socket = {-1, -1}},
			.subject = {.lock = -1}};
	uint64_t begin = now_ns();
	int err;

	caught = 0;
	for (size_t i = 0; i < 3; i++) {
		sigaction(signals[i], &catch, &before[i]);
		if (before[i].sa_handler == SIG_IGN) /* as nohup has it */
			sigaction(signals[i], &before[i], NULL);
	}
	err = run(&r, out, f);
	subject_stop(&r.subject);
	lab_close(&r.lab);
	stage_clear(&r.stage);
	score_free(r.score);
	for (size_t i = 0; i < 3; i++)
		sigaction(signals[i], &before[i], NULL);
	out->signal = caught;
	out->duration_ns = now_ns() - begin;
	return err;
}

void selftest_clear(struct selftest_outcome *out)
{
	free(out->rows);
	out->rows = NULL;
}

bool selftest_is_asked(const struct selftest_wish *w, const struct row *r)
{
	return !w->only || strncmp(r->name, w->only, strlen(w->only)) == 0;
}
