/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: three sets of rules made one, as a table of what each side did; then hosts that edit
 * at random, alone and together, and always come to agree. And what is taken for an accident.
 */
#include "fleet/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *resolve(const void *ctx, struct slice name, struct fault *nearest)
{
	static const char *const known[] = {"TikTok", "YouTube", "Netflix"};

	(void)ctx;
	(void)nearest;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (slice_equal(name, slice_text(known[i])))
			return known[i];
	return NULL;
}
static const struct rule_apps apps = {.resolve = resolve};

static void add(struct rules *r, enum rule_kind kind, bool is_allow, const char *value)
{
	assert_true(rules_add(r, kind, is_allow, slice_text(value), &apps, RULES_FORCE, NULL) >= 0);
}

/* A set written as words: "a.b" a domain, "+a.b" an allowed one, "a.b@mon" one with times. */
static struct rules *set_of(const char *words)
{
	struct rules *r = rules_new();
	char text[256], *rest = text, *word;

	snprintf(text, sizeof(text), "%s", words);
	while ((word = strsep(&rest, " "))) {
		char *at = strchr(word, '@');

		if (at)
			*at = ' ';
		if (*word)
			add(r, RULE_DOMAIN, *word == '+', word + (*word == '+'));
	}
	return r;
}

static void expect(const char *why, const char *what, const struct rules *got, const char *words)
{
	struct rules *want = set_of(words);
	char *shown = rules_format(got);

	if (!merge_is_equal(got, want))
		fail_msg("%s: %s should be '%s': %s", why, what, words, shown);
	free(shown);
	rules_free(want);
}

static const struct {
	const char *why, *base, *remote, *here, *own;
	const char *result, *add, *take;
	size_t lost, held;
} rows[] = {
	{"nothing", "", "", "", "", "", "", "", 0, 0},
	{"a host joins an empty fleet", "", "", "a.b", "", "a.b", "a.b", "", 0, 0},
	{"a host without rules joins", "", "a.b", "", "", "a.b", "", "", 0, 0},
	{"a host with rules joins", "", "a.b", "c.d", "", "a.b c.d", "c.d", "", 0, 0},
	{"added here", "a.b", "a.b", "a.b c.d", "", "a.b c.d", "c.d", "", 0, 0},
	{"taken here", "a.b c.d", "a.b c.d", "a.b", "", "a.b", "", "c.d", 0, 0},
	{"added there", "a.b", "a.b c.d", "a.b", "", "a.b c.d", "", "", 0, 0},
	{"taken there", "a.b c.d", "a.b", "a.b c.d", "", "a.b", "", "", 0, 0},
	{"added on both sides", "", "a.b", "a.b", "", "a.b", "", "", 0, 0},
	{"taken on both sides", "a.b", "", "", "", "", "", "", 0, 0},
	{"different edits", "a.b", "a.b c.d", "a.b e.f", "", "a.b c.d e.f", "e.f", "", 0, 0},
	{"one takes, one adds", "a.b", "", "a.b e.f", "", "e.f", "e.f", "", 0, 0},
	{"block here, allow there", "", "+a.b", "a.b", "", "+a.b", "", "", 1, 0},
	{"allow here, block there", "", "a.b", "+a.b", "", "a.b", "", "", 1, 0},
	{"an old allow contradicts nothing", "+a.b", "+a.b", "+a.b a.b", "", "+a.b a.b", "a.b", "",
	 0, 0},
	{"own rules are not shared", "", "", "a.b", "a.b", "a.b", "", "", 0, 0},
	{"own rules are put back", "a.b", "a.b", "a.b", "c.d", "a.b c.d", "", "", 0, 0},
	{"own rules outlive the fleet's", "a.b", "", "a.b", "a.b", "a.b", "", "", 0, 0},
	{"own and the fleet's: not taken here", "a.b", "a.b", "", "a.b", "a.b", "", "", 0, 0},
	{"times are shared", "", "", "a.b@mon c.d", "", "a.b@mon c.d", "a.b@mon c.d", "", 0, 0},
	{"times added there", "c.d", "c.d a.b@mon", "c.d", "", "c.d a.b@mon", "", "", 0, 0},
	{"times taken there", "a.b@mon", "", "a.b@mon c.d", "", "c.d", "c.d", "", 0, 0},
	{"times taken here", "a.b@mon a.b@tue", "a.b@mon a.b@tue", "a.b@tue", "", "a.b@tue", "",
	 "a.b@mon", 0, 0},
	{"both sides give times", "", "a.b@mon", "a.b@tue", "", "a.b@mon a.b@tue", "a.b@tue", "", 0,
	 0},
	{"given times here", "a.b", "a.b", "a.b@mon", "", "a.b@mon", "a.b@mon", "a.b", 0, 0},
	{"given times there", "a.b", "a.b@mon", "a.b", "", "a.b@mon", "", "", 0, 0},
	{"on both sides, the same", "a.b", "a.b@mon", "a.b@mon", "", "a.b@mon", "", "", 0, 0},
	{"on both sides, others", "a.b", "a.b@tue", "a.b@mon", "", "a.b@mon a.b@tue", "a.b@mon", "",
	 0, 0},
	{"for good here", "a.b@mon", "a.b@mon", "a.b", "", "a.b", "a.b", "a.b@mon", 0, 0},
	{"for good there", "a.b@mon", "a.b", "a.b@mon", "", "a.b", "", "", 0, 0},
	{"for good there, times here", "", "a.b", "a.b@mon", "", "a.b", "", "", 0, 0},
	{"times there, for good here", "", "a.b@mon", "a.b", "", "a.b", "a.b", "", 0, 0},
	{"an allow for a time contradicts nothing", "", "a.b", "+a.b@mon", "", "a.b +a.b@mon",
	 "+a.b@mon", "", 0, 0},
	{"own for good, the fleet's with times", "a.b@mon", "a.b@mon", "a.b", "a.b", "a.b", "", "",
	 0, 0},
	{"own with times, the fleet's for good", "a.b", "a.b", "a.b", "a.b@mon", "a.b", "", "", 0,
	 0},
	{"and when that goes", "a.b", "", "a.b", "a.b@mon", "a.b@mon", "", "", 0, 0},
	{"own rules may have them", "a.b", "a.b", "a.b", "c.d@mon c.d@tue", "a.b c.d@mon c.d@tue",
	 "", "", 0, 0},
	{"all of .uk stays here", "", "", "co.uk", "", "co.uk", "", "", 0, 1},
	{"but not when it is the fleet's", "co.uk", "co.uk", "co.uk", "", "co.uk", "", "", 0, 0},
};

