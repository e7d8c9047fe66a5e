/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The text builder: every byte a sender may choose, in every kind of text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/text.h"

struct row {
	const char *name;
	const char *in;
	size_t len;
	const char *escaped, *json, *csv;
};

#define IN(literal) (literal), sizeof(literal) - 1

static const struct row rows[] = {
	{"plain", IN("a.example"), "a.example", "\"a.example\"", "\"a.example\""},
	{"nothing", IN(""), "", "\"\"", "\"\""},
	{"a terminal escape", IN("a\x1b]0;b"), "a\\x1b]0;b", "\"a\\\\x1b]0;b\"", "\"a\\x1b]0;b\""},
	{"a backslash cannot be mistaken for an escape", IN("\\x1b"), "\\x5cx1b", "\"\\\\x5cx1b\"",
	 "\"\\x5cx1b\""},
	{"a quote", IN("a\"b"), "a\"b", "\"a\\\"b\"", "\"a\"\"b\""},
	{"NUL, DEL and the highest byte", IN("\0\x7f\xff"), "\\x00\\x7f\\xff",
	 "\"\\\\x00\\\\x7f\\\\xff\"", "\"\\x00\\x7f\\xff\""},
	{"line ends", IN("a\r\nb"), "a\\x0d\\x0ab", "\"a\\\\x0d\\\\x0ab\"", "\"a\\x0d\\x0ab\""},
	{"a formula", IN("=1+1"), "=1+1", "\"=1+1\"", "\"'=1+1\""},
	{"other formulas", IN("@x"), "@x", "\"@x\"", "\"'@x\""},
	{"a minus", IN("-x"), "-x", "\"-x\"", "\"'-x\""},
	{"a plus", IN("+x"), "+x", "\"+x\"", "\"'+x\""},
	{"NUL is no formula", IN("\0=1"), "\\x00=1", "\"\\\\x00=1\"", "\"\\x00=1\""},
};

static void check(const char *what, const char *row, struct text *t, const char *expected)
{
	text_putc(t, '\0');
	assert_false(t->failed);
	if (strcmp(t->at, expected) != 0)
		fail_msg("%s, %s: %s, expected %s", row, what, t->at, expected);
	text_clear(t);
}

static void each_row(void **state)
{
	struct text t = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		text_escaped(&t, slice_of(r->in, r->len));
		check("escaped", r->name, &t, r->escaped);
		text_json(&t, slice_of(r->in, r->len));
		check("json", r->name, &t, r->json);
		text_csv(&t, slice_of(r->in, r->len));
		check("csv", r->name, &t, r->csv);
	}
}

/* All 256 bytes, in every kind: nothing but printable ASCII comes out. */
static void only_printable_comes_out(void **state)
{
	static void (*const kinds[])(struct text *, struct slice) = {text_escaped, text_json,
								     text_csv};
	struct text t = {0};

	for (size_t kind = 0; kind < 3; kind++) {
		for (unsigned c = 0; c < 256; c++)
			kinds[kind](&t, slice_of(&(uint8_t){(uint8_t)c}, 1));
		assert_true(t.len > 256);
		for (size_t i = 0; i < t.len; i++)
			assert_in_range(t.at[i], 0x20, 0x7e);
		text_clear(&t);
	}
}

static void numbers_and_times(void **state)
{
	struct text t = {0};

	text_u64(&t, 0);
	check("u64", "zero", &t, "0");
	text_u64(&t, UINT64_MAX);
	check("u64", "largest", &t, "18446744073709551615");
	text_time(&t, 1700000000123456789);
	check("time", "now", &t, "1700000000.123456789");
	text_time(&t, 5);
	check("time", "leading zeros", &t, "0.000000005");
	text_printf(&t, "%s-%d", "a", 7);
	check("printf", "both", &t, "a-7");
}

static void grows_and_clears(void **state)
{
	struct text t = {0};

	for (int i = 0; i < 100000; i++)
		text_puts(&t, "0123456789");
	assert_false(t.failed);
	assert_int_equal(t.len, 1000000);
	assert_int_equal(strlen(t.at), 1000000);
	text_clear(&t);
	assert_null(t.at);
	assert_int_equal(t.len, 0);
}

/* A length no memory holds sets the bit, and it sticks. */
static void failure_sticks(void **state)
{
	struct text t = {0};

	text_puts(&t, "a");
	assert_false(text_reserve(&t, SIZE_MAX / 2));
	assert_true(t.failed);
	text_puts(&t, "c");
	assert_int_equal(t.len, 1);
	assert_true(t.failed);
	text_clear(&t);
	assert_false(t.failed);
}

static void fault_is_cut_not_overrun(void **state)
{
	struct fault f;
	char longer[2000];

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(fault_set(&f, -5, "%s", longer), -5);
	assert_int_equal(strlen(f.text), sizeof(f.text) - 1);
	assert_int_equal(fault_set(NULL, -7, "x"), -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),	     cmocka_unit_test(only_printable_comes_out),
		cmocka_unit_test(numbers_and_times), cmocka_unit_test(grows_and_clears),
		cmocka_unit_test(failure_sticks),    cmocka_unit_test(fault_is_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
