/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine process; see engine_process.h. This file is its life: start, the loop, housekeeping.
 * The rules it takes are in engine_policy.c, what it answers in engine_answer.c, event lines in
 * engine_events.c.
 */
#include "agent/engine_state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/apps.h"
#include "agent/privilege.h"
#include "base/log.h"

enum { BEAT_MS = 500, SWEEP_BEATS = 10, ENGINE_NICE = -20 };
/* Longer than the engine keeps an idle flow: what is older is the kernel's alone. */
#define IDLE_SLACK_NS 15000000000ULL
#define IDLE_TCP_NS   (300000000000ULL + IDLE_SLACK_NS)
#define IDLE_OTHER_NS (60000000000ULL + IDLE_SLACK_NS)
#define IDLE_SYN_NS   (60000000000ULL + IDLE_SLACK_NS)

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

/* --- housekeeping ----------------------------------------------------------------------------- */

static void flow_sweep(void *ctx, const struct dpi_key *k, const struct live_flow *f)
{
	struct engine_state *e = ctx;
	uint64_t limit = f->is_half_open	  ? IDLE_SYN_NS
			 : k->proto == DPI_IP_TCP ? IDLE_TCP_NS
						  : IDLE_OTHER_NS;
	struct connection row;

	if (e->sweep_now < f->last_ns || e->sweep_now - f->last_ns < limit)
		return;
	kernel_counts_new_row(&e->clock, k, f, &row);
	tally_add_connection(e->unsampled, &row);
	live_flow_forget(e->options.maps, k);
}

static void verdict_sweep(void *ctx, const struct dpi_key *k, const struct dpi_verdict *v)
{
	struct engine_state *e = ctx;

	uint64_t most = k->proto == DPI_IP_TCP ? DPI_VERDICT_IDLE_TCP_NS : DPI_VERDICT_IDLE_NS;

	if (e->sweep_now > v->last_ns && e->sweep_now - v->last_ns > most)
		live_verdict_delete(e->options.maps, k);
}

static void housekeeping(struct engine_state *e)
{
	uint64_t now = live_monotonic();

	live_heartbeat(e->options.maps, now);
	engine_events_collect(e);
	if (++e->beats % SWEEP_BEATS)
		return;
	e->sweep_now = now;
	live_verdict_each(e->options.maps, verdict_sweep, e);
	live_flow_each(e->options.maps, flow_sweep, e);
}

/* --- the loop --------------------------------------------------------------------------------- */

static int request_take(struct engine_state *e)
{
	struct wire w;
	int err = wire_receive(e->options.socket, WIRE_ANSWER_MAX, -1, &w);

	if (err)
		return err;
	err = engine_answer(e, &w);
	wire_clear(&w);
	return err;
}

static int state_init(struct engine_state *e, const struct engine_options *options, struct fault *f)
{
	int err;

	e->options = *options;
	e->clock = live_clock_now();
	e->started_ns = live_monotonic();
	engine_events_init(e);
	err = lock_take(options->lock_path);
	if (err)
		return fault_set(f, err, "%s cannot be locked: %s", options->lock_path,
				 strerror(-err));
	e->unsampled = tally_new(TALLY_ROWS_LIVE);
	if (!e->unsampled)
		return fault_set(f, -ENOMEM, "out of memory");
	err = apps_load(&e->catalogue, f);
	if (err)
		return err;
	/* For the shards, which inherit it; where it is not permitted they do without. */
	sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
	setpriority(PRIO_PROCESS, 0, ENGINE_NICE);
	return privilege_drop(f);
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
		if (e.shard_count && live_monotonic() - last >= BEAT_MS * 1000000ULL) {
			last = live_monotonic();
			housekeeping(&e);
		}
	}
}
