/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Times as commands and requests ask for them: how long, until when, at which hours; made into the
 * words that stand behind a rule's value (policy/when.h). Room: control. This is where the clock is
 * read for them.
 */
#ifndef CONTROL_TIMES_H
#define CONTROL_TIMES_H

#include "policy/when.h"

/* All may be NULL or "": not asked for. */
struct times {
	const char *length; /* "30m", from now on */
	const char *until;  /* "21:30", "2026-12-01T08:00" */
	const char *when;   /* "mon-fri 21:00-07:00" */
};

/* Wall clock, seconds since the epoch. */
int64_t times_now(void);
/* Whole seconds from now to such a moment: what was asked for as 5m has 300 of them at first. */
int64_t times_left(int64_t until_s);
/* The words; "" when nothing is asked for. 0, or -EINVAL with *f: one of them is no good, or over
 * already. */
int times_words(const struct times *t, char out[WHEN_TEXT_MAX], struct fault *f);
/* The end alone, of a length or a moment; WHEN_NEVER when neither is asked for. As times_words. */
int times_end(const struct times *t, int64_t *until_s, struct fault *f);

#endif
