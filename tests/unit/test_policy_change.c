/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: a policy that was changed, rule by rule, is the one that is built whole of the same
 * rules: every entry that the kernel gets, what each decides, and what a kernel holds that was only
 * told the differences. Random rules of all kinds, lists beside them, random changes.
 */
#include "policy/policy.h"
#include "policy/list.h"
#include "policy/rules_step.h"
#include "support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SEED	     99

/* --- a kernel of one kind of entry: keys and values in an open table ---------------------------
 */

enum { HELD_MAX = 1 << 19 };

struct held {
	uint8_t key[24], value[64];
	bool is_there;
};

struct table {
	struct held *slot; /* of slot_count */
	size_t slot_count, count, changes;
};

static void table_init(struct table *t, size_t most)
{
	*t = (struct table){.slot_count = 64};
	while (t->slot_count < most * 2)
		t->slot_count *= 2;
	t->slot = calloc(t->slot_count, sizeof(*t->slot));
	assert_non_null(t->slot);
}

/* A key that went keeps its slot. */
static struct held *table_find(const struct table *t, const uint8_t key[24])
{
	static const uint8_t none[24];
	uint64_t hash = 14695981039346656037ULL;
	size_t i;

	for (int b = 0; b < 24; b++)
		hash = (hash ^ key[b]) * 1099511628211ULL;
	for (i = (hash ^ hash >> 31) & (t->slot_count - 1);
	     memcmp(t->slot[i].key, key, 24) != 0 && memcmp(t->slot[i].key, none, 24) != 0;)
		i = (i + 1) & (t->slot_count - 1);
	return &t->slot[i];
}

static void table_put(struct table *t, char kind, const void *key, size_t key_len,
		      const void *value, size_t value_len)
{
	struct held *h, k = {{(uint8_t)kind}, {0}, false};

	memcpy(k.key + 4, key, key_len);
	h = table_find(t, k.key);
	t->count += (value != NULL) - h->is_there;
	t->changes++;
	assert_true(value || h->is_there); /* what goes was there */
	if (h->is_there && value)
		assert_memory_not_equal(h->value, value, value_len);
	memcpy(h->key, k.key, sizeof(k.key));
	h->is_there = value != NULL;
	memset(h->value, 0, sizeof(h->value));
	if (value)
		memcpy(h->value, value, value_len);
}

static int put_name(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	table_put(ctx, 'n', &hash, sizeof(hash), r, sizeof(*r));
	return 0;
}

static int put_addr(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r)
{
	table_put(ctx, 'a', a, sizeof(*a), r, sizeof(*r));
	return 0;
}

static int put_net(void *ctx, const struct dpi_net_key *k, const struct dpi_addr_rule *r)
{
	table_put(ctx, 'k', k, sizeof(*k), r, sizeof(*r));
	return 0;
}

static int put_port(void *ctx, uint8_t proto, uint16_t port, uint64_t rule)
{
	uint8_t key[3] = {proto, (uint8_t)(port >> 8), (uint8_t)port};

	table_put(ctx, 'p', key, sizeof(key), rule ? &rule : NULL, sizeof(rule));
	return 0;
}

static const struct policy_difference take = {put_name, put_addr, put_net, put_port};

static void table_fill(struct table *t, const struct policy *p)
{
	memset(t->slot, 0, t->slot_count * sizeof(*t->slot));
	t->count = t->changes = 0;
	policy_each_name(p, put_name, t);
	policy_each_addr(p, put_addr, t);
	policy_each_net(p, put_net, t);
	policy_each_port(p, put_port, t);
}

static void tables_equal(const struct table *a, const struct table *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->slot_count; i++) {
		const struct held *h;

		if (!a->slot[i].is_there)
			continue;
		h = table_find(b, a->slot[i].key);
		assert_true(h->is_there);
		assert_memory_equal(h->value, a->slot[i].value, sizeof(h->value));
	}
}

/* --- a catalogue ------------------------------------------------------------------------------ */

static const char *const apps_named[] = {"Unknown", "A", "B", "C", "D"};
static const char *const categories[] = {NULL, "one", "one", "two", "two"};
static const struct {
	const char *suffix;
	int app;
} suffixes[] = {{"a.b", 1}, {"b.a.b", 2}, {"ab", 1},	  {"c.ab", 3},	{"b.c.ab", 1}, {"b", 2},
		{"c.b", 4}, {"c.c", 4},	  {"a.a.a.a", 3}, {"a.c.c", 2}, {"l1.l2", 3},  {"l3", 4}};

