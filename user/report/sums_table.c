/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The entries of sums, each kind by what tells one from another. Hashes are keyed by the address of
 * the sums themselves, which a sender cannot know; nothing that leaves this room depends on the
 * order inside a store (sum_store.h).
 */
#include "report/sums_table.h"

#include "base/addr.h"

#include <stddef.h>
#include <stdlib.h>

_Static_assert(sizeof(struct sum_rule) % SUM_UNIT == 0 && sizeof(struct sum_addr) % SUM_UNIT == 0 &&
		       sizeof(struct sum_pair) % SUM_UNIT == 0 &&
		       sizeof(struct sum_port) % SUM_UNIT == 0,
	       "entries are numbered by units");
_Static_assert(offsetof(struct sum_domain, text) ==
		       offsetof(struct sum_domain, len) + offsetof(struct sum_name, text),
	       "a domain ends with its name");
_Static_assert(sizeof(void *) != 8 || (offsetof(struct sum_addr, to_packets) == 64 &&
				       sizeof(struct sum_addr) == 128),
	       "an address is two lines of the cache");

enum {
	EXPECT_MAX = 1000000, /* entries of a kind that room is made for at once */
	PAIRS_AHEAD = 12,
};

static size_t domain_size(size_t len)
{
	return (sizeof(struct sum_domain) + len + 1 + SUM_UNIT - 1) / SUM_UNIT * SUM_UNIT;
}

/* A new entry, zeroed; NULL when it cannot be held. */
static void *hold(struct sums *s, struct sum_store *st, size_t size, uint32_t hash)
{
	void *entry;

	if (st->index.count >= s->max) {
		s->unlisted++;
		return NULL;
	}
	entry = sum_store_hold(st, &s->spool, size, hash);
	s->failed |= !entry;
	return entry;
}

static struct sum_rule *find_rule(const struct sums *s, uint64_t id)
{
	uint32_t number, hash = sum_key_hash(&s->key, &id, sizeof(id));
	size_t at = index_at(&s->rules.index, hash);

	while ((number = index_next(&s->rules.index, hash, &at))) {
		struct sum_rule *r = sum_store_at(&s->rules, number);

		if (r->id == id)
			return r;
	}
	return NULL;
}

struct sum_rule *sums_rule_entry(struct sums *s, uint64_t id)
{
	struct sum_rule *r = find_rule(s, id);

	if (r)
		return r;
	r = hold(s, &s->rules, sizeof(*r), sum_key_hash(&s->key, &id, sizeof(id)));
	if (r)
		r->id = id;
	return r;
}

static struct sum_domain *domain_entry(struct sums *s, struct slice name, uint32_t hash)
{
	size_t at = index_at(&s->domains.index, hash);
	struct sum_domain *d;
	uint32_t number;

	while ((number = index_next(&s->domains.index, hash, &at))) {
		d = sum_store_at(&s->domains, number);
		if (slice_equal(slice_of(d->text, d->len), name))
			return d;
	}
	d = hold(s, &s->domains, domain_size(name.len), hash);
	if (d) {
		d->len = (uint8_t)name.len;
		memcpy(d->text, name.at, name.len);
	}
	return d;
}

struct sum_domain *sums_domain_entry(struct sums *s, struct slice name)
{
	return domain_entry(s, name, sum_key_hash(&s->key, name.at, name.len));
}

static struct sum_addr *find_addr(const struct sums *s, const struct dpi_addr *addr, uint32_t hash)
{
	size_t at = index_at(&s->addrs.index, hash);
	uint32_t number;

	while ((number = index_next(&s->addrs.index, hash, &at))) {
		struct sum_addr *a = sum_store_at(&s->addrs, number);

		if (a->addr.d[0] == addr->d[0] && a->addr.d[1] == addr->d[1])
			return a;
	}
	return NULL;
}

static struct sum_addr *addr_entry(struct sums *s, const struct dpi_addr *addr, uint32_t hash)
{
	struct sum_addr *a = find_addr(s, addr, hash);

