/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Following the agent's event lines over its control socket: whole lines, each with a number that
 * is never given twice; what was lost on the way is counted. Room: control. An agent that is away
 * is asked again until it is back; one that has started again is told from the one before.
 *
 * A follower belongs to one thread. It keeps nothing but its position and the lines it lent last:
 * where many want the same events, one follower feeds them all.
 */
#ifndef CONTROL_FOLLOW_H
#define CONTROL_FOLLOW_H

#include "base/fault.h"
#include "base/slice.h"
#include "control/paths.h"

struct follow;

/* A line's name: the start of the engine that wrote it, and its number there, from 1 on. */
struct follow_id {
	uint64_t instance, number;
};

enum { FOLLOW_ID_MAX = 40 }; /* bytes of its text with the NUL: "9f86d081884c7d65-42" */

/* Writes the text of an id into out[FOLLOW_ID_MAX]; returns out. */
const char *follow_id_format(const struct follow_id *id, char *out);
/* Reads such a text. 0, or -EINVAL: then *out is untouched. */
int follow_id_parse(const char *text, struct follow_id *out);

/* Lines in a row, as one answer brought them. */
struct follow_lines {
	struct slice text; /* whole lines, each with its newline; borrowed until the next call */
	struct follow_id first; /* of the first line; the others count on from it */
	uint64_t count;
	uint64_t lost;	   /* lines right before these that nobody fetched in time */
	bool is_new_start; /* not of the engine before; what that one still held is gone, unnumbered
			    */
};

/* What has been seen since follow_open(). */
struct follow_counters {
	uint64_t lines, bytes, lost;
	uint64_t new_starts; /* engines that took another one's place */
	uint64_t failures;   /* requests that got no answer */
};

#define FOLLOW_OLDEST "" /* everything that the agent still has */
#define FOLLOW_NEWEST "new"

/*
 * Begins to follow. after: FOLLOW_OLDEST, FOLLOW_NEWEST, or the text of the last id that is already
 * known: lines after it. Asks nothing yet, so no agent need run. Gives *out (follow_close). 0;
 * -EINVAL: `after` is none of these; -ENOMEM; with *f.
 */
int follow_open(const struct paths *p, const char *after, struct follow **out, struct fault *f);

/*
 * Waits timeout_ms at most (0: asks once) for lines, and fills *out when there are some. Returns 1
 * with lines, or with the news that some were lost; 0 without; -ENOENT or -ECONNREFUSED: no agent
 * runs, call again to go on trying; -EACCES: this user may not ask; other -errno; with *f.
 */
int follow_next(struct follow *w, int timeout_ms, struct follow_lines *out, struct fault *f);

/* The last line known: what a later follow_open() goes on after. {0,0}: none yet. */
struct follow_id follow_position(const struct follow *w);
const struct follow_counters *follow_counters(const struct follow *w);
void follow_close(struct follow *w);

#endif
