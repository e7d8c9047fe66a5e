/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Header blocks of HTTP/2: the examples of RFC 7541 appendix C to the byte of the table, and blocks
 * that no decoder takes. Each is also cut short at every length, against an unmapped page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "extract/hpack.h"
#include "support.h"

enum { BLOCKS_MAX = 4 };

struct block_row {
	const char *name;
	struct block {
		const char *at;
		size_t len;
		const char *hosts; /* those the block names, each with a blank behind it */
		uint32_t size;	   /* of the table afterwards */
	} block[BLOCKS_MAX];
	enum hpack_answer answer; /* of the last block; of the others END */
};

#define AT(literal, ...)                                    \
	{                                                   \
		(literal), sizeof(literal) - 1, __VA_ARGS__ \
	}
#define BLOCKS(...)  .block = {__VA_ARGS__}
#define BAD(literal) .block = {AT(literal, "", 0)}, .answer = HPACK_BAD
#define END(...)     .block = {__VA_ARGS__}, .answer = HPACK_END

/* A table of 256 bytes, as appendices C.5 and C.6 have it. */
#define SIZE_256 "\x3f\xe1\x01"

static const struct block_row rows[] = {
	{"C.2.1 a literal that goes into the table", END(AT("\x40\x0a"
							    "custom-key\x0d"
							    "custom-header",
							    "", 55))},
	{"C.2.2 a literal that does not", END(AT("\x04\x0c/sample/path", "", 0))},
	{"C.2.3 a literal that never may", END(AT("\x10\x08password\x06secret", "", 0))},
	{"C.2.4 a field of the static table", END(AT("\x82", "", 0))},
	{"C.3 requests; by index a host is none that is new",
	 END(AT("\x82\x86\x84\x41\x0fwww.example.com", "www.example.com ", 57),
	     AT("\x82\x86\x84\xbe\x58\x08no-cache", "", 110),
	     AT("\x82\x87\x85\xbf\x40\x0a"
		"custom-key\x0c"
		"custom-value",
		"", 164))},
	{"C.4 the same in Huffman code",
	 END(AT("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
		"www.example.com ", 57),
	     AT("\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf", "", 110),
	     AT("\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b"
		"\xb8\xe8\xb4\xbf",
		"", 164))},
	{"C.5 entries leave a table of 256 bytes",
	 END(AT(SIZE_256 "\x48\x03"
			 "302\x58\x07private\x61\x1dMon, 21 Oct 2013 20:13:21 GMT\x6e\x17"
			 "https://www.example.com",
		"", 222),
	     AT("\x48\x03"
		"307\xc1\xc0\xbf",
		"", 222),
	     AT("\x88\xc1\x61\x1dMon, 21 Oct 2013 20:13:22 GMT\xc0\x5a\x04gzip\x77\x38"
		"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
		"", 215))},
	{"an entry that is greater than the table empties it",
	 BLOCKS(AT("\x41\x05"
		   "a.com",
		   "a.com ", 47),
		AT("\x3f\x09\x41\x09longer.ex\xbe", "longer.ex ", 0)),
	 .answer = HPACK_BAD},
	{"a table of no bytes, then of many", END(AT("\x41\x05"
						     "a.com",
						     "a.com ", 47),
						  AT("\x20\x3f\xe1\x1f\x41\x05"
						     "b.com\xbe",
						     "b.com ", 47))},
	{"host as a field of the static table and as text", END(AT("\x66\x05"
								   "a.com\x00\x04host\x05"
								   "b.com\x00\x0a:authority\x05"
								   "c.com",
								   "a.com b.com c.com ", 41))},
	{"a name from the table, with another value", END(AT("\x40\x04host\x05"
							     "a.com\x0f\x2f\x05"
							     "b.com",
							     "a.com b.com ", 41))},
	{"a table greater than what is kept: what left it is passed over",
	 END(AT("\x3f\xe1\xff\x07\x41\x05"
		"a.com\xff\x80\x01\xbe",
		"a.com ", 47))},
	{"an empty authority", END(AT("\x41\x00\x81", " ", 42))},
	{"a number in five bytes", END(AT("\x3f\x80\x80\x80\x80\x00", "", 0))},
	{"index 0", BAD("\x80")},
	{"an index of nothing", BAD("\xbe")},
	{"a name of nothing", BAD("\x7e\x01"
				  "a")},
	{"a number that never ends", BAD("\xff\x80\x80\x80\x80\x80\x80\x00")},
	{"a number of more than 32 bits", BAD("\xff\xff\xff\xff\xff\x7f")},
	{"EOS in a string", BAD("\x41\x84\xff\xff\xff\xff")},
	{"padding of eight bits", BAD("\x41\x82\x1f\xff")},
	{"padding of zeros", BAD("\x41\x81\x18")},
	{"a string longer than the block", BAD("\x41\x06"
					       "a.com")},
	{"a field cut off", BAD("\x41")},
};

