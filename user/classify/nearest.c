/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: what somebody may have meant by a name that no application has. Names are compared
 * by edit distance, letters in any case; a name that holds the other whole counts as near.
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

struct near {
	int app;
	size_t distance;
};

/* Puts an application among the nearest, which stay sorted and name each once. */
static void consider(struct near near[NEAREST_MAX], int app, size_t far)
{
	int at = NEAREST_MAX - 1;

	for (int i = 0; i < NEAREST_MAX; i++) {
		if (near[i].app != app)
			continue;
		if (near[i].distance <= far)
			return;
		at = i;
		break;
	}
	if (near[at].app != app && near[at].distance <= far)
		return;
	for (; at > 0 && near[at - 1].distance > far; at--)
		near[at] = near[at - 1];
	near[at] = (struct near){app, far};
}

void catalogue_nearest(const struct catalogue *c, struct slice name, char *out, size_t size)
{
	struct near near[NEAREST_MAX];
	char asked[APP_NAME_MAX + 1];
	size_t len = least(name.len, APP_NAME_MAX), at = 0;

	memcpy(asked, name.at, len);
	asked[len] = '\0';
	for (int i = 0; i < NEAREST_MAX; i++)
		near[i] = (struct near){APP_UNKNOWN, FAR};
	for (size_t i = 0; i < c->call_count; i++)
		if (c->call[i].app != APP_UNKNOWN)
			consider(near, c->call[i].app, distance(asked, c->call[i].text));
	if (size)
		out[0] = '\0';
	/* The nearest always; the others only if they are as good a guess. */
	for (int i = 0; i < NEAREST_MAX && near[i].app != APP_UNKNOWN && at < size; i++) {
		if (i && near[i].distance > 1 + len / 2)
			break;
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "",
				       c->app[near[i].app].name);
	}
}
