/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * GET /events: the agent's events as Server-Sent Events (HTML 9.2.6), from now on or after the last
 * one that the client knows. Room: api.
 */
#include "api/events.h"
#include "api/route.h"

static ssize_t read_some(void *ctx, char *to, size_t max)
{
	return events_read(ctx, to, max);
}

static void end(void *ctx)
{
	events_reader_close(ctx);
}

/* The kinds that the query asks for, commas between or repeated; all when it asks for none.
 * Returns 0 with a problem set when one is not known. */
static uint32_t kinds_wanted(struct api_request *q, struct api_answer *a)
{
	uint32_t kinds = 0;
	const char *list;

	for (size_t i = 0; (list = api_query(q, "event_type", i)); i++) {
		while (*list) {
			size_t len = strcspn(list, ",");
			uint32_t kind = events_kind(slice_of(list, len));

			if (!kind) {
				api_problem(a, 422, "no such event_type; give some of: %s",
					    events_kinds());
				return 0;
			}
			kinds |= kind;
			list += len + (list[len] == ',');
		}
	}
	return kinds ? kinds : UINT32_MAX;
}

int route_events(struct api_request *q, struct api_answer *a)
{
	static const struct api_source source = {.read = read_some, .end = end};
	const char *id = api_header(q, "Last-Event-ID");
	uint32_t kinds = kinds_wanted(q, a);
	struct event_reader *r;
	struct follow_id after;
	struct api_stream *s;

	if (!kinds)
		return 0;
	if (!id)
		id = api_query(q, "after", 0);
	if (id && *id && follow_id_parse(id, &after))
		return api_problem(a, 422,
				   "Last-Event-ID is none of this service's ids; leave it "
				   "out, or give the last one received");
	r = events_reader_open(q->api->events, kinds, id && *id ? &after : NULL);
	if (!r) {
		q->api->counters->events_refused++;
		api_problem(a, 503, "%d clients follow the events already; try again later",
			    EVENTS_READERS_MAX);
		api_answer_header(a, "Retry-After", "10");
		return 0;
	}
	s = api_answer_stream(a, 200, "text/event-stream", &source, r);
	if (s)
		events_reader_start(r, s);
	else
		events_reader_close(r);
	return 0;
}
