/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The page of `top`: a grid of cells, how text gets into it, and how it is printed; see top.h.
 * Room: cli. Bytes of senders become \xNN here if nobody did so before.
 */
#include "cli/top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int top_page_init(struct top_page *p, unsigned width, unsigned height, bool is_plain)
{
	*p = (struct top_page){.width = width, .height = height, .is_plain = is_plain};
	p->cells = calloc((size_t)width * height + 1, sizeof(*p->cells));
	return p->cells ? 0 : -ENOMEM;
}

void top_page_clear(struct top_page *p)
{
	free(p->cells);
	*p = (struct top_page){0};
}

void page_at(struct top_page *p, unsigned x, unsigned y)
{
	p->x = x;
	p->y = y;
}

void page_glyph(struct top_page *p, uint32_t glyph, enum top_style style)
{
	if (p->x < p->width && p->y < p->height)
		p->cells[(size_t)p->y * p->width + p->x] =
			(struct top_cell){.glyph = glyph, .style = (uint8_t)style};
	p->x++;
}

/* Writes text up to column `end`; returns how many columns it would have taken. */
static size_t put(struct top_page *p, enum top_style style, size_t end, const char *text)
{
	size_t n = 0;

	for (; *text; text++) {
		unsigned char u = (unsigned char)*text;
		char shown[8];

		snprintf(shown, sizeof(shown), u >= 0x20 && u < 0x7f ? "%c" : "\\x%02x", u);
		for (const char *c = shown; *c; c++, n++)
			if (p->x < end)
				page_glyph(p, (unsigned char)*c, style);
	}
	return n;
}

void page_puts(struct top_page *p, enum top_style style, const char *text)
{
	put(p, style, p->width, text);
}

void page_field(struct top_page *p, enum top_style style, unsigned width, bool is_right,
		const char *text)
{
	unsigned begin = p->x, end = begin + width;
	size_t len = strlen(text);

	if (!width)
		return;
	/* What stands to the right is a number, so its length is its columns. */
	for (size_t i = len; is_right && i < width; i++)
		page_glyph(p, ' ', style);
	if (put(p, style, end, text) > width) {
		p->x = end - 1;
		page_glyph(p, p->is_plain ? '~' : 0x2026, style);
	}
	while (p->x < end)
		page_glyph(p, ' ', style);
}

/* --- printing --------------------------------------------------------------------------------- */

static void glyph_print(uint32_t g, struct text *out)
{
	if (g < 0x80) {
		text_putc(out, g ? (char)g : ' ');
	} else { /* all of ours are of three bytes (RFC 3629 3) */
		text_putc(out, (char)(0xe0 | g >> 12));
		text_putc(out, (char)(0x80 | (g >> 6 & 0x3f)));
		text_putc(out, (char)(0x80 | (g & 0x3f)));
	}
}

static const char *const colours[TOP_STYLES] = {
	[TOP_PLAIN] = "0",    [TOP_BOLD] = "0;1", [TOP_DIM] = "0;2",   [TOP_TITLE] = "0;7",
	[TOP_SELECTED] = "0", [TOP_BAD] = "0;31", [TOP_GOOD] = "0;32", [TOP_BAR] = "0;36",
};

static unsigned row_len(const struct top_page *p, const struct top_cell *row)
{
	unsigned n = p->width;

	while (n && (!row[n - 1].glyph || row[n - 1].glyph == ' '))
		n--;
	return n;
}

void top_page_print(const struct top_page *p, bool is_coloured, struct text *out)
{
	unsigned rows = p->height;

	while (rows && !row_len(p, p->cells + (size_t)(rows - 1) * p->width))
		rows--;
	for (unsigned y = 0; y < rows; y++) {
		const struct top_cell *row = p->cells + (size_t)y * p->width;
		unsigned len = row_len(p, row), style = TOP_PLAIN;

		for (unsigned x = 0; x < len; x++) {
			if (is_coloured && row[x].style != style)
				text_printf(out, "\033[%sm", colours[row[x].style]);
			style = row[x].style;
			glyph_print(row[x].glyph, out);
		}
		text_puts(out, is_coloured && style != TOP_PLAIN ? "\033[0m\n" : "\n");
	}
}
