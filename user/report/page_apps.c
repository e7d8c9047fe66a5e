/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The section of applications: each with its share of the packets, and what of it was blocked.
 */
#include "report/page_apps.h"

#include <stdio.h>
#include <string.h>

/* What of an application's flows was blocked: "3/7", or of very many "12.3%"; "" for all of them.
 * Returns out. */
static const char *part_blocked(const struct sum_app *a, char out[16])
{
	out[0] = '\0';
	if (a->blocked_flows < a->flows && a->flows < 1000)
		snprintf(out, 16, " %u/%u", (unsigned)a->blocked_flows, (unsigned)a->flows);
	else if (a->blocked_flows < a->flows)
		snprintf(out, 16, " %.1f%%", 100 * (double)a->blocked_flows / (double)a->flows);
	return out;
}

static void show_blocked(struct page *p, const struct sum_app *a)
{
	char part[16];

	if (a->blocked_flows)
		text_printf(&p->line, "  " MARK_RED MARK_LEFT " BLOCKED%s", part_blocked(a, part));
}

/* The columns that show_blocked() takes, of that row which takes the most. */
static unsigned blocked_columns(const struct report *r)
{
	unsigned most = 0;
	char part[16];

	for (size_t i = 0; i < r->app_count; i++) {
		const struct sum_app *a = &r->apps[i].sum;
		unsigned columns = a->blocked_flows ? 12 + (unsigned)strlen(part_blocked(a, part))
						    : 0;

		most = columns > most ? columns : most;
	}
	return most;
}

/* The bar is as wide as what stands around it leaves. */
static unsigned bar_columns(const struct page *p, const struct report *r)
{
	unsigned wide = p->inner > 76 ? p->inner - 76 : 0, bar = 7 + wide / 3;
	unsigned others = 52 + blocked_columns(r);

	if (others + bar > p->inner)
		bar = p->inner > others + 3 ? p->inner - others : 3;
	return bar;
}

void page_apps(struct page *p, const struct report *r)
{
	double whole = (double)r->totals.packets;
	unsigned bar = bar_columns(p, r);

	page_heading(p, "APPLICATION BREAKDOWN");
	text_printf(&p->line, MARK_DIM "%-16s %6s %9s %9s  %-*s", "Application", "Flows", "Packets",
		    "Bytes", (int)bar + 7, "Share");
	page_line(p);
	for (size_t i = 0; i < r->app_count; i++) {
		const struct model_app *a = &r->apps[i];

		page_cell(p, slice_text(a->name), 16);
		text_putc(&p->line, ' ');
		page_count(p, a->sum.flows, 6);
		text_putc(&p->line, ' ');
		page_count(p, a->sum.packets, 9);
		text_putc(&p->line, ' ');
		page_size(p, a->sum.bytes, 9);
		text_puts(&p->line, a->sum.blocked_flows ? "  " MARK_RED : "  " MARK_CYAN);
		page_bar(p, a->sum.packets, r->totals.packets, bar);
		text_printf(&p->line, MARK_PLAIN " %5.1f%%",
			    whole ? 100 * (double)a->sum.packets / whole : 0);
		show_blocked(p, &a->sum);
		page_line(p);
	}
}
