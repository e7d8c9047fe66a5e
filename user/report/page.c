/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Drawing the page. The only place that knows UTF-8 signs and SGR colours (ECMA-48 8.3.117).
 */
#include "report/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 64, WIDTH_MAX = 120, PIECE = 65536 };

struct sign {
	const char *boxed, *plain;
	unsigned boxed_columns, plain_columns;
};

/* By mark; a NULL row is no mark. */
static const struct sign signs[32] = {
	[0x0e] = {"\u2588", "#", 1, 1},	 [0x0f] = {"\u2591", ".", 1, 1},
	[0x10] = {"\u2190", "<-", 1, 2}, [0x11] = {"\u2192", "->", 1, 2},
	[0x12] = {"\u2026", "~", 1, 1},	 [0x13] = {"\u00b7", "-", 1, 1},
	[0x14] = {"\u2500", "-", 1, 1},
};

static const char *const colours[32] = {
	[1] = "1", [2] = "31", [3] = "32", [4] = "33", [5] = "36", [6] = "2", [7] = "0",
};

enum edge { EDGE_TOP, EDGE_MIDDLE, EDGE_BOTTOM };

static const struct {
	const char *left, *fill, *right;
} edges_boxed[] =
	{
		[EDGE_TOP] = {"\u2554", "\u2550", "\u2557"},
		[EDGE_MIDDLE] = {"\u2560", "\u2550", "\u2563"},
		[EDGE_BOTTOM] = {"\u255a", "\u2550", "\u255d"},
},
  edges_plain[] = {
	  [EDGE_TOP] = {"+", "=", "+"},
	  [EDGE_MIDDLE] = {"+", "=", "+"},
	  [EDGE_BOTTOM] = {"+", "=", "+"},
};

static void flush(struct page *p)
{
	if (!p->err && (p->out.failed || p->line.failed))
		p->err = -ENOMEM;
	if (!p->err && p->out.len)
		p->err = p->to->write(p->to->ctx, p->out.at, p->out.len);
	p->out.len = 0;
}

void page_begin(struct page *p, const struct report_style *style, const struct report_out *to)
{
	unsigned width = style->width ? style->width : WIDTH_DEFAULT;

	*p = (struct page){.style = *style, .to = to};
	width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
	p->inner = width - 4;
}

int page_end(struct page *p)
{
	flush(p);
	text_clear(&p->line);
	text_clear(&p->out);
	return p->err;
}

static void draw_edge(struct page *p, enum edge e)
{
	bool is_boxed = p->style.is_boxed;
	const char *fill = is_boxed ? edges_boxed[e].fill : edges_plain[e].fill;

	text_puts(&p->out, is_boxed ? edges_boxed[e].left : edges_plain[e].left);
	for (unsigned i = 0; i < p->inner + 2; i++)
		text_puts(&p->out, fill);
	text_puts(&p->out, is_boxed ? edges_boxed[e].right : edges_plain[e].right);
	text_putc(&p->out, '\n');
}

void page_top(struct page *p)
{
	draw_edge(p, EDGE_TOP);
}

void page_bottom(struct page *p)
{
	draw_edge(p, EDGE_BOTTOM);
}

static unsigned columns_of(const struct page *p, uint8_t c)
{
	if (c >= 0x20)
		return 1;
	return p->style.is_boxed ? signs[c].boxed_columns : signs[c].plain_columns;
}

static void draw(struct page *p, uint8_t c)
{
	if (c >= 0x20)
		text_putc(&p->out, (char)c);
	else if (signs[c].plain)
		text_puts(&p->out, p->style.is_boxed ? signs[c].boxed : signs[c].plain);
	else if (colours[c] && p->style.is_coloured && (p->is_coloured || c != MARK_PLAIN[0])) {
		text_printf(&p->out, "\x1b[%sm", colours[c]);
		p->is_coloured = c != MARK_PLAIN[0];
	}
}

static unsigned line_columns(const struct page *p)
{
	unsigned columns = 0;

	for (size_t i = 0; i < p->line.len; i++)
		columns += columns_of(p, (uint8_t)p->line.at[i]);
	return columns;
}

void page_line(struct page *p)
{
	const char *border = p->style.is_boxed ? "\u2551" : "|";
	bool is_cut = line_columns(p) > p->inner;
	unsigned used = 0, room = is_cut ? p->inner - 1 : p->inner;

	text_puts(&p->out, border);
	text_putc(&p->out, ' ');
	for (size_t i = 0; i < p->line.len; i++) {
		uint8_t c = (uint8_t)p->line.at[i];
		unsigned columns = columns_of(p, c);

		if (used + columns > room)
			break;
		used += columns;
		draw(p, c);
	}
	if (is_cut) {
		draw(p, MARK_MORE[0]);
		used++;
	}
	draw(p, MARK_PLAIN[0]);
	for (; used < p->inner; used++)
		text_putc(&p->out, ' ');
	text_putc(&p->out, ' ');
	text_puts(&p->out, border);
	text_putc(&p->out, '\n');
	p->line.len = 0;
	if (p->out.len >= PIECE)
		flush(p);
}

void page_empty(struct page *p)
{
	p->line.len = 0;
	page_line(p);
}

void page_heading(struct page *p, const char *format, ...)
{
	char heading[256];
	va_list args;

	va_start(args, format);
	vsnprintf(heading, sizeof(heading), format, args);
	va_end(args);
	draw_edge(p, EDGE_MIDDLE);
	text_printf(&p->line, MARK_BOLD "%s", heading);
	page_line(p);
	text_puts(&p->line, MARK_DIM);
	for (unsigned i = 0; i < p->inner; i++)
		text_puts(&p->line, MARK_RULE);
	page_line(p);
}

void page_cell(struct page *p, struct slice s, unsigned columns)
{
	size_t start = p->line.len, len;

	text_escaped(&p->line, s);
	if (p->line.failed)
		return;
	len = p->line.len - start;
	if (len > columns) {
		p->line.len = start + columns - 1;
		text_puts(&p->line, MARK_MORE);
		len = columns;
	}
	for (; len < columns; len++)
		text_putc(&p->line, ' ');
}

const char *page_digits(uint64_t n, char out[27])
{
	char *at = out + 26;
	int digits = 0;

	*at = '\0';
	do {
		if (digits && digits % 3 == 0)
			*--at = ',';
		*--at = (char)('0' + n % 10);
		n /= 10;
		digits++;
	} while (n);
	return memmove(out, at, (size_t)(out + 27 - at));
}

const char *page_bytes(uint64_t n, char out[27])
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)n;
	size_t unit = 0;

	while (value >= 999.95 && unit < 6) {
		value /= 1000;
		unit++;
	}
	snprintf(out, 27, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

void page_count(struct page *p, uint64_t n, unsigned columns)
{
	char digits[27];

	text_printf(&p->line, "%*s", (int)columns, page_digits(n, digits));
}

void page_size(struct page *p, uint64_t bytes, unsigned columns)
{
	char size[27];

	text_printf(&p->line, "%*s", (int)columns, page_bytes(bytes, size));
}

void page_bar(struct page *p, uint64_t part, uint64_t whole, unsigned columns)
{
	double share = whole ? (double)part / (double)whole : 0;
	unsigned full = (unsigned)(share * columns + 0.5);

	if (!full && part)
		full = 1;
	for (unsigned i = 0; i < columns; i++)
		text_puts(&p->line, i < full ? MARK_FULL : MARK_EMPTY);
}