static void joins_both_sides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rules *base = set_of(rows[i].base), *remote = set_of(rows[i].remote),
			     *here = set_of(rows[i].here), *own = set_of(rows[i].own);
		struct merge_in in = {
			.base = base, .remote = remote, .here = here, .own = own, .apps = &apps};
		struct merge_out out;

		assert_int_equal(merge(&in, &out), 0);
		expect(rows[i].why, "in force", out.here, rows[i].result);
		expect(rows[i].why, "added", out.add, rows[i].add);
		expect(rows[i].why, "taken", out.take, rows[i].take);
		assert_int_equal(out.lost_count, rows[i].lost);
		assert_int_equal(out.held_count, rows[i].held);
		assert_true(!out.held_count == !out.why_held);
		merge_clear(&out);
		rules_free(base);
		rules_free(remote);
		rules_free(here);
		rules_free(own);
	}
}

/* Lists by what each side has under two names: "ads=U1" is ads from an address, "ads=/f" a file. */
static struct rules *lists_of(const char *words)
{
	struct rules *r = rules_new();
	char text[256], value[128], *rest = text, *word;

	snprintf(text, sizeof(text), "%s", words);
	while ((word = strsep(&rest, " "))) {
		char *source = strchr(word, '=');

		if (!source)
			continue;
		*source++ = '\0';
		snprintf(value, sizeof(value), "%s %s%s", word,
			 *source == '/' ? "" : "https://lists.example/", source);
		add(r, RULE_LIST, false, value);
	}
	return r;
}

static void expect_lists(const char *why, const struct rules *got, const char *words)
{
	struct rules *want = lists_of(words);
	char *shown = rules_format(got);

	if (!merge_is_equal(got, want))
		fail_msg("%s: should be '%s': %s", why, words, shown);
	free(shown);
	rules_free(want);
}

