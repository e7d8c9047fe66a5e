/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Adding connections up. Each table is keyed with the address of the sums themselves, which a
 * sender cannot know; nothing that leaves this room depends on the order inside a table.
 */
#include "report/sums.h"

#include "report/reading.h"

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

static struct sum_rule *rule_entry(struct sums *s, uint64_t id)
{
	struct sum_rule *r = find_rule(s, id);

	if (r || is_full(s, &s->rules))
		return r;
	r = calloc(1, sizeof(*r));
	if (r)
		r->id = id;
	return hold(s, &s->rules, r, r ? &r->node : NULL, id);
}

static struct sum_domain *domain_entry(struct sums *s, struct slice name)
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

static struct sum_addr *addr_entry(struct sums *s, const struct dpi_addr *addr)
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

static struct sum_pair *pair_entry(struct sums *s, struct sum_addr *src, struct sum_addr *dst)
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

static void add_port(struct sums *s, struct sum_addr *src, uint16_t port)
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

static struct sum_app *app_entry(struct sums *s, int app)
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

/* True when the same name came before position `end` of the connection's names. */
static bool is_repeated(const struct connection *c, struct slice name, size_t end)
{
	struct connection_name n;

	for (size_t at = 0; connection_next_name(c, &at, &n) && at < end;)
		if (slice_equal(n.text, name))
			return true;
	return false;
}

/* True when such a name says whose server answers, not what somebody asked a resolver. */
static bool names_a_host(enum app_proto source)
{
	return source == PROTO_TLS || source == PROTO_HTTP || source == PROTO_QUIC;
}

/* The first by name of two domains: commutative, so the order of rows does not show. */
static const struct sum_domain *first_of(const struct sum_domain *a, const struct sum_domain *b)
{
	size_t least;
	int by;

	if (!a || !b)
		return a ? a : b;
	least = a->len < b->len ? a->len : b->len;
	by = memcmp(a->text, b->text, least);
	if (!by)
		return a->len <= b->len ? a : b;
	return by < 0 ? a : b;
}

/* Adds the connection's names. Returns the one that stands for its destination, or NULL. */
static const struct sum_domain *add_domains(struct sums *s, const struct connection *c)
{
	const struct sum_domain *host = NULL;
	struct connection_name n;

	for (size_t at = 0; connection_next_name(c, &at, &n);) {
		struct sum_domain *d = domain_entry(s, n.text);

		if (!d)
			continue;
		if (!is_repeated(c, n.text, at)) {
			d->flows++;
			d->blocked_flows += c->is_blocked;
		}
		if (!host && names_a_host(n.source))
			host = d;
	}
	return host;
}

static void note_own(struct sum_addr *src, struct sum_addr *dst, const struct connection *c,
		     const struct reading *r)
{
	if (src && reading_shows_src_own(r))
		src->is_own = true;
	if (dst && reading_shows_dst_own(c, r))
		dst->is_own = true;
}

static void add_dst(struct sum_addr *dst, const struct connection *c, const struct reading *r,
		    const struct sum_domain *host)
{
	dst->to_flows++;
	dst->to_packets += connection_packets(c);
	dst->to_bytes += connection_bytes(c);
	dst->to_dropped += c->dropped_packets;
	dst->is_answering |= r->is_answered;
	dst->domain = first_of(dst->domain, host);
	if (!r->is_dst_public && !r->is_group)
		dst->reserved_flows++;
	if (reading_is_unusual(c, r)) {
		if (!dst->unusual_flows || r->dst_port < dst->unusual_port)
			dst->unusual_port = r->dst_port;
		dst->unusual_flows++;
	}
}

static void add_ends(struct sums *s, const struct connection *c, const struct sum_domain *host)
{
	struct reading r = reading_of(c);
	struct sum_addr *src = addr_entry(s, r.src), *dst = addr_entry(s, r.dst);
	struct sum_pair *pair = src && dst ? pair_entry(s, src, dst) : NULL;

	note_own(src, dst, c, &r);
	if (src) {
		src->from_flows++;
		if (reading_is_asked_of_host(c, &r))
			add_port(s, src, r.dst_port);
	}
	if (dst)
		add_dst(dst, c, &r, host);
	if (pair) {
		pair->flows++;
		pair->domain = first_of(pair->domain, host);
	}
}

