/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who may ask. A page of another site must reach nothing: Host and Origin are held against lists
 * (DNS rebinding, cross-site requests), and what a form can send changes nothing. Beyond this
 * machine everything needs the bearer token (RFC 6750). All of it runs in the server's one thread.
 * Room: api.
 */
#include "api/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/listen.h"

enum {
	TOKEN_MIN = 32, /* characters; a made one has 64: 256 bits in hex */
	TOKEN_MAX = 512,
	FAILS_S = 10,
	SOURCES_MAX = 256,
};

/* The wrong tokens of one source within the running second. */
struct source {
	struct listen_source who;
	uint64_t second;
	unsigned fails;
};

struct api_access {
	char token[TOKEN_MAX + 1]; /* "": none */
	bool is_local;		   /* loopback or a unix socket: who asks is on this machine */
	const struct api_options *options;
	struct source source[SOURCES_MAX];
};

/* --- the token -------------------------------------------------------------------------------- */

static int token_make(const char *path, struct fault *f)
{
	unsigned char bytes[32];
	char hex[2 * sizeof(bytes) + 2];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err = 0;

	if (fd < 0)
		return fault_set(f, -errno, "%s cannot be made: %s; name another --token-file",
				 path, strerror(errno));
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		err = -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	hex[sizeof(hex) - 2] = '\n';
	if (!err && write(fd, hex, sizeof(hex) - 1) != sizeof(hex) - 1)
		err = -EIO;
	if (close(fd) && !err)
		err = -errno;
	if (err)
		unlink(path);
	return err ? fault_set(f, err, "%s cannot be written: %s", path, strerror(-err)) : 0;
}

static int token_read(struct api_access *x, const char *path, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return fault_set(f, -errno, "%s: %s; name another --token-file", path,
				 strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (st.st_mode & 077))
		err = fault_set(f, -EINVAL,
				"%s must be a file that nobody else may read: chmod 600 it", path);
	n = err ? 0 : read(fd, x->token, TOKEN_MAX);
	close(fd);
	if (err)
		return err;
	if (n < 0)
		n = 0;
	x->token[n] = 0;
	x->token[strcspn(x->token, "\r\n")] = 0;
	if (strlen(x->token) >= TOKEN_MIN && !strpbrk(x->token, " \t"))
		return 0;
	return fault_set(f, -EINVAL,
			 "%s: a token is one line of at least %d characters without blanks; remove "
			 "the file and a good one is made",
			 path, TOKEN_MIN);
}

int access_open(struct api *api, struct fault *f)
{
	const struct api_options *o = api->options;
	struct api_access *x = calloc(1, sizeof(*x));
	int err = 0;

	if (!x)
		return fault_set(f, -ENOMEM, "out of memory");
	api->access = x;
	x->options = o;
	err = listen_describe(o->listen, &x->is_local, f);
	if (!err && !x->is_local && !o->token_file)
		err = fault_set(f, -EINVAL,
				"--listen %s lets other machines in, which needs a token: add "
				"--token-file FILE (it is made when it is not there), or listen on "
				"127.0.0.1",
				o->listen);
	if (!err && o->token_file && access(o->token_file, F_OK))
		err = token_make(o->token_file, f);
	if (!err && o->token_file)
		err = token_read(x, o->token_file, f);
	return err;
}

void access_close(struct api *api)
{
	if (api->access)
		explicit_bzero(api->access->token, sizeof(api->access->token));
	free(api->access);
	api->access = NULL;
}

/* Takes the same time whatever of it is right. */
static bool token_equal(const char *expected, const char *given)
{
	size_t len = strlen(expected), given_len = strlen(given);
	unsigned char differs = len != given_len;

	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(expected[i] ^ given[given_len ? i % given_len : 0]);
	return !differs;
}

/* The slot of a source: its own, else the one that was used longest ago. */
static struct source *source_find(struct api_access *x, const struct listen_source *who)
{
	struct source *oldest = &x->source[0];

	for (size_t i = 0; i < SOURCES_MAX; i++) {
		if (memcmp(&x->source[i].who, who, sizeof(*who)) == 0)
			return &x->source[i];
		if (x->source[i].second < oldest->second)
			oldest = &x->source[i];
	}
	*oldest = (struct source){.who = *who};
	return oldest;
}

