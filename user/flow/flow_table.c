/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flow room's table. Every flow is in a keyed hash table and in one list; the list has two
 * sections, blocked flows in front and the others behind, each from least to most recently used:
 *
 *   oldest -> blocked ... blocked -> | -> other ... other <- newest
 *                                    first_other
 *
 * A full table takes its victim at first_other, in O(1). It must never hold more than its bound,
 * let a sender choose the bucket, or read a clock: time comes with the frames.
 */
#include "flow/flow_table.h"

#include <stdlib.h>

#include "flow/flow_find.h"

enum {
	LEAVE_AHEAD = 6, /* flows */
	PORT_DNS = 53,
	PORT_NTP = 123,
	PORT_NETBIOS_NAME = 137,
	PORT_MDNS = 5353,
	PORT_LLMNR = 5355,
};

static void take_out(struct flow_table *t, const struct flow *f)
{
	if (t->first_other == f->number)
		t->first_other = flow_links_at(&t->all, f->number)->newer;
	flow_list_remove(&t->all, f->number);
}

/* Puts in a flow as the most recently used of its section. */
static void put_in(struct flow_table *t, const struct flow *f)
{
	flow_list_add(&t->all, f->number, f->is_verdict ? t->first_other : 0);
	if (!f->is_verdict && !t->first_other)
		t->first_other = f->number;
}

/* Makes one place. A flow blocked since it was last touched moves to its section first, which
 * happens once a flow. */
static void evict(struct flow_table *t)
{
	struct flow *f = flow_table_at(t, t->first_other);

	while (f && f->is_verdict) {
		take_out(t, f);
		put_in(t, f);
		f = flow_table_at(t, t->first_other);
	}
	t->evicted++;
	flow_table_close(t, f ? f : flow_table_oldest(t));
}

/* Numbers that follow from the seed as good as at random (SplitMix64: Steele, Lea, Flood, 2014). */
static void secrets_make(uint64_t *secret, uint64_t seed)
{
	for (int i = 0; i < FLOW_TABLE_SECRETS; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15ULL;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		secret[i] = z ^ z >> 31;
	}
}

struct flow_table *flow_table_new_in(struct pages *pages, size_t max, uint64_t seed,
				     void (*on_leave)(void *ctx, struct flow *f), void *ctx)
{
	struct flow_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max ? max : 1;
	secrets_make(t->secret, seed);
	t->on_leave = on_leave;
	t->ctx = ctx;
	flow_memory_init(&t->memory, pages);
	t->by_key.pages = t->memory.pages;
	return t;
}

struct flow_table *flow_table_new(size_t max, uint64_t seed,
				  void (*on_leave)(void *ctx, struct flow *f), void *ctx)
{
	return flow_table_new_in(NULL, max, seed, on_leave, ctx);
}

/* Ports of protocols that have no hello. */
static bool is_short_port(__be16 port)
{
	switch (dpi_be16(port)) {
	case PORT_DNS:
	case PORT_NTP:
	case PORT_NETBIOS_NAME:
	case PORT_MDNS:
	case PORT_LLMNR: return true;
	default: return false;
	}
}

/* Which kind a new flow is to be. */
static enum flow_kind kind_for(const struct dpi_key *key)
{
	bool is_short = key->proto != DPI_IP_TCP;

	if (key->proto == DPI_IP_UDP)
		is_short = is_short_port(key->port[0]) || is_short_port(key->port[1]);
	return is_short ? FLOW_SHORT : FLOW_LONG;
}

/* Asks for all of a flow, and returns the next one's number. */
static uint32_t warm_leaving(const struct flow_table *t, uint32_t number)
{
	const char *at = (const char *)flow_table_at(t, number);

	for (size_t i = 0; number && i < sizeof(struct flow); i += FLOW_CACHE_LINE)
		__builtin_prefetch(at + i);
	return number ? flow_links_at(&t->all, number)->newer : 0;
}

/* The last word about every flow that is left, in order. They stay where they are, for the table
 * goes as a whole. */
static void leave_all(struct flow_table *t)
{
	uint32_t ahead = t->all.oldest;

	for (int i = 0; i < LEAVE_AHEAD; i++)
		ahead = warm_leaving(t, ahead);
	for (uint32_t n = t->all.oldest; n; n = flow_links_at(&t->all, n)->newer) {
		struct flow *f = flow_table_at(t, n);

		ahead = warm_leaving(t, ahead);
		if (t->on_leave)
			t->on_leave(t->ctx, f);
		flow_release(f);
	}
}

void flow_table_free(struct flow_table *t)
{
	if (!t)
		return;
	leave_all(t);
	t->memory.own.is_ending = true;
	index_clear(&t->by_key);
	flow_list_clear(&t->all);
	flow_list_clear(&t->holders);
	flow_memory_clear(&t->memory);
	free(t);
}

