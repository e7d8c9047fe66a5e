/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the words that say when, moments and lengths, windows through both changes of the
 * clock against a count of minutes, and the sets of rules in force.
 */
#include "policy/rules_step.h"
#include "policy/rules_when.h"
#include "support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

static const char *resolve(const void *ctx, struct slice name, struct fault *nearest)
{
	static const char *const names[] = {"TikTok", "The Sun", "Prime Video"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_equal(name, slice_text(names[i])))
			return names[i];
	return NULL;
}
static const struct rule_apps apps = {.resolve = resolve};

static void zone_set(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static int64_t moment(const char *text)
{
	struct fault f = {""};
	int64_t at;

	if (when_moment(slice_text(text), WHEN_NEVER, &at, &f))
		fail_msg("%s: %s", text, f.text);
	return at;
}

/* --- words ------------------------------------------------------------------------------------ */

static const struct {
	const char *why, *words, *canonical;
} good[] = {
	{"days alone are whole days", "sat,sun", "sat,sun"},
	{"in any case", "SAT,Sun", "sat,sun"},
	{"three days in a row are from and to", "mon,tue,wed", "mon-wed"},
	{"from Saturday to Monday", "sat-mon", "mon,sat,sun"},
	{"hours alone are every day", "08:00-12:00", "08:00-12:00"},
	{"every day by name is every day", "mon-sun 8:00-12:00", "08:00-12:00"},
	{"over midnight", "mon-fri 21:00-07:00", "mon-fri 21:00-07:00"},
	{"to midnight", "mon 21:00-00:00", "mon 21:00-24:00"},
	{"several hours", "mon 08:00-09:00,10:00-11:00", "mon 08:00-09:00,10:00-11:00"},
	{"several days with hours, a comma and a blank", "mon-fri 21:00-07:00, sat,sun",
	 "mon-fri 21:00-07:00 sat,sun"},
	{"days behind days are one list", "mon, tue 21:00-22:00", "mon,tue 21:00-22:00"},
	{"whole days before other days keep their hours", "sat 00:00-24:00 mon 08:00-09:00",
	 "sat 00:00-24:00 mon 08:00-09:00"},
	{"whole days before every day's hours", "sat 00:00-24:00 mon-sun 08:00-09:00",
	 "sat 00:00-24:00 08:00-09:00"},
	{"an end", "until 2026-12-01T08:00:00Z", "until 2026-12-01T08:00:00Z"},
	{"an end in the zone's winter", "until 2026-12-01T08:00", "until 2026-12-01T07:00:00Z"},
	{"an end in the zone's summer", "until 2026-07-01T08:00", "until 2026-07-01T06:00:00Z"},
	{"an end elsewhere", "until 2026-12-01T08:00:00-05:30", "until 2026-12-01T13:30:00Z"},
	{"the last moment", "until 9999-12-31T23:59:59Z", "until 9999-12-31T23:59:59Z"},
	{"the first moment", "until 1970-01-01T00:00:00Z", "until 1970-01-01T00:00:00Z"},
	{"an end of a day's begin", "UNTIL 2026-12-01", "until 2026-11-30T23:00:00Z"},
	{"hours with an end", "mon-fri 21:00-07:00 until 2026-12-01T08:00:00Z",
	 "mon-fri 21:00-07:00 until 2026-12-01T08:00:00Z"},
	{"blanks anywhere", "  mon\t21:00-22:00  ", "mon 21:00-22:00"},
};

static const struct {
	const char *why, *words, *fault;
} bad[] = {
	{"no word at all", "", "is no time"},
	{"a day that is none", "mon-fry 21:00-22:00", "'mon-fry' is no time"},
	{"an hour that is none", "25:00-26:00", "is no time"},
	{"a minute that is none", "21:60-22:00", "is no time"},
	{"a time without an end", "21:00-", "is no time"},
	{"a begin at the end of the day", "24:00-07:00", "is no time"},
	{"no minute long", "21:00-21:00", "ends in the minute it begins in"},
	{"no minute long, at midnight", "00:00-00:00", "ends in the minute it begins in"},
	{"an end without a moment", "until", "is no moment"},
	{"an end of a time of the day", "until 21:30", "is no moment"},
	{"a day that the calendar has not", "until 2026-02-29T08:00", "is no moment"},
	{"words behind the end", "until 2026-12-01T08:00 mon", "'mon' is no time"},
	{"a zone that is none", "until 2026-12-01T08:00+25:00", "is no moment"},
	{"a year of five digits, by its zone", "until 9999-12-31T23:59-01:00", "is no moment"},
	{"before the first moment, by its zone", "until 1970-01-01T00:00+01:00", "is no moment"},
	{"nine windows",
	 "1:00-2:00,3:00-4:00,5:00-6:00,7:00-8:00,9:00-10:00,11:00-12:00,13:00-14:00,"
	 "15:00-16:00,17:00-18:00",
	 "at most 8 times"},
	{"another value", "mon example.com", "'example.com' is no time"},
};

static void test_words(void **state)
{
	char out[WHEN_TEXT_MAX], again[WHEN_TEXT_MAX];

	zone_set("Europe/Berlin");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct fault f = {""};
		struct slice words =
			slice_of(lay_against_wall(good[i].words, strlen(good[i].words)),
				 strlen(good[i].words));

		if (when_canonical(words, out, &f) || strcmp(out, good[i].canonical) != 0)
			fail_msg("%s: '%s' became '%s' (%s)", good[i].why, good[i].words, out,
				 f.text);
		assert_int_equal(when_canonical(slice_text(out), again, &f), 0);
		assert_string_equal(out, again);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fault f = {""};

		strcpy(out, "as it was");
		if (when_canonical(slice_text(bad[i].words), out, &f) != -EINVAL ||
		    !strstr(f.text, bad[i].fault))
			fail_msg("%s: '%s' became '%s' (%s)", bad[i].why, bad[i].words, out,
				 f.text);
		assert_string_equal(out, "as it was");
	}
}

