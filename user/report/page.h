/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A page of boxed lines for a terminal. Lines are built in ASCII with marks: single control bytes
 * that stand for a colour or a drawn sign and become UTF-8, SGR sequences, or plain ASCII only when
 * the line is written. Text from the network is escaped before, so it cannot hold a mark.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "report/report.h"

/* Marks, as strings to paste into a line. */
#define MARK_BOLD   "\x01"
#define MARK_RED    "\x02"
#define MARK_GREEN  "\x03"
#define MARK_YELLOW "\x04"
#define MARK_CYAN   "\x05"
#define MARK_DIM    "\x06"
#define MARK_PLAIN  "\x07"
#define MARK_FULL   "\x0e" /* a full cell of a bar */
#define MARK_EMPTY  "\x0f" /* an empty one */
#define MARK_LEFT   "\x10" /* an arrow */
#define MARK_RIGHT  "\x11"
#define MARK_MORE   "\x12" /* something was cut */
#define MARK_DOT    "\x13"
#define MARK_RULE   "\x14" /* a thin horizontal line */

/* Lives for one document. */
struct page {
	struct report_style style;
	const struct report_out *to;
	struct text line; /* what page_line writes next */
	struct text out;
	unsigned inner;	  /* columns between the borders */
	bool is_coloured; /* a colour is on at this point of the output */
	int err;
};

void page_begin(struct page *p, const struct report_style *style, const struct report_out *to);
/* Writes what is left and frees; returns 0 or the first error. */
int page_end(struct page *p);

void page_top(struct page *p);
void page_bottom(struct page *p);
/* A dividing line, then the heading (printf-like, already escaped), then a thin line. */
void page_heading(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes p->line between borders, cut or padded to the width, and empties it. */
void page_line(struct page *p);
void page_empty(struct page *p);

/* Appends text escaped, cut to `columns` with a sign, and padded to it. */
void page_cell(struct page *p, struct slice s, unsigned columns);
/* Appends right-aligned "1,234,567" or "1.2 MB". */
void page_count(struct page *p, uint64_t n, unsigned columns);
void page_size(struct page *p, uint64_t bytes, unsigned columns);
/* Appends a bar of `columns` cells, `part` of `whole` full. */
void page_bar(struct page *p, uint64_t part, uint64_t whole, unsigned columns);
/* "1,234,567"; out needs 27 bytes. Returns out. */
const char *page_digits(uint64_t n, char out[27]);
const char *page_bytes(uint64_t n, char out[27]);

#endif
