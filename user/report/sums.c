/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Adding connections up, and sums to sums; their tables are in sums_table.c.
 */
#include "report/sums_table.h"

#include "report/reading.h"

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
	return source == PROTO_TLS || source == PROTO_HTTP || source == PROTO_QUIC ||
	       source == PROTO_DTLS || source == PROTO_HTTP2 || source == PROTO_XMPP;
}

/* The first by name of two domains: commutative, so the order of rows does not show. */
static const struct sum_name *first_of(const struct sum_name *a, const struct sum_name *b)
{
	size_t least;
	int by;

	if (a == b || !b)
		return a;
	if (!a)
		return b;
	least = a->len < b->len ? a->len : b->len;
	by = memcmp(a->text, b->text, least);
	if (!by)
		return a->len <= b->len ? a : b;
	return by < 0 ? a : b;
}

/* What a connection's names say of its destination. */
struct told {
	const struct sum_name *host, *learnt; /* asked for; from a DNS answer; or NULL */
};

static void tell(struct told *told, enum app_proto source, const struct sum_name *name)
{
	if (!told->host && names_a_host(source))
		told->host = name;
	if (source == PROTO_LEARNT)
		told->learnt = name;
}

static const struct sum_name *name_of(const struct sum_domain *d)
{
	return (const struct sum_name *)&d->len;
}

/* The same, of names that stay with the connection. */
static struct told told_by(const struct connection *c)
{
	struct told told = {NULL, NULL};
	struct connection_name n;

	for (size_t at = 0; connection_next_name(c, &at, &n);)
		tell(&told, n.source, (const struct sum_name *)(n.text.at - 1));
	return told;
}

static struct told add_domains(struct sums *s, const struct connection *c,
			       const struct sums_sought *k)
{
	struct told told = {NULL, NULL};
	struct connection_name n;
	bool is_first = true;

	for (size_t at = 0; connection_next_name(c, &at, &n); is_first = false) {
		struct sum_domain *d = is_first ? sums_first_domain(s, n.text, k)
						: sums_domain_entry(s, n.text);

		if (!d)
			continue;
		if (is_first || !is_repeated(c, n.text, at)) {
			d->flows++;
			d->blocked_flows += c->is_blocked;
		}
		tell(&told, n.source, name_of(d));
	}
	return told;
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
		    struct told told)
{
	dst->to_flows++;
	dst->to_packets += connection_packets(c);
	dst->to_bytes += connection_bytes(c);
	dst->to_dropped += c->dropped_packets;
	if (r->is_answered)
		dst->is_answering = true;
	dst->domain = first_of(dst->domain, told.host);
	dst->learnt = first_of(dst->learnt, told.learnt);
	if (!r->is_dst_public && !r->is_group)
		dst->reserved_flows++;
	if (reading_is_unusual(c, r)) {
		if (!dst->unusual_flows || r->dst_port < dst->unusual_port)
			dst->unusual_port = r->dst_port;
		dst->unusual_flows++;
	}
}

static bool is_public(const struct sum_addr *a, const struct dpi_addr *addr)
{
	return a ? a->is_public : !addr_is_reserved(addr);
}

static void add_ends(struct sums *s, const struct connection *c, struct told told,
		     const struct sums_sought *k)
{
	struct sum_addr *src = k->src_at, *dst = k->dst_at;
	struct reading r = reading_of(c, is_public(src, connection_src(c)),
				      is_public(dst, connection_dst(c)));
	struct sum_pair *pair = src && dst ? sums_pair_entry(s, src, dst) : NULL;

	note_own(src, dst, c, &r);
	if (src) {
		src->from_flows++;
		if (reading_is_asked_of_host(c, &r))
			sums_add_port(s, src, r.dst_port);
	}
	if (dst)
		add_dst(dst, c, &r, told);
	if (pair) {
		pair->flows++;
		pair->domain = first_of(pair->domain, told.host);
	}
}

static void add_counts(struct sums *s, const struct connection *c)
{
	struct sum_app *app = sums_app_entry(s, c->app);
	struct sum_rule *rule = c->rule ? sums_rule_entry(s, c->rule) : NULL;

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
}

