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
	LINKS_FIRST = 1024,
	LEAVE_AHEAD = 6, /* flows */
};

static void list_remove(struct flow_table *t, uint32_t number)
{
	struct flow_links l = t->links[number];

	if (t->first_other == number)
		t->first_other = l.newer;
	if (l.older)
		t->links[l.older].newer = l.newer;
	else
		t->oldest = l.newer;
	if (l.newer)
		t->links[l.newer].older = l.older;
	else
		t->newest = l.older;
	t->links[number].older = t->links[number].newer = 0;
}

/* True when a number is that of an open flow. Number 0 is nobody's. */
static bool is_listed(const struct flow_table *t, uint32_t number)
{
	return t->links[number].older || t->links[number].newer || t->oldest == number;
}

/* Adds a flow as the most recently used of its section. */
static void list_add(struct flow_table *t, const struct flow *f)
{
	struct flow_links *l = &t->links[f->number];

	l->newer = f->is_verdict ? t->first_other : 0;
	l->older = l->newer ? t->links[l->newer].older : t->newest;
	if (l->older)
		t->links[l->older].newer = f->number;
	else
		t->oldest = f->number;
	if (l->newer)
		t->links[l->newer].older = f->number;
	else
		t->newest = f->number;
	if (!f->is_verdict && !t->first_other)
		t->first_other = f->number;
}

/* Few links are from the C library, many from the table's pages. */
static bool is_paged(size_t size)
{
	return size >= PAGES_BLOCK;
}

static void give_links(struct flow_table *t)
{
	size_t size = 2 * t->link_count * sizeof(*t->links);

	if (is_paged(size))
		pages_give_row(t->memory.pages, t->links, size / PAGES_BLOCK);
	else
		free(t->links);
}

/* Links for every number that the pool may give; both kinds are in one piece. */
static int make_links(struct flow_table *t)
{
	size_t from = t->link_count, to = from ? 2 * from : LINKS_FIRST;
	size_t size = 2 * to * sizeof(*t->links);
	struct flow_links *at;

	if (pool_bound(&t->memory.flows) <= from)
		return 0;
	at = is_paged(size) ? pages_take_row(t->memory.pages, size / PAGES_BLOCK) : malloc(size);
	if (!at)
		return -1;
	memset(at, 0, size);
	if (from) {
		memcpy(at, t->links, from * sizeof(*at));
		memcpy(at + to, t->holders, from * sizeof(*at));
		give_links(t);
	}
	t->links = at;
	t->holders = at + to;
	t->link_count = to;
	return 0;
}

static void holder_remove(struct flow_table *t, uint32_t number)
{
	struct flow_links l = t->holders[number];

	if (l.older)
		t->holders[l.older].newer = l.newer;
	else
		t->oldest_holder = l.newer;
	if (l.newer)
		t->holders[l.newer].older = l.older;
	else
		t->newest_holder = l.older;
}

static void holder_add(struct flow_table *t, uint32_t number)
{
	t->holders[number] = (struct flow_links){.older = t->newest_holder};
	if (t->newest_holder)
		t->holders[t->newest_holder].newer = number;
	else
		t->oldest_holder = number;
	t->newest_holder = number;
}

/* Makes one place. A flow blocked since it was last touched moves to its section first, which
 * happens once a flow. */
static void evict(struct flow_table *t)
{
	struct flow *f = flow_table_at(t, t->first_other);

	while (f && f->is_verdict) {
		list_remove(t, f->number);
		list_add(t, f);
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

/* Asks for all of a flow, and returns the next one's number. */
static uint32_t warm_leaving(const struct flow_table *t, uint32_t number)
{
	const char *at = (const char *)flow_table_at(t, number);

	for (size_t i = 0; number && i < sizeof(struct flow); i += FLOW_CACHE_LINE)
		__builtin_prefetch(at + i);
	return number ? t->links[number].newer : 0;
}

/* The last word about every flow that is left, in order. They stay where they are, for the table
 * goes as a whole. */
static void leave_all(struct flow_table *t)
{
	uint32_t ahead = t->oldest;

	for (int i = 0; i < LEAVE_AHEAD; i++)
		ahead = warm_leaving(t, ahead);
	for (uint32_t number = t->oldest; number; number = t->links[number].newer) {
		struct flow *f = flow_table_at(t, number);

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
	give_links(t);
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
	struct flow *f;

	if (t->by_key.count >= t->max)
		evict(t);
	f = pool_take(&t->memory.flows);
	if (!f)
		return NULL;
	f->number = pool_number(f);
	if (make_links(t) || index_add(&t->by_key, (uint32_t)hash, f->number)) {
		pool_give(f);
		return NULL;
	}
	f->key = *key;
	f->first_ns = f->last_ns = ts_ns;
	list_add(t, f);
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
	if (f->number == t->newest && !f->is_verdict)
		return;
	list_remove(t, f->number);
	list_add(t, f);
}

void flow_table_close(struct flow_table *t, struct flow *f)
{
	const struct dpi_key *key = &f->key;
	uint64_t hash = flow_table_hash(t, key, key_is_ip4(key) ? 0 : dpi_key_hash(key));

	if (t->on_leave)
		t->on_leave(t->ctx, f);
	flow_table_hold(t, f, 0);
	index_remove(&t->by_key, (uint32_t)hash, f->number);
	list_remove(t, f->number);
	flow_free(f);
}

void flow_table_hold(struct flow_table *t, struct flow *f, uint32_t held)
{
	bool was_holder = f->held, is_holder = held;

	f->held = held;
	if (was_holder && is_holder && t->newest_holder == f->number)
		return;
	if (was_holder)
		holder_remove(t, f->number);
	if (is_holder)
		holder_add(t, f->number);
}

struct flow *flow_table_holder(const struct flow_table *t)
{
	return flow_table_at(t, t->oldest_holder);
}

struct flow *flow_table_next_holder(const struct flow_table *t, const struct flow *f)
{
	return flow_table_at(t, t->holders[f->number].newer);
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
	for (uint32_t n = *at + 1; n < t->link_count; n++)
		if (is_listed(t, n)) {
			*at = n;
			return flow_table_at(t, n);
		}
	return NULL;
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
	return flow_table_at(t, t->oldest);
}

struct flow *flow_table_newer(const struct flow_table *t, const struct flow *f)
{
	uint32_t number = t->links[f->number].newer;
	struct flow *newer = flow_table_at(t, number);

	/* For whoever walks on, or comes back to it. */
	__builtin_prefetch(newer);
	__builtin_prefetch(&t->links[number]);
	return newer;
}
