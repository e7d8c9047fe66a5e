/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the files of the analyze command share. Room: cli; private to the command.
 */
#ifndef CLI_ANALYZE_H
#define CLI_ANALYZE_H

#include "agent/offline.h"
#include "cli/options.h"

enum { ANALYZE_APPS = 300, ANALYZE_RULE = 400 /* and the CHANGE_TAG of the rule */ };

/* A value from the command line that is worked out later. */
struct analyze_word {
	int id; /* ANALYZE_APPS, or ANALYZE_RULE + tag */
	const char *value;
};

struct analyze {
	const char *in; /* the inputs, for a person: "a.pcap, b.pcap" */
	const char *const *inputs;
	size_t input_count;
	char *in_text; /* what in is, when there are several */
	const char *out, *json, *csv, *events, *rules_file, *filter;
	struct analyze_word *words; /* rules and application files, in order */
	size_t word_count;
	struct report_net *nets;
	size_t net_count;
	unsigned workers;
	uint64_t frame_max, flow_max, split_size; /* 0: not given */
	bool is_forced, is_verbose, is_quiet, is_reproducible;
	enum color_when color;

	/* made from them */
	struct catalogue *catalogue;
	struct rules *rules;
	struct policy *policy;

	bool has_progress;
	double started_s, shown_s;
};

/* No output may be an input or another output; one at most may be standard output, one input
 * standard input. Returns 0 or an exit status. */
int analyze_check_files(const struct analyze *a);

/* Fills *a (zeroed) from the command line. Returns 0, with a->in NULL when only help was asked
 * for, or an exit status after saying what is wrong. */
int analyze_parse(struct analyze *a, const struct command *c, int argc, char **argv);

/* Writes every report and ends both outputs, OUT last. Returns 0 or an exit status. */
int analyze_write(const struct analyze *a, struct offline_result *r);

#endif
