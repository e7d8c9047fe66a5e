/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The stores of sums. Hashes are keyed by the address of the sums themselves, which a sender
 * cannot know; nothing that leaves this room depends on the order inside a store.
 */
#include "report/sums_table.h"

#include "base/addr.h"
#include "base/table.h"

#include <stddef.h>
#include <stdlib.h>

_Static_assert(sizeof(struct sum_rule) % 8 == 0 && sizeof(struct sum_addr) % 8 == 0 &&
		       sizeof(struct sum_pair) % 8 == 0 && sizeof(struct sum_port) % 8 == 0,
	       "entries are numbered by eights of bytes");
_Static_assert(offsetof(struct sum_domain, text) ==
		       offsetof(struct sum_domain, len) + offsetof(struct sum_name, text),
	       "a domain ends with its name");
_Static_assert(sizeof(void *) != 8 || (offsetof(struct sum_addr, to_packets) == 64 &&
				       sizeof(struct sum_addr) == 128),
	       "an address is two lines of the cache");

enum {
	CHUNK = 262144, /* bytes; entries are numbered by eights of them, from 1 on */
	UNIT = 8,
	CHUNK_UNITS = CHUNK / UNIT,
	MANY = 8, /* chunks; beyond, so many come at once, which is a large page */
	CACHE_LINE = 64,
	EXPECT_MAX = 1000000, /* entries of a kind that room is made for at once */
	PAIRS_AHEAD = 12,
};

struct sum_chunk {
	char *at;
	size_t used;  /* bytes */
	size_t piece; /* bytes of the spool's piece that begins here; 0: none does */
};

/*
 * NH (the hash of UMAC, RFC 4418 5.2): pairs of words, each with a key of its own added,
 * multiplied; a sender who does not know the keys cannot make two that meet more often than chance
 * has it.
 */
static uint32_t hash_of(const struct sums *s, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t sum = len * s->key.length;
	uint32_t w[2];
	size_t i = 0;

	for (; len - i >= sizeof(w); i += sizeof(w)) {
		const uint32_t *key = &s->key.word[i / sizeof(uint32_t)];

		memcpy(w, at + i, sizeof(w));
		sum += (uint64_t)(w[0] + key[0]) * (w[1] + key[1]);
	}
	if (i < len) {
		const uint32_t *key = &s->key.word[i / sizeof(uint32_t)];

		w[0] = w[1] = 0;
		memcpy(w, at + i, len - i);
		sum += (uint64_t)(w[0] + key[0]) * (w[1] + key[1]);
	}
	return (uint32_t)(sum * s->key.last >> 32);
}

static void make_keys(struct sums *s)
{
	uint64_t at = (uintptr_t)s, i = 0;

	for (size_t k = 0; k < SUMS_KEY_WORDS; k++)
		s->key.word[k] = (uint32_t)table_hash(at, &i, sizeof(i)), i++;
	s->key.length = table_hash(at, &i, sizeof(i)) | 1;
	i++;
	s->key.last = table_hash(at, &i, sizeof(i)) | 1;
}

static void *entry_at(const struct sum_store *st, uint32_t number)
{
	return st->chunk[number / CHUNK_UNITS].at + (size_t)(number % CHUNK_UNITS) * UNIT;
}

static size_t domain_size(size_t len)
{
	return (sizeof(struct sum_domain) + len + 1 + UNIT - 1) / UNIT * UNIT;
}

/* How many chunks come at once after so many; one by one where they are what others have left, in
 * which there are no large pages to be had. */
static size_t chunks_together(const struct sums *s, size_t number)
{
	return number < MANY || spool_has_spare(&s->spool) ? 1 : MANY;
}

