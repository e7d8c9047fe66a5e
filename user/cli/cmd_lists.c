/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Lists: block-list and allow-list, and `rules refresh`. With an agent they return when the list
 * has come and is in force, or say why it did not; with none it is fetched here and stored. Room:
 * cli.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cli/lists.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "control/change.h"
#include "control/control.h"

enum { OPT_EVERY = 256, WAIT_STEP_MS = 50, WAIT_MOST_S = 320 };

struct list_wish {
	const char *every;
	bool is_quiet;
};

static const struct option_row list_rows[] = {
	{"every", 0, "TIME", "how often it is fetched again: 30m, 12h, 7d (default 1d)", OPT_EVERY},
	OPTIONS_COMMON,
};

static int list_take(void *ctx, int id, const char *value)
{
	struct list_wish *w = ctx;

	if (id == OPT_EVERY)
		w->every = value;
	w->is_quiet |= id == OPTION_QUIET;
	return 0;
}

/* --- what the agent says of them -------------------------------------------------------------- */

/* Asks the agent. Gives the answer as JSON; NULL with *err -ENOENT or -ECONNREFUSED where none
 * runs, or with *f. */
static json_t *ask(const struct paths *p, struct text *request, int *err, struct fault *f)
{
	struct wire answer = {0};
	json_t *said = NULL;

	text_putc(request, '}');
	*err = request->failed ? -ENOMEM
			       : control_request(p, slice_of(request->at, request->len),
						 slice_of("", 0), &answer, f);
	if (!*err && (answer.kind & ~(uint32_t)CONTROL_ENDING) != 0)
		*err = fault_set(f, -EINVAL, "%.400s", answer.err_len ? answer.err : "refused");
	if (!*err)
		said = json_loadb(answer.out, answer.out_len, 0, NULL);
	if (!*err && !said)
		*err = fault_set(f, -EIO, "the agent's answer cannot be read");
	text_clear(request);
	wire_clear(&answer);
	return said;
}

static bool is_named(const json_t *list, const char *name)
{
	const char *label = json_string_value(json_object_get(list, "list"));
	const char *its = json_string_value(json_object_get(list, "name"));

	return !*name || (its && strcasecmp(its, name) == 0) ||
	       (label && strcasecmp(label, name) == 0);
}

static json_int_t tries_of(const json_t *list)
{
	return json_integer_value(json_object_get(list, "fetches")) +
	       json_integer_value(json_object_get(list, "failures"));
}

/* Whether a list has been tried since: since there were so many tries in the answer before. */
static bool is_settled(const json_t *list, const json_t *before)
{
	const char *state = json_string_value(json_object_get(list, "state"));
	const json_t *one;
	size_t i;

	if (!state || strcmp(state, "fetching") == 0)
		return false;
	json_array_foreach(json_object_get(before, "lists"), i, one)
	{
		if (json_equal(json_object_get(one, "list"), json_object_get(list, "list")))
			return tries_of(list) > tries_of(one);
	}
	return true;
}

/* Tells how a list stands. Returns 0, or 1 when something is wrong with it. */
static int tell(const json_t *list, bool is_quiet)
{
	const char *label = json_string_value(json_object_get(list, "list"));
	const char *error = json_string_value(json_object_get(list, "error"));
	bool is_loaded = json_is_true(json_object_get(list, "loaded"));

	if (error) {
		log_error("%s: %s; %s", label, error,
			  is_loaded ? "the copy of before stays in force"
				    : "nothing of it is in force, and it is tried again");
		return EXIT_FAILED;
	}
	if (!is_quiet)
		printf("%s: %lld names, %lld addresses in force\n", label,
		       (long long)json_integer_value(json_object_get(list, "names")),
		       (long long)json_integer_value(json_object_get(list, "addrs")));
	return EXIT_DONE;
}

