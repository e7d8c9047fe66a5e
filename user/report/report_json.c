/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The report as JSON, schema dpi-xdp/report/1. Keys and their meaning are a promise to clients:
 * they are added to, never changed. Written in pieces, so that a million rows need no room.
 */
#include "report/domain_order.h"
#include "report/json_row.h"
#include "report/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 65536 };

/* One document on its way out. */
struct document {
	const struct report *r;
	const struct report_out *to;
	struct text t;
	struct json j;
	int err;
};

static void flush(struct document *d)
{
	if (!d->err && d->t.failed)
		d->err = -ENOMEM;
	if (!d->err && d->t.len)
		d->err = d->to->write(d->to->ctx, d->t.at, d->t.len);
	d->t.len = 0;
}

static void flush_full(struct document *d)
{
	if (d->t.len >= PIECE)
		flush(d);
}

static void put_head(struct document *d)
{
	const struct report *r = d->r;
	char seconds[32];

	json_pair_string(&d->j, "schema", "dpi-xdp/report/1");
	json_pair_string(&d->j, "input", r->config.input);
	json_pair_string(&d->j, "output", r->config.output);
	json_key(&d->j, "duration_s");
	if (r->config.is_reproducible || r->config.duration_s < 0) {
		json_null(&d->j);
	} else {
		snprintf(seconds, sizeof(seconds), "%.6f", r->config.duration_s);
		json_number(&d->j, seconds);
	}
}

static void put_totals(struct document *d)
{
	const struct engine_counters *c = &d->r->totals;
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{"total_packets", c->packets},
		{"total_bytes", c->bytes},
		{"forwarded_packets", c->forwarded},
		{"dropped_packets", c->dropped},
		{"late_packets", c->late},
		{"tcp_packets", c->tcp},
		{"udp_packets", c->udp},
		{"icmp_packets", c->icmp},
		{"other_packets", c->other},
		{"unparsed_packets", c->unparsed},
	};

	json_line(&d->j);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_pair_u64(&d->j, rows[i].key, rows[i].value);
}

/* Begins a member that is a list or an object, on its own line. */
static void open_part(struct document *d, const char *key, char bracket)
{
	json_line(&d->j);
	json_key(&d->j, key);
	json_open(&d->j, bracket);
}