/* Makes room for the next chunks. */
static int take_chunks(struct sums *s, struct sum_store *st)
{
	size_t count = chunks_together(s, st->chunk_room);
	struct sum_chunk *chunk = st->chunk;
	char *at;

	if (st->chunk_room + count > st->chunk_cap) {
		size_t cap = st->chunk_cap ? 2 * st->chunk_cap : MANY;

		chunk = realloc(chunk, cap * sizeof(*chunk));
		if (!chunk)
			return -1;
		st->chunk = chunk;
		st->chunk_cap = cap;
	}
	at = spool_take_unset(&s->spool, count * CHUNK);
	if (!at)
		return -1;
	for (size_t i = 0; i < count; i++)
		chunk[st->chunk_room++] = (struct sum_chunk){.at = at + i * CHUNK};
	chunk[st->chunk_room - count].piece = count * CHUNK;
	return 0;
}

/* Room for one more entry in the last chunk, or in a new one. */
static int make_room(struct sums *s, struct sum_store *st, size_t size)
{
	if (st->chunk_count && CHUNK - st->chunk[st->chunk_count - 1].used >= size)
		return 0;
	if (st->chunk_count >= UINT32_MAX / CHUNK_UNITS)
		return -1;
	if (st->chunk_count == st->chunk_room && take_chunks(s, st))
		return -1;
	/* No entry has number 0; those of whole lines stand in lines of their own. */
	if (!st->chunk_count)
		st->chunk[0].used = CACHE_LINE;
	st->chunk_count++;
	return 0;
}

/* A new entry, zeroed; NULL when it cannot be held. */
static void *hold(struct sums *s, struct sum_store *st, size_t size, uint32_t hash)
{
	struct sum_chunk *last;
	uint32_t number;
	char *entry;

	if (st->index.count >= s->max) {
		s->unlisted++;
		return NULL;
	}
	st->index.spool = &s->spool;
	if (make_room(s, st, size)) {
		s->failed = true;
		return NULL;
	}
	last = &st->chunk[st->chunk_count - 1];
	number = (uint32_t)((st->chunk_count - 1) * CHUNK_UNITS + last->used / UNIT);
	if (index_add(&st->index, hash, number)) {
		s->failed = true;
		return NULL;
	}
	entry = last->at + last->used;
	last->used += size;
	return memset(entry, 0, size);
}

static struct sum_rule *find_rule(const struct sums *s, uint64_t id)
{
	uint32_t number, hash = hash_of(s, &id, sizeof(id));
	size_t at = index_at(&s->rules.index, hash);

	while ((number = index_next(&s->rules.index, hash, &at))) {
		struct sum_rule *r = entry_at(&s->rules, number);

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
	r = hold(s, &s->rules, sizeof(*r), hash_of(s, &id, sizeof(id)));
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
		d = entry_at(&s->domains, number);
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
	return domain_entry(s, name, hash_of(s, name.at, name.len));
}

static struct sum_addr *find_addr(const struct sums *s, const struct dpi_addr *addr, uint32_t hash)
{
	size_t at = index_at(&s->addrs.index, hash);
	uint32_t number;

	while ((number = index_next(&s->addrs.index, hash, &at))) {
		struct sum_addr *a = entry_at(&s->addrs, number);

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
	return addr_entry(s, addr, hash_of(s, addr, sizeof(*addr)));
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
		p = entry_at(&s->pairs, number);
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
		const struct sum_port *p = entry_at(&s->ports, number);

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
		k.name = hash_of(s, n.text.at, n.text.len);
	index_warm(&s->domains.index, k.name);
	return k;
}

struct sums_sought sums_seek_ends(const struct sums *s, const struct connection *c)
{
	struct sums_sought k = {0};

