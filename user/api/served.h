/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What was answered, by row of the route table and class of status; and what /metrics remembers
 * from one scrape to the next. Room: api. Any thread counts.
 */
#ifndef API_SERVED_H
#define API_SERVED_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/metrics.h"
#include "api/route.h"

enum { SERVED_ROUTES = 64, SERVED_CLASSES = 5 };

/* What the agent said last. */
struct served_agent {
	pthread_mutex_t lock; /* for all of it, while the agent is asked and while it is written */
	json_t *status, *stats, *apps; /* or NULL */
	uint64_t asked_ns, took_ns;    /* monotonic; how long its answers took */
	struct metrics_high high;
};

struct api_served {
	/* The last route is none: no row was found, or the request was refused before. */
	_Atomic uint64_t answers[SERVED_ROUTES + 1][SERVED_CLASSES]; /* 1xx to 5xx */
	_Atomic uint64_t streams_open;
	struct served_agent agent;
};

/* Gives the counters of a service that starts (served_free). NULL: out of memory. */
struct api_served *served_new(void);
void served_free(struct api_served *s);
/* Counts an answer; r: NULL for a request of no route. NULL counters count nothing. */
void served_count(struct api_served *s, const struct route *r, unsigned status);
/* Writes them. */
void served_write(struct metrics *m, const struct api_served *s);

#endif
