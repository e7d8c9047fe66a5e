/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: policy/when.h without a zone. The words that say when are kept as they are, and every
 * rule is in force in the browser; whoever takes the rules from here reads the words.
 */
#include "policy/value.h"

#include <errno.h>

/* Of lists alone, whose values have blanks in them. */
struct slice value_part(struct slice *value, enum rule_kind kind, const struct rule_apps *apps)
{
	struct slice rest = *value, when;

	do {
		value_next_word(&rest);
		when = rest;
	} while (when.len && !when_begins(value_next_word(&when)));
	value->len = (size_t)(rest.at - value->at);
	return rest;
}

int when_canonical(struct slice words, char out[WHEN_TEXT_MAX], struct fault *f)
{
	while (words.len && words.at[0] <= ' ')
		words = slice_from(words, 1);
	while (words.len && words.at[words.len - 1] <= ' ')
		words.len--;
	if (words.len >= WHEN_TEXT_MAX)
		return fault_set(f, -EINVAL, "the line is longer than %d bytes: break it up",
				 WHEN_TEXT_MAX);
	memcpy(out, words.at, words.len);
	out[words.len] = '\0';
	return 0;
}
