/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the two files of /analyze share: route_analyze.c, the question and the answer, and
 * analyze_body.c, how the capture comes in. Private to them. Room: api.
 */
#ifndef API_ANALYZE_H
#define API_ANALYZE_H

#include <microhttpd.h>

#include "api/captures.h"

enum {
	ANALYZE_RULES_MAX = 200,
	ANALYZE_FORM_AROUND = 65536, /* bytes of a form beside the capture in it */
};

/* One request; its sink. Its threads take turns: the server's, then one of the pool. */
struct analyze_ask {
	struct capture_upload *upload;
	struct MHD_PostProcessor *form; /* NULL: the body is the capture */
	struct api_request *q;
	uint64_t len; /* of the capture, so far */
	bool has_file, has_two;
	bool is_broken; /* out of memory on the way */
	bool is_straight;
	bool wants_capture; /* the filtered one, instead of the report */
	size_t skip; /* bytes of the file that the form's reader is still to give, already handed on
		      */
	const char *args[ANALYZE_RULES_MAX + 16];
	size_t arg_count;
	struct text form_arg;		     /* of them: the form's boundary */
	struct text made[ANALYZE_RULES_MAX]; /* the arguments that were put together */
	size_t made_count;
};

/* Answers that several places give; 0. The first adds when to come again, where that helps. */
int analyze_refuse(struct api_answer *a, unsigned status, const char *words);
int analyze_too_long(const struct analyze_ask *n, struct api_answer *a);

/* Takes a part of a form, for its reader; ctx: struct analyze_ask *. */
enum MHD_Result analyze_form_part(void *ctx, enum MHD_ValueKind kind, const char *key,
				  const char *filename, const char *type, const char *encoding,
				  const char *data, uint64_t at, size_t len);
/* The sink's take() and is_straight(). */
int analyze_take(struct api_request *q, struct api_answer *a, const void *at, size_t len);
bool analyze_is_straight(struct api_request *q);
/* A thread of the pool: reads the body of a request that is straight. False: it answered. */
bool analyze_read_straight(struct analyze_ask *n, struct api_answer *a);

#endif