static enum hpack_answer no_next(struct hpack_block *b)
{
	(void)b;
	return HPACK_BAD;
}

/* Reads one block of a stream; what it names stands in hosts afterwards. */
static enum hpack_answer read_block(struct hpack_table *t, struct slice wire, size_t at, size_t end,
				    char hosts[256])
{
	struct hpack_block b = {
		.wire = wire,
		.place = {.at = (uint32_t)at, .end = (uint32_t)end, .is_last = true},
		.next = no_next};
	enum hpack_answer answer;
	struct hpack_field field;
	size_t used = 0;

	hosts[0] = '\0';
	while ((answer = hpack_read(t, &b, &field)) == HPACK_OK) {
		if (field.kind == HPACK_OTHER)
			continue;
		assert_true(used + field.len + 2 < 256);
		memcpy(hosts + used, field.value, field.len);
		used += field.len;
		hosts[used++] = ' ';
		hosts[used] = '\0';
	}
	return answer;
}

/* Lays the blocks of a row one behind the other, as they stand in a stream. */
static size_t join_blocks(const struct block_row *r, uint8_t *out, size_t room)
{
	size_t len = 0;

	for (int i = 0; i < BLOCKS_MAX && r->block[i].at; i++) {
		assert_true(len + r->block[i].len <= room);
		memcpy(out + len, r->block[i].at, r->block[i].len);
		len += r->block[i].len;
	}
	return len;
}

/* All of a row's blocks on one connection, of which the first len bytes are there. */
static void check_row(const struct block_row *r, const uint8_t *bytes, size_t len, size_t whole)
{
	struct slice wire = slice_of(lay_against_wall(bytes, len), len);
	struct hpack_table t;
	char hosts[256];
	size_t at = 0;

	hpack_init(&t);
	for (int i = 0; i < BLOCKS_MAX && r->block[i].at && at <= len; i++) {
		const struct block *b = &r->block[i];
		bool is_last = i + 1 == BLOCKS_MAX || !b[1].at, is_whole = at + b->len <= len;
		enum hpack_answer answer = read_block(&t, wire, at, at + b->len, hosts);

		at += b->len;
		if (is_whole && answer != (is_last ? r->answer : HPACK_END))
			fail_msg("%s: block %d answers %d", r->name, i, answer);
		if (is_whole && strcmp(hosts, b->hosts))
			fail_msg("%s: block %d names \"%s\"", r->name, i, hosts);
		if (is_whole && answer == HPACK_END && t.size != b->size)
			fail_msg("%s: block %d leaves %u bytes", r->name, i, t.size);
		/* Cut short, it is not the end, and the names are the first ones. */
		if (!is_whole && (answer == HPACK_END || strncmp(hosts, b->hosts, strlen(hosts))))
			fail_msg("%s: %d, \"%s\" at %zu of %zu", r->name, answer, hosts, len,
				 whole);
	}
	wall_free(wire.at);
}

static void each_row(void **state)
{
	uint8_t bytes[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t whole = join_blocks(&rows[i], bytes, sizeof(bytes));

		for (size_t len = 0; len <= whole; len++)
			check_row(&rows[i], bytes, len, whole);
	}
}