void sums_add(struct sums *s, const struct connection *c)
{
	struct sums_sought names = sums_seek_names(s, c), ends = sums_seek_ends(s, c);

	add_counts(s, c);
	sums_find_ends(s, c, &ends);
	add_ends(s, c, add_domains(s, c, &names), &ends);
}

void sums_add_names(struct sums *s, const struct connection *c, const struct sums_sought *k)
{
	add_counts(s, c);
	add_domains(s, c, k);
}

void sums_add_ends(struct sums *s, const struct connection *c, const struct sums_sought *k)
{
	add_ends(s, c, told_by(c), k);
}

static const struct sum_name *merge_name(struct sums *into, const struct sum_name *n)
{
	struct sum_domain *d = n ? sums_domain_entry(into, slice_of(n->text, n->len)) : NULL;

	return d ? name_of(d) : NULL;
}

static void merge_addr(struct sums *into, const struct sum_addr *from)
{
	struct sum_addr *a = sums_addr_entry(into, &from->addr);

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
	if (from->is_own)
		a->is_own = true;
	if (from->is_answering)
		a->is_answering = true;
	a->domain = first_of(a->domain, merge_name(into, from->domain));
	a->learnt = first_of(a->learnt, merge_name(into, from->learnt));
	for (size_t i = 0; i < from->port_count; i++)
		sums_add_port(into, a, from->port[i]);
}

static void merge_apps(struct sums *into, const struct sums *from)
{
	for (size_t i = 0; i < from->app_count; i++) {
		const struct sum_app *f = &from->apps[i];
		struct sum_app *a = f->flows ? sums_app_entry(into, (int)i) : NULL;

		if (!a)
			continue;
		a->flows += f->flows;
		a->packets += f->packets;
		a->bytes += f->bytes;
		a->dropped_packets += f->dropped_packets;
		a->blocked_flows += f->blocked_flows;
	}
}

static void merge_domains(struct sums *into, const struct sums *from)
{
	const struct sum_domain *f;
	const struct sum_rule *rule;
	size_t at = 0;

	while ((rule = sums_next_rule(from, &at))) {
		struct sum_rule *r = sums_rule_entry(into, rule->id);

		if (r)
			r->flows += rule->flows;
	}
	for (at = 0; (f = sums_next_domain(from, &at));) {
		struct sum_domain *d = sums_domain_entry(into, slice_of(f->text, f->len));

		if (!d)
			continue;
		d->flows += f->flows;
		d->blocked_flows += f->blocked_flows;
	}
}

void sums_merge_ends(struct sums *into, const struct sums *from)
{
	const struct sum_addr *a;
	const struct sum_pair *f;
	const struct sum_port *port;
	size_t at = 0;

	while ((a = sums_next_addr(from, &at)))
		merge_addr(into, a);
	for (at = 0; (f = sums_next_pair(from, &at));) {
		struct sum_addr *src = sums_addr_entry(into, &f->src->addr);
		struct sum_addr *dst = sums_addr_entry(into, &f->dst->addr);
		struct sum_pair *p = src && dst ? sums_pair_entry(into, src, dst) : NULL;

		if (!p)
			continue;
		p->flows += f->flows;
		p->domain = first_of(p->domain, merge_name(into, f->domain));
	}
	for (at = 0; (port = sums_next_port(from, &at));) {
		struct sum_addr *src = sums_addr_entry(into, &port->src->addr);

		if (src)
			sums_add_port(into, src, port->port);
	}
}

void sums_merge_names(struct sums *into, const struct sums *from)
{
	into->flows += from->flows;
	into->packets += from->packets;
	into->bytes += from->bytes;
	into->dropped_packets += from->dropped_packets;
	into->late_packets += from->late_packets;
	into->unlisted += from->unlisted;
	into->failed |= from->failed;
	merge_apps(into, from);
	merge_domains(into, from);
}

void sums_merge(struct sums *into, const struct sums *from)
{
	sums_merge_names(into, from);
	sums_merge_ends(into, from);
}
