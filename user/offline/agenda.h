/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules that know the time, over a capture: which policy is in force at a frame's own time. Room:
 * offline. The workers share one agenda; what it lends is immutable. It asks no clock.
 */
#ifndef OFFLINE_AGENDA_H
#define OFFLINE_AGENDA_H

#include "classify/catalogue.h"

struct agenda;

/* A stretch of time in which one policy is in force; zeroed, none. */
struct agenda_span {
	uint64_t from_ns, len_ns;
	const struct policy *policy; /* lent until agenda_at() takes the span back */
};

/* policy holds all rules, whenever they are in force (borrowed for the agenda's life, as the
 * catalogue is). NULL when out of memory. */
struct agenda *agenda_new(const struct policy *policy, const struct catalogue *catalogue);
void agenda_free(struct agenda *a); /* with all that it has lent */

/* Gives the span around a moment in place of the one in *span. Any thread; each span is one
 * thread's. 0, or -ENOMEM: the span is as it was. */
int agenda_at(struct agenda *a, uint64_t ts_ns, struct agenda_span *span);

static inline bool agenda_span_has(const struct agenda_span *s, uint64_t ts_ns)
{
	return ts_ns - s->from_ns < s->len_ns;
}

#endif
