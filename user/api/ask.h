/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Asking the agent for a route, and what its word means in HTTP. Room: api.
 */
#ifndef API_ASK_H
#define API_ASK_H

#include "api/api.h"
#include "control/wire.h"

/*
 * Sends one request, {"command":...}, and data with it. 0: *out has the answer of an agent that did
 * as asked (wire_clear). 1: no agent runs; *out and *a are as they were. -1: a problem was set.
 */
int ask_agent(struct api_request *q, struct api_answer *a, const struct text *request,
	      struct slice data, struct wire *out);
/* The same for a request about rules, which the stored ones answer where no agent runs: *in_force
 * tells which. 0, or -1 with a problem set. */
int ask_rules(struct api_request *q, struct api_answer *a, const struct text *request,
	      struct slice data, struct wire *out, bool *in_force);
/* As ask_agent; without an agent a problem 503 that says how to start one, and -1. */
int ask_running(struct api_request *q, struct api_answer *a, const struct text *request,
		struct wire *out);
/* The same with data. */
int ask_running_with(struct api_request *q, struct api_answer *a, const struct text *request,
		     struct slice data, struct wire *out);
/* Sets the problem for an answer that is none: exit status and words of the agent. */
int ask_refused(struct api_answer *a, int status, const char *words);

/* Whether a flag is asked for: a field of the query or of the body. */
bool ask_flag(struct api_request *q, const char *name);

/* Adds the times and the device that are asked for to a request: "for", "until", "when" and
 * "device", fields of the query or of the body. */
void ask_times(struct api_request *q, struct text *request);

/* The answer is what the agent said, a JSON document; clears it. */
void answer_said(struct api_answer *a, struct wire *said);
/* The answer says what a change of the rules came to, by what the agent or the porter said of it;
 * clears that. in_force: an agent runs, so that it holds already. */
void answer_changed(struct api_answer *a, struct wire *said, bool in_force);

#endif
