/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Everything known of live traffic, gathered for one answer of the engine process. Room: agent. It
 * is made of copies: a snapshot of every shard, and what the kernel counted.
 */
#ifndef AGENT_ENGINE_GATHERED_H
#define AGENT_ENGINE_GATHERED_H

#include "agent/engine_state.h"
#include "base/table.h"
#include "report/difference.h"

/* Keys of the rows already taken, so that the kernel's own list adds only what is new. */
struct seen {
	struct table table;
	struct seen_key *keys;
	size_t count, max;
};

struct seen_key {
	struct table_node node;
	struct dpi_key key;
};

struct gathered {
	struct engine_state *e;
	struct tally *all;
	struct seen seen;
	struct report_worker workers[DPI_RINGS_MAX];
	uint64_t events_lost;
	uint64_t events_limited[EVENT_KINDS_MAX];
	/* What is supposed, and what it would do: instead of rows in `all`. NULL: nothing. */
	const struct policy *supposed;
	struct difference *difference;
};

/* How much: counters alone; open flows too; or also those that have ended. */
enum gather_extent { GATHER_COUNTS, GATHER_OPEN, GATHER_ALL };

/* Gathers so much. 0 or -ENOMEM; either way engine_gathered_clear() frees what *g holds. */
int engine_gather(struct engine_state *e, struct gathered *g, enum gather_extent extent);
/* Gathers what another policy would make of every open flow into *d (both borrowed). As above. */
int engine_gather_supposed(struct engine_state *e, struct gathered *g, const struct policy *policy,
			   struct difference *d);
void engine_gathered_clear(struct gathered *g);

/* Answers ENGINE_WHAT_IF (engine_what_if.c). 0, -EINVAL, -ENOMEM; -EAGAIN: what was supposed is
 * no longer there. */
int engine_what_if(struct engine_state *e, const struct wire *request, struct text *out);

/* Answers ENGINE_PAGE: {"connections":[...],"next":cursor or null,"total":n} (engine_page.c). 0,
 * -EINVAL or -ENOMEM. */
int engine_page(struct engine_state *e, const struct wire *request, struct text *out);

#endif