/* Codes of every length, as RFC 7541 appendix B lists them. */
static void codes_of_every_length(void **state)
{
	static const struct {
		uint8_t byte, bits;
		uint32_t code;
	} some[] = {
		{'0', 5, 0x0},	      {'a', 5, 0x3},	    {' ', 6, 0x14},
		{'%', 6, 0x15},	      {'.', 6, 0x17},	    {'-', 6, 0x16},
		{':', 7, 0x5c},	      {'z', 7, 0x7b},	    {'&', 8, 0xf8},
		{'Z', 8, 0xfd},	      {'!', 10, 0x3f8},	    {'?', 10, 0x3fc},
		{'+', 11, 0x7fb},     {'#', 12, 0xffa},	    {'@', 13, 0x1ffa},
		{'~', 13, 0x1ffd},    {'}', 14, 0x3ffd},    {'{', 15, 0x7ffe},
		{'\\', 19, 0x7fff0},  {128, 20, 0xfffe6},   {1, 23, 0x7fffd8},
		{9, 24, 0xffffea},    {200, 26, 0x3ffffe2}, {0, 13, 0x1ff8},
		{2, 28, 0xfffffe2},   {10, 30, 0x3ffffffc}, {22, 30, 0x3ffffffe},
		{249, 28, 0xffffffe}, {255, 26, 0x3ffffee}, {195, 19, 0x7fff1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		uint32_t laid = some[i].code << (32 - some[i].bits) | UINT32_MAX >> some[i].bits;
		uint8_t len = (uint8_t)((some[i].bits + 7) / 8);
		uint8_t block[] = {0x01,
				   (uint8_t)(0x80 | len),
				   (uint8_t)(laid >> 24),
				   (uint8_t)(laid >> 16),
				   (uint8_t)(laid >> 8),
				   (uint8_t)laid};
		struct hpack_table t;
		char hosts[256];

		hpack_init(&t);
		assert_int_equal(read_block(&t, slice_of(block, 2U + len), 0, 2U + len, hosts),
				 HPACK_END);
		assert_int_equal((uint8_t)hosts[0], some[i].byte);
		assert_string_equal(hosts + 1, " ");
	}
}

/* A value longer than what is kept of it says how long it is. */
static void a_long_value_is_counted(void **state)
{
	static uint8_t block[5 + HPACK_VALUE_MAX + 100] = {0x01, 0x7f, 0xe5, 0x0f};
	struct hpack_block b = {.wire = slice_of(block, sizeof(block)),
				.place = {.end = 4 + HPACK_VALUE_MAX + 100, .is_last = true},
				.next = no_next};
	struct hpack_table t;
	struct hpack_field field;

	(void)state;
	/* 127 + (0x65 | 0x0f << 7) = 2148 */
	hpack_init(&t);
	assert_int_equal(hpack_read(&t, &b, &field), HPACK_OK);
	assert_int_equal(field.kind, HPACK_AUTHORITY);
	assert_int_equal(field.len, HPACK_VALUE_MAX + 100);
	assert_int_equal(hpack_read(&t, &b, &field), HPACK_END);
}

/* Many more entries than the table holds: it never grows beyond its size, and the newest stay. */
static void the_table_keeps_the_newest(void **state)
{
	enum { COUNT = 4000, ENTRY = 4 };
	static uint8_t block[3 + COUNT * ENTRY];
	struct hpack_table t;
	struct hpack_field field;
	struct hpack_block b = {.place = {.is_last = true}, .next = no_next};

	(void)state;
	memcpy(block, "\x3f\xe1\x7f", 3); /* 31 + (0x61 | 0x7f << 7) = 16384 */
	for (size_t i = 0; i < COUNT; i++)
		memcpy(block + 3 + i * ENTRY, (uint8_t[]){0x41, 2, (uint8_t)(i >> 8), (uint8_t)i},
		       ENTRY);
	b.wire = slice_of(block, sizeof(block));
	b.place.end = 3 + COUNT * ENTRY;
	hpack_init(&t);
	while (hpack_read(&t, &b, &field) == HPACK_OK)
		assert_true(t.size <= HPACK_TABLE_HELD);
	/* Each is 10 + 2 + 32 bytes. */
	assert_int_equal(t.count, 372);
	assert_int_equal(t.size, 372 * 44);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(codes_of_every_length),
		cmocka_unit_test(a_long_value_is_counted),
		cmocka_unit_test(the_table_keeps_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
