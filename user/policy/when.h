/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the words behind a rule's value that say when it is in force, as a person writes
 * them:
 *
 *     mon-fri 21:00-07:00          from Monday to Friday, over midnight
 *     sat,sun                      both days, from midnight to midnight
 *     08:00-12:00,14:00-18:00      every day
 *     mon 21:00-22:00 sat,sun      one or the other
 *     until 2026-12-01T08:00:00Z   up to that moment; alone, or behind any of the above
 *
 * Times of the day are those that the system's time zone shows: a window is open while the clock on
 * the wall shows a time in it, on days with a change of the clock too. One over midnight belongs to
 * the day that it begins on. Nothing here reads a clock: the moment is always given.
 */
#ifndef POLICY_WHEN_H
#define POLICY_WHEN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/fault.h"
#include "base/slice.h"

enum {
	WHEN_WINDOWS_MAX = 8, /* of one rule; more are written as more rules of the same value */
	WHEN_TEXT_MAX = 288,  /* bytes of canonical words with the NUL */
	WHEN_DAY_MINUTES = 24 * 60,
};

/* Later than every moment. */
#define WHEN_NEVER INT64_MAX

struct when {
	int64_t until_s; /* seconds since the epoch; WHEN_NEVER: it has no end */
	unsigned count;	 /* 0: at all times */
	struct when_window {
		uint8_t days;	   /* bit 0 is Monday: the days it begins on */
		uint16_t from, to; /* minutes of the day; to <= from: over midnight */
	} window[WHEN_WINDOWS_MAX];
};

/* True when a word behind a value begins such words (when_word.c). */
bool when_begins(struct slice word);

/* Reads the words. Returns 0, or -EINVAL with the fault and the next step in *f. */
int when_read(struct slice words, struct when *out, struct fault *f);
/* Writes them as they are kept: two texts that mean the same with the same windows in the same
 * order come out as one. Returns out. */
const char *when_format(const struct when *w, char out[WHEN_TEXT_MAX]);
/* The same at once: from a person's words to canonical ones. */
int when_canonical(struct slice words, char out[WHEN_TEXT_MAX], struct fault *f);

/*
 * Reads a moment: 2026-12-01, 2026-12-01T08:00, with seconds or not, in the system's zone or with Z
 * or +01:00 behind it. With now_s (not WHEN_NEVER) also 21:30: the next time that the clock on the
 * wall shows it. Returns 0, or -EINVAL with *f.
 */
int when_moment(struct slice text, int64_t now_s, int64_t *out, struct fault *f);
/* Reads a length of time such as 90s, 30m, 2h, 7d or 1h30m, in seconds; at most ten years. */
int when_length(struct slice text, int64_t *out, struct fault *f);

enum { WHEN_MOMENT_MAX = 32 };
/* "2026-12-01T08:00:00Z". Returns out. */
const char *when_moment_format(int64_t moment_s, char out[WHEN_MOMENT_MAX]);
/* "2 h 5 min", "40 s": a length of time for a person. Returns out. */
const char *when_length_format(int64_t seconds, char out[WHEN_MOMENT_MAX]);
/* The same moment on the wall: "Mon 2026-12-01 09:00". Returns out. */
const char *when_wall_format(int64_t moment_s, char out[WHEN_MOMENT_MAX]);

/* Whether a rule is in force at a moment; *until_s is the next one at which that changes, or
 * WHEN_NEVER. */
bool when_is_on(const struct when *w, int64_t moment_s, int64_t *until_s);
/* True when it will never be in force again. */
static inline bool when_is_over(const struct when *w, int64_t moment_s)
{
	return moment_s >= w->until_s;
}

#endif