	if (a)
		return a;
	a = hold(s, &s->addrs, sizeof(*a), hash);
	if (a) {
		a->addr = *addr;
		a->hash = hash;
		a->is_public = !addr_is_reserved(addr);
	}
	return a;
}

struct sum_addr *sums_addr_entry(struct sums *s, const struct dpi_addr *addr)
{
	return addr_entry(s, addr, sum_key_hash(&s->key, addr, sizeof(*addr)));
}

/* The hashes of addresses are keyed, and so is what is made of them. */
static uint32_t mix(uint32_t a, uint32_t b)
{
	uint64_t both = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(both >> 32) ^ (uint32_t)both;
}

struct sum_pair *sums_pair_entry(struct sums *s, struct sum_addr *src, struct sum_addr *dst)
{
	uint32_t number, hash = mix(src->hash, dst->hash);
	size_t at = index_at(&s->pairs.index, hash);
	struct sum_pair *p;

	while ((number = index_next(&s->pairs.index, hash, &at))) {
		p = sum_store_at(&s->pairs, number);
		if (p->src == src && p->dst == dst)
			return p;
	}
	p = hold(s, &s->pairs, sizeof(*p), hash);
	if (p) {
		p->src = src;
		p->dst = dst;
	}
	return p;
}

/* True when the port stands in the table. */
static bool has_port(const struct sums *s, const struct sum_addr *src, uint16_t port, uint32_t hash)
{
	size_t at = index_at(&s->ports.index, hash);
	uint32_t number;

	while ((number = index_next(&s->ports.index, hash, &at))) {
		const struct sum_port *p = sum_store_at(&s->ports, number);

		if (p->src == src && p->port == port)
			return true;
	}
	return false;
}

/* Most ask for few, which stand with them. */
void sums_add_port(struct sums *s, struct sum_addr *src, uint16_t port)
{
	uint32_t hash = mix(src->hash, port);
	struct sum_port *p;

	for (size_t i = 0; i < src->port_count; i++)
		if (src->port[i] == port)
			return;
	if (src->more_ports && has_port(s, src, port, hash))
		return;
	if (s->port_count >= s->max) {
		s->unlisted++;
		return;
	}
	if (src->port_count < SUMS_PORTS_AT_HAND) {
		src->port[src->port_count++] = port;
	} else {
		p = hold(s, &s->ports, sizeof(*p), hash);
		if (!p)
			return;
		p->src = src;
		p->port = port;
		src->more_ports++;
	}
	s->port_count++;
}

struct sums_sought sums_seek_names(const struct sums *s, const struct connection *c)
{
	struct sums_sought k = {0};
	struct connection_name n;
	size_t at = 0;

	if (connection_next_name(c, &at, &n))
		k.name = sum_key_hash(&s->key, n.text.at, n.text.len);
	index_warm(&s->domains.index, k.name);
	return k;
}

struct sums_sought sums_seek_ends(const struct sums *s, const struct connection *c)
{
	struct sums_sought k = {0};

	k.src = sum_key_hash(&s->key, connection_src(c), sizeof(struct dpi_addr));
	k.dst = sum_key_hash(&s->key, connection_dst(c), sizeof(struct dpi_addr));
	index_warm(&s->addrs.index, k.src);
	index_warm(&s->addrs.index, k.dst);
	index_warm(&s->pairs.index, mix(k.src, k.dst));
	return k;
}

void sums_warm_names(const struct sums *s, const struct sums_sought *k)
{
	sum_store_warm(&s->domains, k->name);
}

void sums_warm_ends(const struct sums *s, const struct sums_sought *k)
{
	sum_store_warm(&s->addrs, k->src);
	sum_store_warm(&s->addrs, k->dst);
	sum_store_warm(&s->pairs, mix(k->src, k->dst));
}

void sums_find_ends(struct sums *s, const struct connection *c, struct sums_sought *k)
{
	k->src_at = addr_entry(s, connection_src(c), k->src);
	k->dst_at = addr_entry(s, connection_dst(c), k->dst);
	if (k->dst_at)
		__builtin_prefetch(k->dst_at->domain);
}

