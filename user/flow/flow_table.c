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

#include <errno.h>
#include <stdlib.h>

enum {
	IDLE_S = 60,
	IDLE_TCP_S = 300,
	CACHE_LINE = 64,
	HOT_LINES = 3,
	FLOW_BYTES = (sizeof(struct flow) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE,
};
_Static_assert(offsetof(struct flow, held) <= HOT_LINES * CACHE_LINE, "what every frame touches");
#define NS_PER_S 1000000000ULL
_Static_assert(IDLE_S *NS_PER_S == DPI_VERDICT_IDLE_NS &&
		       IDLE_TCP_S * NS_PER_S == DPI_VERDICT_IDLE_TCP_NS,
	       "kernel and user end a block alike");

struct flow_table {
	struct table by_key;
	struct flow *oldest, *newest;
	struct flow *first_other; /* NULL when all are blocked */
	size_t max;
	uint64_t seed;
	uint64_t evicted;
	void (*on_leave)(void *ctx, struct flow *f);
	void *ctx;
};

static void list_remove(struct flow_table *t, struct flow *f)
{
	if (t->first_other == f)
		t->first_other = f->newer;
	if (f->older)
		f->older->newer = f->newer;
	else
		t->oldest = f->newer;
	if (f->newer)
		f->newer->older = f->older;
	else
		t->newest = f->older;
	f->older = f->newer = NULL;
}

/* Adds f as the most recently used of its section. */
static void list_add(struct flow_table *t, struct flow *f)
{
	f->newer = f->is_verdict ? t->first_other : NULL;
	f->older = f->newer ? f->newer->older : t->newest;
	if (f->older)
		f->older->newer = f;
	else
		t->oldest = f;
	if (f->newer)
		f->newer->older = f;
	else
		t->newest = f;
	if (!f->is_verdict && !t->first_other)
		t->first_other = f;
}

static void flow_free(struct flow *f)
{
	flow_settle(f);
	free(f->learnt);
	while (f->names) {
		struct flow_name *next = f->names->next;

		free(f->names);
		f->names = next;
	}
	free(f);
}

/* Makes one place. A flow blocked since it was last touched moves to its section first, which
 * happens once a flow. */
static void evict(struct flow_table *t)
{
	struct flow *f = t->first_other;

	while (f && f->is_verdict) {
		list_remove(t, f);
		list_add(t, f);
		f = t->first_other;
	}
	t->evicted++;
	flow_table_close(t, f ? f : t->oldest);
}

struct flow_table *flow_table_new(size_t max, uint64_t seed,
				  void (*on_leave)(void *ctx, struct flow *f), void *ctx)
{
	struct flow_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max ? max : 1;
	t->seed = seed;
	t->on_leave = on_leave;
	t->ctx = ctx;
	return t;
}

void flow_table_free(struct flow_table *t)
{
	if (!t)
		return;
	while (t->oldest)
		flow_table_close(t, t->oldest);
	table_clear(&t->by_key);
	free(t);
}

/*
 * Of two IPv4 addresses only their last words differ from flow to flow: half as much to hash, and
 * the length tells the two forms apart.
 */
uint64_t flow_table_hash(const struct flow_table *t, const struct dpi_key *key, uint32_t key_hash)
{
	struct {
		__be32 addr[2];
		__be16 port[2];
		uint32_t proto;
	} short_key;

	if (!dpi_addr_is4(&key->addr[0]) || !dpi_addr_is4(&key->addr[1]))
		return table_hash(t->seed ^ key_hash, key, sizeof(*key));
	short_key.addr[0] = key->addr[0].w[3];
	short_key.addr[1] = key->addr[1].w[3];
	memcpy(short_key.port, key->port, sizeof(short_key.port));
	short_key.proto = key->proto;
	return table_hash(t->seed ^ key_hash, &short_key, sizeof(short_key));
}

void flow_table_warm_bucket(const struct flow_table *t, uint64_t hash)
{
	table_warm_bucket(&t->by_key, hash);
}

void flow_table_warm_flow(const struct flow_table *t, uint64_t hash)
{
	const struct table_node *n = table_front(&t->by_key, hash);
	const char *at = (const char *)n;

	if (!n)
		return;
	for (size_t i = 0; i < HOT_LINES; i++)
		__builtin_prefetch(at + i * CACHE_LINE, 1);
}

struct flow *flow_table_find_hashed(struct flow_table *t, const struct dpi_key *key, uint64_t hash)
{
	struct table_node *n = table_first(&t->by_key, hash);

