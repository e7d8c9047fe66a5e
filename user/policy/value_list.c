/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the value of a rule that is a list: what it is called, where it comes from, and how
 * often that is looked at again: "ads https://example.com/ads.txt every 12h". What is in the list
 * is not here (list.h).
 *
 * Standard: RFC 3986 3 (the beginning of an address).
 */
#include "policy/value.h"
#include "dpi/name.h"

#include <errno.h>
#include <stdio.h>

enum {
	NAME_MAX_BYTES = 40,
	SOURCE_MAX_BYTES = 400,
	EVERY_MIN_S = 300,
	EVERY_MAX_S = 30 * 86400,
};

static const struct {
	char letter;
	uint32_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}};

/* A list's name is a file's name too, and a word of the command line. */
static int read_name(struct slice word, char *out, struct fault *f)
{
	char shown[VALUE_SHOW_MAX];
	size_t i = 0;

	for (; i < word.len && word.len <= NAME_MAX_BYTES; i++) {
		uint8_t c = dpi_lower(word.at[i]);
		bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!is_word && (i == 0 || !memchr("-_.", c, 3)))
			break;
		out[i] = (char)c;
	}
	if (word.len && i == word.len)
		return 0;
	return fault_set(f, -EINVAL,
			 "'%s' is no name for a list: use up to %d letters, digits, '-', '_' and "
			 "'.', beginning with a letter or digit",
			 value_show(word, shown), NAME_MAX_BYTES);
}

static bool is_printable(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] > '~' || s.at[i] == '#')
			return false;
	return true;
}

static int check_source(struct slice word, struct fault *f)
{
	struct slice rest = word;
	char shown[VALUE_SHOW_MAX];
	bool is_url = value_take_word(&rest, "http://") || value_take_word(&rest, "https://");

	if (word.len && word.len <= SOURCE_MAX_BYTES && is_printable(word) &&
	    (is_url ? rest.len && rest.at[0] != '/' : word.at[0] == '/'))
		return 0;
	return fault_set(
		f, -EINVAL,
		"'%s' is not where a list can come from: give http://..., https://... or a "
		"whole path from / on, of up to %d plain characters without '#' and spaces",
		value_show(word, shown), SOURCE_MAX_BYTES);
}

/* The seconds of a unit, 0 for what is none. */
static uint32_t unit_of(uint8_t letter)
{
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
		if (dpi_lower(letter) == (uint8_t)units[u].letter)
			return units[u].seconds;
	return 0;
}

int value_read_every(struct slice word, uint32_t *out, struct fault *f)
{
	char shown[VALUE_SHOW_MAX];
	uint64_t n = 0;
	size_t i = 0;

	for (; i < word.len && word.len <= 6 && word.at[i] >= '0' && word.at[i] <= '9'; i++)
		n = n * 10 + (word.at[i] - '0');
	n *= i + 1 == word.len ? unit_of(word.at[i]) : 0;
	if (n < EVERY_MIN_S || n > EVERY_MAX_S)
		return fault_set(f, -EINVAL,
				 "'%s' is not how often a list can be fetched: write 30m, 12h or "
				 "7d, from 5m to 30d",
				 value_show(word, shown));
	*out = (uint32_t)n;
	return 0;
}

/* The largest unit that it is whole in. */
static int print_every(uint32_t every_s, char *out)
{
	size_t u = 0;

	while (every_s % units[u].seconds)
		u++;
	return sprintf(out, " every %u%c", every_s / units[u].seconds, units[u].letter);
}

int value_read_list(union draft *d, struct slice value, const struct rule_apps *apps,
		    struct fault *f)
{
	struct slice rest = value, name = value_next_word(&rest), source = value_next_word(&rest);
	struct slice every = value_next_word(&rest), often = value_next_word(&rest);
	uint32_t every_s = LIST_EVERY_S;
	int err = read_name(name, d->rule.value, f);

	if (!err)
		err = check_source(source, f);
	if (!err && every.len) {
		if (!value_take_word(&every, "every") || every.len || value_next_word(&rest).len)
			err = fault_set(
				f, -EINVAL,
				"behind a list's name and source only 'every 12h' may stand");
		else
			err = value_read_every(often, &every_s, f);
	}
	if (err)
		return err;
	d->rule.list.name_len = (uint8_t)name.len;
	d->rule.list.source_len = (uint16_t)source.len;
	d->rule.list.every_s = every_s;
	d->rule.value[name.len] = ' ';
	memcpy(d->rule.value + name.len + 1, source.at, source.len);
	d->rule.value[name.len + 1 + source.len] = '\0';
	if (every_s != LIST_EVERY_S)
		print_every(every_s, d->rule.value + name.len + 1 + source.len);
	return 0;
}

uint64_t value_list_id(bool is_allow, struct slice value, struct fault *f)
{
	char name[NAME_MAX_BYTES + 1] = "";

	return read_name(value_next_word(&value), name, f) ? 0
							   : value_id(RULE_LIST, is_allow, name);
}

struct slice rule_list_name(const struct rule *r)
{
	return slice_of(r->value, r->list.name_len);
}

struct slice rule_list_source(const struct rule *r)
{
	return slice_of(r->value + r->list.name_len + 1, r->list.source_len);
}