/* The longest that there is must fit. */
static void test_longest(void **state)
{
	char words[1024] = "", out[WHEN_TEXT_MAX];
	struct fault f = {""};

	for (int i = 0; i < WHEN_WINDOWS_MAX; i++)
		strcat(words,
		       i % 2 ? "mon,tue,thu,fri,sun 21:00-22:00 " : "mon,wed,fri,sun 21:00-22:00 ");
	strcat(words, "until 2026-12-01T08:00:00Z");
	if (when_canonical(slice_text(words), out, &f))
		fail_msg("%s", f.text);
	assert_true(strlen(out) < WHEN_TEXT_MAX);
}

/* --- moments and lengths ---------------------------------------------------------------------- */

static void test_moments(void **state)
{
	/* Sunday, the day that the clock went back in Berlin: noon is 11:00 UTC. */
	int64_t noon = moment("2026-10-25T11:00:00Z"), at;
	static const struct {
		const char *text, *is;
	} rows[] = {
		{"13:00", "2026-10-25T12:00:00Z"}, {"12:00", "2026-10-26T11:00:00Z"},
		{"11:59", "2026-10-26T10:59:00Z"}, {"00:00", "2026-10-25T23:00:00Z"},
		{"2026-10-25T02:30", NULL},	   {"2026-10-25T01:59", "2026-10-24T23:59:00Z"},
	};
	char text[WHEN_MOMENT_MAX];

	zone_set("Europe/Berlin");
	noon = moment("2026-10-25T11:00:00Z");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(when_moment(slice_text(rows[i].text), noon, &at, NULL), 0);
		if (rows[i].is)
			assert_string_equal(when_moment_format(at, text), rows[i].is);
	}
	assert_string_equal(when_wall_format(noon, text), "Sun 2026-10-25 12:00");
	assert_int_equal(when_moment(slice_text("soon"), noon, &at, NULL), -EINVAL);
}

