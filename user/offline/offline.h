/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A capture through the road, by as many threads as there are workers; the caller's own is the
 * first. Room: offline.
 *
 * A flow belongs to one of DPI_RINGS_MAX shards, by the hash the kernel chooses rings with; each
 * shard has an engine and a tally of its own, and worker w runs the shards s with s % workers == w.
 * So no result depends on the number of workers. Reading and writing are whoever's turn it is, in
 * file order (batch.h).
 */
#ifndef OFFLINE_OFFLINE_H
#define OFFLINE_OFFLINE_H

#include <signal.h>
#include "base/fault.h"
#include "base/pages.h"
#include "pcap/capture_out.h"
#include "report/report.h"

enum {
	OFFLINE_FLOWS_MAX = 65536,     /* a shard */
	OFFLINE_HELD_MAX = 24 << 20,   /* bytes of payload under inspection, all shards */
	OFFLINE_ADDRESSES_MAX = 65536, /* that DNS answers have named, a worker */
};

struct offline_progress {
	uint64_t frames, bytes; /* read so far */
	uint64_t size;		/* of the file; 0: not known */
};

/* All borrowed for the run. */
struct offline_config {
	const char *const *inputs; /* read as one, in the order of time (pcap/capture_set.h) */
	size_t input_count;	   /* at least 1 */
	const char *out;
	uint64_t split_size; /* of each file that OUT becomes, at most; 0: it is one file */
	const char *events;  /* file for NDJSON events; NULL: none */
	bool is_unreported;  /* no report is made of it: the tally has no connections */
	const char *form;    /* boundary of the form that the one input is `file` of; NULL: none */
	bool is_last;	     /* the process ends soon: what flows and rows stand in is left to it */
	const char *filter;  /* only frames that match are analysed and written; NULL: all */
	const struct catalogue *catalogue;
	const struct policy *policy;
	unsigned workers;   /* 1..DPI_RINGS_MAX */
	size_t flow_max;    /* open flows kept, about ; 0: OFFLINE_FLOWS_MAX a shard */
	uint64_t frame_max; /* stop after so many frames; 0: no limit */
	const volatile sig_atomic_t *stop; /* raised by a signal: stop reading, drain, finish */
	/* Files are read as memory where there is a guard, and its handler of SIGBUS is in place
	 * (pcap/guard.h); NULL: they are read. */
	struct capture_guard *guard;
	void (*progress)(void *ctx, const struct offline_progress *p); /* on the caller's thread */
	void *progress_ctx;
};

enum offline_end {
	OFFLINE_WHOLE,	 /* the capture was read to its end */
	OFFLINE_DAMAGED, /* to a damaged place; all before it was done */
	OFFLINE_STOPPED, /* to where *stop was raised */
	OFFLINE_FAILED,	 /* reading failed or memory ran out; all before it was done */
};

/* fault says why the capture did not end whole. */
struct offline_result {
	enum offline_end end;
	struct fault fault;
	struct tally *tally;
	struct pages
		pages; /* what it stands in, beside its own, and borrows: r stays where it is */
	bool is_last;  /* as in the config: both are left to the process */
	/* The outputs, written but not yet called by their names: the caller finishes both when the
	 * reports are written too, or abandons both. events is NULL when there are none. */
	struct capture_out *out, *events;
	bool is_headless; /* damaged before anything could be written: out is no capture */
	struct report_worker worker[DPI_RINGS_MAX];
	size_t worker_count;
	double duration_s;
	uint64_t frames, bytes;
	uint64_t filtered;   /* frames that did not match the filter: neither read nor written */
	uint64_t rules_late; /* frames that were judged by the rules of a later time than theirs */
	struct fault filter_fault; /* what the filter could not be asked of, and why; or "" */
	char format[32];
	uint64_t blocks_left_out; /* that joining several inputs could not carry over */
	char strange_link[64];	  /* a link type that was passed unparsed; or "" */
};

/*
 * Runs a capture. Gives what *r holds (offline_result_clear). Returns 0 and fills *r; or, with
 * nothing written and *f saying which file and why: -EINVAL when the input is refused or an output
 * would overwrite it, -EINTR when stopped before it began, -EIO when an output cannot be
 * opened, -ESTALE when the input lost bytes that had been taken from it, another -errno when the
 * run cannot start.
 */
int offline_run(const struct offline_config *config, struct offline_result *r, struct fault *f);
void offline_result_clear(struct offline_result *r);

#endif
