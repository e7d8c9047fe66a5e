/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The orders of the report's lists, against plain sorting.
 */
#include "report/domain_order.h"
#include "report/places.h"
#include "report/sums_table.h"
#include "report/top.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

enum { NAMES = 5000, TOP = 20 };

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 8;
}

/* Names of few letters, the byte 0 and the highest among them, so that many begin alike. */
static struct sums *make_names(size_t begin_len)
{
	static const uint8_t letters[] = {'a', 'b', 0, 255, '.'};
	struct sums *s = sums_new(0);
	uint32_t state = 7;
	uint8_t name[120];

	assert_non_null(s);
	memset(name, 'w', begin_len);
	for (size_t i = 0; i < NAMES; i++) {
		size_t len = begin_len + next_random(&state) % (sizeof(name) - begin_len);
		struct sum_domain *d;

		for (size_t k = begin_len; k < len; k++)
			name[k] = letters[next_random(&state) % (k % 3 ? 2 : sizeof(letters))];
		d = sums_domain_entry(s, slice_of(name, len));
		assert_non_null(d);
		d->flows += 1 + next_random(&state) % (i % 100 ? 5 : 1000000);
	}
	return s;
}

static int by_flows(const void *a, const void *b)
{
	const struct sum_domain *x = a, *y = b;

	if (x->flows != y->flows)
		return x->flows > y->flows ? -1 : 1;
	return domain_compare(x, y);
}

static void names_and_flows_are_in_order(void **state)
{
	(void)state;
	for (size_t begin_len = 0; begin_len < 110; begin_len += 9) {
		struct sums *s = make_names(begin_len);
		size_t count = sums_count(&s->domains);
		struct domain_place *place = domain_order_names(s);

		assert_non_null(place);
		for (size_t i = 1; i < count; i++)
			assert_true(domain_compare(place[i - 1].domain, place[i].domain) < 0);
		assert_int_equal(domain_order_flows(place, count), 0);
		for (size_t i = 1; i < count; i++)
			assert_true(by_flows(place[i - 1].domain, place[i].domain) < 0);
		free(place);
		sums_free(s);
	}
}

static void no_names_are_in_order(void **state)
{
	struct sums *s = sums_new(0);
	struct domain_place *place = domain_order_names(s);

	(void)state;
	assert_non_null(place);
	assert_int_equal(domain_order_flows(place, 0), 0);
	free(place);
	sums_free(s);
}

static void first_few_are_those_of_a_sort(void **state)
{
	struct sums *s = make_names(3);
	struct domain_place *place = domain_order_names(s);
	const struct sum_domain *d;
	struct top top;

	(void)state;
	assert_non_null(place);
	assert_int_equal(domain_order_flows(place, sums_count(&s->domains)), 0);
	assert_int_equal(top_init(&top, TOP, by_flows), 0);
	for (size_t at = 0, n = 0; (d = sums_next_domain(s, &at)); n++) {
		top_offer(&top, d);
		assert_int_equal(top.count, n < TOP ? n + 1 : TOP);
	}
	for (size_t i = 0; i < TOP; i++)
		assert_ptr_equal(top.item[i], place[i].domain);
	top_clear(&top);
	free(place);
	sums_free(s);
}

/* Few and many, of narrow and wide keys, with and without equals. */
static void places_are_in_order(void **state)
{
	static const size_t counts[] = {0, 1, 2, 24, 25, 300, 9000};
	static const uint64_t masks[] = {0, 3, 0xff00, 0xfffff, 0x8000000000000001, UINT64_MAX};
	struct place *place = calloc(9000, sizeof(*place)), *spare = calloc(9000, sizeof(*spare));
	uint32_t random = 1;

	(void)state;
	assert_non_null(place);
	assert_non_null(spare);
	for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++) {
		for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
			for (size_t i = 0; i < counts[c]; i++) {
				uint64_t key = (uint64_t)next_random(&random) << 40;

				key ^= (uint64_t)next_random(&random) << 20 ^ next_random(&random);
				/* Where it stood tells equals apart. */
				place[i] = (struct place){key & masks[m], &place[i]};
			}
			places_sort(place, spare, counts[c]);
			for (size_t i = 1; i < counts[c]; i++) {
				assert_true(place[i - 1].key <= place[i].key);
				if (place[i - 1].key == place[i].key)
					assert_true((uintptr_t)place[i - 1].at <
						    (uintptr_t)place[i].at);
			}
		}
	}
	free(place);
	free(spare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_flows_are_in_order),
		cmocka_unit_test(no_names_are_in_order),
		cmocka_unit_test(places_are_in_order),
		cmocka_unit_test(first_few_are_those_of_a_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