/* Waits until every list of a name is settled, and tells of each. */
static int wait_for(const struct paths *p, const char *name, const json_t *before, bool is_quiet)
{
	struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};

	for (int i = 0; i < WAIT_MOST_S * 1000 / WAIT_STEP_MS; i++) {
		struct text request = {0};
		struct fault f = {""};
		json_t *all, *one;
		bool is_over = true;
		int err, status = EXIT_DONE;
		size_t k;

		remote_begin(&request, "lists");
		all = ask(p, &request, &err, &f);
		if (!all) {
			log_error("%s", f.text);
			return EXIT_FAILED;
		}
		json_array_foreach(json_object_get(all, "lists"), k, one)
		{
			is_over &= !is_named(one, name) || is_settled(one, before);
		}
		json_array_foreach(json_object_get(all, "lists"), k, one)
		{
			if (is_over && is_named(one, name) && tell(one, is_quiet))
				status = EXIT_FAILED;
		}
		json_decref(all);
		if (is_over)
			return status;
		nanosleep(&step, NULL);
	}
	log_error("the agent is still fetching; `dpi-xdp rules` shows how it goes");
	return EXIT_FAILED;
}

/* --- the commands ----------------------------------------------------------------------------- */

static bool is_web(const char *source)
{
	return strstr(source, "://") != NULL;
}

/* "NAME SOURCE every 12h", a path made whole. Returns 0 or an exit status. */
static int value_make(const char *name, const char *source, const char *every, struct text *out)
{
	char whole[PATH_MAX];

	if (!is_web(source)) {
		if (!realpath(source, whole)) {
			log_error("%s: %s; give a file, or http:// or https:// and an address",
				  source, strerror(errno));
			return EXIT_USAGE;
		}
		source = whole;
	}
	text_printf(out, "%s %s", name, source);
	if (every)
		text_printf(out, " every %s", every);
	if (out->failed)
		log_error("out of memory");
	return out->failed ? EXIT_FAILED : 0;
}

int cmd_list(const struct command *c, int argc, char **argv)
{
	struct list_wish w = {0};
	struct text value = {0};
	const char *values[1];
	struct change change = {
		.kind = RULE_LIST, .is_allow = CHANGE_IS_ALLOW(c->tag), .values = values};
	bool no_agent = false;
	struct paths p;
	int first = options_parse(c, list_rows, sizeof(list_rows) / sizeof(list_rows[0]), argc,
				  argv, list_take, &w);
	int status;

	if (first < 0)
		return options_status(first);
	if (argc - first != 2)
		return command_refuse(c, argc, argv, first + 2);
	if (!remote_paths(&p))
		return EXIT_USAGE;
	status = value_make(argv[first], argv[first + 1], w.every, &value);
	values[0] = value.at;
	change.value_count = 1;
	if (!status)
		status = change_run(&change, w.is_quiet, &no_agent);
	text_clear(&value);
	if (status)
		return status;
	return no_agent ? lists_fetch_here(&p, argv[first], false, w.is_quiet)
			: wait_for(&p, argv[first], NULL, w.is_quiet);
}

int lists_refresh_all(const char *name, bool is_accepted, bool is_quiet)
{
	struct text request = {0};
	struct fault f = {""};
	json_t *before, *answer = NULL;
	struct paths p;
	int err, status;

	if (!remote_paths(&p))
		return EXIT_USAGE;
	remote_begin(&request, "lists");
	before = ask(&p, &request, &err, &f);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return lists_fetch_here(&p, name, is_accepted, is_quiet);
	if (before) {
		remote_begin(&request, "lists-refresh");
		remote_string(&request, "list", name);
		remote_flag(&request, "accept", is_accepted);
		answer = ask(&p, &request, &err, &f);
	}
	if (err)
		log_error("%s", f.text);
	status = err == -EINVAL ? EXIT_USAGE : err ? EXIT_FAILED : EXIT_DONE;
	if (answer && !json_integer_value(json_object_get(answer, "refreshing")) && !is_quiet)
		log_note("there are no lists; `dpi-xdp block-list NAME FILE-or-URL` adds one");
	else if (answer)
		status = wait_for(&p, name, before, is_quiet);
	json_decref(answer);
	json_decref(before);
	return status;
}
