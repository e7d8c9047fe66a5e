/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The section of suspicious activity: the networks taken for own, then each address with its
 * reasons, the names it asked for and the ends it dealt with.
 */
#include "report/page_suspicious.h"

enum {
	SUSPECTS_MAX = 50,  /* in the text; JSON has all */
	NEIGHBOURS_MAX = 8, /* names and peers shown of each */
	NETS_MAX = 8,
};

static void show_nets(struct page *p, const struct forensic *f)
{
	char addr[ADDR_TEXT_MAX];

	text_printf(&p->line, MARK_DIM "Own networks%s: ", f->is_learnt ? " (learnt)" : "");
	for (size_t i = 0; i < f->net_count && i < NETS_MAX; i++) {
		const struct report_net *n = &f->nets[i];
		bool is4 = dpi_addr_is4(&n->addr) && n->bits >= 96;

		text_printf(&p->line, "%s%s/%d", i ? ", " : "", addr_format(&n->addr, addr),
			    n->bits - (is4 ? 96 : 0));
	}
	if (f->net_count > NETS_MAX)
		text_printf(&p->line, " and %zu more", f->net_count - NETS_MAX);
	if (!f->net_count)
		text_puts(&p->line, "none");
	page_line(p);
}

static void show_reason(struct page *p, const struct forensic_suspect *s, int kind)
{
	static const struct {
		const char *one, *many, *rest;
	} words[FORENSIC_KINDS] = {
		[FORENSIC_HIGH_VOLUME] = {"connection", "connections", " from or to it"},
		[FORENSIC_PORT_SCAN] = {"port", "distinct destination ports", ""},
		[FORENSIC_RESERVED_RANGE] = {"flow", "flows",
					     " to a reserved address outside the own networks"},
		[FORENSIC_UNUSUAL_PORT] = {"flow", "flows",
					   " to system ports without a known service"},
		[FORENSIC_ASSOCIATED] = {"flow", "flows", " from"},
	};
	char count[27], addr[ADDR_TEXT_MAX];

	text_printf(&p->line, "  " MARK_YELLOW "%s" MARK_PLAIN ": %s %s%s",
		    forensic_kind_name((enum forensic_kind)kind),
		    page_digits(s->count[kind], count),
		    s->count[kind] == 1 ? words[kind].one : words[kind].many, words[kind].rest);
	if (kind == FORENSIC_UNUSUAL_PORT)
		text_printf(&p->line, ", such as %u", s->port);
	if (kind == FORENSIC_ASSOCIATED)
		text_printf(&p->line, " %s", addr_format(&s->source, addr));
	if (kind == FORENSIC_ASSOCIATED && s->source_count > 1)
		text_printf(&p->line, " and %zu more", s->source_count - 1);
	page_line(p);
}

/* "ip (domain)" */
static void put_end(struct page *p, const struct dpi_addr *a, const struct sum_name *domain)
{
	char addr[ADDR_TEXT_MAX];

	text_puts(&p->line, addr_format(a, addr));
	if (!domain)
		return;
	text_puts(&p->line, " (");
	text_escaped(&p->line, slice_of(domain->text, domain->len));
	text_putc(&p->line, ')');
}

static void show_more(struct page *p, size_t count)
{
	if (count > NEIGHBOURS_MAX) {
		text_printf(&p->line, MARK_DIM "             and %zu more", count - NEIGHBOURS_MAX);
		page_line(p);
	}
}

static void show_visits(struct page *p, const struct report *r, size_t suspect)
{
	const struct model_visit *visits;
	size_t count = model_visits_of(r, suspect, &visits);

	for (size_t i = 0; i < count && i < NEIGHBOURS_MAX; i++) {
		text_puts(&p->line, i ? "             " : "    visited  ");
		text_escaped(&p->line, visits[i].domain);
		page_line(p);
	}
	show_more(p, count);
}

static void show_peers(struct page *p, const struct report *r, size_t suspect)
{
	const struct forensic_suspect *s = &r->forensic.suspects[suspect];
	const struct model_peer *peers;
	size_t count = model_peers_of(r, suspect, &peers);

	/* The reason ASSOCIATED has just named the only one. */
	if (count == 1 && s->source_count == 1 &&
	    !memcmp(&peers[0].addr, &s->source, sizeof(s->source)))
		return;
	for (size_t i = 0; i < count && i < NEIGHBOURS_MAX; i++) {
		text_puts(&p->line, i ? "             " : "    peers    ");
		put_end(p, &peers[i].addr, peers[i].domain);
		page_line(p);
	}
	show_more(p, count);
}

static void show_suspect(struct page *p, const struct report *r, size_t suspect)
{
	const struct forensic_suspect *s = &r->forensic.suspects[suspect];

	text_puts(&p->line, MARK_RED);
	put_end(p, &s->addr->addr, sum_addr_name(s->addr));
	page_line(p);
	for (int k = 0; k < FORENSIC_KINDS; k++)
		if (s->count[k])
			show_reason(p, s, k);
	show_visits(p, r, suspect);
	show_peers(p, r, suspect);
}

void page_suspicious(struct page *p, const struct report *r)
{
	const struct forensic *f = &r->forensic;
	size_t count = f->suspect_count < SUSPECTS_MAX ? f->suspect_count : SUSPECTS_MAX;

	page_heading(p, "SUSPICIOUS ACTIVITY");
	show_nets(p, f);
	if (!count) {
		text_puts(&p->line, MARK_GREEN "none");
		page_line(p);
	}
	for (size_t i = 0; i < count; i++)
		show_suspect(p, r, r->suspect_order[i]);
	if (f->suspect_count > count) {
		text_printf(&p->line, MARK_DIM "and %zu more addresses; --json lists them all",
			    f->suspect_count - count);
		page_line(p);
	}
}
