/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the extent of an HTTP/1 body. When the fields do not say clearly where it ends,
 * that is the answer: a guess would make names of what a user uploads.
 *
 * Standards: RFC 9112 6 (message body), 7.1 (chunked coding).
 */
#include "extract/http_body.h"

#include "extract/http_text.h"

/* Longer than any stream is inspected, and far from where sizes wrap. */
enum { BODY_MAX = 1 << 30 };

/* One decimal number, clamped. Returns false when it is anything else. */
static bool parse_length(struct slice s, size_t *length)
{
	size_t n = 0;

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		if (n < BODY_MAX)
			n = n * 10 + (s.at[i] - '0');
	}
	*length = n < BODY_MAX ? n : BODY_MAX;
	return true;
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

/* The size in a chunk's head line: hexadecimal, then nothing, a blank or an extension. */
static bool parse_chunk_size(struct slice line, size_t *size)
{
	size_t n = 0, i;

	for (i = 0; i < line.len && hex_digit(line.at[i]) >= 0; i++)
		if (n < BODY_MAX)
			n = n * 16 + (size_t)hex_digit(line.at[i]);
	*size = n < BODY_MAX ? n : BODY_MAX;
	return i > 0 && (i == line.len || http_is_blank(line.at[i]) || line.at[i] == ';');
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
	if (b->has_coding)
		return b->is_chunked ? walk_chunks(bytes, start, end) : HTTP_BODY_UNCLEAR;
	if (b->is_unclear)
		return HTTP_BODY_UNCLEAR;
	*end = start + b->length;
	return HTTP_BODY_ENDS;
}
