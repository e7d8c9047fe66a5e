/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What other rules would do, added up: fates, sums and bounds of a few made-up flows; and two sets
 * of rules beside each other.
 */
#include "policy/rules_compare.h"
#include "report/difference.h"
#include "report_make.h"
#include "support.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Rules from a text; every name is an application. */
static const char *same_name(const void *ctx, struct slice name, struct fault *nearest)
{
	(void)ctx;
	(void)nearest;
	return name.len == 6 && memcmp(name.at, "TikTok", 6) == 0 ? "TikTok" : NULL;
}

static struct rules *rules_of(const char *text)
{
	const struct rule_apps apps = {.resolve = same_name};
	struct rules *r = NULL;
	struct fault f;

	assert_int_equal(rules_parse(slice_text(text), "test", &apps, 0, &r, &f), 0);
	return r;
}

static int note(void *ctx, const struct rule *r, bool is_added)
{
	char label[100];

	rule_label(r, label, sizeof(label));
	text_printf(ctx, "%c%s ", is_added ? '+' : '-', label);
	return 0;
}

static void sets_are_compared(void **state)
{
	static const struct {
		const char *before, *after, *difference;
	} rows[] = {
		{"", "", ""},
		{"[BLOCKED_PORTS]\n1\n2\n", "[BLOCKED_PORTS]\n2\n1\n", ""},
		{"[BLOCKED_PORTS]\n1\n", "[BLOCKED_PORTS]\n2\n", "-port:1 +port:2 "},
		{"[BLOCKED_IPS]\n10.0.0.1\n", "[ALLOWED_IPS]\n10.0.0.1\n",
		 "-ip:10.0.0.1 +allow-ip:10.0.0.1 "},
		{"", "[BLOCKED_APPS]\nTikTok\n", "+app:TikTok "},
		{"[BLOCKED_PORTS]\n1\n", "[BLOCKED_PORTS]\n1  mon 08:00-09:00\n",
		 "-port:1 +port:1 "},
		{"[BLOCKED_PORTS]\n1  mon 08:00-09:00\n", "[BLOCKED_PORTS]\n1  tue 08:00-09:00\n",
		 "-port:1 +port:1 "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rules *before = rules_of(rows[i].before), *after = rules_of(rows[i].after);
		bool is_same = rows[i].difference[0] == '\0';
		struct text t = {0};

		rules_compare(before, after, note, &t);
		assert_string_equal(t.at ? t.at : "", rows[i].difference);
		assert_int_equal(rules_fingerprint(before) == rules_fingerprint(after), is_same);
		text_clear(&t);
		rules_free(before);
		rules_free(after);
	}
}

static int count_rule(void *ctx, const struct rule *r, bool is_added)
{
	size_t *count = ctx;

	(void)r;
	count[is_added]++;
	return 0;
}

/* Sets of one kind in many orders, against counting by hand. */
static void any_two_sets_are_compared(void **state)
{
	const struct rule_apps apps = {.resolve = same_name};
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct rules *set[2] = {rules_new(), rules_new()};
		size_t got[2] = {0, 0}, want[2] = {0, 0};
		char value[8];

		for (int i = 0; i < 400; i++) {
			uint64_t draw = next_random(&seed);
			unsigned which = (unsigned)(draw % 8); /* mostly both */
			unsigned port = round % 2 ? (unsigned)(draw >> 32) % 60000 + 1
						  : 60000 - (unsigned)i;

			snprintf(value, sizeof(value), "%u", port);
			for (unsigned k = 0; k < 2; k++)
				if (which != k)
					assert_true(rules_add(set[k], RULE_PORT, false,
							      slice_text(value), &apps, 0,
							      NULL) >= 0);
		}
		for (int k = 0; k < 2; k++)
			for (size_t i = 0; i < rules_count(set[k]); i++)
				want[k] += !rules_holds(set[!k], rules_at(set[k], i));
		rules_compare(set[0], set[1], count_rule, got);
		assert_int_equal(got[0], want[0]);
		assert_int_equal(got[1], want[1]);
		rules_free(set[0]);
		rules_free(set[1]);
	}
}

/* A difference over rules "app TikTok" before and "port 443" after. */
struct world {
	struct catalogue *catalogue;
	struct rules *before, *after;
	struct difference *d;
	uint64_t app, port;
};

static struct world world_new(const char *input, size_t listed_max)
{
	struct world w = {.catalogue = catalogue_new(),
			  .before = rules_of("[BLOCKED_APPS]\nTikTok\n"),
			  .after = rules_of("[BLOCKED_PORTS]\n443\n")};
	struct difference_config config = {.catalogue = w.catalogue,
					   .before = w.before,
					   .after = w.after,
					   .input = input,
					   .listed_max = listed_max};

	w.app = rules_at(w.before, 0)->id;
	w.port = rules_at(w.after, 0)->id;
	w.d = difference_new(&config);
	assert_non_null(w.d);
	return w;
}

