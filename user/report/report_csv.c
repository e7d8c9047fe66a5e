/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The connections as CSV (RFC 4180), one row each under a header line. Fields that the network
 * chose go through text_csv, which also keeps a spreadsheet from taking them for formulas.
 */
#include "report/model.h"
#include "report/tunnel.h"

#include <errno.h>

enum { PIECE = 65536 };

static void put_string(struct text *t, const char *s)
{
	text_csv(t, slice_text(s ? s : ""));
	text_putc(t, ',');
}

static void put_number(struct text *t, uint64_t n)
{
	text_u64(t, n);
	text_putc(t, ',');
}

static void put_time(struct text *t, uint64_t ts_ns)
{
	text_time(t, ts_ns);
	text_putc(t, ',');
}

static void put_names(struct text *t, const struct connection *c)
{
	struct connection_name name;
	struct text all = {0};
	size_t at = 0;

	if (connection_next_name(c, &at, &name))
		text_csv(t, name.text);
	else
		text_csv(t, slice_text(""));
	text_putc(t, ',');
	for (at = 0; connection_next_name(c, &at, &name);) {
		if (all.len)
			text_putc(&all, ' ');
		text_add(&all, name.text.at, name.text.len);
	}
	text_csv(t, slice_of(all.at ? all.at : "", all.len));
	text_putc(t, ',');
	t->failed |= all.failed;
	text_clear(&all);
}

static void put_flags(struct text *t, uint32_t flags)
{
	struct text all = {0};

	for (uint32_t bit = 1; bit && bit <= flags; bit <<= 1) {
		const char *name = flags & bit ? flow_flag_name((enum flow_flag)bit) : NULL;

		if (!name)
			continue;
		if (all.len)
			text_putc(&all, ' ');
		text_puts(&all, name);
	}
	text_csv(t, slice_of(all.at ? all.at : "", all.len));
	t->failed |= all.failed;
	text_clear(&all);
}

static void put_carrier(struct text *t, const struct connection *c)
{
	char src[ADDR_TEXT_MAX] = "", dst[ADDR_TEXT_MAX] = "";

	if (c->tunnel) {
		addr_format(connection_outer_src(c), src);
		addr_format(connection_outer_dst(c), dst);
	}
	put_string(t, c->ja4);
	put_string(t, tunnel_name(c->tunnel));
	put_string(t, src);
	text_csv(t, slice_text(dst));
}

static void put_row(struct text *t, const struct connection *c, const struct report_config *config)
{
	char buf[ADDR_TEXT_MAX], proto[8], label[REPORT_LABEL_MAX] = "";

	put_string(t, addr_format(connection_src(c), buf));
	put_number(t, connection_src_port(c));
	put_string(t, addr_format(connection_dst(c), buf));
	put_number(t, connection_dst_port(c));
	put_string(t, report_protocol(c->key.proto, proto));
	put_string(t, catalogue_name(config->catalogue, c->app));
	put_string(t, catalogue_category(config->catalogue, c->app));
	put_string(t, proto_name(c->proto));
	put_names(t, c);
	put_string(t, flow_state_name(c->state));
	put_number(t, connection_packets(c));
	put_number(t, connection_bytes(c));
	put_number(t, c->dropped_packets);
	text_puts(t, c->is_blocked ? "true," : "false,");
	if (c->is_blocked)
		report_rule_label(config->rules, c->rule, label, sizeof(label));
	put_string(t, label);
	put_time(t, c->first_ns);
	put_time(t, c->last_ns);
	put_flags(t, c->flags);
	text_putc(t, ',');
	put_carrier(t, c);
	text_puts(t, "\r\n");
}

static int flush(struct text *t, const struct report_out *to)
{
	int err = t->failed ? -ENOMEM : to->write(to->ctx, t->at, t->len);

	t->len = 0;
	return err;
}

int report_csv(const struct report *r, const struct report_out *to)
{
	struct connection c;
	struct text t = {0};
	int err = 0;

	text_puts(&t, "src_ip,src_port,dst_ip,dst_port,protocol,app,category,app_protocol,domain,"
		      "names,state,packets,bytes,dropped_packets,blocked,block_reason,first_ts,"
		      "last_ts,flags,ja4,tunnel,outer_src,outer_dst\r\n");
	for (size_t i = 0; i < r->row_count && !err; i++) {
		tally_row(r->config.tally, i, &c);
		put_row(&t, &c, &r->config);
		if (t.len >= PIECE)
			err = flush(&t, to);
	}
	if (!err)
		err = flush(&t, to);
	text_clear(&t);
	return err;
}
