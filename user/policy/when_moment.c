/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: moments and lengths of time, from a person's text and for a person; see when.h. It
 * asks the system's zone, and no clock.
 *
 * Standard: RFC 3339 (moments), of which the seconds and the zone may be left out.
 */
#include "policy/value.h"
#include "policy/when.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { MINUTE_S = 60, HOUR_S = 60 * MINUTE_S, DAY_S = 24 * HOUR_S, LONGEST_S = 3660 * DAY_S };
#define SHOWN_S (INT64_C(9999999) * DAY_S)
#define LAST_S	INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* Takes exactly so many digits; -1 when there are fewer. */
static int take_digits(struct slice *s, size_t count)
{
	int n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!s->len || s->at[0] < '0' || s->at[0] > '9')
			return -1;
		n = n * 10 + (s->at[0] - '0');
		*s = slice_from(*s, 1);
	}
	return n;
}

static bool take_byte(struct slice *s, const char *any)
{
	if (!s->len || !s->at[0] || !strchr(any, s->at[0]))
		return false;
	*s = slice_from(*s, 1);
	return true;
}

/* "08:00", "08:00:30". False when it is none. */
static bool take_clock(struct slice *s, struct tm *tm)
{
	tm->tm_hour = take_digits(s, 2);
	if (tm->tm_hour < 0 || tm->tm_hour > 23 || !take_byte(s, ":"))
		return false;
	tm->tm_min = take_digits(s, 2);
	if (tm->tm_min < 0 || tm->tm_min > 59)
		return false;
	if (take_byte(s, ":"))
		tm->tm_sec = take_digits(s, 2);
	return tm->tm_sec >= 0 && tm->tm_sec <= 59;
}

/* "2026-12-01", which there must be in the calendar. */
static bool take_date(struct slice *s, struct tm *tm)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = take_digits(s, 4), month = take_byte(s, "-") ? take_digits(s, 2) : -1;
	int day = take_byte(s, "-") ? take_digits(s, 2) : -1;
	bool is_leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > days[month - 1] + (month == 2 && is_leap))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* True for what can be written in universal time, and read again: a zone can move the first day and
 * the last one out of the four digits of a year. */
static bool is_written(int64_t moment_s)
{
	return moment_s >= 0 && moment_s <= LAST_S;
}

/* What stands behind a date and a time: nothing (the system's zone), Z, or +01:00. False when it is
 * none of them. */
static bool read_zone(struct slice s, struct tm *tm, int64_t *out)
{
	bool is_east = s.len && s.at[0] == '+';
	int hours, minutes;

	if (!s.len) {
		tm->tm_isdst = -1;
		*out = (int64_t)mktime(tm);
		return true;
	}
	*out = (int64_t)timegm(tm);
	if (take_byte(&s, "Zz"))
		return s.len == 0;
	if (!take_byte(&s, "+-"))
		return false;
	hours = take_digits(&s, 2);
	minutes = take_byte(&s, ":") ? take_digits(&s, 2) : -1;
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || s.len)
		return false;
	*out -= (is_east ? 1 : -1) * (hours * HOUR_S + minutes * MINUTE_S);
	return true;
}

/* The next time that the wall shows "21:30". False when it is none. */
static bool read_next(struct slice s, int64_t now_s, int64_t *out)
{
	time_t now = (time_t)now_s;
	struct tm tm, clock = {0};
	int64_t at;

	if (now_s == WHEN_NEVER || !take_clock(&s, &clock) || s.len || !localtime_r(&now, &tm))
		return false;
	for (int day = 0; day < 3; day++) {
		struct tm then = {.tm_year = tm.tm_year,
				  .tm_mon = tm.tm_mon,
				  .tm_mday = tm.tm_mday + day,
				  .tm_hour = clock.tm_hour,
				  .tm_min = clock.tm_min,
				  .tm_sec = clock.tm_sec,
				  .tm_isdst = -1};

		at = (int64_t)mktime(&then);
		if (at > now_s) {
			*out = at;
			return true;
		}
	}
	return false;
}

int when_moment(struct slice text, int64_t now_s, int64_t *out, struct fault *f)
{
	char shown[VALUE_SHOW_MAX];
	struct slice s = text;
	struct tm tm = {0};
	int64_t at;

	if (read_next(text, now_s, out))
		return 0;
	if (take_date(&s, &tm) && (!s.len || (take_byte(&s, "Tt") && take_clock(&s, &tm))) &&
	    read_zone(s, &tm, &at) && is_written(at)) {
		*out = at;
		return 0;
	}
	return fault_set(f, -EINVAL,
			 "'%s' is no moment: write %s2026-12-01T08:00, or 2026-12-01T08:00:00Z in "
			 "universal time",
			 value_show(text, shown), now_s == WHEN_NEVER ? "" : "21:30, ");
}

static const struct {
	char letter;
	int64_t seconds;
} units[] = {{'d', DAY_S}, {'h', HOUR_S}, {'m', MINUTE_S}, {'s', 1}};
enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

int when_length(struct slice text, int64_t *out, struct fault *f)
{
	char shown[VALUE_SHOW_MAX];
	struct slice s = text;
	size_t next = 0; /* units come from the longest to the shortest */
	int64_t all = 0;

	while (s.len && next < UNIT_COUNT) {
		int64_t n = 0;
		size_t digits = 0;

		for (; s.len && s.at[0] >= '0' && s.at[0] <= '9' && digits < 9; digits++) {
			n = n * 10 + (s.at[0] - '0');
			s = slice_from(s, 1);
		}
		while (next < UNIT_COUNT && (!s.len || s.at[0] != units[next].letter))
			next++;
		if (!digits || next == UNIT_COUNT)
			break;
		all += n * units[next++].seconds;
		s = slice_from(s, 1);
	}
	if (!text.len || s.len || all < 1 || all > LONGEST_S)
		return fault_set(f, -EINVAL,
				 "'%s' is no length of time: write 90s, 30m, 2h, 7d or 1h30m, from "
				 "a second to ten years",
				 value_show(text, shown));
	*out = all;
	return 0;
}

const char *when_moment_format(int64_t moment_s, char out[WHEN_MOMENT_MAX])
{
	time_t t = (time_t)moment_s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, WHEN_MOMENT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = '\0';
	return out;
}

const char *when_wall_format(int64_t moment_s, char out[WHEN_MOMENT_MAX])
{
	time_t t = (time_t)moment_s;
	struct tm tm;

	if (!localtime_r(&t, &tm) ||
	    !strftime(out, WHEN_MOMENT_MAX, tm.tm_sec ? "%a %Y-%m-%d %T" : "%a %Y-%m-%d %R", &tm))
		out[0] = '\0';
	return out;
}

const char *when_length_format(int64_t seconds, char out[WHEN_MOMENT_MAX])
{
	size_t i = 0;
	int64_t first, rest;

	if (seconds < 0)
		seconds = 0;
	else if (seconds > SHOWN_S)
		seconds = SHOWN_S;
	while (i < UNIT_COUNT - 1 && seconds < units[i].seconds)
		i++;
	first = seconds / units[i].seconds;
	rest = i + 1 < UNIT_COUNT ? seconds % units[i].seconds / units[i + 1].seconds : 0;
	if (units[i].letter == 'm' && first >= 10)
		rest = 0; /* nobody counts the seconds of so many minutes */
	if (rest)
		snprintf(out, WHEN_MOMENT_MAX, "%d %c %d %c", (int)first, units[i].letter,
			 (int)rest, units[i + 1].letter);
	else
		snprintf(out, WHEN_MOMENT_MAX, "%d %c", (int)first, units[i].letter);
	return out;
}
