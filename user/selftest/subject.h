/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The agent that is tested: this very program's `attach`, on the server's end of the lab's cable,
 * with rules, a state directory and a run directory of its own. It lives in a process namespace:
 * killed with this process, however that ends, and with all that it started. What outlives it, pins
 * and the directory, goes at the end, or with the next self-test. Room: selftest.
 */
#ifndef SELFTEST_SUBJECT_H
#define SELFTEST_SUBJECT_H

#include <stdbool.h>
#include "control/paths.h"
#include "selftest/lab.h"

struct subject {
	pid_t pid;
	int lock; /* its directory, held */
	char dir[PATHS_MAX];
	struct paths paths;
	char how[120]; /* it protects: "native XDP on receive ..." */
};

/* What becomes of the agent's rules: a blind one must let everything through. */
struct subject_wish {
	bool is_monitor;  /* it watches, and drops nothing */
	const char *mode; /* as of `attach` */
};

/* Starts it and waits until it protects. 0, or -errno with *f, which is what the command said. */
int subject_start(struct subject *s, const struct lab *lab, const struct subject_wish *w,
		  struct fault *f);
/* Ends it and takes away all that it has left. Also of one that did not start. */
void subject_stop(struct subject *s);

/* Asks which flows are blocked: sets is_blocked[port] for the ports of each. 0, or -errno with *f.
 */
int subject_ask(const struct subject *s, bool is_blocked[65536], struct fault *f);

#endif
