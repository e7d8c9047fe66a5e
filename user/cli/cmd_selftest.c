/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * selftest: the program attacks itself with every evasion that it knows, in namespaces of its own,
 * and prints what came of each.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/options.h"
#include "selftest/selftest.h"

enum { OPT_ONLY = 256, OPT_LIST, OPT_JSON, OPT_WRITE, OPT_MODE, OPT_MONITOR };

static const struct option_row selftest_rows[] = {
	{"only", 0, "ROW", "this row alone, or all whose names begin so", OPT_ONLY},
	{"list", 0, NULL, "what rows there are; attacks nothing", OPT_LIST},
	{"json", 'j', NULL, "one JSON document on stdout", OPT_JSON},
	{"write", 0, "FILE", "write the rows' frames to a capture; attacks nothing", OPT_WRITE},
	{"mode", 0, "auto|native|generic", "where XDP runs, as of attach", OPT_MODE},
	{"monitor", 0, NULL, "drop nothing: all rows must then leak, which proves the test",
	 OPT_MONITOR},
	OPTIONS_COMMON,
};

struct selftest_choice {
	struct selftest_wish wish;
	const char *write;
	bool is_list, is_json, is_quiet;
	enum color_when color;
};

static int selftest_take(void *ctx, int id, const char *value)
{
	struct selftest_choice *c = ctx;

	switch (id) {
	case OPT_ONLY: c->wish.only = value; return 0;
	case OPT_LIST: c->is_list = true; return 0;
	case OPT_JSON: c->is_json = true; return 0;
	case OPT_WRITE: c->write = value; return 0;
	case OPT_MODE:
		c->wish.subject.mode = value;
		if (strcmp(value, "auto") == 0 || strcmp(value, "native") == 0 ||
		    strcmp(value, "generic") == 0)
			return 0;
		log_error("--mode is auto, native or generic, not %s", value);
		return EXIT_USAGE;
	case OPT_MONITOR: c->wish.subject.is_monitor = true; return 0;
	case OPTION_QUIET: c->is_quiet = true; return 0;
	case OPTION_COLOR: return color_parse(value, &c->color) ? 0 : EXIT_USAGE;
	default: return 0;
	}
}

static const char *row_name(const void *ctx, size_t i)
{
	(void)ctx;
	return rows_at(i, NULL)->name;
}

/* Whether there is a row of this name, or one that begins so. */
static bool is_known(const char *only)
{
	struct selftest_wish w = {.only = only};
	const char *near;

	for (size_t i = 0; i < rows_count(); i++)
		if (selftest_is_asked(&w, rows_at(i, NULL)))
			return true;
	near = nearest_word(only, row_name, NULL, rows_count());
	log_error("--only %s: no row is called so%s%s; `dpi-xdp selftest --list` names them", only,
		  near ? "; did you mean " : "", near ? near : "");
	return false;
}

static int say(struct text *out, bool is_quiet, int status)
{
	if (out->failed) {
		log_error("out of memory");
		status = EXIT_FAILED;
	} else if (!is_quiet) {
		fwrite(out->at, 1, out->len, stdout); /* main looks whether it arrived */
	}
	text_clear(out);
	return status;
}

static int write_capture(const struct selftest_choice *c)
{
	struct text list = {0};
	struct fault f = {0};
	int err = selftest_write(&c->wish, c->write, &list, &f);

	if (err)
		log_error("%s", f.text);
	return say(&list, err || !c->is_json, err ? EXIT_OUTPUT : EXIT_DONE);
}

/* The outcome, or NULL for what rows there are, as it is wanted. Frees out. */
static int show(const struct selftest_choice *c, const struct selftest_outcome *o, int status)
{
	enum { TABLE_WIDTH = 98 };
	unsigned width = terminal_width(stdout);
	struct selftest_look look = {terminal_is_boxed(stdout),
				     terminal_is_coloured(stdout, c->color),
				     width && width < TABLE_WIDTH};
	struct text out = {0};

	if (c->is_json)
		selftest_json(&c->wish, o, &out);
	else
		selftest_table(&c->wish, o, &look, &out);
	return say(&out, c->is_quiet && !c->is_json, status);
}

/* Ends as who was told to by this signal: what was begun is gone. */
static int end_by(int number)
{
	signal(number, SIG_DFL);
	raise(number);
	return EXIT_FAILED;
}

static int attack(const struct selftest_choice *c)
{
	struct selftest_outcome o = {0};
	struct fault f = {0};
	int err, status;

	if (geteuid() != 0) {
		log_error("selftest needs root: it makes network namespaces and starts an agent in "
			  "one; run it with sudo, or look at --list and --write");
		return EXIT_DENIED;
	}
	err = selftest_run(&c->wish, &o, &f);
	if (o.signal)
		status = end_by(o.signal);
	else if (err)
		status = o.has_begun || err == -EIO || err == -ENOMEM ? EXIT_FAILED : EXIT_DENIED;
	else
		status = show(c, &o, selftest_is_good(&c->wish, &o) ? EXIT_DONE : EXIT_FAILED);
	if (err && !o.signal)
		log_error("%s", f.text);
	selftest_clear(&o);
	return status;
}

int cmd_selftest(const struct command *c, int argc, char **argv)
{
	struct selftest_choice choice = {.wish.subject.mode = "auto"};
	int first = options_parse(c, selftest_rows,
				  sizeof(selftest_rows) / sizeof(selftest_rows[0]), argc, argv,
				  selftest_take, &choice);

	if (first < 0)
		return options_status(first);
	if (first != argc)
		return command_refuse(c, argc, argv, first);
	if (choice.wish.only && !is_known(choice.wish.only))
		return EXIT_USAGE;
	if (choice.write)
		return write_capture(&choice);
	return choice.is_list ? show(&choice, NULL, EXIT_DONE) : attack(&choice);
}