static void test_lengths(void **state)
{
	static const struct {
		const char *text;
		int64_t s; /* 0: refused */
	} rows[] = {
		{"1s", 1},
		{"90s", 90},
		{"30m", 1800},
		{"2h", 7200},
		{"7d", 604800},
		{"1h30m", 5400},
		{"1d2h3m4s", 93784},
		{"0s", 0},
		{"", 0},
		{"5", 0},
		{"m", 0},
		{"30m1h", 0},
		{"3x", 0},
		{"-3s", 0},
		{"4000d", 0},
		{"9999999999999999s", 0},
		{"1h1h", 0},
	};
	char text[WHEN_MOMENT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t s = 0;
		int err = when_length(slice_text(rows[i].text), &s, NULL);

		if (err != (rows[i].s ? 0 : -EINVAL) || s != rows[i].s)
			fail_msg("'%s' became %lld", rows[i].text, (long long)s);
	}
	assert_string_equal(when_length_format(93784, text), "1 d 2 h");
	assert_string_equal(when_length_format(3723, text), "1 h 2 m");
	assert_string_equal(when_length_format(60, text), "1 m");
	assert_string_equal(when_length_format(0, text), "0 s");
}

/* --- windows ---------------------------------------------------------------------------------- */

static const struct {
	const char *why, *words, *at;
	bool is_on;
	const char *until; /* NULL: never */
} moments[] = {
	{"before the window", "mon-fri 21:00-07:00", "2026-11-23T20:59:59", false,
	 "2026-11-23T21:00:00"},
	{"its first second", "mon-fri 21:00-07:00", "2026-11-23T21:00:00", true,
	 "2026-11-24T07:00:00"},
	{"Friday's goes on into Saturday", "mon-fri 21:00-07:00", "2026-11-28T06:59:59", true,
	 "2026-11-28T07:00:00"},
	{"none begins on Saturday", "mon-fri 21:00-07:00", "2026-11-28T21:00:00", false,
	 "2026-11-30T21:00:00"},
	{"Sunday's goes on into Monday", "sun 23:00-01:00", "2026-11-23T00:30:00", true,
	 "2026-11-23T01:00:00"},
	{"two whole days are one", "sat,sun", "2026-11-28T12:00:00", true, "2026-11-30T00:00:00"},
	{"a window that touches another is one", "mon 08:00-09:00,09:00-10:00",
	 "2026-11-23T08:30:00", true, "2026-11-23T10:00:00"},
	{"always open", "00:00-24:00", "2026-11-23T08:30:00", true, NULL},
	{"once a week", "mon 08:00-09:00", "2026-11-23T09:00:00", false, "2026-11-30T08:00:00"},
	{"an end within the window", "mon 08:00-10:00 until 2026-11-23T09:00",
	 "2026-11-23T08:30:00", true, "2026-11-23T09:00:00"},
	{"the end itself", "until 2026-11-23T09:00", "2026-11-23T09:00:00", false, NULL},
	{"over before the next window", "mon 08:00-10:00 until 2026-11-25T09:00",
	 "2026-11-24T08:30:00", false, NULL},
	/* Berlin's clock went from 02:00 to 03:00 on 29 March 2026. */
	{"spring: over the hour that is not there", "21:00-07:00", "2026-03-28T22:00:00", true,
	 "2026-03-29T07:00:00"},
	{"spring: a begin within it is its end", "02:30-04:00", "2026-03-29T01:59:59", false,
	 "2026-03-29T03:00:00"},
	{"spring: all within it is none that day", "02:15-02:45", "2026-03-29T01:59:59", false,
	 "2026-03-30T02:15:00"},
	/* And from 03:00 to 02:00 on 25 October 2026; Z tells the two 02:30 apart. */
	{"autumn: over the hour that comes twice", "21:00-07:00", "2026-10-24T22:00:00", true,
	 "2026-10-25T07:00:00"},
	{"autumn: open in the first of the two", "02:15-02:45", "2026-10-25T00:30:00Z", true,
	 "2026-10-25T00:45:00Z"},
	{"autumn: and again in the second", "02:15-02:45", "2026-10-25T00:45:00Z", false,
	 "2026-10-25T01:15:00Z"},
	{"autumn: an end at the change", "01:00-02:00", "2026-10-24T23:30:00Z", true,
	 "2026-10-25T00:00:00Z"},
	{"autumn: up to within the hour, back to before it", "01:00-02:30", "2026-10-25T00:30:00Z",
	 false, "2026-10-25T01:00:00Z"},
};

