/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One worker's IP fragments, live: they come to it by what all pieces of a datagram have in common
 * (dpi_key_of_pieces), are put together here, and leave as frames for the worker of their flow.
 * Belongs to the shard's thread.
 */
#ifndef AGENT_GATHER_H
#define AGENT_GATHER_H

#include "packet/defrag.h"

struct gather;

struct gather *gather_new(void); /* NULL: out of memory */
void gather_free(struct gather *g);

/*
 * Takes a sampled fragment (borrowed). Calls hand for each frame that an engine must see: hash says
 * of which flow (dpi_key_hash); f->fragment is set; both are borrowed for the call. A first piece
 * is handed on at once, for what is in it alone; the piece that completes a datagram, with it.
 * is_dropped: the kernel has dropped the frame, so the datagram will never be whole.
 */
void gather_take(struct gather *g, const struct frame *f, bool is_dropped,
		 void (*hand)(void *ctx, uint32_t hash, const struct frame *f), void *ctx);

const struct defrag_counters *gather_counters(const struct gather *g);

#endif
