/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: whether a word is the first of those that say when; see when.h. No value of a rule
 * looks so, but for names of one label such as `sat`, which nobody can register.
 */
#include "dpi/name.h"
#include "policy/value.h"

static bool take_day(struct slice *s)
{
	static const char days[][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
		if (value_take_word(s, days[i]))
			return true;
	return false;
}

bool when_begins(struct slice word)
{
	struct slice rest = word;
	const uint8_t *colon, *dash;

	if (value_take_word(&rest, "until"))
		return !rest.len;
	while (take_day(&rest)) { /* "mon-fri,sun" to its end: mon-ami.example is a name */
		if (!rest.len || (rest.len == 1 && rest.at[0] == ','))
			return true;
		if (rest.at[0] != '-' && rest.at[0] != ',')
			return false;
		rest = slice_from(rest, 1);
	}
	/* Hours; neither an address nor a port has both. */
	colon = memchr(word.at, ':', word.len);
	dash = memchr(word.at, '-', word.len);
	return colon && dash && colon < dash && word.at[0] <= '9';
}