static void test_windows(void **state)
{
	zone_set("Europe/Berlin");
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		int64_t until_s, wanted = moments[i].until ? moment(moments[i].until) : WHEN_NEVER;
		char at[WHEN_MOMENT_MAX] = "never";
		struct fault f = {""};
		struct when w;
		bool is_on;

		if (when_read(slice_text(moments[i].words), &w, &f))
			fail_msg("%s: %s", moments[i].why, f.text);
		is_on = when_is_on(&w, moment(moments[i].at), &until_s);
		if (until_s != WHEN_NEVER)
			when_moment_format(until_s, at);
		if (is_on != moments[i].is_on || until_s != wanted)
			fail_msg("%s: %s, until %s", moments[i].why, is_on ? "on" : "off", at);
	}
}

/* What a person at the clock would say, a minute at a time. */
static bool looks_open(const struct when *w, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;
	int minute, day;

	localtime_r(&t, &tm);
	minute = tm.tm_hour * 60 + tm.tm_min;
	day = (tm.tm_wday + 6) % 7;
	for (unsigned i = 0; i < w->count; i++) {
		const struct when_window *x = &w->window[i];
		bool today = x->days >> day & 1, yesterday = x->days >> ((day + 6) % 7) & 1;

		if (x->from < x->to ? today && minute >= x->from && minute < x->to
				    : (today && minute >= x->from) || (yesterday && minute < x->to))
			return true;
	}
	return false;
}

static void draw_when(struct when *w, uint64_t *random)
{
	*w = (struct when){.until_s = WHEN_NEVER, .count = 1 + next_random(random) % 3};
	for (unsigned i = 0; i < w->count; i++) {
		struct when_window *x = &w->window[i];

		x->days = (uint8_t)(1 + next_random(random) % 127);
		x->from = (uint16_t)(next_random(random) % 1440);
		do {
			x->to = (uint16_t)(1 + next_random(random) % 1440);
		} while (x->to == x->from);
	}
}

/* Through four days around changes of the clock, in zones that change by an hour, by half of one,
 * and never. */
static void test_against_minutes(void **state)
{
	static const struct {
		const char *zone, *from;
	} places[] = {
		{"Europe/Berlin", "2026-03-27T12:00:00Z"},
		{"Europe/Berlin", "2026-10-23T12:00:00Z"},
		{"America/New_York", "2026-10-30T12:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-03T00:00:00Z"},
		{"Australia/Lord_Howe", "2026-10-02T00:00:00Z"},
		{"Asia/Kathmandu", "2026-06-01T00:00:00Z"},
	};
	enum { TRIES = 60, MINUTES = 4 * 1440 };
	uint64_t random = 5;

	for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
		zone_set(places[p].zone);
		for (int try = 0; try < TRIES; try++) {
			int64_t from = moment(places[p].from), until = 0;
			bool is = false, was = false;
			struct when w;

			draw_when(&w, &random);
			for (int64_t m = 0; m < MINUTES; m++) {
				int64_t at = from + m * 60;
				char text[WHEN_TEXT_MAX];

				is = looks_open(&w, at);
				if (m && is != was && until != at)
					fail_msg("%s, %s: changes at %lld, not at %lld",
						 places[p].zone, when_format(&w, text),
						 (long long)at, (long long)until);
				if (when_is_on(&w, at, &until) != is || until <= at)
					fail_msg("%s, %s: not so at %lld", places[p].zone,
						 when_format(&w, text), (long long)at);
				was = is;
			}
		}
	}
}

/* --- sets of rules ---------------------------------------------------------------------------- */

static int add(struct rules *r, enum rule_kind kind, bool is_allow, const char *value)
{
	return rules_add(r, kind, is_allow, slice_text(value), &apps, 0, NULL);
}

static int take(struct rules *r, enum rule_kind kind, const char *value)
{
	return rules_remove(r, kind, false, slice_text(value), &apps, NULL);
}

