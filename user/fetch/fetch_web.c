/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fetch: HTTP and HTTPS by libcurl, which is opened when a list is to be fetched and not
 * before: it brings two dozen libraries. Only this file uses it.
 *
 * Standards: RFC 9110 (conditional requests: ETag, Last-Modified; content codings), RFC 9111.
 */
#include "fetch/fetch.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fetch/reach.h"
#include "dpi/version.h"

enum {
	CONNECT_S = 20,
	SLOW_BYTES_S = 1000, /* slower than this, */
	SLOW_S = 15,	     /* for so long: not worth waiting for */
	REDIRECTS_MAX = 5,
	STATUS_NOT_MODIFIED = 304,
};

static const char *const libraries[] = {"libcurl-gnutls.so.4", "libcurl.so.4"};

/* clang-format off */
#define WEB_CALLS(X) \
	X(global_init) X(easy_init) X(easy_setopt) X(easy_perform) X(easy_getinfo) \
	X(easy_strerror) X(slist_append)
/* clang-format on */

struct fetch_web {
#define X(name) __typeof__(&curl_##name) name;
	WEB_CALLS(X)
#undef X
};

/* One answer under way. */
struct getting {
	struct list_reader *reader;
	struct fetch_result *said;
	struct fault *f;
	size_t total;
	int err;
	bool is_plain;	  /* the rule's own source says where it leads */
	enum reach first; /* the farthest of the addresses that the rule's own source led to */
	bool is_led_on;	  /* by a redirect, to what a stranger chose */
	struct fault led_astray; /* "": not */
};

int fetch_web_open(struct fetch_web **out, struct fault *f)
{
	struct fetch_web *w = calloc(1, sizeof(*w));
	void *handle = NULL, *at;

	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]) && !handle; i++)
		handle = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
	if (!w || !handle)
		return fault_set(f, -ENOENT,
				 "lists from other machines need libcurl (%s); on Debian: apt "
				 "install libcurl3-gnutls",
				 handle ? "out of memory" : dlerror());
		/* dlsym() gives an object's address; ISO C has no other way to a function's than
		 * its bytes. */
#define X(name)                                                                       \
	at = dlsym(handle, "curl_" #name);                                            \
	if (!at)                                                                      \
		return fault_set(f, -ENOENT, "libcurl is too old: it has no " #name); \
	memcpy(&w->name, &at, sizeof(at));
	WEB_CALLS(X)
#undef X
	if (w->global_init(CURL_GLOBAL_DEFAULT))
		return fault_set(f, -EIO, "libcurl does not start");
	*out = w;
	return 0;
}

static size_t take_body(char *bytes, size_t one, size_t count, void *ctx)
{
	struct getting *g = ctx;

	(void)one;
	g->total += count;
	if (g->total > FETCH_BYTES_MAX)
		g->err = fault_set(g->f, -EINVAL, "it is larger than %d MiB; take a smaller list",
				   FETCH_BYTES_MAX >> 20);
	if (!g->err)
		g->err = list_reader_feed(g->reader, slice_of(bytes, count), g->f);
	return g->err ? 0 : count;
}

/* Copies a field's value when the line is that field. */
static void take_field(const char *line, size_t len, const char *field, char out[FETCH_TAG_MAX])
{
	size_t name = strlen(field), n = 0;

	if (len < name || strncasecmp(line, field, name) != 0)
		return;
	while (name < len && (line[name] == ' ' || line[name] == '\t'))
		name++;
	while (name + n < len && line[name + n] != '\r' && line[name + n] != '\n')
		n++;
	/* One that is too long, or could break a line of ours, is none: all is fetched then. */
	out[0] = '\0';
	if (n >= FETCH_TAG_MAX)
		return;
	for (size_t i = 0; i < n; i++)
		if (line[name + i] < 0x20 || line[name + i] > 0x7e || line[name + i] == '\\')
			return;
	memcpy(out, line + name, n);
	out[n] = '\0';
}

static size_t take_head(char *line, size_t one, size_t count, void *ctx)
{
	struct getting *g = ctx;

	(void)one;
	/* Of several answers, one behind the other, the last counts. */
	if (count > 5 && strncmp(line, "HTTP/", 5) == 0)
		g->said->etag[0] = g->said->modified[0] = '\0';
	take_field(line, count, "ETag:", g->said->etag);
	take_field(line, count, "Last-Modified:", g->said->modified);
	g->is_led_on |= count > 9 && strncasecmp(line, "Location:", 9) == 0;
	return count;
}

/* True for a source that no name server has a say in: an address, localhost; or a proxy asks. */
static bool source_is_plain(const char *source)
{
	static const char *const proxies[] = {"http_proxy", "https_proxy", "all_proxy",
					      "HTTPS_PROXY", "ALL_PROXY"};
	const char *host = strstr(source, "://") + 3, *end = host + strcspn(host, "/?#");
	const char *user = memrchr(host, '@', (size_t)(end - host));
	struct in_addr ignored;
	char text[64] = "";

	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		if (getenv(proxies[i]))
			return true;
	host = user ? user + 1 : host;
	snprintf(text, sizeof(text), "%.*s", (int)(end - host), host);
	text[strcspn(text, ":")] = '\0';
	return *host == '[' || strcasecmp(text, "localhost") == 0 || inet_aton(text, &ignored);
}

/* What a stranger chose may not lie further in than what the rule names: a server's redirect, and
 * the address that a name server gives for a name. Who is elsewhere has no business with this
 * machine's own services, nor with its neighbours. */
static bool is_astray(struct getting *g, enum reach reach)
{
	if (g->is_led_on)
		return reach < g->first;
	if (reach > g->first)
		g->first = reach;
	return reach <= REACH_LINK && !g->is_plain;
}

/* A socket for an address that is about to be asked. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
	enum reach reach = reach_of(&at->addr);
	struct getting *g = ctx;

	(void)purpose;
	if (is_astray(g, reach)) {
		fault_set(&g->led_astray, -EPERM,
			  "its %s leads on to %s; name the address that is meant in the rule",
			  g->is_led_on ? "server" : "name", reach_name(reach));
		return CURL_SOCKET_BAD;
	}
	return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* "Is there another one than this?" */
static struct curl_slist *conditions(struct fetch_web *w, const struct fetch_ask *ask)
{
	struct curl_slist *list = NULL;
	char line[FETCH_TAG_MAX + 32];

	if (ask->etag[0]) {
		snprintf(line, sizeof(line), "If-None-Match: %s", ask->etag);
		list = w->slist_append(list, line);
	}
	if (ask->modified[0]) {
		snprintf(line, sizeof(line), "If-Modified-Since: %s", ask->modified);
		list = w->slist_append(list, line);
	}
	return list;
}

/* Where the answer may come from. A library that does not know all of it would go anywhere. */
static int set_fences(struct fetch_web *w, CURL *c, const struct fetch_ask *ask, struct getting *g)
{
	/* Who asked for a safe way is not led off it. */
	bool is_safe = strncasecmp(ask->source, "https:", 6) == 0;

	if (w->easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") ||
	    w->easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, is_safe ? "https" : "http,https") ||
	    w->easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket) ||
	    w->easy_setopt(c, CURLOPT_OPENSOCKETDATA, g))
		return fault_set(g->f, -ENOSYS, "libcurl is too old: 7.85 or newer is needed");
	return 0;
}

