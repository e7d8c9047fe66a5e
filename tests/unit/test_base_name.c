/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Names by value, the reader under every parser, and the one line a note takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <ctype.h>

#include "base/log.h"
#include "base/name.h"
#include "base/reader.h"
#include "support.h"

static const struct set_row {
	const char *in;
	size_t len;
	const char *out; /* NULL: refused */
} sets[] = {
	{"Example.COM", 11, "example.com"},
	{"example.com.", 12, "example.com"},
	{"example.com..", 13, "example.com."},
	{".", 1, NULL},
	{"", 0, NULL},
	{"a\0B", 3, "a\0b"},
	{"\xc3\x9c", 2, "\xc3\x9c"},
	{"[", 1, "["},
};

static void each_set(void **state)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct name n = {.len = 3, .text = "old"};
		bool ok = name_set(&n, slice_of(sets[i].in, sets[i].len));

		assert_int_equal(ok, sets[i].out != NULL);
		if (!ok) {
			assert_string_equal(n.text, "old");
			continue;
		}
		assert_memory_equal(n.text, sets[i].out, n.len);
		assert_int_equal(n.text[n.len], 0);
	}
}

static void longest_name(void **state)
{
	char text[257];
	struct name n;

	memset(text, 'A', sizeof(text));
	text[255] = '.';
	assert_true(name_set(&n, slice_of(text, 255)));
	assert_true(name_set(&n, slice_of(text, 256)));
	assert_int_equal(n.len, 255);
	assert_false(name_set(&n, slice_of(text, 257)));
}

static const struct host_row {
	const char *name;
	bool is_host;
} hosts[] = {
	{"a", true},
	{"a.b", true},
	{"_dmarc.a-b.example", true},
	{"xn--bcher-kva.example", true},
	{"A.B", true},
	{"", false},
	{".", false},
	{".a", false},
	{"a.", false},
	{"a..b", false},
	{"a b", false},
	{"a\x1b", false},
	{"a/b", false},
	{"a:b", false},
	{"\xc3\xbc", false},
	{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg.a", true},
	{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.a", false},
};

static void each_host(void **state)
{
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (name_is_host(slice_text(hosts[i].name)) != hosts[i].is_host)
			fail_msg("\"%s\"", hosts[i].name);
}

/* By the letter, a byte at a time. */
static bool is_host_by_letter(struct slice name)
{
	size_t label = 0;

	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.at[i];

		if (c == '.' ? !label : !name_is_host_byte((uint8_t)tolower(c)) || label == 63)
			return false;
		label = c == '.' ? 0 : label + 1;
	}
	return label > 0;
}

/* Names of every length, mostly of bytes that hosts have, against the end of what is mapped. */
static void drawn_names_are_by_letter(void **state)
{
	static const char common[] = "abcXYZ019-_...aAzZ@[`{/:,";
	uint64_t seed = 1035;

	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)i % 300, odd = 2 + next_random(&seed) % 200;
		uint8_t bytes[300];
		struct name n = {.len = 3, .text = "old"};
		const uint8_t *at;
		struct slice s;

		for (size_t b = 0; b < len; b++)
			bytes[b] = next_random(&seed) % odd == 0
					   ? (uint8_t)next_random(&seed)
					   : (uint8_t)common[next_random(&seed) %
							     (i % 3 ? 18 : sizeof(common) - 1)];
		at = lay_against_wall(bytes, len);
		s = slice_of(at, len);
		assert_int_equal(name_is_host(s), is_host_by_letter(s));
		if (len && at[len - 1] == '.')
			s.len--;
		assert_int_equal(name_set(&n, slice_of(at, len)), s.len && s.len <= NAME_MAX_LEN);
		if (s.len && s.len <= NAME_MAX_LEN) {
			bool is_host = !is_host_by_letter(s);

			assert_true(name_set_host(&n, slice_of(at, len), &is_host));
			assert_int_equal(is_host, is_host_by_letter(s));
			assert_int_equal(n.len, s.len);
			for (size_t b = 0; b < s.len; b++)
				assert_int_equal((uint8_t)n.text[b],
						 at[b] >= 'A' && at[b] <= 'Z' ? at[b] | 32 : at[b]);
			assert_int_equal(n.text[n.len], 0);
		} else {
			assert_string_equal(n.text, "old");
		}
		wall_free(at);
	}
}

/* Every protocol has both words; none and numbers beyond have neither. */
static void protocols_have_words(void **state)
{
	assert_null(proto_name(PROTO_NONE));
	assert_null(proto_source(PROTO_NONE));
	for (int p = PROTO_NONE + 1; p < PROTO_MAX; p++) {
		assert_non_null(proto_name((enum app_proto)p));
		assert_non_null(proto_source((enum app_proto)p));
	}
	assert_null(proto_name(PROTO_MAX));
	assert_string_equal(proto_name(PROTO_MDNS), "mDNS");
	assert_string_equal(proto_source(PROTO_MDNS), "mdns");
}

static void reads_stick_at_the_end(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	const uint8_t *at = lay_against_wall(bytes, sizeof(bytes));
	struct reader r = reader_of(slice_of(at, sizeof(bytes))), sub;

	assert_int_equal(reader_u8(&r), 1);
	assert_int_equal(reader_u16(&r), 0x0203);
	assert_int_equal(reader_u24(&r), 0x040506);
	sub = reader_sub(&r, 2);
	assert_int_equal(reader_u8(&sub), 7);
	assert_int_equal(reader_u16(&sub), 0);
	assert_true(sub.bad);
	assert_int_equal(reader_u8(&sub), 0);
	assert_false(r.bad);
	assert_int_equal(reader_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(reader_u8(&r), 0);
	wall_free(at);
}

/* What a note quotes cannot break its line or reach the terminal. */
static void a_note_is_one_line(void **state)
{
	int saved = dup(STDERR_FILENO), ends[2];
	char line[256];
	ssize_t len;

	assert_int_equal(pipe(ends), 0);
	fflush(stderr);
	dup2(ends[1], STDERR_FILENO);
	log_error("bad \"%s\"", "a\x1b\n");
	dup2(saved, STDERR_FILENO);
	len = read(ends[0], line, sizeof(line) - 1);
	assert_true(len > 0);
	line[len] = '\0';
	assert_string_equal(line, "dpi-xdp: error: bad \"a\\x1b\\x0a\"\n");
	close(ends[0]);
	close(ends[1]);
	close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_set),
		cmocka_unit_test(longest_name),
		cmocka_unit_test(each_host),
		cmocka_unit_test(drawn_names_are_by_letter),
		cmocka_unit_test(protocols_have_words),
		cmocka_unit_test(reads_stick_at_the_end),
		cmocka_unit_test(a_note_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
