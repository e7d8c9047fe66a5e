/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Door 2: one worker's ring, drained into frames. A sample's head becomes the frame's time and
 * hint; its bytes are borrowed from the ring for the call.
 */
#ifndef LIVE_RING_H
#define LIVE_RING_H

#include "live/maps.h"
#include "packet/frame.h"

struct ring;

/* Opens a ring by its map descriptor (borrowed; must stay open). fn gets every frame; a non-zero
 * answer stops the drain after that frame. NULL with *f on failure. */
struct ring *ring_open(int map_fd, struct live_clock clock,
		       int (*fn)(void *ctx, const struct frame *f, const struct dpi_sample *s),
		       void *ctx, struct fault *f);
void ring_close(struct ring *r);
/* For poll: readable when there are samples. */
int ring_poll_fd(const struct ring *r);
/* Hands over what is there. Returns how many frames, or -errno. */
int ring_drain(struct ring *r);

#endif
