/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The report for a person: one box, a section a table. A section is a function that takes the page
 * and the report; the order of sections is the order of the table at the end.
 */
#include "report/model.h"
#include "report/page.h"
#include "report/page_apps.h"
#include "report/page_suspicious.h"
#include "report/tunnel.h"

#include <stdio.h>
#include <time.h>

enum { RULES_MAX = 100 };

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void field(struct page *p, const char *label)
{
	text_printf(&p->line, "%-18s ", label);
}

static void number(struct page *p, const char *label, uint64_t n)
{
	field(p, label);
	page_count(p, n, 17);
}

/* "2023-11-14 22:13:20.123 UTC" */
static void stamp(struct page *p, uint64_t ts_ns)
{
	time_t seconds = (time_t)(ts_ns / 1000000000);
	struct tm tm = {0};
	char day[40] = "";

	if (gmtime_r(&seconds, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
	text_printf(&p->line, "%s.%03u", day, (unsigned)(ts_ns / 1000000 % 1000));
}

static void path(struct page *p, const char *label, const char *value)
{
	if (!value)
		return;
	field(p, label);
	text_escaped(&p->line, slice_text(value));
	page_line(p);
}

static void rates(struct page *p, const struct report *r)
{
	double seconds = r->config.duration_s;
	char digits[27];

	if (r->config.is_reproducible || seconds < 0)
		return;
	field(p, "Duration");
	text_printf(&p->line, "%.3f s", seconds);
	page_line(p);
	if (seconds <= 0)
		return;
	field(p, "Rate");
	text_printf(&p->line, "%s packets/s ",
		    page_digits((uint64_t)((double)r->totals.packets / seconds), digits));
	text_printf(&p->line, MARK_DOT " %s/s",
		    page_bytes((uint64_t)((double)r->totals.bytes / seconds), digits));
	page_line(p);
}

static void show_head(struct page *p, const struct report *r)
{
	page_top(p);
	text_puts(&p->line, MARK_BOLD MARK_CYAN);
	text_escaped(&p->line, slice_text(r->config.title ? r->config.title : "dpi-xdp report"));
	page_line(p);
	page_empty(p);
	path(p, "Input", r->config.input);
	path(p, "Output", r->config.output);
	if (r->first_ns) {
		field(p, "Captured");
		stamp(p, r->first_ns);
		text_puts(&p->line, " UTC");
		text_printf(&p->line, " (%.3f s)", (double)(r->last_ns - r->first_ns) / 1e9);
		page_line(p);
	}
	rates(p, r);
}

static uint64_t tunnelled(const struct engine_counters *c)
{
	return c->tunnel_ip4 + c->tunnel_ip6 + c->tunnel_gre + c->tunnel_vxlan + c->tunnel_geneve +
	       c->tunnel_gtpu + c->tunnel_capwap + c->tunnel_teredo;
}

/* What hides: packets not plain, and flows whose names could not be read, or only in part; a line
 * where there are such. */
static void show_hidden(struct page *p, const struct report *r)
{
	const struct engine_counters *c = &r->totals;
	const struct {
		const char *label;
		uint64_t count;
	} rows[] = {
		{"Tunnelled packets", tunnelled(c)},
		{"Later IP fragments", c->fragments},
		{"ECH flows", c->ech},
		{"No-name flows", c->no_name},
		{"Undecided flows", c->undecided},
		{"DoH flows", c->doh},
		{"DoT flows", c->dot},
		{"DoQ flows", c->doq},
		{"Named by DNS", r->hearsay_count},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].count)
			continue;
		number(p, rows[i].label, rows[i].count);
		page_line(p);
	}
}

static void show_packets(struct page *p, const struct report *r)
{
	const struct engine_counters *c = &r->totals;

	page_heading(p, "PACKET STATISTICS");
	number(p, "Total packets", c->packets);
	page_line(p);
	number(p, "Total bytes", c->bytes);
	page_line(p);
	number(p, "TCP packets", c->tcp);
	page_line(p);
	number(p, "UDP packets", c->udp);
	page_line(p);
	number(p, "ICMP packets", c->icmp);
	page_line(p);
	number(p, "Other packets", c->other);
	page_line(p);
	number(p, "Unparsed packets", c->unparsed);
	page_line(p);
	text_puts(&p->line, MARK_GREEN);
	number(p, "Forwarded", c->forwarded);
	page_line(p);
	if (c->dropped)
		text_puts(&p->line, MARK_RED);
	number(p, "Dropped", c->dropped);
	page_line(p);
	if (c->late) {
		number(p, "Passed late", c->late);
		page_line(p);
	}
	field(p, "Drop rate");
	text_printf(&p->line, "%16.2f%%", percent(c->dropped, c->packets));
	page_line(p);
	show_hidden(p, r);
}

