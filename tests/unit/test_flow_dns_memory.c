/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The memory of DNS answers: the last answer counts, for its time, and the table stays bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "dpi/parse.h"
#include "flow/dns_memory.h"

#define S 1000000000ULL

static struct dpi_addr addr_of(uint32_t v4)
{
	struct dpi_addr a;

	dpi_addr_set4(&a, dpi_be32(v4));
	return a;
}

static void put(struct dns_memory *m, uint32_t v4, const char *text, uint64_t ts_ns, uint32_t ttl_s)
{
	struct dpi_addr a = addr_of(v4);
	struct name n;

	assert_true(name_set(&n, slice_text(text)));
	dns_memory_put(m, &a, 1, &n, ts_ns, ttl_s);
}

/* What is known of an address; "" when nothing is. */
static const char *get(struct dns_memory *m, uint32_t v4, uint64_t ts_ns)
{
	static struct name n;
	struct dpi_addr a = addr_of(v4);

	return dns_memory_get(m, &a, ts_ns, &n) ? n.text : "";
}

static void last_answer_counts(void **state)
{
	struct dns_memory *m = dns_memory_new(8, 1);

	assert_string_equal(get(m, 1, 0), "");
	put(m, 1, "a.example", 1 * S, 3600);
	put(m, 2, "b.example", 1 * S, 3600);
	assert_string_equal(get(m, 1, 2 * S), "a.example");
	put(m, 1, "C.example.", 2 * S, 3600);
	assert_string_equal(get(m, 1, 2 * S), "c.example");
	assert_string_equal(get(m, 2, 2 * S), "b.example");
	assert_int_equal(dns_memory_count(m), 2);
	dns_memory_free(m);
}

static const struct {
	const char *proves;
	uint32_t ttl_s;
	uint64_t after_s;
	const char *name;
} times[] = {
	{"a short time to live is stretched: programs connect later", 0, 600, "a.example"},
	{"... to ten minutes", 0, 601, ""},
	{"an hour is an hour", 3600, 3600, "a.example"},
	{"... and no longer", 3600, 3601, ""},
	{"nobody is believed for more than a day", UINT32_MAX, 86400, "a.example"},
	{"... not even for a second", UINT32_MAX, 86401, ""},
};

static void answers_grow_old(void **state)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct dns_memory *m = dns_memory_new(8, 1);

		print_message("%s\n", times[i].proves);
		put(m, 1, "a.example", 5 * S, times[i].ttl_s);
		assert_string_equal(get(m, 1, (5 + times[i].after_s) * S), times[i].name);
		dns_memory_free(m);
	}
}

static void table_is_bounded_and_oldest_leaves(void **state)
{
	struct dns_memory *m = dns_memory_new(100, 1);

	for (uint32_t i = 0; i < 1000; i++) {
		put(m, 0x0a000000 + i, "a.example", i * S, 3600);
		put(m, 7, "kept.example", i * S, 3600);
	}
	assert_int_equal(dns_memory_count(m), 100);
	assert_string_equal(get(m, 7, 1000 * S), "kept.example");
	assert_string_equal(get(m, 0x0a000000 + 999, 1000 * S), "a.example");
	assert_string_equal(get(m, 0x0a000000 + 900, 1000 * S), "");
	dns_memory_free(m);
	dns_memory_free(NULL);
}

/* Answers of several addresses, some known, against a list that is kept the plain way. */
static void many_answers_are_kept_like_a_list(void **state)
{
	enum { MAX = 50, ADDRESSES = 80, MOST = 20 };
	struct dns_memory *m = dns_memory_new(MAX, 7);
	uint32_t order[ADDRESSES], said[ADDRESSES] = {0}, count = 0, seed = 1;

	for (uint32_t i = 1; i < 20000; i++) {
		struct dpi_addr a[MOST];
		struct name n;
		size_t many;

		seed = seed * 1664525 + 1013904223;
		many = (seed >> 16) % (MOST + 1);
		snprintf(n.text, sizeof(n.text), "%0*u.example", (int)(seed >> 8) % 200 + 1, i);
		n.len = (uint8_t)strlen(n.text);
		for (size_t k = 0; k < many; k++) {
			uint32_t who, at = 0;

			seed = seed * 1664525 + 1013904223;
			who = (seed >> 16) % ADDRESSES;
			a[k] = addr_of(who);
			while (at < count && order[at] != who)
				at++;
			if (at == count && count == MAX)
				said[order[at = 0]] = 0;
			else if (at == count)
				count++;
			memmove(order + at, order + at + 1, (count - at - 1) * sizeof(*order));
			order[count - 1] = who;
			said[who] = i;
		}
		dns_memory_put(m, a, many, &n, i * S, 86400);
		assert_int_equal(dns_memory_count(m), count);
		for (uint32_t who = 0; i % 16 == 0 && who < ADDRESSES; who++)
			assert_int_equal(atoi(get(m, who, i * S)), said[who]);
	}
	dns_memory_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_answer_counts),
		cmocka_unit_test(answers_grow_old),
		cmocka_unit_test(table_is_bounded_and_oldest_leaves),
		cmocka_unit_test(many_answers_are_kept_like_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
