/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pools of things and the table of their numbers: what is given out overlaps nothing and is found
 * again, and what is given back is the system's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "base/index.h"
#include "base/pool.h"

enum { THINGS = 20000, HUGE_KB = 2048 /* the last run's, which may be there as a whole */ };

/* Pages of anonymous memory that this process holds. */
static size_t resident_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	size_t kb = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %zu kB", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

static bool is_filled(const uint8_t *thing, size_t size, uint8_t with)
{
	for (size_t i = 0; i < size; i++)
		if (thing[i] != with)
			return false;
	return true;
}

static void things_overlap_nothing(void **state)
{
	static const size_t sizes[] = {1, 16, 32, 100, 256, 288, 4096};
	static uint8_t *thing[2000];
	struct pages pages = {0};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct pool pool;

		pool_init(&pool, &pages, sizes[s], &thing);
		for (size_t round = 0; round < 3; round++) {
			for (size_t i = 0; i < 2000; i++) {
				if (thing[i])
					continue;
				thing[i] = pool_take(&pool);
				assert_non_null(thing[i]);
				assert_int_equal((uintptr_t)thing[i] % 8, 0);
				if (sizes[s] == 256)
					assert_int_equal((uintptr_t)thing[i] % 256, 0);
				assert_true(is_filled(thing[i], sizes[s], 0));
				memset(thing[i], (int)(i & 0xff), sizes[s]);
			}
			for (size_t i = 0; i < 2000; i++) {
				uint32_t number = pool_number(thing[i]);

				assert_true(is_filled(thing[i], sizes[s], i & 0xff));
				assert_int_not_equal(number, 0);
				assert_true(number < pool_bound(&pool));
				assert_ptr_equal(pool_at(&pool, number), thing[i]);
				assert_ptr_equal(pool_owner(thing[i]), &thing);
				if ((i * 7 + round) % 3) {
					if (i % 2)
						pool_give(thing[i]);
					else
						pool_give_hot(&pool, thing[i]);
					thing[i] = NULL;
				}
			}
		}
		for (size_t i = 0; i < 2000; i++) {
			pool_give(thing[i]);
			thing[i] = NULL;
		}
		/* All numbers are free again: the least is used first. */
		pool_give(thing[0] = pool_take(&pool));
		thing[0] = NULL;
		pool_clear(&pool);
	}
	pages_clear(&pages);
}

/* The last of them is the first again, up to a few; the others went back as all do. */
static void hot_things_come_back_first(void **state)
{
	static void *thing[2 * POOL_KEPT];
	struct pages pages = {0};
	struct pool pool;
	size_t blocks;

	pool_init(&pool, &pages, POOL_SIZE_MAX, NULL);
	for (size_t i = 0; i < 2 * POOL_KEPT; i++)
		thing[i] = pool_take_unset(&pool);
	blocks = pages.block_count;
	for (size_t i = 0; i < 2 * POOL_KEPT; i++)
		pool_give_hot(&pool, thing[i]);
	for (size_t i = POOL_KEPT; i-- > 0;)
		assert_ptr_equal(pool_take_unset(&pool), thing[i]);
	for (size_t i = 0; i < POOL_KEPT; i++)
		assert_non_null(thing[i] = pool_take_unset(&pool));
	assert_int_equal(pages.block_count, blocks);
	pool_clear(&pool);
	pages_clear(&pages);
}

/* Those that stay keep their blocks alone; a pool of another size takes over what came back. */
static void empty_blocks_go_back(void **state)
{
	static void *thing[THINGS];
	struct pages pages = {0};
	struct pool pool, other;
	size_t before, full, kept, blocks;

	pool_init(&pool, &pages, 256, NULL);
	pool_init(&other, &pages, 1024, NULL);
	before = resident_kb();
	for (size_t i = 0; i < THINGS; i++)
		assert_non_null(thing[i] = pool_take(&pool));
	full = resident_kb();
	assert_true(full >= before + THINGS / 4);
	blocks = pages.block_count;
	for (size_t i = 0; i < THINGS; i++)
		if (i % 4096)
			pool_give(thing[i]);
	kept = resident_kb();
#ifndef __SANITIZE_ADDRESS__ /* which keeps its own book of them */
	assert_true(kept < before + 1500 + HUGE_KB);
#else
	(void)kept;
#endif
	for (size_t i = 0; i < THINGS / 8; i++)
		assert_non_null(pool_take(&other));
	assert_int_equal(pages.block_count, blocks);
	for (size_t i = 0; i < THINGS; i += 4096)
		assert_ptr_equal(pool_at(&pool, pool_number(thing[i])), thing[i]);
	pool_clear(&pool);
	pool_clear(&other);
	pages_clear(&pages);
}

