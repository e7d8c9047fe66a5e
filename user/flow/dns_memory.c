/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room flow: addresses and the names that DNS answers gave them. It must never grow past its bound
 * or trust a time to live: an answer from the network may say anything.
 *
 * The addresses stand in one array, and in a list from the least to the most recently renewed; a
 * full memory gives the place of the oldest to the newcomer. A name stands with its address; only a
 * long one is kept apart, once for all addresses of an answer. The last answer waits until somebody
 * asks, or the next one comes: by then, the memory that it goes to has been fetched.
 */
#include "flow/dns_memory.h"

#include <stdlib.h>

#include "base/index.h"
#include "base/pool.h"
#include "base/table.h"

enum {
	TTL_LEAST_S = 600,
	TTL_MOST_S = 86400,
	SIZES = 3,
	SHORT_MAX = 32,
	WAITING_MAX = 32, /* addresses */
	LINE = 64,	  /* of the cache */
};
#define NS_PER_S 1000000000ULL

/* A long name. */
struct saying {
	uint32_t address_count; /* that stand by it; none: it goes */
	char text[];
};

struct entry {
	struct dpi_addr addr;
	uint64_t until_ns;
	uint32_t hash;
	uint8_t len;
	union { /* no NUL behind it */
		char text[SHORT_MAX];
		struct saying *said; /* of more than SHORT_MAX bytes */
	};
};

_Static_assert(sizeof(struct entry) == LINE, "a look-up reads one line of the array");

/* Neighbours in the list; 0: none. They stand apart, close together: whoever is renewed touches two
 * others' as well. */
struct links {
	uint32_t older, newer;
};

/* What is not in the table yet. */
struct waiting {
	uint64_t until_ns;
	struct name name;
	struct dpi_addr addr[WAITING_MAX];
	uint32_t hash[WAITING_MAX];
};

struct dns_memory {
	/* One line of the cache: what each new flow asks. */
	struct index by_addr; /* places in entry[], from 1 on */
	struct entry *entry;  /* in room, where a line begins */
	uint64_t secret[2];   /* of the hash */
	uint32_t count, waiting_count;
	/* What answers touch. */
	struct links *links; /* by place */
	size_t max;
	uint32_t oldest, newest;
	void *room;
	struct pages pages;
	struct pool of_size[SIZES]; /* long names */
	struct waiting waiting;
};

static const uint16_t sizes[SIZES] = {64, 128, 264};

_Static_assert(offsetof(struct saying, text) + NAME_MAX_LEN <= 264, "the largest size does");

struct dns_memory *dns_memory_new(size_t max, uint64_t seed)
{
	struct dns_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->room = calloc(max + 2, sizeof(*m->entry));
	m->links = calloc(max + 1, sizeof(*m->links));
	m->entry = (struct entry *)(((uintptr_t)m->room + LINE - 1) & ~(uintptr_t)(LINE - 1));
	m->max = max;
	for (uint64_t i = 0; i < 2; i++)
		m->secret[i] = table_hash(seed, &i, sizeof(i));
	for (size_t i = 0; i < SIZES; i++)
		pool_init(&m->of_size[i], &m->pages, sizes[i], m);
	if (m->room && m->links)
		return m;
	dns_memory_free(m);
	return NULL;
}

void dns_memory_free(struct dns_memory *m)
{
	if (!m)
		return;
	index_clear(&m->by_addr);
	for (size_t i = 0; i < SIZES; i++)
		pool_clear(&m->of_size[i]);
	pages_clear(&m->pages);
	free(m->room);
	free(m->links);
	free(m);
}

/* NH, as flow_table_hash() has it: whoever chooses addresses cannot tell which of them meet. */
static uint32_t hash_of(const struct dns_memory *m, const struct dpi_addr *addr)
{
	unsigned __int128 product = (unsigned __int128)(addr->d[0] + m->secret[0]) *
				    (addr->d[1] + m->secret[1]);
	uint64_t hash = (uint64_t)product ^ (uint64_t)(product >> 64);

	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(hash >> 32);
}

/* The place of an address, or 0. */
static uint32_t find(const struct dns_memory *m, const struct dpi_addr *addr, uint32_t hash)
{
	size_t at = index_at(&m->by_addr, hash);
	uint32_t place;

	while ((place = index_next(&m->by_addr, hash, &at)))
		if (memcmp(&m->entry[place].addr, addr, sizeof(*addr)) == 0)
			return place;
	return 0;
}

static void list_remove(struct dns_memory *m, uint32_t place)
{
	struct links l = m->links[place];

	if (l.older)
		m->links[l.older].newer = l.newer;
	else
		m->oldest = l.newer;
	if (l.newer)
		m->links[l.newer].older = l.older;
	else
		m->newest = l.older;
}

/* Adds an address as the last one renewed. */
static void list_add(struct dns_memory *m, uint32_t place)
{
	m->links[place] = (struct links){.older = m->newest};
	if (m->newest)
		m->links[m->newest].newer = place;
	else
		m->oldest = place;
	m->newest = place;
}

/* A long name that nobody stands by yet; NULL when out of memory. */
static struct saying *say(struct dns_memory *m, const struct name *name)
{
	size_t size = sizeof(struct saying) + name->len, i = 0;
	struct saying *s;

	while (sizes[i] < size)
		i++;
	s = pool_take(&m->of_size[i]);
	if (s)
		memcpy(s->text, name->text, name->len);
	return s;
}

