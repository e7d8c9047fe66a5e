/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules of a frame's own time at the capture door; room: agent. Each shard goes from one policy to
 * the next by its own frames, so that nothing depends on the number of workers.
 */
#ifndef OFFLINE_TIME_H
#define OFFLINE_TIME_H

#include "offline/agenda.h"
#include "offline/shard.h"

enum {
	/* How often a shard goes back to the rules of an earlier time: each time judges all open
	 * flows again, which a capture could ask for with every frame. From then on time only goes
	 * forward. */
	OFFLINE_TURNS_BACK = 64,
};

/* What a shard knows of the time; zeroed at first. */
struct offline_time {
	struct agenda_span span;
	unsigned turns_back;
	uint64_t turns; /* to other rules */
	uint64_t late;	/* frames that were judged by the rules of a later time */
	bool failed;	/* out of memory: the rules stayed */
};

/* Puts the rules in force that are those of this frame, which the shard is about to take; log is
 * for the events that come of it (may be NULL). */
void offline_time_turn(struct offline_time *t, struct agenda *a, struct offline_shard *s,
		       const struct frame *f, struct event_log *log);

#endif
