/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the module has in place of the C library's snprintf(), calendar and memcmp(): against the C
 * library's own, for every form that the rooms use and many drawn values. They are compiled in here
 * under other names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "support.h"

int module_vsnprintf(char *out, size_t size, const char *format, va_list args);
int module_snprintf(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct tm *module_gmtime_r(const time_t *seconds, struct tm *out);
size_t module_strftime(char *out, size_t size, const char *format, const struct tm *tm)
	__attribute__((format(strftime, 3, 0)));

#undef vsnprintf
#undef snprintf
#define vsnprintf module_vsnprintf
#define snprintf  module_snprintf
#define gmtime_r  module_gmtime_r
#define strftime  module_strftime
#include "wasm/format.c"
#include "wasm/time.c"
#undef vsnprintf
#undef snprintf
#undef gmtime_r
#undef strftime

enum { DRAWN = 200000, ROOM = 200 };

/* Both ways, into as much room as size says; the bytes behind it stay as they are. */
#define CHECK(size, format, ...)                                                                  \
	do {                                                                                      \
		char theirs[ROOM], ours[ROOM];                                                    \
		int n, m;                                                                         \
                                                                                                  \
		memset(theirs, 'x', sizeof(theirs));                                              \
		memset(ours, 'x', sizeof(ours));                                                  \
		n = snprintf(theirs, size, format, __VA_ARGS__);                                  \
		m = module_snprintf(ours, size, format, __VA_ARGS__);                             \
		if (n != m || memcmp(theirs, ours, sizeof(ours)) != 0)                            \
			fail_msg("%s: %d '%.*s', not %d '%.*s'", format, m, (int)(size), ours, n, \
				 (int)(size), theirs);                                            \
	} while (0)

static void texts(void **state)
{
	for (size_t size = 0; size < 30; size++) {
		CHECK(size, "%s", "a text of some length");
		CHECK(size, "%10s|%-10s|", "abc", "abc");
		CHECK(size, "%*s|%-*s|", 12, "abc", 7, "abcdefghij");
		CHECK(size, "%*s|", -9, "abc");
		CHECK(size, "%.40s|%.2s|%.*s", "short", "short", 3, "abcdef");
		CHECK(size, "%c%c 100%% %s", 'a', '~', "");
		CHECK(size, "%s=%d/%u, %s", "n", -1, 7U, "then");
	}
}

static void numbers(void **state)
{
	uint64_t seed = 7;

	for (size_t i = 0; i < DRAWN / 10; i++) {
		uint64_t v = next_random(&seed) >> next_random(&seed) % 64;
		size_t size = i % 60;

		CHECK(size, "%d %u %x", (int)v, (unsigned)v, (unsigned)v);
		CHECK(size, "%ld %lu %lx", (long)v, (unsigned long)v, (unsigned long)v);
		CHECK(size, "%lld %llu %llx", (long long)v, (unsigned long long)v,
		      (unsigned long long)v);
		CHECK(size, "%zu %6zu %-8zu|", (size_t)v, (size_t)v % 1000, (size_t)v % 99);
		CHECK(size, "%06u %03u %02x %016llx", (unsigned)v % 1000000, (unsigned)v % 1000,
		      (unsigned)v % 256, (unsigned long long)v);
		CHECK(size, "%5d|%-5d|%05d|%.3d|%8.3d", (int)v % 1000, (int)v % 100, (int)v % 1000,
		      (int)v % 100, (int)v % 100);
	}
	CHECK(ROOM, "%d %lld %llu %u", INT_MIN, LLONG_MIN, ULLONG_MAX, 0U);
}

/* Small ones, large ones, and those that lie half-way between two. */
static void doubles(void **state)
{
	uint64_t seed = 754;

	for (size_t i = 0; i < DRAWN; i++) {
		uint64_t v = next_random(&seed);
		double d = (double)(int64_t)(v >> (21 + v % 42)) / (double)(1ULL << (v >> 8) % 40);

		if (v & 64)
			d = (double)(v >> 40) / 8.0;
		CHECK(ROOM, "%.0f|%.1f|%.2f|%.3f", d, d, d, d);
		CHECK(ROOM, "%.6f|%5.1f|%16.2f|%f", d, d, d, d / 3);
	}
	CHECK(ROOM, "%.0f %.0f %.0f %.0f %.1f %.2f", 0.5, 1.5, 2.5, -0.5 - 1, 0.25, 1.005);
	CHECK(ROOM, "%.3f %.6f %.2f", 1e-30, 5e-324, 99.999);
}

static void days(void **state)
{
	uint64_t seed = 1582;

	for (size_t i = 0; i < DRAWN; i++) {
		time_t t = (time_t)(next_random(&seed) % 253402300800ULL); /* to the year 9999 */
		char theirs[40], ours[40];
		struct tm a, b;

		if (i % 4 == 0)
			t = (time_t)(next_random(&seed) >> 32);
		if (i % 100 == 0)
			t = (time_t)(i / 100) * 86400 - (i / 100 % 2);
		if (t < 0)
			continue;
		gmtime_r(&t, &a);
		module_gmtime_r(&t, &b);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S", &a);
		module_strftime(ours, sizeof(ours), "%Y-%m-%dT%H:%M:%S", &b);
		assert_string_equal(ours, theirs);
	}
}

static void a_day_has_its_room(void **state)
{
	time_t t = 1700000000;
	char out[20];
	struct tm tm;

	module_gmtime_r(&t, &tm);
	assert_int_equal(module_strftime(out, 20, "%Y-%m-%d %H:%M:%S", &tm), 19);
	assert_string_equal(out, "2023-11-14 22:13:20");
	assert_int_equal(module_strftime(out, 19, "%Y-%m-%d %H:%M:%S", &tm), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(numbers),
		cmocka_unit_test(doubles),
		cmocka_unit_test(days),
		cmocka_unit_test(a_day_has_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
