/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * analyze: a capture in, the filtered capture and its reports out. Room: cli. Needs no root, no
 * kernel support and no agent. Every output appears whole or not at all, OUT last.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "pcap/guard.h"
#include "cli/analyze.h"

/* The one thing a signal handler may touch. */
static volatile sig_atomic_t stop_flag;

/* Captures that are read as memory. */
static struct capture_guard guard;

/* A page of one was lost: the reader will say so. Anything else is what SIGBUS always was. */
static void on_lost_page(int signo, siginfo_t *info, void *context)
{
	if (!capture_guard_catch(&guard, info->si_addr))
		signal(signo, SIG_DFL);
}

static void on_signal(int signo)
{
	(void)signo;
	stop_flag = 1;
}

static int load_apps(struct analyze *a, const char *path, struct fault *f)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return catalogue_load_dir(a->catalogue, path, f);
	return catalogue_load(a->catalogue, path, f);
}

static int add_rule(struct analyze *a, const struct analyze_word *word,
		    const struct rule_apps *names, unsigned options, struct fault *f)
{
	int tag = word->id - ANALYZE_RULE;

	if (CHANGE_KIND(tag) == RULE_LIST)
		return analyze_add_list(a, CHANGE_IS_ALLOW(tag), word->value, f);
	return rules_add(a->rules, CHANGE_KIND(tag), CHANGE_IS_ALLOW(tag), slice_text(word->value),
			 names, options, f);
}

/* Leaves the rules of one moment, for all frames; none when out of memory. */
static void keep_those_of(struct analyze *a)
{
	int64_t until_s;
	struct rules *those = rules_in_force(a->rules, a->at_s, false, &until_s);

	rules_free(a->rules);
	a->rules = those;
}

/* Builds catalogue, rules and policy; says what is wrong with them. */
static int load(struct analyze *a)
{
	struct fault f = {"out of memory"};
	struct policy_apps apps;
	struct rule_apps names;
	unsigned options = a->is_forced ? RULES_FORCE : 0;
	struct timespec now;
	int err = 0;

	a->catalogue = catalogue_new();
	if (!a->catalogue)
		goto out;
	for (size_t i = 0; i < a->word_count && err >= 0; i++) {
		if (a->words[i].id == ANALYZE_APPS)
			err = load_apps(a, a->words[i].value, &f);
	}
	if (err < 0)
		goto out;
	names = catalogue_rule_apps(a->catalogue);
	if (a->rules_file)
		err = (a->has_contents ? rules_load_whole : rules_load)(a->rules_file, &names,
									options, &a->rules, &f);
	else
		a->rules = rules_new();
	for (size_t i = 0; i < a->word_count && err >= 0 && a->rules; i++)
		if (a->words[i].id != ANALYZE_APPS)
			err = add_rule(a, &a->words[i], &names, options, &f);
	if (err >= 0 && a->rules)
		err = rules_check_devices(a->rules, &f);
	if (err >= 0 && a->rules)
		err = analyze_read_lists(a, &f);
	if (err >= 0 && a->rules && a->at_s != WHEN_NEVER)
		keep_those_of(a);
	if (err < 0 || !a->rules)
		goto out;
	a->told = rules_always(a->rules);
	if (!a->told)
		goto out;
	apps = catalogue_policy_apps(a->catalogue);
	clock_gettime(CLOCK_MONOTONIC, &now);
	a->policy = policy_new(a->rules, &apps, (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32);
out:
	if (a->policy)
		return 0;
	log_error("%s", f.text);
	return err == -ENOMEM || err >= 0 ? EXIT_FAILED : EXIT_USAGE;
}

/* What the capture's own end makes of the exit status. */
static int say_end(const struct analyze *a, const struct offline_result *r)
{
	if (*r->strange_link && !a->is_quiet)
		log_note("%s: frames of link type %s are passed on unparsed", a->in,
			 r->strange_link);
	if (*r->filter_fault.text && !a->is_quiet)
		log_note("%s: --filter left out %s", a->in, r->filter_fault.text);
	if (r->end == OFFLINE_WHOLE)
		return EXIT_DONE;
	/* Of several inputs the fault itself says which one. */
	log_error("%s%s%s; %s", a->input_count == 1 ? a->in : "", a->input_count == 1 ? ": " : "",
		  r->fault.text,
		  r->is_headless ? "there was nothing before it, so nothing was written"
				 : "everything before it was processed and written");
	return r->end == OFFLINE_DAMAGED ? EXIT_DAMAGED : EXIT_FAILED;
}

static int run(struct analyze *a)
{
	struct offline_config config = {
		.inputs = a->inputs,
		.input_count = a->input_count,
		.out = a->out,
		.split_size = a->split_size,
		.flow_max = a->flow_max,
		.events = a->events,
		.is_unreported = !analyze_has_text(a) && !a->json && !a->csv,
		.form = a->form,
		.is_last = ANALYZE_IS_LAST,
		.filter = a->filter,
		.catalogue = a->catalogue,
		.policy = a->policy,
		.workers = a->workers,
		.frame_max = a->frame_max,
		.stop = &stop_flag,
		.guard = &guard,
		.progress = analyze_progress,
		.progress_ctx = &a->progress,
	};
	struct offline_result r;
	struct fault f = {""};
	int err, status;

	analyze_progress_begin(&a->progress, a->is_quiet);
	err = offline_run(&config, &r, &f);
	analyze_progress_end(&a->progress);
	if (err) {
		log_error("%s; %s", f.text,
			  err == -EINVAL ? "give a pcap or pcapng file, or - for standard input"
			  : err == -EIO	 ? "check the path, or write elsewhere"
					 : "no output is whole; try again");
		return err == -EINVAL ? EXIT_USAGE : err == -EIO ? EXIT_OUTPUT : EXIT_FAILED;
	}
	status = analyze_write(a, &r);
	if (!status)
		status = say_end(a, &r);
	offline_result_clear(&r);
	return status;
}

int cmd_analyze(const struct command *c, int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_signal};
	struct sigaction lost = {.sa_sigaction = on_lost_page, .sa_flags = SA_SIGINFO};
	struct analyze a = {0};
	int status = analyze_parse(&a, c, argc, argv);

	if (!status && a.in) { /* no input: the help was asked for */
		sigaction(SIGBUS, &lost, NULL);
		sigaction(SIGINT, &act, NULL);
		sigaction(SIGTERM, &act, NULL);
		status = load(&a);
		if (!status)
			status = run(&a);
	}
	if (ANALYZE_IS_LAST)
		return status;
	policy_free(a.policy);
	rules_free(a.rules);
	rules_free(a.told);
	catalogue_free(a.catalogue);
	free(a.in_text);
	free(a.words);
	free(a.nets);
	return status;
}
