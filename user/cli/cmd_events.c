/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * `events`: the agent's event lines, to standard output or to where --output says, once or as they
 * come. Room: cli.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "export/export.h"

enum { OPT_FOLLOW = 256, OPT_OUTPUT, OPT_ROTATE, OPT_KEEP, OPT_POSITION, OPT_JSON };
enum { OUTPUTS_MAX = 16, KEEP_DEFAULT = 4 };
#define ROTATE_DEFAULT (64ULL * 1024 * 1024)

struct events_wish {
	const char *specs[OUTPUTS_MAX];
	struct export_options o;
};

static const struct option_row rows[] = {
	{"follow", 'f', NULL, "go on as they come, until interrupted", OPT_FOLLOW},
	{"output", 'o', "SPEC",
	 "FILE, - (the default), unix:PATH, unix-dgram:PATH or\n"
	 "                        kafka://HOST:PORT/TOPIC[?SETTING=VALUE&...]; repeats",
	 OPT_OUTPUT},
	{"rotate", 0, "SIZE",
	 "put FILE aside, as FILE.1, before it is larger (K, M, G; default 64M; never)",
	 OPT_ROTATE},
	{"keep", 0, "N", "how many such files are kept (default 4)", OPT_KEEP},
	{"position", 0, "FILE", "keep there how far each output is, and go on there next time",
	 OPT_POSITION},
	{"json", 'j', NULL, "no change: each event is a JSON document", OPT_JSON},
	OPTIONS_COMMON,
};

static volatile sig_atomic_t is_stopped, is_reopened;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		is_reopened = 1;
	else
		is_stopped = 1;
}

static int take_keep(const char *value, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end || n > SINK_KEEP_MAX) {
		log_error("--keep %s: give a number from 0 to %d", value, SINK_KEEP_MAX);
		return EXIT_USAGE;
	}
	*out = (unsigned)n;
	return 0;
}

static int take_rotate(const char *value, uint64_t *out)
{
	int status;

	if (strcmp(value, "never") == 0) {
		*out = 0;
		return 0;
	}
	status = option_size("rotate", value, out);
	if (!status && *out < SINK_ROTATE_MIN) {
		log_error("--rotate %s: give a size of at least 4K, such as 64M, or never", value);
		return EXIT_USAGE;
	}
	return status;
}

static int take(void *ctx, int id, const char *value)
{
	struct events_wish *w = ctx;

	switch (id) {
	case OPT_FOLLOW: w->o.is_follow = true; return 0;
	case OPT_OUTPUT:
		if (w->o.spec_count == OUTPUTS_MAX) {
			log_error("--output: at most %d of them", OUTPUTS_MAX);
			return EXIT_USAGE;
		}
		w->specs[w->o.spec_count++] = value;
		return 0;
	case OPT_ROTATE: return take_rotate(value, &w->o.sink.rotate_size);
	case OPT_KEEP: return take_keep(value, &w->o.sink.keep);
	case OPT_POSITION: w->o.position = value; return 0;
	case OPTION_QUIET: w->o.is_quiet = true; return 0;
	default: return 0;
	}
}

static void signals_take(void)
{
	struct sigaction a = {.sa_handler = on_signal};

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
}

static bool is_stdout_alone(const struct events_wish *w)
{
	for (size_t i = 0; i < w->o.spec_count; i++)
		if (strcmp(w->specs[i], "-") != 0)
			return false;
	return true;
}

static int status_of(int err, const struct export_result *r, const struct fault *f)
{
	if (err == 0)
		return EXIT_DONE;
	if (r->is_opened && err == -EIO)
		return EXIT_OUTPUT; /* the outputs have said why */
	if (r->is_opened)
		return remote_failed(err, f, NULL);
	log_error("%s", f->text);
	return err == -EINVAL ? EXIT_USAGE : err == -ENOMEM ? EXIT_FAILED : EXIT_OUTPUT;
}

int cmd_events(const struct command *c, int argc, char **argv)
{
	struct events_wish w = {.o = {.sink = {.rotate_size = ROTATE_DEFAULT, .keep = KEEP_DEFAULT},
				      .specs = w.specs,
				      .stop = &is_stopped,
				      .reopen = &is_reopened}};
	int first = options_parse(c, rows, sizeof(rows) / sizeof(rows[0]), argc, argv, take, &w);
	struct export_result result;
	struct fault f = {""};
	struct paths p;
	int status;

	if (first < 0)
		return options_status(first);
	if (first != argc)
		return command_refuse(c, argc, argv, first);
	if (!remote_paths(&p))
		return EXIT_USAGE;
	/* A person at a terminal is told that there is no agent; what runs by itself waits for it.
	 */
	w.o.is_patient = w.o.is_follow && !is_stdout_alone(&w);
	if (w.o.spec_count == 0)
		w.specs[w.o.spec_count++] = "-";
	signals_take();
	status = export_run(&p, &w.o, &result, &f);
	return status_of(status, &result, &f);
}
