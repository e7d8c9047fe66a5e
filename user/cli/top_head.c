/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What stands around the tables of `top`: the agent, its rates and totals, the list of views, the
 * help, the bottom line; see top.h. Room: cli.
 */
#include "cli/top.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/answer.h"
#include "policy/when.h"

enum { WIDE = 76, TALL = 14 };

const char *top_short(uint64_t n, char *out)
{
	static const char letters[] = "kMGTPE";
	double v = (double)n;
	int i = -1;

	if (n < 100000) {
		snprintf(out, 8, "%u", (unsigned)n);
		return out;
	}
	for (; v >= 999.5 && i < 5; i++)
		v /= 1000;
	snprintf(out, 8, v < 9.95 ? "%.2f%c" : v < 99.5 ? "%.1f%c" : "%.0f%c", v, letters[i]);
	return out;
}

/* --- head ------------------------------------------------------------------------------------- */

static void uptime(uint64_t s, char *out, size_t size)
{
	unsigned days = (unsigned)(s / 86400), h = (unsigned)(s / 3600 % 24),
		 m = (unsigned)(s / 60 % 60);

	if (days)
		snprintf(out, size, "%u d %02u:%02u", days, h, m);
	else
		snprintf(out, size, "%02u:%02u:%02u", h, m, (unsigned)(s % 60));
}

static unsigned draw_agent(struct top_page *p, unsigned y, const struct top_shown *s,
			   const struct top_state *state)
{
	const json_t *status = s->sample ? s->sample->status : NULL;
	unsigned clock = (unsigned)strlen(s->clock) + (state->is_paused ? 9 : 0);
	char up[32], line[96];

	page_at(p, 0, y);
	page_puts(p, TOP_BOLD, "dpi-xdp top");
	if (status) {
		uptime(control_number(status, "uptime_s"), up, sizeof(up));
		snprintf(line, sizeof(line), "  up %s", up);
		page_puts(p, TOP_PLAIN, line);
		snprintf(line, sizeof(line), "  %u worker%s",
			 (unsigned)control_number(status, "workers"),
			 control_number(status, "workers") == 1 ? "" : "s");
		if (p->x + strlen(line) + clock + 1 < p->width)
			page_puts(p, TOP_PLAIN, line);
	}
	if (p->x + clock < p->width) {
		page_at(p, p->width - clock, y);
		if (state->is_paused)
			page_puts(p, TOP_BAD, "[paused] ");
		page_puts(p, TOP_DIM, s->clock);
	}
	return y + 1;
}

/* left_s 0: until somebody resumes. */
static void draw_pause(struct top_page *p, uint64_t left_s)
{
	char left[WHEN_MOMENT_MAX];

	page_puts(p, TOP_BAD, "nothing is blocked: paused");
	if (left_s) {
		page_puts(p, TOP_BAD, " for ");
		page_puts(p, TOP_BAD, when_length_format((int64_t)left_s, left));
	}
	page_puts(p, TOP_BAD, "  ");
}

static unsigned draw_interfaces(struct top_page *p, unsigned y, const json_t *status)
{
	const json_t *row;
	size_t i;

	page_at(p, 0, y);
	if (json_is_true(json_object_get(status, "paused")))
		draw_pause(p, control_number(status, "paused_left_s"));
	if (json_is_true(json_object_get(status, "monitor")))
		page_puts(p, TOP_BAD, "monitoring only  ");
	json_array_foreach(json_object_get(status, "interfaces"), i, row)
	{
		bool is_up = strcmp(control_words(row, "state"), "protected") == 0;
		char line[128];

		snprintf(line, sizeof(line), "%s%s %s%s%s", i ? ", " : "",
			 control_words(row, "name"), control_words(row, "mode"),
			 strcmp(control_words(row, "hooks"), "both") == 0 ? "" : ", receive only",
			 is_up ? "" : " (waiting for it)");
		page_puts(p, is_up ? TOP_PLAIN : TOP_BAD, line);
	}
	return y + 1;
}

