/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The lines that events became, and which frame each belongs to. Room: offline. One thread at a
 * time owns a log.
 */
#ifndef OFFLINE_EVENT_LOG_H
#define OFFLINE_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"

/* Text in frame order, and where each frame's lines end. */
struct event_mark {
	uint64_t number; /* of the frame */
	size_t end;
};
struct event_log {
	struct text text;
	struct event_mark *marks;
	size_t count, cap;
	bool failed; /* out of memory */
};

/* Says that the text now in the log belongs to a frame, after whatever was there. */
void event_log_mark(struct event_log *l, uint64_t number);
void event_log_reset(struct event_log *l); /* empties it; keeps its memory */
void event_log_clear(struct event_log *l); /* frees it */

#endif
