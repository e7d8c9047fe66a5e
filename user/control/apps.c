/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loading the applications and writing the list of them; see apps.h.
 */
#include "control/apps.h"

#include <errno.h>
#include <stdio.h>

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

/* The names of applications without a flow, in lines. */
static void write_others(const struct catalogue *c, const struct app_sum *sums, struct text *out)
{
	size_t width = LINE_WIDTH;

	text_puts(out, "\nno flows of these (rules may name them all):");
	for (size_t i = 0; i < catalogue_count(c); i++) {
		if (!sums[i].flows)
			write_word(out, &width, catalogue_name(c, (int)i));
	}
	end_words(out);
}

/* The categories, and how many applications a rule for each means. */
static void write_categories(const struct catalogue *c, bool is_json, struct text *out)
{
	size_t width = LINE_WIDTH, apps;
	bool is_first = true;

	text_puts(out, is_json ? ",\"categories\":["
			       : "\ncategories, of so many applications (rules may name them as "
				 "category:NAME):");
	for (size_t i = 0; i < catalogue_category_count(c); i++) {
		const char *category = catalogue_category_at(c, i, &apps);
		char word[64];

		if (!apps)
			continue;
		if (is_json) {
			text_puts(out, is_first ? "{\"category\":" : ",{\"category\":");
			text_json(out, slice_text(category));
			text_printf(out, ",\"apps\":%zu}", apps);
		} else {
			snprintf(word, sizeof(word), "%s %zu", category, apps);
			write_word(out, &width, word);
		}
		is_first = false;
	}
	if (is_json)
		text_putc(out, ']');
	else
		end_words(out);
}

void apps_write(const struct catalogue *c, const struct app_sum *sums, bool is_json,
		struct text *out)
{
	if (is_json)
		text_puts(out, "{\"apps\":[");
	else
		text_printf(out, "%-20s %-14s %8s %10s %14s %10s\n", "APP", "CATEGORY", "FLOWS",
			    "PACKETS", "BYTES", "DROPPED");
	for (size_t i = 0; i < catalogue_count(c); i++) {
		if (is_json && i)
			text_putc(out, ',');
		if (is_json)
			write_object(c, (int)i, &sums[i], out);
		else if (sums[i].flows)
			write_row(c, (int)i, &sums[i], out);
	}
	if (is_json)
		text_putc(out, ']');
	else
		write_others(c, sums, out);
	write_categories(c, is_json, out);
	if (is_json)
		text_puts(out, "}\n");
}
