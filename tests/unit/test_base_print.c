/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Printing into room that is there, against the C library and a byte at a time.
 */
#include "base/addr.h"
#include "base/print.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static void check_number(uint64_t n)
{
	char ours[PRINT_U64_MAX + 1], theirs[32];

	*print_u64(ours, n) = '\0';
	snprintf(theirs, sizeof(theirs), "%llu", (unsigned long long)n);
	assert_string_equal(ours, theirs);
}

static void numbers_around_every_power_of_ten(void **state)
{
	(void)state;
	for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10) {
		for (uint64_t n = 0; n < 120; n++) {
			check_number(power + n);
			check_number(power - (n < power ? n : power));
		}
		check_number(power * 7 + power / 3);
	}
	check_number(10000000000000000000ULL);
	check_number(UINT64_MAX);
}

static void times(void **state)
{
	static const uint64_t seconds[] = {0, 7, 1700000000, UINT64_MAX / 1000000000};
	char ours[PRINT_TIME_MAX + 1], theirs[40];

	(void)state;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		for (uint64_t ns = 1; ns < 1000000000; ns = ns * 7 + 1) {
			uint64_t part = i == 3 ? ns % 700000000 : ns;

			*print_time(ours, seconds[i] * 1000000000 + part) = '\0';
			snprintf(theirs, sizeof(theirs), "%llu.%09llu",
				 (unsigned long long)seconds[i], (unsigned long long)part);
			assert_string_equal(ours, theirs);
		}
	}
}

/* The string a byte at a time. */
static size_t slow_json(char *out, const uint8_t *s, size_t len)
{
	size_t at = 0;

	out[at++] = '"';
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			at += (size_t)sprintf(out + at, "\\\"");
		else if (s[i] < 0x20 || s[i] > 0x7e || s[i] == '\\')
			at += (size_t)sprintf(out + at, "\\\\x%02x", s[i]);
		else
			out[at++] = (char)s[i];
	}
	out[at++] = '"';
	return at;
}

/* Every byte at every place of strings of every length, alone and with another. */
static void strings_with_every_byte_at_every_place(void **state)
{
	enum { LEN = 27 };
	char ours[LEN * PRINT_JSON_BYTE_MAX + 2], theirs[sizeof(ours) + 1];
	uint8_t s[LEN];

	(void)state;
	for (size_t len = 0; len <= LEN; len++) {
		for (size_t place = 0; place < len; place++) {
			for (unsigned c = 0; c < 256; c++) {
				memset(s, 'a', sizeof(s));
				s[place] = (uint8_t)c;
				s[place * 5 % len] ^= c & 1;
				assert_int_equal(print_json(ours, slice_of(s, len)) - ours,
						 slow_json(theirs, s, len));
				assert_memory_equal(ours, theirs, slow_json(theirs, s, len));
			}
		}
	}
	assert_int_equal(print_json(ours, slice_of(s, 0)) - ours, 2);
	assert_memory_equal(ours, "\"\"", 2);
}

static void quads_with_every_number(void **state)
{
	char ours[ADDR_TEXT_MAX], theirs[ADDR_TEXT_MAX];
	struct dpi_addr a;

	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		uint8_t b[4] = {(uint8_t)n, (uint8_t)(255 - n), (uint8_t)(n * 7), (uint8_t)n};
		__be32 be;

		memcpy(&be, b, sizeof(be));
		dpi_addr_set4(&a, be);
		*addr_print(&a, ours) = '\0';
		snprintf(theirs, sizeof(theirs), "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
		assert_string_equal(ours, theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_around_every_power_of_ten),
		cmocka_unit_test(times),
		cmocka_unit_test(strings_with_every_byte_at_every_place),
		cmocka_unit_test(quads_with_every_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
