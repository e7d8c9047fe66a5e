/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the filter before the table of names never denies what was added, and seldom says
 * "perhaps" of what was not, for hashes as names give them and for the worst there are.
 */
#include "dpi/name.h"
#include "policy/name_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static uint64_t hash_of_name(uint64_t i)
{
	struct dpi_name_walk w;
	char name[32];

	snprintf(name, sizeof(name), "%llx.de", (unsigned long long)i);
	dpi_name_walk_init(&w, 0);
	for (size_t at = strlen(name); at-- > 0;)
		dpi_name_walk_byte(&w, (__u8)name[at]);
	return w.hash;
}

static uint64_t hash_counting(uint64_t i)
{
	return i;
}

static uint64_t hash_counting_high(uint64_t i)
{
	return i << 32;
}

static const struct {
	const char *why;
	uint64_t (*hash)(uint64_t i);
	size_t count;
} rows[] = {
	{"one name", hash_of_name, 1},
	{"ten names", hash_of_name, 10},
	{"a thousand names", hash_of_name, 1000},
	{"a block list", hash_of_name, 300000},
	{"hashes that differ at their end only", hash_counting, 300000},
	{"hashes that differ at their beginning only", hash_counting_high, 300000},
};

static void test_filter(void **state)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct name_filter f;
		size_t wrong = 0, asked = rows[r].count > 1000 ? rows[r].count : 1000;

		/* Two hashes are added for each suffix that room is made for. */
		assert_int_equal(name_filter_init(&f, (rows[r].count + 1) / 2), 0);
		assert_false(name_filter_may_have(&f, rows[r].hash(0)));
		for (size_t i = 0; i < rows[r].count; i++)
			name_filter_add(&f, rows[r].hash(i));
		for (size_t i = 0; i < rows[r].count; i++)
			if (!name_filter_may_have(&f, rows[r].hash(i)))
				fail_msg("%s: %zu is denied", rows[r].why, i);
		for (size_t i = 0; i < asked; i++)
			wrong += name_filter_may_have(&f, rows[r].hash(rows[r].count + i));
		if (wrong * 16 > asked)
			fail_msg("%s: %zu of %zu are taken for what was added", rows[r].why, wrong,
				 asked);
		name_filter_clear(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_filter)};

	return cmocka_run_group_tests_name("policy/name_filter", tests, NULL, NULL);
}
