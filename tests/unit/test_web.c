/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The table of the page's files: what is found by its path, what is not, and that each can be sent
 * as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "web/web.h"

static const struct {
	const char *asked, *path; /* NULL: there is none */
} finds[] = {
	{"/", "/index.html"},
	{"/index.html", "/index.html"},
	{"/docs", "/docs/index.html"},
	{"/docs/", "/docs/index.html"},
	{"/favicon.svg", "/favicon.svg"},
	{"", NULL},
	{"//", NULL},
	{"/index.htm", NULL},
	{"/index.html/", NULL},
	{"/INDEX.HTML", NULL},
	{"/./index.html", NULL},
	{"/docs/../index.html", NULL},
	{"/%69ndex.html", NULL},
	{"index.html", NULL},
	{"/etc/passwd", NULL},
};

static void each_find(void **state)
{
	for (size_t i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
		const struct web_asset *a = web_asset_find(finds[i].asked);

		if (finds[i].path)
			assert_string_equal(a->path, finds[i].path);
		else
			assert_null(a);
	}
}

/* The bytes that a browser makes of it; 0 when it is no whole gzip file. */
static size_t unpacked(const struct web_asset *a)
{
	static unsigned char out[1 << 16];
	z_stream z = {.next_in = (unsigned char *)a->at, .avail_in = (unsigned)a->len};
	int err = inflateInit2(&z, 16 + MAX_WBITS);

	while (err == Z_OK) {
		z.next_out = out;
		z.avail_out = sizeof(out);
		err = inflate(&z, Z_NO_FLUSH);
	}
	inflateEnd(&z);
	return err == Z_STREAM_END && !z.avail_in ? z.total_out : 0;
}

static void each_asset(void **state)
{
	const struct web_asset *a, *before = NULL;
	size_t count = 0;

	for (; (a = web_asset_at(count)); before = a, count++) {
		if (before)
			assert_true(strcmp(before->path, a->path) < 0);
		assert_ptr_equal(web_asset_find(a->path), a);
		assert_true(unpacked(a) > 0);
		assert_non_null(strchr(a->type, '/'));
		assert_int_equal(strlen(a->etag), 34);
		assert_true(a->etag[0] == '"' && a->etag[33] == '"');
	}
	assert_true(count >= 4);
}

/* What the pages are made of is there: all of it, or the plain one's. */
static void whole(void **state)
{
	static const char *const full[] = {"/app.js",
					   "/style.css",
					   "/worker.js",
					   "/licenses.txt",
					   "/docs/docs.js",
					   "/docs/swagger-ui-bundle.js",
					   "/docs/swagger-ui.css"};

	for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++)
		assert_int_equal(web_asset_find(full[i]) != NULL, web_is_complete());
	assert_int_equal(web_asset_find("/plain.css") != NULL, !web_is_complete());
}

/* A page of ours runs no script but files of ours. */
static void policy(void **state)
{
	assert_non_null(strstr(WEB_CSP, "default-src 'none'"));
	assert_null(strstr(WEB_CSP, "unsafe-inline"));
	assert_null(strstr(WEB_CSP, "'unsafe-eval'"));
	assert_null(strstr(WEB_CSP, "http"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_find),
		cmocka_unit_test(each_asset),
		cmocka_unit_test(whole),
		cmocka_unit_test(policy),
	};

	return cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
