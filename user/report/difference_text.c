/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What other rules would do, for a person. Room: report. What a stranger sent is escaped.
 */
#include "base/addr.h"
#include "policy/rules_compare.h"
#include "report/difference_inside.h"
#include "report/page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 20, RULES_SHOWN = 10, END_MAX = ADDR_TEXT_MAX + 10 };

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* --- what is asked ---------------------------------------------------------------------------- */

struct rule_lines {
	struct text *out;
	size_t count;
};

static int line_of_rule(void *ctx, const struct rule *r, bool is_added)
{
	struct rule_lines *l = ctx;
	char label[REPORT_LABEL_MAX];

	if (l->count++ < RULES_SHOWN) {
		rule_label(r, label, sizeof(label));
		text_printf(l->out, "%c ", is_added ? '+' : '-');
		text_escaped(l->out, slice_text(label));
		text_putc(l->out, '\n');
	}
	return 0;
}

static void show_change(const struct difference *d, struct text *out)
{
	struct rule_lines l = {.out = out};

	rules_compare(d->config.before, d->config.after, line_of_rule, &l);
	if (!l.count)
		text_puts(out, "the rules would be the same\n");
	if (l.count > RULES_SHOWN)
		text_printf(out, "and %zu more; --json lists them\n", l.count - RULES_SHOWN);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void show_fate(const struct difference *d, enum difference_fate fate, struct text *out)
{
	const struct difference_count *c = &d->total[fate];
	char flows[27], packets[27], bytes[27];
	const char *word = fate == FATE_DROP ? "be dropped" : "pass";

	text_printf(out, "%12s flow%s would %s, ", page_digits(c->flows, flows), plural(c->flows),
		    word);
	text_printf(out, "%s packet%s, %s%s\n", page_digits(c->packets, packets),
		    plural(c->packets), page_bytes(c->bytes, bytes),
		    d->config.input ? "" : " so far");
}

static void show_whole(const struct difference *d, struct text *out)
{
	char n[27], then[27];

	text_printf(out, "%12s flow%s%s\n", page_digits(d->flows, n), plural(d->flows),
		    d->config.input ? " in the capture" : " open now");
	show_fate(d, FATE_DROP, out);
	show_fate(d, FATE_PASS, out);
	if (d->other_rule)
		text_printf(out, "%12s would fare alike, by another rule\n",
			    page_digits(d->other_rule, n));
	if (d->config.input)
		text_printf(out, "%12s packets dropped now, %s then\n",
			    page_digits(d->runs.dropped_before, n),
			    page_digits(d->runs.dropped_after, then));
	if (d->runs.uncompared)
		text_printf(out, "%12s connections are beyond what is listed, and not compared\n",
			    page_digits(d->runs.uncompared, n));
	if (!d->config.input && d->unnamed)
		text_printf(out, "%12s show no name or protocol yet: decided when they do\n",
			    page_digits(d->unnamed, n));
	if (!d->config.input && d->messages)
		text_printf(out, "%12s of DNS by UDP: each question is decided by itself\n",
			    page_digits(d->messages, n));
}

/* --- sums ------------------------------------------------------------------------------------- */

static void word_of_app(const struct difference *d, const struct difference_sum *s,
			struct text *out)
{
	text_escaped(out, slice_text(catalogue_name(d->config.catalogue, (int)s->id)));
}

static void word_of_rule(const struct difference *d, const struct difference_sum *s,
			 struct text *out)
{
	char label[REPORT_LABEL_MAX] = "(no rule)";

	if (s->id)
		difference_label(d, s->id, label, sizeof(label));
	text_escaped(out, slice_text(label));
}

static void word_of_name(const struct difference *d, const struct difference_sum *s,
			 struct text *out)
{
	(void)d;
	text_escaped(out, slice_text(s->text[0] ? s->text : "(no name)"));
}

static int show_sums(const struct difference *d, const struct difference_sums *sums,
		     const char *heading, size_t most,
		     void (*word)(const struct difference *d, const struct difference_sum *s,
				  struct text *out),
		     struct text *out)
{
	const struct difference_sum **list = difference_order(sums);
	size_t i = 0;

	if (!list)
		return -ENOMEM;
	if (list[0])
		text_printf(out, "\n%10s %10s %14s %14s  %s\n", "DROPPED", "PASSED", "PACKETS LOST",
			    "PACKETS WON", heading);
	for (; list[i] && i < most; i++) {
		const struct difference_count *c = list[i]->count;

		text_printf(out, "%10llu %10llu %14llu %14llu  ",
			    (unsigned long long)c[FATE_DROP].flows,
			    (unsigned long long)c[FATE_PASS].flows,
			    (unsigned long long)c[FATE_DROP].packets,
			    (unsigned long long)c[FATE_PASS].packets);
		word(d, list[i], out);
		text_putc(out, '\n');
	}
	if (list[i])
		text_printf(out, "%53s and %zu more; --verbose shows them\n", "",
			    sums->table.count - i);
	free(list);
	return 0;
}

/* --- flows ------------------------------------------------------------------------------------ */

static const char *end_of(const struct dpi_addr *a, uint16_t port, char out[END_MAX])
{
	char addr[ADDR_TEXT_MAX];

	addr_format(a, addr);
	if (!port)
		snprintf(out, END_MAX, "%s", addr);
	else
		snprintf(out, END_MAX, dpi_addr_is4(a) ? "%s:%u" : "[%s]:%u", addr, port);
	return out;
}

static void put_side(const struct difference *d, const struct difference_side *s, struct text *out)
{
	char label[REPORT_LABEL_MAX];

	text_puts(out, s->is_dropped ? "dropped" : "passed");
	if (!s->rule)
		return;
	difference_label(d, s->rule, label, sizeof(label));
	text_puts(out, " by ");
	text_escaped(out, slice_text(label));
}

static void show_row(const struct difference *d, const struct difference_row *r, struct text *out)
{
	char src[END_MAX], dst[END_MAX], proto[8];
	struct connection_name name;
	size_t at = 0;

	text_printf(out, "%-6s %-24s %-24s %-14s %8llu  ", report_protocol(r->c.key.proto, proto),
		    end_of(connection_src(&r->c), connection_src_port(&r->c), src),
		    end_of(connection_dst(&r->c), connection_dst_port(&r->c), dst),
		    catalogue_name(d->config.catalogue, r->c.app),
		    (unsigned long long)connection_packets(&r->c));
	if (connection_next_name(&r->c, &at, &name))
		text_escaped(out, name.text);
	else
		text_putc(out, '-');
	text_puts(out, "  ");
	put_side(d, &r->before, out);
	text_puts(out, " -> ");
	put_side(d, &r->after, out);
	text_putc(out, '\n');
}

static void show_rows(const struct difference *d, size_t most, struct text *out)
{
	uint64_t left_out = d->rows_left_out;

	if (d->row_count)
		text_printf(out, "\n%-6s %-24s %-24s %-14s %8s  %s\n", "PROTO", "SOURCE",
			    "DESTINATION", "APP", "PACKETS", "NAME, NOW -> THEN");
	for (size_t i = 0; i < d->row_count; i++) {
		if (i < most)
			show_row(d, &d->row[i], out);
		else
			left_out++;
	}
	if (left_out)
		text_printf(out, "and %llu more flow%s; --verbose or --limit shows more\n",
			    (unsigned long long)left_out, plural(left_out));
}

int difference_text(const struct difference *d, const struct report_style *style, struct text *out)
{
	size_t most = style->is_verbose ? SIZE_MAX : SHOWN;
	int err;

	show_change(d, out);
	show_whole(d, out);
	err = show_sums(d, &d->apps, "APPLICATION", most, word_of_app, out);
	if (!err)
		err = show_sums(d, &d->rules, "RULE", most, word_of_rule, out);
	if (!err)
		err = show_sums(d, &d->names, "NAME", most, word_of_name, out);
	show_rows(d, most, out);
	return err || d->failed || out->failed ? -ENOMEM : 0;
}
