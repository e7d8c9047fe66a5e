/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From a path to a row of the route table, and %XX to bytes (RFC 3986 2.1). Paths are compared
 * segment by segment before decoding, so that "%2F" in a value is never a border; there is no file
 * system behind them. Room: api.
 */
#include "api/conn.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEGMENTS_MAX = 16, ALLOW_MAX = 96 };

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *conn_decode(struct api_conn *c, const char *at, size_t len, bool is_query)
{
	struct conn_room *room = malloc(sizeof(*room) + len + 1);
	size_t n = 0;

	if (!room)
		return NULL;
	room->next = c->rooms;
	c->rooms = room;
	for (size_t i = 0; i < len; i++) {
		char byte = at[i];

		if (byte == '%') {
			int high = len - i > 2 ? hex_of(at[i + 1]) : -1;
			int low = len - i > 2 ? hex_of(at[i + 2]) : -1;

			if (high < 0 || low < 0 || (high == 0 && low == 0))
				return NULL;
			byte = (char)(high << 4 | low);
			i += 2;
		} else if (byte == '+' && is_query) {
			byte = ' ';
		}
		room->bytes[n++] = byte;
	}
	room->bytes[n] = 0;
	return room->bytes;
}

/* The path's segments, raw; "/" has one, which is empty. */
struct path {
	struct slice segment[SEGMENTS_MAX];
	size_t count;
};

/* False: too many. */
static bool path_split(const char *at, struct path *p)
{
	p->count = 0;
	while (*at == '/') {
		size_t len = strcspn(++at, "/");

		if (p->count == SEGMENTS_MAX)
			return false;
		p->segment[p->count++] = slice_of(at, len);
		at += len;
	}
	return *at == 0 && p->count;
}

/* How many parameters there are when the template fits, or -1. param[i] is raw. */
static int template_match(const struct path *template, const struct path *p, struct slice *param)
{
	int count = 0;

	for (size_t i = 0; i < template->count; i++) {
		struct slice t = template->segment[i];
		bool is_last = i + 1 == template->count;

		if (i >= p->count)
			return -1;
		if (t.len && t.at[0] == '{') {
			const uint8_t *from = p->segment[i].at;
			/* "{+value}" takes all that is left (RFC 6570 3.2.3). */
			bool is_rest = is_last && t.at[1] == '+';
			const struct slice *end = &p->segment[is_rest ? p->count - 1 : i];

			param[count] = slice_of(from, (size_t)(end->at + end->len - from));
			if (!param[count++].len || count > API_PARAMS_MAX)
				return -1;
			if (is_rest)
				return count;
		} else if (!slice_equal(t, p->segment[i])) {
			return -1;
		}
	}
	return p->count == template->count ? count : -1;
}

/* A segment that climbs, in any spelling, names nothing here. */
static bool path_is_plain(struct api_conn *c, const struct path *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const char *s = conn_decode(c, (const char *)p->segment[i].at, p->segment[i].len,
					    false);

		if (!s || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
			return false;
	}
	return true;
}

static const struct route *not_found(struct api_conn *c)
{
	api_problem(&c->a, 404,
		    "there is nothing here; /docs and /openapi.json list what there is");
	return NULL;
}

static const struct route *not_allowed(struct api_conn *c, const char *allow)
{
	if (strcmp(c->q.method, "OPTIONS") == 0)
		api_answer_empty(&c->a, 204);
	else
		api_problem(&c->a, 405, "this path answers %s alone; /openapi.json lists all",
			    allow);
	api_answer_header(&c->a, "Allow", allow);
	return NULL;
}

static void allow_add(char *allow, const char *method)
{
	size_t len = strlen(allow);

	if (!strstr(allow, method))
		snprintf(allow + len, ALLOW_MAX - len, "%s%s%s", len ? ", " : "", method,
			 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static const struct route *taken(struct api_conn *c, const struct route *r,
				 const struct slice *param, int count)
{
	for (int i = 0; i < count; i++) {
		c->q.param[i] = conn_decode(c, (const char *)param[i].at, param[i].len, false);
		if (!c->q.param[i])
			return not_found(c);
	}
	return r;
}

const struct route *route_find(struct api_conn *c, struct api_answer *a)
{
	static const char prefix[] = "/api/v1";
	struct slice param[API_PARAMS_MAX + 1];
	struct path path, template;
	char allow[ALLOW_MAX] = "";
	size_t count;
	const struct route *table = route_table(&count);

	if (strncmp(c->q.path, prefix, sizeof(prefix) - 1) == 0 &&
	    (c->q.path[sizeof(prefix) - 1] == '/' || !c->q.path[sizeof(prefix) - 1]))
		c->q.path += sizeof(prefix) - 1;
	if (!*c->q.path)
		c->q.path = "/";
	if (!conn_decode(c, c->q.query, strlen(c->q.query), true)) {
		api_problem(a, 400,
			    "the query holds a broken %%XX; write two hex digits behind "
			    "each %%");
		return NULL;
	}
	if (!path_split(c->q.path, &path) || !path_is_plain(c, &path))
		return not_found(c);
	for (size_t i = 0; i < count; i++) {
		int found;

		if ((table[i].flags & ROUTE_HIDDEN) && *allow)
			continue;
		path_split(table[i].path, &template);
		found = template_match(&template, &path, param);
		if (found >= 0 && strcmp(table[i].method, c->q.method) == 0)
			return taken(c, &table[i], param, found);
		if (found >= 0 && !(table[i].flags & ROUTE_HIDDEN))
			allow_add(allow, table[i].method);
	}
	return *allow ? not_allowed(c, allow) : not_found(c);
}

/* A field that nobody reads is one that was misspelt: better said than passed over. */
int query_check(struct api_conn *c)
{
	const struct route_query *p;
	struct text known = {0};

	for (const char *at = c->q.query; *at;) {
		size_t field = strcspn(at, "&"), key = strcspn(at, "=&");

		for (p = c->q.route->query; p && p->name; p++)
			if (strlen(p->name) == key && memcmp(p->name, at, key) == 0)
				break;
		if (key && (!p || !p->name))
			break;
		at += field + (at[field] == '&');
		if (!*at)
			return 0;
	}
	if (!*c->q.query || (c->q.route->flags & ROUTE_HIDDEN))
		return 0;
	for (p = c->q.route->query; p && p->name; p++)
		text_printf(&known, "%s%s", known.len ? ", " : "", p->name);
	api_problem(&c->a, 422, "the query holds a field that is not known here; known are: %s",
		    known.len ? known.at : "none");
	text_clear(&known);
	return -1;
}

const char *api_query(struct api_request *q, const char *name, size_t nth)
{
	size_t len = strlen(name);

	for (const char *at = q->query; *at;) {
		size_t field = strcspn(at, "&");
		const char *equals = memchr(at, '=', field);
		size_t key = equals ? (size_t)(equals - at) : field;

		if (key == len && memcmp(at, name, len) == 0 && nth-- == 0)
			return equals ? conn_decode(q->conn, equals + 1, field - key - 1, true)
				      : "";
		at += field + (at[field] == '&');
	}
	return NULL;
}
