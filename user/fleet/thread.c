/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: the thread. It looks at this host four times a second and at Redis twice, listens for
 * news from both, and makes them agree when either changed. When Redis does not answer it tries
 * again after 1 to 30 seconds, sooner when the network of this host changes.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "fleet/state.h"

enum {
	LOCAL_MS = 250,
	LOCAL_AGAIN_MS = 20,   /* when somebody else changed them at the same moment */
	LOCAL_FAULT_MS = 1000, /* after a fault of this host's */
	GLANCE_MS = 500,
	EARS_MS = 2000,	     /* before it listens again, where that did not last */
	READ_MIN_MS = 500,   /* a whole reading follows the last after this, and 1 ms a member, */
	READ_MAX_MS = 60000, /* but no later than this */
	BACKOFF_MIN_MS = 1000,
	BACKOFF_MAX_MS = 30000,
	TRIES = 5, /* at once, while others write at the same moment */
};

int64_t fleet_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void fleet_note(char *kept, size_t size, const char *what)
{
	if (strncmp(kept, what, size - 1) == 0)
		return;
	snprintf(kept, size, "%s", what);
	if (*what)
		log_error("fleet: %s", what);
}

/* --- the connection --------------------------------------------------------------------------- */

static void hang_up(struct fleet *fl)
{
	link_close(fl->link);
	link_close(fl->ears);
	fl->link = fl->ears = NULL;
	fl->has_seen = false;
	fl->is_in_step = false;
	fl->now.is_connected = false;
}

/* From half of 1, 2, 4, ... 30 seconds to all of it, so that a fleet does not come back as one. */
static int64_t backoff_ms(unsigned attempts)
{
	int64_t most = attempts < 5 ? (int64_t)BACKOFF_MIN_MS << attempts : BACKOFF_MAX_MS;
	uint32_t random = 0;
	int64_t ms;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	ms = most / 2 + random % (most / 2 + 1);
	return ms < BACKOFF_MIN_MS ? BACKOFF_MIN_MS : ms;
}

static void lose(struct fleet *fl, const struct fault *f)
{
	char what[sizeof(f->text) + 200];
	bool was_in_step = fl->is_in_step;

	hang_up(fl);
	fl->now.failures++;
	fl->connect_due = fleet_now_ms() + backoff_ms(fl->attempts++);
	snprintf(what, sizeof(what), "Redis at %s: %s; the last good rules stay", fl->now.server,
		 f->text);
	/* The same fault again is no news, until there was a connection in between. */
	if (was_in_step)
		fl->link_fault[0] = '\0';
	fleet_note(fl->link_fault, sizeof(fl->link_fault), what);
}

static void stop_listening(struct fleet *fl)
{
	link_close(fl->ears);
	fl->ears = NULL;
	fl->ears_due = fleet_now_ms() + EARS_MS;
}

/* Listens to the channel, and to Redis's own news of the keys where it gives them. To be refused
 * either, or the connection, is no fault: the glances find what there is, if a little later. */
static void listen_in(struct fleet *fl)
{
	redisReply *r[2];
	struct link_batch b = {0};
	struct fault ignored;

	if (link_open(&fl->url, fl->stop_fd, &fl->ears, &ignored)) {
		stop_listening(fl);
		return;
	}
	link_batch_words(&b, "SUBSCRIBE", fl->keys.channel, NULL);
	link_batch_words(&b, "PSUBSCRIBE", fl->keys.events, NULL);
	if (link_ask(fl->ears, &b, r, &ignored))
		stop_listening(fl);
	else
		link_free(r, 2);
}

static void try_connect(struct fleet *fl)
{
	struct fault f = {""};
	int err;

	fl->tried_ms = fleet_now_ms();
	err = link_open(&fl->url, fl->stop_fd, &fl->link, &f);
	if (err && err != -ECANCELED)
		lose(fl, &f);
	fl->now.is_connected = !err;
	fl->now.connects += !err;
	fl->ears_due = 0;
	fl->has_seen = false;
	fl->glance_due = 0;
}

/* --- agreeing --------------------------------------------------------------------------------- */

/* All is well: what was wrong is over. */
static void note_good(struct fleet *fl)
{
	int64_t now = fleet_now_ms();
	int64_t pause = READ_MIN_MS;

	if (!fl->is_in_step) {
		fl->is_in_step = true;
		log_note("fleet %s: in step with Redis at %s, version %llu", fl->now.name,
			 fl->now.server, (unsigned long long)fl->version);
	}
	fl->attempts = 0;
	fl->link_fault[0] = fl->local_fault[0] = '\0';
	fl->synced_ms = now;
	for (size_t i = 0; i < FLEET_SET_COUNT; i++)
		pause += fl->seen.size[i] > 0 ? fl->seen.size[i] : 0;
	fl->read_due = now + (pause < READ_MAX_MS ? pause : READ_MAX_MS);
}

