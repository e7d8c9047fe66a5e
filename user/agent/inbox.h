/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames that one worker hands to another: datagrams put together from IP fragments, whose pieces
 * met where their addresses lead, and whose flow is somewhere else. Bounded; what does not fit is
 * refused. It is the only lock between workers, and no ordinary frame comes this way.
 */
#ifndef AGENT_INBOX_H
#define AGENT_INBOX_H

#include <stddef.h>

#include "packet/frame.h"

struct inbox;

struct inbox *inbox_new(void); /* NULL: out of memory */
void inbox_free(struct inbox *b);

/* Copies a frame, its bytes and what is known of it as a fragment. flags: enum dpi_sample_flag.
 * Any thread. False: it is full. */
bool inbox_put(struct inbox *b, const struct frame *f, uint8_t flags);
/* True when something may lie in it. Any thread. */
bool inbox_has(const struct inbox *b);
/* Hands over, in order, what is there; frames are borrowed for the call. The owner's thread. */
void inbox_drain(struct inbox *b, void (*fn)(void *ctx, const struct frame *f, uint8_t flags),
		 void *ctx);

#endif