struct sum_domain *sums_first_domain(struct sums *s, struct slice name, const struct sums_sought *k)
{
	return domain_entry(s, name, k->name);
}

struct sum_rule *sums_next_rule(const struct sums *s, size_t *at)
{
	return sum_store_next(&s->rules, at, sizeof(struct sum_rule));
}

struct sum_domain *sums_next_domain(const struct sums *s, size_t *at)
{
	struct sum_domain *d = sum_store_from(&s->domains, at);

	*at += d ? domain_size(d->len) / SUM_UNIT : 0;
	return d;
}

struct sum_addr *sums_next_addr(const struct sums *s, size_t *at)
{
	return sum_store_next(&s->addrs, at, sizeof(struct sum_addr));
}

/* Whoever walks the pairs looks at their ends, which stand anywhere. */
static inline __attribute__((always_inline)) void warm_ends(const struct sum_store *st, size_t at)
{
	const struct sum_pair *p = sum_store_ahead(st, at, sizeof(*p), PAIRS_AHEAD);

	if (!p)
		return;
	__builtin_prefetch(p->src);
	__builtin_prefetch(p->dst);
}

struct sum_pair *sums_next_pair(const struct sums *s, size_t *at)
{
	struct sum_pair *p = sum_store_from(&s->pairs, at);

	if (!p)
		return NULL;
	warm_ends(&s->pairs, *at);
	*at += sizeof(*p) / SUM_UNIT;
	return p;
}

struct sum_port *sums_next_port(const struct sums *s, size_t *at)
{
	return sum_store_next(&s->ports, at, sizeof(struct sum_port));
}

struct sum_app *sums_app_entry(struct sums *s, int app)
{
	size_t id = app > 0 ? (size_t)app : 0;

	if (id >= s->app_count) {
		size_t count = id + 64;
		struct sum_app *apps = realloc(s->apps, count * sizeof(*apps));

		if (!apps) {
			s->failed = true;
			return NULL;
		}
		memset(apps + s->app_count, 0, (count - s->app_count) * sizeof(*apps));
		s->apps = apps;
		s->app_count = count;
	}
	return &s->apps[id];
}

struct sums *sums_new(size_t max)
{
	struct sums *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->max = max ? max : SUMS_MAX;
	s->spool.plain_max = SIZE_MAX;
	sum_key_make(&s->key, (uintptr_t)s);
	return s;
}

void sums_spool(struct sums *s, size_t plain_max)
{
	s->spool.plain_max = plain_max;
}

void sums_reuse(struct sums *s, struct pages *pages)
{
	s->spool.pages = pages;
}

/* Without memory for it, they grow as ever. */
void sums_expect(struct sums *s, size_t connections)
{
	size_t count = connections < EXPECT_MAX ? connections : EXPECT_MAX;

	s->addrs.index.spool = s->pairs.index.spool = &s->spool;
	index_reserve(&s->addrs.index, count);
	index_reserve(&s->pairs.index, count);
}

void sums_free(struct sums *s)
{
	if (!s)
		return;
	sum_store_clear(&s->rules);
	sum_store_clear(&s->domains);
	sum_store_clear(&s->addrs);
	sum_store_clear(&s->pairs);
	sum_store_clear(&s->ports);
	spool_clear(&s->spool);
	free(s->apps);
	free(s);
}

const struct sum_rule *sums_rule(const struct sums *s, uint64_t id)
{
	return find_rule(s, id);
}

const struct sum_addr *sums_addr(const struct sums *s, const struct dpi_addr *addr)
{
	return find_addr(s, addr, sum_key_hash(&s->key, addr, sizeof(*addr)));
}

const struct sum_addr *sums_sought_src(const struct sums *s, const struct connection *c,
				       const struct sums_sought *k)
{
	return find_addr(s, connection_src(c), k->src);
}
