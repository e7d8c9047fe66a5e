/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Counting answers by route; see served.h. Room: api. The template of a path is a label, never a
 * path as it was sent: there are as many as the table has rows.
 */
#include "api/served.h"

#include <stdlib.h>

struct api_served *served_new(void)
{
	struct api_served *s = calloc(1, sizeof(*s));

	if (s)
		pthread_mutex_init(&s->agent.lock, NULL);
	return s;
}

void served_free(struct api_served *s)
{
	if (!s)
		return;
	json_decref(s->agent.status);
	json_decref(s->agent.stats);
	json_decref(s->agent.apps);
	pthread_mutex_destroy(&s->agent.lock);
	free(s);
}

void served_count(struct api_served *s, const struct route *r, unsigned status)
{
	size_t count, row;
	unsigned class = status / 100 - 1;
	const struct route *table = route_table(&count);

	if (!s || class >= SERVED_CLASSES)
		return;
	row = r ? (size_t)(r - table) : SERVED_ROUTES;
	if (row > SERVED_ROUTES)
		row = SERVED_ROUTES;
	atomic_fetch_add_explicit(&s->answers[row][class], 1, memory_order_relaxed);
}

static void row_write(struct metrics *m, const struct api_served *s, size_t row,
		      const struct route *r)
{
	static const char *const classes[SERVED_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

	for (size_t c = 0; c < SERVED_CLASSES; c++) {
		uint64_t n = atomic_load_explicit(&s->answers[row][c], memory_order_relaxed);
		const struct metric_label labels[METRIC_LABELS_MAX] = {
			{"method", r ? r->method : "any"},
			{"path", r ? r->path : "none"},
			{"status", classes[c]},
		};

		/* What never happened would only make the page long; but success is always told. */
		if (n || (r && c == 1))
			metrics_value(m, labels, n);
	}
}

void served_write(struct metrics *m, const struct api_served *s)
{
	size_t count;
	const struct route *table = route_table(&count);

	metrics_family(m, "serve_answers", METRIC_COUNTER,
		       "answers by row of the route table and class of status");
	for (size_t i = 0; i < count && i < SERVED_ROUTES; i++)
		row_write(m, s, i, &table[i]);
	row_write(m, s, SERVED_ROUTES, NULL);
	metrics_one(m, "serve_streams_open", METRIC_GAUGE, "clients that follow events now",
		    atomic_load_explicit(&s->streams_open, memory_order_relaxed));
}
