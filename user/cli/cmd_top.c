/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `top`: what goes on, live in a terminal; or page after page as text, or as JSON, where there is
 * no terminal or the user says so. Room: cli.
 */
#include "cli/top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "control/follow.h"

enum { OPT_ONCE = 256, OPT_COUNT, OPT_BATCH, OPT_DELAY, OPT_JSON };
enum { DELAY_MS = 1000, DELAY_MIN_MS = 100, DELAY_MAX_MS = 3600000, COUNT_MAX = 1000000 };

struct top_wish {
	enum color_when color;
	bool is_batch, is_json, is_quiet;
	unsigned count; /* pages; 0: until it is ended */
	unsigned delay_ms;
};

static const struct option_row top_rows[] = {
	{"once", 0, NULL, "one page as text, and no more", OPT_ONCE},
	{"count", 'n', "N", "so many pages as text", OPT_COUNT},
	{"batch", 'b', NULL, "pages as text, one after another, until it is ended", OPT_BATCH},
	{"delay", 'd', "SECONDS", "between two pages; 1 unless said (0.1 to 3600)", OPT_DELAY},
	{"json", 'j', NULL, "one JSON document; with -n so many, each on a line", OPT_JSON},
	OPTIONS_COMMON,
};

/* A number of `what` between low and high. */
static int number_take(const char *what, const char *value, double low, double high, double *out)
{
	char *end;
	double n = strtod(value, &end);

	if (end == value || *end || !(n >= low && n <= high)) {
		log_error("%s %s: give a number from %g to %g", what, value, low, high);
		return EXIT_USAGE;
	}
	*out = n;
	return 0;
}

static int top_take(void *ctx, int id, const char *value)
{
	struct top_wish *w = ctx;
	double n = 0;
	int status = 0;

	switch (id) {
	case OPT_ONCE:
		w->count = 1;
		w->is_batch = true;
		return 0;
	case OPT_COUNT:
		status = number_take("--count", value, 1, COUNT_MAX, &n);
		w->count = (unsigned)n;
		w->is_batch = true;
		return status;
	case OPT_DELAY:
		status = number_take("--delay", value, DELAY_MIN_MS / 1e3, DELAY_MAX_MS / 1e3, &n);
		w->delay_ms = (unsigned)(n * 1000);
		return status;
	case OPT_BATCH: w->is_batch = true; return 0;
	case OPT_JSON:
		w->is_json = w->is_batch = true;
		w->count = w->count ? w->count : 1;
		return 0;
	case OPTION_QUIET: w->is_quiet = true; return 0;
	case OPTION_COLOR: color_parse(value, &w->color); return 0;
	default: return 0;
	}
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static void json_member(struct text *out, const char *name, const json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	text_printf(out, ",\"%s\":", name);
	text_puts(out, text ? text : "null");
	free(text);
}

static void json_apps(const struct top_sample *s, struct text *out)
{
	bool is_first = true;

	text_puts(out, ",\"apps\":[");
	for (size_t i = 0; i < s->app_count; i++) {
		const struct top_app *a = &s->apps[i];

		if (!a->flows && !a->is_ruled)
			continue;
		text_puts(out, is_first ? "{\"app\":" : ",{\"app\":");
		text_json(out, slice_text(a->name));
		text_puts(out, ",\"category\":");
		text_json(out, slice_text(a->category));
		text_printf(out,
			    ",\"flows\":%llu,\"packets\":%llu,\"bytes\":%llu,"
			    "\"dropped_packets\":%llu,\"bits_per_s\":%llu,\"blocked\":%s}",
			    (unsigned long long)a->flows, (unsigned long long)a->packets,
			    (unsigned long long)a->bytes, (unsigned long long)a->dropped,
			    (unsigned long long)a->bits_per_s, a->is_ruled ? "true" : "false");
		is_first = false;
	}
	text_putc(out, ']');
}

static void json_rules(const struct top_sample *s, struct text *out)
{
	text_puts(out, ",\"rules\":[");
	for (size_t i = 0; i < s->rule_count; i++) {
		text_puts(out, i ? ",{\"rule\":" : "{\"rule\":");
		text_json(out, slice_text(s->rules[i].label));
		text_printf(out, ",\"packets\":%llu,\"bytes\":%llu,\"in_force\":%s}",
			    (unsigned long long)s->rules[i].packets,
			    (unsigned long long)s->rules[i].bytes,
			    s->rules[i].is_in_force ? "true" : "false");
	}
	text_putc(out, ']');
}

static void json_write(const struct top_sample *s, struct text *out)
{
	text_printf(out,
		    "{\"schema\":\"dpi-xdp/top/1\",\"packets_per_s\":%llu,\"bits_per_s\":%llu,"
		    "\"drops_per_s\":%llu",
		    (unsigned long long)s->rates.packets_per_s,
		    (unsigned long long)s->rates.bits_per_s,
		    (unsigned long long)s->rates.drops_per_s);
	json_member(out, "status", s->status);
	json_member(out, "counters", json_object_get(s->stats, "counters"));
	json_apps(s, out);
	json_rules(s, out);
	text_puts(out, "}\n");
}

/* --- as text ---------------------------------------------------------------------------------- */

/* A size that the environment or the terminal tells. */
static void page_size(unsigned *width, unsigned *height)
{
	const char *columns = getenv("COLUMNS"), *lines = getenv("LINES");
	struct winsize w;

	*width = 80;
	*height = 24;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col) {
		*width = w.ws_col;
		*height = w.ws_row;
	} else {
		unsigned c = columns ? (unsigned)strtoul(columns, NULL, 10) : 0,
			 l = lines ? (unsigned)strtoul(lines, NULL, 10) : 0;

		*width = c >= 20 && c <= 1000 ? c : *width;
		*height = l >= 5 && l <= 1000 ? l : *height;
	}
}

