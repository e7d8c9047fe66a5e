/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A capture through the road on one thread, as its bytes are pushed: what offline/offline.h is with
 * files and workers, to the same report. Room: wasm. There is one analysis at a time.
 */
#ifndef WASM_ANALYSIS_H
#define WASM_ANALYSIS_H

#include "offline/offline.h"
#include "offline/route.h"
#include "offline/shard.h"
#include "pcap/capture_in.h"
#include "wasm/replay.h"

/* As the program's exit status says it. */
enum analysis_status {
	ANALYSIS_DONE = 0,
	ANALYSIS_FAILED = 1,
	ANALYSIS_REFUSED = 2, /* a rule, or not a capture */
	ANALYSIS_DAMAGED = 3, /* the capture ended early; all before the damage was done */
};

/* A piece of the capture on its way. */
struct analysis_piece {
	struct capture_record record;
	struct packet packet;
	struct offline_place at;
};

enum { ANALYSIS_ROW = 32 }; /* pieces that are looked at together */

struct analysis {
	/* Given before the first byte. */
	struct catalogue *catalogue;
	struct rules *rules;
	struct report_net *nets;
	size_t net_count;
	struct text name; /* of the capture, for the report and for faults */
	bool wants_events;
	/* The work of several modules, each of which reads all of the capture: shard s is that of
	 * part s % parts. */
	unsigned part, parts;

	/* The road. */
	struct policy *policy;
	struct eve_config eve;
	struct offline_route *route;
	struct offline_shard shard[DPI_RINGS_MAX];
	struct dns_memory *memory;
	struct event_log log;
	struct replay rows;

	/* The capture. */
	struct capture_in *in;
	struct analysis_piece row[ANALYSIS_ROW];
	bool has_pieces;
	uint64_t frames;
	bool is_over;
	enum offline_end end;
	struct fault fault;

	struct tally *tally; /* once it is over */
};

/* Everything but the capture. Gives; NULL: out of memory. */
struct analysis *analysis_new(void);
void analysis_free(struct analysis *a);

/* The rules, in the text form; a set of the module's own until then. 0, or -errno and *f. */
int analysis_set_rules(struct analysis *a, struct slice text, bool is_forced, struct fault *f);
/* One of the capture's own networks. 0, or -errno and *f. */
int analysis_add_net(struct analysis *a, struct slice text, struct fault *f);

/* Takes what the feed (feed.h) has, as far as it makes whole records. Returns 0; or -errno with *f
 * when this is no capture, or cannot begin. Damage further on ends it with is_over. */
int analysis_run(struct analysis *a, struct fault *f);
/* There is no more: ends the flows and adds everything up. 0, or -errno and *f. */
int analysis_finish(struct analysis *a, struct fault *f);

/* What a part that has finished counted, as bytes; and another part's bytes added to this one. 0,
 * or -errno and *f: -EOVERFLOW when it is too much for parts. */
int analysis_pack(struct analysis *a, const struct report_out *to, struct fault *f);
int analysis_merge(struct analysis *a, struct slice packed, struct fault *f);

/* The report of one that has finished; to be freed before it. NULL: out of memory. */
struct report *analysis_report(const struct analysis *a);

#endif
