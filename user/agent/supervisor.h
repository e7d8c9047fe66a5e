/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The supervisor: the one privileged process. It loads, attaches, pins, watches interfaces, keeps
 * the rules, restarts the engine, and answers the control socket. It parses no packet. The kernel
 * goes on dropping whatever happens to it: nothing is detached except by `detach`.
 */
#ifndef AGENT_SUPERVISOR_H
#define AGENT_SUPERVISOR_H

#include "agent/notify.h"
#include "control/paths.h"
#include "base/fault.h"

#include <stdbool.h>
#include <stdint.h>

struct agent_options {
	uint32_t workers; /* 1 to DPI_RINGS_MAX */
	bool is_monitor, is_fail_closed;
	bool is_reset; /* blocked TCP is answered by a RST */
	/* Of a service: the file that a reload reads anew, absolute; "": the stored rules. */
	char rules[PATHS_MAX];
	bool is_rules_forced; /* with public suffixes */
};

/*
 * Starts an agent: a keeper that holds the lock and starts the supervisor again if it is killed,
 * and the supervisor. Returns when the agent answers (0), or -errno with *f. In the foreground it
 * returns when the agent ends.
 */
int agent_start(const struct paths *p, const struct agent_options *o, bool is_foreground,
		struct fault *f);

/* The supervisor's life, in this process; n leads to the service manager (borrowed); ready_fd gets
 * one byte once it answers, or the words of a fault. Options that a command changes are put into
 * *o, which the keeper sees too. Returns 0, or the errno of what kept it from starting. Called by
 * agent_start only. */
int supervisor_run(const struct paths *p, struct agent_options *o, struct notify *n, int ready_fd);

#endif
