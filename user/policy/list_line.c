/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: one line of a list, told by its own bytes: a row of a hosts file, a name, a filter
 * rule, an address, or something to leave out and count. It must never guess: a rule that says more
 * than a name (an option, a pattern, a part of a page) is none for a filter of names.
 *
 * Forms: hosts(5); the filter rules of Adblock Plus as AdGuard Home and Pi-hole read them; RFC
 * 4632.
 */
#include "policy/list_reader.h"
#include "policy/value.h"

#include <errno.h>
#include <stdio.h>

enum { IP4_BITS = 96, NET4_BITS_MIN = IP4_BITS + 8, NET6_BITS_MIN = 16 };

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice trim(struct slice s)
{
	while (s.len && is_space(s.at[0]))
		s = slice_from(s, 1);
	while (s.len && is_space(s.at[s.len - 1]))
		s.len--;
	return s;
}

static bool begins(struct slice s, const char *word)
{
	return slice_equal(slice_first(s, strlen(word)), slice_text(word));
}

static bool ends(struct slice s, const char *word)
{
	size_t len = strlen(word);

	return s.len >= len && slice_equal(slice_from(s, s.len - len), slice_text(word));
}

/* --- names ------------------------------------------------------------------------------------ */

/* True for what a hosts file says of the host itself, and for names that no resolver gives. */
static bool is_local_name(struct slice name)
{
	return !memchr(name.at, '.', name.len) || ends(name, ".localdomain") ||
	       ends(name, ".local") || ends(name, ".localhost");
}

/* No top domain is a number: what ends in one is an address, or a piece of one (RFC 3696 2). */
static bool ends_in_number(struct slice name)
{
	size_t at = name.len;

	while (at && name.at[at - 1] >= '0' && name.at[at - 1] <= '9')
		at--;
	return at < name.len && (!at || name.at[at - 1] == '.');
}

/* Makes a name canonical behind the marks that are to stand before it. Returns the entry's length,
 * or 0: it was counted as something to leave out. */
static size_t make_name(struct list_counts *c, struct slice name, const char *marks, char *out)
{
	size_t before = strlen(marks);
	struct slice made;
	int len;

	memcpy(out, marks, before);
	len = value_name(name, out + before, NULL);
	if (len <= 0) {
		c->unknown++;
		return 0;
	}
	made = slice_of(out + before, (size_t)len);
	if (is_local_name(made))
		c->local++;
	else if (ends_in_number(made))
		c->unknown++;
	else if (value_is_public_suffix(out + before))
		c->suffixes++;
	else
		return before + made.len;
	return 0;
}

static int take_name(struct list_reader *r, struct slice name, const char *marks)
{
	char entry[VALUE_MAX + 1];
	size_t len = make_name(list_reader_counts(r), name, marks, entry);

	return len ? list_reader_add(r, slice_of(entry, len), false) : 0;
}

/* --- addresses -------------------------------------------------------------------------------- */

static bool is_ip4(const struct dpi_addr *a, uint8_t bits)
{
	static const struct dpi_addr mapped = {.b = {[10] = 0xff, [11] = 0xff}};

	return bits >= IP4_BITS && addr_in_net(a, &mapped, IP4_BITS);
}

/* What hosts files give names that are not to be reached: the host itself, or nobody. */
static bool is_host_itself(const struct dpi_addr *a, uint8_t bits)
{
	static const struct dpi_addr loopback6 = {.b = {[15] = 1}}, none6 = {0};

	if (is_ip4(a, bits))
		return a->b[12] == 0 || a->b[12] == 127 || a->w[3] == 0xffffffff;
	return bits == 128 && (memcmp(a, &loopback6, 16) == 0 || memcmp(a, &none6, 16) == 0);
}

/* True for a network so wide that it takes much of the internet with it. */
static bool is_too_wide(const struct dpi_addr *a, uint8_t bits)
{
	if (addr_is_multicast(a) || (!is_ip4(a, bits) && (a->b[0] & 0xfe) == 0xfc))
		return false; /* multicast and what is reserved behind it; unique local */
	return bits < (is_ip4(a, bits) ? NET4_BITS_MIN : NET6_BITS_MIN);
}

static int take_addr(struct list_reader *r, const struct dpi_addr *a, uint8_t bits, struct fault *f)
{
	char entry[ADDR_TEXT_MAX + 8];
	size_t len;

	if (is_too_wide(a, bits))
		return fault_set(f, -EINVAL,
				 "it holds %s/%u, which would block much of the internet: take "
				 "that out, or block it by `block-ip` if it is meant",
				 addr_format(a, entry), is_ip4(a, bits) ? bits - 96U : bits);
	if (is_host_itself(a, bits)) {
		list_reader_counts(r)->local++;
		return 0;
	}
	addr_format(a, entry);
	len = strlen(entry);
	if (bits < 128)
		len += (size_t)sprintf(entry + len, "/%u", is_ip4(a, bits) ? bits - 96U : bits);
	return list_reader_add(r, slice_of(entry, len), true);
}

