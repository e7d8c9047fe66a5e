/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What comes out of the road. An event is handed to the sink inside engine_frame(), on the
 * engine's own thread; the flow it points to is borrowed for that call.
 */
#ifndef ENGINE_EVENT_H
#define ENGINE_EVENT_H

#include "flow/flow_table.h"

enum event_type {
	EVENT_FLOW_OPENED,
	EVENT_NAMED,	   /* a name was found: name, source; flow->app may have changed */
	EVENT_VERDICT,	   /* the flow is blocked from this frame on */
	EVENT_CLEARED,	   /* rules changed: the flow is no longer blocked */
	EVENT_MESSAGE,	   /* one DNS message was dropped for its question (name) */
	EVENT_SETTLED,	   /* nothing more will be learnt from this flow's payload */
	EVENT_ANOMALY,	   /* a flag in `flags` was set on the flow for the first time */
	EVENT_FLOW_CLOSED, /* it leaves the table: the last word about it */
};

/* Why a flow left the table. */
enum flow_end {
	FLOW_END_TIMEOUT, /* it was over, or idle for too long */
	FLOW_END_FORCED,  /* to make room */
	FLOW_END_STOPPED, /* the engine ends, the flow may not */
};

struct event {
	enum event_type type;
	uint64_t ts_ns;
	uint64_t number;	  /* of the frame; 0 when no frame caused it */
	const struct flow *flow;  /* borrowed */
	const struct name *name;  /* NAMED, MESSAGE */
	enum app_proto source;	  /* NAMED, MESSAGE */
	bool is_answer;		  /* NAMED, MESSAGE: of DNS and its kin: an answer brought it */
	struct decision decision; /* VERDICT, MESSAGE */
	uint32_t flags;		  /* ANOMALY: enum flow_flag */
	enum flow_end end;	  /* FLOW_CLOSED */
};

struct event_sink {
	void *ctx;
	void (*emit)(void *ctx, const struct event *e);
};

#endif
