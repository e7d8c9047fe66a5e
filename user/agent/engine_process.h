/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine process: no capability, a user of its own, inherited descriptors. It drains the rings
 * with one shard each, writes verdicts, and answers the supervisor and those it sends. It dies with
 * the supervisor, and may die itself at any time: everything that must outlive it is in the pinned
 * maps.
 */
#ifndef AGENT_ENGINE_PROCESS_H
#define AGENT_ENGINE_PROCESS_H

#include "live/maps.h"

/* What the supervisor may ask and the body it sends: the first over its own socket (wire.h), which
 * it waits for; the others as questions of those who wait for the answer. */
enum engine_request {
	ENGINE_POLICY = 1, /* 16 hex digits of the name seed, then the rules in text form */
	ENGINE_REPORT,	   /* struct engine_view, then the interfaces as text */
	ENGINE_FLOWS,	   /* struct engine_view */
	ENGINE_APPS,	   /* struct engine_view */
	ENGINE_STATS,	   /* struct engine_view */
	ENGINE_SUMMARY,	   /* struct engine_view, then the interfaces as text */
	ENGINE_WORKERS,	   /* struct engine_view */
	ENGINE_PAGE,	   /* struct engine_page_wish */
	ENGINE_EVENTS, /* as parked_take() has it; the answer's err block tells where lines go on */
	ENGINE_SUPPOSE, /* over the first socket: 16 hex digits of a number that asks for it, then
			   as ENGINE_POLICY */
	ENGINE_WHAT_IF, /* struct engine_what_if_wish */
	ENGINE_CHANGE, /* over the first socket: 16 hex digits of how many rules there are then, and
			  the step from the rules that the engine has (policy/rules_step.h) */
	ENGINE_ALIVE, /* over the first socket; an empty answer: every thread of the engine is alive
		       */
};

/* How an answer is to look. Sent as it is: both processes are one program. */
struct engine_view {
	bool is_json, is_boxed, is_coloured, is_verbose;
	unsigned width;
};

/* Where a page of connections ended: its last row. */
struct engine_cursor {
	uint8_t is_newest; /* the order: newest first, else by key */
	uint64_t first_ns;
	struct dpi_key key;
};

struct engine_page_wish {
	uint32_t limit;
	bool is_open_only; /* no connections that have ended */
	bool has_cursor;   /* rows behind it; else from the first on */
	struct engine_cursor cursor;
};

/* What rules that were sent before, under a number, would do. */
struct engine_what_if_wish {
	uint64_t number;
	uint32_t limit; /* flows listed */
	bool is_json, is_verbose;
};

struct engine_options {
	const struct live_maps *maps; /* descriptors, open in this process */
	const char *lock_path;	      /* one engine at a time; held until it dies */
	int socket;		      /* to the supervisor: rules */
	int questions;		      /* from the supervisor: all the others (question.h) */
	size_t flow_max;	      /* a shard */
};

/* Puts the filter of its system calls in force. 0 or -errno. (engine_confine.c) */
int engine_confine(void);
/* Runs the process. Never returns. */
_Noreturn void engine_process_run(const struct engine_options *options);

#endif