/* --- the forms of a line ---------------------------------------------------------------------- */

/* A rule for what a page shows: "name,name##.advert". Two hashes behind a space are a comment. */
static bool is_cosmetic(struct slice line)
{
	static const char *const marks[] = {"##", "#@#", "#?#", "#$#", "#%#", "$$"};

	if (!memchr(line.at, '#', line.len) && !memchr(line.at, '$', line.len))
		return false;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const uint8_t *at = memmem(line.at, line.len, marks[i], strlen(marks[i]));
		struct slice before, behind;

		if (!at)
			continue;
		before = slice_first(line, (size_t)(at - line.at));
		behind = slice_from(line, before.len + strlen(marks[i]));
		if (before.len ? !memchr(before.at, ' ', before.len) &&
					 !memchr(before.at, '\t', before.len)
			       : behind.len && !is_space(behind.at[0]) && behind.at[0] != '#')
			return true;
	}
	return false;
}

static bool is_comment(struct slice line)
{
	return line.at[0] == '!' || line.at[0] == '#' || line.at[0] == ';' ||
	       (line.at[0] == '[' && line.at[line.len - 1] == ']');
}

/* "||name^": what the rule says beyond a name is not for us. */
static int read_rule(struct list_reader *r, struct slice rule, bool is_spare, struct fault *f)
{
	struct list_counts *c = list_reader_counts(r);
	struct dpi_addr addr;

	if (memchr(rule.at, '$', rule.len)) {
		c->options++;
		return 0;
	}
	if (!begins(rule, "||") || !ends(rule, "^")) {
		c->patterns++;
		return 0;
	}
	rule = slice_of(rule.at + 2, rule.len - 3);
	if (!is_spare && addr_parse(rule, &addr) == 0)
		return take_addr(r, &addr, 128, f);
	for (size_t i = 0; i < rule.len; i++)
		if (rule.at[i] && strchr("*/^|:?=%", rule.at[i])) {
			c->patterns++;
			return 0;
		}
	return take_name(r, rule, is_spare ? "@" : "");
}

/* "0.0.0.0 a.example b.example": with another address the row says where a name is. */
static int read_hosts(struct list_reader *r, const struct dpi_addr *addr, struct slice rest)
{
	struct list_counts *c = list_reader_counts(r);
	bool is_block = is_host_itself(addr, 128);
	struct slice name;
	int err = 0;

	while (!err && (name = value_next_word(&rest)).len) {
		if (is_block)
			err = take_name(r, name, "=");
		else
			++*(is_local_name(name) ? &c->local : &c->rewrites);
	}
	return err;
}

/* An address with a zone ("fe80::1%lo0") as one without. */
static struct slice without_zone(struct slice word)
{
	const uint8_t *zone = memchr(word.at, '%', word.len);

	return zone ? slice_first(word, (size_t)(zone - word.at)) : word;
}

/* One word that is no address. */
static int read_word(struct list_reader *r, struct slice word)
{
	struct list_counts *c = list_reader_counts(r);

	if (memchr(word.at, '$', word.len)) {
		c->options++;
		return 0;
	}
	if (begins(word, "*."))
		return take_name(r, slice_from(word, 2), "");
	for (size_t i = 0; i < word.len; i++)
		if (strchr("/*^|", word.at[i]) && word.at[i]) {
			c->patterns++;
			return 0;
		}
	return take_name(r, word, "=");
}

static int read_words(struct list_reader *r, struct slice line, struct fault *f)
{
	struct slice rest = line, first;
	struct dpi_addr addr;
	uint8_t bits;

	for (size_t i = 1; i < rest.len; i++)
		if ((rest.at[i] == '#' || rest.at[i] == ';') && is_space(rest.at[i - 1]))
			rest.len = i;
	first = value_next_word(&rest);
	rest = trim(rest);
	if (!rest.len && addr_parse_net(first, &addr, &bits) == 0)
		return take_addr(r, &addr, bits, f);
	if (rest.len && addr_parse(without_zone(first), &addr) == 0)
		return read_hosts(r, &addr, rest);
	if (!rest.len)
		return read_word(r, first);
	list_reader_counts(r)->unknown++;
	return 0;
}

int list_line_read(struct list_reader *r, struct slice line, struct fault *f)
{
	struct list_counts *c = list_reader_counts(r);

	line = trim(line);
	if (!line.len)
		return 0;
	if (is_cosmetic(line)) {
		c->lines++;
		c->cosmetic++;
		return 0;
	}
	if (is_comment(line))
		return 0;
	c->lines++;
	if (begins(line, "@@"))
		return read_rule(r, slice_from(line, 2), true, f);
	if (line.at[0] == '|' || line.at[0] == '/')
		return read_rule(r, line, false, f);
	return read_words(r, line, f);
}
