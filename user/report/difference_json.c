/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What other rules would do as JSON, schema dpi-xdp/what-if/1. Room: report. Keys are added to,
 * never changed.
 */
#include "policy/rules_compare.h"
#include "report/difference_inside.h"
#include "report/json_row.h"

#include <errno.h>
#include <stdlib.h>

enum { RULES_LISTED = 1000 };

static const char *const fate_words[FATES] = {"drop", "pass"};

static void put_rule(struct json *j, const char *key, const struct difference *d, uint64_t rule)
{
	char label[REPORT_LABEL_MAX];

	json_key(j, key);
	if (!rule) {
		json_null(j);
		return;
	}
	difference_label(d, rule, label, sizeof(label));
	json_string(j, label);
}

static void put_count(struct json *j, const struct difference_count *count)
{
	for (int fate = 0; fate < FATES; fate++) {
		json_key(j, fate_words[fate]);
		json_open(j, '{');
		json_pair_u64(j, "flows", count[fate].flows);
		json_pair_u64(j, "packets", count[fate].packets);
		json_pair_u64(j, "bytes", count[fate].bytes);
		json_close(j, '}');
	}
}

/* --- rules that are added and taken away ------------------------------------------------------ */

struct rule_list {
	struct json *j;
	bool is_added; /* those that are wanted */
	size_t count;
};

static int list_rule(void *ctx, const struct rule *r, bool is_added)
{
	struct rule_list *l = ctx;
	char label[REPORT_LABEL_MAX];

	if (is_added != l->is_added)
		return 0;
	if (l->count++ < RULES_LISTED) {
		rule_label(r, label, sizeof(label));
		json_string(l->j, label);
	}
	return 0;
}

static void put_change(struct json *j, const struct difference *d)
{
	static const char *const words[2] = {"removed", "added"};
	size_t left_out = 0;

	json_pair_u64(j, "rules_before", rules_count(d->config.before));
	json_pair_u64(j, "rules_after", rules_count(d->config.after));
	for (int added = 1; added >= 0; added--) {
		struct rule_list l = {.j = j, .is_added = added};

		json_key(j, words[added]);
		json_open(j, '[');
		rules_compare(d->config.before, d->config.after, list_rule, &l);
		json_close(j, ']');
		left_out += l.count > RULES_LISTED ? l.count - RULES_LISTED : 0;
	}
	json_pair_u64(j, "rules_left_out", left_out);
}

/* --- sums ------------------------------------------------------------------------------------- */

static void put_app(struct json *j, const struct difference *d, const struct difference_sum *s)
{
	json_pair_string(j, "app", catalogue_name(d->config.catalogue, (int)s->id));
	json_pair_string(j, "category", catalogue_category(d->config.catalogue, (int)s->id));
}

static void put_of_rule(struct json *j, const struct difference *d, const struct difference_sum *s)
{
	put_rule(j, "rule", d, s->id);
}

static void put_name(struct json *j, const struct difference *d, const struct difference_sum *s)
{
	json_key(j, "domain");
	if (s->text[0])
		json_string(j, s->text);
	else
		json_null(j);
}

static int put_sums(struct json *j, const struct difference *d, const char *key,
		    const struct difference_sums *sums,
		    void (*put)(struct json *j, const struct difference *d,
				const struct difference_sum *s))
{
	const struct difference_sum **list = difference_order(sums);

	if (!list)
		return -ENOMEM;
	json_key(j, key);
	json_open(j, '[');
	for (size_t i = 0; list[i]; i++) {
		json_line(j);
		json_open(j, '{');
		put(j, d, list[i]);
		put_count(j, list[i]->count);
		json_close(j, '}');
	}
	json_close(j, ']');
	free(list);
	return 0;
}

/* --- flows ------------------------------------------------------------------------------------ */

