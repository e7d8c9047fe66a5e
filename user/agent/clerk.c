/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The clerk's loop; see clerk.h. Room: agent. What it answers is in engine_answer.c and
 * engine_events.c.
 */
#include "agent/clerk.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/parked.h"
#include "agent/question.h"

enum { BEAT_MS = 500, SWEEP_BEATS = 10, STATS_BEATS = 16, STATS_FIRST = 2, CLERK_NICE = 0 };
/* Longer than the engine keeps an idle flow: what is older is the kernel's alone. */
#define IDLE_SLACK_NS 15000000000ULL
#define IDLE_TCP_NS   (300000000000ULL + IDLE_SLACK_NS)
#define IDLE_OTHER_NS (60000000000ULL + IDLE_SLACK_NS)
#define IDLE_SYN_NS   (60000000000ULL + IDLE_SLACK_NS)

/* --- housekeeping ----------------------------------------------------------------------------- */

static void flow_sweep(void *ctx, const struct dpi_key *k, const struct live_flow *f)
{
	struct engine_state *e = ctx;
	uint64_t limit = f->is_half_open	  ? IDLE_SYN_NS
			 : k->proto == DPI_IP_TCP ? IDLE_TCP_NS
						  : IDLE_OTHER_NS;
	struct connection row;

	engine_unseen_found(e, k, f);
	if (e->sweep_now < f->last_ns || e->sweep_now - f->last_ns < limit)
		return;
	kernel_counts_new_row(&e->clock, k, f, &row);
	engine_unseen_ended(e, &row);
	tally_add_connection(e->ended, &row);
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
	engine_news_collect(e);
	if (++e->beats % STATS_BEATS == STATS_FIRST)
		engine_stats_line(e);
	if (e->beats % SWEEP_BEATS)
		return;
	e->sweep_now = live_monotonic();
	live_verdict_each(e->options.maps, verdict_sweep, e);
	engine_policy_borrow(e);
	live_flow_each(e->options.maps, flow_sweep, e);
	engine_policy_return(e);
	e->swept_ns = e->sweep_now;
}

/* --- questions -------------------------------------------------------------------------------- */

/* Those who wait for something. */
struct desk {
	struct engine_state *e;
	struct clients askers; /* their answers are on the way */
	struct parked parked;  /* there is nothing for them yet */
};

static void question_answer(struct desk *d, const struct question *q, int fd)
{
	static char none[1];
	struct wire request = {
		.kind = q->kind, .out = (char *)(uintptr_t)q->body, .out_len = q->len, .err = none};
	struct text out = {0}, err = {0};
	uint32_t status;

	if (q->kind == ENGINE_EVENTS) {
		parked_take(&d->parked, d->e, &d->askers, q->body, fd);
		return;
	}
	status = engine_answer(d->e, &request, &out, &err);
	clients_add_answer(&d->askers, fd, status, &out, &err);
}

static void questions_take(struct desk *d)
{
	struct question q;
	int fd, err = question_receive(d->e->options.questions, &q, &fd);

	if (!err)
		question_answer(d, &q, fd);
	else if (err != -EAGAIN && err != -EBADMSG && err != -EINTR)
		d->e->options.questions = -1; /* the process is ending */
}

/* True when a worker has rung since the last time. */
static bool bell_heard(struct engine_state *e, const struct pollfd *p)
{
	uint64_t rings;

	return (p->revents & POLLIN) && read(e->bell, &rings, sizeof(rings)) > 0;
}

/* Serves whoever can be now. Who is answered and has no place would be sent away, so questions wait
 * in their socket while there is none. */
static void desk_serve(struct desk *d)
{
	const struct clients_ops none = {0};
	bool is_full = d->askers.count + d->parked.count >= CLIENTS_MAX;
	struct pollfd p[2 + PARKED_MAX + CLIENTS_MAX] = {
		{.fd = is_full ? -1 : d->e->options.questions, .events = POLLIN},
		{.fd = d->parked.count ? d->e->bell : -1, .events = POLLIN}};
	size_t parked = parked_poll(&d->parked, p + 2);
	size_t askers = clients_poll(&d->askers, p + 2 + parked);

	poll(p, 2 + parked + askers, parked_due_ms(&d->parked, BEAT_MS));
	parked_serve(&d->parked, d->e, &d->askers, p + 2, bell_heard(d->e, &p[1]));
	if (p[0].revents)
		questions_take(d);
	clients_serve(&d->askers, &none);
	d->e->answers_slow = d->askers.slow;
}

static _Noreturn void clerk_run(struct engine_state *e)
{
	struct desk d = {.e = e};
	uint64_t last = 0;

	for (;;) {
		atomic_store(&e->clerk_ns, live_monotonic());
		desk_serve(&d);
		if (live_monotonic() - last >= BEAT_MS * 1000000ULL) {
			last = live_monotonic();
			housekeeping(e);
		}
	}
}

static void *clerk_main(void *ctx)
{
	/* The process is in a hurry, as threads go; this one is not. */
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){.sched_priority = 0});
	setpriority(PRIO_PROCESS, (id_t)gettid(), CLERK_NICE);
	clerk_run(ctx);
}

int clerk_start(struct engine_state *e)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, clerk_main, e);

	return -err;
}
