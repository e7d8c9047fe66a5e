/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: sets of rules that were copied from each other share memory. Each is held against a
 * plain list of what it ought to hold, while all of them change, are copied and go.
 */
#include "policy/rules_compare.h"
#include "support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SETS = 6, NAMES = 30000, STEPS = 4000, BEGIN = 12000 };

/* What a set ought to hold: numbers of names, in order. */
struct twin {
	struct rules *rules;
	int *name;
	size_t count;
};

static const char *name_of(int i)
{
	static char name[64];

	snprintf(name, sizeof(name), "host%d.%s.example", i, i % 3 ? "a" : "a-much-longer-label");
	return name;
}

static void twin_add(struct twin *t, int i)
{
	int added = rules_add(t->rules, RULE_DOMAIN, i & 1, slice_text(name_of(i)), NULL, 0, NULL);

	for (size_t k = 0; k < t->count; k++)
		if (t->name[k] == i) {
			assert_int_equal(added, 0);
			return;
		}
	assert_int_equal(added, 1);
	t->name[t->count++] = i;
}

static void twin_remove(struct twin *t, int i)
{
	int gone = rules_remove(t->rules, RULE_DOMAIN, i & 1, slice_text(name_of(i)), NULL, NULL);
	size_t k = 0;

	while (k < t->count && t->name[k] != i)
		k++;
	assert_int_equal(gone, k < t->count);
	if (!gone)
		return;
	t->count--;
	memmove(t->name + k, t->name + k + 1, (t->count - k) * sizeof(*t->name));
}

static void twin_check(const struct twin *t)
{
	const size_t *of = rules_counts(t->rules)->of[RULE_DOMAIN];
	struct rules_walk w = {0};
	size_t allows = 0;

	assert_int_equal(rules_count(t->rules), t->count);
	for (size_t k = 0; k < t->count; k++) {
		const struct rule *r = rules_next(t->rules, &w);

		assert_non_null(r);
		assert_string_equal(r->value, name_of(t->name[k]));
		assert_ptr_equal(r, rules_at(t->rules, k));
		assert_int_equal(rules_number(t->rules, r), k);
		assert_ptr_equal(rules_by_id(t->rules, r->id), r);
		allows += t->name[k] & 1;
	}
	assert_null(rules_next(t->rules, &w));
	assert_int_equal(of[true], allows);
	assert_int_equal(of[false], t->count - allows);
}

static int count_one(void *ctx, const struct rule *r, bool is_added)
{
	++*(size_t *)ctx;
	return 0;
}

/* What differs is told alike by whoever goes through all of it. */
static void twins_compare(const struct twin *a, const struct twin *b)
{
	char *has = calloc(NAMES, 1);
	size_t differ = 0, told = 0;

	for (size_t i = 0; i < a->count; i++)
		has[a->name[i]] ^= 1;
	for (size_t i = 0; i < b->count; i++)
		has[b->name[i]] ^= 1;
	for (int i = 0; i < NAMES; i++)
		differ += has[i];
	free(has);
	rules_compare(a->rules, b->rules, count_one, &told);
	assert_int_equal(told, differ);
	assert_int_equal(rules_equal(a->rules, b->rules), differ == 0);
}

static void twin_copy(struct twin *to, const struct twin *from)
{
	if (to == from)
		return;
	rules_free(to->rules);
	to->rules = rules_copy(from->rules);
	assert_non_null(to->rules);
	to->count = from->count;
	memcpy(to->name, from->name, from->count * sizeof(*to->name));
}

static void test_copies(void **state)
{
	struct twin sets[SETS] = {{.rules = NULL}};
	uint64_t random = 7;

	for (int i = 0; i < SETS; i++) {
		sets[i].name = malloc(NAMES * sizeof(int));
		sets[i].rules = rules_new();
	}
	for (int i = 0; i < BEGIN; i++) {
		rules_add(sets[0].rules, RULE_DOMAIN, i & 1, slice_text(name_of(i)), NULL, 0, NULL);
		sets[0].name[sets[0].count++] = i;
	}
	for (int step = 0; step < STEPS; step++) {
		struct twin *t = &sets[next_random(&random) % SETS];
		int i = (int)(next_random(&random) % NAMES);
		unsigned what = next_random(&random) % 16;

		if (what == 0)
			twin_copy(t, &sets[next_random(&random) % SETS]);
		else if (what < 8)
			twin_add(t, i);
		else
			twin_remove(t, t->count && what < 15
					       ? t->name[next_random(&random) % t->count]
					       : i);
		if (step % 400 == 0) {
			for (int k = 0; k < SETS; k++)
				twin_check(&sets[k]);
			twins_compare(&sets[next_random(&random) % SETS], t);
		}
	}
	for (int i = 0; i < SETS; i++) {
		twin_check(&sets[i]);
		rules_free(sets[i].rules);
		free(sets[i].name);
	}
}

/* Most of a set is taken away: what is left is as it was, in less memory. */
static void test_emptied(void **state)
{
	struct twin a = {.rules = rules_new(), .name = malloc(NAMES * sizeof(int))},
		    b = {.rules = NULL};

	b.name = malloc(NAMES * sizeof(int));
	for (int i = 0; i < BEGIN; i++)
		twin_add(&a, i);
	b.rules = rules_copy(a.rules);
	memcpy(b.name, a.name, a.count * sizeof(int));
	b.count = a.count;
	for (int i = 0; i < BEGIN - 10; i++)
		twin_remove(&a, i);
	twin_check(&a);
	twin_check(&b);
	twins_compare(&a, &b);
	rules_free(b.rules);
	twin_check(&a);
	rules_free(a.rules);
	free(a.name);
	free(b.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_emptied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
