/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room control: a pause on the disk, and off it when the disk is full.
 */
#include "control/pause.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

static char path[64];

static int make_place(void **state)
{
	char dir[] = "/tmp/dpi-xdp-pause-XXXXXX";

	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/paused", dir);
	return 0;
}

static int remove_place(void **state)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

static struct pause load(void)
{
	struct fault f = {""};
	struct pause p;

	if (pause_load(path, &p, &f))
		fail_msg("%s", f.text);
	return p;
}

static void test_round(void **state)
{
	static const struct pause rows[] = {
		{.is_on = true, .until_s = WHEN_NEVER},
		{.is_on = true, .until_s = INT64_C(253402300799)},
		{.until_s = WHEN_NEVER},
	};
	struct fault f = {""};

	assert_false(load().is_on);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(pause_save(path, &rows[i], &f), 0);
		assert_int_equal(load().is_on, rows[i].is_on);
		assert_true(load().until_s == rows[i].until_s);
	}
	assert_int_not_equal(access(path, F_OK), 0);
}

/* A limit on files stands for a full disk: neither leaves room to write. */
static void test_full(void **state)
{
	const struct pause on = {.is_on = true, .until_s = WHEN_NEVER},
			   off = {.until_s = WHEN_NEVER};
	struct rlimit none = {0}, before;
	struct fault f = {""};
	int paused, resumed;

	assert_int_equal(pause_save(path, &on, &f), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	paused = pause_save(path, &on, &f);
	resumed = pause_save(path, &off, &f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(paused < 0);
	assert_int_equal(resumed, 0);
	assert_false(load().is_on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
