/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * JA4 of hellos built here: the specification's own examples, its rules one by one, and what a
 * sender does to overfill it. Real hellos are compared by tests/golden/test_ja4.py.
 */
#include "bytes.h"

#include "extract/hello.h"
#include "extract/ja4.h"

#include <stdio.h>

/* A hello by its lists of numbers, as "1301,c02b". */
struct made {
	const char *name;
	enum app_proto proto;	/* 0: TLS */
	uint16_t version;	/* 0: 0x0303 */
	const char *ciphers;	/* NULL: none */
	const char *extensions; /* NULL: not even an empty list; those below get their content */
	const char *algorithms; /* of 000d */
	const char *versions;	/* of 002b */
	struct row_text alpn;	/* the first of 0010 */
	const char *ja4;
	const char *says; /* clue->alpn; NULL: the alpn itself */
};

static void put_list(struct bytes *b, const char *list)
{
	for (const char *at = list; at && *at; at += at[4] ? 5 : 4)
		put_number(b, strtoul(at, NULL, 16), 2);
}

/* A list behind its length of `width` bytes. */
static void put_vector(struct bytes *b, const char *list, size_t width)
{
	put_number(b, list ? (strlen(list) + 1) / 5 * 2 : 0, width);
	put_list(b, list);
}

static void put_extension(struct bytes *b, const struct made *m, size_t type)
{
	static struct bytes content;

	content.len = 0;
	if (type == 0x000d) {
		put_vector(&content, m->algorithms, 2);
	} else if (type == 0x002b) {
		put_vector(&content, m->versions, 1);
	} else if (type == 0x0010) {
		put_number(&content, m->alpn.len + 1 + 3, 2);
		put_number(&content, m->alpn.len, 1);
		put(&content, m->alpn.at, m->alpn.len);
		put(&content, "\2zz", 3); /* another protocol behind it */
	}
	put_number(b, type, 2);
	put_number(b, content.len, 2);
	put(b, content.at, content.len);
}

static void build(struct bytes *b, const struct made *m)
{
	static struct bytes body, extensions;

	body.len = extensions.len = b->len = 0;
	put_number(&body, m->version ? m->version : 0x0303, 2);
	for (int i = 0; i < 32; i++)
		put_number(&body, 0xa5, 1);
	put_number(&body, 0, m->proto == PROTO_DTLS ? 2 : 1); /* no session, no cookie */
	put_vector(&body, m->ciphers, 2);
	put_number(&body, 0x0100, 2);
	for (const char *at = m->extensions; at && *at; at += at[4] ? 5 : 4)
		put_extension(&extensions, m, strtoul(at, NULL, 16));
	if (m->extensions) {
		put_number(&body, extensions.len, 2);
		put(&body, extensions.at, extensions.len);
	}
	put_number(b, 1, 1);
	put_number(b, body.len, 3);
	put(b, body.at, body.len);
}

/* Reads the first len bytes, which lie against an unmapped page. */
static enum extract_answer read_cut(const struct bytes *b, size_t len, enum app_proto proto,
				    struct clue *clue)
{
	const uint8_t *at = lay_against_wall(b->at, len);
	enum extract_answer answer;

	clue_clear(clue);
	answer = hello_read(slice_of(at, len), false, proto, NULL, clue);
	wall_free(at);
	return answer;
}

/* --- one rule a row -------------------------------------------------------------------------- */

#define CHROME_CIPHERS "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
#define CHROME_EXTENSIONS \
	"0000,0033,000d,0023,000b,ff01,000a,001b,4469,0012,002d,0010,0005,002b,0017,0015"
#define CHROME_ALGORITHMS "0403,0804,0401,0503,0805,0501,0806,0601"
#define CHROME                                                                     \
	.ciphers = CHROME_CIPHERS, .extensions = CHROME_EXTENSIONS,                \
	.algorithms = CHROME_ALGORITHMS, .versions = "0304,0303", .alpn = T("h2"), \
	.ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"

/* A hello with one cipher suite and these; its print ends in the hash of the extensions. */
#define ONE .ciphers = "c02f"

