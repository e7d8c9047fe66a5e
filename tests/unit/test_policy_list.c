/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: lists as the world writes them, a table of lines of every form; each whole, cut at
 * every length, and fed byte by byte against memory that ends where it ends.
 */
#include "policy/list_reader.h"
#include "support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define L63	     "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567890"

/* What each line is: the entries it gives, or the count it is left out under. */
static const struct {
	const char *name, *line, *entries, *left_out;
} lines[] = {
	{"nothing", "", "", ""},
	{"blanks", "  \t ", "", ""},
	{"a comment", "# ads", "", ""},
	{"a comment of a filter list", "! Title: ads", "", ""},
	{"a comment of an address list", "; Spamhaus", "", ""},
	{"the head of a filter list", "[Adblock Plus 2.0]", "", ""},
	{"a heading of a hosts file", "## Section ##", "", ""},
	{"a rule of hashes", "##########", "", ""},
	/* hosts */
	{"a row of a hosts file", "0.0.0.0 ads.example", "=ads.example\n", ""},
	{"one with tabs", "127.0.0.1\tads.example", "=ads.example\n", ""},
	{"one with a line end of DOS", "0.0.0.0 ads.example\r", "=ads.example\n", ""},
	{"one with many names", "0.0.0.0 a.example b.example", "=a.example\n=b.example\n", ""},
	{"one with a comment", "0.0.0.0 a.example # b.example", "=a.example\n", ""},
	{"one of IPv6", ":: ads.example", "=ads.example\n", ""},
	{"one of IPv6's loopback", "::1 ads.example", "=ads.example\n", ""},
	{"in any case, with a dot", "0.0.0.0 Ads.EXAMPLE.", "=ads.example\n", ""},
	{"localhost", "127.0.0.1 localhost", "", "local"},
	{"localhost, at length", "127.0.0.1 localhost.localdomain", "", "local"},
	{"the host of a Mac", "255.255.255.255 broadcasthost", "", "local"},
	{"a zone", "fe80::1%lo0 localhost", "", "local"},
	{"a multicast name", "ff02::1 ip6-allnodes", "", "local"},
	{"nobody's address alone", "0.0.0.0 0.0.0.0", "", "unknown"},
	{"where a name is", "203.0.113.9 intra.example", "", "rewrites"},
	/* names */
	{"a plain name", "ads.example", "=ads.example\n", ""},
	{"with an underscore", "_ad.example", "=_ad.example\n", ""},
	{"a name and a comment", "ads.example # known", "=ads.example\n", ""},
	{"a name and all below", "*.ads.example", "ads.example\n", ""},
	{"in another script",
	 "b\xc3\xbc"
	 "cher.example",
	 "=xn--bcher-kva.example\n", ""},
	{"one label", "adserver", "", "local"},
	{"a public suffix", "co.uk", "", "suffixes"},
	{"a public suffix and all below", "||co.uk^", "", "suffixes"},
	{"a label too long", L63 "a.example", "", "unknown"},
	{"an empty label", "a..example", "", "unknown"},
	{"a name that ends in a number", "1.2.3", "", "unknown"},
	{"two words", "ads example.com", "", "unknown"},
	{"no UTF-8", "\xff\xfe.example", "", "unknown"},
	/* filter rules */
	{"a filter rule", "||ads.example^", "ads.example\n", ""},
	{"in any case", "||Ads.Example^", "ads.example\n", ""},
	{"an exception", "@@||good.ads.example^", "@good.ads.example\n", ""},
	{"a filter rule in another script",
	 "||b\xc3\xbc"
	 "cher.example^",
	 "xn--bcher-kva.example\n", ""},
	{"an address as a filter rule", "||203.0.113.9^", "203.0.113.9\n", ""},
	{"an exception that is a pattern", "@@ads.example", "", "patterns"},
	{"an option", "||ads.example^$third-party", "", "options"},
	{"an option of an exception", "@@||ads.example^$document", "", "options"},
	{"an option behind a name", "ads.example$important", "", "options"},
	{"no end", "||ads.example", "", "patterns"},
	{"a path", "||ads.example/banner^", "", "patterns"},
	{"a wildcard", "||ads*.example^", "", "patterns"},
	{"a wildcard label", "||*.example^", "", "patterns"},
	{"a port", "||ads.example:8080^", "", "patterns"},
	{"one bar", "|http://ads.example^", "", "patterns"},
	{"a regular expression", "/^ads[0-9]+\\./", "", "patterns"},
	{"an address of a page", "https://ads.example/x.js", "", "patterns"},
	{"a piece of an address", "-banner-*.gif", "", "patterns"},
	{"a cosmetic rule", "example.com##.advert", "", "cosmetic"},
	{"a cosmetic rule of every page", "##.advert", "", "cosmetic"},
	{"a cosmetic exception", "example.com#@#.advert", "", "cosmetic"},
	{"a script rule", "example.com#%#window.x=1", "", "cosmetic"},
	{"a rule of a page's text", "example.com$$script[src]", "", "cosmetic"},
	/* addresses */
	{"an address", "203.0.113.9", "203.0.113.9\n", ""},
	{"a network", "203.0.113.0/24", "203.0.113.0/24\n", ""},
	{"a network with a host in it", "203.0.113.9/24", "203.0.113.0/24\n", ""},
	{"a network and a comment", "203.0.113.0/24 ; SBL1", "203.0.113.0/24\n", ""},
	{"an address of IPv6", "2001:DB8::1", "2001:db8::1\n", ""},
	{"a network of IPv6", "2001:db8::/32", "2001:db8::/32\n", ""},
	{"a private network", "10.0.0.0/8", "10.0.0.0/8\n", ""},
	{"multicast and reserved", "224.0.0.0/3", "224.0.0.0/3\n", ""},
	{"the host's own", "127.0.0.1", "", "local"},
	{"nobody's", "0.0.0.0", "", "local"},
	{"a range", "203.0.113.1-203.0.113.9", "", "unknown"},
	{"an address out of range", "203.0.113.256", "", "unknown"},
	{"a network too long", "203.0.113.0/33", "", "patterns"},
};

