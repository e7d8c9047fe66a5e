/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The tables of `top`: one list of columns a view, one way to filter, sort, scroll and draw them
 * all; see top.h. Room: cli. What a row's cells say is in top_views.c.
 */
#include "cli/top_views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR_FROM = 100, BAR_WIDTH = 10, CELL_MAX = 512 };

struct order {
	const struct top_view_rows *rows;
	enum top_sort sort;
	bool is_reversed;
};

static int compare(const void *a, const void *b, void *ctx)
{
	const struct order *o = ctx;
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	int by = 0;

	if (o->sort == TOP_BY_NAME) {
		by = strcasecmp(o->rows->name(x), o->rows->name(y));
	} else {
		uint64_t m = o->rows->key(x, o->sort), n = o->rows->key(y, o->sort);

		by = m > n ? -1 : m < n;
	}
	if (by == 0) /* as the agent listed them */
		return x < y ? -1 : x > y;
	return o->is_reversed ? -by : by;
}

/* A row is shown when one of its cells holds the filter. */
static bool is_wanted(const struct top_view_rows *v, const void *item, const char *filter)
{
	char cell[CELL_MAX];

	if (!*filter)
		return true;
	for (size_t c = 0; c < v->column_count; c++) {
		v->cell(item, c, cell, sizeof(cell));
		if (strcasestr(cell, filter))
			return true;
	}
	return false;
}

/* The rows of the view, in order; gives the array. */
static const void **rows_make(const struct top_view_rows *v, const struct top_shown *s,
			      const struct top_state *state, size_t *count)
{
	size_t all = v->count(s), n = 0;
	const void **rows = calloc(all + 1, sizeof(*rows));
	struct order o = {v, state->sort, state->is_reversed};

	for (size_t i = 0; rows && i < all; i++) {
		const void *item = v->item(s, i);

		if (item && is_wanted(v, item, state->filter))
			rows[n++] = item;
	}
	if (rows && v->key)
		qsort_r(rows, n, sizeof(*rows), compare, &o);
	*count = n;
	return rows;
}

/* The selection goes with its row; a row that is gone leaves it where it was. */
static void selection_keep(const struct top_view_rows *v, const void **rows, size_t count,
			   struct top_state *state)
{
	char name[CELL_MAX];

	state->row_count = count;
	for (size_t i = 0; v->key && *state->selected_key && i < count; i++) {
		v->identity(rows[i], name, sizeof(name));
		if (strncmp(name, state->selected_key, sizeof(state->selected_key) - 1) == 0) {
			state->selected = i;
			break;
		}
	}
	if (state->selected >= count)
		state->selected = count ? count - 1 : 0;
	state->selected_key[0] = '\0';
	state->has_target = false;
	if (!count)
		return;
	v->identity(rows[state->selected], name, sizeof(name));
	snprintf(state->selected_key, sizeof(state->selected_key), "%.*s",
		 (int)sizeof(state->selected_key) - 1, name);
	state->has_target = v->target && v->target(rows[state->selected], &state->target);
}

static void scroll(struct top_state *state, size_t fit)
{
	if (state->selected < state->first)
		state->first = state->selected;
	if (fit && state->selected >= state->first + fit)
		state->first = state->selected - fit + 1;
	if (state->first + fit > state->row_count)
		state->first = state->row_count > fit ? state->row_count - fit : 0;
}

/* How wide the one column is that takes what others leave. */
static unsigned flexible(const struct top_page *p, const struct top_view_rows *v)
{
	unsigned used = p->width >= BAR_FROM && v->share ? BAR_WIDTH + 1 : 0;

	for (size_t c = 0; c < v->column_count; c++)
		if (v->columns[c].width && p->width >= v->columns[c].from)
			used += v->columns[c].width + 1;
	return p->width > used ? p->width - used : 0;
}

static void draw_bar(struct top_page *p, uint64_t part, uint64_t whole, enum top_style style)
{
	unsigned eighths = whole ? (unsigned)((double)part * BAR_WIDTH * 8 / (double)whole) : 0;

	for (unsigned i = 0; i < BAR_WIDTH; i++) {
		unsigned here = eighths > i * 8 ? eighths - i * 8 : 0;

		here = here > 8 ? 8 : here;
		if (p->is_plain)
			page_glyph(p, here >= 4 ? '#' : ' ', style);
		else
			page_glyph(p, here ? 0x2590 - here : ' ', style);
	}
}

static void draw_row(struct top_page *p, const struct top_view_rows *v, const void *item,
		     enum top_style style)
{
	unsigned wide = flexible(p, v);
	char cell[CELL_MAX];

	for (size_t c = 0; c < v->column_count; c++) {
		const struct top_column *column = &v->columns[c];

		if (p->width < column->from)
			continue;
		if (item)
			v->cell(item, c, cell, sizeof(cell));
		else
			strcpy(cell, column->title);
		page_field(p, style, column->width ? column->width : wide, column->is_right, cell);
		page_glyph(p, ' ', style);
	}
}

static void draw_empty(struct top_page *p, unsigned y, const struct top_view_rows *v,
		       const struct top_state *state)
{
	page_at(p, 0, y);
	page_puts(p, TOP_DIM,
		  *state->filter ? "nothing here holds that filter; Esc ends it" : v->empty);
}

void top_table_draw(struct top_page *p, unsigned y, unsigned rows, const struct top_shown *s,
		    struct top_state *state)
{
	const struct top_view_rows *v = &top_view_rows[state->view];
	size_t count, fit = rows ? rows - 1 : 0;
	const void **list = rows_make(v, s, state, &count);
	uint64_t whole = 0;

	if (!list || !rows) {
		free(list);
		return;
	}
	selection_keep(v, list, count, state);
	scroll(state, fit);
	page_at(p, 0, y);
	draw_row(p, v, NULL, TOP_TITLE);
	while (p->x < p->width)
		page_glyph(p, ' ', TOP_TITLE);
	if (!count)
		draw_empty(p, y + 1, v, state);
	for (size_t i = 0; v->share && i < count; i++)
		whole += v->key(list[i], state->sort == TOP_BY_NAME ? TOP_BY_BYTES : state->sort);
	for (size_t i = 0; i < fit && state->first + i < count; i++) {
		const void *item = list[state->first + i];
		bool is_here = !state->is_batch && state->first + i == state->selected;

		page_at(p, 0, y + 1 + (unsigned)i);
		draw_row(p, v, item, is_here ? TOP_SELECTED : v->style(item));
		if (v->share && p->width >= BAR_FROM)
			draw_bar(p,
				 v->key(item,
					state->sort == TOP_BY_NAME ? TOP_BY_BYTES : state->sort),
				 whole, is_here ? TOP_SELECTED : TOP_BAR);
	}
	free(list);
}
