/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the agent counts, as metrics. Room: api. It reads the agent's own answers (JSON) and knows
 * neither sockets nor HTTP. Labels are of bounded sets alone: kinds of rule, interfaces, maps,
 * categories. Applications are no label: users add to them without bound, and a thousand of them
 * would make a page of metrics too long to fetch every few seconds.
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include <jansson.h>

#include "api/metrics_text.h"

enum { METRICS_CATEGORIES = 48, METRICS_SUMS = 4 };

/* A category's flows, packets, bytes and dropped packets. */
struct metrics_category {
	char name[48];
	uint64_t sum[METRICS_SUMS];
};

/*
 * The highest sums seen of each category. A flow that gets its name late moves from one category to
 * another; what is told here is never less than before, or a reader would take it for a restart.
 */
struct metrics_high {
	json_int_t engine_pid; /* whose sums they are: another engine begins anew */
	size_t count;
	struct metrics_category row[METRICS_CATEGORIES];
};

/* All borrowed; an answer that is not there is NULL. */
struct metrics_agent {
	const json_t *status; /* `status` */
	const json_t *stats;  /* `stats`, verbose */
	const json_t *apps;   /* `apps` */
};

/* Writes everything that is known of the agent; with no status that it is down, and no more. high
 * belongs to the caller, who begins with zeros and lets one thread at a time use it; may be NULL.
 */
void metrics_agent_write(struct metrics *m, const struct metrics_agent *a,
			 struct metrics_high *high);

struct fleet_status;
/* How the rules of the fleet arrive (metrics_fleet.c). */
void metrics_fleet_write(struct metrics *m, const struct fleet_status *s);

#endif
