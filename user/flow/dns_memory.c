/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room flow: addresses and the names that DNS answers gave them. It must never grow past its bound
 * or trust a time to live: an answer from the network may say anything.
 */
#include "flow/dns_memory.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

enum { TTL_LEAST_S = 600, TTL_MOST_S = 86400 };
#define NS_PER_S 1000000000ULL

struct entry {
	struct table_node node;
	struct entry *older, *newer;
	struct dpi_addr addr;
	uint64_t until_ns;
	uint8_t len;
	char text[]; /* NUL-terminated */
};

struct dns_memory {
	struct table table;
	uint64_t seed;
	size_t max;
	struct entry *oldest, *newest;
};

struct dns_memory *dns_memory_new(size_t max, uint64_t seed)
{
	struct dns_memory *m = calloc(1, sizeof(*m));

	if (m) {
		m->max = max;
		m->seed = seed;
	}
	return m;
}

static void leave(struct dns_memory *m, struct entry *e)
{
	if (e->older)
		e->older->newer = e->newer;
	else
		m->oldest = e->newer;
	if (e->newer)
		e->newer->older = e->older;
	else
		m->newest = e->older;
	table_remove(&m->table, &e->node);
	free(e);
}

void dns_memory_free(struct dns_memory *m)
{
	if (!m)
		return;
	while (m->oldest)
		leave(m, m->oldest);
	table_clear(&m->table);
	free(m);
}

static struct entry *find(const struct dns_memory *m, const struct dpi_addr *addr, uint64_t hash)
{
	for (struct table_node *n = table_first(&m->table, hash); n; n = table_next(n)) {
		struct entry *e = table_entry(n, struct entry, node);

		if (memcmp(&e->addr, addr, sizeof(*addr)) == 0)
			return e;
	}
	return NULL;
}

int dns_memory_put(struct dns_memory *m, const struct dpi_addr *addr, const struct name *name,
		   uint64_t ts_ns, uint32_t ttl_s)
{
	uint64_t hash = table_hash(m->seed, addr, sizeof(*addr));
	struct entry *old = find(m, addr, hash);
	struct entry *e = calloc(1, sizeof(*e) + (size_t)name->len + 1);

	if (!e)
		return -ENOMEM;
	if (table_add(&m->table, &e->node, hash)) {
		free(e);
		return -ENOMEM;
	}
	if (old)
		leave(m, old);
	e->addr = *addr;
	e->len = name->len;
	memcpy(e->text, name->text, name->len);
	ttl_s = ttl_s < TTL_LEAST_S ? TTL_LEAST_S : ttl_s > TTL_MOST_S ? TTL_MOST_S : ttl_s;
	e->until_ns = ts_ns + ttl_s * NS_PER_S;
	e->older = m->newest;
	if (m->newest)
		m->newest->newer = e;
	else
		m->oldest = e;
	m->newest = e;
	if (m->table.count > m->max)
		leave(m, m->oldest);
	return 0;
}

bool dns_memory_get(struct dns_memory *m, const struct dpi_addr *addr, uint64_t ts_ns,
		    struct name *name)
{
	const struct entry *e;

	if (!m->oldest)
		return false;
	e = find(m, addr, table_hash(m->seed, addr, sizeof(*addr)));
	if (!e || ts_ns > e->until_ns)
		return false;
	return name_set(name, slice_of(e->text, e->len));
}

size_t dns_memory_count(const struct dns_memory *m)
{
	return m->table.count;
}