static int find_app(const void *ctx, struct slice name)
{
	for (size_t i = 1; i < COUNT(apps_named); i++)
		if (slice_equal(name, slice_text(apps_named[i])))
			return (int)i;
	return -1;
}

static const char *resolve_app(const void *ctx, struct slice name, struct fault *nearest)
{
	int app = find_app(ctx, name);

	return app < 0 ? NULL : apps_named[app];
}

static const char *category_of(const void *ctx, int app)
{
	return categories[app];
}

static const char *resolve_category(const void *ctx, struct slice name, struct fault *nearest)
{
	for (size_t i = 1; i < COUNT(categories); i++)
		if (slice_equal(name, slice_text(categories[i])))
			return categories[i];
	return NULL;
}

static struct slice suffix_at(const void *ctx, size_t i, int *app)
{
	*app = suffixes[i].app;
	return slice_text(suffixes[i].suffix);
}

static const struct rule_apps names_of_apps = {NULL, resolve_app, resolve_category};
static const struct policy_apps catalogue = {
	NULL, find_app, COUNT(apps_named), COUNT(suffixes), suffix_at, category_of};

/* --- random rules ----------------------------------------------------------------------------- */

static size_t pick(uint64_t *random, size_t count)
{
	return (size_t)(next_random(random) % count);
}

/* Few labels, so that rules, lists and applications meet at the same suffixes. */
static void near_name(uint64_t *random, char *out)
{
	static const char *const labels[] = {"a", "b", "c", "ab"};
	size_t count = 1 + pick(random, 4);

	out[0] = '\0';
	while (count--) {
		strcat(out, labels[pick(random, COUNT(labels))]);
		strcat(out, count ? "." : "");
	}
}

/* Some rules are of one device. */
static const char *const devices[] = {"192.168.1.50", "aa:bb:cc:dd:ee:ff", "192.168.2.0/24"};

static void random_device(uint64_t *random, char *value)
{
	if (pick(random, 3) == 0)
		sprintf(value + strlen(value), " device %s", devices[pick(random, COUNT(devices))]);
}

static struct policy_whom random_whom(uint64_t *random)
{
	struct policy_whom whom = {.count = (unsigned)pick(random, 3)};

	for (unsigned i = 0; i < whom.count; i++)
		whom.id[i] = rule_device_id(slice_text(devices[i + pick(random, 2)]));
	return whom;
}

static enum rule_kind random_value(uint64_t *random, char *value)
{
	static const char *const heads[] = {"", "", "", "=", "learnt:", "learnt:="};
	static const char *const apps[] = {"A",	      "B", "C", "D", "category:one", "category:two",
					   "learnt:A"};
	static const char *const sides[] = {"", "", "src:", "dst:"};
	size_t kind = pick(random, 12);

	if (kind < 7) {
		strcpy(value, heads[pick(random, COUNT(heads))]);
		near_name(random, value + strlen(value));
		random_device(random, value);
		return RULE_DOMAIN;
	}
	if (kind < 9) {
		strcpy(value, apps[pick(random, COUNT(apps))]);
		random_device(random, value);
		return RULE_APP;
	}
	if (kind == 9) {
		sprintf(value, "%zu%s", 1 + pick(random, 9),
			(const char *[]){"", "/tcp", "/udp"}[pick(random, 3)]);
		return RULE_PORT;
	}
	sprintf(value, "%s10.%zu.0.%zu/%zu", sides[pick(random, COUNT(sides))], pick(random, 2),
		pick(random, 3), pick(random, 2) ? 32 : 8 + pick(random, 24));
	return RULE_IP;
}

/* One change; true when something changed. */
static bool random_change(uint64_t *random, struct rules *rules)
{
	bool is_allow = pick(random, 4) == 0;
	enum rule_kind kind;
	char value[128];

	if (pick(random, 3) == 0 && rules_count(rules)) {
		const struct rule *r = rules_at(rules, pick(random, rules_count(rules)));

		if (r->kind == RULE_LIST)
			return false;
		strcpy(value, r->value);
		return rules_remove(rules, r->kind, r->is_allow, slice_text(value), &names_of_apps,
				    NULL) > 0;
	}
	kind = random_value(random, value);
	return rules_add(rules, kind, is_allow, slice_text(value), &names_of_apps, RULES_FORCE,
			 NULL) > 0;
}

/* Names of a list: of the same few. */
static struct list *random_list(uint64_t *random)
{
	char text[4096] = "", name[64];
	size_t count = pick(random, 30);

