/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Those who ask for event lines and wait until there are some. Room: agent, the clerk's. The
 * workers ring a bell (an eventfd) when a line follows none; nothing is asked of them before.
 */
#ifndef AGENT_PARKED_H
#define AGENT_PARKED_H

#include "agent/clients.h"
#include "control/follow.h"

struct engine_state;

enum {
	PARKED_MAX = 32,	/* more are answered at once, with nothing, and come again */
	PARKED_WAIT_MS = 10000, /* nobody waits longer */
};

/* Owns their connections. */
struct parked {
	struct parked_row {
		int fd;
		char after[FOLLOW_ID_MAX];
		uint64_t until_ns; /* monotonic */
	} row[PARKED_MAX];
	size_t count;
};

/*
 * Takes a connection that asks for lines: "WAIT AFTER", milliseconds and what control/follow.h
 * says, as a NUL-terminated text. It is answered, among `askers`, now if there are some, or it may
 * not wait, or there is no room; else by parked_serve().
 */
void parked_take(struct parked *p, struct engine_state *e, struct clients *askers,
		 const char *asked, int fd);

/* Writes a poll entry for each row. Returns how many. */
size_t parked_poll(const struct parked *p, struct pollfd *out);
/* Milliseconds until the first row is due, at most most_ms. */
int parked_due_ms(const struct parked *p, int most_ms);
/* Answers the rows that are due, and, is_rung, all that there are lines for; lets go of those who
 * are gone (polled: what parked_poll() wrote). */
void parked_serve(struct parked *p, struct engine_state *e, struct clients *askers,
		  const struct pollfd *polled, bool is_rung);

#endif
