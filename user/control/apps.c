/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loading the applications and writing the list of them; see apps.h.
 */
#include "control/apps.h"

#include <errno.h>
#include <string.h>

enum { LINE_WIDTH = 78 };

int apps_load(struct catalogue **out, struct fault *f)
{
	struct catalogue *c = catalogue_new();
	int err = c ? catalogue_load_dir(c, APPS_USER_DIR, f)
		    : fault_set(f, -ENOMEM, "out of memory");

	if (err)
		catalogue_free(c);
	else
		*out = c;
	return err;
}

static void write_row(const struct catalogue *c, int app, const struct app_sum *s, struct text *out)
{
	text_printf(out, "%-20s %-14s %8llu %10llu %14llu %10llu%s\n", catalogue_name(c, app),
		    catalogue_category(c, app), (unsigned long long)s->flows,
		    (unsigned long long)s->packets, (unsigned long long)s->bytes,
		    (unsigned long long)s->dropped, s->is_blocked ? "  <- BLOCKED" : "");
}

static void write_object(const struct catalogue *c, int app, const struct app_sum *s,
			 struct text *out)
{
	text_puts(out, "{\"app\":");
	text_json(out, slice_text(catalogue_name(c, app)));
	text_puts(out, ",\"category\":");
	text_json(out, slice_text(catalogue_category(c, app)));
	text_printf(out,
		    ",\"flows\":%llu,\"packets\":%llu,\"bytes\":%llu,\"dropped_packets\":%llu,"
		    "\"blocked\":%s}",
		    (unsigned long long)s->flows, (unsigned long long)s->packets,
		    (unsigned long long)s->bytes, (unsigned long long)s->dropped,
		    s->is_blocked ? "true" : "false");
}

/* Adds a word to a list that is broken into lines; *width is that of the last line. */
static void write_word(struct text *out, size_t *width, const char *word)
{
	*width += strlen(word) + 2;
	if (*width > LINE_WIDTH) {
		text_puts(out, "\n ");
		*width = strlen(word) + 2;
	}
	text_printf(out, " %s,", word);
}

static void end_words(struct text *out)
{
	out->len -= out->len > 0; /* the last comma */
	text_putc(out, '\n');
}

/* The names of a category's applications without a flow, in lines. */
static void write_names(const struct catalogue *c, const struct app_sum *sums, const char *category,
			struct text *out)
{
	size_t width = LINE_WIDTH, begin = out->len;

	for (size_t i = 0; i < catalogue_count(c); i++) {
		if (!sums[i].flows && strcmp(catalogue_category(c, (int)i), category) == 0)
			write_word(out, &width, catalogue_name(c, (int)i));
	}
	if (out->len > begin)
		end_words(out);
	else
		text_puts(out, ": all above\n");
}

static void write_categories(const struct catalogue *c, const struct app_sum *sums,
			     struct text *out)
{
	size_t apps;

	text_puts(out,
		  "A rule may have any of these names, and the categories as category:NAME.\n");
	for (size_t i = 0; i < catalogue_category_count(c); i++) {
		const char *category = catalogue_category_at(c, i, &apps);

		if (!apps)
			continue;
		text_printf(out, "\n%s (%zu)", category, apps);
		write_names(c, sums, category, out);
	}
}

static void write_categories_json(const struct catalogue *c, struct text *out)
{
	bool is_first = true;
	size_t apps;

	text_puts(out, ",\"categories\":[");
	for (size_t i = 0; i < catalogue_category_count(c); i++) {
		const char *category = catalogue_category_at(c, i, &apps);

		if (!apps)
			continue;
		text_puts(out, is_first ? "{\"category\":" : ",{\"category\":");
		text_json(out, slice_text(category));
		text_printf(out, ",\"apps\":%zu}", apps);
		is_first = false;
	}
	text_putc(out, ']');
}

static void write_json(const struct catalogue *c, const struct app_sum *sums, struct text *out)
{
	text_puts(out, "{\"apps\":[");
	for (size_t i = 0; i < catalogue_count(c); i++) {
		if (i)
			text_putc(out, ',');
		write_object(c, (int)i, &sums[i], out);
	}
	text_putc(out, ']');
	write_categories_json(c, out);
	text_puts(out, "}\n");
}

/* The number of the application that comes behind the one given (-1: none yet) when those with
 * flows stand the largest first, then by number; -1 at the end. */
static int next_largest(const struct catalogue *c, const struct app_sum *sums, int last)
{
	int best = -1;

	for (int i = 0; i < (int)catalogue_count(c); i++) {
		bool is_behind = last < 0 || sums[i].bytes < sums[last].bytes ||
				 (sums[i].bytes == sums[last].bytes && i > last);

		if (sums[i].flows && is_behind && (best < 0 || sums[i].bytes > sums[best].bytes))
			best = i;
	}
	return best;
}

void apps_write(const struct catalogue *c, const struct app_sum *sums, const struct apps_view *view,
		struct text *out)
{
	size_t seen = 0;

	if (view->is_json) {
		write_json(c, sums, out);
		return;
	}
	for (int app = next_largest(c, sums, -1); app >= 0; app = next_largest(c, sums, app)) {
		if (!seen++)
			text_printf(out, "%-20s %-14s %8s %10s %14s %10s\n", "APP", "CATEGORY",
				    "FLOWS", "PACKETS", "BYTES", "DROPPED");
		write_row(c, app, &sums[app], out);
	}
	if (seen)
		text_putc(out, '\n');
	if (view->has_names)
		write_categories(c, sums, out);
	else
		text_printf(out,
			    "%zu applications %sare known; `dpi-xdp apps --verbose` names them\n",
			    catalogue_count(c) - seen, seen ? "without a flow " : "");
}