static int text_write(const struct top_sample *s, const struct top_wish *w, struct text *out)
{
	struct top_state state;
	struct top_page page;
	unsigned width, height;
	char clock[16];
	time_t now = time(NULL);
	struct tm t;
	struct top_shown shown = {
		.sample = s, .history = &s->rates, .history_count = 1, .clock = clock};

	localtime_r(&now, &t);
	strftime(clock, sizeof(clock), "%H:%M:%S", &t);
	page_size(&width, &height);
	top_state_init(&state);
	state.is_batch = true;
	if (top_page_init(&page, width, height, !terminal_is_boxed(stdout)))
		return -ENOMEM;
	top_page_draw(&page, &shown, &state);
	top_page_print(&page, terminal_is_coloured(stdout, w->color), out);
	top_page_clear(&page);
	return 0;
}

/* --- page after page -------------------------------------------------------------------------- */

static void wait_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

static int page_out(const struct top_sample *s, const struct top_wish *w, bool is_first)
{
	struct text out = {0};
	int err = 0;

	if (w->is_json) {
		json_write(s, &out);
	} else {
		if (!is_first)
			text_putc(&out, '\n');
		err = text_write(s, w, &out);
	}
	if (err || out.failed) {
		log_error("out of memory");
		text_clear(&out);
		return EXIT_FAILED;
	}
	fwrite(out.at, 1, out.len, stdout);
	text_clear(&out);
	return fflush(stdout) ? EXIT_OUTPUT : EXIT_DONE;
}

/* Rates need two samples, so a first one is taken and not shown. */
static int batch(const struct paths *p, const struct top_wish *w)
{
	struct top_sample *before = top_sample_take(p, 0, NULL), *s;
	unsigned shown = 0;
	int status = EXIT_DONE;

	while (before && !before->err && status == EXIT_DONE && (!w->count || shown < w->count)) {
		wait_ms(w->delay_ms);
		s = top_sample_take(p, 0, before);
		if (s && !s->err)
			status = page_out(s, w, shown++ == 0);
		top_sample_free(before);
		before = s;
	}
	if (!before) {
		log_error("out of memory");
		status = EXIT_FAILED;
	} else if (before->err) {
		status = remote_failed(before->err, &before->fault, NULL);
	}
	top_sample_free(before);
	return status;
}

int cmd_top(const struct command *c, int argc, char **argv)
{
	struct top_wish w = {.delay_ms = DELAY_MS};
	struct paths p;
	int first = options_parse(c, top_rows, sizeof(top_rows) / sizeof(top_rows[0]), argc, argv,
				  top_take, &w);

	if (first < 0)
		return options_status(first);
	if (first != argc)
		return command_refuse(c, argc, argv, first);
	if (!remote_paths(&p))
		return EXIT_USAGE;
	if (w.is_batch || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return batch(&p, &w);
	return top_screen_run(&p, w.delay_ms, terminal_is_coloured(stdout, w.color),
			      !terminal_is_boxed(stdout));
}
