/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The fields of an HTTP/1 head that say which host a request is for and how far it reaches.
 */
#ifndef EXTRACT_HTTP_FIELDS_H
#define EXTRACT_HTTP_FIELDS_H

#include "extract/clue.h"
#include "extract/http_body.h"

/* Zero it, but for clue, before the first field. */
struct http_fields {
	struct clue *clue; /* the hosts go there */
	struct http_body body;
	unsigned host_count;
	bool is_switch; /* asks for another protocol */
};

enum http_fields_step {
	HTTP_FIELDS_ON,	  /* a field was taken */
	HTTP_FIELDS_OVER, /* the empty line behind the fields was */
	HTTP_FIELDS_MORE, /* the bytes end first, and *at is where it was */
};

/* Takes the field at *at with the lines folded into it, and moves behind it. A field counts once
 * the byte after its line is there, which says whether the line goes on. */
enum http_fields_step http_fields_take(struct http_fields *f, struct slice bytes, size_t *at);

#endif