void sums_add(struct sums *s, const struct connection *c)
{
	struct sum_app *app = app_entry(s, c->app);
	struct sum_rule *rule = c->rule ? rule_entry(s, c->rule) : NULL;

	s->flows++;
	s->packets += connection_packets(c);
	s->bytes += connection_bytes(c);
	s->dropped_packets += c->dropped_packets;
	s->late_packets += c->late_packets;
	if (app) {
		app->flows++;
		app->packets += connection_packets(c);
		app->bytes += connection_bytes(c);
		app->dropped_packets += c->dropped_packets;
		app->blocked_flows += c->is_blocked;
	}
	if (rule)
		rule->flows++;
	add_ends(s, c, add_domains(s, c));
}

static const struct sum_domain *merge_domain(struct sums *into, const struct sum_domain *d)
{
	return d ? domain_entry(into, slice_of(d->text, d->len)) : NULL;
}

static void merge_addr(struct sums *into, const struct sum_addr *from)
{
	struct sum_addr *a = addr_entry(into, &from->addr);

	if (!a)
		return;
	if (from->unusual_flows && (!a->unusual_flows || from->unusual_port < a->unusual_port))
		a->unusual_port = from->unusual_port;
	a->from_flows += from->from_flows;
	a->to_flows += from->to_flows;
	a->to_packets += from->to_packets;
	a->to_bytes += from->to_bytes;
	a->to_dropped += from->to_dropped;
	a->reserved_flows += from->reserved_flows;
	a->unusual_flows += from->unusual_flows;
	a->is_own |= from->is_own;
	a->is_answering |= from->is_answering;
	a->domain = first_of(a->domain, merge_domain(into, from->domain));
}

static void merge_apps(struct sums *into, const struct sums *from)
{
	for (size_t i = 0; i < from->app_count; i++) {
		const struct sum_app *f = &from->apps[i];
		struct sum_app *a = f->flows ? app_entry(into, (int)i) : NULL;

		if (!a)
			continue;
		a->flows += f->flows;
		a->packets += f->packets;
		a->bytes += f->bytes;
		a->dropped_packets += f->dropped_packets;
		a->blocked_flows += f->blocked_flows;
	}
}

static void merge_names(struct sums *into, const struct sums *from)
{
	for (struct table_node *n = table_walk(&from->rules, NULL); n;
	     n = table_walk(&from->rules, n)) {
		const struct sum_rule *f = table_entry(n, struct sum_rule, node);
		struct sum_rule *r = rule_entry(into, f->id);

		if (r)
			r->flows += f->flows;
	}
	for (struct table_node *n = table_walk(&from->domains, NULL); n;
	     n = table_walk(&from->domains, n)) {
		const struct sum_domain *f = table_entry(n, struct sum_domain, node);
		struct sum_domain *d = domain_entry(into, slice_of(f->text, f->len));

		if (!d)
			continue;
		d->flows += f->flows;
		d->blocked_flows += f->blocked_flows;
	}
}

static void merge_ends(struct sums *into, const struct sums *from)
{
	struct table_node *n;

	for (n = table_walk(&from->addrs, NULL); n; n = table_walk(&from->addrs, n))
		merge_addr(into, table_entry(n, struct sum_addr, node));
	for (n = table_walk(&from->pairs, NULL); n; n = table_walk(&from->pairs, n)) {
		const struct sum_pair *f = table_entry(n, struct sum_pair, node);
		struct sum_addr *src = addr_entry(into, &f->src->addr);
		struct sum_addr *dst = addr_entry(into, &f->dst->addr);
		struct sum_pair *p = src && dst ? pair_entry(into, src, dst) : NULL;

		if (!p)
			continue;
		p->flows += f->flows;
		p->domain = first_of(p->domain, merge_domain(into, f->domain));
	}
	for (n = table_walk(&from->ports, NULL); n; n = table_walk(&from->ports, n)) {
		const struct sum_port *f = table_entry(n, struct sum_port, node);
		struct sum_addr *src = addr_entry(into, &f->src->addr);

		if (src)
			add_port(into, src, f->port);
	}
}

void sums_merge(struct sums *into, const struct sums *from)
{
	into->flows += from->flows;
	into->packets += from->packets;
	into->bytes += from->bytes;
	into->dropped_packets += from->dropped_packets;
	into->late_packets += from->late_packets;
	into->unlisted += from->unlisted;
	into->failed |= from->failed;
	merge_apps(into, from);
	merge_names(into, from);
	merge_ends(into, from);
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
