/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the files of the what-if command share. Room: cli; private to the command.
 */
#ifndef CLI_WHAT_IF_H
#define CLI_WHAT_IF_H

#include "base/fault.h"
#include "base/text.h"
#include "cli/options.h"
#include "control/paths.h"
#include "policy/rules.h"

/* One value of a change, as the command line has it. */
struct what_if_change {
	int tag;     /* CHANGE_TAG of its word */
	char *value; /* owned */
};

struct what_if {
	struct what_if_change *change;
	size_t change_count;
	const char *load;	   /* a whole rules file in place of changes; NULL: none */
	bool is_rollback;	   /* or what a rollback would put back ... */
	unsigned long long number; /* ... from before this change; 0: the newest */
	const char *capture, *rules_file;
	unsigned workers;
	uint64_t limit;
	const char *length, *until, *when; /* when the added rules would be in force; or NULL */
	const char *device;
	bool is_forced, is_learnt, is_json, is_verbose, is_quiet;
	enum color_when color;
};

/* Fills *w (zeroed) from the command line: words such as block-app, each with its values, commas
 * between or not; and options. Returns 0 with *is_over when only help was asked for, or an exit
 * status after saying what is wrong. what_if_clear() either way. */
int what_if_parse(struct what_if *w, const struct command *c, int argc, char **argv, bool *is_over);
void what_if_clear(struct what_if *w);
/* Appends the fields of a request that say what is supposed (control/supposed.h). */
void what_if_request(const struct what_if *w, struct text *request);

/* Gives every list of a set, for a capture, what is in it (what_if_lists.c). 0 or -errno with *f.
 */
int what_if_fill_lists(const struct paths *p, struct rules *rules, bool is_quiet, struct fault *f);

#endif
