/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The lines by which SMTP, IMAP, POP3, FTP, NNTP and IRC are known: a table of verbs and greetings,
 * and where their servers listen.
 */
#ifndef EXTRACT_LINES_FORMS_H
#define EXTRACT_LINES_FORMS_H

#include "base/name.h"

enum { LINE_LEN_MAX = 4096 };

struct line {
	struct slice text; /* without its end; what is there of it, when it is not whole */
	size_t next;	   /* where the following one begins, when it is whole */
	bool is_whole;
};

struct line_form {
	enum app_proto proto;
	const char *start;
	const char *inside; /* a word that must stand in the line as well; NULL: none */
	const char *next;   /* how the next line must start, as `start`; NULL: any */
	bool is_tls;	    /* TLS follows */
};

enum line_match { LINE_NO, LINE_SHORT, LINE_YES };

/* The line that begins at byte `at` of bytes. One longer than LINE_LEN_MAX is never whole. */
struct line line_at(struct slice bytes, size_t at);

/*
 * Whether a line begins as `start` says, which is in lower case: a blank is one or more of them;
 * '%' is a word, such as the tag of an IMAP command; '$' is the end of the line. Without '$' the
 * last word ends there, unless start ends in no letter or digit. LINE_SHORT: more of it may.
 */
enum line_match line_match_start(const struct line *line, const char *start);

/* True for text in whatever encoding: no controls but blanks and line ends. */
bool line_is_text(struct slice s);

/* The form that a line of bytes has; port: the protocol whose port it is, or PROTO_NONE. NULL when
 * it has none; *may_be: it may have one when there is more of it, or of the next one. */
const struct line_form *line_form_of(const struct line *line, struct slice bytes,
				     enum app_proto port, bool *may_be);

/* True when a line asks, in a connection of this protocol, that TLS begin. */
bool line_asks_tls(const struct line *line, enum app_proto proto);

/* The protocol of lines whose servers listen on a port, or PROTO_NONE. */
enum app_proto line_proto_of_port(uint16_t port);
bool line_proto_is(enum app_proto proto); /* it is one of them */

#endif