static void test_values(void **state)
{
	static const struct {
		const char *why;
		enum rule_kind kind;
		const char *value, *text;
	} rows[] = {
		{"an application", RULE_APP, "TikTok mon 21:00-22:00", "TikTok  mon 21:00-22:00"},
		{"of two words", RULE_APP, "Prime Video sat,sun", "Prime Video  sat,sun"},
		{"one that is called like a day", RULE_APP, "The Sun", "The Sun"},
		{"the same, on Sundays", RULE_APP, "The Sun sun", "The Sun  sun"},
		{"learnt names", RULE_APP, "learnt:TikTok sun", "learnt:TikTok  sun"},
		{"a domain", RULE_DOMAIN, "*.example.com  21:00-22:00", "example.com  21:00-22:00"},
		{"a network", RULE_IP, "10.0.0.0/8 mon", "10.0.0.0/8  mon"},
		{"a port", RULE_PORT, "443/udp mon", "443/udp  mon"},
	};
	char text[RULE_TEXT_MAX];

	zone_set("UTC");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rules *r = rules_new();

		if (add(r, rows[i].kind, false, rows[i].value) != 1 ||
		    strcmp(rule_text(rules_at(r, 0), text), rows[i].text) != 0)
			fail_msg("%s: %s", rows[i].why, rules_count(r) ? text : "refused");
		assert_int_equal(take(r, rows[i].kind, text), 1);
		assert_int_equal(rules_count(r), 0);
		rules_free(r);
	}
}

