/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading a request's head; see head.h. Line by line, each looked at once.
 */
#include "api/head.h"

#include <strings.h>

static enum head_state refuse(struct head *h, unsigned status, const char *fault)
{
	h->status = status;
	h->fault = fault;
	return HEAD_BAD;
}

/* RFC 9110 5.6.2 */
static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (!((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
		      (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return s.len > 0;
}

static bool is_word(struct slice s, const char *word)
{
	return s.len == strlen(word) && strncasecmp((const char *)s.at, word, s.len) == 0;
}

static struct slice trimmed(struct slice s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = slice_from(s, 1);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static size_t find(struct slice s, uint8_t byte)
{
	const uint8_t *at = s.len ? memchr(s.at, byte, s.len) : NULL;

	return at ? (size_t)(at - s.at) : s.len;
}

/* --- the request line (RFC 9112 3) ------------------------------------------------------------ */

static bool target_is_good(const struct head *h, struct slice target)
{
	if (h->is_options && target.len == 1 && target.at[0] == '*')
		return true;
	for (size_t i = 0; i < target.len; i++)
		if (target.at[i] <= 0x20 || target.at[i] >= 0x7f || target.at[i] == '#')
			return false;
	return target.len && target.at[0] == '/';
}

static enum head_state request_line(struct head *h, struct slice line)
{
	size_t n = find(line, ' ');
	struct slice method = slice_first(line, n), rest = slice_from(line, n + 1), target;

	if (!is_token(method) || method.len > HEAD_METHOD_MAX || n == line.len)
		return refuse(h, 400, "the request line does not begin with a method");
	h->is_options = is_word(method, "OPTIONS");
	n = find(rest, ' ');
	target = slice_first(rest, n);
	if (target.len > HEAD_TARGET_MAX)
		return refuse(h, 414, "the path and query are longer than 4096 bytes");
	rest = slice_from(rest, n + 1);
	if (!target_is_good(h, target))
		return refuse(h, 400,
			      "the request's path is not one: it begins with / and holds "
			      "no blank or control byte");
	if (rest.len == 8 && memcmp(rest.at, "HTTP/", 5) == 0 && rest.at[6] == '.' &&
	    memcmp(rest.at, "HTTP/1.", 7) != 0)
		return refuse(h, 505, "this is HTTP/1.1");
	if (rest.len != 8 || memcmp(rest.at, "HTTP/1.", 7) != 0 ||
	    (rest.at[7] != '0' && rest.at[7] != '1'))
		return refuse(h, 400, "the request line does not end with HTTP/1.1");
	h->is_http10 = rest.at[7] == '0';
	return HEAD_MORE;
}

/* --- field lines (RFC 9112 5, 6) -------------------------------------------------------------- */

static bool value_is_good(struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] == 0x7f)
			return false;
	return true;
}

static bool is_number(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
	return s.len > 0 && s.len < 19;
}

static enum head_state field(struct head *h, struct slice name, struct slice value)
{
	if (is_word(name, "host")) {
		if (h->hosts++)
			return refuse(h, 400, "there are two Host fields");
		if (!value.len)
			return refuse(h, 400, "the Host field is empty");
	} else if (is_word(name, "content-length")) {
		if (h->lengths++)
			return refuse(h, 400, "there are two Content-Length fields");
		if (!is_number(value))
			return refuse(h, 400, "Content-Length is not a number");
	} else if (is_word(name, "transfer-encoding")) {
		if (h->encodings++ || !is_word(value, "chunked") || h->is_http10)
			return refuse(h, 400, "Transfer-Encoding is not plain chunked");
	} else if (is_word(name, "expect") && !is_word(value, "100-continue")) {
		return refuse(h, 417, "nothing but 100-continue can be expected");
	}
	return HEAD_MORE;
}

static enum head_state field_line(struct head *h, struct slice line)
{
	size_t n = find(line, ':');

	if (line.at[0] == ' ' || line.at[0] == '\t')
		return refuse(h, 400, "a header field goes on over a second line");
	if (n == line.len || !is_token(slice_first(line, n)))
		return refuse(h, 400, "a header line is not NAME: VALUE");
	if (!value_is_good(slice_from(line, n + 1)))
		return refuse(h, 400, "a header value holds a control byte");
	return field(h, slice_first(line, n), trimmed(slice_from(line, n + 1)));
}

/* The empty line came: is all there that must be? */
static enum head_state end(struct head *h)
{
	if (!h->hosts && !h->is_http10)
		return refuse(h, 400, "the Host field is missing");
	if (h->lengths && h->encodings)
		return refuse(h, 400, "there are both Content-Length and Transfer-Encoding");
	return HEAD_WHOLE;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* What has come of a line that is not whole may be too long already. */
static enum head_state unfinished(struct head *h, struct slice seen)
{
	struct slice line = slice_from(seen, h->line);
	size_t blank = find(line, ' ');

	h->searched = seen.len;
	if (h->fields && seen.len - h->fields > HEAD_FIELDS_MAX + 2)
		return refuse(h, 431, "the header fields are longer than 8192 bytes");
	if (h->fields)
		return HEAD_MORE;
	if (blank > HEAD_METHOD_MAX)
		return refuse(h, 400, "the request line does not begin with a method");
	if (blank < line.len && find(slice_from(line, blank + 1), ' ') > HEAD_TARGET_MAX)
		return refuse(h, 414, "the path and query are longer than 4096 bytes");
	if (line.len > HEAD_METHOD_MAX + HEAD_TARGET_MAX + 12)
		return refuse(h, 400, "the request line does not end");
	return HEAD_MORE;
}

enum head_state head_read(struct head *h, struct slice seen)
{
	for (;;) {
		size_t at = h->searched + find(slice_from(seen, h->searched), '\n');
		struct slice line;
		enum head_state state;

		if (at >= seen.len)
			return unfinished(h, seen);
		if (at == h->line || seen.at[at - 1] != '\r')
			return refuse(h, 400, "a line of the head does not end with CR LF");
		line = slice_of(seen.at + h->line, at - 1 - h->line);
		if (h->fields && at + 1 - h->fields > HEAD_FIELDS_MAX + (line.len ? 0 : 2))
			return refuse(h, 431, "the header fields are longer than 8192 bytes");
		if (!line.len)
			return h->fields ? end(h)
					 : refuse(h, 400, "the request begins with an empty line");
		state = h->fields ? field_line(h, line) : request_line(h, line);
		if (state != HEAD_MORE)
			return state;
		h->line = h->searched = at + 1;
		if (!h->fields)
			h->fields = h->line;
	}
}
