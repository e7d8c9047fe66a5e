/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A connection as a JSON object: a row of the report (schema dpi-xdp/report/1) and of `flows`.
 */
#include "report/json_row.h"

#include "report/tunnel.h"

void json_pair_addr(struct json *j, const char *key, const struct dpi_addr *a)
{
	char text[ADDR_TEXT_MAX];

	json_pair_string(j, key, addr_format(a, text));
}

void json_rule_label(struct json *j, const struct rules *rules, uint64_t id)
{
	char label[REPORT_LABEL_MAX];

	report_rule_label(rules, id, label, sizeof(label));
	json_string(j, label);
}

/* What stands between two values is one literal: a report has a million of these rows. */
static void put_addr(struct text *t, const struct dpi_addr *a)
{
	char text[ADDR_TEXT_MAX];

	text_puts(t, addr_format(a, text));
}

/* A word of our own, which holds nothing to escape. */
static void put_word(struct text *t, const char *s)
{
	if (!s) {
		text_puts(t, "null");
		return;
	}
	text_putc(t, '"');
	text_puts(t, s);
	text_putc(t, '"');
}

static void put_string(struct text *t, const char *s)
{
	if (s)
		text_json(t, slice_text(s));
	else
		text_puts(t, "null");
}

static void put_names(struct text *t, const struct connection *c)
{
	struct connection_name name;
	size_t at = 0;

	text_puts(t, ",\"domain\":");
	if (connection_next_name(c, &at, &name))
		text_json(t, name.text);
	else
		text_puts(t, "null");
	text_puts(t, ",\"names\":[");
	at = 0;
	for (bool is_first = true; connection_next_name(c, &at, &name); is_first = false) {
		text_puts(t, is_first ? "{\"source\":" : ",{\"source\":");
		put_word(t, proto_source(name.source));
		text_puts(t, ",\"name\":");
		text_json(t, name.text);
		text_putc(t, '}');
	}
	text_putc(t, ']');
}

static void put_flags(struct text *t, uint32_t flags)
{
	bool is_first = true;

	text_puts(t, ",\"flags\":[");
	for (; flags; flags &= flags - 1) {
		const char *name = flow_flag_name((enum flow_flag)(flags & -flags));

		if (!name)
			continue;
		if (!is_first)
			text_putc(t, ',');
		put_word(t, name);
		is_first = false;
	}
	text_putc(t, ']');
}

/* Fingerprint and tunnel: each null where there is none. */
static void put_carrier(struct text *t, const struct connection *c)
{
	text_puts(t, ",\"ja4\":");
	put_word(t, c->ja4[0] ? c->ja4 : NULL);
	if (!c->tunnel) {
		text_puts(t, ",\"tunnel\":null,\"outer_src\":null,\"outer_dst\":null");
		return;
	}
	text_puts(t, ",\"tunnel\":");
	put_word(t, tunnel_name(c->tunnel));
	text_puts(t, ",\"outer_src\":\"");
	put_addr(t, connection_outer_src(c));
	text_puts(t, "\",\"outer_dst\":\"");
	put_addr(t, connection_outer_dst(c));
	text_putc(t, '"');
}

static void put_ends(struct text *t, const struct connection *c)
{
	char proto[8];

	text_puts(t, "\"src_ip\":\"");
	put_addr(t, connection_src(c));
	text_puts(t, "\",\"dst_ip\":\"");
	put_addr(t, connection_dst(c));
	text_puts(t, "\",\"src_port\":");
	text_u64(t, connection_src_port(c));
	text_puts(t, ",\"dst_port\":");
	text_u64(t, connection_dst_port(c));
	text_puts(t, ",\"protocol\":");
	put_word(t, report_protocol(c->key.proto, proto));
}

static void put_counts(struct text *t, const struct connection *c)
{
	text_puts(t, ",\"state\":");
	put_word(t, flow_state_name(c->state));
	text_puts(t, ",\"packets\":");
	text_u64(t, connection_packets(c));
	text_puts(t, ",\"bytes\":");
	text_u64(t, connection_bytes(c));
	text_puts(t, ",\"dropped_packets\":");
	text_u64(t, c->dropped_packets);
	text_puts(t, ",\"late_packets\":");
	text_u64(t, c->late_packets);
}

void json_connection(struct json *j, const struct connection *c, const struct catalogue *catalogue,
		     const struct rules *rules)
{
	struct text *t = j->t;
	char label[REPORT_LABEL_MAX];

	json_open(j, '{');
	put_ends(t, c);
	text_puts(t, ",\"app\":");
	put_string(t, catalogue_name(catalogue, c->app));
	text_puts(t, ",\"category\":");
	put_string(t, catalogue_category(catalogue, c->app));
	text_puts(t, ",\"app_protocol\":");
	put_word(t, proto_name(c->proto));
	put_names(t, c);
	put_counts(t, c);
	if (c->is_blocked) {
		text_puts(t, ",\"blocked\":true,\"block_reason\":");
		report_rule_label(rules, c->rule, label, sizeof(label));
		put_string(t, label);
	} else {
		text_puts(t, ",\"blocked\":false,\"block_reason\":null");
	}
	text_puts(t, ",\"first_ts\":\"");
	text_time(t, c->first_ns);
	text_puts(t, "\",\"last_ts\":\"");
	text_time(t, c->last_ns);
	text_putc(t, '"');
	put_flags(t, c->flags);
	put_carrier(t, c);
	json_close(j, '}');
}

void report_json_connection(struct text *t, const struct connection *c,
			    const struct catalogue *catalogue, const struct rules *rules)
{
	struct json j = json_to(t);

	json_connection(&j, c, catalogue, rules);
}
