/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room fleet: the rules of this host: those in force, which the agent has (or, while none
 * runs, the file it will read), and those that are for this host alone, in a file that a person
 * keeps. Blocks while the agent answers; so only the fleet's own thread calls it.
 */
#ifndef FLEET_LOCAL_H
#define FLEET_LOCAL_H

#include "classify/catalogue.h"
#include "control/paths.h"
#include "control/pause.h"
#include "policy/rules.h"

struct local {
	struct paths paths;
	const struct catalogue *catalogue; /* borrowed */
	struct rules *rules;		   /* in force, as last read; NULL before */
	char version[96];		   /* of these; "" when they must be read again */
	bool is_missing;		   /* there are none, and none were ever stored */
	char own_path[PATHS_MAX * 2];	   /* "" : no rules for this host alone */
	struct rules *own;		   /* never NULL after local_init */
	char own_version[96];
};

/* Reads the host's own rules once, so that a fault in them is told at the start. own_path may be
 * NULL. 0, or -errno with *f. */
int local_init(struct local *l, const struct paths *paths, const struct catalogue *catalogue,
	       const char *own_path, struct fault *f);
void local_clear(struct local *l);

/* Looks, cheaply, whether the rules in force are others than those read, and reads them if so: 1.
 * 0 when they are the same; -errno with *f. */
int local_follow(struct local *l, struct fault *f);
/* Puts others in force, and stored, if those in force are still those read. 0; -EAGAIN when they
 * are not; -errno with *f. */
int local_put(struct local *l, const struct rules *next, struct fault *f);

/* Whether all is paused here, and for whom; and other wishes about that. 0; -errno with *f. */
int local_ask_pause(const struct local *l, struct pause *out, struct fault *f);
int local_put_pause(const struct local *l, const struct pause *p, struct fault *f);

/* Reads the host's own rules again when their file changed: 1, and gives the old ones in *old. A
 * bad file is refused whole, once: -EINVAL with *f, and the old ones stay. 0: the same. */
int local_follow_own(struct local *l, struct rules **old, struct fault *f);

#endif