static void put_apps(struct document *d)
{
	struct json *j = &d->j;

	open_part(d, "app_breakdown", '{');
	for (size_t i = 0; i < d->r->app_count; i++) {
		json_text_key(j, d->r->apps[i].name);
		json_u64(j, d->r->apps[i].sum.packets);
	}
	json_close(j, '}');
	open_part(d, "apps", '[');
	for (size_t i = 0; i < d->r->app_count; i++) {
		const struct model_app *a = &d->r->apps[i];

		json_line(j);
		json_open(j, '{');
		json_pair_string(j, "app", a->name);
		json_pair_string(j, "category", a->category);
		json_pair_u64(j, "flows", a->sum.flows);
		json_pair_u64(j, "packets", a->sum.packets);
		json_pair_u64(j, "bytes", a->sum.bytes);
		json_pair_u64(j, "dropped_packets", a->sum.dropped_packets);
		json_pair_bool(j, "blocked", a->sum.blocked_flows > 0);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_domain_row(struct document *d, const struct sum_domain *domain)
{
	json_line(&d->j);
	json_open(&d->j, '{');
	json_key(&d->j, "domain");
	json_slice(&d->j, slice_of(domain->text, domain->len));
	json_pair_string(&d->j, "app", model_domain_app(d->r, domain));
	json_pair_u64(&d->j, "flows", domain->flows);
	json_close(&d->j, '}');
	flush_full(d);
}

/* All names, sorted as the escaped text sorts, which is what a client sees; then those of most
 * flows first. */
static void put_domains(struct document *d)
{
	size_t count = d->r->domain_count;
	struct domain_place *place = domain_order_names(d->r->sums);

	if (!place) {
		d->err = -ENOMEM;
		return;
	}
	open_part(d, "domains_detected", '[');
	for (size_t i = 0; i < count; i++, flush_full(d))
		json_slice(&d->j, slice_of(place[i].domain->text, place[i].domain->len));
	json_close(&d->j, ']');
	if (domain_order_flows(place, count))
		d->err = -ENOMEM;
	open_part(d, "domains", '[');
	for (size_t i = 0; i < count && !d->err; i++)
		put_domain_row(d, place[i].domain);
	json_close(&d->j, ']');
	free(place);
}

/* The rows, or the blocked ones alone, of which there are so many. */
static void put_rows(struct document *d, const char *key, size_t count, bool is_blocked_only)
{
	const struct report *r = d->r;
	struct connection c;

	open_part(d, key, '[');
	for (size_t i = 0; count && i < r->row_count && !d->err; i++) {
		tally_row(r->config.tally, i, &c);
		if (is_blocked_only && !c.is_blocked)
			continue;
		json_line(&d->j);
		json_connection(&d->j, &c, r->config.catalogue, r->config.rules);
		flush_full(d);
		count--;
	}
	json_close(&d->j, ']');
}

static void put_connections(struct document *d)
{
	put_rows(d, "connections", d->r->row_count, false);
	put_rows(d, "blocked_connections", d->r->blocked_count, true);
}

/* In place of domains and connections: how many there are, and the first domains. */
static void put_sizes(struct document *d)
{
	const struct report *r = d->r;

	json_line(&d->j);
	json_pair_u64(&d->j, "connections_total", r->row_count + tally_unlisted(r->config.tally));
	json_pair_u64(&d->j, "connections_blocked", r->blocked_count);
	json_pair_u64(&d->j, "domains_total", r->domain_count);
	open_part(d, "domains", '[');
	for (size_t i = 0; i < r->domains.count; i++)
		put_domain_row(d, r->domains.item[i]);
	json_close(&d->j, ']');
}

static void put_rules(struct document *d)
{
	open_part(d, "rules", '[');
	for (size_t i = 0; i < d->r->rule_count; i++, flush_full(d)) {
		const struct model_rule *m = &d->r->rules[i];

		json_line(&d->j);
		json_open(&d->j, '{');
		json_key(&d->j, "rule");
		json_rule_label(&d->j, d->r->config.rules, m->id);
		json_pair_u64(&d->j, "flows", m->flows);
		json_pair_u64(&d->j, "packets", m->packets);
		json_close(&d->j, '}');
	}
	json_close(&d->j, ']');
}

static void put_reasons(struct json *j, const struct forensic_suspect *s)
{
	json_key(j, "reasons");
	json_open(j, '[');
	for (int k = 0; k < FORENSIC_KINDS; k++) {
		if (!s->count[k])
			continue;
		json_open(j, '{');
		json_pair_string(j, "kind", forensic_kind_name(k));
		json_pair_u64(j, "count", s->count[k]);
		if (k == FORENSIC_UNUSUAL_PORT)
			json_pair_u64(j, "port", s->port);
		if (k == FORENSIC_ASSOCIATED)
			json_pair_addr(j, "source", &s->source);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_suspect(struct document *d, size_t suspect)
{
	const struct forensic_suspect *s = &d->r->forensic.suspects[suspect];
	const struct model_visit *visits;
	const struct model_peer *peers;
	size_t visit_count = model_visits_of(d->r, suspect, &visits);
	size_t peer_count = model_peers_of(d->r, suspect, &peers);
	struct json *j = &d->j;

	json_open(j, '{');
	json_pair_addr(j, "ip", &s->addr->addr);
	put_reasons(j, s);
	json_key(j, "domains");
	json_open(j, '[');
	for (size_t i = 0; i < visit_count && i < REPORT_PEERS_MAX; i++)
		json_slice(j, visits[i].domain);
	json_close(j, ']');
	json_key(j, "peers");
	json_open(j, '[');
	for (size_t i = 0; i < peer_count && i < REPORT_PEERS_MAX; i++) {
		const struct sum_domain *domain = peers[i].domain;

		json_open(j, '{');
		json_pair_addr(j, "ip", peers[i].addr);
		json_key(j, "domain");
		if (domain)
			json_slice(j, slice_of(domain->text, domain->len));
		else
			json_null(j);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void put_suspicious(struct document *d)
{
	const struct forensic *f = &d->r->forensic;
	char text[ADDR_TEXT_MAX], net[ADDR_TEXT_MAX + 8];

	open_part(d, "suspicious", '[');
	for (size_t i = 0; i < f->suspect_count; i++, flush_full(d)) {
		json_line(&d->j);
		put_suspect(d, d->r->suspect_order[i]);
	}
	json_close(&d->j, ']');
	open_part(d, "local_nets", '[');
	for (size_t i = 0; i < f->net_count; i++, flush_full(d)) {
		bool is4 = dpi_addr_is4(&f->nets[i].addr) && f->nets[i].bits >= 96;

		snprintf(net, sizeof(net), "%s/%d", addr_format(&f->nets[i].addr, text),
			 f->nets[i].bits - (is4 ? 96 : 0));
		json_string(&d->j, net);
	}
	json_close(&d->j, ']');
}

static void put_workers(struct document *d)
{
	size_t count = d->r->config.is_reproducible ? 0 : d->r->config.worker_count;

	open_part(d, "workers", '[');
	for (size_t i = 0; i < count; i++) {
		const struct report_worker *w = &d->r->config.workers[i];

		json_open(&d->j, '{');
		json_pair_u64(&d->j, "worker", i);
		json_pair_u64(&d->j, "packets", w->packets);
		json_pair_u64(&d->j, "forwarded", w->forwarded);
		json_pair_u64(&d->j, "dropped", w->dropped);
		json_pair_u64(&d->j, "flows", w->flows);
		json_pair_u64(&d->j, "names", w->names);
		json_close(&d->j, '}');
	}
	json_close(&d->j, ']');
}

static void put_counters(struct document *d)
{
	open_part(d, "counters", '{');
	for (size_t i = 0; i < d->r->counter_count; i++)
		json_pair_u64(&d->j, d->r->counters[i].name, d->r->counters[i].value);
	json_close(&d->j, '}');
}

static int document_write(const struct report *r, const struct report_out *to,
			  void (*const *parts)(struct document *), size_t count)
{
	struct document d = {.r = r, .to = to};

	d.j = json_to(&d.t);
	json_open(&d.j, '{');
	for (size_t i = 0; i < count && !d.err; i++) {
		parts[i](&d);
		flush_full(&d);
	}
	json_close(&d.j, '}');
	text_putc(&d.t, '\n');
	flush(&d);
	text_clear(&d.t);
	return d.err;
}

int report_json(const struct report *r, const struct report_out *to)
{
	static void (*const parts[])(struct document *) = {
		put_head,  put_totals,	   put_apps,	put_domains,  put_connections,
		put_rules, put_suspicious, put_workers, put_counters,
	};

	return document_write(r, to, parts, sizeof(parts) / sizeof(parts[0]));
}

int report_summary_json(const struct report *r, const struct report_out *to)
{
	static void (*const parts[])(struct document *) = {
		put_head,  put_totals,	   put_apps,	put_sizes,
		put_rules, put_suspicious, put_workers, put_counters,
	};

	return document_write(r, to, parts, sizeof(parts) / sizeof(parts[0]));
}
