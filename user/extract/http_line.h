/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The request line of HTTP/1: method, target and version, in every spelling that servers take.
 */
#ifndef EXTRACT_HTTP_LINE_H
#define EXTRACT_HTTP_LINE_H

#include "extract/extract.h"

struct http_line {
	struct slice method, target;
	bool is_plain; /* says HTTP/1.1, which all servers read alike */
	bool has_no_version;
};

/* Reads the request line at *at and moves behind it. FOUND: it is one. */
enum extract_answer http_line_take(struct slice bytes, size_t *at, struct http_line *line);

/*
 * Whether a request line ends where this line does. Where it begins in it is not known, as behind a
 * body of unknown length: before may be whatever the body was. Then *words is set to what is
 * before the version: the target is somewhere among its words.
 */
bool http_line_ends_in(struct slice line, struct slice *words);

/* Takes the last of the words off, and what is between them. Empty when there is none. */
struct slice http_line_last_word(struct slice *words);

/* Moves *at over the empty lines that servers allow before a request (RFC 9112 2.2), some of them
 * any number, and over blanks, which some allow as well. */
void http_line_skip_empty(struct slice bytes, size_t *at);

#endif