static const struct made rows[] = {
	{"the specification's example", CHROME},
	{"any order of cipher suites and extensions",
	 .extensions = "0015,0017,002b,0005,0010,002d,"
		       "0012,4469,001b,000a,ff01,000b,"
		       "0023,000d,0033,0000",
	 .ciphers = "0035,002f,009d,009c,c014,c013,cca8,cca9,c030,c02c,c02f,c02b,1303,1302,1301",
	 .algorithms = CHROME_ALGORITHMS, .versions = "0303,0304", .alpn = T("h2"),
	 .ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"},
	{"reserved numbers everywhere", .ciphers = "0a0a," CHROME_CIPHERS ",fafa",
	 .extensions = "1a1a," CHROME_EXTENSIONS ",eaea", .algorithms = "2a2a," CHROME_ALGORITHMS,
	 .versions = "baba,0304,0303", .alpn = T("h2"),
	 .ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"},
	{"a browser's over QUIC, as others publish it", .proto = PROTO_QUIC,
	 .ciphers = "1301,1302,1303",
	 .extensions = "0000,000a,0010,000d,0033,002d,002b,001b,0039,4469",
	 .algorithms = "0403,0804,0401,0503,0805,0501,0806,0601,0201", .versions = "0304",
	 .alpn = T("h3"), .ja4 = "q13d0310h3_55b375c5d22e_cd85d2d88918"},
	{"no extensions", ONE, .ja4 = "t12i010000_f06271c2b022_000000000000"},
	{"an empty list of extensions", ONE, .extensions = "",
	 .ja4 = "t12i010000_f06271c2b022_000000000000"},
	{"no cipher suites", .extensions = "0005", .ja4 = "t12i000100_000000000000_1ed8eb363bcd"},
	{"reserved cipher suites alone are none", .ciphers = "0a0a,1a1a", .extensions = "0005",
	 .ja4 = "t12i000100_000000000000_1ed8eb363bcd"},
	{"a name counts, and is not hashed", ONE, .extensions = "0000,0005",
	 .ja4 = "t12d010200_f06271c2b022_1ed8eb363bcd"},
	{"a name alone", ONE, .extensions = "0000", .ja4 = "t12d010100_f06271c2b022_000000000000"},
	{"signature algorithms in their own order", ONE, .extensions = "000d",
	 .algorithms = "0403,0503", .ja4 = "t12i010100_f06271c2b022_9e9d0d6f00ab"},
	{"an extension that is there twice counts twice, its content once", ONE,
	 .extensions = "000d,0a0a,000d", .algorithms = "0403",
	 .ja4 = "t12i010200_f06271c2b022_2373d214d14a"},
	/* versions */
	{"TLS 1.1", ONE, .version = 0x0302, .ja4 = "t11i010000_f06271c2b022_000000000000"},
	{"TLS 1.0", ONE, .version = 0x0301, .ja4 = "t10i010000_f06271c2b022_000000000000"},
	{"SSL 3.0", ONE, .version = 0x0300, .ja4 = "ts3i010000_f06271c2b022_000000000000"},
	{"a version nobody knows", ONE, .version = 0x0399,
	 .ja4 = "t00i010000_f06271c2b022_000000000000"},
	{"versions in an extension beat the old field", ONE, .version = 0x0301,
	 .extensions = "002b", .versions = "0303,0304",
	 .ja4 = "t13i010100_f06271c2b022_b9a491fefe05"},
	{"the highest is a draft", ONE, .extensions = "002b", .versions = "0304,7f1c",
	 .ja4 = "t00i010100_f06271c2b022_b9a491fefe05"},
	{"an empty list of versions", ONE, .extensions = "002b",
	 .ja4 = "t12i010100_f06271c2b022_b9a491fefe05"},
	{"DTLS 1.2", ONE, .proto = PROTO_DTLS, .version = 0xfefd,
	 .ja4 = "dd2i010000_f06271c2b022_000000000000"},
	{"DTLS 1.0", ONE, .proto = PROTO_DTLS, .version = 0xfeff,
	 .ja4 = "dd1i010000_f06271c2b022_000000000000"},
	{"DTLS 1.3: the newest is the least number", ONE, .proto = PROTO_DTLS, .version = 0xfefd,
	 .extensions = "002b", .versions = "fefd,fefc",
	 .ja4 = "dd3i010100_f06271c2b022_b9a491fefe05"},
	{"before DTLS 1.0", ONE, .proto = PROTO_DTLS, .version = 0x0100,
	 .ja4 = "d00i010000_f06271c2b022_000000000000"},
};

/* First and last character of a protocol's name, as the specification lists them. */
static const struct {
	struct row_text alpn;
	const char *two;
	const char *says;
} alpn_rows[] = {
	{T("h2"), "h2", "h2"},
	{T("http/1.1"), "h1", "http/1.1"},
	{T("dot"), "dt", "dot"},
	{T("q"), "qq", "q"},
	{T(""), "00", ""},
	{T("\xab"), "ab", ""},
	{T("\xab\xcd"), "ad", ""},
	{T("\x30\xab"), "3b", ""},
	{T("\x30\x31\xab\xcd"), "3d", ""},
	{T("\x30\xab\xcd\x31"), "01", ""},
	{T("\x1a\x1a"), "00", ""}, /* reserved (RFC 8701 3.1) */
	{T("\0\0"), "00", ""},
	{T("h2\0"), "60", ""},
	{T("a-"), "6d", "a-"},
	{T("0123456789abcdef"), "0f", "0123456789abcdef"},
	{T("0123456789abcdefg"), "0g", ""},
};

static void check(const struct made *m)
{
	enum app_proto proto = m->proto ? m->proto : PROTO_TLS;
	static struct bytes b;
	struct clue c;

	build(&b, m);
	if (read_cut(&b, b.len, proto, &c) != EXTRACT_FOUND)
		fail_msg("%s: not found", m->name);
	if (strcmp(c.ja4, m->ja4) != 0)
		fail_msg("%s: %s, expected %s", m->name, c.ja4, m->ja4);
	if (strcmp(c.alpn, m->says ? m->says : m->alpn.at ? m->alpn.at : "") != 0)
		fail_msg("%s: ALPN \"%s\"", m->name, c.alpn);
	assert_true(c.flags & CLUE_HELLO);
	for (size_t len = 0; len < b.len; len++) {
		if (read_cut(&b, len, proto, &c) != EXTRACT_NEED_MORE)
			fail_msg("%s: not awaited at %zu", m->name, len);
		if (c.ja4[0] || c.alpn[0] || (c.flags & CLUE_HELLO))
			fail_msg("%s: a print of part of a hello, at %zu", m->name, len);
	}
}

static void each_rule(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

static void each_protocol_name(void **state)
{
	char name[32], ja4[CLUE_JA4_LEN + 1];

	for (size_t i = 0; i < sizeof(alpn_rows) / sizeof(alpn_rows[0]); i++) {
		struct made m = {.name = name,
				 ONE,
				 .extensions = "0010",
				 .alpn = alpn_rows[i].alpn,
				 .says = alpn_rows[i].says,
				 .ja4 = ja4};

		snprintf(name, sizeof(name), "ALPN %zu", i);
		snprintf(ja4, sizeof(ja4), "t12i0101%s_f06271c2b022_000000000000",
			 alpn_rows[i].two);
		check(&m);
	}
}

/* --- more than there is room for -------------------------------------------------------------- */

/* A list of count numbers, none of them reserved, from `from` on. */
static char *many(unsigned from, unsigned count)
{
	char *list = malloc(count * 5 + 1);

	assert_non_null(list);
	for (unsigned i = 0; i < count; i++)
		snprintf(list + i * 5, 6, "%04x,", from + i);
	list[count * 5 - 1] = '\0';
	return list;
}

/* The first ones count, and what is beyond changes nothing. */
static void overfull_lists(void **state)
{
	static const struct {
		const char *name;
		unsigned ciphers, extensions, algorithms;
	} lists[] = {
		{"cipher suites", JA4_CIPHERS_MAX, 1, 1},
		{"extensions", 1, JA4_EXTENSIONS_MAX, 1},
		{"all of them", JA4_CIPHERS_MAX, JA4_EXTENSIONS_MAX, JA4_ALGORITHMS_MAX},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char print[3][CLUE_JA4_LEN + 1];

		for (unsigned over = 0; over < 3; over++) {
			char *ciphers = many(0x1301, lists[i].ciphers + over * 100);
			char *extensions = many(0x7701, lists[i].extensions + over * 100);
			char *algorithms = many(0x0401, lists[i].algorithms);
			struct made m = {.ciphers = ciphers,
					 .extensions = extensions,
					 .algorithms = algorithms};
			static struct bytes b;
			struct clue c;

			memcpy(extensions, "000d", 4);
			build(&b, &m);
			assert_int_equal(read_cut(&b, b.len, PROTO_TLS, &c), EXTRACT_FOUND);
			memcpy(print[over], c.ja4, sizeof(c.ja4));
			free(ciphers);
			free(extensions);
			free(algorithms);
		}
		assert_int_equal(strlen(print[0]), CLUE_JA4_LEN);
		if (lists[i].ciphers == JA4_CIPHERS_MAX)
			assert_memory_equal(print[0] + 10, print[2] + 10, 13);
		if (lists[i].extensions == JA4_EXTENSIONS_MAX)
			assert_memory_equal(print[0] + 23, print[2] + 23, 13);
		assert_memory_equal(print[2] + 4, "9999", 4);
		if (lists[i].ciphers == 1) /* one more is another print while there is room */
			assert_memory_not_equal(print[0] + 10, print[1] + 10, 13);
	}
}

/* Lengths inside the extensions that lie: the print is made of what is there. */
static void lists_that_lie(void **state)
{
	static const struct {
		const char *name;
		struct row_text extension;
		const char *ja4;
	} lies[] = {
		{"ALPN without content", T("\0\x10\0\0"), "t12i010100_f06271c2b022_000000000000"},
		{"ALPN of one byte", T("\0\x10\0\1\7"), "t12i010100_f06271c2b022_000000000000"},
		{"an ALPN list without a name", T("\0\x10\0\2\0\0"),
		 "t12i010100_f06271c2b022_000000000000"},
		{"an ALPN name longer than its list", T("\0\x10\0\5\0\3\xffh2"),
		 "t12i010100_f06271c2b022_000000000000"},
		{"an ALPN list longer than its extension", T("\0\x10\0\5\xff\xff\2h2"),
		 "t12i0101h2_f06271c2b022_000000000000"},
		{"an odd number of bytes of algorithms", T("\0\xd\0\5\0\3\4\3\5"),
		 "t12i010100_f06271c2b022_79c50902419d"},
		{"more algorithms than the extension holds", T("\0\xd\0\4\xff\xff\4\3"),
		 "t12i010100_f06271c2b022_79c50902419d"},
		{"an odd number of bytes of versions", T("\0\x2b\0\4\3\3\4\3"),
		 "t13i010100_f06271c2b022_b9a491fefe05"},
		{"an extension longer than all of them", T("\0\xd\x7f\xff\0\2\4\3"),
		 "t12i010100_f06271c2b022_79c50902419d"},
	};
	static struct bytes b;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const struct row_text *x = &lies[i].extension;
		struct clue c;

		build(&b, &(struct made){.ciphers = "c02f"});
		put_number(&b, x->len, 2);
		put(&b, x->at, x->len);
		b.at[3] = (uint8_t)(b.len - 4);
		assert_int_equal(read_cut(&b, b.len, PROTO_TLS, &c), EXTRACT_FOUND);
		if (strcmp(c.ja4, lies[i].ja4) != 0)
			fail_msg("%s: %s, expected %s", lies[i].name, c.ja4, lies[i].ja4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),
		cmocka_unit_test(each_protocol_name),
		cmocka_unit_test(overfull_lists),
		cmocka_unit_test(lists_that_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
