/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: when windows of the day open and close; see when.h. What the clock on the wall shows
 * at a moment is asked of the system's zone, and no clock is.
 *
 * Between two changes of the zone's offset a moment and what the wall shows differ by a constant,
 * so that the next minute at which a window opens or closes is arithmetic. A change of the offset
 * in between is found by halving.
 */
#include "policy/when.h"

#include <time.h>

enum {
	DAYS = 7,
	DAY_S = 24 * 60 * 60,
	WEEK_S = DAYS * DAY_S,
	HORIZON_S = WEEK_S + DAY_S, /* nothing repeats later than that */
};

/* How far the wall is ahead of UTC. */
static int64_t offset_at(int64_t moment_s)
{
	time_t t = (time_t)moment_s;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

/* Seconds since Monday 00:00, as the wall shows it. 1 January 1970 was a Thursday. */
static int64_t week_second(int64_t moment_s, int64_t offset_s)
{
	int64_t s = (moment_s + offset_s + 3 * (int64_t)DAY_S) % WEEK_S;

	return s < 0 ? s + WEEK_S : s;
}

/* Seconds from a point of the week to another, to come. */
static int64_t ahead(int64_t from, int64_t to)
{
	int64_t s = (to - from) % WEEK_S;

	return s < 0 ? s + WEEK_S : s;
}

/* Begin and length of one day's window, in seconds of the week. */
static int64_t opens_at(const struct when_window *w, int day)
{
	return day * (int64_t)DAY_S + w->from * 60;
}

static int64_t length_of(const struct when_window *w)
{
	int minutes = w->to - w->from;

	return (minutes > 0 ? minutes : minutes + WHEN_DAY_MINUTES) * (int64_t)60;
}

/* Whether any window is open at a point of the week; *edge_s is how long until the next one opens
 * or closes. */
static bool is_open(const struct when *w, int64_t at, int64_t *edge_s)
{
	bool is = false;

	*edge_s = WEEK_S;
	for (unsigned i = 0; i < w->count; i++) {
		for (int day = 0; day < DAYS; day++) {
			int64_t opens, since, edge;

			if (!(w->window[i].days >> day & 1))
				continue;
			opens = opens_at(&w->window[i], day);
			since = ahead(opens, at);
			if (since < length_of(&w->window[i])) {
				is = true;
				edge = length_of(&w->window[i]) - since;
			} else {
				edge = ahead(at, opens);
			}
			if (edge < *edge_s)
				*edge_s = edge;
		}
	}
	return is;
}

/* The first moment after `from` with another offset than it has, if `to` has one; else `to`. */
static int64_t next_offset(int64_t from, int64_t to)
{
	int64_t offset = offset_at(from);

	if (offset_at(to) == offset)
		return to;
	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;

		if (offset_at(middle) == offset)
			from = middle;
		else
			to = middle;
	}
	return to;
}

static bool is_open_at(const struct when *w, int64_t moment_s, int64_t *edge_s)
{
	return is_open(w, week_second(moment_s, offset_at(moment_s)), edge_s);
}

bool when_is_on(const struct when *w, int64_t moment_s, int64_t *until_s)
{
	int64_t at = moment_s, edge_s;
	bool is;

	*until_s = WHEN_NEVER;
	if (when_is_over(w, moment_s))
		return false;
	is = !w->count || is_open_at(w, at, &edge_s);
	if (is)
		*until_s = w->until_s;
	if (!w->count)
		return true;
	while (at < moment_s + HORIZON_S) {
		at = next_offset(at, at + edge_s);
		if (is_open_at(w, at, &edge_s) == is)
			continue;
		if (at < w->until_s)
			*until_s = at;
		return is;
	}
	return is; /* open all the week, so that nothing but its end changes it */
}