	while (count--) {
		near_name(random, name);
		sprintf(text + strlen(text), "%s%s%s\n", pick(random, 5) ? "" : "@",
			pick(random, 4) ? "" : "=", name);
	}
	if (pick(random, 3) == 0)
		strcat(text, "10.0.0.1\n10.1.0.0/16\n");
	return list_parse(slice_of(text, strlen(text)), NULL);
}

static void add_list(uint64_t *random, struct rules *rules, const char *name, bool is_allow)
{
	struct list *list = random_list(random);
	char value[64];

	sprintf(value, "%s https://lists.example/%s", name, name);
	assert_non_null(list);
	assert_int_equal(rules_add(rules, RULE_LIST, is_allow, slice_text(value), NULL, 0, NULL),
			 1);
	rules_set_list(rules, rules_at(rules, rules_count(rules) - 1)->id, list);
	list_drop(list);
}

static void decide_alike(uint64_t *random, const struct policy *a, const struct policy *b)
{
	struct dpi_key key = {.proto = DPI_IP_TCP};
	char name[64];

	for (int i = 0; i < 20; i++) {
		struct policy_whom whom = random_whom(random);
		struct slice s;
		struct decision x, y;

		near_name(random, name);
		s = slice_text(name);
		x = policy_match_name(a, &whom, s);
		y = policy_match_name(b, &whom, s);
		assert_true(x.rule == y.rule && x.is_block == y.is_block && x.kind == y.kind);
		x = policy_match_learnt(a, &whom, s);
		y = policy_match_learnt(b, &whom, s);
		assert_true(x.rule == y.rule && x.is_block == y.is_block);
		x = policy_match_app(a, &whom, i % (int)COUNT(apps_named));
		y = policy_match_app(b, &whom, i % (int)COUNT(apps_named));
		assert_true(x.rule == y.rule && x.is_block == y.is_block);
		draw_bytes(key.addr, sizeof(key.addr), random);
		key.port[0] = key.port[1] = dpi_be16((uint16_t)pick(random, 10));
		x = policy_match_flow(a, &key, 0);
		y = policy_match_flow(b, &key, 0);
		assert_true(x.rule == y.rule && x.is_block == y.is_block);
	}
}

/* A second process that only hears of the steps. */
static void follow(struct rules **theirs, const struct rules *before, const struct rules *after)
{
	struct rules_step *step = malloc(sizeof(*step));
	struct rules *next = rules_copy(*theirs);
	struct text lines = {0};
	struct fault f;

	assert_non_null(step);
	/* A rule that went and came again moves all behind it, and lists do not move. */
	if (rules_step_find(before, after, step)) {
		assert_true(rules_list_count(after) > 0);
		rules_free(next);
		next = rules_copy(after);
		step->count = step->gone = 0;
	}
	rules_step_write(step, &lines);
	if (rules_step_take(next, slice_of(lines.at ? lines.at : "", lines.len), &names_of_apps,
			    &f))
		fail_msg("%s", f.text);
	assert_int_equal(rules_count(next), rules_count(after));
	for (size_t i = 0; i < rules_count(next); i++) {
		assert_int_equal(rules_at(next, i)->id, rules_at(after, i)->id);
		assert_string_equal(rules_at(next, i)->value, rules_at(after, i)->value);
	}
	text_clear(&lines);
	free(step);
	rules_free(*theirs);
	*theirs = next;
}

/* What is held against each other after each step. */
struct trial {
	struct rules *rules, *theirs;
	struct policy *now;
	struct table kernel, whole;
};

static void trial_step(struct trial *t, uint64_t *random)
{
	struct rules *next = rules_copy(t->rules);
	struct policy *changed, *whole;

	for (size_t i = pick(random, 8) ? 1 : pick(random, 20); i-- > 0;)
		random_change(random, next);
	changed = policy_change(t->now, next, &catalogue);
	whole = policy_new(next, &catalogue, SEED);
	assert_non_null(changed);
	assert_non_null(whole);
	policy_each_difference(t->now, changed, &take, &t->kernel);
	table_fill(&t->whole, whole);
	tables_equal(&t->kernel, &t->whole);
	assert_int_equal(policy_config_flags(changed), policy_config_flags(whole));
	assert_int_equal(policy_hears_names(changed), policy_hears_names(whole));
	decide_alike(random, changed, whole);
	follow(&t->theirs, t->rules, next);
	/* From what was built whole, and to it, the way is the same. */
	policy_each_difference(changed, whole, &take, &t->kernel);
	t->kernel.changes = 0;
	policy_each_difference(whole, changed, &take, &t->kernel);
	assert_int_equal(t->kernel.changes, 0);
	policy_free(whole);
	policy_free(t->now);
	rules_free(t->rules);
	t->now = changed;
	t->rules = next;
}

