/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The supervisor's own data, shared by supervisor*.c and what answers for it.
 * One thread; nothing here is seen by another process.
 */
#ifndef AGENT_SUPERVISOR_STATE_H
#define AGENT_SUPERVISOR_STATE_H

#include <sys/types.h>

#include "agent/clients.h"
#include "agent/interfaces.h"
#include "agent/lists.h"
#include "agent/supervisor.h"
#include "control/history.h"
#include "control/pause.h"
#include "control/wire.h"
#include "base/log.h"
#include "base/text.h"
#include "classify/catalogue.h"

struct supervisor {
	struct paths paths;
	struct agent_options options;
	struct agent_options *kept; /* the keeper's copy: what a supervisor started anew gets */
	struct notify *notify;	    /* the service manager */
	char told[256];		    /* the status it knows */
	bool is_ready, has_told_ready;
	struct catalogue *catalogue;
	struct rules *rules;	/* all of them, as they are stored */
	struct rules *in_force; /* those that are in force now, by their times */
	struct pause pause;	/* while it is on, no block is */
	int64_t next_s;		/* when others are (wall clock); WHEN_NEVER */
	uint64_t rule_changes;	/* how often others came in force, or were stored */
	uint64_t rule_moments;	/* how often by the clock alone */
	uint64_t rules_ended;	/* rules whose end has come */
	struct log_limit moment_notes;
	struct policy *policy;	  /* those in force, compiled: what the rule maps hold ... */
	bool is_map_unknown;	  /* ... unless a change went wrong, and the way back too */
	struct rules *engine_has; /* what the engine was given; NULL: nothing */
	struct agent_lists lists;
	uint64_t name_seed;
	struct loader *loader;
	struct interfaces interfaces;
	pid_t engine_pid;
	int engine_socket;    /* rules; -1 while there is no engine */
	int engine_questions; /* what it answers by itself */
	uint64_t engine_started_ns, engine_restarts;
	uint64_t suppositions; /* rules that were only asked about */
	struct log_limit restart_notes;
	uint64_t started_ns;
	int64_t started_s; /* wall clock, seconds since the epoch */
	int listen_fd, netlink_fd, signal_fd, timer_fd;
	int zone_fd; /* tells of the directory that the system's zone lies in; -1: not to be had */
	struct clients clients;
	bool is_ending;
};

/* --- supervisor_engine.c ---------------------------------------------------------------------- */

/* Starts the engine process and gives it the rules. 0 or -errno with *f. */
int engine_start(struct supervisor *s, struct fault *f);
/* Ends the engine and waits for it. */
void engine_stop(struct supervisor *s);
/* Takes note of an engine that died; starts another. */
void engine_restart(struct supervisor *s);
/* Hands a question (enum engine_request) on to the engine, which answers whoever is at the other
 * end of fd. A dead engine is started again and asked once more. 0 or -errno with *f. */
int engine_question(struct supervisor *s, uint32_t request, struct slice body, int fd,
		    struct fault *f);
/* Gives the engine rules that are only supposed, for one question under that number: it costs what
 * a change of rules costs the engine's main thread, and no worker anything. 0 or -errno with *f. */
int engine_suppose_rules(struct supervisor *s, const struct rules *rules, uint64_t *number,
			 struct fault *f);
/* Whether the engine, and with it every worker, answers within a few seconds. */
bool engine_is_answering(struct supervisor *s);
/* Gives the engine the rules in force: what differs from those it has, if that is little. */
int engine_give_rules(struct supervisor *s, struct fault *f);

/* --- supervisor_rules.c ----------------------------------------------------------------------- */

/* Makes other rules the ones in force (takes `next` on success): in the kernel, in the engine, then
 * stored. On failure the old ones are everywhere. 0 or -errno with *f. */
int rules_publish(struct supervisor *s, struct rules *next, enum history_by by, struct fault *f);
/* Puts the stored rules, s->rules, in force when the agent begins; the engine gets them later. */
int rules_begin(struct supervisor *s, struct fault *f);
/* Writes rules that are in force into the kernel maps and compiles them. */
int rules_to_kernel(struct supervisor *s, const struct rules *rules, struct fault *f);
/* Puts rules in force (taken on success) in place of those in *before, which the caller frees: in
 * the kernel and in the engine. 0 or -errno with *f. */
int rules_put_in_force(struct supervisor *s, struct rules *now, struct rules **before,
		       struct fault *f);
/* Gives the engine the rules in force, or a new life with them. */
void engine_rules(struct supervisor *s);

/* --- moments.c -------------------------------------------------------------------------------- */

/* Opens the timer, and the watch over the system's zone. 0 or -errno. */
int moments_open(struct supervisor *s);
/* Which of these rules are in force now (the caller frees), and until when. 0 or -errno with *f. */
int moments_rules(struct supervisor *s, const struct rules *all, struct rules **out,
		  int64_t *next_s, struct fault *f);
/* Sets the timer to when others are in force. */
void moments_arm(struct supervisor *s);
/* Takes the rules that are over for good out of those that are stored. */
void moments_forget(struct supervisor *s);
/* Pauses or resumes: stored, in the kernel, in the engine. On failure all is as before. 0 or -errno
 * with *f. */
int moments_pause(struct supervisor *s, const struct pause *p, struct fault *f);
/* The timer spoke: puts those of now in force, and forgets those that are over. */
void moments_pass(struct supervisor *s);
/* The watch spoke: the same, if the system has another zone. */
void moments_zone(struct supervisor *s);

/* --- supervisor_manager.c --------------------------------------------------------------------- */

/* Tells the service manager how things are, when that has changed, and that the agent is ready. */
void manager_tell(struct supervisor *s);
/* Feeds the manager's watchdog when it is time, if the engine answers; else gives it a new life. */
void watchdog_feed(struct supervisor *s);

/* --- rule_fill.c ------------------------------------------------------------------------------ */

/* Appends ,"rules_by_kind":{...},"maps":[...]. */
void rule_fill_json(const struct rules *rules, const struct policy *p, struct text *out);

/* --- supervisor_answer.c ---------------------------------------------------------------------- */

/* Reads the rules anew, from where they were read at the start, and puts them in force. On failure
 * those in force stay. 0 or -errno with *f. (answer_rules.c) */
int rules_reload(struct supervisor *s, struct fault *f);

/* Answers one request of the client behind fd (a JSON text, and data with it): fills status, out
 * and err, or hands it on (struct clients_ops; ctx is the supervisor). */
enum client_next supervisor_answer(void *ctx, int fd, const struct wire *request, uint32_t *status,
				   struct text *out, struct text *err);
/* Whether the engine, and with it every worker, answers within a few seconds. */
bool engine_is_answering(struct supervisor *s);

#endif