static const struct {
	const char *why, *base, *remote, *here, *own;
	const char *result, *add, *take;
	size_t lost;
	bool is_kept_out;
} list_rows[] = {
	{"from an address: shared", "", "", "ads=1", "", "ads=1", "ads=1", "", 0, false},
	{"from a file: this host's", "", "", "ads=/f", "", "ads=/f", "", "", 0, false},
	{"added there", "", "ads=1", "", "", "ads=1", "", "", 0, false},
	{"taken there", "ads=1", "", "ads=1", "", "", "", "", 0, false},
	{"taken here", "ads=1", "ads=1", "", "", "", "", "ads=1", 0, false},
	{"another source here", "ads=1", "ads=1", "ads=2", "", "ads=2", "ads=2", "ads=1", 0, false},
	{"another source there", "ads=1", "ads=2", "ads=1", "", "ads=2", "", "", 0, false},
	{"other sources on both sides", "ads=1", "ads=2", "ads=3", "", "ads=2", "", "", 1, false},
	{"one name, two sources, at once", "", "ads=1", "ads=2", "", "ads=1", "", "", 1, false},
	{"a file keeps the fleet's out", "", "ads=1", "ads=/f", "", "ads=/f", "", "", 0, true},
	{"and is no change of it", "ads=1", "ads=1", "ads=/f", "", "ads=/f", "", "", 0, false},
	{"nor taken with it", "ads=1", "", "ads=/f", "", "ads=/f", "", "", 0, false},
	{"own stands before the fleet's", "ads=1", "ads=1", "ads=2", "ads=2", "ads=2", "", "", 0,
	 false},
};

static void joins_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(list_rows) / sizeof(list_rows[0]); i++) {
		struct rules *base = lists_of(list_rows[i].base),
			     *remote = lists_of(list_rows[i].remote),
			     *here = lists_of(list_rows[i].here), *own = lists_of(list_rows[i].own);
		struct merge_in in = {
			.base = base, .remote = remote, .here = here, .own = own, .apps = &apps};
		struct merge_out out;

		assert_int_equal(merge(&in, &out), 0);
		expect_lists(list_rows[i].why, out.here, list_rows[i].result);
		expect_lists(list_rows[i].why, out.add, list_rows[i].add);
		expect_lists(list_rows[i].why, out.take, list_rows[i].take);
		assert_int_equal(out.lost_count, list_rows[i].lost);
		assert_int_equal(out.kept_out.len > 0, list_rows[i].is_kept_out);
		merge_clear(&out);
		rules_free(base);
		rules_free(remote);
		rules_free(here);
		rules_free(own);
	}
}

static void holds_back_what_cannot_be_written(void **state)
{
	struct rules *base = set_of("a.b"), *here = set_of("c.d"), *none = set_of("");
	struct merge_in in = {
		.base = base, .remote = base, .here = here, .own = none, .apps = &apps};
	struct merge_out out;

	(void)state;
	for (size_t i = 0; i < FLEET_SET_COUNT; i++)
		in.is_held[i] = true;
	assert_int_equal(merge(&in, &out), 0);
	expect("held", "in force", out.here, "c.d");
	assert_int_equal(rules_count(out.add) + rules_count(out.take), 0);
	assert_int_equal(out.held_count, 2);
	merge_clear(&out);
	rules_free(base);
	rules_free(here);
	rules_free(none);
}

static struct rules *many(int from, int to)
{
	struct rules *r = rules_new();
	char name[32];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "h%d.example.com", i);
		add(r, RULE_DOMAIN, false, name);
	}
	return r;
}

