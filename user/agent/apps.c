/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loading the applications and writing the list of them; see apps.h.
 */
#include "agent/apps.h"

#include <errno.h>

#define USER_DIR "/etc/dpi-xdp/apps.d"

enum { LINE_WIDTH = 78 };

int apps_load(struct catalogue **out, struct fault *f)
{
	struct catalogue *c = catalogue_new();
	int err = c ? catalogue_load_dir(c, USER_DIR, f) : fault_set(f, -ENOMEM, "out of memory");

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

/* The names of applications without a flow, in lines. */
static void write_others(const struct catalogue *c, const struct app_sum *sums, struct text *out)
{
	size_t width = LINE_WIDTH;

	text_puts(out, "\nno flows of these (rules may name them all):");
	for (size_t i = 0; i < catalogue_count(c); i++) {
		const char *name = catalogue_name(c, (int)i);

		if (sums[i].flows)
			continue;
		width += strlen(name) + 2;
		if (width > LINE_WIDTH) {
			text_puts(out, "\n ");
			width = strlen(name) + 2;
		}
		text_printf(out, " %s,", name);
	}
	out->len -= out->len > 0; /* the last comma */
	text_putc(out, '\n');
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
		text_puts(out, "]}\n");
	else
		write_others(c, sums, out);
}
