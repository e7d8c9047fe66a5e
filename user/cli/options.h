/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Options as tables: a command lists its rows; parsing, the answer to a wrong option and the help
 * text come from them. Room: cli.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "cli/command.h"

/* One option: --name, and -letter unless it is 0. */
struct option_row {
	const char *name;
	char letter;
	const char *arg;  /* "FILE"; "[=WHEN]" for a value that may be left out; NULL: none */
	const char *help; /* NULL: shown nowhere, and there to be refused in words */
	int id;		  /* what the command knows it by; above 255, where letters end */
};

/* Ids of the options every command has (OPTIONS_COMMON); a command's own are 256 to 999. */
enum { OPTION_HELP = 1000, OPTION_QUIET, OPTION_COLOR };

#define OPTIONS_COMMON                                                                      \
	{"quiet", 'q', NULL, "errors only: no progress, notes or text", OPTION_QUIET},      \
		{"color", 0, "[=WHEN]",                                                     \
		 "always, never, or auto (the default; NO_COLOR is heeded)", OPTION_COLOR}, \
	{                                                                                   \
		"help", 'h', NULL, "this text", OPTION_HELP                                 \
	}

/* Prints text as one line: a run of blanks and line breaks is one blank. */
void options_print_flat(const char *text, FILE *to);

/* As a command's only argument: its rows, not for people. The manual and the completion are made
 * from them (`dpi-xdp help --tables`). */
#define OPTIONS_TABLE "--option-table"

/*
 * Parses argv by rows (count of them). The value of --color is checked before; take gets each
 * option in order, with its value or NULL, and returns 0, or an enum exit_status that ends parsing
 * (it has said why). Returns the index of the first argument that is no option (argv is re-ordered
 * so that all of those come last), or
 * -(exit_status + 1) when parsing ended: see options_status.
 */
int options_parse(const struct command *c, const struct option_row *rows, size_t count, int argc,
		  char **argv, int (*take)(void *ctx, int id, const char *value), void *ctx);
static inline int options_status(int result)
{
	return -result - 1;
}

/* Prints the usage line and the options; returns EXIT_DONE. */
int options_help(const struct command *c, const struct option_row *rows, size_t count, FILE *to);

/* A size: bytes, or with K, M, G behind it times 1024 once, twice, three times; 1K at least. 0, or
 * EXIT_USAGE, which has said why. */
int option_size(const char *name, const char *value, uint64_t *out);

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
/* "always" (also NULL: --color alone), "never", "auto". False when it is none of them. */
bool color_parse(const char *value, enum color_when *out);
/* Whether text on this stream is to be coloured, can draw boxes, and how wide it is (0: unknown).
 */
bool terminal_is_coloured(FILE *to, enum color_when when);
bool terminal_is_boxed(FILE *to);
unsigned terminal_width(FILE *to);

/* The candidate nearest to text, if it is near enough to be meant; else NULL. */
const char *nearest_word(const char *text, const char *(*word)(const void *ctx, size_t i),
			 const void *ctx, size_t count);

#endif
