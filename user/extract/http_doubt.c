/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the requests behind an HTTP/1 body of doubtful length. Servers that disagree about
 * one body disagree about all that follows it, and how each of them reads on cannot be followed; so
 * every line that ends as a request line does counts as one, wherever in the line the request may
 * begin, and so do the hosts of the lines behind it. That a body which holds such lines is named
 * for what is in it is the price, paid only by those who send fields that contradict themselves.
 *
 * Standards: RFC 9112 3, 5, 6.3, 11.2 (request smuggling).
 */
#include "extract/http_doubt.h"

#include "extract/http_host.h"
#include "extract/http_line.h"
#include "extract/http_text.h"

/* "GET /" */
enum { LINE_MIN = 5 };

/* As http_take_line(), for lines of which most are short. */
static bool take_line(struct slice bytes, size_t *at, struct slice *line)
{
	size_t end = *at;

	while (end < bytes.len && bytes.at[end] != '\n')
		end++;
	if (end == bytes.len)
		return false;
	*line = slice_of(bytes.at + *at, end - *at);
	*at = end + 1;
	if (line->len && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* Whatever of the words could be the target, and the target of a CONNECT. */
static void add_targets(struct clue *clue, struct slice words)
{
	static const char connect[] = "connect";
	struct slice last = http_line_last_word(&words), word = last;
	struct slice method = words;

	method = http_line_last_word(&method);
	if (method.len >= sizeof(connect) - 1 &&
	    http_is_word(slice_from(method, method.len - (sizeof(connect) - 1)), connect))
		http_host_add(clue, last);
	for (; word.len; word = http_line_last_word(&words)) {
		struct slice authority = http_host_of_target(word);

		if (authority.len)
			http_host_add(clue, authority);
	}
}

void http_doubt_read(struct http_fields *f, struct slice bytes, size_t at)
{
	bool is_head = false, is_first = false;
	struct slice line, words;
	size_t start = at, next;

	for (; take_line(bytes, &at, &line); start = at) {
		if (line.len >= LINE_MIN && http_line_ends_in(line, &words)) {
			add_targets(f->clue, words);
			f->host_count = 0;
			is_head = is_first = true;
			continue;
		}
		is_head = is_head && line.len;
		/* A folded line is taken with the one before it. */
		next = start;
		if (is_head && (is_first || !http_is_blank(line.at[0])))
			(void)http_fields_take(f, bytes, &next);
		is_first = false;
	}
}
