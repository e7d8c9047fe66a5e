/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Notes on stderr: whatever they quote, they are one line of print each; and the bound on notes
 * that somebody else can bring about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* What log_note() writes of a text, into out; its length. */
static size_t noted(const char *quoted, char *out, size_t size)
{
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_note("it says %s, no more", quoted);
	dup2(old, STDERR_FILENO);
	close(ends[1]);
	close(old);
	n = read(ends[0], out, size - 1);
	close(ends[0]);
	assert_true(n > 0);
	out[n] = 0;
	return (size_t)n;
}

static void every_byte_is_print(void **state)
{
	for (int value = 1; value < 256; value++) {
		char quoted[] = {'a', (char)value, 'z', 0}, line[200], want[20];
		size_t len = noted(quoted, line, sizeof(line));

		for (size_t i = 0; i < len - 1; i++)
			if (line[i] < 0x20 || line[i] > 0x7e)
				fail_msg("byte %02x of a quoted %02x", (unsigned char)line[i],
					 value);
		assert_int_equal(line[len - 1], '\n');
		if (value < 0x20 || value > 0x7e)
			snprintf(want, sizeof(want), "a\\x%02xz, no more", value);
		else
			snprintf(want, sizeof(want), "a%cz, no more", value);
		assert_non_null(strstr(line, want));
	}
}

static void long_notes_are_cut(void **state)
{
	static char quoted[5000], line[10000];

	memset(quoted, 0x1b, sizeof(quoted) - 1);
	assert_true(noted(quoted, line, sizeof(line)) < 5000);
	assert_null(strchr(line, 0x1b));
}

/* A note a millisecond for a minute: seven lines, and each of the others is counted once. */
static void limit_counts(void **state)
{
	struct log_limit l = {0};
	uint64_t written = 0, counted = 0, left_out;

	for (uint64_t ms = 1; ms <= 60001; ms++)
		if (log_limit_take(&l, ms * 1000000, &left_out)) {
			written++;
			counted += left_out;
		}
	assert_int_equal(written, 7);
	assert_int_equal(written + counted, 60001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_is_print),
		cmocka_unit_test(long_notes_are_cut),
		cmocka_unit_test(limit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