	for (; n; n = table_next(n)) {
		struct flow *f = table_entry(n, struct flow, node);

		if (memcmp(&f->key, key, sizeof(*key)) == 0)
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
	struct flow *f = aligned_alloc(CACHE_LINE, FLOW_BYTES);

	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	if (t->by_key.count >= t->max)
		evict(t);
	f->key = *key;
	f->first_ns = f->last_ns = ts_ns;
	f->names_tail = &f->names;
	if (table_add(&t->by_key, &f->node, hash)) {
		free(f);
		return NULL;
	}
	list_add(t, f);
	return f;
}

struct flow *flow_table_open(struct flow_table *t, const struct dpi_key *key, uint32_t key_hash,
			     uint64_t ts_ns)
{
	return flow_table_open_hashed(t, key, flow_table_hash(t, key, key_hash), ts_ns);
}

void flow_table_touch(struct flow_table *t, struct flow *f, uint64_t ts_ns)
{
	f->last_ns = ts_ns;
	if (f == t->newest && !f->is_verdict)
		return;
	list_remove(t, f);
	list_add(t, f);
}

void flow_table_close(struct flow_table *t, struct flow *f)
{
	if (t->on_leave)
		t->on_leave(t->ctx, f);
	table_remove(&t->by_key, &f->node);
	list_remove(t, f);
	flow_free(f);
}

bool flow_is_idle(const struct flow *f, uint64_t now_ns)
{
	bool is_long = f->key.proto == DPI_IP_TCP && (!f->is_closed || f->is_verdict);

	return now_ns > f->last_ns &&
	       now_ns - f->last_ns > (is_long ? IDLE_TCP_S : IDLE_S) * NS_PER_S;
}

/* Looks at up to `most` flows from f on. */
static size_t expire_from(struct flow_table *t, struct flow *f, uint64_t now_ns, size_t most)
{
	size_t gone = 0;

	while (f && most--) {
		struct flow *next = f->newer;

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
	gone = expire_from(t, t->first_other, now_ns, (most + 1) / 2);
	return gone + expire_from(t, t->oldest, now_ns, most / 2);
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
	return t->oldest;
}

bool flow_has_name(const struct flow *f, enum app_proto source, const struct name *name)
{
	for (const struct flow_name *n = f->names; n; n = n->next)
		if (n->source == source && n->len == name->len &&
		    memcmp(n->text, name->text, name->len) == 0)
			return true;
	return false;
}

int flow_add_name(struct flow *f, enum app_proto source, const struct name *name)
{
	struct flow_name *n;

	if (flow_has_name(f, source, name))
		return 0;
	if (f->name_count >= FLOW_NAMES_MAX) {
		f->flags |= FLOW_NAMES_FULL;
		return -ENOSPC;
	}
	n = malloc(sizeof(*n) + name->len + 1U);
	if (!n)
		return -ENOMEM;
	n->next = NULL;
	n->source = (uint8_t)source;
	n->len = name->len;
	memcpy(n->text, name->text, name->len);
	n->text[name->len] = '\0';
	*f->names_tail = n;
	f->names_tail = &n->next;
	f->name_count++;
	return 1;
}

void flow_side_clear(struct flow_side *side)
{
	for (int i = 0; i < FLOW_LANES; i++) {
		stream_free(side->lane[i].stream);
		side->lane[i] = (struct flow_lane){.stream = NULL};
	}
	for (int i = 0; i < side->run_count; i++)
		stream_free(side->run[i].stream);
	free(side->run);
	free(side->urgent);
	side->urgent = NULL;
	side->urgent_count = side->urgent_last = 0;
	side->run = NULL;
	side->run_count = 0;
}

void flow_settle(struct flow *f)
{
	free(f->ids);
	f->ids = NULL;
	for (int d = 0; d < 2; d++) {
		struct flow_side *side = f->side[d];

		if (!side)
			continue;
		flow_side_clear(side);
		free(side);
		f->side[d] = NULL;
	}
}

const char *flow_state_name(enum flow_state s)
{
	static const char *const names[FLOW_STATES] = {
		[FLOW_NEW] = "NEW",
		[FLOW_ESTABLISHED] = "ESTABLISHED",
		[FLOW_CLASSIFIED] = "CLASSIFIED",
		[FLOW_BLOCKED] = "BLOCKED",
		[FLOW_INCOMPLETE] = "INCOMPLETE",
		[FLOW_CLOSED] = "CLOSED",
	};

	return (unsigned)s < FLOW_STATES ? names[s] : NULL;
}

const char *flow_flag_name(enum flow_flag f)
{
	static const struct {
		enum flow_flag flag;
		const char *name;
	} names[] = {
		{FLOW_NO_NAME, "no_name"},
		{FLOW_ECH, "ech"},
		{FLOW_AMBIGUOUS, "ambiguous"},
		{FLOW_UNDECIDED, "undecided"},
		{FLOW_MIDSTREAM, "midstream"},
		{FLOW_ODD_NAME, "odd_name"},
		{FLOW_CUT, "cut"},
		{FLOW_NAMES_FULL, "names_full"},
		{FLOW_IP_LITERAL, "ip_literal"},
		{FLOW_ADOPTED, "adopted"},
		{FLOW_DOH, "doh"},
		{FLOW_DOT, "dot"},
		{FLOW_DOQ, "doq"},
		{FLOW_TUNNELLED, "tunnelled"},
		{FLOW_FRAGMENTED, "fragmented"},
		{FLOW_LEARNT, "dns_learnt"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].flag == f)
			return names[i].name;
	return NULL;
}