static void set_options(struct fetch_web *w, CURL *c, const struct fetch_ask *ask,
			struct getting *g, char *why)
{
	w->easy_setopt(c, CURLOPT_URL, ask->source);
	w->easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	w->easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	w->easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	w->easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	w->easy_setopt(c, CURLOPT_USERAGENT, "dpi-xdp/" DPI_VERSION);
	w->easy_setopt(c, CURLOPT_HTTPHEADER, conditions(w, ask));
	w->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	w->easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	w->easy_setopt(c, CURLOPT_TIMEOUT, (long)FETCH_LIMIT_S - 5);
	w->easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_S);
	w->easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
	w->easy_setopt(c, CURLOPT_MAXFILESIZE, (long)FETCH_BYTES_MAX);
	w->easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	w->easy_setopt(c, CURLOPT_WRITEDATA, g);
	w->easy_setopt(c, CURLOPT_HEADERFUNCTION, take_head);
	w->easy_setopt(c, CURLOPT_HEADERDATA, g);
	w->easy_setopt(c, CURLOPT_ERRORBUFFER, why);
}

int fetch_web_get(struct fetch_web *w, const struct fetch_ask *ask, struct list_reader *reader,
		  struct fetch_result *said, struct fault *f)
{
	struct getting g = {
		.reader = reader, .said = said, .f = f, .is_plain = source_is_plain(ask->source)};
	char why[CURL_ERROR_SIZE] = "";
	CURL *c = w->easy_init();
	CURLcode code;
	long status = 0;

	if (!c)
		return fault_set(f, -ENOMEM, "out of memory");
	if (set_fences(w, c, ask, &g))
		return -ENOSYS;
	set_options(w, c, ask, &g, why);
	code = w->easy_perform(c);
	w->easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (g.err)
		return g.err;
	if (code && g.led_astray.text[0])
		return fault_set(f, -EPERM, "%.200s", g.led_astray.text);
	if (code)
		return fault_set(f, -EIO, "%.200s", why[0] ? why : w->easy_strerror(code));
	if (status != STATUS_NOT_MODIFIED)
		return 0;
	if (!ask->etag[0] && !ask->modified[0])
		return fault_set(f, -EIO,
				 "its server says that nothing is newer, but was asked for "
				 "all of it");
	said->end = FETCH_SAME;
	return 0;
}
