/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Events as EVE-compatible NDJSON: one object a line, ASCII only, with the field names that
 * consumers of Suricata's log know, and our own under "dpi_xdp".
 */
#ifndef REPORT_EVE_H
#define REPORT_EVE_H

#include "base/text.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "classify/catalogue.h"
#include "packet/defrag.h"
#include "policy/rules.h"
#include "report/connection.h"

/* All borrowed. */
struct eve_config {
	const struct catalogue *catalogue;
	const struct rules *rules; /* NULL: reasons are shown by id */
	bool is_offline;	   /* adds pcap_cnt, the frame's number */
	const char *in_iface;	   /* NULL: none */
	/* FLOW_CLOSED: what was counted of it, where that is not the flow's own; NULL: it is. */
	const struct connection *counted;
};

/* The event_type of its line, or NULL when this event has none (FLOW_OPENED, SETTLED). */
const char *eve_type(const struct event *e);
/* Appends the event's line with its newline. Returns false when this event has no line
 * and t is unchanged. */
bool eve_event(struct text *t, const struct event *e, const struct eve_config *c);

struct eve_counter {
	const char *name;
	uint64_t value;
};

/* What a "stats" line tells: the first few under the names that consumers know, and all of them
 * under "dpi_xdp". Borrowed. */
struct eve_stats {
	uint64_t ts_ns, uptime_s;
	const struct engine_counters *engine;
	const struct defrag_counters *defrag;
	uint64_t samples_lost;		  /* frames that the engine ought to have seen */
	const struct eve_counter *others; /* the door's own counters */
	size_t other_count;
	const struct eve_counter *limited; /* events left out, by kind; NULL: none ever are */
	size_t limited_count;
};
/* Appends the line with its newline. */
void eve_stats(struct text *t, const struct eve_stats *s);

/* A positive number of 51 bits that stays with a flow: from its key and first time. */
uint64_t eve_flow_id(const struct dpi_key *key, uint64_t first_ns);

#endif