/* The same value at other times is one more rule of the same id, and all are one to a reader. */
/* Old files have several values on a line, and none of them is a time. */
static void test_no_times(void **state)
{
	static const char *const words[] = {"mon-ami.example", "mon-fri.example", "until.example",
					    "sun.example",     "fe80::1",	  "6881",
					    "10.0.0.0/8",      "satellite",	  "mo",
					    "8888/tcp",	       "until-then",	  "1-2.example"};
	static const char *const times[] = {"mon",   "Sat,",	  "mon-fri",	"sat,sun",
					    "until", "8:00-9:00", "mon-tue,fri"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (when_begins(slice_text(words[i])))
			fail_msg("%s", words[i]);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (!when_begins(slice_text(times[i])))
			fail_msg("%s", times[i]);
}

static void test_same_value(void **state)
{
	struct rules *r = rules_new();
	uint64_t id;

	zone_set("UTC");
	assert_int_equal(add(r, RULE_APP, false, "TikTok mon 21:00-22:00"), 1);
	assert_int_equal(add(r, RULE_APP, false, "TikTok  MON 21:00-22:00"), 0);
	assert_int_equal(add(r, RULE_APP, false, "TikTok until 2026-12-01T00:00:00Z"), 1);
	assert_int_equal(rules_count(r), 2);
	assert_int_equal(rules_timed(r), 2);
	id = rules_at(r, 0)->id;
	assert_true(rules_at(r, 1)->id == id);
	/* For good is more than any time; then no time adds to it. */
	assert_int_equal(add(r, RULE_APP, false, "TikTok"), 1);
	assert_int_equal(rules_count(r), 1);
	assert_int_equal(rules_timed(r), 0);
	assert_true(rules_by_id(r, id) && !rules_by_id(r, id)->is_timed);
	assert_int_equal(add(r, RULE_APP, false, "TikTok sun"), 0);
	assert_int_equal(take(r, RULE_APP, "TikTok sun"), 0);
	assert_int_equal(take(r, RULE_APP, "TikTok"), 1);
	/* Taking the value away takes it at all times. */
	assert_int_equal(add(r, RULE_APP, false, "TikTok mon"), 1);
	assert_int_equal(add(r, RULE_APP, false, "TikTok tue"), 1);
	assert_int_equal(add(r, RULE_APP, false, "TikTok wed"), 1);
	assert_int_equal(take(r, RULE_APP, "TikTok tue"), 1);
	assert_int_equal(rules_count(r), 2);
	assert_int_equal(take(r, RULE_APP, "TikTok"), 1);
	assert_int_equal(rules_count(r), 0);
	assert_null(rules_by_id(r, id));
	rules_free(r);
}

static void test_many_times(void **state)
{
	struct rules *r = rules_new();
	struct fault f = {""};
	char value[64];
	int rc = 1, n = 0;

	for (; n < 100 && rc == 1; n++) {
		snprintf(value, sizeof(value), "a.example 01:%02d-02:%02d", n % 60, n / 60);
		rc = rules_add(r, RULE_DOMAIN, false, slice_text(value), &apps, 0, &f);
	}
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(n, 65);
	assert_non_null(strstr(f.text, "there are 64 times of it already"));
	assert_int_equal(take(r, RULE_DOMAIN, "a.example"), 1);
	assert_int_equal(rules_count(r), 0);
	rules_free(r);
}

static const char file[] = "[BLOCKED_APPS]\n"
			   "TikTok   mon-fri 21:00-07:00   # school days\n"
			   "TikTok   sat,sun\n"
			   "Prime Video TikTok\n"
			   "[BLOCKED_DOMAINS] a.example until 2026-12-01T00:00:00Z\n"
			   "b.example c.example\n"
			   "[ALLOWED_DOMAINS]\n"
			   "d.example 12:00-13:00\n";

static struct rules *parse(const char *text, struct fault *f)
{
	struct rules *r = NULL;

	rules_parse(slice_text(text), "f", &apps, 0, &r, f);
	return r;
}

static void test_file(void **state)
{
	static const struct {
		const char *text, *fault;
	} refused[] = {
		{"[BLOCKED_DOMAINS]\na.example b.example mon", "f:2: whose times are these?"},
		{"[BLOCKED_DOMAINS]\na.example mon b.example", "f:2: 'b.example' is no time"},
		{"[BLOCKED_PORTS]\n\n443 21:00-25:00", "f:3: '21:00-25:00' is no time"},
	};
	struct fault f = {""};
	struct rules *r, *again;
	char *text, *second;

	zone_set("UTC");
	r = parse(file, &f);
	if (!r)
		fail_msg("%s", f.text);
	assert_int_equal(rules_count(r), 6); /* TikTok for good took the place of two */
	text = rules_format(r);
	again = parse(text, &f);
	second = rules_format(again);
	assert_string_equal(text, second);
	assert_non_null(strstr(text, "\na.example  until 2026-12-01T00:00:00Z\n"));
	free(second);
	rules_free(again);
	second = rules_format_at(r, moment("2026-11-30T23:58:30Z"));
	assert_non_null(strstr(second, "# in force; ends in 1 m 30 s, Tue 2026-12-01 00:00\n"));
	assert_non_null(strstr(second, "# not in force; begins in 12 h 1 m"));
	again = parse(second, &f);
	free(second);
	second = rules_format(again);
	assert_string_equal(text, second);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_null(parse(refused[i].text, &f));
		if (!strstr(f.text, refused[i].fault))
			fail_msg("%s: %s", refused[i].text, f.text);
	}
	free(text);
	free(second);
	rules_free(again);
	rules_free(r);
}

/* From moment to moment only what has times comes and goes, however many rules there are. */
static void test_steps(void **state)
{
	static const char *const times[] = {"2026-11-23T20:00", "2026-11-23T21:10",
					    "2026-11-23T21:30", "2026-11-23T23:00"};
	static const size_t timed[] = {0, 1, 2, 0};
	struct rules_step *step = malloc(sizeof(*step));
	struct rules *r = rules_new(), *before = NULL;
	char name[32];

	assert_non_null(step);
	zone_set("Europe/Berlin");
	add(r, RULE_DOMAIN, false, "first.example mon 21:00-22:00");
	for (int i = 0; i < 20000; i++) {
		sprintf(name, "host%d.example", i);
		add(r, RULE_DOMAIN, false, name);
		if (i == 9000)
			add(r, RULE_DOMAIN, false, "middle.example mon 21:20-22:00");
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t until_s;
		struct rules *now = rules_in_force(r, moment(times[i]), false, &until_s);

		assert_int_equal(rules_count(now), 20000 + timed[i]);
		assert_int_equal(rules_timed(now), 0);
		if (before) {
			assert_int_equal(rules_step_find(before, now, step), 0);
			assert_int_equal(step->gone, timed[i] ? 0 : timed[i - 1]);
			assert_true(step->count <= 2);
		}
		rules_free(before);
		before = now;
	}
	rules_free(before);
	rules_free(r);
	free(step);
}

