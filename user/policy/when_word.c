/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: whether a word is the first of those that say when; see when.h. No value of a rule
 * looks so, but for one-label names such as `sat`, which nobody can register.
 */
#include "dpi/name.h"
#include "policy/when.h"

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Bytes of the word, ended by NULs, in lower case. */
static void head_of(struct slice word, char out[8])
{
	memset(out, 0, 8);
	for (size_t i = 0; i < 7 && i < word.len; i++)
		out[i] = (char)dpi_lower(word.at[i]);
}

bool when_begins(struct slice word)
{
	static const char days[] = "mon tue wed thu fri sat sun ";
	char head[8];
	size_t digits = 0;

	head_of(word, head);
	if (strcmp(head, "until") == 0)
		return true;
	while (digits < 2 && is_digit((uint8_t)head[digits]))
		digits++;
	if (digits)
		return head[digits] == ':' && is_digit((uint8_t)head[digits + 1]) &&
		       is_digit((uint8_t)head[digits + 2]) && head[digits + 3] == '-';
	for (const char *d = days; *d; d += 4)
		if (memcmp(head, d, 3) == 0)
			return head[3] == '\0' || head[3] == '-' || head[3] == ',';
	return false;
}
