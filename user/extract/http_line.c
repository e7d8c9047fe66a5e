/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the request line of HTTP/1. Strict as needed to let every other protocol go at its
 * first line.
 *
 * Standards: RFC 9112 3; RFC 1945 5.1 (a request without a version).
 */
#include "extract/http_line.h"

#include "extract/http_host.h"
#include "extract/http_text.h"

enum { METHOD_MAX = 20 };

/* Between the words of a request line: RFC 9112 3 lets servers take any of the controls here, and
 * some split at whatever is white space in Latin-1. */
static bool is_gap(uint8_t c)
{
	return c == ' ' || c == '\t' || c == 0x0b || c == 0x0c || c == '\r' ||
	       (c >= 0x1c && c <= 0x1f) || c == 0x85 || c == 0xa0;
}

static struct slice trim_gaps(struct slice s)
{
	while (s.len && is_gap(s.at[0]))
		s = slice_from(s, 1);
	while (s.len && is_gap(s.at[s.len - 1]))
		s.len--;
	return s;
}

struct slice http_line_last_word(struct slice *words)
{
	struct slice word;
	size_t at;

	while (words->len && is_gap(words->at[words->len - 1]))
		words->len--;
	for (at = words->len; at && !is_gap(words->at[at - 1]); at--)
		;
	word = slice_from(*words, at);
	words->len = at;
	return word;
}

/* "HTTP/1.1", and what servers take for it: any case, leading zeros. */
static bool is_version(struct slice word)
{
	size_t at = sizeof("HTTP/") - 1, dot;

	if (!http_is_word(slice_first(word, at), "http/"))
		return false;
	for (dot = at; dot < word.len && word.at[dot] >= '0' && word.at[dot] <= '9'; dot++)
		;
	if (dot == at || dot + 1 >= word.len || word.at[dot] != '.')
		return false;
	for (at = dot + 1; at < word.len; at++)
		if (word.at[at] < '0' || word.at[at] > '9')
			return false;
	return true;
}

/* A path, or a URL: what a request can be for. */
static bool is_target(struct slice word)
{
	return word.len && (word.at[0] == '/' || http_host_of_target(word).len);
}

/* "name:", as the line behind a request line begins, or a blank: some take that for an empty field.
 */
static enum extract_answer try_field(struct slice rest)
{
	size_t i = 0;

	if (rest.len && http_is_blank(rest.at[0]))
		return EXTRACT_FOUND;
	while (i < rest.len && http_is_token(rest.at[i]))
		i++;
	if (i == rest.len)
		return EXTRACT_NEED_MORE;
	return i && rest.at[i] == ':' ? EXTRACT_FOUND : EXTRACT_NOT_MINE;
}

/* Splits a whole line into method, target and version. rest: the bytes behind it. */
static enum extract_answer split_line(struct http_line *l, struct slice line, struct slice rest)
{
	struct slice words = trim_gaps(slice_from(line, l->method.len)), before = words;
	struct slice word = http_line_last_word(&before);

	if (is_version(word) && before.len) {
		l->is_plain = slice_equal(word, slice_text("HTTP/1.1"));
		l->target = trim_gaps(before);
		return EXTRACT_FOUND;
	}
	/* A simple request is "GET" and a path or URL, and that is all; but some servers read
	 * fields behind it all the same, and then look at nothing in the target. */
	l->has_no_version = true;
	l->target = word;
	if (!slice_equal(l->method, slice_text("GET")) || !word.len || before.len)
		return EXTRACT_NOT_MINE;
	return is_target(word) ? EXTRACT_FOUND : try_field(rest);
}

/* Bytes that a request line may hold. */
static bool is_line_byte(uint8_t c)
{
	return (c >= 0x20 && c != 0x7f) || is_gap(c);
}

/* Where a line ends, or the bytes do, or one is that no request line holds; eight at a time. */
static size_t line_end(struct slice s, size_t at)
{
	const uint64_t delete = UINT64_MAX / 0xff * 0x7f;

	for (;; at++) {
		while (s.len - at >= 8 && !http_below(http_eight(s.at + at), 0x20) &&
		       !http_below(http_eight(s.at + at) ^ delete, 1))
			at += 8;
		if (at == s.len || s.at[at] == '\n' || !is_line_byte(s.at[at]))
			return at;
	}
}

enum extract_answer http_line_take(struct slice bytes, size_t *at, struct http_line *l)
{
	struct slice rest = slice_from(bytes, *at), line;
	size_t len = 0, end;

	while (len < rest.len && len <= METHOD_MAX && http_is_token(rest.at[len]))
		len++;
	if (len > METHOD_MAX)
		return EXTRACT_NOT_MINE;
	if (len == rest.len)
		return EXTRACT_NEED_MORE;
	if (len == 0 || !is_gap(rest.at[len]))
		return EXTRACT_NOT_MINE;
	l->method = slice_first(rest, len);
	end = line_end(rest, len);
	if (end < rest.len && rest.at[end] != '\n')
		return EXTRACT_NOT_MINE;
	if (!http_take_line(bytes, at, &line))
		return EXTRACT_NEED_MORE;
	return split_line(l, line, slice_from(bytes, *at));
}

bool http_line_ends_in(struct slice line, struct slice *words)
{
	static const char get[] = "GET";
	struct slice before = line, word = http_line_last_word(&before);

	*words = before;
	if (is_version(word)) {
		word = http_line_last_word(&before);
		return word.len && before.len;
	}
	if (!is_target(word))
		return false;
	*words = line;
	word = http_line_last_word(&before);
	return word.len >= sizeof(get) - 1 &&
	       memcmp(word.at + word.len - (sizeof(get) - 1), get, sizeof(get) - 1) == 0;
}

void http_line_skip_empty(struct slice bytes, size_t *at)
{
	while (*at < bytes.len && (bytes.at[*at] == '\n' || is_gap(bytes.at[*at])))
		*at += 1;
}
