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

static void put_names(struct json *j, const struct connection *c)
{
	struct connection_name name;
	size_t at = 0;

	json_key(j, "domain");
	if (connection_next_name(c, &at, &name))
		json_slice(j, name.text);
	else
		json_null(j);
	json_key(j, "names");
	json_open(j, '[');
	for (at = 0; connection_next_name(c, &at, &name);) {
		json_open(j, '{');
		json_pair_string(j, "source", proto_source(name.source));
		json_key(j, "name");
		json_slice(j, name.text);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_flags(struct json *j, uint32_t flags)
{
	json_key(j, "flags");
	json_open(j, '[');
	for (uint32_t bit = 1; bit && bit <= flags; bit <<= 1) {
		const char *name = flags & bit ? flow_flag_name((enum flow_flag)bit) : NULL;

		if (name)
			json_string(j, name);
	}
	json_close(j, ']');
}

/* Fingerprint and tunnel: each null where there is none. */
static void put_carrier(struct json *j, const struct connection *c)
{
	json_pair_string(j, "ja4", c->ja4[0] ? c->ja4 : NULL);
	json_pair_string(j, "tunnel", tunnel_name(c->tunnel));
	if (c->tunnel) {
		json_pair_addr(j, "outer_src", connection_outer_src(c));
		json_pair_addr(j, "outer_dst", connection_outer_dst(c));
	} else {
		json_pair_string(j, "outer_src", NULL);
		json_pair_string(j, "outer_dst", NULL);
	}
}

void json_connection(struct json *j, const struct connection *c, const struct catalogue *catalogue,
		     const struct rules *rules)
{
	char proto[8];

	json_open(j, '{');
	json_pair_addr(j, "src_ip", connection_src(c));
	json_pair_addr(j, "dst_ip", connection_dst(c));
	json_pair_u64(j, "src_port", connection_src_port(c));
	json_pair_u64(j, "dst_port", connection_dst_port(c));
	json_pair_string(j, "protocol", report_protocol(c->key.proto, proto));
	json_pair_string(j, "app", catalogue_name(catalogue, c->app));
	json_pair_string(j, "category", catalogue_category(catalogue, c->app));
	json_pair_string(j, "app_protocol", proto_name(c->proto));
	put_names(j, c);
	json_pair_string(j, "state", flow_state_name(c->state));
	json_pair_u64(j, "packets", connection_packets(c));
	json_pair_u64(j, "bytes", connection_bytes(c));
	json_pair_u64(j, "dropped_packets", c->dropped_packets);
	json_pair_u64(j, "late_packets", c->late_packets);
	json_pair_bool(j, "blocked", c->is_blocked);
	json_key(j, "block_reason");
	if (c->is_blocked)
		json_rule_label(j, rules, c->rule);
	else
		json_null(j);
	json_key(j, "first_ts");
	json_time(j, c->first_ns);
	json_key(j, "last_ts");
	json_time(j, c->last_ns);
	put_flags(j, c->flags);
	put_carrier(j, c);
	json_close(j, '}');
}

void report_json_connection(struct text *t, const struct connection *c,
			    const struct catalogue *catalogue, const struct rules *rules)
{
	struct json j = json_to(t);

	json_connection(&j, c, catalogue, rules);
}
