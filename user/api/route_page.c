/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The files of the page, and the description of the service. All of them are bytes of this program:
 * a path is looked up in a table, and there is no file system behind it. Room: api. Files are kept
 * packed (gzip, RFC 1952) and validated by their ETag (RFC 9110 8.8.3, 13.1.2).
 */
#include <stdlib.h>
#include <zlib.h>

#include "api/route.h"
#include "web/web.h"

enum { UNPACKED_MAX = 16 << 20, GZIP_WINDOW = 15 + 16 };

/* Does a list of the client's name this, or "*"? Good enough for tags and codings: both have no
 * blanks in them. */
static bool names(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at && (at = strstr(at, word)); at += len)
		if ((at == list || strchr(" ,/", at[-1])) && strchr(" ,;", at[len]))
			return true;
	return list && strcmp(list, "*") == 0;
}

/* For a client that takes no gzip. Gives the bytes in *out; 0 or -1. */
static int unpack(const struct web_asset *file, struct text *out)
{
	z_stream z = {.next_in = (unsigned char *)file->at, .avail_in = (uInt)file->len};
	char piece[16384];
	int state = inflateInit2(&z, GZIP_WINDOW);

	while (state == Z_OK && out->len < UNPACKED_MAX) {
		z.next_out = (unsigned char *)piece;
		z.avail_out = sizeof(piece);
		state = inflate(&z, Z_NO_FLUSH);
		text_add(out, piece, sizeof(piece) - z.avail_out);
	}
	inflateEnd(&z);
	return state == Z_STREAM_END && !out->failed ? 0 : -1;
}

int route_page(struct api_request *q, struct api_answer *a)
{
	const struct web_asset *file = web_asset_find(q->path);
	struct text plain = {0};

	if (!file)
		return api_problem(
			a, 404,
			"there is nothing here; /docs and /openapi.json list what there is");
	if (names(api_header(q, "If-None-Match"), file->etag)) {
		api_answer_empty(a, 304);
	} else if (names(api_header(q, "Accept-Encoding"), "gzip")) {
		api_answer_static(a, 200, file->type, file->at, file->len);
		api_answer_header(a, "Content-Encoding", "gzip");
	} else if (unpack(file, &plain)) {
		text_clear(&plain);
		return api_problem(a, 500, "out of memory; send Accept-Encoding: gzip");
	} else {
		api_answer_text(a, 200, file->type, &plain);
	}
	api_answer_header(a, "ETag", file->etag);
	api_answer_header(a, "Cache-Control", "no-cache");
	api_answer_header(a, "Vary", "Accept-Encoding");
	api_answer_header(a, "Content-Security-Policy", WEB_CSP);
	return 0;
}

int route_openapi(struct api_request *q, struct api_answer *a)
{
	struct text out = {0};

	openapi_write(&out);
	api_answer_json(a, 200, &out);
	return 0;
}