/* The last `width` values as columns of eight heights, against the highest of them. */
static void spark(struct top_page *p, unsigned width, const struct top_shown *s, size_t which,
		  enum top_style style)
{
	static const char plain[] = "_.-:=+*#";
	size_t n = s->history_count < width ? s->history_count : width;
	const struct top_rates *first = s->history + (s->history_count - n);
	uint64_t most = 1;

#define VALUE(r) (which == 0 ? (r).packets_per_s : which == 1 ? (r).bits_per_s : (r).drops_per_s)
	for (size_t i = 0; i < n; i++)
		if (VALUE(first[i]) > most)
			most = VALUE(first[i]);
	for (size_t i = n; i < width; i++)
		page_glyph(p, ' ', style);
	for (size_t i = 0; i < n; i++) {
		uint64_t v = VALUE(first[i]);
		unsigned step = (unsigned)((double)v * 7.0 / (double)most + 0.5);

		page_glyph(p,
			   p->is_plain ? (uint32_t)(v ? plain[step] : ' ')
				       : (v ? 0x2581 + step : ' '),
			   style);
	}
#undef VALUE
}

static unsigned draw_rates(struct top_page *p, unsigned y, const struct top_shown *s)
{
	static const char *const names[] = {"packets/s", "bits/s", "drops/s"};
	static const enum top_style styles[] = {TOP_BAR, TOP_BAR, TOP_BAD};
	const struct top_rates now = s->sample ? s->sample->rates : (struct top_rates){0};
	const uint64_t values[] = {now.packets_per_s, now.bits_per_s, now.drops_per_s};
	bool is_wide = p->width >= WIDE;
	unsigned column = is_wide ? p->width / 3 : p->width;

	for (unsigned i = 0; i < 3; i++) {
		unsigned x = is_wide ? i * column : 0, used = 9 + 1 + 6 + 1;
		char n[8];

		page_at(p, x, is_wide ? y : y + i);
		page_field(p, TOP_DIM, 9, false, names[i]);
		page_field(p, i == 2 && values[i] ? TOP_BAD : TOP_BOLD, 7, true,
			   top_short(values[i], n));
		page_glyph(p, ' ', TOP_PLAIN);
		if (column > used + 2)
			spark(p, column - used - 2, s, i, styles[i]);
	}
	return y + (is_wide ? 1 : 3);
}

/* A total with its name: on this line where it fits, else on the next. */
static unsigned draw_total(struct top_page *p, unsigned y, const char *name, uint64_t n,
			   bool is_bad)
{
	char text[8];
	size_t len;

	top_short(n, text);
	len = strlen(name) + 1 + strlen(text);
	if (p->x && p->x + 2 + len > p->width)
		page_at(p, 0, ++y);
	else if (p->x)
		page_puts(p, TOP_PLAIN, "  ");
	page_puts(p, TOP_DIM, name);
	page_puts(p, TOP_DIM, " ");
	page_puts(p, is_bad && n ? TOP_BAD : TOP_PLAIN, text);
	return y;
}

static unsigned draw_totals(struct top_page *p, unsigned y, const struct top_shown *s)
{
	static const struct {
		const char *name, *counter;
		bool is_bad;
	} rows[] = {
		{"packets", "packets", false},
		{"bytes", "bytes", false},
		{"passed", "forwarded", false},
		{"dropped", "dropped", false},
		{"flows", "flows_opened", false},
		{"blocked", "verdicts", false},
		{"names", "names", false},
		{"late", "late", true},
		{"samples lost", "kernel_samples_lost", true},
		{"events lost", "events_lost", true},
	};

	page_at(p, 0, y);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		y = draw_total(p, y, rows[i].name, top_counter(s->sample, rows[i].counter),
			       rows[i].is_bad);
	return y + 1;
}

/* --- views, help, bottom ---------------------------------------------------------------------- */

/* What a table leaves out is told beside its name. */
static void draw_left_out(struct top_page *p, const struct top_shown *s,
			  const struct top_state *state)
{
	char line[96] = "";

	if (state->view == TOP_EVENTS_VIEW && s->events_lost)
		snprintf(line, sizeof(line), "  %llu lines lost",
			 (unsigned long long)s->events_lost);
	else if (state->view == TOP_RULES && !s->sample->rules_json)
		snprintf(line, sizeof(line), "  %llu: hits alone",
			 (unsigned long long)control_number(s->sample->status, "rules"));
	page_puts(p, TOP_BAD, line);
}