struct flow *flow_table_find_next(const struct flow_table *t, const struct dpi_key *key,
				  uint64_t hash)
{
	size_t place = index_at(&t->by_key, (uint32_t)hash);
	uint32_t number;

	while ((number = index_next(&t->by_key, (uint32_t)hash, &place))) {
		struct flow *f = flow_table_at(t, number);

		if (key_is_same(&f->key, key))
			return f;
	}
	return NULL;
}

struct flow *flow_table_find(struct flow_table *t, const struct dpi_key *key, uint32_t key_hash)
{
	return flow_table_find_hashed(t, key, flow_table_hash(t, key, key_hash));
}

struct flow *flow_table_open_hashed(struct flow_table *t, const struct dpi_key *key, uint64_t hash,
				    uint64_t ts_ns)
{
	enum flow_kind kind = kind_for(key);
	struct flow *f;

	if (t->by_key.count >= t->max)
		evict(t);
	f = pool_take(&t->memory.flows[kind]);
	if (!f)
		return NULL;
	f->number = pool_number(f) | (kind == FLOW_SHORT ? FLOW_NUMBER_SHORT : 0);
	if (flow_list_reach(&t->all, f->number) ||
	    index_add(&t->by_key, (uint32_t)hash, f->number)) {
		pool_give(f);
		return NULL;
	}
	f->key = *key;
	f->first_ns = f->last_ns = ts_ns;
	put_in(t, f);
	f->moved = t->touched;
	return f;
}

struct flow *flow_table_open(struct flow_table *t, const struct dpi_key *key, uint32_t key_hash,
			     uint64_t ts_ns)
{
	return flow_table_open_hashed(t, key, flow_table_hash(t, key, key_hash), ts_ns);
}

void flow_table_move(struct flow_table *t, struct flow *f)
{
	f->moved = t->touched;
	if (f->number == t->all.newest && !f->is_verdict)
		return;
	take_out(t, f);
	put_in(t, f);
}

void flow_table_close(struct flow_table *t, struct flow *f)
{
	const struct dpi_key *key = &f->key;
	uint64_t hash = flow_table_hash(t, key, key_is_ip4(key) ? 0 : dpi_key_hash(key));

	if (t->on_leave)
		t->on_leave(t->ctx, f);
	flow_table_hold(t, f, 0);
	index_remove(&t->by_key, (uint32_t)hash, f->number);
	take_out(t, f);
	flow_free(f);
}

void flow_table_hold(struct flow_table *t, struct flow *f, uint32_t held)
{
	struct flow_list *l = &t->holders;
	bool was_holder = f->held && flow_list_holds(l, f->number);

	f->held = held;
	if (was_holder && held && l->newest == f->number)
		return;
	if (was_holder)
		flow_list_remove(l, f->number);
	/* Without memory it is left out until the next time. */
	if (held && flow_list_reach(l, f->number) == 0)
		flow_list_add(l, f->number, 0);
}

struct flow *flow_table_holder(const struct flow_table *t)
{
	return flow_table_at(t, t->holders.oldest);
}

struct flow *flow_table_next_holder(const struct flow_table *t, const struct flow *f)
{
	return flow_table_at(t, flow_links_at(&t->holders, f->number)->newer);
}

/* Looks at up to `most` flows from f on. */
static size_t expire_from(struct flow_table *t, struct flow *f, uint64_t now_ns, size_t most)
{
	size_t gone = 0;

	while (f && most--) {
		struct flow *next = flow_table_newer(t, f);

		if (flow_is_idle(f, now_ns)) {
			flow_table_close(t, f);
			gone++;
		}
		f = next;
	}
	return gone;
}

size_t flow_table_expire(struct flow_table *t, uint64_t now_ns, size_t most)
{
	size_t gone;

	/* Both sections get their share; the first look may empty the other's beginning. */
	gone = expire_from(t, flow_table_at(t, t->first_other), now_ns, (most + 1) / 2);
	return gone + expire_from(t, flow_table_oldest(t), now_ns, most / 2);
}

struct flow *flow_table_walk(const struct flow_table *t, uint32_t *at)
{
	for (uint32_t n = *at + 1;; n++) {
		if (!flow_list_has_links(&t->all, n)) {
			if (n & FLOW_NUMBER_SHORT)
				return NULL;
			n = FLOW_NUMBER_SHORT;
		}
		if (flow_list_holds(&t->all, n)) {
			*at = n;
			return flow_table_at(t, n);
		}
	}
}

size_t flow_table_count(const struct flow_table *t)
{
	return t->by_key.count;
}

uint64_t flow_table_evicted(const struct flow_table *t)
{
	return t->evicted;
}

struct flow *flow_table_oldest(const struct flow_table *t)
{
	return flow_table_at(t, t->all.oldest);
}

struct flow *flow_table_newer(const struct flow_table *t, const struct flow *f)
{
	uint32_t number = flow_links_at(&t->all, f->number)->newer;
	struct flow *newer = flow_table_at(t, number);

	/* For whoever walks on, or comes back to it. */
	if (newer) {
		__builtin_prefetch(newer);
		__builtin_prefetch(flow_links_at(&t->all, number));
	}
	return newer;
}