static void test_in_force(void **state)
{
	struct rules *r = rules_new(), *now;
	int64_t until_s, at;
	size_t ended;

	zone_set("Europe/Berlin");
	add(r, RULE_DOMAIN, false, "always.example");
	add(r, RULE_DOMAIN, false, "late.example mon 21:00-22:00");
	add(r, RULE_DOMAIN, false, "ends.example until 2026-11-23T20:30:00Z"); /* 21:30 */
	add(r, RULE_DOMAIN, true, "fine.example mon 21:45-22:00");
	at = moment("2026-11-23T20:00");
	now = rules_in_force(r, at, false, &until_s);
	assert_int_equal(rules_count(now), 2);
	assert_true(until_s == moment("2026-11-23T21:00"));
	rules_free(now);
	now = rules_in_force(r, until_s, false, &until_s);
	assert_int_equal(rules_count(now), 3);
	assert_true(until_s == moment("2026-11-23T21:30"));
	rules_free(now);
	at = moment("2026-11-23T21:50");
	now = rules_in_force(r, at, true, &until_s);
	assert_int_equal(rules_count(now), 1);
	assert_true(rules_at(now, 0)->is_allow);
	rules_free(now);
	now = rules_not_over(r, at, &ended);
	assert_int_equal(ended, 1);
	assert_int_equal(rules_count(now), 3);
	rules_free(now);
	rules_free(r);
}

/* Sets with times against a plain list of what was asked for, through copies and removals. */
static void test_against_list(void **state)
{
	enum { NAMES = 20, TIMES = 5, STEPS = 20000 };
	static const char *const times[TIMES] = {"", " mon", " tue 01:00-02:00", " sun",
						 " until 2030-01-01T00:00:00Z"};
	static bool has[NAMES][TIMES];
	struct rules *r = rules_new();
	uint64_t random = 3;

	zone_set("UTC");
	for (int step = 0; step < STEPS; step++) {
		unsigned n = (unsigned)(next_random(&random) % NAMES);
		unsigned t = (unsigned)(next_random(&random) % TIMES);
		struct rules *before = rules_copy(r);
		size_t count = 0, timed = 0, was = rules_count(r);
		bool any = false;
		char value[80];
		int rc;

		snprintf(value, sizeof(value), "n%u.example%s", n, times[t]);
		for (int i = 0; i < TIMES; i++)
			any |= has[n][i];
		if (next_random(&random) % 2) {
			rc = add(r, RULE_DOMAIN, false, value);
			assert_int_equal(rc, !has[n][t] && !has[n][0]);
			if (rc && t == 0)
				memset(has[n], 0, sizeof(has[n]));
			if (rc)
				has[n][t] = true;
		} else {
			rc = take(r, RULE_DOMAIN, value);
			assert_int_equal(rc, t ? has[n][t] : any);
			if (t)
				has[n][t] = false;
			else
				memset(has[n], 0, sizeof(has[n]));
		}
		for (int i = 0; i < NAMES; i++)
			for (int j = 0; j < TIMES; j++) {
				count += has[i][j];
				timed += j && has[i][j];
			}
		assert_int_equal(rules_count(r), count);
		assert_int_equal(rules_timed(r), timed);
		assert_int_equal(rules_count(before), was);
		rules_free(before);
	}
	rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),	 cmocka_unit_test(test_longest),
		cmocka_unit_test(test_moments),	 cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_windows),	 cmocka_unit_test(test_against_minutes),
		cmocka_unit_test(test_values),	 cmocka_unit_test(test_same_value),
		cmocka_unit_test(test_no_times), cmocka_unit_test(test_many_times),
		cmocka_unit_test(test_file),	 cmocka_unit_test(test_in_force),
		cmocka_unit_test(test_steps),	 cmocka_unit_test(test_against_list),
	};

	return cmocka_run_group_tests_name("policy/when", tests, NULL, NULL);
}