/* Looks at Redis, and reads it when anything asks for that. 0 or -errno of the link. */
static int look(struct fleet *fl, bool is_due, struct fault *f)
{
	struct glance g = {0};
	int err = sets_glance(fl->link, &fl->keys, &g, f);

	if (err)
		return err;
	if (fl->has_seen && !is_due && glance_equal(&g, &fl->seen) &&
	    fleet_now_ms() < fl->read_due) {
		fl->synced_ms = fleet_now_ms();
		return 0;
	}
	err = sync_fleet(fl, &g, f);
	if (err)
		return err;
	/* What was seen before the reading; what has come since is seen by the next glance. */
	fl->seen = g;
	fl->has_seen = true;
	fl->now.syncs++;
	note_good(fl);
	return 0;
}

static int see_to_host(struct fleet *fl)
{
	struct fault f = {""};
	int changed = sync_local(fl, &f);

	fl->local_due = fleet_now_ms() + (changed < 0 ? LOCAL_FAULT_MS : LOCAL_MS);
	if (changed == -EAGAIN)
		fl->local_due = fleet_now_ms() + LOCAL_AGAIN_MS;
	else
		fleet_note(fl->local_fault, sizeof(fl->local_fault), changed < 0 ? f.text : "");
	return changed;
}

/* Until both agree, or somebody is at fault. */
static void see_to_fleet(struct fleet *fl, bool is_due)
{
	struct fault f = {""};
	int err = 0;

	for (int i = 0; i < TRIES; i++) {
		err = look(fl, is_due, &f);
		if (err != -EAGAIN)
			break;
		is_due = true;
		if (see_to_host(fl) < 0)
			break;
	}
	fl->glance_due = fleet_now_ms() + GLANCE_MS;
	if (err == -EAGAIN)
		fl->has_seen = false;
	else if (err == -ENODATA)
		fleet_note(fl->local_fault, sizeof(fl->local_fault), f.text);
	else if (err && err != -ECANCELED)
		lose(fl, &f);
}

/* --- the loop --------------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void drain(int fd)
{
	char room[4096];

	while (read(fd, room, sizeof(room)) > 0)
		;
}

/* Waits for the next thing to do. False when all is to end. */
static bool wait_next(struct fleet *fl, bool *is_due)
{
	struct pollfd p[4] = {{.fd = fl->stop_fd, .events = POLLIN},
			      {.fd = fl->poke_fd, .events = POLLIN},
			      {.fd = fl->network_fd, .events = POLLIN},
			      {.fd = fl->ears ? link_fd(fl->ears) : -1, .events = POLLIN}};
	int64_t due = least(fl->local_due, fl->link ? fl->glance_due : fl->connect_due);
	int64_t left = due - fleet_now_ms();

	if (poll(p, 4, left < 0 ? 0 : (int)left) <= 0)
		return true;
	if (p[1].revents) {
		drain(fl->poke_fd);
		fl->local_due = 0;
	}
	if (p[2].revents) {
		drain(fl->network_fd);
		/* The first attempt may come before the neighbours are known again. */
		fl->attempts = 0;
		fl->connect_due = least(fl->connect_due, fl->tried_ms + BACKOFF_MIN_MS);
	}
	if (p[3].revents) {
		int messages = link_messages(fl->ears);

		*is_due |= messages > 0;
		if (messages < 0) {
			/* The next command says why; a new connection listens again. */
			stop_listening(fl);
			fl->glance_due = 0;
		}
	}
	return !p[0].revents;
}

void fleet_show(struct fleet *fl)
{
	struct fleet_status *s = &fl->now;
	const char *faults[] = {fl->link_fault, fl->local_fault, fl->write_fault, fl->held_fault,
				fl->disk_fault, fl->own_fault,	 fl->pause_fault};

	s->version = fl->version;
	s->rule_count = rules_count(fl->base);
	s->local_count = rules_count(fl->local.own);
	s->fault[0] = '\0';
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]) && !s->fault[0]; i++)
		snprintf(s->fault, sizeof(s->fault), "%s", faults[i]);
	pthread_mutex_lock(&fl->lock);
	fl->shown = *s;
	fl->shown_synced_ms = fl->synced_ms;
	pthread_mutex_unlock(&fl->lock);
}

void *fleet_run(void *ctx)
{
	struct fleet *fl = ctx;
	bool is_due = false;

	do {
		if (fleet_now_ms() >= fl->local_due)
			is_due |= see_to_host(fl) > 0;
		if (!fl->link && fleet_now_ms() >= fl->connect_due)
			try_connect(fl);
		if (fl->link && !fl->ears && fleet_now_ms() >= fl->ears_due)
			listen_in(fl);
		if (fl->link && (is_due || fleet_now_ms() >= fl->glance_due)) {
			see_to_fleet(fl, is_due);
			is_due = false;
		}
		fleet_show(fl);
	} while (wait_next(fl, &is_due));
	hang_up(fl);
	return NULL;
}