static void show_domains(struct page *p, const struct report *r)
{
	size_t count = r->domain_count < REPORT_TOP ? r->domain_count : REPORT_TOP;
	unsigned width = p->inner - 28;

	if (r->domain_count > count)
		page_heading(p, "TOP DOMAINS (%zu of %zu)", count, r->domain_count);
	else
		page_heading(p, "TOP DOMAINS");
	if (!count) {
		text_puts(&p->line, MARK_DIM "none seen");
		page_line(p);
	}
	for (size_t i = 0; i < count; i++) {
		const struct sum_domain *d = r->domains.item[i];

		page_cell(p, slice_of(d->text, d->len), width);
		text_putc(&p->line, ' ');
		page_cell(p, slice_text(model_domain_app(r, d)), 14);
		page_count(p, d->flows, 6);
		text_puts(&p->line, d->flows == 1 ? " flow " : " flows");
		page_line(p);
	}
}

static void rule_words(struct text *t, const struct model_rule *m)
{
	static const char *const kinds[RULE_KINDS] = {
		[RULE_IP] = "IP",	  [RULE_PORT] = "Port", [RULE_APP] = "App",
		[RULE_DOMAIN] = "Domain", [RULE_LIST] = "List", [RULE_DEVICE] = "Device",
	};

	if (!m->rule) {
		text_printf(t, "Rule since removed (%016llx)", (unsigned long long)m->id);
		return;
	}
	text_printf(t, "%s %s: ", m->rule->is_allow ? "Allow" : "Block", kinds[m->rule->kind]);
	text_escaped(t, m->rule->kind == RULE_LIST ? rule_list_name(m->rule)
						   : slice_text(m->rule->value));
}

static void show_rule(struct page *p, const struct model_rule *m)
{
	char packets[27], flows[27];
	const char *many_packets = m->packets == 1 ? "" : "s";
	const char *many_flows = m->flows == 1 ? "" : "s";

	rule_words(&p->line, m);
	text_puts(&p->line, " " MARK_RIGHT " ");
	if (m->rule && m->rule->is_allow)
		text_printf(&p->line, "%s flow%s allowed", page_digits(m->flows, flows),
			    many_flows);
	else
		text_printf(&p->line, "%s packet%s dropped, %s flow%s",
			    page_digits(m->packets, packets), many_packets,
			    page_digits(m->flows, flows), many_flows);
	page_line(p);
}

static void show_rules(struct page *p, const struct report *r)
{
	size_t count = r->rule_count < RULES_MAX ? r->rule_count : RULES_MAX;

	page_heading(p, "RULES APPLIED");
	if (!r->rule_count) {
		text_puts(&p->line, MARK_DIM "no rules in force");
		page_line(p);
	}
	for (size_t i = 0; i < count; i++)
		show_rule(p, &r->rules[i]);
	if (r->rule_count > count) {
		text_printf(&p->line, MARK_DIM "and %zu more", r->rule_count - count);
		page_line(p);
	}
}

static void show_dsts(struct page *p, const struct report *r)
{
	size_t count = r->dst_count < REPORT_TOP ? r->dst_count : REPORT_TOP;
	bool has_room = p->inner > 90, is_long;
	char addr[ADDR_TEXT_MAX];
	unsigned width = has_room ? p->inner - 30 - 40 : p->inner - 30 - 22;

	if (r->dst_count > count)
		page_heading(p, "TOP DESTINATION ADDRESSES (%zu of %zu)", count, r->dst_count);
	else
		page_heading(p, "TOP DESTINATION ADDRESSES");
	if (count) {
		text_printf(&p->line, MARK_DIM "%-*s %-*s%8s %10s %10s", has_room ? 39 : 21,
			    "Address", (int)width, "Domain", "Flows", "Packets", "Bytes");
		page_line(p);
	}
	for (size_t i = 0; i < count; i++) {
		const struct sum_addr *a = r->dsts.item[i];
		const struct sum_name *d = sum_addr_name(a);
		struct slice domain = d ? slice_of(d->text, d->len) : slice_text("");

		text_printf(&p->line, "%-*s ", has_room ? 39 : 21, addr_format(&a->addr, addr));
		/* A long IPv6 address takes the domain's room, which then has a line of its own. */
		is_long = strlen(addr) > (has_room ? 39 : 21);
		if (is_long)
			page_cell(p, slice_text(""),
				  strlen(addr) < 21 + width ? 21 + width - (unsigned)strlen(addr)
							    : 1);
		else
			page_cell(p, domain, width);
		page_count(p, a->to_flows, 8);
		text_putc(&p->line, ' ');
		page_count(p, a->to_packets, 10);
		text_putc(&p->line, ' ');
		page_size(p, a->to_bytes, 10);
		page_line(p);
		if (is_long && domain.len) {
			text_puts(&p->line, "  ");
			page_cell(p, domain, p->inner - 2);
			page_line(p);
		}
	}
}

