/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What every frame does with a table, inline, and in steps for a door that knows several frames
 * ahead: the hash of each key in this table, which stays true for as long as the table lives; then
 * its bucket, its flow and its inspection on their way from memory; then the look-up. Each step
 * pays when others lie between it and the next. The warm_ functions change nothing that can be
 * seen, and may be left out.
 *
 * How a table is laid out stands here for that reason only; but for these functions it is
 * flow_table.c's own. Room: flow.
 */
#ifndef FLOW_FLOW_FIND_H
#define FLOW_FLOW_FIND_H

#include "base/index.h"
#include "flow/flow_list.h"
#include "flow/flow_memory.h"
#include "flow/flow_table.h"

enum {
	FLOW_TABLE_SECRETS = 8,
	FLOW_TABLE_ORDER_PARTS = 16,
	FLOW_CACHE_LINE = 64,
	FLOW_SIDE_LINES = 3
};
_Static_assert(offsetof(struct flow_stream_side, lane[1]) <= FLOW_SIDE_LINES * FLOW_CACHE_LINE,
	       "what a segment touches");

struct flow_table {
	struct index by_key;
	struct flow_memory memory;
	struct flow_list all;
	struct flow_list holders; /* the flows that hold memory */
	uint32_t first_other;	  /* of all; 0 when all are blocked */
	uint32_t touched;	  /* how often flows were used, modulo 2^32 */
	size_t max;
	uint64_t secret[FLOW_TABLE_SECRETS]; /* of the hash */
	uint64_t evicted;
	void (*on_leave)(void *ctx, struct flow *f);
	void *ctx;
};

/* The flow of a number that some flow has; NULL for 0. */
static inline struct flow *flow_table_at(const struct flow_table *t, uint32_t number)
{
	const struct pool *pools = t->memory.flows;

	if (number & FLOW_NUMBER_SHORT)
		return pool_at_sized(&pools[FLOW_SHORT], number & ~FLOW_NUMBER_SHORT,
				     FLOW_SHORT_SIZE);
	return number ? pool_at_sized(&pools[FLOW_LONG], number, sizeof(struct flow)) : NULL;
}

static inline bool key_is_ip4(const struct dpi_key *key)
{
	return dpi_addr_is4(&key->addr[0]) && dpi_addr_is4(&key->addr[1]);
}

/* Ports and protocol, the last of the five words of a key. */
static inline uint64_t key_rest(const struct dpi_key *key)
{
	uint64_t rest;

	memcpy(&rest, (const char *)key + offsetof(struct dpi_key, port), sizeof(rest));
	return rest;
}

/* Word by word. */
static inline bool key_is_same(const struct dpi_key *a, const struct dpi_key *b)
{
	uint64_t differs = (a->addr[0].d[0] ^ b->addr[0].d[0]) |
			   (a->addr[0].d[1] ^ b->addr[0].d[1]) |
			   (a->addr[1].d[0] ^ b->addr[1].d[0]) |
			   (a->addr[1].d[1] ^ b->addr[1].d[1]);

	return !(differs | (key_rest(a) ^ key_rest(b)));
}

/*
 * NH (Black, Halevi, Krawczyk, Krovetz and Rogaway, "UMAC", 1999): words with secret numbers added,
 * multiplied in pairs, the products added up. Of two keys the one who chose them cannot tell
 * whether they meet, as long as no hash is ever shown; SipHash would cost five times as much here,
 * where every frame pays. What it gives is mixed once more, because a bucket is its last bits.
 *
 * Of two IPv4 addresses only their last words differ from flow to flow: one product, and other
 * secrets, for the forms to differ.
 */
static inline uint64_t flow_table_hash(const struct flow_table *t, const struct dpi_key *key,
				       uint32_t key_hash)
{
	const uint64_t *s = t->secret;
	unsigned __int128 sum;
	uint64_t hash, rest = key_rest(key);

	if (key_is_ip4(key)) {
		uint64_t both = (uint64_t)key->addr[0].w[3] << 32 | key->addr[1].w[3];

		sum = (unsigned __int128)(both + s[6]) * (rest + s[7]);
	} else {
		const __be64 *v = key->addr[0].d, *w = key->addr[1].d;

		sum = (unsigned __int128)(v[0] + s[0]) * (v[1] + s[1]) +
		      (unsigned __int128)(w[0] + s[2]) * (w[1] + s[3]) +
		      (unsigned __int128)(rest + s[4]) * (key_hash + s[5]);
	}
	hash = (uint64_t)sum ^ (uint64_t)(sum >> 64);
	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

dpi_inline void flow_table_warm_bucket(const struct flow_table *t, uint64_t hash)
{
	index_warm(&t->by_key, (uint32_t)hash);
}

/* The first flow that has a hash, most likely the one that is asked for; or NULL. */
static inline struct flow *flow_table_likely(const struct flow_table *t, uint64_t hash)
{
	return flow_table_at(t, index_first(&t->by_key, (uint32_t)hash));
}

/* Asks for so many lines from at on, unless that is NULL, which would take a walk through the
 * tables of pages each time. */
dpi_inline void flow_warm_lines(const void *at, size_t lines)
{
	for (size_t i = 0; at && i < lines; i++)
		__builtin_prefetch((const char *)at + i * FLOW_CACHE_LINE, 1);
}

/* What every frame touches of a flow. False when the flow is not there yet, as far as can be told.
 */
static inline bool flow_table_warm_flow(const struct flow_table *t, uint64_t hash)
{
	const struct flow *f = flow_table_likely(t, hash);

	flow_warm_lines(f, 2);
	return f;
}

/* What only inspection needs: one more line of the flow, and of the inspection itself what is found
 * without looking at it. Returns whether payload is likely to be read. */
static inline bool flow_warm_sides(const struct flow *f)
{
	if (f->is_settled)
		return false;
	flow_warm_lines(f->isn, 1);
	/* What has no name yet is about to get one. */
	if (f->state < FLOW_CLASSIFIED)
		flow_warm_lines(&f->names, 1);
	flow_warm_lines(f->side[0], FLOW_SIDE_LINES);
	flow_warm_lines(f->side[1], FLOW_SIDE_LINES);
	return true;
}

/* The flow of a key among all that have its hash. */
struct flow *flow_table_find_next(const struct flow_table *t, const struct dpi_key *key,
				  uint64_t hash);
static inline struct flow *flow_table_find_hashed(struct flow_table *t, const struct dpi_key *key,
						  uint64_t hash)
{
	uint32_t number = index_first(&t->by_key, (uint32_t)hash);
	struct flow *f = flow_table_at(t, number);

	if (!f || key_is_same(&f->key, key))
		return f;
	return flow_table_find_next(t, key, hash);
}

struct flow *flow_table_open_hashed(struct flow_table *t, const struct dpi_key *key, uint64_t hash,
				    uint64_t ts_ns);

/* Puts a flow behind all others of its section. */
void flow_table_move(struct flow_table *t, struct flow *f);
/*
 * Marks as just used. The order is one of uses to within a small part of the table's size: a flow
 * that was moved so lately stays where it is, for moving costs its neighbours' memory, too.
 */
static inline void flow_table_touch(struct flow_table *t, struct flow *f, uint64_t ts_ns)
{
	f->last_ns = ts_ns;
	if (++t->touched - f->moved >= t->max / FLOW_TABLE_ORDER_PARTS)
		flow_table_move(t, f);
}

#endif
