/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the commands for lists share. Room: cli.
 */
#ifndef CLI_LISTS_H
#define CLI_LISTS_H

#include "cli/command.h"
#include "control/change.h"
#include "control/paths.h"

/* Sends a change of rules to the agent; where none runs the stored ones are changed, and *no_agent
 * set. Returns an exit status. (cmd_change.c) */
int change_run(const struct change *change, bool is_quiet, bool *no_agent);

/* Fetches lists where no agent runs, and stores them for the next; "" is all of them. Returns an
 * exit status. (lists_here.c) */
int lists_fetch_here(const struct paths *p, const char *name, bool is_accepted, bool is_quiet);

/* `rules refresh`: fetches lists now and waits for them. Returns an exit status. */
int lists_refresh_all(const char *name, bool is_accepted, bool is_quiet);

#endif
