/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room flow: addresses and the names that DNS answers gave them. It must never grow past its bound
 * or trust a time to live: an answer from the network may say anything.
 *
 * The addresses stand in one array, and in a list from the least to the most recently renewed; a
 * full memory gives the place of the oldest to the newcomer. What an answer said is kept once for
 * all of its addresses. The last answer waits until somebody asks, or the next one comes: by then,
 * the memory that it goes to has been fetched.
 */
#include "flow/dns_memory.h"

#include <errno.h>
#include <stdlib.h>

#include "base/index.h"
#include "base/pool.h"
#include "base/table.h"

enum {
	TTL_LEAST_S = 600,
	TTL_MOST_S = 86400,
	SIZES = 6,
	WAITING_MAX = 32, /* addresses */
};
#define NS_PER_S 1000000000ULL

/* What an answer said. */
struct saying {
	uint64_t until_ns;
	uint32_t address_count; /* that stand by it; none: it goes */
	uint8_t len;
	char text[]; /* NUL-terminated */
};

struct entry {
	struct dpi_addr addr;
	struct saying *said;
	uint32_t older, newer; /* places; 0: none */
	uint32_t hash;
};

/* What is not in the table yet. */
struct waiting {
	struct saying *said;
	struct dpi_addr addr[WAITING_MAX];
	uint32_t hash[WAITING_MAX];
};

struct dns_memory {
	/* One line of the cache: what each new flow asks. */
	struct index by_addr; /* places in entry[], from 1 on */
	struct entry *entry;
	uint64_t secret[2]; /* of the hash */
	uint32_t count, waiting_count;
	/* What answers touch. */
	size_t max;
	uint32_t oldest, newest;
	struct pages pages;
	struct pool of_size[SIZES];
	struct waiting waiting;
};

static const uint16_t sizes[SIZES] = {32, 48, 64, 96, 160, 288};

_Static_assert(offsetof(struct saying, text) + NAME_MAX_LEN + 1 <= 288, "the largest size does");

struct dns_memory *dns_memory_new(size_t max, uint64_t seed)
{
	struct dns_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->entry = calloc(max + 1, sizeof(*m->entry));
	if (!m->entry) {
		free(m);
		return NULL;
	}
	m->max = max;
	for (uint64_t i = 0; i < 2; i++)
		m->secret[i] = table_hash(seed, &i, sizeof(i));
	for (size_t i = 0; i < SIZES; i++)
		pool_init(&m->of_size[i], &m->pages, sizes[i], m);
	return m;
}

void dns_memory_free(struct dns_memory *m)
{
	if (!m)
		return;
	index_clear(&m->by_addr);
	for (size_t i = 0; i < SIZES; i++)
		pool_clear(&m->of_size[i]);
	pages_clear(&m->pages);
	free(m->entry);
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
	const struct entry *e = &m->entry[place];

	if (e->older)
		m->entry[e->older].newer = e->newer;
	else
		m->oldest = e->newer;
	if (e->newer)
		m->entry[e->newer].older = e->older;
	else
		m->newest = e->older;
}

/* Adds an address as the last one renewed. */
static void list_add(struct dns_memory *m, uint32_t place)
{
	m->entry[place].older = m->newest;
	m->entry[place].newer = 0;
	if (m->newest)
		m->entry[m->newest].newer = place;
	else
		m->oldest = place;
	m->newest = place;
}

static struct saying *say(struct dns_memory *m, const struct name *name, uint64_t until_ns)
{
	size_t size = sizeof(struct saying) + name->len + 1U, i = 0;
	struct saying *s;

	while (sizes[i] < size)
		i++;
	s = pool_take(&m->of_size[i]);
	if (!s)
		return NULL;
	s->until_ns = until_ns;
	s->len = name->len;
	memcpy(s->text, name->text, name->len);
	return s;
}

static void unsay(struct saying *s)
{
	if (--s->address_count == 0)
		pool_give(s);
}

/* A place for an address that has none, not in the list; 0 when out of memory. */
static uint32_t make_place(struct dns_memory *m, const struct dpi_addr *addr, uint32_t hash)
{
	uint32_t place = m->count + 1;
	struct entry *e;

	if (m->count == m->max) {
		place = m->oldest;
		list_remove(m, place);
		index_remove(&m->by_addr, m->entry[place].hash, place);
		unsay(m->entry[place].said);
		m->count--;
	}
	/* Where one has just left, this needs no memory. */
	if (index_add(&m->by_addr, hash, place))
		return 0;
	m->count++;
	e = &m->entry[place];
	e->addr = *addr;
	e->hash = hash;
	return place;
}

static void put(struct dns_memory *m, const struct dpi_addr *addr, uint32_t hash, struct saying *s)
{
	uint32_t place = find(m, addr, hash);

	s->address_count++;
	if (place) {
		unsay(m->entry[place].said);
		list_remove(m, place);
	} else {
		place = make_place(m, addr, hash);
	}
	if (!place) { /* out of memory: this one is left out */
		s->address_count--;
		return;
	}
	m->entry[place].said = s;
	list_add(m, place);
}

/* Puts what waits into the table. */
static void settle(struct dns_memory *m)
{
	struct waiting *w = &m->waiting;

	if (!m->waiting_count)
		return;
	for (size_t i = 0; i < m->waiting_count; i++)
		put(m, &w->addr[i], w->hash[i], w->said);
	unsay(w->said);
	m->waiting_count = 0;
}

/* At most WAITING_MAX addresses, of which the memory is fetched: their places in the index, and all
 * of those that would leave for them. */
static void await(struct dns_memory *m, const struct dpi_addr *addr, size_t count, struct saying *s)
{
	struct waiting *w = &m->waiting;
	uint32_t leaving;

	s->address_count++; /* ours: it stays until the last address is in */
	settle(m);
	w->said = s;
	m->waiting_count = (uint32_t)count;
	leaving = m->count + count > m->max ? m->oldest : 0;
	for (size_t i = 0; i < count; i++) {
		w->addr[i] = addr[i];
		w->hash[i] = hash_of(m, &addr[i]);
		index_warm(&m->by_addr, w->hash[i]);
		if (!leaving)
			continue;
		index_warm(&m->by_addr, m->entry[leaving].hash);
		__builtin_prefetch(m->entry[leaving].said, 1);
		leaving = m->entry[leaving].newer;
	}
}

int dns_memory_put(struct dns_memory *m, const struct dpi_addr *addr, size_t count,
		   const struct name *name, uint64_t ts_ns, uint32_t ttl_s)
{
	struct saying *s;

	if (!count || !m->max)
		return 0;
	ttl_s = ttl_s < TTL_LEAST_S ? TTL_LEAST_S : ttl_s > TTL_MOST_S ? TTL_MOST_S : ttl_s;
	s = say(m, name, ts_ns + ttl_s * NS_PER_S);
	if (!s)
		return -ENOMEM;
	for (size_t n; count; addr += n, count -= n) {
		n = count < WAITING_MAX ? count : WAITING_MAX;
		await(m, addr, n, s);
	}
	return 0;
}

bool dns_memory_get(struct dns_memory *m, const struct dpi_addr *addr, uint64_t ts_ns,
		    struct name *name)
{
	const struct saying *s;
	uint32_t place;

	settle(m);
	if (!m->count)
		return false;
	place = find(m, addr, hash_of(m, addr));
	if (!place)
		return false;
	s = m->entry[place].said;
	if (ts_ns > s->until_ns)
		return false;
	name->len = s->len;
	memcpy(name->text, s->text, s->len + 1U);
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
	settle(m);
	return m->count;
}
