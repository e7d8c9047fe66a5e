/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * pause and resume: nothing is blocked in between. Room: cli. Without an agent it is stored, and
 * said so.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "control/stored.h"

enum { OPT_FOR = 256, OPT_UNTIL, OPT_FLEET, OPT_JSON };

struct pause_wish {
	const char *length, *until;
	bool is_fleet, is_quiet, is_json;
};

static const struct option_row pause_rows[] = {
	{"for", 0, "TIME", "it ends by itself after 90s, 15m, 2h", OPT_FOR},
	{"until", 0, "MOMENT", "the same at 21:30, or 2026-12-01T08:00", OPT_UNTIL},
	{"fleet", 0, NULL, "on every host of the fleet; needs an end within a day", OPT_FLEET},
	{"json", 'j', NULL, "one JSON document on stdout", OPT_JSON},
	OPTIONS_COMMON,
};
static const struct option_row resume_rows[] = {
	{"fleet", 0, NULL, "on every host that was paused for the fleet", OPT_FLEET},
	{"json", 'j', NULL, "one JSON document on stdout", OPT_JSON},
	OPTIONS_COMMON,
};

static int pause_take(void *ctx, int id, const char *value)
{
	struct pause_wish *w = ctx;

	switch (id) {
	case OPT_FOR: w->length = value; return 0;
	case OPT_UNTIL: w->until = value; return 0;
	case OPT_FLEET: w->is_fleet = true; return 0;
	case OPT_JSON: w->is_json = true; return 0;
	case OPTION_QUIET: w->is_quiet = true; return 0;
	default: return 0;
	}
}

/* Asks the agent, and else changes what is stored. Takes the request. */
static int ask(struct text *request, const struct pause_wish *w)
{
	struct wire answer = {0};
	struct fault f = {0};
	struct paths p;
	bool in_force;
	int err, status;

	text_putc(request, '}');
	if (!remote_paths(&p))
		return EXIT_USAGE;
	err = request->failed ? fault_set(&f, -ENOMEM, "out of memory")
			      : stored_or_agent_request(&p, slice_of(request->at, request->len),
							slice_of("", 0), &answer, &in_force, &f);
	text_clear(request);
	if (err)
		return remote_failed(err, &f, NULL);
	status = (int)(answer.kind & 255);
	if (status)
		log_error("%.*s", (int)strcspn(answer.err, "\n"), answer.err);
	else if (!w->is_quiet || w->is_json)
		fwrite(answer.out, 1, answer.out_len, stdout);
	if (!status && !in_force && !w->is_quiet)
		log_note("no agent is running: stored, and it counts with the next attach");
	wire_clear(&answer);
	return status;
}

int cmd_pause(const struct command *c, int argc, char **argv)
{
	bool is_pause = strcmp(c->name, "pause") == 0;
	const struct option_row *rows = is_pause ? pause_rows : resume_rows;
	size_t count = is_pause ? sizeof(pause_rows) / sizeof(pause_rows[0])
				: sizeof(resume_rows) / sizeof(resume_rows[0]);
	struct pause_wish w = {0};
	struct text request = {0};
	int first = options_parse(c, rows, count, argc, argv, pause_take, &w);

	if (first < 0)
		return options_status(first);
	if (first != argc)
		return command_refuse(c, argc, argv, first);
	remote_begin(&request, c->name);
	remote_flag(&request, "json", w.is_json);
	remote_flag(&request, "fleet", w.is_fleet);
	if (w.length)
		remote_string(&request, "for", w.length);
	if (w.until)
		remote_string(&request, "until", w.until);
	return ask(&request, &w);
}