static uint64_t count_of(const struct list_counts *c, const char *name)
{
#define X(field, help)                 \
	if (strcmp(name, #field) == 0) \
		return c->field;
	LIST_COUNTS(X)
#undef X
	fail_msg("%s", name);
	return 0;
}

/* All that can be said of a list in one text: its own, and its counts. */
static void sum_up(const struct list *l, const struct list_counts *c, char *out, size_t size)
{
	size_t at = (size_t)snprintf(out, size, "%.*s", l ? (int)list_text(l).len : 0,
				     l ? (const char *)list_text(l).at : "");
#define X(field, help) at += (size_t)snprintf(out + at, size - at, #field "%d ", (int)c->field);
	LIST_COUNTS(X)
#undef X
}

/* Reads a text in pieces of so many bytes. */
static int read_text(const char *text, size_t len, size_t piece, struct list **out,
		     struct list_counts *counts, struct fault *f)
{
	struct list_reader *r = list_reader_new();
	int err = 0;

	*out = NULL;
	*counts = (struct list_counts){0};
	for (size_t at = 0; at < len && !err; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		const uint8_t *wall = lay_against_wall(text + at, n);

		err = list_reader_feed(r, slice_of(wall, n), f);
		wall_free(wall);
	}
	if (!err)
		err = list_reader_end(r, out, counts, f);
	list_reader_free(r);
	return err;
}

/* A line among many that are understood, so that the file is not refused for it. */
static const char others[] = "z1.example\nz2.example\nz3.example\nz4.example\n";

/* Whole and byte by byte it says the same; only a network that was cut wide is refused. */
static void read_cut(const char *line, size_t len)
{
	char text[512], said[2048], one[2048];
	struct list_counts c;
	struct list *l;
	struct fault f;
	int err;

	memcpy(text, others, sizeof(others) - 1);
	memcpy(text + sizeof(others) - 1, line, len);
	len += sizeof(others) - 1;
	err = read_text(text, len, len, &l, &c, &f);
	sum_up(l, &c, said, sizeof(said));
	list_drop(l);
	assert_int_equal(read_text(text, len, 1, &l, &c, &f), err);
	sum_up(l, &c, one, sizeof(one));
	assert_string_equal(one, said);
	list_drop(l);
	if (err)
		assert_non_null(strstr(f.text, "much of the internet"));
}

static void every_form(void **state)
{
	static const char expect_others[] = "=z1.example\n=z2.example\n=z3.example\n=z4.example\n";
	char said[2048], expected[1024];
	struct list_counts c;
	struct list *l;
	struct fault f;

	for (size_t i = 0; i < COUNT(lines); i++) {
		char text[512];
		size_t left = 0;

		print_message("%s\n", lines[i].name);
		snprintf(text, sizeof(text), "%s%s", others, lines[i].line);
		assert_int_equal(read_text(text, strlen(text), 7, &l, &c, &f), 0);
		snprintf(expected, sizeof(expected), "%s%s", expect_others, lines[i].entries);
		snprintf(said, sizeof(said), "%.*s", (int)list_text(l).len,
			 (const char *)list_text(l).at);
		assert_string_equal(said, expected);
		if (*lines[i].left_out)
			assert_int_equal(count_of(&c, lines[i].left_out), 1);
		left = c.cosmetic + c.options + c.patterns + c.local + c.suffixes + c.rewrites +
		       c.unknown;
		assert_int_equal(left, *lines[i].left_out ? 1 : 0);
		list_drop(l);
		for (size_t cut = 0; cut < strlen(lines[i].line); cut++)
			read_cut(lines[i].line, cut);
	}
}

static const struct {
	const char *name, *text, *fault;
} refused[] = {
	{"nothing at all", "", "no name and no address"},
	{"only comments", "# a\n! b\n", "no name and no address"},
	{"only what is left out", "a.example##.x\n||b.example^$image\n", "no name and no address"},
	{"a page", "<!DOCTYPE html>\n<p>gone</p>\n", "HTML"},
	{"a page behind blanks and a mark", "\xef\xbb\xbf\n  \n <html>", "HTML"},
	{"something packed", "\x1f\x8b\x08\x00\x00\x00", "not text"},
	{"a letter", "dear all,\nthe list has moved\nsee a.example\n", "not understood"},
	{"everything", "a.example\n0.0.0.0/0\n", "much of the internet"},
	{"half of it", "a.example\n128.0.0.0/1\n", "much of the internet"},
	{"all of IPv6", "a.example\n2000::/3\n", "much of the internet"},
};

static void what_is_none(void **state)
{
	struct list_counts c;
	struct list *l;

	for (size_t i = 0; i < COUNT(refused); i++) {
		struct fault f = {""};
		size_t len = strlen(refused[i].text);

		print_message("%s\n", refused[i].name);
		if (refused[i].text[0] == '\x1f')
			len = 6;
		assert_int_equal(read_text(refused[i].text, len, 5, &l, &c, &f), -EINVAL);
		assert_null(l);
		if (!strstr(f.text, refused[i].fault))
			fail_msg("said: %s", f.text);
	}
}

static void twice_is_once(void **state)
{
	static const char text[] = "a.example\n0.0.0.0 A.example\n||a.example^\n||a.example^\n"
				   "203.0.113.9\n203.0.113.9\n*.a.example\n";
	struct list_counts c;
	struct list *l;
	struct fault f;
	char all[64];

	assert_int_equal(read_text(text, strlen(text), 3, &l, &c, &f), 0);
	snprintf(all, sizeof(all), "%.*s", (int)list_text(l).len, (const char *)list_text(l).at);
	assert_string_equal(all, "=a.example\na.example\n203.0.113.9\n");
	assert_int_equal(c.names, 2);
	assert_int_equal(c.addrs, 1);
	assert_int_equal(c.duplicates, 4);
	assert_int_equal(list_name_count(l), 2);
	assert_int_equal(list_addr_count(l), 1);
	list_drop(l);
}

static void a_long_line(void **state)
{
	char *text = malloc(20000);
	struct list_counts c;
	struct list *l;
	struct fault f;

	memset(text, 'a', 20000);
	memcpy(text, "b.example\n", 10);
	memcpy(text + 19000, "\nc.example\n", 11);
	memcpy(text + 19011, "d.example\n", 10);
	for (size_t piece = 1; piece < 9000; piece = piece * 3 + 1) {
		assert_int_equal(read_text(text, 19021, piece, &l, &c, &f), 0);
		assert_int_equal(c.names, 3);
		assert_int_equal(c.unknown, 1);
		list_drop(l);
	}
	free(text);
}

/* What is stored comes back; what was changed meanwhile is refused. */
static void canonical(void **state)
{
	static const char good[] = "a.example\n=b.example\n@c.example\n@=d.example\n10.0.0.0/8\n"
				   "2001:db8::1\n";
	static const char *const bad[] = {
		"a.example",
		"A.example\n",
		"a b\n",
		"a.example\n\n",
		"10.0.0.0/8\na.example\n",
		"=\n",
		"@\n",
		"a..example\n",
		"# a\n",
		"a.example\n10.0.0.0/33\n",
		"||a.example^\n",
		"*.a.example\n",
	};
	struct list_name n;
	struct fault f;
	struct list *l = list_parse(slice_text(good), &f);
	size_t at = 0, count = 0;

	assert_non_null(l);
	assert_true(slice_equal(list_text(l), slice_text(good)));
	assert_int_equal(list_name_count(l), 4);
	assert_int_equal(list_addr_count(l), 2);
	while (list_next_name(l, &at, &n)) {
		assert_int_equal(n.is_exact, count & 1);
		assert_int_equal(n.is_spare, count >= 2);
		assert_int_equal(n.name.at[0], 'a' + (int)count);
		count++;
	}
	assert_int_equal(count, 4);
	list_drop(l);
	for (size_t i = 0; i < COUNT(bad); i++) {
		l = list_parse(slice_text(bad[i]), &f);
		if (l)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(strstr(f.text, "damaged"));
	}
	for (size_t cut = 0; cut < strlen(good); cut++) {
		const uint8_t *wall = lay_against_wall(good, cut);

		list_drop(list_parse(slice_of(wall, cut), &f));
		wall_free(wall);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form),	 cmocka_unit_test(what_is_none),
		cmocka_unit_test(twice_is_once), cmocka_unit_test(a_long_line),
		cmocka_unit_test(canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
