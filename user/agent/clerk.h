/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The clerk: the thread of the engine process that may take its time. It answers questions about
 * flows straight to whoever asked, keeps what has ended, fetches event lines, and sweeps the maps
 * of flows and verdicts that are over. Rules and frames never wait for it. Room: agent.
 */
#ifndef AGENT_CLERK_H
#define AGENT_CLERK_H

#include "agent/engine_state.h"

/* Starts the thread, which lasts as long as the process. 0 or -errno. */
int clerk_start(struct engine_state *e);

#endif
