/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the extent of an HTTP/1 body. When the fields do not say so clearly that every
 * server takes the same from them, that is the answer: whoever wants to hide a request behind a
 * body looks for just such fields.
 *
 * Standards: RFC 9112 6 (message body), 6.1 (coding and length at once, HTTP/1.0), 7.1 (chunked
 * coding).
 */
#include "extract/http_body.h"

#include "extract/http_text.h"

/* Longer than any stream is inspected, and far from where sizes wrap. */
enum { BODY_MAX = 1 << 30 };

/* Where the numbers of some servers wrap. */
#define LENGTH_SURE ((uint64_t)1 << 32)

/* One decimal number, clamped. Returns false when it is anything else, or so large that servers
 * make different numbers of it. */
static bool parse_length(struct slice s, size_t *length)
{
	uint64_t n = 0;

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		if (n < LENGTH_SURE)
			n = n * 10 + (s.at[i] - '0');
	}
	*length = n < BODY_MAX ? (size_t)n : BODY_MAX;
	return n < LENGTH_SURE;
}

void http_body_length(struct http_body *b, struct slice value)
{
	size_t length;

	if (!parse_length(http_trim(value), &length) || (b->has_length && length != b->length)) {
		b->is_unclear = true;
		return;
	}
	b->has_length = true;
	b->length = length;
}

void http_body_coding(struct http_body *b, struct slice value)
{
	size_t last = value.len;

	/* The coding that is none, of older clients (RFC 2616 3.6). */
	if (http_is_word(value, "identity"))
		return;
	while (last && value.at[last - 1] != ',')
		last--;
	b->is_unclear |= b->has_coding; /* some take the first, some the last */
	b->has_coding = true;
	b->is_chunked = http_is_word(http_trim(slice_from(value, last)), "chunked");
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = dpi_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The size in a chunk's head line: hexadecimal, then nothing or an extension, blanks between them.
 * What could be a request line to somebody who heeds no coding is no size. */
static bool parse_chunk_size(struct slice line, size_t *size)
{
	size_t n = 0, i;

	for (i = 0; i < line.len && hex_digit(line.at[i]) >= 0; i++)
		if (n < BODY_MAX)
			n = n * 16 + (size_t)hex_digit(line.at[i]);
	*size = n < BODY_MAX ? n : BODY_MAX;
	line = http_trim(slice_from(line, i));
	return i > 0 && (!line.len || line.at[0] == ';');
}

/* Moves *at behind the trailer fields and the empty line that ends them. */
static enum http_body_end skip_trailers(struct slice bytes, size_t *at)
{
	struct slice line;

	do {
		if (!http_take_line(bytes, at, &line))
			return HTTP_BODY_LASTS;
	} while (line.len);
	return HTTP_BODY_ENDS;
}

static enum http_body_end walk_chunks(struct slice bytes, size_t at, size_t *end)
{
	struct slice line;
	size_t size;

	for (;;) {
		if (!http_take_line(bytes, &at, &line))
			return HTTP_BODY_LASTS;
		if (!parse_chunk_size(line, &size))
			return HTTP_BODY_UNCLEAR;
		if (!size)
			break;
		if (size >= bytes.len - at)
			return HTTP_BODY_LASTS;
		at += size;
		if (!http_take_line(bytes, &at, &line))
			return HTTP_BODY_LASTS;
		if (line.len)
			return HTTP_BODY_UNCLEAR;
	}
	if (skip_trailers(bytes, &at) != HTTP_BODY_ENDS)
		return HTTP_BODY_LASTS;
	*end = at;
	return HTTP_BODY_ENDS;
}

enum http_body_end http_body_end(const struct http_body *b, struct slice bytes, size_t start,
				 size_t *end)
{
	if (b->is_unclear)
		return HTTP_BODY_UNCLEAR;
	if (b->has_coding && (!b->is_chunked || b->has_length || !b->is_plain))
		return HTTP_BODY_UNCLEAR;
	if (b->has_coding)
		return walk_chunks(bytes, start, end);
	*end = start + b->length;
	return HTTP_BODY_ENDS;
}
