/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every flow of one engine: found by key in O(1), bounded, the least recently used leaving first,
 * idle ones by the frames' own time. The hash is keyed, so a sender cannot choose the bucket. One
 * thread owns a table and all its flows. flow_find.h is what every frame does with it.
 */
#ifndef FLOW_FLOW_TABLE_H
#define FLOW_FLOW_TABLE_H

#include "base/pages.h"
#include "flow/flow.h"

struct flow_table;

/* seed keys the hash; at most max flows. on_leave is called for each flow that leaves, before it is
 * unlinked and freed. NULL when out of memory. */
struct flow_table *flow_table_new(size_t max, uint64_t seed,
				  void (*on_leave)(void *ctx, struct flow *f), void *ctx);
/* The same with its flows in pages that several tables of one thread share: what they take in vain,
 * they take together. Borrowed for the table's life; NULL: its own. */
struct flow_table *flow_table_new_in(struct pages *pages, size_t max, uint64_t seed,
				     void (*on_leave)(void *ctx, struct flow *f), void *ctx);
void flow_table_free(struct flow_table *t); /* calls on_leave for all that are left */

struct flow *flow_table_find(struct flow_table *t, const struct dpi_key *key, uint32_t key_hash);
/* Opens a flow; when the table is full the least recently used one leaves, blocked ones only when
 * there are no others, so that a flood cannot wash a verdict away. NULL: out of memory. */
struct flow *flow_table_open(struct flow_table *t, const struct dpi_key *key, uint32_t key_hash,
			     uint64_t ts_ns);
/* Notes how many bytes of inspection f holds by now; more than none makes it the last in the walk
 * of those that hold some. */
void flow_table_hold(struct flow_table *t, struct flow *f, uint32_t held);
/* That walk, in the order in which they were last noted; NULL ends. */
struct flow *flow_table_holder(const struct flow_table *t);
struct flow *flow_table_next_holder(const struct flow_table *t, const struct flow *f);
/* Removes one flow (on_leave is called). */
void flow_table_close(struct flow_table *t, struct flow *f);
/* Removes flows idle at time now_ns: after 60 s, TCP that is blocked or not closed after 300 s. At
 * most `most` are looked at. Returns how many left. */
size_t flow_table_expire(struct flow_table *t, uint64_t now_ns, size_t most);
/* True when f would be gone by now_ns by the same limits. */
static inline bool flow_is_idle(const struct flow *f, uint64_t now_ns)
{
	if (now_ns <= f->last_ns || now_ns - f->last_ns <= DPI_VERDICT_IDLE_NS)
		return false;
	return f->key.proto != DPI_IP_TCP || (f->is_closed && !f->is_verdict) ||
	       now_ns - f->last_ns > DPI_VERDICT_IDLE_TCP_NS;
}

size_t flow_table_count(const struct flow_table *t);
uint64_t flow_table_evicted(const struct flow_table *t); /* left because the table was full */
/* A walk in parts, between which the table may change: the open flow with the least number above
 * *at, which becomes its number; NULL ends. Start at 0. A flow that is opened or closed meanwhile
 * is met or not, every other one once. */
struct flow *flow_table_walk(const struct flow_table *t, uint32_t *at);
/* A walk of all flows: the blocked ones, then the others, each from least to most recently used;
 * NULL ends. The current one may be closed during a walk if the next was fetched before. */
struct flow *flow_table_oldest(const struct flow_table *t);
struct flow *flow_table_newer(const struct flow_table *t, const struct flow *f);

#endif
