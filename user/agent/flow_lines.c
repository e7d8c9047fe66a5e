/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room agent: flows as lines; see flow_lines.h. Bytes from the network are escaped.
 */
#include "agent/flow_lines.h"

#include <stdio.h>

#include "dpi/parse.h"
#include "report/report.h"
#include "report/tunnel.h"

enum { END_MAX = ADDR_TEXT_MAX + 8 };

static const char *end_text(const struct connection *c, int end, char out[END_MAX])
{
	char addr[ADDR_TEXT_MAX];
	uint16_t port = dpi_be16(c->key.port[end]);

	addr_format(&c->key.addr[end], addr);
	if (!port)
		snprintf(out, END_MAX, "%s", addr);
	else
		snprintf(out, END_MAX, dpi_addr_is4(&c->key.addr[end]) ? "%s:%u" : "[%s]:%u", addr,
			 port);
	return out;
}

static void put_names(struct text *out, const struct connection *c)
{
	struct connection_name name;
	size_t at = 0;

	if (connection_next_name(c, &at, &name))
		text_escaped(out, name.text);
	else
		text_putc(out, '-');
	if (at && name.source == PROTO_LEARNT)
		text_puts(out, " (by DNS)");
	if (c->name_count > 1)
		text_printf(out, " +%u", c->name_count - 1U);
	if (tunnel_name(c->tunnel))
		text_printf(out, " in %s", tunnel_name(c->tunnel));
}

static void put_details(struct text *out, const struct connection *c)
{
	text_printf(out, "       seen for %.3f s, dropped %llu",
		    (double)(c->last_ns - c->first_ns) / 1e9,
		    (unsigned long long)c->dropped_packets);
	if (c->late_packets)
		text_printf(out, ", passed late %llu", (unsigned long long)c->late_packets);
	for (uint32_t flags = c->flags; flags; flags &= flags - 1)
		text_printf(out, ", %s", flow_flag_name((enum flow_flag)(flags & -flags)));
	if (c->ja4[0])
		text_printf(out, ", JA4 %s", c->ja4);
	text_putc(out, '\n');
}

void flow_lines_head(struct text *out)
{
	text_printf(out, "%-6s %-28s %-28s %-14s %-12s %8s %12s  %s\n", "PROTO", "SOURCE",
		    "DESTINATION", "APP", "STATE", "PACKETS", "BYTES", "NAME");
}

void flow_lines_add(struct text *out, const struct connection *c, const struct catalogue *catalogue,
		    const struct rules *rules, bool is_verbose)
{
	char src[END_MAX], dst[END_MAX], proto[8], label[REPORT_LABEL_MAX];

	text_printf(out, "%-6s %-28s %-28s %-14s %-12s %8llu %12llu  ",
		    report_protocol(c->key.proto, proto), end_text(c, c->opener & 1, src),
		    end_text(c, ~c->opener & 1, dst), catalogue_name(catalogue, c->app),
		    flow_state_name((enum flow_state)c->state),
		    (unsigned long long)connection_packets(c),
		    (unsigned long long)connection_bytes(c));
	put_names(out, c);
	if (c->is_blocked) {
		report_rule_label(rules, c->rule, label, sizeof(label));
		text_puts(out, "  <- ");
		text_escaped(out, slice_text(label));
	}
	text_putc(out, '\n');
	if (is_verbose)
		put_details(out, c);
}