static void holds_back_masses(void **state)
{
	static const struct {
		int before, from; /* of rules 0..before, those from `from` on are left */
		bool accepts, is_out;
	} cases[] = {{500, 500, false, false}, {500, 251, false, false}, {500, 250, false, true},
		     {500, 500, true, true},   {7, 7, false, true},	 {8, 8, false, false},
		     {15, 7, false, true},     {15, 8, false, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rules *base = many(0, cases[i].before),
			     *here = many(cases[i].from, cases[i].before), *none = rules_new();
		struct merge_in in = {.base = base,
				      .remote = base,
				      .here = here,
				      .own = none,
				      .accepts_mass_change = cases[i].accepts,
				      .apps = &apps};
		struct merge_out out;

		assert_int_equal(merge(&in, &out), 0);
		assert_int_equal(rules_count(out.take), cases[i].is_out ? cases[i].from : 0);
		assert_int_equal(out.held_count, cases[i].is_out ? 0 : cases[i].from);
		merge_clear(&out);
		rules_free(base);
		rules_free(here);
		rules_free(none);
	}
}

static void knows_what_sweeps(void **state)
{
	static const struct {
		enum rule_kind kind;
		const char *value;
		bool is;
	} cases[] = {
		{RULE_IP, "0.0.0.0/0", true},	 {RULE_IP, "::/0", true},
		{RULE_IP, "128.0.0.0/1", true},	 {RULE_IP, "src:64.0.0.0/7", true},
		{RULE_IP, "10.0.0.0/8", false},	 {RULE_IP, "2000::/3", true},
		{RULE_IP, "fc00::/7", false},	 {RULE_IP, "10.1.2.3", false},
		{RULE_DOMAIN, "com", true},	 {RULE_DOMAIN, "co.uk", true},
		{RULE_DOMAIN, "a.co.uk", false}, {RULE_DOMAIN, "=com", false},
		{RULE_APP, "TikTok", false},	 {RULE_PORT, "443", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rules *r = rules_new();

		add(r, cases[i].kind, false, cases[i].value);
		if (guard_is_sweeping(rules_at(r, 0), &apps) != cases[i].is)
			fail_msg("%s", cases[i].value);
		rules_free(r);
	}
}

/* --- hosts at random -------------------------------------------------------------------------- */

enum { HOSTS = 3, ROUNDS = 3000, NAMES = 6 };

struct host {
	struct rules *base, *here;
};

/* What the fleet's thread does when Redis is there, with a plain set for Redis. */
static void meet(struct host *h, struct rules **redis, const struct rules *none)
{
	struct merge_in in = {
		.base = h->base, .remote = *redis, .here = h->here, .own = none, .apps = &apps};
	struct merge_out out;

	assert_int_equal(merge(&in, &out), 0);
	assert_int_equal(merge_take(*redis, out.take, &apps), 0);
	assert_true(merge_add(*redis, out.add, &apps) >= 0);
	rules_free(h->base);
	h->base = rules_copy(*redis);
	rules_free(h->here);
	h->here = rules_copy(out.here);
	merge_clear(&out);
}

static void edit(struct rules *r)
{
	static const char *const times[] = {"", "", " mon", " tue 20:00-21:00"};
	char name[40];
	bool is_allow = rand() % 4 == 0;

	snprintf(name, sizeof(name), "n%d.example%s", rand() % NAMES, times[rand() % 4]);
	if (rand() % 2)
		add(r, RULE_DOMAIN, is_allow, name);
	else
		rules_remove(r, RULE_DOMAIN, is_allow, slice_text(name), &apps, NULL);
}

static void always_agrees(void **state)
{
	struct rules *redis = rules_new(), *none = rules_new();
	struct host host[HOSTS];

	(void)state;
	srand(1);
	for (int i = 0; i < HOSTS; i++)
		host[i] = (struct host){rules_new(), rules_new()};
	for (int round = 0; round < ROUNDS; round++) {
		for (int n = rand() % 8; n; n--)
			edit(host[rand() % HOSTS].here);
		for (int n = rand() % 3; n; n--)
			meet(&host[rand() % HOSTS], &redis, none);
		if (round % 10)
			continue;
		/* Twice round: what the last had is then with the first. */
		for (int i = 0; i < 2 * HOSTS; i++)
			meet(&host[i % HOSTS], &redis, none);
		for (int i = 0; i < HOSTS; i++) {
			assert_true(merge_is_equal(host[i].here, redis));
			assert_true(merge_is_equal(host[i].base, redis));
		}
	}
	for (int i = 0; i < HOSTS; i++) {
		rules_free(host[i].base);
		rules_free(host[i].here);
	}
	rules_free(redis);
	rules_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_both_sides),
		cmocka_unit_test(joins_lists),
		cmocka_unit_test(holds_back_what_cannot_be_written),
		cmocka_unit_test(holds_back_masses),
		cmocka_unit_test(knows_what_sweeps),
		cmocka_unit_test(always_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
