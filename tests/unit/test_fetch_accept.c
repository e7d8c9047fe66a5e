/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fetch: which list takes the place of the one that is there.
 */
#include "fetch/accept.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

/* Names from..to-1, and so many addresses. */
static struct list *list_with(int from, int to, int addrs)
{
	struct fault f = {""};
	struct text t = {0};
	struct list *l;

	for (int i = from; i < to; i++)
		text_printf(&t, "%sname%d.example\n", i % 3 ? "=" : "", i);
	for (int i = 0; i < addrs; i++)
		text_printf(&t, "203.0.113.%d\n", i);
	l = list_parse(slice_of(t.at ? t.at : "", t.len), &f);
	text_clear(&t);
	if (!l)
		fail_msg("%s", f.text);
	return l;
}

static const struct {
	const char *why;
	int old[3], new[3];
	int err;
} rows[] = {
	{"the same", {0, 100, 0}, {0, 100, 0}, 0},
	{"more", {0, 100, 0}, {0, 200, 0}, 0},
	{"half of it is gone", {0, 100, 0}, {50, 100, 0}, 0},
	{"one more than half", {0, 100, 0}, {51, 100, 0}, -EPERM},
	{"as many, but all others", {0, 100, 0}, {100, 200, 0}, -EPERM},
	{"its addresses count too", {0, 40, 60}, {0, 40, 0}, -EPERM},
	{"few may go", {0, 9, 0}, {9, 10, 0}, 0},
	{"nine of ten are few", {0, 10, 0}, {9, 10, 0}, 0},
	{"ten are not", {0, 10, 0}, {10, 11, 0}, -EPERM},
	{"half of many", {0, 100000, 0}, {0, 49999, 0}, -EPERM},
	{"not quite half of many", {0, 100000, 0}, {0, 50000, 0}, 0},
};

static void test_accept(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct list *old = list_with(rows[i].old[0], rows[i].old[1], rows[i].old[2]);
		struct list *new = list_with(rows[i].new[0], rows[i].new[1], rows[i].new[2]);
		struct fault f = {""};

		if (accept_list(old, new, &f) != rows[i].err)
			fail_msg("%s: %s", rows[i].why, f.text);
		if (rows[i].err && !strstr(f.text, "--accept-mass-change"))
			fail_msg("%s: %s", rows[i].why, f.text);
		list_drop(old);
		list_drop(new);
	}
}

static void test_first(void **state)
{
	struct list *new = list_with(0, 3, 0);

	assert_int_equal(accept_list(NULL, new, NULL), 0);
	list_drop(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
