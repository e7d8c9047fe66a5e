/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The command table. Usage, help and completion are printed from its rows; a command is one file
 * with one run function and one row in main.c.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

/* Exit status, the same for every command (README, "Exit status"). */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,  /* failed while running */
	EXIT_USAGE = 2,	  /* usage, or an input refused */
	EXIT_DAMAGED = 3, /* the capture ended early; all before the damage was done */
	EXIT_DENIED = 4,  /* kernel, permission, or somebody else's program */
	EXIT_OUTPUT = 5,  /* the output could not be written whole */
	EXIT_NO_AGENT = 6,
};

struct command {
	const char *name;
	const char *args; /* for usage: "IN OUT [--block-app NAME]..." */
	const char *help; /* one line */
	/* argv[0] is the command's name; options are the command's own (getopt_long). Returns an
	 * enum exit_status. */
	int (*run)(const struct command *c, int argc, char **argv);
	int tag; /* for several rows with one run function (block-app, block-ip, ...) */
};

/* The tag of a row of cmd_change: enum rule_kind, an exception or a block, taken away or added. */
#define CHANGE_TAG(kind, is_allow, is_removal) ((kind) | (is_allow) << 4 | (is_removal) << 5)
#define CHANGE_KIND(tag)		       ((enum rule_kind)((tag)&15))
#define CHANGE_IS_ALLOW(tag)		       (((tag) >> 4 & 1) != 0)
#define CHANGE_IS_REMOVAL(tag)		       (((tag) >> 5 & 1) != 0)

/* Prints a command's usage line and help; returns EXIT_USAGE so that callers can return it. */
int command_usage(const struct command *c, FILE *to);
/* The same on stderr, behind what is wrong: the word at argv[at], or that one is missing there. */
int command_refuse(const struct command *c, int argc, char **argv, int at);

/* Puts the rules of a file (NULL: none) in force, or stores them where no agent runs. */
int rules_put(const char *path, bool is_forced, bool is_quiet);

/* What `rules` does with the history: history, diff, rollback (cmd_rules_history.c). number: NULL
 * is the newest change. Returns the exit status. */
bool rules_history_word(const char *word);
int rules_history(const char *word, const char *number, bool is_json, bool is_quiet);

int cmd_analyze(const struct command *c, int argc, char **argv);
int cmd_attach(const struct command *c, int argc, char **argv);
int cmd_detach(const struct command *c, int argc, char **argv);
int cmd_query(const struct command *c, int argc, char **argv);	/* status stats flows apps report */
int cmd_change(const struct command *c, int argc, char **argv); /* block-* unblock-* allow-* ... */
int cmd_list(const struct command *c, int argc, char **argv);	/* block-list allow-list */
int cmd_events(const struct command *c, int argc, char **argv);
int cmd_device(const struct command *c, int argc, char **argv);
int cmd_pause(const struct command *c, int argc, char **argv); /* pause resume */
int cmd_rules(const struct command *c, int argc, char **argv);
int cmd_what_if(const struct command *c, int argc, char **argv);
int cmd_why(const struct command *c, int argc, char **argv);
int cmd_serve(const struct command *c, int argc, char **argv);
int cmd_top(const struct command *c, int argc, char **argv);
int cmd_doctor(const struct command *c, int argc, char **argv);
int cmd_selftest(const struct command *c, int argc, char **argv);

#endif
