/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The few ways in which HTTP/1 text is cut up: lines, blanks, words without regard to case.
 */
#ifndef EXTRACT_HTTP_TEXT_H
#define EXTRACT_HTTP_TEXT_H

#include "base/slice.h"
#include "dpi/name.h"

/* Optional white space (RFC 9110 5.6.3). */
static inline bool http_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* A byte of a method name or field name (RFC 9110 5.6.2). */
static inline bool http_is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Eight bytes, the first the lowest. */
static inline uint64_t http_eight(const uint8_t *at)
{
	uint64_t eight;

	memcpy(&eight, at, sizeof(eight));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	eight = __builtin_bswap64(eight);
#endif
	return eight;
}

/* The highest bit of the first byte of eight that is below c (and of none before it). */
static inline uint64_t http_below(uint64_t eight, uint8_t c)
{
	const uint64_t ones = UINT64_MAX / 0xff;

	return (eight - ones * c) & ~eight & (ones << 7);
}

/* Takes the line that begins at *at, without its LF or CRLF (RFC 9112 2.2 allows both), and moves
 * *at behind it. False, and nothing moved, when the bytes end before the line does. */
static inline bool http_take_line(struct slice bytes, size_t *at, struct slice *line)
{
	struct slice rest = slice_from(bytes, *at);
	const uint8_t *lf = rest.len ? memchr(rest.at, '\n', rest.len) : NULL;

	if (!lf)
		return false;
	*line = slice_of(rest.at, (size_t)(lf - rest.at));
	*at += line->len + 1;
	if (line->len && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* Without blanks and line ends at either side. */
static inline struct slice http_trim(struct slice s)
{
	while (s.len && (http_is_blank(s.at[0]) || s.at[0] == '\r' || s.at[0] == '\n'))
		s = slice_from(s, 1);
	while (s.len && (http_is_blank(s.at[s.len - 1]) || s.at[s.len - 1] == '\r' ||
			 s.at[s.len - 1] == '\n'))
		s.len--;
	return s;
}

/* word is in lower case. */
static inline bool http_is_word(struct slice s, const char *word)
{
	size_t i;

	for (i = 0; i < s.len && word[i]; i++)
		if (dpi_lower(s.at[i]) != (uint8_t)word[i])
			return false;
	return i == s.len && !word[i];
}

#endif
