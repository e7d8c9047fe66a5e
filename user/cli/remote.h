/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A command carried out by the agent: one request, its answer printed, its exit status returned.
 */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "control/paths.h"
#include "base/fault.h"
#include "base/text.h"
#include "cli/command.h"

/* How a reading command is asked to answer. */
struct remote_view {
	bool is_json, is_quiet, is_verbose;
	bool is_boxed, is_coloured;
	unsigned width;
};

/* Starts a request: {"command":"NAME"; fields are added with `,"name":value`. */
void remote_begin(struct text *request, const char *command);
void remote_string(struct text *request, const char *name, const char *value);
void remote_value(struct text *request, const char *value); /* a JSON string, no name */
void remote_flag(struct text *request, const char *name, bool value);

/*
 * Ends the request, sends it, prints the answer (not its text when quiet), frees request. Returns
 * the exit status the agent gave; EXIT_NO_AGENT when none runs (said on stderr unless *no_agent is
 * given, which is then set instead).
 */
int remote_run(struct text *request, struct slice data, bool is_quiet, bool *no_agent);

/* Says why a request got no answer (*f), or sets *no_agent when it is given and none runs. Returns
 * the exit status. */
int remote_failed(int err, const struct fault *f, bool *no_agent);

/* Fills *p, or says why not and returns false. */
bool remote_paths(struct paths *p);

#endif
