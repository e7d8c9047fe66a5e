/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The dashboard as bytes of the program: pages, scripts and styles, each packed by gzip when the
 * program was built (build.sh). This room knows nothing of HTTP servers and never reads a file:
 * what is not in its table is not there. Built without Node.js, the table holds a plain page that
 * says so.
 *
 * The page runs under the policy in WEB_CSP: no script and no style but those of this table.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <stdbool.h>
#include <stddef.h>

/* What Content-Security-Policy must say for each of these assets (CSP Level 3). */
#define WEB_CSP                                                                         \
	"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " \
	"connect-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'"

/* One file. All of it lives as long as the program does and is never written to. */
struct web_asset {
	const char *path;	 /* "/app.js" */
	const char *type;	 /* value of Content-Type */
	const unsigned char *at; /* len bytes of gzip (RFC 1952), for Content-Encoding: gzip */
	size_t len;
	const char *etag; /* quoted, a hash of the content: a strong validator (RFC 9110 8.8.3) */
};

/*
 * The asset of exactly this path, NULL when there is none. A path that ends in '/' is that
 * directory's index.html; "/docs" is "/docs/".
 */
const struct web_asset *web_asset_find(const char *path);
/* The i-th asset in the order of paths, NULL past the last. */
const struct web_asset *web_asset_at(size_t i);
/* False when the program was built without Node.js and serves a plain page instead. */
bool web_is_complete(void);

#endif
