/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where Redis is; see url.h.
 */
#include "fleet/url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/slice.h"

enum { PORT = 6379, DB_MAX = 65535 };

#define FORMS "write redis://[user:password@]host[:port][/db] or unix:/path/of/socket"

/* True, and the scheme taken off, when the text begins with it. */
static bool take_scheme(struct slice *s, const char *scheme)
{
	size_t len = strlen(scheme);

	if (s->len < len || strncasecmp((const char *)s->at, scheme, len) != 0)
		return false;
	*s = slice_from(*s, len);
	return true;
}

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : isxdigit(c) ? (c | 0x20) - 'a' + 10 : -1;
}

/* Copies a part with its %XX undone (RFC 3986 2.1). False: too long, or not so written. */
static bool copy_part(struct slice s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int c = s.at[i];

		if (c == '%') {
			if (s.len - i < 3 || hex(s.at[i + 1]) < 0 || hex(s.at[i + 2]) < 0)
				return false;
			c = hex(s.at[i + 1]) << 4 | hex(s.at[i + 2]);
			i += 2;
		}
		if (c == 0 || n + 1 >= size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

/* A whole number of at most max. */
static bool read_number(struct slice s, unsigned max, unsigned *out)
{
	unsigned n = 0;

	if (!s.len || s.len > 6)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		n = n * 10 + (s.at[i] - '0');
	}
	*out = n;
	return n <= max;
}

/* Cuts *s before the first (or last) byte c and returns what is behind it; false: no such byte. */
static bool cut_at(struct slice *s, char c, bool is_last, struct slice *behind)
{
	const uint8_t *at = !s->len   ? NULL
			    : is_last ? memrchr(s->at, c, s->len)
				      : memchr(s->at, c, s->len);

	if (!at)
		return false;
	*behind = slice_from(*s, (size_t)(at - s->at) + 1);
	s->len = (size_t)(at - s->at);
	return true;
}

static int read_unix(struct slice s, struct redis_url *u, struct fault *f)
{
	struct slice query;

	if (cut_at(&s, '?', false, &query) &&
	    (!take_scheme(&query, "db=") || !read_number(query, DB_MAX, &u->db)))
		return fault_set(f, -EINVAL, "behind a socket's path stands nothing but ?db=N");
	while (s.len > 1 && s.at[0] == '/' && s.at[1] == '/')
		s = slice_from(s, 1);
	if (!s.len || s.at[0] != '/' || !copy_part(s, u->path, sizeof(u->path)))
		return fault_set(f, -EINVAL,
				 "a unix socket is named by its whole path, of at most %zu bytes: "
				 "unix:/run/redis/redis.sock",
				 sizeof(u->path) - 1);
	return 0;
}

static int read_login(struct slice s, struct redis_url *u, struct fault *f)
{
	struct slice password;

	if (!cut_at(&s, ':', false, &password))
		return fault_set(f, -EINVAL,
				 "before the @ stands user:password, or :password alone");
	if (!copy_part(s, u->user, sizeof(u->user)) ||
	    !copy_part(password, u->password, sizeof(u->password)) || !u->password[0])
		return fault_set(
			f, -EINVAL,
			"the user or the password before the @ is empty, too long, or has "
			"a %% without two hexadecimal digits behind it (write %%25 for %%)");
	u->has_password = true;
	return 0;
}

static int read_place(struct slice s, struct redis_url *u, struct fault *f)
{
	struct slice port, rest = s;
	unsigned number = PORT;

	if (s.len && s.at[0] == '[') {
		s = slice_from(s, 1);
		if (!cut_at(&s, ']', false, &rest))
			return fault_set(f, -EINVAL, "an IPv6 address needs its closing bracket");
		if (rest.len && (rest.at[0] != ':' ||
				 !read_number(slice_from(rest, 1), 65535, &number) || !number))
			return fault_set(f, -EINVAL, "a port is a number from 1 to 65535");
	} else if (cut_at(&s, ':', false, &port) &&
		   (!read_number(port, 65535, &number) || !number)) {
		return fault_set(
			f, -EINVAL,
			"a port is a number from 1 to 65535 (and an IPv6 address stands in "
			"brackets: redis://[::1]:6379)");
	}
	u->port = (uint16_t)number;
	if (!s.len || !copy_part(s, u->host, sizeof(u->host)))
		return fault_set(f, -EINVAL, "the URL names no host; " FORMS);
	return 0;
}

static int read_tcp(struct slice s, struct redis_url *u, struct fault *f)
{
	struct slice db, place;
	int err = 0;

	if (memchr(s.at, '?', s.len) || memchr(s.at, '#', s.len))
		return fault_set(f, -EINVAL, "the URL takes no ? and no #; " FORMS);
	/* A password may hold a slash: the place is behind the last @. */
	if (cut_at(&s, '@', true, &place))
		err = read_login(s, u, f);
	else
		place = s;
	if (!err && cut_at(&place, '/', false, &db) && db.len && !read_number(db, DB_MAX, &u->db))
		return fault_set(f, -EINVAL, "behind the / stands the number of a database");
	return err ? err : read_place(place, u, f);
}

int redis_url_parse(const char *text, struct redis_url *out, struct fault *f)
{
	struct redis_url u = {.port = PORT};
	const char *password = secure_getenv("REDISCLI_AUTH");
	struct slice s = slice_text(text);
	struct fault inner = {""};
	int err;

	if (take_scheme(&s, "rediss:"))
		return fault_set(
			f, -EINVAL,
			"--redis: rediss:// (TLS) is not spoken here, and the rules are not "
			"sent in the clear instead: put stunnel in front (redis://"
			"127.0.0.1:PORT to it), or use a unix socket (unix:/path)");
	if (take_scheme(&s, "redis://"))
		err = read_tcp(s, &u, &inner);
	else if (take_scheme(&s, "unix:"))
		err = read_unix(s, &u, &inner);
	else
		err = fault_set(&inner, -EINVAL, "this is no URL of a Redis server: " FORMS);
	if (err)
		return fault_set(f, err, "--redis: %s", inner.text);
	if (!u.has_password && password && *password) {
		if (strlen(password) >= sizeof(u.password))
			return fault_set(f, -EINVAL, "REDISCLI_AUTH: longer than %zu bytes",
					 sizeof(u.password) - 1);
		snprintf(u.password, sizeof(u.password), "%s", password);
		u.has_password = true;
	}
	*out = u;
	return 0;
}

void redis_url_show(const struct redis_url *u, char *out, size_t size)
{
	if (u->path[0])
		snprintf(out, size, "unix:%s?db=%u", u->path, u->db);
	else
		snprintf(out, size, strchr(u->host, ':') ? "[%s]:%u/%u" : "%s:%u/%u", u->host,
			 u->port, u->db);
}
