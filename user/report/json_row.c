/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A connection as a JSON object: a row of the report (schema dpi-xdp/report/1) and of `flows`. A
 * report has a million of these rows: all of one is printed into room that was made before, and
 * what stands between two values is one literal.
 */
#include "report/json_row.h"

#include "base/print.h"
#include "report/tunnel.h"

char *json_print_addr(char *at, const struct dpi_addr *a)
{
	*at++ = '"';
	at = addr_print(a, at);
	*at++ = '"';
	return at;
}

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

/* What a row takes at most, but for its names and the words of the catalogue: keys, four addresses,
 * two times, six numbers, words of our own. */
enum { ROW_MAX = 4096, ROW_NAME_MAX = 64 /* beside its text */ };

/* A word of our own, which holds nothing to escape; or null. */
static char *put_word(char *at, const char *s)
{
	if (!s)
		return PRINT_LITERAL(at, "null");
	*at++ = '"';
	at = print_bytes(at, s, strlen(s));
	*at++ = '"';
	return at;
}

static char *put_string(char *at, const char *s)
{
	return s ? print_json(at, slice_text(s)) : PRINT_LITERAL(at, "null");
}

static char *put_names(char *at, const struct connection *c)
{
	struct connection_name name;
	const char *first;
	size_t i = 0, first_len;

	if (!connection_next_name(c, &i, &name))
		return PRINT_LITERAL(at, ",\"domain\":null,\"names\":[]");
	at = PRINT_LITERAL(at, ",\"domain\":");
	first = at;
	at = print_json(at, name.text);
	first_len = (size_t)(at - first);
	at = PRINT_LITERAL(at, ",\"names\":[");
	do {
		at = PRINT_LITERAL(at, "{\"source\":");
		at = put_word(at, proto_source(name.source));
		at = PRINT_LITERAL(at, ",\"name\":");
		at = first ? print_bytes(at, first, first_len) : print_json(at, name.text);
		first = NULL;
		at = PRINT_LITERAL(at, "},");
	} while (connection_next_name(c, &i, &name));
	at[-1] = ']';
	return at;
}

static char *put_flags(char *at, uint32_t flags)
{
	char *first;

	at = PRINT_LITERAL(at, ",\"flags\":[");
	first = at;
	for (; flags; flags &= flags - 1) {
		const char *name = flow_flag_name((enum flow_flag)(flags & -flags));

		if (!name)
			continue;
		if (at != first)
			*at++ = ',';
		at = put_word(at, name);
	}
	*at++ = ']';
	return at;
}

/* Fingerprint and tunnel: each null where there is none. */
static char *put_carrier(char *at, const struct connection *c)
{
	at = PRINT_LITERAL(at, ",\"ja4\":");
	at = put_word(at, c->ja4[0] ? c->ja4 : NULL);
	if (!c->tunnel)
		return PRINT_LITERAL(at, ",\"tunnel\":null,\"outer_src\":null,\"outer_dst\":null");
	at = PRINT_LITERAL(at, ",\"tunnel\":");
	at = put_word(at, tunnel_name(c->tunnel));
	at = PRINT_LITERAL(at, ",\"outer_src\":");
	at = json_print_addr(at, connection_outer_src(c));
	at = PRINT_LITERAL(at, ",\"outer_dst\":");
	return json_print_addr(at, connection_outer_dst(c));
}

static char *put_ends(char *at, const struct connection *c)
{
	char proto[8];

	at = PRINT_LITERAL(at, "\"src_ip\":");
	at = json_print_addr(at, connection_src(c));
	at = PRINT_LITERAL(at, ",\"dst_ip\":");
	at = json_print_addr(at, connection_dst(c));
	at = PRINT_LITERAL(at, ",\"src_port\":");
	at = print_u64(at, connection_src_port(c));
	at = PRINT_LITERAL(at, ",\"dst_port\":");
	at = print_u64(at, connection_dst_port(c));
	at = PRINT_LITERAL(at, ",\"protocol\":");
	return put_word(at, report_protocol(c->key.proto, proto));
}

static char *put_counts(char *at, const struct connection *c)
{
	at = PRINT_LITERAL(at, ",\"state\":");
	at = put_word(at, flow_state_name(c->state));
	at = PRINT_LITERAL(at, ",\"packets\":");
	at = print_u64(at, connection_packets(c));
	at = PRINT_LITERAL(at, ",\"bytes\":");
	at = print_u64(at, connection_bytes(c));
	at = PRINT_LITERAL(at, ",\"dropped_packets\":");
	at = print_u64(at, c->dropped_packets);
	at = PRINT_LITERAL(at, ",\"late_packets\":");
	return print_u64(at, c->late_packets);
}

static char *put_block(char *at, const struct connection *c, const struct rules *rules)
{
	char label[REPORT_LABEL_MAX];

	if (!c->is_blocked)
		return PRINT_LITERAL(at, ",\"blocked\":false,\"block_reason\":null");
	at = PRINT_LITERAL(at, ",\"blocked\":true,\"block_reason\":");
	report_rule_label(rules, c->rule, label, sizeof(label));
	return put_string(at, label);
}

static char *put_times(char *at, const struct connection *c)
{
	at = PRINT_LITERAL(at, ",\"first_ts\":\"");
	at = print_time(at, c->first_ns);
	at = PRINT_LITERAL(at, "\",\"last_ts\":\"");
	at = print_time(at, c->last_ns);
	*at++ = '"';
	return at;
}

static size_t string_max(const char *s)
{
	return s ? PRINT_JSON_BYTE_MAX * strlen(s) : 0;
}

void json_connection(struct json *j, const struct connection *c, const struct catalogue *catalogue,
		     const struct rules *rules)
{
	const char *app = catalogue_name(catalogue, c->app);
	const char *category = catalogue_category(catalogue, c->app);
	struct text *t = j->t;
	size_t names = (size_t)c->name_count * ROW_NAME_MAX +
		       2 * PRINT_JSON_BYTE_MAX * c->names_len;
	char *at;

	json_open(j, '{');
	if (text_reserve(t, ROW_MAX + names + string_max(app) + string_max(category))) {
		at = put_ends(t->at + t->len, c);
		at = PRINT_LITERAL(at, ",\"app\":");
		at = put_string(at, app);
		at = PRINT_LITERAL(at, ",\"category\":");
		at = put_string(at, category);
		at = PRINT_LITERAL(at, ",\"app_protocol\":");
		at = put_word(at, proto_name(c->proto));
		at = put_names(at, c);
		at = put_counts(at, c);
		at = put_block(at, c, rules);
		at = put_times(at, c);
		at = put_flags(at, c->flags);
		at = put_carrier(at, c);
		t->len = (size_t)(at - t->at);
	}
	json_close(j, '}');
}

void report_json_connection(struct text *t, const struct connection *c,
			    const struct catalogue *catalogue, const struct rules *rules)
{
	struct json j = json_to(t);

	json_connection(&j, c, catalogue, rules);
}
