/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One page of connections; see engine_page.h.
 */
#include "agent/engine_page.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/engine_gathered.h"

enum { CURSOR_BYTES = 1 + 8 + sizeof(struct dpi_key) };

/* --- cursors ---------------------------------------------------------------------------------- */

void engine_cursor_write(const struct engine_cursor *c, struct text *out)
{
	unsigned char bytes[CURSOR_BYTES];

	bytes[0] = c->is_newest;
	for (int i = 0; i < 8; i++)
		bytes[1 + i] = (unsigned char)(c->first_ns >> (56 - 8 * i));
	memcpy(bytes + 9, &c->key, sizeof(c->key));
	for (size_t i = 0; i < sizeof(bytes); i++)
		text_printf(out, "%02x", bytes[i]);
}

static int hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int engine_cursor_parse(const char *text, struct engine_cursor *out)
{
	unsigned char bytes[CURSOR_BYTES];
	struct engine_cursor c = {0};

	if (strlen(text) != 2 * sizeof(bytes))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		int high = hex_of(text[2 * i]), low = hex_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	if (bytes[0] > 1)
		return -EINVAL;
	c.is_newest = bytes[0];
	for (int i = 0; i < 8; i++)
		c.first_ns = c.first_ns << 8 | bytes[1 + i];
	memcpy(&c.key, bytes + 9, sizeof(c.key));
	*out = c;
	return 0;
}

/* --- the page --------------------------------------------------------------------------------- */

struct place {
	struct engine_cursor at;
	size_t row;
};

/* Newest first, or by key; the other of the two decides where the first is equal. */
static int compare(const void *a, const void *b)
{
	const struct engine_cursor *x = a, *y = b;
	int by_key = memcmp(&x->key, &y->key, sizeof(x->key));
	int by_time = x->first_ns > y->first_ns ? -1 : x->first_ns < y->first_ns;

	if (x->is_newest)
		return by_time ? by_time : by_key;
	return by_key ? by_key : by_time;
}

/* The rows behind the cursor, in order. Gives *out; returns how many, or -ENOMEM. */
static ssize_t places_sort(struct tally *t, const struct engine_page_wish *w, struct place **out)
{
	size_t count = tally_row_count(t), n = 0;
	struct place *p = calloc(count + 1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct connection row;

		tally_row(t, i, &row);
		p[n].at.is_newest = w->cursor.is_newest;
		p[n].at.first_ns = row.first_ns;
		p[n].at.key = row.key;
		p[n].row = i;
		n += !w->has_cursor || compare(&p[n].at, &w->cursor) > 0;
	}
	qsort(p, n, sizeof(*p), compare);
	*out = p;
	return (ssize_t)n;
}

static void page_write(struct engine_state *e, struct tally *t, const struct engine_page_wish *w,
		       const struct place *p, size_t count, struct text *out)
{
	size_t shown = count < w->limit ? count : w->limit;

	text_printf(out, "{\"%s\":[", w->is_open_only ? "flows" : "connections");
	for (size_t i = 0; i < shown; i++) {
		struct connection row;

		tally_row(t, p[i].row, &row);
		text_puts(out, i ? ",\n" : "\n");
		report_json_connection(out, &row, e->catalogue, policy_rules(e->lent));
	}
	text_puts(out, "],\"next\":");
	if (shown < count) {
		text_putc(out, '"');
		engine_cursor_write(&p[shown - 1].at, out);
		text_putc(out, '"');
	} else {
		text_puts(out, "null");
	}
	text_printf(out, ",\"total\":%zu}\n", tally_row_count(t));
}

int engine_page(struct engine_state *e, const struct wire *request, struct text *out)
{
	struct engine_page_wish w;
	struct place *p = NULL;
	struct gathered g;
	ssize_t count;
	int err;

	if (request->out_len != sizeof(w))
		return -EINVAL;
	memcpy(&w, request->out, sizeof(w));
	err = engine_gather(e, &g, w.is_open_only ? GATHER_OPEN : GATHER_ALL);
	count = err ? err : places_sort(g.all, &w, &p);
	if (count >= 0)
		page_write(e, g.all, &w, p, (size_t)count, out);
	free(p);
	engine_gathered_clear(&g);
	return count < 0 ? (int)count : 0;
}