static void put_side(struct json *j, const struct difference *d, const char *key,
		     const struct difference_side *s)
{
	json_key(j, key);
	json_open(j, '{');
	json_pair_bool(j, "dropped", s->is_dropped);
	put_rule(j, "rule", d, s->rule);
	json_pair_u64(j, "dropped_packets", s->packets);
	json_close(j, '}');
}

static void put_row(struct json *j, const struct difference *d, const struct difference_row *r)
{
	const struct difference_side *b = &r->before, *a = &r->after;
	bool is_drop = a->packets > b->packets || (a->packets == b->packets && a->is_dropped);
	struct connection_name name;
	char proto[8];
	size_t at = 0;

	json_line(j);
	json_open(j, '{');
	json_pair_string(j, "fate", fate_words[is_drop ? FATE_DROP : FATE_PASS]);
	json_pair_addr(j, "src_ip", connection_src(&r->c));
	json_pair_addr(j, "dst_ip", connection_dst(&r->c));
	json_pair_u64(j, "src_port", connection_src_port(&r->c));
	json_pair_u64(j, "dst_port", connection_dst_port(&r->c));
	json_pair_string(j, "protocol", report_protocol(r->c.key.proto, proto));
	json_pair_string(j, "app", catalogue_name(d->config.catalogue, r->c.app));
	json_key(j, "domain");
	if (connection_next_name(&r->c, &at, &name))
		json_slice(j, name.text);
	else
		json_null(j);
	json_pair_u64(j, "packets", connection_packets(&r->c));
	json_pair_u64(j, "bytes", connection_bytes(&r->c));
	json_key(j, "first_ts");
	json_time(j, r->c.first_ns);
	put_side(j, d, "before", b);
	put_side(j, d, "after", a);
	json_close(j, '}');
}

static void put_flows(struct json *j, const struct difference *d)
{
	json_key(j, "connections");
	json_open(j, '[');
	for (size_t i = 0; i < d->row_count; i++)
		put_row(j, d, &d->row[i]);
	json_close(j, ']');
	json_pair_u64(j, "connections_left_out", d->rows_left_out);
	json_pair_u64(j, "sums_left_out", d->apps.left_out + d->rules.left_out + d->names.left_out);
}

/* Live, what would be dropped is still to come: it cannot be counted. */
static void put_runs(struct json *j, const struct difference *d)
{
	json_key(j, "dropped_packets");
	if (!d->config.input) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	json_pair_u64(j, "before", d->runs.dropped_before);
	json_pair_u64(j, "after", d->runs.dropped_after);
	json_close(j, '}');
	json_pair_u64(j, "connections_uncompared", d->runs.uncompared);
}

/* Of a capture all is decided; live, what a flow has not shown yet cannot be. */
static void put_open(struct json *j, const struct difference *d)
{
	json_key(j, "not_decided");
	if (d->config.input) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	json_pair_u64(j, "dns_flows", d->messages);
	json_pair_u64(j, "unnamed_flows", d->unnamed);
	json_close(j, '}');
}

int difference_json(const struct difference *d, struct text *out)
{
	struct json j = json_to(out);
	int err;

	json_open(&j, '{');
	json_pair_string(&j, "schema", "dpi-xdp/what-if/1");
	json_pair_string(&j, "source", d->config.input ? "capture" : "live");
	json_pair_string(&j, "input", d->config.input);
	put_change(&j, d);
	json_pair_u64(&j, "flows", d->flows);
	json_pair_u64(&j, "packets", d->packets);
	put_count(&j, d->total);
	json_pair_u64(&j, "other_rule", d->other_rule);
	put_runs(&j, d);
	put_open(&j, d);
	err = put_sums(&j, d, "apps", &d->apps, put_app);
	if (!err)
		err = put_sums(&j, d, "rules", &d->rules, put_of_rule);
	if (!err)
		err = put_sums(&j, d, "domains", &d->names, put_name);
	put_flows(&j, d);
	json_close(&j, '}');
	text_putc(out, '\n');
	return err || d->failed || out->failed ? -ENOMEM : 0;
}
