/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: the lines of an INI file, as far as the catalogue uses the form: [section], key =
 * value, an indented line with more for the key before it, and lines of comment.
 */
#include <ctype.h>
#include <ini.h>
#include <stdbool.h>
#include <string.h>

enum { LINE_ROOM = 200, WORD_ROOM = 50 };

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

static void keep(char out[WORD_ROOM], const char *word)
{
	strncpy(out, word, WORD_ROOM - 1);
	out[WORD_ROOM - 1] = '\0';
}

/* What the lines before say of the next. */
struct place {
	char section[WORD_ROOM], key[WORD_ROOM];
};

/* One line, without blanks around it. False when it is neither of the forms. */
static bool take_line(struct place *p, char *line, bool is_indented, ini_handler handler,
		      void *user)
{
	char *equals = strchr(line, '=');
	char *end = *line == '[' ? strchr(line, ']') : NULL;

	if (is_indented && *p->key)
		return handler(user, p->section, p->key, line);
	if (end) {
		*end = '\0';
		keep(p->section, line + 1);
		*p->key = '\0';
		return true;
	}
	if (!equals || *line == '[')
		return false;
	*equals = '\0';
	keep(p->key, trim(line));
	return handler(user, p->section, p->key, trim(equals + 1));
}

int ini_parse_stream(ini_reader reader, void *stream, ini_handler handler, void *user)
{
	struct place place = {"", ""};
	int number = 0, first = 0;
	char line[LINE_ROOM];

	while (reader(line, sizeof(line), stream)) {
		char *at = trim(line);

		number++;
		if (*at && *at != ';' && *at != '#' &&
		    !take_line(&place, at, at > line, handler, user) && !first)
			first = number;
	}
	return first;
}