static unsigned draw_views(struct top_page *p, unsigned y, const struct top_shown *s,
			   const struct top_state *state)
{
	char line[96];

	page_at(p, 0, y);
	for (unsigned v = 0; v < TOP_VIEWS; v++) {
		bool is_here = v == state->view;

		/* Where there is no room the others are their numbers. */
		snprintf(line, sizeof(line), "%u%s%s ", v + 1,
			 p->width >= WIDE || is_here ? " " : "",
			 p->width >= WIDE || is_here ? top_view_name((enum top_view)v) : "");
		page_puts(p, is_here ? TOP_BOLD : TOP_DIM, line);
	}
	snprintf(line, sizeof(line), " by %s%s", top_sort_name(state->sort),
		 state->is_reversed ? ", least first" : "");
	if (state->view != TOP_EVENTS_VIEW)
		page_puts(p, TOP_DIM, line);
	draw_left_out(p, s, state);
	if (*state->filter && !state->is_typing) {
		snprintf(line, sizeof(line), "  /%s", state->filter);
		page_puts(p, TOP_BAD, line);
	}
	return y + 1;
}

static void draw_bottom(struct top_page *p, const struct top_state *state)
{
	char line[80];

	page_at(p, 0, p->height - 1);
	if (state->is_typing) {
		snprintf(line, sizeof(line), "/%s_", state->filter);
		page_puts(p, TOP_BOLD, line);
	} else if (*state->message) {
		page_puts(p, TOP_BOLD, state->message);
	} else if (p->width >= WIDE) {
		page_puts(p, TOP_DIM,
			  "q quit  h help  Tab view  s sort  / filter  p pause  "
			  "b block  u undo");
	} else {
		page_puts(p, TOP_DIM, "q quit  h help  Tab view  b block");
	}
}

/* Words in lines of the page's width. */
static unsigned draw_words(struct top_page *p, unsigned y, enum top_style style, const char *text)
{
	char word[64];

	page_at(p, 0, y);
	while (*text) {
		size_t len = strcspn(text, " ");

		snprintf(word, sizeof(word), "%.*s ", (int)(len < 60 ? len : 60), text);
		if (p->x && p->x + strlen(word) - 1 > p->width)
			page_at(p, 0, ++y);
		page_puts(p, style, word);
		text += len + (text[len] == ' ');
	}
	return y + 1;
}

static void draw_help(struct top_page *p)
{
	static const char *const lines[] = {
		"Tab, 1 to 5    the views: applications, flows, domains, rules, events",
		"arrows, j k    choose a row; PgUp PgDn g G further",
		"s S            what rows are sorted by; P B F D packets, bytes, flows, dropped",
		"r              the other way round",
		"/              show only rows that hold these letters; Esc ends it",
		"p, blank       pause; counting goes on",
		"b              block what is selected, or take its rule away; asks first",
		"u              undo the last change made here; asks first",
		"q, Ctrl-C      leave; the terminal is put back as it was",
	};
	unsigned y = p->height > 12 ? 2 : 1;

	page_at(p, 0, 0);
	page_puts(p, TOP_BOLD, "dpi-xdp top: keys");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		y = draw_words(p, y, TOP_PLAIN, lines[i]);
	page_at(p, 0, p->height - 1);
	page_puts(p, TOP_DIM, "any key goes back");
}

/* Nothing to show, and why. */
static void draw_away(struct top_page *p, unsigned y, const struct top_sample *s)
{
	if (!s)
		draw_words(p, y, TOP_DIM, "asking the agent ...");
	else if (s->err == -ENOENT || s->err == -ECONNREFUSED)
		draw_words(p, y, TOP_BAD,
			   "No agent is running. Start one with `dpi-xdp attach IFACE`; this page "
			   "goes on as soon as it answers.");
	else
		draw_words(p, y, TOP_BAD, s->fault.text);
}

void top_page_draw(struct top_page *p, const struct top_shown *s, struct top_state *state)
{
	bool is_away = !s->sample || s->sample->err;
	unsigned y;

	if (!p->height)
		return;
	if (state->is_help) {
		draw_help(p);
		return;
	}
	y = draw_agent(p, 0, s, state);
	if (!is_away && p->height >= 6)
		y = draw_interfaces(p, y, s->sample->status);
	if (!is_away && p->height >= 10)
		y = draw_rates(p, y, s);
	if (!is_away && p->height >= TALL)
		y = draw_totals(p, y, s);
	if (is_away)
		draw_away(p, y + 1, s->sample);
	else
		y = draw_views(p, y, s, state);
	state->has_target = state->has_target && !is_away;
	state->page_rows = p->height > y + 2 ? p->height - y - 2 : 0;
	if (!is_away)
		top_table_draw(p, y, p->height > y + 1 ? p->height - y - 1 : 0, s, state);
	if (!state->is_batch)
		draw_bottom(p, state);
}
