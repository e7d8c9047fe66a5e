/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How far the body of an HTTP/1 request reaches, so that the next request of the connection is
 * found behind it and nothing inside it is taken for one.
 */
#ifndef EXTRACT_HTTP_BODY_H
#define EXTRACT_HTTP_BODY_H

#include "base/slice.h"

/* What the head's fields said about the body. Zero it before the first field. */
struct http_body {
	size_t length;
	bool has_length, has_coding;
	bool is_chunked; /* the last transfer coding */
	bool is_unclear; /* fields that contradict themselves, or that servers read differently */
	bool is_plain;	 /* the request is of HTTP/1.1: of others not all servers heed a coding */
};

enum http_body_end {
	HTTP_BODY_ENDS,	   /* *end is set; it may lie past the bytes that are there */
	HTTP_BODY_LASTS,   /* chunked, and the last chunk is not there yet */
	HTTP_BODY_UNCLEAR, /* servers do not agree */
};

/* The values of a Content-Length and of a Transfer-Encoding field (RFC 9112 6). */
void http_body_length(struct http_body *b, struct slice value);
void http_body_coding(struct http_body *b, struct slice value);

/* Where the body that begins at byte `start` of the stream ends. *end is set for HTTP_BODY_ENDS. */
enum http_body_end http_body_end(const struct http_body *b, struct slice bytes, size_t start,
				 size_t *end);

#endif
