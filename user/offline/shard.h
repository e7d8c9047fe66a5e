/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One shard of the capture door: an engine and a tally for the flows whose hash chose it. Room:
 * agent. Belongs to the thread of the worker that runs it; after the workers, to the reader.
 */
#ifndef OFFLINE_SHARD_H
#define OFFLINE_SHARD_H

#include "offline/event_log.h"
#include "engine/learn.h"
#include "report/eve.h"
#include "report/report.h"

struct offline_shard {
	struct engine *engine;
	struct tally *tally;
	struct event_log *log; /* where events go now; NULL: nowhere */
	const struct eve_config *eve;
	struct dns_memory *memory;  /* its worker's; NULL until that runs */
	struct pages *pages;	    /* what its flows stand in, its worker's; may be NULL */
	uint64_t number;	    /* of the frame under way */
	uint64_t first_ns, last_ns; /* of the frames so far; 0: none had a time */
	uint64_t incomplete_count;
	struct engine_counters counters; /* once it has ended */
	bool has_ended;
};

/* All borrowed until offline_shard_close. eve: what events are written by; NULL: nobody wants to
 * hear of a flow, neither in events nor in rows of the tally. pages: what the flows stand in, of
 * the same worker; NULL: the engine's own. 0, or -errno; closing may follow either. */
int offline_shard_open(struct offline_shard *s, const struct catalogue *catalogue,
		       const struct policy *policy, const struct eve_config *eve, size_t flow_max,
		       struct pages *pages);
/* The last part of offline_shard_packet(). An outcome is never assigned: to read it back so soon
 * would wait for its parts. */
static inline struct outcome offline_shard_run(struct offline_shard *s, const struct packet *p,
					       enum dpi_parse parse)
{
	struct outcome o = engine_packet(s->engine, p, parse);

	if (o.action == DPI_DROP)
		tally_frame(s->tally, p->frame, &o);
	return o;
}

/* Takes a frame down the road, as it was decoded; its events are added to log (may be NULL). The
 * flow in what comes back is borrowed until the next call. */
static inline struct outcome offline_shard_packet(struct offline_shard *s, const struct packet *p,
						  enum dpi_parse parse, struct event_log *log)
{
	uint64_t ts_ns = p->frame->ts_ns;

	s->log = log;
	s->number = p->frame->number;
	if (ts_ns > s->last_ns)
		s->last_ns = ts_ns;
	if (ts_ns - 1 < s->first_ns - 1) /* 0 is no time */
		s->first_ns = ts_ns;
	return offline_shard_run(s, p, parse);
}

/* Closes every flow that is open; their events go to log, or nowhere. Where nobody wants to hear of
 * them they stay until offline_shard_close. Once; again it does nothing. */
void offline_shard_end(struct offline_shard *s, struct event_log *log);
/* Of one that has ended: adds all that was counted to the tally and the worker's row. */
void offline_shard_add(struct offline_shard *s, struct tally *into, struct report_worker *w);
void offline_shard_close(struct offline_shard *s);

#endif
