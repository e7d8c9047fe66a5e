/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where flows and what they own come from: pools of a few sizes over pages, of one table or shared.
 * Room: flow, and private to it.
 */
#ifndef FLOW_FLOW_MEMORY_H
#define FLOW_FLOW_MEMORY_H

#include "base/pool.h"
#include "flow/flow.h"

enum { FLOW_SIZES = 9 };
enum flow_kind { FLOW_LONG, FLOW_SHORT, FLOW_KINDS };

struct flow_memory {
	struct pages *pages;
	struct pages own; /* unless somebody has lent some */
	struct pool flows[FLOW_KINDS];
	struct pool of_size[FLOW_SIZES]; /* what flows own */
	struct stream_memory streams;
};

/* pages: borrowed until flow_memory_clear; NULL: its own. m stays where it is. */
void flow_memory_init(struct flow_memory *m, struct pages *pages);
/* Gives everything back, whoever has it. */
void flow_memory_clear(struct flow_memory *m);
/* Takes a flow with all it owns. */
void flow_free(struct flow *f);
/* Frees what a flow owns beside its table's memory, before that goes as a whole. */
void flow_release(struct flow *f);

#endif
