/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: what somebody may have meant by a name that no application or category has. Names
 * are compared by edit distance, letters in any case; a name that holds the other whole counts as
 * near.
 */
#include "classify/build.h"

#include <stdio.h>
#include <strings.h>
#include <ctype.h>

enum { NEAREST_MAX = 3, FAR = 1000 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters to insert, delete or replace to make one text of the other (Wagner and Fischer, 1974). */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[APP_NAME_MAX + 1], width = strlen(b);

	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			bool is_same = tolower((unsigned char)a[i - 1]) ==
				       tolower((unsigned char)b[j - 1]);
			size_t replaced = corner + !is_same;

			corner = row[j];
			row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[width];
}

static size_t distance(const char *asked, const char *name)
{
	size_t edits = edit_distance(asked, name);
	bool is_part = strlen(asked) >= 3 && strcasestr(name, asked);
	bool is_whole = strlen(name) >= 3 && strcasestr(asked, name);

	return is_part || is_whole ? least(edits, 2) : edits;
}

/* A candidate by its number in whatever list it is of; -1 is none. */
struct near {
	int at;
	size_t distance;
};

/* Puts a candidate among the nearest, which stay sorted and name each once. */
static void consider(struct near near[NEAREST_MAX], int candidate, size_t far)
{
	int at = NEAREST_MAX - 1;

	for (int i = 0; i < NEAREST_MAX; i++) {
		if (near[i].at != candidate)
			continue;
		if (near[i].distance <= far)
			return;
		at = i;
		break;
	}
	if (near[at].at != candidate && near[at].distance <= far)
		return;
	for (; at > 0 && near[at - 1].distance > far; at--)
		near[at] = near[at - 1];
	near[at] = (struct near){candidate, far};
}

/* What was asked for, as text, and nothing near it yet. */
static void begin(struct slice name, char asked[APP_NAME_MAX + 1], struct near near[NEAREST_MAX])
{
	size_t len = least(name.len, APP_NAME_MAX);

	memcpy(asked, name.at, len);
	asked[len] = '\0';
	for (int i = 0; i < NEAREST_MAX; i++)
		near[i] = (struct near){-1, FAR};
}

/* The nearest always; the others only if they are as good a guess. */
static void write_nearest(const struct catalogue *c, const struct near near[NEAREST_MAX],
			  const char *asked, const char *(*word)(const struct catalogue *c, int at),
			  char *out, size_t size)
{
	size_t at = 0;

	if (size)
		out[0] = '\0';
	for (int i = 0; i < NEAREST_MAX && near[i].at >= 0 && at < size; i++) {
		if (i && near[i].distance > 1 + strlen(asked) / 2)
			break;
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "",
				       word(c, near[i].at));
	}
}

void catalogue_nearest(const struct catalogue *c, struct slice name, char *out, size_t size)
{
	struct near near[NEAREST_MAX];
	char asked[APP_NAME_MAX + 1];

	begin(name, asked, near);
	for (size_t i = 0; i < c->call_count; i++)
		if (c->call[i].app != APP_UNKNOWN)
			consider(near, c->call[i].app,
				 distance(asked, c->words.at + c->call[i].text));
	write_nearest(c, near, asked, catalogue_name, out, size);
}

static const char *category_word(const struct catalogue *c, int at)
{
	return c->words.at + c->category[at];
}

void catalogue_nearest_category(const struct catalogue *c, struct slice name, char *out,
				size_t size)
{
	struct near near[NEAREST_MAX];
	char asked[APP_NAME_MAX + 1];
	size_t apps;

	begin(name, asked, near);
	for (size_t i = 0; i < c->category_count; i++) {
		const char *category = catalogue_category_at(c, i, &apps);

		if (apps)
			consider(near, (int)i, distance(asked, category));
	}
	write_nearest(c, near, asked, category_word, out, size);
}