static void trial_begin(struct trial *t, struct rules *rules, size_t most)
{
	*t = (struct trial){.rules = rules, .theirs = rules_copy(rules)};
	t->now = policy_new(rules, &catalogue, SEED);
	assert_non_null(t->now);
	table_init(&t->kernel, most);
	table_init(&t->whole, most);
	table_fill(&t->kernel, t->now);
}

static void trial_end(struct trial *t)
{
	policy_free(t->now);
	rules_free(t->rules);
	rules_free(t->theirs);
	free(t->kernel.slot);
	free(t->whole.slot);
}

static void test_random_changes(void **state)
{
	uint64_t random = 5;

	for (int set = 0; set < 40; set++) {
		struct rules *rules = rules_new();
		struct trial t;

		for (size_t i = pick(&random, 30); i-- > 0;)
			random_change(&random, rules);
		if (set % 3)
			add_list(&random, rules, "first", false);
		if (set % 3 == 2) {
			add_list(&random, rules, "second", pick(&random, 2));
			add_list(&random, rules, "third", false);
		}
		trial_begin(&t, rules, 2048);
		for (int step = 0; step < 60; step++)
			trial_step(&t, &random);
		trial_end(&t);
	}
}

/* A hundred thousand names behind all that changes. */
static void test_many(void **state)
{
	struct rules *rules = rules_new();
	uint64_t random = 11;
	struct trial t;
	char name[64];

	for (int i = 0; i < 100000; i++) {
		sprintf(name, "%shost%d.l%zu.l%zu", pick(&random, 9) ? "" : "=", i,
			pick(&random, 500), pick(&random, 5));
		rules_add(rules, RULE_DOMAIN, pick(&random, 9) == 0, slice_text(name), NULL,
			  RULES_FORCE, NULL);
	}
	trial_begin(&t, rules, 200000);
	for (int step = 0; step < 6; step++)
		trial_step(&t, &random);
	trial_end(&t);
}

/* What is no step: too much, another list, another order. */
static void test_no_step(void **state)
{
	struct rules_step *step = malloc(sizeof(*step));
	struct rules *a = rules_new(), *b = rules_new();
	uint64_t random = 3;
	char name[64];

	for (int i = 0; i < RULES_STEP_MAX + 1; i++) {
		sprintf(name, "host%d.example", i);
		rules_add(a, RULE_DOMAIN, false, slice_text(name), NULL, 0, NULL);
	}
	assert_int_equal(rules_step_find(a, b, step), -E2BIG);
	assert_int_equal(rules_step_find(b, a, step), -E2BIG);
	rules_remove(a, RULE_DOMAIN, false, slice_text("host7.example"), NULL, NULL);
	assert_int_equal(rules_step_find(b, a, step), 0);
	assert_int_equal(step->gone, 0);
	assert_int_equal(step->count, RULES_STEP_MAX);
	rules_free(b);
	b = rules_copy(a);
	add_list(&random, b, "new", false);
	assert_int_equal(rules_step_find(a, b, step), -E2BIG);
	rules_free(a);
	rules_free(b);
	free(step);
}

/* The order of rules is part of a step. */
static void test_order(void **state)
{
	struct rules_step *step = malloc(sizeof(*step));
	struct rules *a = rules_new(), *b = rules_new();

	for (int i = 0; i < 4; i++) {
		char name[] = {(char)('a' + i), '.', 'x', 0},
		     other[] = {(char)('a' + (i ^ 1)), '.', 'x', 0};

		rules_add(a, RULE_DOMAIN, false, slice_text(name), NULL, 0, NULL);
		rules_add(b, RULE_DOMAIN, false, slice_text(other), NULL, 0, NULL);
	}
	follow(&a, a, b);
	rules_free(a);
	rules_free(b);
	free(step);
}

static void test_damaged_lines(void **state)
{
	static const char *const bad[] = {"x",
					  "+ block domain",
					  "+ blocks domain a.example\n",
					  "- block domain a.example\n",
					  "+ block domain b.example\n+ block domain b.example\n",
					  "+ block app Nobody\n"};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct rules *r = rules_new();
		struct fault f;

		assert_true(rules_step_take(r, slice_text(bad[i]), &names_of_apps, &f) < 0);
		rules_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes), cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_step),	       cmocka_unit_test(test_order),
		cmocka_unit_test(test_damaged_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
