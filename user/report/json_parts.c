/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The smaller parts of the report's JSON; see json_parts.h.
 */
#include "report/json_parts.h"

#include <stdio.h>

#include "base/print.h"

/* What a peer takes at most, but for its name. */
enum { PEER_MAX = ADDR_TEXT_MAX + 64 };

void json_part(struct json *j, const char *key, char bracket)
{
	json_line(j);
	json_key(j, key);
	json_open(j, bracket);
}

void json_part_head(struct json *j, const struct report *r)
{
	char seconds[32];

	json_pair_string(j, "schema", "dpi-xdp/report/1");
	json_pair_string(j, "input", r->config.input);
	json_pair_string(j, "output", r->config.output);
	json_key(j, "duration_s");
	if (r->config.is_reproducible || r->config.duration_s < 0) {
		json_null(j);
	} else {
		snprintf(seconds, sizeof(seconds), "%.6f", r->config.duration_s);
		json_number(j, seconds);
	}
}

void json_part_totals(struct json *j, const struct report *r)
{
	const struct engine_counters *c = &r->totals;
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

	json_line(j);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_pair_u64(j, rows[i].key, rows[i].value);
}

void json_part_apps(struct json *j, const struct report *r)
{
	json_part(j, "app_breakdown", '{');
	for (size_t i = 0; i < r->app_count; i++) {
		json_text_key(j, r->apps[i].name);
		json_u64(j, r->apps[i].sum.packets);
	}
	json_close(j, '}');
	json_part(j, "apps", '[');
	for (size_t i = 0; i < r->app_count; i++) {
		const struct model_app *a = &r->apps[i];

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

void json_domain(struct json *j, const struct report *r, const struct sum_domain *domain)
{
	json_open(j, '{');
	json_key(j, "domain");
	json_slice(j, slice_of(domain->text, domain->len));
	json_pair_string(j, "app", model_domain_app(r, domain));
	json_pair_u64(j, "flows", domain->flows);
	json_close(j, '}');
}

void json_part_sizes(struct json *j, const struct report *r)
{
	json_line(j);
	json_pair_u64(j, "connections_total", r->row_count + tally_unlisted(r->config.tally));
	json_pair_u64(j, "connections_blocked", r->blocked_count);
	json_pair_u64(j, "domains_total", r->domain_count);
	json_part(j, "domains", '[');
	for (size_t i = 0; i < r->domains.count; i++) {
		json_line(j);
		json_domain(j, r, r->domains.item[i]);
	}
	json_close(j, ']');
}

void json_rule(struct json *j, const struct report *r, const struct model_rule *rule)
{
	json_open(j, '{');
	json_key(j, "rule");
	json_rule_label(j, r->config.rules, rule->id);
	json_pair_u64(j, "flows", rule->flows);
	json_pair_u64(j, "packets", rule->packets);
	json_close(j, '}');
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

/* There may be hundreds of thousands in all: each is printed into room that was made before. */
static void put_peers(struct json *j, const struct model_peer *peers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sum_name *domain = peers[i].domain;
		size_t name = domain ? PRINT_JSON_BYTE_MAX * (size_t)domain->len : 0;
		char *at;

		json_open(j, '{');
		if (text_reserve(j->t, PEER_MAX + name)) {
			at = PRINT_LITERAL(j->t->at + j->t->len, "\"ip\":");
			at = json_print_addr(at, &peers[i].addr);
			at = PRINT_LITERAL(at, ",\"domain\":");
			at = domain ? print_json(at, slice_of(domain->text, domain->len))
				    : PRINT_LITERAL(at, "null");
			j->t->len = (size_t)(at - j->t->at);
		}
		json_close(j, '}');
	}
}

void json_suspect(struct json *j, const struct report *r, size_t suspect)
{
	const struct forensic_suspect *s = &r->forensic.suspects[suspect];
	const struct model_visit *visits;
	const struct model_peer *peers;
	size_t visit_count = model_visits_of(r, suspect, &visits);
	size_t peer_count = model_peers_of(r, suspect, &peers);

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
	put_peers(j, peers, peer_count < REPORT_PEERS_MAX ? peer_count : REPORT_PEERS_MAX);
	json_close(j, ']');
	json_close(j, '}');
}

void json_part_nets(struct json *j, const struct report *r)
{
	const struct forensic *f = &r->forensic;
	char text[ADDR_TEXT_MAX], net[ADDR_TEXT_MAX + 8];

	json_part(j, "local_nets", '[');
	for (size_t i = 0; i < f->net_count; i++) {
		bool is4 = dpi_addr_is4(&f->nets[i].addr) && f->nets[i].bits >= 96;

		snprintf(net, sizeof(net), "%s/%d", addr_format(&f->nets[i].addr, text),
			 f->nets[i].bits - (is4 ? 96 : 0));
		json_string(j, net);
	}
	json_close(j, ']');
}

void json_part_workers(struct json *j, const struct report *r)
{
	size_t count = r->config.is_reproducible ? 0 : r->config.worker_count;

	json_part(j, "workers", '[');
	for (size_t i = 0; i < count; i++) {
		const struct report_worker *w = &r->config.workers[i];

		json_open(j, '{');
		json_pair_u64(j, "worker", i);
		json_pair_u64(j, "packets", w->packets);
		json_pair_u64(j, "forwarded", w->forwarded);
		json_pair_u64(j, "dropped", w->dropped);
		json_pair_u64(j, "flows", w->flows);
		json_pair_u64(j, "names", w->names);
		json_close(j, '}');
	}
	json_close(j, ']');
}

void json_part_counters(struct json *j, const struct report *r)
{
	json_part(j, "counters", '{');
	for (size_t i = 0; i < r->counter_count; i++)
		json_pair_u64(j, r->counters[i].name, r->counters[i].value);
	json_close(j, '}');
}
