/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Event lines from the agent to every output, until told to stop. Room: export.
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include <signal.h>

#include "export/sink.h"

struct export_options {
	const char *const *specs; /* outputs; one at least */
	size_t spec_count;
	struct sink_options sink;
	const char *position; /* a file, or NULL: begin with what the agent still has */
	bool is_follow;	      /* go on as lines come */
	bool is_patient;      /* wait for an agent that is not there */
	bool is_quiet;	      /* no notes */
	/* Set by the caller's signal handlers. */
	volatile sig_atomic_t *stop, *reopen;
};

/* What a run came to. */
struct export_result {
	bool is_opened; /* false: an output or the file of positions is at fault, not the agent */
	struct follow_counters followed;
	uint64_t lost; /* lines that some output did not get */
};

/* Runs the outputs. 0; -ENOENT or -ECONNREFUSED: no agent (not with is_patient); -EIO: an output
 * did not get every line, which has been said; other -errno with *f. */
int export_run(const struct paths *p, const struct export_options *o, struct export_result *out,
	       struct fault *f);

#endif
