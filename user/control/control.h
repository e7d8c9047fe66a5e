/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The control socket from the outside: how a command reaches the agent. A request is one JSON
 * object, and data with it where a command has some; the answer carries an exit status and what to
 * print.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "control/paths.h"
#include "control/wire.h"
#include "base/fault.h"

/* Beside the exit status in an answer: the agent ends with it. */
enum { CONTROL_ENDING = 256 };

/*
 * How a process that may neither reach the socket nor the stored rules by itself gets there:
 * through another one that may. Hangs on struct paths; the functions below go this way then. Any
 * thread.
 */
struct control_way {
	void *ctx;
	int (*connect)(void *ctx); /* as control_connect */
	bool (*lives)(void *ctx);  /* as control_agent_lives */
	int (*stored)(void *ctx, struct slice json, struct slice data, struct wire *answer,
		      struct fault *f); /* as stored_request */
};

/* A connection for one request (wire.h), or -ENOENT, -ECONNREFUSED: no agent listens; -errno. */
int control_connect(const struct paths *p);

/* True while some process holds the agent's lock: it lives, though it may be starting again. */
bool control_agent_lives(const struct paths *p);

/* Waits, a few seconds at most, until an agent that said so has ended. */
void control_wait_end(const struct paths *p);

/* Sends one request and waits for its answer (the caller clears it). -ECONNREFUSED or -ENOENT: no
 * agent; other -errno with *f. */
int control_request(const struct paths *p, struct slice json, struct slice data,
		    struct wire *answer, struct fault *f);

#endif
