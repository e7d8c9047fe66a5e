/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: a value parted from the words behind it that say when; see value.h.
 */
#include "policy/value.h"

/* Only an application's name has blanks in it, and such a word may be a part of one. */
struct slice value_part(struct slice *value, enum rule_kind kind, const struct rule_apps *apps)
{
	struct slice rest = *value, first, name, when;

	if (!value->len || !memchr(value->at, ' ', value->len))
		return slice_of(value->at, 0);
	name = first = value_next_word(&rest);
	if (kind == RULE_APP)
		name = value_app_name(apps, first, rest);
	rest = slice_from(rest, name.len - first.len);
	for (when = rest; rest.len; when = rest) {
		struct slice word = value_next_word(&rest);

		if (!when_begins(word))
			continue;
		*value = slice_of(first.at, (size_t)(when.at - first.at));
		while (value->len &&
		       (value->at[value->len - 1] == ' ' || value->at[value->len - 1] == '\t'))
			value->len--;
		return when;
	}
	return slice_of(value->at, 0);
}