	k.src = hash_of(s, connection_src(c), sizeof(struct dpi_addr));
	k.dst = hash_of(s, connection_dst(c), sizeof(struct dpi_addr));
	index_warm(&s->addrs.index, k.src);
	index_warm(&s->addrs.index, k.dst);
	index_warm(&s->pairs.index, mix(k.src, k.dst));
	return k;
}

/* Asks the processor for the first entry that has the hash. */
static inline __attribute__((always_inline)) void warm_entry(const struct sum_store *st,
							     uint32_t hash)
{
	size_t at = index_at(&st->index, hash);
	uint32_t number = index_next(&st->index, hash, &at);
	const char *entry = number ? entry_at(st, number) : NULL;

	if (!entry)
		return;
	__builtin_prefetch(entry);
	__builtin_prefetch(entry + CACHE_LINE);
}

void sums_warm_names(const struct sums *s, const struct sums_sought *k)
{
	warm_entry(&s->domains, k->name);
}

void sums_warm_ends(const struct sums *s, const struct sums_sought *k)
{
	warm_entry(&s->addrs, k->src);
	warm_entry(&s->addrs, k->dst);
	warm_entry(&s->pairs, mix(k->src, k->dst));
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

/* The entry at *at, which counts as numbers do; NULL behind the last. */
static void *entry_from(const struct sum_store *st, size_t *at)
{
	size_t chunk;

	if (!*at)
		*at = CACHE_LINE / UNIT;
	chunk = *at / CHUNK_UNITS;
	if (chunk < st->chunk_count && *at % CHUNK_UNITS * UNIT >= st->chunk[chunk].used)
		*at = ++chunk * CHUNK_UNITS;
	return chunk < st->chunk_count ? entry_at(st, (uint32_t)*at) : NULL;
}

/* The same for entries of one size, and past it. */
static void *next_entry(const struct sum_store *st, size_t *at, size_t size)
{
	void *entry = entry_from(st, at);

	*at += entry ? size / UNIT : 0;
	return entry;
}

struct sum_rule *sums_next_rule(const struct sums *s, size_t *at)
{
	return next_entry(&s->rules, at, sizeof(struct sum_rule));
}

struct sum_domain *sums_next_domain(const struct sums *s, size_t *at)
{
	struct sum_domain *d = entry_from(&s->domains, at);

	*at += d ? domain_size(d->len) / UNIT : 0;
	return d;
}

struct sum_addr *sums_next_addr(const struct sums *s, size_t *at)
{
	return next_entry(&s->addrs, at, sizeof(struct sum_addr));
}

/* Whoever walks the pairs looks at their ends, which stand anywhere. */
static inline __attribute__((always_inline)) void warm_ends(const struct sum_store *st, size_t at)
{
	const struct sum_chunk *chunk = &st->chunk[at / CHUNK_UNITS];
	size_t place = at % CHUNK_UNITS * UNIT + PAIRS_AHEAD * sizeof(struct sum_pair);
	const struct sum_pair *p = (const struct sum_pair *)(chunk->at + place);

	if (place + sizeof(*p) > chunk->used)
		return;
	__builtin_prefetch(p->src);
	__builtin_prefetch(p->dst);
}

struct sum_pair *sums_next_pair(const struct sums *s, size_t *at)
{
	struct sum_pair *p = entry_from(&s->pairs, at);

	if (!p)
		return NULL;
	warm_ends(&s->pairs, *at);
	*at += sizeof(*p) / UNIT;
	return p;
}

struct sum_port *sums_next_port(const struct sums *s, size_t *at)
{
	return next_entry(&s->ports, at, sizeof(struct sum_port));
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
	make_keys(s);
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

static void free_store(struct sum_store *st)
{
	for (size_t i = 0; i < st->chunk_room; i++)
		if (st->chunk[i].piece)
			spool_give(st->chunk[i].at, st->chunk[i].piece);
	free(st->chunk);
	index_clear(&st->index);
}

void sums_free(struct sums *s)
{
	if (!s)
		return;
	free_store(&s->rules);
	free_store(&s->domains);
	free_store(&s->addrs);
	free_store(&s->pairs);
	free_store(&s->ports);
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
	return find_addr(s, addr, hash_of(s, addr, sizeof(*addr)));
}

const struct sum_addr *sums_sought_src(const struct sums *s, const struct connection *c,
				       const struct sums_sought *k)
{
	return find_addr(s, connection_src(c), k->src);
}
