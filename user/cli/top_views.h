/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The views of `top` as a table: what rows there are, what their cells say, what they are sorted
 * by, and what blocking one means. Private to top's own files. Room: cli.
 */
#ifndef CLI_TOP_VIEWS_H
#define CLI_TOP_VIEWS_H

#include "cli/top.h"

struct top_column {
	const char *title;
	unsigned width; /* 0: all that the others leave; one column of a view has it */
	unsigned from;	/* columns the page must have for this one to be there */
	bool is_right;	/* numbers */
};

struct top_view_rows {
	const struct top_column *columns;
	size_t column_count;
	const char *empty; /* said when there is no row */
	bool share;	   /* a bar shows the row's part of all */
	size_t (*count)(const struct top_shown *s);
	/* Row i, or NULL when it has nothing to show. */
	const void *(*item)(const struct top_shown *s, size_t i);
	void (*cell)(const void *item, size_t column, char *out, size_t size);
	const char *(*name)(const void *item);
	/* What tells rows apart. */
	void (*identity)(const void *item, char *out, size_t size);
	/* NULL: rows have their order. */
	uint64_t (*key)(const void *item, enum top_sort sort);
	enum top_style (*style)(const void *item);
	/* The change that blocks it, or takes its rule away. False: it cannot be blocked. NULL:
	 * none of the view can. */
	bool (*target)(const void *item, struct top_change *out);
};

extern const struct top_view_rows top_view_rows[TOP_VIEWS];

#endif
