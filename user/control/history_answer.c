/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The history of the rules in words and JSON; see history_answer.h. Room: control.
 */
#include "control/history_answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { LINES_SHOWN = 3, LINES_LISTED = 20 };

/* The next line of a change, without its end; false when there is none. */
static bool next_line(struct slice *lines, struct slice *line)
{
	const uint8_t *newline = lines->len ? memchr(lines->at, '\n', lines->len) : NULL;
	size_t len = newline ? (size_t)(newline - lines->at) : lines->len;

	if (!lines->len)
		return false;
	*line = slice_first(*lines, len);
	*lines = slice_from(*lines, len + (newline != NULL));
	return true;
}

static void put_time(const struct history_entry *e, struct text *out)
{
	time_t seconds = (time_t)e->time_s;
	struct tm tm = {0};
	char stamp[40] = "";

	if (gmtime_r(&seconds, &tm))
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	text_puts(out, stamp);
}

/* The fields that a change has wherever it is told of, and its first lines. */
static void put_json(const struct history_entry *e, struct slice lines, size_t most,
		     struct text *out)
{
	struct slice line;

	text_printf(out, "\"number\":%" PRIu64 ",\"time\":\"", e->number);
	put_time(e, out);
	text_printf(out,
		    "\",\"by\":\"%s\",\"added\":%" PRIu64 ",\"removed\":%" PRIu64 ",\"lines\":[",
		    history_by_name(e->by), e->added, e->removed);
	for (size_t i = 0; i < most && next_line(&lines, &line); i++) {
		text_puts(out, i ? "," : "");
		text_json(out, line);
	}
	text_putc(out, ']');
}

/* --- the list --------------------------------------------------------------------------------- */

static void list_json(const struct history *h, size_t reach, struct text *out)
{
	text_puts(out, "{\"schema\":\"dpi-xdp/rules-history/1\",\"changes\":[");
	for (size_t i = 0; i < h->count; i++) {
		text_puts(out, i ? ",\n{" : "\n{");
		put_json(&h->entry[i], h->entry[i].lines, LINES_LISTED, out);
		text_printf(out, ",\"can_roll_back\":%s}", i < reach ? "true" : "false");
	}
	text_printf(out, "],\"left_out\":%" PRIu64 ",\"damaged\":%s}\n", h->left_out,
		    h->is_damaged ? "true" : "false");
}

static void list_row(const struct history_entry *e, bool is_reached, struct text *out)
{
	struct slice lines = e->lines, line;
	uint64_t left = e->added + e->removed;

	text_printf(out, "%8" PRIu64 "  ", e->number);
	put_time(e, out);
	text_printf(out, "  %-8s %8" PRIu64 " %8" PRIu64 "  ", history_by_name(e->by), e->added,
		    e->removed);
	for (int i = 0; i < LINES_SHOWN && next_line(&lines, &line); i++, left--) {
		text_puts(out, i ? ", " : "");
		text_escaped(out, line);
	}
	if (left)
		text_printf(out, "%s%" PRIu64 " more", e->lines.len ? ", " : "", left);
	text_puts(out, is_reached ? "\n" : "  (cannot be rolled back)\n");
}

static void list_text(const struct history *h, size_t reach, struct text *out)
{
	if (!h->count)
		text_puts(out, "no change of the rules is kept\n");
	else
		text_printf(out, "%8s  %-20s  %-8s %8s %8s  %s\n", "NUMBER", "TIME", "BY", "ADDED",
			    "REMOVED", "WHAT");
	for (size_t i = 0; i < h->count; i++)
		list_row(&h->entry[i], i < reach, out);
	if (h->left_out)
		text_printf(out, "%" PRIu64 " older change%s left out: %d are kept\n", h->left_out,
			    h->left_out == 1 ? " was" : "s were", HISTORY_MAX);
	if (h->is_damaged)
		text_puts(out, "history.txt is damaged: older changes are missing; the next change "
			       "begins it anew\n");
}

/* --- one change ------------------------------------------------------------------------------- */

static int show_one(const struct paths *p, const struct history *h, size_t i, size_t reach,
		    bool is_json, struct text *out, struct fault *f)
{
	const struct history_entry *e = &h->entry[i];
	struct slice lines = slice_of("", 0);
	char *buffer = NULL;
	int err = history_lines(p, e, &buffer, &lines, f);

	if (!err && is_json) {
		text_puts(out, "{\"schema\":\"dpi-xdp/rules-diff/1\",");
		put_json(e, lines, SIZE_MAX, out);
		text_printf(out, ",\"can_roll_back\":%s}\n", i < reach ? "true" : "false");
	} else if (!err) {
		text_add(out, lines.at, lines.len);
	}
	free(buffer);
	return err;
}

int history_number(const json_t *request, uint64_t *out, struct fault *f)
{
	const json_t *number = json_object_get(request, "number");
	json_int_t n = json_integer_value(number);

	if (number && (!json_is_integer(number) || n < 0))
		return fault_set(f, -EINVAL,
				 "that is no number of a change; `dpi-xdp rules "
				 "history` shows them");
	*out = (uint64_t)n;
	return 0;
}

int history_answer(const struct paths *p, const struct rules *now, const json_t *request,
		   struct text *out, struct fault *f)
{
	const char *command = json_string_value(json_object_get(request, "command"));
	bool is_json = json_is_true(json_object_get(request, "json"));
	uint64_t number = 0;
	struct history h;
	int err = history_read(p, now, &h, f), i;
	size_t reach = err ? 0 : history_reach(&h, now);

	if (!err)
		err = history_number(request, &number, f);
	if (!err && command && strcmp(command, "rules-diff") == 0) {
		i = history_find(&h, number, f);
		err = i < 0 ? i : show_one(p, &h, (size_t)i, reach, is_json, out, f);
	} else if (!err && is_json) {
		list_json(&h, reach, out);
	} else if (!err) {
		list_text(&h, reach, out);
	}
	history_clear(&h);
	return err;
}

void history_tell(const struct history_entry *e, size_t rule_count, bool is_same, bool is_json,
		  struct text *out)
{
	if (is_json)
		text_printf(out, "{\"rolled_back\":%" PRIu64 ",\"changed\":%s,\"rules\":%zu}\n",
			    e->number, is_same ? "false" : "true", rule_count);
	else
		text_printf(out,
			    "the rules are those from before change %" PRIu64 " %s: %zu rule%s\n",
			    e->number, is_same ? "already" : "again", rule_count,
			    rule_count == 1 ? "" : "s");
}
