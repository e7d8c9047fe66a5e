/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How many event lines a second a worker writes of each kind; what is beyond that is counted, not
 * written. Room: agent; the shard's. Ordinary traffic does not come near the bounds. Lines about
 * flows with something strange in them have a low one, so that a flood made of those cannot fill a
 * disk or push all others out.
 */
#ifndef AGENT_EVENT_LIMIT_H
#define AGENT_EVENT_LIMIT_H

#include <stdbool.h>

#include "engine/event.h"

/* Lines a second, of all workers together. */
enum {
	EVENT_LIMIT_ANOMALY = 100, /* of each kind of anomaly */
	EVENT_LIMIT_STRANGE = 50,  /* of each other event_type, about flows that have an anomaly */
	EVENT_LIMIT_PLAIN = 10000, /* of each other event_type, about all other flows */
	EVENT_LIMIT_SECONDS = 15,  /* as many seconds' worth of the first two in a minute */
};

/* The kinds that are counted apart: id, event_type. */
#define EVENT_KINDS(X)        \
	X(ANOMALY, "anomaly") \
	X(TLS, "tls")         \
	X(HTTP, "http")       \
	X(DNS, "dns")         \
	X(QUIC, "quic")       \
	X(DROP, "drop")       \
	X(FLOW, "flow")       \
	X(OWN, "dpi_xdp")

enum event_kind {
#define X(id, name) EVENT_KIND_##id,
	EVENT_KINDS(X)
#undef X
		EVENT_KINDS_MAX
};

struct event_limit {
	unsigned sharers; /* workers that share the bounds */
	uint64_t second;  /* that the counts below are of, and its minute */
	struct event_count {
		uint32_t second, minute;
	} anomalies[32], strange[EVENT_KINDS_MAX], plain[EVENT_KINDS_MAX];
	uint64_t left_out[EVENT_KINDS_MAX]; /* since the start */
};

const char *event_kind_name(enum event_kind k);
/* True when the event's line may be written now; else it is counted as left out. type: eve_type()
 * of it; now_ns: of the clock whose seconds its time stamp shows. */
bool event_limit_take(struct event_limit *l, const struct event *e, const char *type,
		      uint64_t now_ns);

#endif
