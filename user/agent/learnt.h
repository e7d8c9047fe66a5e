/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The live agent's memory of DNS answers, one for all workers: an answer comes to one worker and
 * the flow it names to another. Room: agent.
 *
 * Shared, behind a lock that is held for one lookup; it is taken when a flow opens and when an
 * answer comes, never for other frames.
 */
#ifndef AGENT_LEARNT_H
#define AGENT_LEARNT_H

#include "engine/learn.h"

enum { LEARNT_ADDRESSES_MAX = 65536 };

struct learnt;

struct learnt *learnt_new(uint64_t seed); /* NULL: out of memory */
void learnt_free(struct learnt *l);

/* Takes in a frame (borrowed) if it is a DNS answer. */
void learnt_frame(struct learnt *l, const struct frame *f);
/* engine_config.learnt; ctx is the struct learnt. */
bool learnt_name(void *ctx, const struct dpi_addr *addr, uint64_t ts_ns, struct name *name);

#endif
