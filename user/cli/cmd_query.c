/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The reading commands: status, stats, flows, apps, report, why. Each is a question to the
 * agent; text for a person, or with --json one document for a program.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/apps.h"
#include "control/change.h"
#include "agent/why.h"
#include "base/log.h"
#include "cli/options.h"
#include "cli/remote.h"
#include "policy/rules_when.h"

enum { OPT_JSON = 256, OPT_VERBOSE, OPT_DEVICE };

struct query_wish {
	const char *device; /* of why */
	struct remote_view view;
	enum color_when color;
};

/* What --verbose adds; others take it, and say no more. */
static const struct {
	const char *command, *help;
} verbose_words[] = {
	{"stats", "with --json, the hits of each rule and the fill of the kernel's maps too"},
	{"flows", "below each flow its age, what was dropped, its signs and its JA4"},
	{"apps", "the names of all applications too, by category"},
	{"report", "every connection and counter too"},
};

static const char *verbose_help(const char *command)
{
	for (size_t i = 0; i < sizeof(verbose_words) / sizeof(verbose_words[0]); i++)
		if (strcmp(command, verbose_words[i].command) == 0)
			return verbose_words[i].help;
	return NULL;
}

static int query_take(void *ctx, int id, const char *value)
{
	struct query_wish *w = ctx;

	switch (id) {
	case OPT_JSON: w->view.is_json = true; return 0;
	case OPT_VERBOSE: w->view.is_verbose = true; return 0;
	case OPT_DEVICE: w->device = value; return 0;
	case OPTION_QUIET: w->view.is_quiet = true; return 0;
	case OPTION_COLOR: color_parse(value, &w->color); return 0;
	default: return 0;
	}
}

static int query_parse(const struct command *c, int argc, char **argv, struct query_wish *w)
{
	const bool is_why = strcmp(c->name, "why") == 0;
	const struct option_row rows[] = {
		{"device", 0, "DEVICE", "of this device: its address, hardware address or name",
		 OPT_DEVICE},
		{"json", 'j', NULL, "one JSON document on stdout", OPT_JSON},
		{"verbose", 'v', NULL, verbose_help(c->name), OPT_VERBOSE},
		OPTIONS_COMMON,
	};
	/* The first is of one command alone. */
	int first = options_parse(c, rows + !is_why, sizeof(rows) / sizeof(rows[0]) - !is_why, argc,
				  argv, query_take, w);

	w->view.is_boxed = terminal_is_boxed(stdout);
	w->view.is_coloured = terminal_is_coloured(stdout, w->color);
	w->view.width = terminal_width(stdout);
	return first;
}

static void request_view(struct text *request, const struct remote_view *v)
{
	remote_flag(request, "json", v->is_json);
	remote_flag(request, "verbose", v->is_verbose);
	remote_flag(request, "boxed", v->is_boxed);
	remote_flag(request, "coloured", v->is_coloured);
	text_printf(request, ",\"width\":%u", v->width);
}

/* Without an agent the applications are names; a rule may have any of them. */
static int apps_known(const struct remote_view *v)
{
	const struct apps_view view = {.is_json = v->is_json, .has_names = true};
	struct catalogue *catalogue = NULL;
	struct app_sum *sums = NULL;
	struct text out = {0};
	struct fault f = {"out of memory"};
	int err = apps_load(&catalogue, &f);

	if (!err)
		sums = calloc(catalogue_count(catalogue), sizeof(*sums));
	if (!sums) {
		catalogue_free(catalogue);
		log_error("%s", f.text);
		return err == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	apps_write(catalogue, sums, &view, &out);
	fwrite(out.at, 1, out.len, stdout);
	if (!v->is_quiet)
		log_note("no agent is running: nothing was counted; start one with `dpi-xdp "
			 "attach IFACE`");
	text_clear(&out);
	free(sums);
	catalogue_free(catalogue);
	return EXIT_DONE;
}

int cmd_query(const struct command *c, int argc, char **argv)
{
	struct query_wish w = {0};
	struct text request = {0};
	bool is_apps = strcmp(c->name, "apps") == 0, no_agent = false;
	int first = query_parse(c, argc, argv, &w), status;

	if (first < 0)
		return options_status(first);
	if (first != argc)
		return command_refuse(c, argc, argv, first);
	remote_begin(&request, c->name);
	request_view(&request, &w.view);
	status = remote_run(&request, slice_of("", 0), w.view.is_quiet && !w.view.is_json,
			    is_apps ? &no_agent : NULL);
	return no_agent ? apps_known(&w.view) : status;
}

/* What the next agent would have in force decides; the rules beside it are compiled for what they
 * would say at other times. */
static int explain(const struct rules *rules, const struct pause *p,
		   const struct catalogue *catalogue, const char *what,
		   const struct query_wish *wish, struct text *out, struct fault *f)
{
	struct policy_apps apps = catalogue_policy_apps(catalogue);
	struct why_rules w = {.rules = rules,
			      .now_s = times_now(),
			      .is_paused = p->is_on,
			      .device = wish->device};
	int64_t until_s;
	struct rules *now = rules_in_force(rules, w.now_s, p->is_on, &until_s);
	struct policy *of_now = now ? policy_new(now, &apps, 0) : NULL;
	struct policy *of_all = now ? policy_new(rules, &apps, 0) : NULL;
	int err = -ENOMEM;

	w.now = of_now;
	w.all = of_all;
	if (of_now && of_all)
		err = why_explain(&w, catalogue, NULL, what, wish->view.is_json, out, f);
	policy_free(of_now);
	policy_free(of_all);
	rules_free(now);
	return err;
}

/* Without an agent the stored rules answer. */
static int why_stored(const char *what, const struct query_wish *wish)
{
	struct catalogue *catalogue = NULL;
	struct rules *rules = NULL;
	struct text out = {0};
	struct fault f = {0};
	struct pause pause;
	struct paths p;
	int err;

	if (!remote_paths(&p))
		return EXIT_USAGE;
	err = apps_load(&catalogue, &f);
	if (!err)
		err = change_load(p.rules, catalogue, &rules, &f);
	if (!err) {
		pause_load(p.paused, &pause, NULL);
		err = explain(rules, &pause, catalogue, what, wish, &out, &f);
	}
	if (err)
		log_error("%s", f.text[0] ? f.text : "out of memory");
	else
		fwrite(out.at, 1, out.len, stdout);
	if (!err && !wish->view.is_quiet)
		log_note("no agent is running: this is what the stored rules say");
	text_clear(&out);
	rules_free(rules);
	catalogue_free(catalogue);
	return err == -EACCES ? EXIT_DENIED : err ? EXIT_USAGE : EXIT_DONE;
}

int cmd_why(const struct command *c, int argc, char **argv)
{
	struct query_wish w = {0};
	struct text request = {0};
	bool no_agent = false;
	int first = query_parse(c, argc, argv, &w), status;

	if (first < 0)
		return options_status(first);
	if (argc - first != 1)
		return command_refuse(c, argc, argv, first + 1);
	remote_begin(&request, "why");
	remote_string(&request, "what", argv[first]);
	if (w.device)
		remote_string(&request, "device", w.device);
	request_view(&request, &w.view);
	status = remote_run(&request, slice_of("", 0), false, &no_agent);
	return no_agent ? why_stored(argv[first], &w) : status;
}
