/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pausing everything: while paused no block is in force; exceptions, names and counts go on. Room:
 * control. It is stored beside the rules, so that a restart keeps it and its end.
 */
#ifndef CONTROL_PAUSE_H
#define CONTROL_PAUSE_H

#include <jansson.h>

#include "base/text.h"
#include "control/times.h"

enum { PAUSE_FLEET_MAX_S = 86400 };

struct pause {
	bool is_on;
	/* That it is on, or off again, was said for every host of a fleet. Such a pause has an end,
	 * within PAUSE_FLEET_MAX_S: a host that is away when it is over keeps that too. */
	bool is_fleet;
	int64_t until_s; /* wall clock; WHEN_NEVER: until somebody resumes */
};

static inline bool pause_equal(const struct pause *a, const struct pause *b)
{
	return a->is_on == b->is_on && a->is_fleet == b->is_fleet && a->until_s == b->until_s;
}

/* Reads what is stored; nothing, or an end that has come, is no pause. 0, or -EINVAL with *f and no
 * pause: the file is damaged. */
int pause_load(const char *path, struct pause *out, struct fault *f);
/* Stores it, as rules are stored. 0 or -errno with *f. */
int pause_save(const char *path, const struct pause *p, struct fault *f);
/* True when it was on and its end has come. */
static inline bool pause_is_over(const struct pause *p, int64_t now_s)
{
	return p->is_on && now_s >= p->until_s;
}

/* What a request wants: {"command":"pause","for","until","fleet"} or "resume". "pause-state" and
 * others want what is there. 0, or -EINVAL with *f: the times are no good; *out is untouched then.
 */
int pause_read(const json_t *request, struct pause *out, struct fault *f);
/* The sentence, or with is_json the document, about how things are; each ends its line. */
void pause_tell(const struct pause *p, bool is_json, struct text *out);
/* "paused":true,"pause_for_fleet":false,"paused_until":"2026-12-01T08:00:00Z","paused_left_s":90;
 * null for no end. */
void pause_json(const struct pause *p, struct text *out);

#endif