/* What was parted with stays when the pages go, and what was traded is nobody's any more. */
static void blocks_change_hands(void **state)
{
	enum { BLOCKS = 100, ROW = 4 };
	struct pages pages[2] = {{0}}, all = {0}, share;
	void *block[BLOCKS];
	uint8_t *one, *row, *lent;
	size_t spare;

	for (int p = 0; p < 2; p++) {
		pages[p].is_ending = true;
		for (int i = 0; i < BLOCKS; i++)
			memset(block[i] = pages_take(&pages[p]), 1, PAGES_BLOCK);
		for (int i = 0; i < BLOCKS; i++)
			pages_give(&pages[p], block[i * 37 % BLOCKS]);
	}
	one = pages_part(&pages[0], 1);
	memset(one, 2, PAGES_BLOCK);
	assert_int_equal(pages_absorb(&all, &pages[0]), 0);
	assert_int_equal(pages_absorb(&all, &pages[1]), 0);
	assert_int_equal(pages[1].block_count, 0);
	pages_sort(&all);
	row = pages_part(&all, ROW);
	assert_non_null(row);
	memset(row, 3, ROW * PAGES_BLOCK);
	spare = all.spare_count;
	assert_int_equal(pages_share(&all, &share, BLOCKS / 2), 0);
	assert_int_equal(all.spare_count, spare - BLOCKS / 2);
	lent = pages_part(&share, 1);
	memset(lent, 4, PAGES_BLOCK);
	assert_int_equal(pages_absorb(&all, &share), 0);
	assert_int_equal(all.spare_count, spare - 1);
	pages_sort(&all);
	spare = all.spare_count;
	assert_true(spare >= 2 * BLOCKS - 2 - ROW);
	assert_false(pages_trade(&all, spare + 1));
	assert_true(pages_trade(&all, spare - 1));
	assert_null(pages_part(&all, 2));
	assert_int_equal(all.spare_count, 1);
	pages_clear(&all);
	assert_true(is_filled(one, PAGES_BLOCK, 2));
	assert_true(is_filled(row, ROW * PAGES_BLOCK, 3));
	assert_true(is_filled(lent, PAGES_BLOCK, 4));
	assert_int_equal(munmap(lent, PAGES_BLOCK), 0);
	assert_int_equal(munmap(one, PAGES_BLOCK), 0);
	assert_int_equal(munmap(row, ROW * PAGES_BLOCK), 0);
}

/* Rows of blocks beside single ones; what was given back is used again, in a row or not. */
static void blocks_come_in_rows(void **state)
{
	struct pages pages = {0};
	char *row[8], *one[8];

	for (size_t i = 0; i < 8; i++) {
		assert_non_null(row[i] = pages_take_row(&pages, (size_t)1 << i));
		assert_non_null(one[i] = pages_take(&pages));
		assert_int_equal((uintptr_t)row[i] % PAGES_BLOCK, 0);
		memset(row[i], (int)i + 1, (size_t)PAGES_BLOCK << i);
		memset(one[i], 100 + (int)i, PAGES_BLOCK);
	}
	for (size_t i = 0; i < 8; i++) {
		assert_true(is_filled((uint8_t *)row[i], (size_t)PAGES_BLOCK << i, i + 1));
		assert_true(is_filled((uint8_t *)one[i], PAGES_BLOCK, 100 + i));
	}
	for (size_t i = 0; i < 8; i++)
		for (size_t b = 0; b < (size_t)1 << i; b++)
			pages_give(&pages, row[i] + b * PAGES_BLOCK);
	for (size_t i = 0, before = pages.block_count; i < 255; i++) {
		assert_non_null(pages_take(&pages));
		assert_int_equal(pages.block_count, before);
	}
	pages_clear(&pages);
}

static bool holds(const struct index *x, uint32_t hash, uint32_t number)
{
	size_t at = index_at(x, hash);
	uint32_t found;

	while ((found = index_next(x, hash, &at)))
		if (found == number)
			return true;
	return false;
}

/* Hashes that meet, wrap around the end of the table, and are all the same. */
static void find_numbers(bool is_paged)
{
	static const uint32_t spreads[] = {1, 2654435761U, 65536, 0};
	struct pages pages = {0};
	struct index x = {.pages = is_paged ? &pages : NULL};

	assert_false(holds(&x, 1, 1));
	index_remove(&x, 1, 1);
	for (size_t s = 0; s < 4; s++) {
		uint32_t count = spreads[s] && spreads[s] != 65536 ? THINGS : 500;

		for (uint32_t i = 1; i <= count; i++)
			assert_int_equal(index_add(&x, ~0U - i * spreads[s] / 3, i), 0);
		assert_int_equal(x.count, count);
		for (uint32_t i = 1; i <= count; i += 2)
			index_remove(&x, ~0U - i * spreads[s] / 3, i);
		for (uint32_t i = 1; i <= count; i++)
			assert_int_equal(holds(&x, ~0U - i * spreads[s] / 3, i), i % 2 == 0);
		for (uint32_t i = 2; i <= count; i += 2)
			index_remove(&x, ~0U - i * spreads[s] / 3, i);
		assert_int_equal(x.count, 0);
		for (size_t i = 0; i < x.slot_count; i++)
			assert_int_equal(x.slot[i].number, 0);
	}
	index_clear(&x);
	pages_clear(&pages);
}

static void numbers_are_found_until_removed(void **state)
{
	find_numbers(false);
	find_numbers(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(things_overlap_nothing),
		cmocka_unit_test(empty_blocks_go_back),
		cmocka_unit_test(hot_things_come_back_first),
		cmocka_unit_test(blocks_come_in_rows),
		cmocka_unit_test(blocks_change_hands),
		cmocka_unit_test(numbers_are_found_until_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
