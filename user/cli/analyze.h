/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the files of the analyze command share. Room: cli; private to the command.
 */
#ifndef CLI_ANALYZE_H
#define CLI_ANALYZE_H

#include "offline/offline.h"
#include "cli/options.h"
#include "policy/rules_when.h"

enum { ANALYZE_APPS = 300, ANALYZE_RULE = 400 /* and the CHANGE_TAG of the rule */ };

/* A value from the command line that is worked out later. */
struct analyze_word {
	int id; /* ANALYZE_APPS, or ANALYZE_RULE + tag */
	const char *value;
};

enum { PROGRESS_POINTS = 16 }; /* the rate is that of the last three seconds */

struct analyze_progress {
	bool is_shown;
	int shown_len; /* of the line on the terminal */
	/* When it was shown and how far it was then: the last ones, round and round. */
	double at_s[PROGRESS_POINTS];
	uint64_t bytes[PROGRESS_POINTS];
	size_t count;
};

struct analyze {
	const char *in; /* the inputs, for a person: "a.pcap, b.pcap" */
	const char *const *inputs;
	size_t input_count;
	char *in_text; /* what in is, when there are several */
	int64_t at_s;  /* the moment whose rules count; WHEN_NEVER: each frame's own */
	const char *out, *json, *csv, *events, *rules_file, *filter, *form;
	struct analyze_word *words; /* rules and application files, in order */
	size_t word_count;
	struct report_net *nets;
	size_t net_count;
	unsigned workers;
	uint64_t frame_max, flow_max, split_size; /* 0: not given */
	bool is_forced, is_verbose, is_quiet, is_reproducible, has_contents;
	enum color_when color;

	/* made from them */
	struct catalogue *catalogue;
	struct rules *rules;
	struct rules *told; /* the same for the report: each value once, without its times */
	struct policy *policy;

	struct analyze_progress progress;
};

/* No output may be an input or another output; one at most may be standard output, one input
 * standard input. Returns 0 or an exit status. */
int analyze_check_files(const struct analyze *a);

/* Fills *a (zeroed) from the command line. Returns 0, with a->in NULL when only help was asked
 * for, or an exit status after saying what is wrong. */
int analyze_parse(struct analyze *a, const struct command *c, int argc, char **argv);

/* A file named by --block-list or --allow-list as a rule; what is in the lists of all rules. Each
 * returns 0, or -errno with *f. (analyze_lists.c) */
int analyze_add_list(struct analyze *a, bool is_allow, const char *path, struct fault *f);
int analyze_read_lists(struct analyze *a, struct fault *f);

/* The line on a terminal: where there is one, and it is wanted. analyze_progress() is what a run
 * calls, with the struct as ctx; end clears the line. */
void analyze_progress_begin(struct analyze_progress *p, bool is_quiet);
void analyze_progress(void *ctx, const struct offline_progress *at);
void analyze_progress_end(struct analyze_progress *p);

/* Finishes a report that was opened, and writes it as JSON unless `to` is NULL, by as many threads
 * as there are workers. Returns 0, -ENOMEM, or what `to` returned. */
int analyze_report(const struct analyze *a, struct report *report, const struct report_out *to);

/* True when the report is also told as text. */
bool analyze_has_text(const struct analyze *a);
/* Whether memory that goes with the process is left to it. Builds that look for what was never
 * freed are to find none. */
#ifdef DPI_FREE_AT_EXIT
enum { ANALYZE_IS_LAST = false };
#else
enum { ANALYZE_IS_LAST = true };
#endif

/* Writes every report and ends both outputs, OUT last. Returns 0 or an exit status. */
int analyze_write(const struct analyze *a, struct offline_result *r);

#endif
