/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The agent's events for any number of readers: one thread follows the agent and keeps the last of
 * its lines, as many as the agent itself keeps; each reader has a place in them. One that is slow
 * loses the oldest, not its neighbours their time and not the service its memory. Room: api.
 */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include "api/api.h"
#include "control/follow.h"

struct api_events;
struct event_reader;

/* Begins to follow. 0, or -errno with *f. */
int events_open(struct api *api, struct api_events **out, struct fault *f);
/* Follows no more, and ends what readers read. */
void events_stop(struct api_events *e);
/* No reader may be left. */
void events_close(struct api_events *e);

/* The kinds of lines, which a reader may choose from (EVE's event_type). The last one is any other
 * kind. */
#define EVENT_KINDS(X) X(flow) X(tls) X(http) X(dns) X(quic) X(drop) X(stats) X(anomaly) X(dpi_xdp)
/* The bit of a kind's name; 0 when there is none of that name. */
uint32_t events_kind(struct slice name);
/* All of their names, for a person. */
const char *events_kinds(void);

enum { EVENTS_READERS_MAX = 256 };

/*
 * Adds a reader of the kinds in the set. after: the last line it knows; NULL: it begins with the
 * next one. It is told of more by api_stream_wake(s) once events_reader_start() was called, until
 * it is closed. NULL: too many, or out of memory.
 */
struct event_reader *events_reader_open(struct api_events *e, uint32_t kinds,
					const struct follow_id *after);
void events_reader_start(struct event_reader *r, struct api_stream *s);
void events_reader_close(struct event_reader *r);

/*
 * Writes what there is for this reader as Server-Sent Events (HTML 9.2.6): lines with their ids;
 * "gap" events where some are missing; comments that keep the connection. Returns bytes, 0 when
 * there is nothing now, -1 at the end.
 */
ssize_t events_read(struct event_reader *r, char *to, size_t max);

#endif
