/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The tables of sums. Each is keyed with the address of the sums themselves, which a sender cannot
 * know; nothing that leaves this room depends on the order inside a table.
 */
#include "report/sums_table.h"

#include <stdlib.h>

static uint64_t seed_of(const struct sums *s)
{
	return (uint64_t)(uintptr_t)s;
}

/* Adds a new node (calloc'd by the caller) or frees it; NULL when it cannot be held. */
static void *hold(struct sums *s, struct table *t, void *entry, struct table_node *node,
		  uint64_t hash)
{
	if (!entry || table_add(t, node, hash)) {
		s->failed = true;
		free(entry);
		return NULL;
	}
	return entry;
}

static bool is_full(struct sums *s, const struct table *t)
{
	if (t->count < s->max)
		return false;
	s->unlisted++;
	return true;
}

static struct sum_rule *find_rule(const struct sums *s, uint64_t id)
{
	struct table_node *n = table_first(&s->rules, id);

	return n ? table_entry(n, struct sum_rule, node) : NULL;
}

struct sum_rule *sums_rule_entry(struct sums *s, uint64_t id)
{
	struct sum_rule *r = find_rule(s, id);

	if (r || is_full(s, &s->rules))
		return r;
	r = calloc(1, sizeof(*r));
	if (r)
		r->id = id;
	return hold(s, &s->rules, r, r ? &r->node : NULL, id);
}

struct sum_domain *sums_domain_entry(struct sums *s, struct slice name)
{
	uint64_t hash = table_hash(seed_of(s), name.at, name.len);
	struct sum_domain *d;

	for (struct table_node *n = table_first(&s->domains, hash); n; n = table_next(n)) {
		d = table_entry(n, struct sum_domain, node);
		if (slice_equal(slice_of(d->text, d->len), name))
			return d;
	}
	if (is_full(s, &s->domains))
		return NULL;
	d = calloc(1, sizeof(*d) + name.len + 1);
	if (d) {
		d->len = (uint8_t)name.len;
		memcpy(d->text, name.at, name.len);
	}
	return hold(s, &s->domains, d, d ? &d->node : NULL, hash);
}

static struct sum_addr *find_addr(const struct sums *s, const struct dpi_addr *addr, uint64_t hash)
{
	for (struct table_node *n = table_first(&s->addrs, hash); n; n = table_next(n)) {
		struct sum_addr *a = table_entry(n, struct sum_addr, node);

		if (!memcmp(&a->addr, addr, sizeof(*addr)))
			return a;
	}
	return NULL;
}

struct sum_addr *sums_addr_entry(struct sums *s, const struct dpi_addr *addr)
{
	uint64_t hash = table_hash(seed_of(s), addr, sizeof(*addr));
	struct sum_addr *a = find_addr(s, addr, hash);

	if (a || is_full(s, &s->addrs))
		return a;
	a = calloc(1, sizeof(*a));
	if (a)
		a->addr = *addr;
	return hold(s, &s->addrs, a, a ? &a->node : NULL, hash);
}

struct sum_pair *sums_pair_entry(struct sums *s, struct sum_addr *src, struct sum_addr *dst)
{
	const void *ends[2] = {src, dst};
	uint64_t hash = table_hash(seed_of(s), ends, sizeof(ends));
	struct sum_pair *p;

	for (struct table_node *n = table_first(&s->pairs, hash); n; n = table_next(n)) {
		p = table_entry(n, struct sum_pair, node);
		if (p->src == src && p->dst == dst)
			return p;
	}
	if (is_full(s, &s->pairs))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p) {
		p->src = src;
		p->dst = dst;
	}
	return hold(s, &s->pairs, p, p ? &p->node : NULL, hash);
}

void sums_add_port(struct sums *s, struct sum_addr *src, uint16_t port)
{
	uint64_t parts[2] = {(uint64_t)(uintptr_t)src, port};
	uint64_t hash = table_hash(seed_of(s), parts, sizeof(parts));
	struct sum_port *p;

	for (struct table_node *n = table_first(&s->ports, hash); n; n = table_next(n)) {
		p = table_entry(n, struct sum_port, node);
		if (p->src == src && p->port == port)
			return;
	}
	if (is_full(s, &s->ports))
		return;
	p = calloc(1, sizeof(*p));
	if (p) {
		p->src = src;
		p->port = port;
	}
	if (hold(s, &s->ports, p, p ? &p->node : NULL, hash))
		src->from_ports++;
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

	if (s)
		s->max = max ? max : SUMS_MAX;
	return s;
}

/* Frees the elements of a table whose node is their first member, then its buckets. */
static void free_table(struct table *t)
{
	struct table_node *n = table_walk(t, NULL);

	while (n) {
		struct table_node *next = table_walk(t, n);

		free(n);
		n = next;
	}
	table_clear(t);
}

_Static_assert(offsetof(struct sum_rule, node) == 0 && offsetof(struct sum_domain, node) == 0 &&
		       offsetof(struct sum_addr, node) == 0 &&
		       offsetof(struct sum_pair, node) == 0 && offsetof(struct sum_port, node) == 0,
	       "free_table frees by node");

void sums_free(struct sums *s)
{
	if (!s)
		return;
	free_table(&s->rules);
	free_table(&s->domains);
	free_table(&s->addrs);
	free_table(&s->pairs);
	free_table(&s->ports);
	free(s->apps);
	free(s);
}

const struct sum_rule *sums_rule(const struct sums *s, uint64_t id)
{
	return find_rule(s, id);
}

const struct sum_addr *sums_addr(const struct sums *s, const struct dpi_addr *addr)
{
	return find_addr(s, addr, table_hash(seed_of(s), addr, sizeof(*addr)));
}