static void show_workers(struct page *p, const struct report *r)
{
	if (r->config.is_reproducible || !r->config.worker_count)
		return;
	page_heading(p, "WORKERS");
	text_printf(&p->line, MARK_DIM "%6s %13s %13s %13s %10s %10s", "Worker", "Packets",
		    "Forwarded", "Dropped", "Flows", "Names");
	page_line(p);
	for (size_t i = 0; i < r->config.worker_count; i++) {
		const struct report_worker *w = &r->config.workers[i];

		text_printf(&p->line, "%6zu ", i);
		page_count(p, w->packets, 13);
		text_putc(&p->line, ' ');
		page_count(p, w->forwarded, 13);
		text_putc(&p->line, ' ');
		page_count(p, w->dropped, 13);
		text_putc(&p->line, ' ');
		page_count(p, w->flows, 10);
		text_putc(&p->line, ' ');
		page_count(p, w->names, 10);
		page_line(p);
	}
}

static void show_connection(struct page *p, const struct connection *c, const struct report *r)
{
	char src[ADDR_TEXT_MAX], dst[ADDR_TEXT_MAX], proto[8], label[REPORT_LABEL_MAX], digits[27];
	struct connection_name name;
	size_t at = 0;

	text_printf(&p->line, "%s:%u " MARK_RIGHT " %s:%u %s", addr_format(connection_src(c), src),
		    connection_src_port(c), addr_format(connection_dst(c), dst),
		    connection_dst_port(c), report_protocol(c->key.proto, proto));
	page_line(p);
	text_printf(&p->line, "    %s " MARK_DOT " %s " MARK_DOT " %s packet%s",
		    catalogue_name(r->config.catalogue, c->app), flow_state_name(c->state),
		    page_digits(connection_packets(c), digits),
		    connection_packets(c) == 1 ? "" : "s");
	if (connection_next_name(c, &at, &name)) {
		text_puts(&p->line, " " MARK_DOT " ");
		text_escaped(&p->line, name.text);
		if (name.source == PROTO_LEARNT)
			text_puts(&p->line, " (by DNS)");
	}
	if (tunnel_name(c->tunnel))
		text_printf(&p->line, " " MARK_DOT " in %s", tunnel_name(c->tunnel));
	if (c->is_blocked) {
		report_rule_label(r->config.rules, c->rule, label, sizeof(label));
		text_puts(&p->line, "  " MARK_RED MARK_LEFT " ");
		text_escaped(&p->line, slice_text(label));
	}
	page_line(p);
}

static void show_details(struct page *p, const struct report *r)
{
	struct connection row;

	if (!p->style.is_verbose)
		return;
	page_heading(p, "CONNECTIONS");
	for (size_t i = 0; i < r->row_count && !p->err; i++) {
		tally_row(r->config.tally, i, &row);
		show_connection(p, &row, r);
	}
	page_heading(p, "COUNTERS");
	for (size_t i = 0; i < r->counter_count; i++) {
		const struct report_counter *c = &r->counters[i];

		if (!c->value)
			continue;
		text_printf(&p->line, "%-22s ", c->name);
		page_count(p, c->value, 13);
		text_printf(&p->line, "  " MARK_DIM "%s", c->help ? c->help : "");
		page_line(p);
	}
}

int report_text(const struct report *r, const struct report_style *style,
		const struct report_out *to)
{
	static void (*const sections[])(struct page *, const struct report *) = {
		show_head,	 show_packets, page_apps,    show_domains, show_rules,
		page_suspicious, show_dsts,    show_workers, show_details,
	};
	struct page p;

	page_begin(&p, style, to);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		sections[i](&p, r);
	page_bottom(&p);
	return page_end(&p);
}
