/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines kept until somebody fetches them: numbered from 1 on, the oldest dropped when there
 * is no more room. Numbers of lines that were lost before they came here are left out, so whoever
 * reads sees a gap. Room: agent. Belongs to the engine process's main thread.
 */
#ifndef AGENT_EVENT_KEEP_H
#define AGENT_EVENT_KEEP_H

#include "base/text.h"

struct event_chunk;

struct event_keep {
	struct event_chunk *oldest, *newest;
	size_t bytes, bytes_max; /* of lines kept */
	uint64_t next;		 /* the number that the next line gets */
	uint64_t fetched;	 /* the highest number that anybody has fetched */
	uint64_t unfetched;	 /* lines dropped here that nobody had */
};

void event_keep_init(struct event_keep *k, size_t bytes_max);
void event_keep_clear(struct event_keep *k);

/* Adds whole lines (borrowed), each with its newline. Those there is no memory for are lost. */
void event_keep_add(struct event_keep *k, struct slice lines);
/* Some lines were lost before they came here. */
void event_keep_skip(struct event_keep *k, uint64_t count);

/*
 * Appends lines with numbers in a row, the oldest after number `after`, to *out: some max bytes,
 * and one line at least if there is one. *first is the number of the first of them, *next the one
 * behind the last; both are alike when there is none.
 */
void event_keep_read(struct event_keep *k, uint64_t after, size_t max, struct text *out,
		     uint64_t *first, uint64_t *next);

#endif