/* Takes the name from an address. */
static void unsay(struct entry *e)
{
	if (e->len > SHORT_MAX && --e->said->address_count == 0)
		pool_give(e->said);
	e->len = 0;
}

/* A place for an address that has none, not in the list; 0 when out of memory. */
static uint32_t make_place(struct dns_memory *m, const struct dpi_addr *addr, uint32_t hash)
{
	uint32_t place = m->count + 1;

	if (m->count == m->max) {
		place = m->oldest;
		list_remove(m, place);
		index_remove(&m->by_addr, m->entry[place].hash, place);
		unsay(&m->entry[place]);
		m->count--;
	}
	/* Where one has just left, this needs no memory. */
	if (index_add(&m->by_addr, hash, place))
		return 0;
	m->count++;
	m->entry[place].addr = *addr;
	m->entry[place].hash = hash;
	return place;
}

/* Puts one that waits into the table, with its name; s is the place of a long one. Where memory
 * ends, it is left out. */
static void put(struct dns_memory *m, unsigned i, struct saying *s)
{
	const struct waiting *w = &m->waiting;
	uint32_t place = find(m, &w->addr[i], w->hash[i]);
	struct entry *e;

	if (place)
		list_remove(m, place);
	else
		place = make_place(m, &w->addr[i], w->hash[i]);
	if (!place)
		return;
	e = &m->entry[place];
	unsay(e);
	e->until_ns = w->until_ns;
	e->len = w->name.len;
	if (s) {
		e->said = s;
		s->address_count++;
	} else {
		memcpy(e->text, w->name.text, SHORT_MAX);
	}
	list_add(m, place);
}

/* Puts what waits into the table: first, whatever is there of its addresses is asked for. */
static void settle(struct dns_memory *m)
{
	const struct waiting *w = &m->waiting;
	struct saying *s = NULL;
	uint32_t place;

	for (unsigned i = 0; i < m->waiting_count; i++) {
		place = index_first(&m->by_addr, w->hash[i]);
		__builtin_prefetch(&m->entry[place], 1);
		__builtin_prefetch(&m->links[place], 1);
	}
	if (w->name.len > SHORT_MAX) {
		s = say(m, &w->name);
		if (!s)
			m->waiting_count = 0;
		else
			s->address_count++; /* ours: it stays until the last address is in */
	}
	for (unsigned i = 0; i < m->waiting_count; i++)
		put(m, i, s);
	if (s && --s->address_count == 0)
		pool_give(s);
	m->waiting_count = 0;
}

/* At most WAITING_MAX addresses, of which the memory is fetched: their places in the index, and
 * those of the ones that would leave for them. */
static void await(struct dns_memory *m, const struct dpi_addr *addr, unsigned count)
{
	uint32_t leaving = m->count + count > m->max ? m->oldest : 0;
	struct waiting *w = &m->waiting;

	m->waiting_count = count;
	for (unsigned i = 0; i < count; i++) {
		w->addr[i] = addr[i];
		w->hash[i] = hash_of(m, &addr[i]);
		index_warm(&m->by_addr, w->hash[i]);
		if (leaving) {
			index_warm(&m->by_addr, m->entry[leaving].hash);
			leaving = m->links[leaving].newer;
		}
	}
}

void dns_memory_put(struct dns_memory *m, const struct dpi_addr *addr, size_t count,
		    const struct name *name, uint64_t ts_ns, uint32_t ttl_s)
{
	ttl_s = ttl_s < TTL_LEAST_S ? TTL_LEAST_S : ttl_s > TTL_MOST_S ? TTL_MOST_S : ttl_s;
	for (size_t n; count && m->max; addr += n, count -= n) {
		n = count < WAITING_MAX ? count : WAITING_MAX;
		if (m->waiting_count)
			settle(m);
		m->waiting.until_ns = ts_ns + ttl_s * NS_PER_S;
		m->waiting.name.len = name->len;
		/* A short one is copied whole, whatever is behind it. */
		memcpy(m->waiting.name.text, name->text,
		       name->len > SHORT_MAX ? name->len : SHORT_MAX);
		await(m, addr, (unsigned)n);
	}
}

bool dns_memory_get(struct dns_memory *m, const struct dpi_addr *addr, uint64_t ts_ns,
		    struct name *name)
{
	const struct entry *e;
	uint32_t place;

	if (m->waiting_count)
		settle(m);
	if (!m->count)
		return false;
	place = find(m, addr, hash_of(m, addr));
	if (!place)
		return false;
	e = &m->entry[place];
	if (ts_ns > e->until_ns)
		return false;
	memcpy(name->text, e->len > SHORT_MAX ? e->said->text : e->text, e->len);
	name->text[e->len] = '\0';
	name->len = e->len;
	return true;
}

void dns_memory_warm(const struct dns_memory *m, const struct dpi_addr *addr, int step)
{
	uint32_t hash, place;

	if (!m->count)
		return;
	hash = hash_of(m, addr);
	if (step == 0) {
		index_warm(&m->by_addr, hash);
		return;
	}
	place = index_first(&m->by_addr, hash);
	if (place)
		__builtin_prefetch(&m->entry[place]);
}

size_t dns_memory_count(struct dns_memory *m)
{
	if (m->waiting_count)
		settle(m);
	return m->count;
}
