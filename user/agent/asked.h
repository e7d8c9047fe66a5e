/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One request to the supervisor while it is being answered, for the files that answer it:
 * answer_interfaces.c, answer_rules.c and supervisor_answer.c.
 */
#ifndef AGENT_ASKED_H
#define AGENT_ASKED_H

#include <jansson.h>

#include "agent/supervisor_state.h"

/* The exit status a command gets (README, "Exit status"). */
enum { DONE = 0, FAILED = 1, USAGE = 2, DENIED = 4, OUTPUT = 5 };

/* All borrowed. */
struct asked {
	struct supervisor *s;
	const json_t *json;
	struct slice data; /* what came with the request: a rules file's text */
	int fd;		   /* of whoever asks */
	bool is_handed_on; /* the engine answers */
	struct text *out, *err;
};

/* A field of the request: "" or false when it is not there, or of another kind. */
const char *asked_text(const struct asked *a, const char *name);
bool asked_flag(const struct asked *a, const char *name);
/* Writes what went wrong and returns the exit status for err (a negative errno). */
int asked_refuse(const struct asked *a, int err, const struct fault *f);

/* The answers, by what they concern. Each returns the exit status. */
int answer_attach(struct asked *a);
int answer_detach(struct asked *a);
int answer_status(struct asked *a);
int answer_change(struct asked *a);
int answer_rules(struct asked *a);
int answer_rules_set(struct asked *a);
int answer_rules_reload(struct asked *a);
int answer_rules_version(struct asked *a);
int answer_rules_history(struct asked *a);
int answer_rules_rollback(struct asked *a);
int answer_lists(struct asked *a);
int answer_lists_refresh(struct asked *a);
/* Appends "lists":[...] to a JSON object. */
void lists_json(const struct supervisor *s, struct text *out);
int answer_why(struct asked *a);
int answer_what_if(struct asked *a);
/* Hands the request on to the engine, with a body (enum engine_request). */
int asked_relay(struct asked *a, uint32_t request, const struct text *body);
int answer_pause(struct asked *a);

#endif