/* 1: the right token, 0: none was given, -1: a problem was set (401, 429). */
static int token_check(struct api_conn *c)
{
	struct api_access *x = c->q.api->access;
	const char *given = api_header(&c->q, "Authorization");
	struct listen_source who;
	struct source *s;
	uint64_t second = api_now_ms() / 1000 + 1;

	if (!given)
		return 0;
	listen_peer(c->mhd, &who);
	s = source_find(x, &who);
	if (s->second != second) {
		s->second = second;
		s->fails = 0;
	}
	if (s->fails >= FAILS_S) {
		c->q.api->counters->tokens_limited++;
		api_problem(&c->a, 429, "too many wrong tokens; wait a second");
		api_answer_header(&c->a, "Retry-After", "1");
		return -1;
	}
	if (x->token[0] && strncasecmp(given, "Bearer ", 7) == 0 &&
	    token_equal(x->token, given + 7))
		return 1;
	s->fails++;
	api_problem(&c->a, 401,
		    x->token[0] ? "the token is not the right one; it stands in the service's "
				  "--token-file"
				: "this service has no token: send none, or start it with "
				  "--token-file");
	api_answer_header(&c->a, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
	return -1;
}

/* --- Host and Origin -------------------------------------------------------------------------- */

/* A host without its port; the length of it. */
static size_t host_len(const char *host)
{
	const char *end = *host == '[' ? strchr(host, ']') : NULL;

	return end ? (size_t)(end + 1 - host) : strcspn(host, ":");
}

static bool host_is(const char *host, size_t len, const char *allowed)
{
	return strlen(allowed) == len && strncasecmp(host, allowed, len) == 0;
}

/* Digits behind a colon, or nothing. */
static bool port_is_good(const char *at)
{
	return !*at ||
	       (*at == ':' && strspn(at + 1, "0123456789") == strlen(at + 1) && strlen(at) < 7);
}

static bool host_allowed(struct api_conn *c, const char *host)
{
	static const char *const own[] = {"localhost", "127.0.0.1", "[::1]"};
	const struct api_access *x = c->q.api->access;
	size_t len = host_len(host);
	char local[80];

	if (!port_is_good(host + len))
		return false;
	for (size_t i = 0; i < x->options->host_count; i++)
		if (host_is(host, len, x->options->hosts[i]) ||
		    strcasecmp(host, x->options->hosts[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (host_is(host, len, own[i]))
			return true;
	/* An address that the client really reached: no name, so no name was rebound. */
	return listen_local(c->mhd, local, sizeof(local)) && host_is(host, len, local);
}

static bool origin_listed(const struct api_conn *c, const char *origin, size_t len)
{
	const struct api_options *o = c->q.api->options;

	for (size_t i = 0; i < o->origin_count; i++)
		if (host_is(origin, len, o->origins[i]))
			return true;
	return false;
}

/* One's own page: the very host and port that the request was sent to. */
static bool origin_is_own(const char *origin, size_t len, const char *host)
{
	return len > 7 && strncasecmp(origin, "http://", 7) == 0 &&
	       host_is(origin + 7, len - 7, host);
}

/* The length of "scheme://host:port" at the beginning of a URL. */
static size_t origin_len(const char *url)
{
	const char *host = strstr(url, "://");

	return host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : strlen(url);
}

static bool is_another_site(struct api_conn *c, const char *host)
{
	const char *origin = api_header(&c->q, "Origin");
	const char *site = api_header(&c->q, "Sec-Fetch-Site");
	const char *mode = api_header(&c->q, "Sec-Fetch-Mode");
	const char *referer = api_header(&c->q, "Referer");
	bool reads = strcmp(c->q.method, "GET") == 0;

	if (origin)
		return !origin_is_own(origin, strlen(origin), host) &&
		       !origin_listed(c, origin, strlen(origin));
	/* A link to the page may be followed; nothing else comes from elsewhere. */
	if (site && strcasecmp(site, "same-origin") != 0 && strcasecmp(site, "none") != 0)
		return !(reads && mode && strcasecmp(mode, "navigate") == 0);
	return !reads && referer && !origin_is_own(referer, origin_len(referer), host) &&
	       !origin_listed(c, referer, origin_len(referer));
}

int access_place(struct api_conn *c)
{
	const char *host = api_header(&c->q, "Host");

	if (!host || !*host) {
		api_problem(&c->a, 400, "the request names no Host; send one");
		return -1;
	}
	if (!host_allowed(c, host)) {
		api_problem(&c->a, 421,
			    "this service does not answer for that Host; ask for localhost, or "
			    "start it with --allow-host NAME");
		return -1;
	}
	if (is_another_site(c, host)) {
		api_problem(&c->a, 403,
			    "a page of another origin may not ask; start the service with "
			    "--allow-origin ORIGIN if it should");
		return -1;
	}
	return 0;
}

/* --- the right to do it ----------------------------------------------------------------------- */

static int needs_token(struct api_conn *c)
{
	api_problem(&c->a, 401,
		    "this needs the token of the service's --token-file: Authorization: Bearer "
		    "TOKEN");
	api_answer_header(&c->a, "WWW-Authenticate", "Bearer");
	return -1;
}

int access_right(struct api_conn *c)
{
	const struct api_access *x = c->q.api->access;
	const struct route *r = c->q.route;
	bool from_page = api_header(&c->q, "Origin") || api_header(&c->q, "Sec-Fetch-Site");
	int token = token_check(c);

	if (token < 0)
		return -1;
	if (token || (r->flags & ROUTE_OPEN))
		return 0;
	if (!x->is_local)
		return needs_token(c);
	if (!(r->flags & ROUTE_WRITES))
		return 0;
	/* A type that no form can send makes the browser ask first. */
	if (from_page && strcmp(c->media, "application/json") != 0) {
		api_problem(&c->a, 415,
			    "a page changes rules with Content-Type: application/json, or with the "
			    "token");
		return -1;
	}
	if (!from_page && x->token[0])
		return needs_token(c);
	return 0;
}

/* --- what every answer says ------------------------------------------------------------------- */

void access_headers(struct api_conn *c, struct MHD_Response *r)
{
	const char *origin = api_header(&c->q, "Origin");

	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	MHD_add_response_header(r, "X-Frame-Options", "DENY");
	MHD_add_response_header(r, "Vary", "Origin");
	if (!MHD_get_response_header(r, "Content-Security-Policy"))
		MHD_add_response_header(r, "Content-Security-Policy",
					"default-src 'none'; frame-ancestors 'none'");
	if (!MHD_get_response_header(r, "Cache-Control"))
		MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_add_response_header(r, "Connection", "close");
	if (!origin || !origin_listed(c, origin, strlen(origin)))
		return;
	MHD_add_response_header(r, "Access-Control-Allow-Origin", origin);
	MHD_add_response_header(r, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
	MHD_add_response_header(r, "Access-Control-Allow-Headers",
				"Authorization, Content-Type, Last-Event-ID");
}
