/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The hash table: nothing is lost while it grows, equal hashes stay apart, the hash is keyed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/table.h"
#include "support.h"

struct item {
	uint32_t id;
	bool is_seen;
	struct table_node node;
};

enum { ITEMS = 20000 };

static struct item *find(const struct table *t, uint64_t hash, uint32_t id)
{
	struct table_node *n;

	for (n = table_first(t, hash); n; n = table_next(n))
		if (table_entry(n, struct item, node)->id == id)
			return table_entry(n, struct item, node);
	return NULL;
}

/* Three items share each hash. */
static uint64_t hash_of(uint32_t id)
{
	uint32_t group = id / 3;

	return table_hash(9, &group, sizeof(group));
}

static void add_find_remove(void **state)
{
	struct item *items = calloc(ITEMS, sizeof(*items));
	struct table t = {0};

	assert_non_null(items);
	assert_null(table_first(&t, 1));
	assert_null(table_walk(&t, NULL));
	for (uint32_t i = 0; i < ITEMS; i++) {
		items[i].id = i;
		assert_int_equal(table_add(&t, &items[i].node, hash_of(i)), 0);
	}
	assert_int_equal(t.count, ITEMS);
	assert_true(t.bucket_count >= ITEMS / 2);
	for (uint32_t i = 0; i < ITEMS; i++)
		assert_ptr_equal(find(&t, hash_of(i), i), &items[i]);
	for (uint32_t i = 0; i < ITEMS; i += 2)
		table_remove(&t, &items[i].node);
	assert_int_equal(t.count, ITEMS / 2);
	for (uint32_t i = 0; i < ITEMS; i++)
		assert_ptr_equal(find(&t, hash_of(i), i), i % 2 ? &items[i] : NULL);
	/* Removing what is not there changes nothing. */
	table_remove(&t, &items[0].node);
	assert_int_equal(t.count, ITEMS / 2);
	table_clear(&t);
	assert_int_equal(t.bucket_count, 0);
	free(items);
}

static void walk_sees_each_once(void **state)
{
	struct item *items = calloc(ITEMS, sizeof(*items));
	struct table t = {0};
	struct table_node *n;
	size_t count = 0;

	assert_non_null(items);
	for (uint32_t i = 0; i < ITEMS; i++)
		assert_int_equal(table_add(&t, &items[i].node, hash_of(i)), 0);
	for (n = table_walk(&t, NULL); n; n = table_walk(&t, n)) {
		struct item *item = table_entry(n, struct item, node);

		assert_false(item->is_seen);
		item->is_seen = true;
		count++;
	}
	assert_int_equal(count, ITEMS);
	table_clear(&t);
	free(items);
}

/* Bytes, length and seed all matter; bytes past the length do not. */
static void hash_is_keyed(void **state)
{
	static const char bytes[] = "0123456789abcdef0123456789abcdef";

	for (size_t len = 0; len < sizeof(bytes) - 1; len++) {
		const uint8_t *at = lay_against_wall(bytes, len);

		assert_true(table_hash(1, at, len) == table_hash(1, bytes, len));
		assert_true(table_hash(1, at, len) != table_hash(2, at, len));
		assert_true(table_hash(1, bytes, len) != table_hash(1, bytes, len + 1));
		wall_free(at);
	}
}

/* 4,096 keys that differ in few bits fall into 4,096 buckets about as chance would have it. */
static void hash_spreads(void **state)
{
	static uint8_t load[4096];
	unsigned used = 0, most = 0;

	for (uint32_t i = 0; i < 4096; i++) {
		uint64_t key[5] = {0, 0, (uint64_t)i << 32, 0, 0};

		load[table_hash(7, key, sizeof(key)) & 4095]++;
	}
	for (size_t i = 0; i < 4096; i++) {
		used += load[i] > 0;
		most = load[i] > most ? load[i] : most;
	}
	assert_in_range(used, 2400, 2800);
	assert_true(most < 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_find_remove),
		cmocka_unit_test(walk_sees_each_once),
		cmocka_unit_test(hash_is_keyed),
		cmocka_unit_test(hash_spreads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
