/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine process; see engine_process.h. This file is its life: start, and the main thread's
 * loop. The rules it takes are in engine_policy.c; the other thread's loop is in clerk.c, what that
 * one answers in engine_answer.c, what it keeps in engine_events.c.
 */
#include "agent/engine_state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/apps.h"
#include "control/privilege.h"
#include "base/log.h"

enum { BEAT_MS = 500, ENGINE_NICE = -20, ENDED_ROWS_MAX = 2 * TALLY_ROWS_LIVE };

#define CLERK_SILENT_NS 30000000000ULL

/* Waits for the engine before this one to be gone: two must never read one ring. */
static int lock_take(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	return 0; /* stays open until the process ends */
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Comes back when every worker has; false when the clerk has been busy for too long to be well. */
static bool is_alive(struct engine_state *e)
{
	for (unsigned i = 0; i < e->shard_count; i++)
		shard_ping(e->shards[i]);
	return live_monotonic() - atomic_load(&e->clerk_ns) < CLERK_SILENT_NS;
}

/* The rules, or a sign of life. Non-zero: the socket is broken. */
static int request_take(struct engine_state *e)
{
	struct fault f = {0};
	struct wire w;
	int result = -EINVAL, err = wire_receive(e->options.socket, WIRE_ANSWER_MAX, -1, &w);

	if (err)
		return err;
	if (w.kind == ENGINE_POLICY)
		result = engine_take_policy(e, slice_of(w.out, w.out_len), &f);
	else if (w.kind == ENGINE_CHANGE)
		result = engine_take_change(e, slice_of(w.out, w.out_len), &f);
	else if (w.kind == ENGINE_SUPPOSE)
		result = engine_take_supposed(e, slice_of(w.out, w.out_len), &f);
	else if (w.kind == ENGINE_ALIVE)
		result = is_alive(e) ? 0 : -ETIMEDOUT;
	wire_clear(&w);
	if (result && !f.text[0])
		fault_set(&f, result, "the engine cannot take the rules: %s", strerror(-result));
	return wire_send(e->options.socket, result ? 1 : 0, slice_of("", 0),
			 slice_text(result ? f.text : ""));
}

static int state_init(struct engine_state *e, const struct engine_options *options, struct fault *f)
{
	int err;

	e->options = *options;
	e->clock = live_clock_now();
	e->started_ns = e->swept_ns = live_monotonic();
	engine_events_init(e);
	err = lock_take(options->lock_path);
	if (err)
		return fault_set(f, err, "%s cannot be locked: %s", options->lock_path,
				 strerror(-err));
	e->ended = tally_new(ENDED_ROWS_MAX);
	e->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!e->ended || e->bell < 0 || pthread_mutex_init(&e->lock, NULL))
		return fault_set(f, -ENOMEM, "out of memory");
	err = apps_load(&e->catalogue, f);
	if (err)
		return err;
	/* For the shards, which inherit it; where it is not permitted they do without. */
	sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
	setpriority(PRIO_PROCESS, 0, ENGINE_NICE);
	err = privilege_drop("dpi-xdp", "the engine", f);
	if (!err && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		err = fault_set(f, -errno, "the engine cannot follow its parent");
	if (!err && (err = engine_confine()))
		fault_set(f, err, "the engine's system calls cannot be filtered: %s",
			  strerror(-err));
	return err;
}

_Noreturn void engine_process_run(const struct engine_options *options)
{
	struct engine_state e = {0};
	struct fault f = {0};
	uint64_t last = 0;

	prctl(PR_SET_NAME, "dpi-xdp-engine", 0, 0, 0);
	if (state_init(&e, options, &f)) {
		log_error("%s", f.text);
		_exit(1);
	}
	for (;;) {
		struct pollfd p = {.fd = options->socket, .events = POLLIN};
		int ready = poll(&p, 1, BEAT_MS);

		if (ready > 0 && request_take(&e))
			_exit(0); /* the supervisor is gone; the next one starts another engine */
		engine_policy_tidy(&e);
		if (e.shard_count && live_monotonic() - last >= BEAT_MS * 1000000ULL) {
			last = live_monotonic();
			live_heartbeat(options->maps, last);
		}
	}
}
