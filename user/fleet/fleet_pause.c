/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: a pause of the whole fleet. What was agreed on last tells who has changed it since:
 * the fleet, whose word goes before, or this host, by a command that was meant for all. A pause or
 * its end that is meant for this host alone is no change of the fleet's, and stays what it is.
 *
 * It always ends by itself (control/pause.h), so one key without a version will do: who never hears
 * that it was ended early has it a day longer at most.
 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "control/times.h"
#include "fleet/state.h"

enum { CLOCKS_S = 300 /* by which those of two hosts may differ */ };

static int64_t left_out_over(int64_t until_s, int64_t now_s)
{
	return until_s > now_s ? until_s : 0;
}

static int64_t until_here(const struct fleet *fl, int64_t now_s)
{
	return fl->pause_here.is_on ? left_out_over(fl->pause_here.until_s, now_s) : 0;
}

int fleet_pause_follow(struct fleet *fl, struct fault *f)
{
	struct pause was = fl->pause_here;
	int err = local_ask_pause(&fl->local, &fl->pause_here, f);

	return err ? err : !pause_equal(&was, &fl->pause_here);
}

/* What the server says: nothing, or "until 2026-12-01T08:00:00Z". 0, or -EINVAL with *f. */
static int read_wish(const char *said, int64_t now_s, int64_t *until_s, struct fault *f)
{
	struct when w = {.until_s = 0};
	struct slice words = slice_text(said);

	if (!words.len) {
		*until_s = 0;
		return 0;
	}
	if (when_read(words, &w, NULL) || w.count || !sets_names_zone(words))
		return fault_set(f, -EINVAL,
				 "the fleet's pause is refused, as '%s' is no end: it says until "
				 "2026-12-01T08:00:00Z, or is not there",
				 said);
	if (w.until_s > now_s + PAUSE_FLEET_MAX_S + CLOCKS_S)
		return fault_set(f, -EINVAL,
				 "the fleet's pause is refused: %s is more than a day away", said);
	*until_s = left_out_over(w.until_s, now_s);
	return 0;
}

static void agree(struct fleet *fl, int64_t until_s)
{
	fl->pause_until_s = until_s;
	snapshot_save_pause(fl);
}

/* Tells the server, and on the channel that there is news. Who may not write is told why in
 * *refused, and tries again with the next reading. */
static int publish(struct fleet *fl, int64_t until_s, struct fault *refused, struct fault *f)
{
	char words[16 + WHEN_MOMENT_MAX], moment[WHEN_MOMENT_MAX];
	struct link_batch b = {0};
	redisReply *r[2];
	int err;

	snprintf(words, sizeof(words), "until %s", when_moment_format(until_s, moment));
	if (until_s)
		link_batch_words(&b, "SET", fl->keys.pause, words, NULL);
	else
		link_batch_words(&b, "DEL", fl->keys.pause, NULL);
	link_batch_words(&b, "PUBLISH", fl->keys.channel, "pause", NULL);
	err = link_ask(fl->link, &b, r, f);
	if (err)
		return err;
	if (!link_refused(r[0], refused)) {
		refused->text[0] = '\0';
		agree(fl, until_s);
	}
	link_free(r, 2);
	return 0;
}

/* A pause that somebody began here for this host alone, and that outlasts the fleet's. */
static bool is_paused_longer(const struct fleet *fl, int64_t until_s)
{
	const struct pause *p = &fl->pause_here;

	return p->is_on && !p->is_fleet && p->until_s >= until_s;
}

/* Takes what the fleet says; what this host has for itself goes on beside it. */
static int follow(struct fleet *fl, int64_t until_s, struct fault *f)
{
	struct pause p = {.is_on = until_s, .is_fleet = until_s, .until_s = until_s};
	char moment[WHEN_MOMENT_MAX];

	/* As it is now: somebody may have resumed since the last look. */
	if (local_ask_pause(&fl->local, &fl->pause_here, f))
		return -ENODATA;
	if (until_s ? !is_paused_longer(fl, until_s)
		    : fl->pause_here.is_on && fl->pause_here.is_fleet) {
		if (local_put_pause(&fl->local, &p, f))
			return -ENODATA;
		fl->pause_here = p;
	}
	if (until_s)
		log_note("fleet: paused until %s: nothing is blocked",
			 when_moment_format(until_s, moment));
	else
		log_note("fleet: no longer paused");
	agree(fl, until_s);
	return 0;
}

int fleet_pause_join(struct fleet *fl, const struct glance *g, bool is_lost, struct fault *f)
{
	struct pause none = {.until_s = WHEN_NEVER};
	int64_t now_s = times_now(), base_s = left_out_over(fl->pause_until_s, now_s);
	int64_t here_s = fl->pause_here.is_fleet ? until_here(fl, now_s) : base_s;
	int64_t there_s = base_s; /* where that is refused */
	struct fault refused = {""};
	int err = 0;

	read_wish(g->pause, now_s, &there_s, &refused);
	if (there_s != base_s && !is_lost)
		err = follow(fl, there_s, f);
	else if (here_s != base_s || there_s != base_s)
		err = publish(fl, here_s, &refused, f);
	fleet_note(fl->pause_fault, sizeof(fl->pause_fault), refused.text);
	/* "Resumed for all" has been said. */
	if (!err && fl->pause_here.is_fleet && !fl->pause_here.is_on && here_s == base_s) {
		err = local_put_pause(&fl->local, &none, f) ? -ENODATA : 0;
		fl->pause_here = none;
	}
	return err;
}
