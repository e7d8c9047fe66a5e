/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The score: which frames were sent, which of them arrived at the other end. Frames are known by a
 * hash of what follows Ethernet and its tags, as a kernel may take tags off. Room: selftest.
 */
#ifndef SELFTEST_SCORE_H
#define SELFTEST_SCORE_H

#include "base/fault.h"
#include "selftest/stage.h"

struct score;

/* What became of a row over one version of IP. */
struct score_row {
	uint32_t probes, leaked; /* frames that must not arrive; those that did */
	uint32_t innocent, lost; /* frames under an innocent name; those that did not arrive */
	/* Flows of attacks that a verdict ends; those of which even the client's last frame ahead
	 * of the wait did not arrive, which completes the name or comes behind the one that does.
	 */
	uint32_t flows, held;
};

struct score *score_new(void); /* NULL: out of memory */
void score_free(struct score *s);
/* False, here and below: out of memory. */
bool score_sent(struct score *s, const struct stage_shot *shot);
bool score_arrived(struct score *s, enum stage_side from, struct slice frame);
/* Adds up: out[row][is_v6]. */
void score_count(struct score *s, struct score_row (*out)[2]);

#endif
