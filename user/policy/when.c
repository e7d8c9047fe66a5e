/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the words that say when a rule is in force, read and written; see when.h. What a
 * moment is on the wall is when_clock.c's matter.
 */
#include "policy/when.h"
#include "dpi/name.h"
#include "policy/value.h"

#include <errno.h>
#include <stdio.h>

enum { DAYS = 7, ALL_DAYS = (1 << DAYS) - 1 };

static const char day_names[DAYS][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word of *rest, without commas around it; empty at the end. */
static struct slice take_word(struct slice *rest)
{
	struct slice word;

	while (rest->len && (is_space(rest->at[0]) || rest->at[0] == ','))
		*rest = slice_from(*rest, 1);
	word = slice_of(rest->at, 0);
	while (word.len < rest->len && !is_space(rest->at[word.len]))
		word.len++;
	*rest = slice_from(*rest, word.len);
	while (word.len && word.at[word.len - 1] == ',')
		word.len--;
	return word;
}

static bool take_byte(struct slice *s, uint8_t c)
{
	if (!s->len || s->at[0] != c)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

/* Takes a day's name off the front; -1 when there is none. */
static int take_day(struct slice *s)
{
	for (int d = 0; d < DAYS; d++)
		if (value_take_word(s, day_names[d]))
			return d;
	return -1;
}

/* "mon-fri,sun". False when it is none. */
static bool read_days(struct slice s, uint8_t *out)
{
	unsigned days = 0;

	do {
		int first = take_day(&s), last = first;

		if (first >= 0 && take_byte(&s, '-'))
			last = take_day(&s);
		if (first < 0 || last < 0)
			return false;
		for (int d = first;; d = (d + 1) % DAYS) {
			days |= 1U << d;
			if (d == last)
				break;
		}
	} while (take_byte(&s, ','));
	*out = (uint8_t)days;
	return s.len == 0;
}

/* "7:30", "24:00"; minutes of the day, -1 when it is none. */
static int take_minute(struct slice *s)
{
	unsigned part[2] = {0, 0};
	int minute;

	for (int i = 0; i < 2; i++) {
		size_t digits = 0;

		while (digits < 2 && s->len && s->at[0] >= '0' && s->at[0] <= '9') {
			part[i] = part[i] * 10 + (s->at[0] - '0');
			*s = slice_from(*s, 1);
			digits++;
		}
		if (!digits || (i == 0 ? !take_byte(s, ':') : digits != 2))
			return -1;
	}
	minute = (int)(part[0] * 60 + part[1]);
	return part[1] < 60 && minute <= WHEN_DAY_MINUTES ? minute : -1;
}

/* Adds the windows of "08:00-12:00,21:00-07:00", on these days. Returns 1, or 0 when it is none, or
 * a fault. */
static int add_times(struct when *w, uint8_t days, struct slice s, struct fault *f)
{
	do {
		int from = take_minute(&s), to;

		if (from < 0 || from == WHEN_DAY_MINUTES || !take_byte(&s, '-'))
			return 0;
		to = take_minute(&s);
		if (to < 0)
			return 0;
		if (to == 0 && from)
			to = WHEN_DAY_MINUTES;
		if (from == to)
			return fault_set(f, -EINVAL,
					 "a time that ends in the minute it begins in is none: for "
					 "whole days write the days alone, or 00:00-24:00");
		if (w->count == WHEN_WINDOWS_MAX)
			return fault_set(f, -EINVAL,
					 "a rule has at most %d times: write the value once more, "
					 "with the others behind it",
					 WHEN_WINDOWS_MAX);
		w->window[w->count++] = (struct when_window){
			.days = days, .from = (uint16_t)from, .to = (uint16_t)to};
	} while (take_byte(&s, ','));
	return s.len ? 0 : 1;
}

static int refuse(struct slice word, struct fault *f)
{
	char shown[VALUE_SHOW_MAX];

	return fault_set(f, -EINVAL,
			 "'%s' is no time: write days, hours or an end, such as mon-fri "
			 "21:00-07:00, sat,sun or until 2026-12-01T08:00",
			 value_show(word, shown));
}

/* The end, which must be the last of the words. */
static int read_until(struct slice rest, struct when *w, struct fault *f)
{
	struct slice moment = take_word(&rest), more = take_word(&rest);

	if (more.len)
		return refuse(more, f);
	return when_moment(moment, WHEN_NEVER, &w->until_s, f);
}

/* One word of days or times; *days are those that no times have followed yet. */
static int read_word(struct slice word, struct when *w, uint8_t *days, struct fault *f)
{
	uint8_t more;
	int err;

	if (read_days(word, &more)) {
		*days |= more;
		return 0;
	}
	err = add_times(w, *days ? *days : ALL_DAYS, word, f);
	*days = 0;
	return err > 0 ? 0 : err < 0 ? err : refuse(word, f);
}

int when_read(struct slice words, struct when *out, struct fault *f)
{
	struct when w = {.until_s = WHEN_NEVER};
	struct slice word, rest = words;
	uint8_t days = 0;
	int err = 0;

	while (!err && (word = take_word(&rest)).len) {
		struct slice keyword = word;

		if (value_take_word(&keyword, "until") && !keyword.len) {
			err = read_until(rest, &w, f);
			rest.len = 0;
		} else {
			err = read_word(word, &w, &days, f);
		}
	}
	if (!err && days) /* that no times follow are whole days */
		err = add_times(&w, days, slice_text("00:00-24:00"), f);
	if (err < 0)
		return err;
	if (!w.count && w.until_s == WHEN_NEVER)
		return refuse(words, f);
	*out = w;
	return 0;
}

/* "mon-fri,sun"; nothing for all of them. Returns how many bytes. */
static int write_days(unsigned days, char *out)
{
	int n = 0;

	for (int d = 0; days != ALL_DAYS && d < DAYS; d++) {
		int last = d;

		if (!(days >> d & 1))
			continue;
		while (last + 1 < DAYS && days >> (last + 1) & 1)
			last++;
		n += sprintf(out + n, "%s%s", n ? "," : "", day_names[d]);
		if (last > d)
			n += sprintf(out + n, "%c%s", last == d + 1 ? ',' : '-', day_names[last]);
		d = last;
	}
	return n;
}

/* One window, behind what is there. Returns how many bytes. Days behind days would be read with
 * them, so whole days stand without their hours at the end alone. */
static int write_window(const struct when *w, unsigned i, char *out)
{
	const struct when_window *at = &w->window[i];
	bool is_whole = at->from == 0 && at->to == WHEN_DAY_MINUTES;
	int n = 0;

	if (i && at->days == at[-1].days) {
		n = sprintf(out, ",");
	} else {
		n = sprintf(out, "%s", i ? " " : "");
		n += write_days(at->days, out + n);
		if (is_whole && at->days != ALL_DAYS && i + 1 == w->count)
			return n;
		n += sprintf(out + n, "%s", at->days == ALL_DAYS ? "" : " ");
	}
	return n + sprintf(out + n, "%02u:%02u-%02u:%02u", at->from / 60U, at->from % 60U,
			   at->to / 60U, at->to % 60U);
}

const char *when_format(const struct when *w, char out[WHEN_TEXT_MAX])
{
	char moment[WHEN_MOMENT_MAX];
	int n = 0;

	for (unsigned i = 0; i < w->count; i++)
		n += write_window(w, i, out + n);
	if (w->until_s != WHEN_NEVER)
		n += sprintf(out + n, "%suntil %s", n ? " " : "",
			     when_moment_format(w->until_s, moment));
	out[n] = '\0';
	return out;
}

int when_canonical(struct slice words, char out[WHEN_TEXT_MAX], struct fault *f)
{
	struct when w;
	int err = when_read(words, &w, f);

	if (!err)
		when_format(&w, out);
	return err;
}
