/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The head of an HTTP/1 request, read strictly (RFC 9112 2 to 6) before the server proper sees it:
 * what two programs could read in two ways is refused, and so is what is too long. Pure: no socket,
 * no clock. Room: api.
 */
#ifndef API_HEAD_H
#define API_HEAD_H

#include "base/slice.h"

enum {
	HEAD_TARGET_MAX = 4096, /* bytes of the path and query: beyond, 414 */
	HEAD_FIELDS_MAX = 8192, /* bytes of all field lines: beyond, 431 */
	HEAD_METHOD_MAX = 16,
	HEAD_MAX = HEAD_METHOD_MAX + HEAD_TARGET_MAX + HEAD_FIELDS_MAX + 64, /* the whole head */
};

/* What has been read so far; begins as {0}. */
struct head {
	size_t line;	 /* where the line begins that is not yet whole */
	size_t searched; /* no line end before this */
	size_t fields;	 /* where the field lines begin; 0: the request line is not whole */
	bool is_http10, is_options;
	uint8_t hosts, lengths, encodings;
	unsigned status; /* HEAD_BAD: what to answer, and why */
	const char *fault;
};

enum head_state { HEAD_MORE, HEAD_WHOLE, HEAD_BAD };

/* Looks at all that has come so far: the same bytes again, and more of them. */
enum head_state head_read(struct head *h, struct slice seen);

#endif
