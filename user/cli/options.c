/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Option tables over getopt_long, help text, and what a terminal can show. Room: cli.
 */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/log.h"

enum { OPTIONS_MAX = 48, WORD_MAX = 64, SIZE_LEAST = 1024 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein distance, of the first WORD_MAX letters. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], la = least(strlen(a), WORD_MAX), lb = least(strlen(b), WORD_MAX);

	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = least(least(above, row[j - 1]) + 1,
				       corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[lb];
}

const char *nearest_word(const char *text, const char *(*word)(const void *ctx, size_t i),
			 const void *ctx, size_t count)
{
	size_t best = strlen(text) / 3 + 2;
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(text, word(ctx, i));

		/* Of those as near, one that begins alike: allow-x is not meant to be block-x. */
		if (d < best ||
		    (found && d == best && found[0] != text[0] && word(ctx, i)[0] == text[0])) {
			best = d;
			found = word(ctx, i);
		}
	}
	return found;
}

static const char *row_name(const void *ctx, size_t i)
{
	return ((const struct option_row *)ctx)[i].name;
}

static int refuse(const struct command *c, const struct option_row *rows, size_t count,
		  const char *given, bool wants_value)
{
	const char *near = NULL;

	if (wants_value) {
		log_error("%s: %s needs a value; see dpi-xdp %s --help", c->name, given, c->name);
		return -EXIT_USAGE - 1;
	}
	if (strncmp(given, "--", 2) == 0)
		near = nearest_word(given + 2, row_name, rows, count);
	log_error("%s: no option %s%s%s; see dpi-xdp %s --help", c->name, given,
		  near ? "; did you mean --" : "", near ? near : "", c->name);
	return -EXIT_USAGE - 1;
}

/* getopt's own tables, from the rows. */
static void build(const struct option_row *rows, size_t count, struct option *longs, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < count; i++) {
		longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg = !rows[i].arg		   ? no_argument
				   : rows[i].arg[0] == '[' ? optional_argument
							   : required_argument,
			.val = rows[i].id,
		};
		if (rows[i].letter) {
			*letters++ = rows[i].letter;
			if (rows[i].arg)
				*letters++ = ':';
		}
	}
	longs[count] = (struct option){0};
	*letters = '\0';
}

void options_print_flat(const char *text, FILE *to)
{
	bool is_space = false;

	for (; *text; text++) {
		if (*text == ' ' || *text == '\n') {
			is_space = true;
			continue;
		}
		fprintf(to, "%s%c", is_space ? " " : "", *text);
		is_space = false;
	}
}

/* A line a row: o, name, letter, value, help; "-" for what it has not. */
static void print_table(const struct option_row *rows, size_t count, FILE *to)
{
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].help)
			continue;
		fprintf(to, "o\t%s\t%c\t%s\t", rows[i].name, rows[i].letter ? rows[i].letter : '-',
			rows[i].arg ? rows[i].arg : "-");
		options_print_flat(rows[i].help, to);
		fputc('\n', to);
	}
}

int options_parse(const struct command *c, const struct option_row *rows, size_t count, int argc,
		  char **argv, int (*take)(void *ctx, int id, const char *value), void *ctx)
{
	struct option longs[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 2];
	enum color_when color;
	int got, status;

	if (count > OPTIONS_MAX)
		abort();
	if (argc == 2 && strcmp(argv[1], OPTIONS_TABLE) == 0) {
		print_table(rows, count, stdout);
		return -EXIT_DONE - 1;
	}
	build(rows, count, longs, letters);
	opterr = 0;
	optind = 0;
	while ((got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		char short_name[3] = {'-', (char)optopt, 0};
		bool is_short = optopt > 0 && optopt < 256;

		if (got == '?' || got == ':')
			return refuse(c, rows, count, is_short ? short_name : argv[optind - 1],
				      got == ':');
		for (size_t i = 0; i < count; i++) { /* a letter stands for its row's id */
			if (rows[i].letter && rows[i].letter == got)
				got = rows[i].id;
		}
		if (got == OPTION_HELP) {
			options_help(c, rows, count, stdout);
			return -EXIT_DONE - 1;
		}
		if (got == OPTION_COLOR && !color_parse(optarg, &color)) {
			log_error("--color=%s: give always, never or auto", optarg);
			return -EXIT_USAGE - 1;
		}
		status = take(ctx, got, optarg);
		if (status)
			return -status - 1;
	}
	return optind;
}

int option_size(const char *name, const char *value, uint64_t *out)
{
	static const char units[] = "KMG";
	uint64_t most = UINT64_MAX / 2;
	const char *unit = NULL;
	char *end;

	errno = 0;
	*out = strtoull(value, &end, 10);
	if (*end)
		unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
	for (const char *u = units; unit && u <= unit; u++)
		*out = *out > most / 1024 ? most + 1 : *out * 1024;
	if (errno || value[0] < '0' || value[0] > '9' || (*end && (!unit || end[1])) ||
	    *out < SIZE_LEAST || *out > most) {
		log_error("--%s %s: give a size of at least 1K, such as 100M", name, value);
		return EXIT_USAGE;
	}
	return 0;
}

int options_help(const struct command *c, const struct option_row *rows, size_t count, FILE *to)
{
	command_usage(c, to);
	fputs("\nOptions:\n", to);
	for (size_t i = 0; i < count; i++) {
		const struct option_row *r = &rows[i];
		bool is_open = r->arg && r->arg[0] == '[';
		char left[64];

		if (!r->help)
			continue;
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", r->letter ? '-' : ' ',
			 r->letter ? r->letter : ' ', r->letter ? "," : " ", r->name,
			 r->arg && !is_open ? " " : "", r->arg ? r->arg : "");
		fprintf(to, "  %-32s %s\n", left, r->help);
	}
	return EXIT_DONE;
}

bool color_parse(const char *value, enum color_when *out)
{
	static const char *const words[] = {"auto", "always", "never"};

	if (!value) {
		*out = COLOR_ALWAYS;
		return true;
	}
	for (int i = 0; i < 3; i++) {
		if (strcmp(value, words[i]) == 0) {
			*out = (enum color_when)i;
			return true;
		}
	}
	return false;
}

static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return term && strcmp(term, "dumb") == 0;
}

bool terminal_is_coloured(FILE *to, enum color_when when)
{
	const char *no_color = getenv("NO_COLOR");

	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	return !(no_color && *no_color) && !is_dumb() && isatty(fileno(to));
}

bool terminal_is_boxed(FILE *to)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 && !(isatty(fileno(to)) && is_dumb());
}

unsigned terminal_width(FILE *to)
{
	struct winsize w;

	return isatty(fileno(to)) && ioctl(fileno(to), TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}
