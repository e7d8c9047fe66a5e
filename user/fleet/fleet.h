/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules shared by many hosts, through one Redis server: a change on one host reaches every other
 * within a second, and a host goes on with the last good rules while Redis is away. Room: fleet.
 * It runs in a thread of its own in the service's process, speaks to the agent by its control
 * socket alone (or changes the stored rules when no agent runs), and no packet ever waits for it.
 *
 * What is shared lies in sets, a value a member, and a counter and a channel beside them:
 *
 *     dpi-xdp:{NAME}:ip|domain|app|port|allow-ip|allow-domain|allow-app
 *     dpi-xdp:{NAME}:timed-ip|...   the same with words behind the value that say when: hours are
 *                                   those of each host's own zone, an end names a zone
 *     dpi-xdp:{NAME}:list|allow-list  lists by their names and addresses; each host fetches its own
 *     dpi-xdp:{NAME}:pause          "until 2026-12-01T08:00:00Z": no host blocks anything till then
 *     dpi-xdp:{NAME}:version        +1 with every change; the higher one wins
 *     dpi-xdp:{NAME}:changed        the channel; a message is the new version
 *
 * The braces are part of the names (they keep a fleet on one node of a Redis cluster); a fleet that
 * is not named is called "fleet". Whoever writes a member without telling the counter or the
 * channel is noticed all the same: the sets are looked at twice a second.
 *
 * Rules for this host alone stand in a file of their own (local_rules): always in force here, never
 * shared, whatever the fleet says. Lists from a file are of this host alone too, and
 * so is a pause that was not said for the fleet. A host of a version that knows the first seven
 * sets alone goes on without the others and does not touch them.
 *
 * What was last agreed on is kept in the directory fleet/ of the state directory.
 */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "base/fault.h"
#include "base/text.h"
#include "control/paths.h"

enum { FLEET_NAME_MAX = 64, FLEET_SETS = 16 };

struct fleet;

/* All borrowed for the call of fleet_start. */
struct fleet_config {
	const char *url;	 /* redis://[user:pass@]host[:port][/db], or unix:/path[?db=N] */
	const char *name;	 /* of the fleet: letters, digits, . _ -; NULL: "fleet" */
	const char *local_rules; /* a rules file for this host alone; NULL: none */
	/* A set that loses more than half of its rules at once, and a rule that reaches all names
	 * or all addresses, are taken for an accident unless this is set. */
	bool accepts_mass_change;
	const struct paths *paths; /* the agent's socket and the stored rules */
};

/* Starts the thread. Redis need not be there. Gives *out (fleet_stop). 0; -EINVAL with *f when the
 * URL, the name or the local rules are no good; -errno with *f. */
int fleet_start(const struct fleet_config *config, struct fleet **out, struct fault *f);

/* Ends the thread, within two seconds or so, and frees all. NULL is fine. What is in force stays.
 */
void fleet_stop(struct fleet *fl);

/* Says that rules of this host have just changed, so that the fleet hears of it at once and not a
 * quarter of a second later. Any thread; NULL is fine. */
void fleet_poke(struct fleet *fl);

/* A copy of how things stand; of no thread. */
struct fleet_status {
	char name[FLEET_NAME_MAX + 1];
	char server[128]; /* where Redis is, without the password */
	bool is_connected;
	int64_t sync_age_ms; /* since rules here and there were last known to be equal; -1: never */
	uint64_t version;    /* of the last good rules; 0: none yet */
	size_t rule_count;   /* of the last good rules */
	size_t local_count;  /* rules of this host alone */
	size_t pending_count; /* changes made here that the fleet has not got yet */
	/* Since the start. */
	uint64_t syncs, connects, failures, published, applied, conflicts, refusals, restored;
	char fault[256]; /* why there is no connection, or no sync; "" when all is well */
	/* Sets whose content is refused, with the reason; the last good content stays in force. */
	size_t refused_count;
	struct {
		char set[24]; /* "app", "timed-allow-ip", ..., "version" */
		char reason[200];
	} refused[FLEET_SETS + 1];
};

/* Any thread. */
void fleet_status(const struct fleet *fl, struct fleet_status *out);
/* The same as one JSON object, without a line end. */
void fleet_status_json(const struct fleet_status *s, struct text *out);

#endif