static json_t *world_end(struct world *w)
{
	struct report_style style = {.is_verbose = true};
	struct text t = {0}, words = {0};
	json_t *got;

	assert_int_equal(difference_json(w->d, &t), 0);
	assert_int_equal(difference_text(w->d, &style, &words), 0);
	got = json_loadb(t.at, t.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(got);
	text_clear(&t);
	text_clear(&words);
	difference_free(w->d);
	rules_free(w->before);
	rules_free(w->after);
	catalogue_free(w->catalogue);
	return got;
}

static json_int_t number(const json_t *doc, const char *a, const char *b)
{
	return json_integer_value(json_object_get(json_object_get(doc, a), b));
}

static void add(struct world *w, const char *name, struct difference_side before,
		struct difference_side after)
{
	const struct made m = {"10.0.0.1", "192.0.2.1", 40000, 443, .name = name};
	struct connection c = make_connection(&m, 1);

	difference_add(w->d, &c, &before, &after);
	connection_clear(&c);
}

static void live_counts_whole_flows(void **state)
{
	struct world w = world_new(NULL, 10);
	json_t *doc;

	(void)state;
	add(&w, "a.example", (struct difference_side){0},
	    (struct difference_side){.is_dropped = true, .rule = w.port});
	add(&w, "b.example", (struct difference_side){.is_dropped = true, .rule = w.app},
	    (struct difference_side){0});
	add(&w, "b.example", (struct difference_side){.is_dropped = true, .rule = w.app},
	    (struct difference_side){.is_dropped = true, .rule = w.port});
	add(&w, NULL, (struct difference_side){0}, (struct difference_side){0});
	doc = world_end(&w);
	assert_string_equal(json_string_value(json_object_get(doc, "source")), "live");
	assert_int_equal(json_integer_value(json_object_get(doc, "flows")), 4);
	assert_int_equal(number(doc, "drop", "flows"), 1);
	assert_int_equal(number(doc, "drop", "packets"), 3);
	assert_int_equal(number(doc, "pass", "flows"), 1);
	assert_int_equal(json_integer_value(json_object_get(doc, "other_rule")), 1);
	assert_int_equal(number(doc, "not_decided", "unnamed_flows"), 1);
	assert_int_equal(json_array_size(json_object_get(doc, "connections")), 2);
	assert_int_equal(json_array_size(json_object_get(doc, "rules")), 2);
	assert_int_equal(json_array_size(json_object_get(doc, "domains")), 2);
	json_decref(doc);
}

static void captures_count_what_is_dropped_once(void **state)
{
	struct world w = world_new("in.pcap", 10);
	json_t *doc;

	(void)state;
	/* More is dropped by the same rule; less; as much, by another rule. */
	add(&w, "a.example", (struct difference_side){true, w.app, 2, 200},
	    (struct difference_side){true, w.app, 5, 500});
	add(&w, "b.example", (struct difference_side){true, w.app, 7, 700},
	    (struct difference_side){false, 0, 0, 0});
	add(&w, "c.example", (struct difference_side){true, w.app, 4, 400},
	    (struct difference_side){true, w.port, 4, 400});
	doc = world_end(&w);
	assert_int_equal(number(doc, "drop", "packets"), 3);
	assert_int_equal(number(doc, "drop", "bytes"), 300);
	assert_int_equal(number(doc, "pass", "packets"), 7);
	assert_int_equal(json_integer_value(json_object_get(doc, "other_rule")), 1);
	assert_true(json_is_null(json_object_get(doc, "not_decided")));
	for (size_t i = 0; i < 2; i++) {
		const json_t *rule = json_array_get(json_object_get(doc, "rules"), i);
		bool is_app = strcmp(json_string_value(json_object_get(rule, "rule")),
				     "app:TikTok") == 0;

		assert_int_equal(number(rule, "drop", "packets"), is_app ? 3 : 4);
		assert_int_equal(number(rule, "pass", "packets"), is_app ? 11 : 0);
	}
	json_decref(doc);
}

static void what_is_beyond_the_bounds_is_counted(void **state)
{
	struct world w = world_new(NULL, 3);
	char name[40];
	json_t *doc;

	(void)state;
	for (int i = 0; i < DIFFERENCE_NAMES_MAX + 5; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		add(&w, name, (struct difference_side){0},
		    (struct difference_side){.is_dropped = true, .rule = w.port});
	}
	doc = world_end(&w);
	assert_int_equal(json_array_size(json_object_get(doc, "connections")), 3);
	assert_int_equal(json_integer_value(json_object_get(doc, "connections_left_out")),
			 DIFFERENCE_NAMES_MAX + 2);
	assert_int_equal(json_integer_value(json_object_get(doc, "sums_left_out")), 5);
	assert_int_equal(number(doc, "drop", "flows"), DIFFERENCE_NAMES_MAX + 5);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_are_compared),
		cmocka_unit_test(any_two_sets_are_compared),
		cmocka_unit_test(live_counts_whole_flows),
		cmocka_unit_test(captures_count_what_is_dropped_once),
		cmocka_unit_test(what_is_beyond_the_bounds_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
