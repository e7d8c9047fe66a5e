/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One request on its way through the service: head, body, handler, answer. Runs in the server's
 * thread; only the handler runs elsewhere, while the connection is suspended. Room: api.
 */
#include "api/server.h"
#include "api/served.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/guard.h"

enum {
	DRAIN_MAX = 67108864, /* bytes thrown away for a client that does not stop sending */
	RATE_GRACE_MS = 5000,
	RATE_BYTES_S = 1024,
};

uint64_t api_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct MHD_Connection *api_request_mhd(const struct api_request *q)
{
	return q->conn->mhd;
}

const char *api_header(const struct api_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->conn->mhd, MHD_HEADER_KIND, name);
}

/* --- the head --------------------------------------------------------------------------------- */

void *conn_begin(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct api_conn *c = calloc(1, sizeof(*c));
	char *query;

	if (!c)
		return NULL;
	c->target = strdup(uri);
	if (!c->target) {
		free(c);
		return NULL;
	}
	query = strchr(c->target, '?');
	if (query)
		*query++ = 0;
	c->mhd = mhd;
	c->a.fd = -1;
	c->begun_ms = api_now_ms();
	c->q.api = cls;
	c->q.conn = c;
	c->q.path = c->target;
	c->q.query = query ? query : "";
	c->q.content_type = "";
	return c;
}

/* Content type without parameters, in lower case; and the announced length. */
static void head_read(struct api_conn *c)
{
	const char *type = api_header(&c->q, "Content-Type");
	const char *length = api_header(&c->q, "Content-Length");
	size_t n = 0;

	if (type) {
		c->q.content_type = type;
		for (; n < sizeof(c->media) - 1 && type[n] && !strchr("; \t", type[n]); n++)
			c->media[n] = type[n] >= 'A' && type[n] <= 'Z' ? (char)(type[n] | 32)
								       : type[n];
	}
	c->media[n] = 0;
	c->q.media = c->media;
	c->q.body_len = length ? strtoull(length, NULL, 10) : 0;
	if (api_header(&c->q, "Transfer-Encoding"))
		c->q.body_len = UINT64_MAX;
}

/* True when the list of words, blank between, has this one; "*" in it stands for none said. */
static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	if (!len)
		return list_has(list, "*");
	for (const char *at = list; (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

/* Media types that have a blank between them, for a person. */
static const char *media_words(const char *list, struct text *out)
{
	for (; *list; list++) {
		if (*list == ' ')
			text_puts(out, " or ");
		else
			text_putc(out, *list);
	}
	return out->at ? out->at : "";
}

/* Is a body of this type and size taken here? 0, or -1 with a problem set. */
static int body_check(struct api_conn *c, const struct route *r)
{
	uint64_t max = r->body_max ? r->body_max : r->sink ? UINT64_MAX : API_BODY_MAX;
	struct text shown = {0}, words = {0};

	if (c->q.body_len == 0) {
		if (r->body_media && !(r->flags & ROUTE_BODY_OPTIONAL) && !r->sink) {
			api_problem(&c->a, 400, "the body is missing: send one of type %s",
				    media_words(r->body_media, &words));
			text_clear(&words);
			return -1;
		}
		return 0;
	}
	if (c->q.body_len != UINT64_MAX && c->q.body_len > max) {
		api_problem(&c->a, 413,
			    "the body has %llu bytes, and %llu are taken here; send less",
			    (unsigned long long)c->q.body_len, (unsigned long long)max);
		return -1;
	}
	if (r->body_media && list_has(r->body_media, c->media))
		return 0;
	text_escaped(&shown, slice_text(c->media));
	if (!r->body_media)
		api_problem(&c->a, 415, "%s takes no body; send none", r->path);
	else
		api_problem(&c->a, 415, "a body of type \"%s\" is not taken here; send %s",
			    shown.at ? shown.at : "", media_words(r->body_media, &words));
	text_clear(&words);
	text_clear(&shown);
	return -1;
}

/* Everything that can be said before the body. 0, or -1 with an answer set. */
static int head_check(struct api_conn *c, const char *method)
{
	struct api_counters *n = c->q.api->counters;
	const char *encoding = api_header(&c->q, "Content-Encoding");
	int err;

	c->q.method = strcmp(method, "HEAD") ? method : "GET";
	head_read(c);
	n->requests++;
	if (access_place(c)) {
		n->requests_denied++;
		return -1;
	}
	c->q.route = route_find(c, &c->a);
	if (c->a.kind != ANSWER_NONE)
		return -1;
	if (access_right(c)) {
		n->requests_denied++;
		return -1;
	}
	if (query_check(c))
		return -1;
	if (encoding && strcasecmp(encoding, "identity") != 0) {
		api_problem(&c->a, 415, "a body in a Content-Encoding is not taken; send it plain");
		n->bodies_refused++;
		return -1;
	}
	if (body_check(c, c->q.route)) {
		n->bodies_refused++;
		return -1;
	}
	if (!c->q.route->sink)
		return 0;
	err = c->q.route->sink->begin(&c->q, &c->a);
	if (err < 0 && c->a.kind == ANSWER_NONE)
		api_problem(&c->a, 500, "the upload cannot be kept: %s; try again later",
			    strerror(-err));
	return c->a.kind == ANSWER_NONE ? 0 : -1;
}

/* --- the body --------------------------------------------------------------------------------- */

static bool is_too_slow(const struct api_conn *c)
{
	uint64_t took = api_now_ms() - c->begun_ms;

	return took > RATE_GRACE_MS && c->taken < (took - RATE_GRACE_MS) / 1000 * RATE_BYTES_S;
}

static void body_keep(struct api_conn *c, const char *at, size_t len)
{
	const struct route *r = c->q.route;
	uint64_t max = r->body_max ? r->body_max : API_BODY_MAX;

	if (c->body.len + len > max) {
		api_problem(&c->a, 413, "the body has more than %llu bytes; send less",
			    (unsigned long long)max);
		c->q.api->counters->bodies_refused++;
		c->state = CONN_REFUSED;
		return;
	}
	text_add(&c->body, at, len);
}

void api_body_pause(struct api_request *q)
{
	q->conn->paused_ms = api_now_ms();
	MHD_suspend_connection(q->conn->mhd);
}

/* The time that it waited is not the client's. */
void api_body_resume(struct api_request *q)
{
	q->conn->begun_ms += api_now_ms() - q->conn->paused_ms;
	MHD_resume_connection(q->conn->mhd);
}

/* Takes a piece of the body; *left is then what was not taken. False: the connection is not worth
 * keeping. */
static bool body_take(struct api_conn *c, const char *at, size_t *left)
{
	size_t len = *left;
	int err;

	*left = 0;
	c->taken += len;
	if (is_too_slow(c)) {
		c->q.api->counters->clients_slow++;
		return false;
	}
	if (c->state == CONN_REFUSED)
		return c->taken < DRAIN_MAX;
	if (!c->q.route->sink) {
		body_keep(c, at, len);
		return true;
	}
	err = c->q.route->sink->take(&c->q, &c->a, at, len);
	if (err == -EAGAIN) {
		c->taken -= len;
		*left = len;
		return true;
	}
	if (err < 0 && c->a.kind == ANSWER_NONE)
		api_problem(&c->a, 500, "the upload cannot be kept: %s; try again later",
			    strerror(-err));
	if (c->a.kind != ANSWER_NONE) {
		c->state = CONN_REFUSED;
		c->taken = 0;
	}
	return true;
}

/* --- the answer ------------------------------------------------------------------------------- */

static enum MHD_Result answer_queue(struct api_conn *c)
{
	struct api *api = c->q.api;
	unsigned status;
	struct MHD_Response *r;
	enum MHD_Result result;

	if (c->a.kind == ANSWER_NONE)
		api_problem(&c->a, 500, "the request was not answered");
	c->is_stream = c->a.kind == ANSWER_STREAM && guard_stream_begins(c->mhd);
	if (c->is_stream) {
		api->counters->streams++;
		api->served->streams_open++;
	} else if (c->a.kind == ANSWER_STREAM) {
		api_problem(&c->a, 503, "there are too many event streams; try again later");
	}
	if (!c->is_stream)
		guard_answer_begins(c->mhd, c->a.kind == ANSWER_FILE
						    ? c->a.file_len
						    : c->a.text.len + c->a.bytes.len);
	status = c->a.status;
	if (status >= 400)
		api->counters->problems++;
	served_count(api->served, c->q.route, status);
	c->state = CONN_ANSWERED;
	r = answer_response(&c->a, c);
	if (!r)
		return MHD_NO;
	access_headers(c, r);
	result = MHD_queue_response(c->mhd, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result work_later(struct api_conn *c)
{
	c->state = CONN_WORKING;
	MHD_suspend_connection(c->mhd);
	work_add(c->q.api->work, c);
	return MHD_YES;
}

static bool is_straight(struct api_conn *c)
{
	const struct route_sink *sink = c->q.route->sink;

	return sink && sink->is_straight && sink->is_straight(&c->q);
}

/* The body is whole: answer, here or in the pool. */
static enum MHD_Result work(struct api_conn *c)
{
	const struct route *r = c->q.route;

	if (c->body.failed)
		api_problem(&c->a, 500, "out of memory; try again later");
	c->q.body = slice_of(c->body.at ? c->body.at : "", c->body.len);
	if (c->a.kind == ANSWER_NONE && !r->sink && c->body.len &&
	    strcmp(c->media, "application/json") == 0 && check_json(&c->q, &c->a))
		c->q.api->counters->bodies_refused++;
	if (c->a.kind != ANSWER_NONE)
		return answer_queue(c);
	if (r->flags & ROUTE_QUICK) {
		if (r->handle(&c->q, &c->a) < 0 && c->a.kind == ANSWER_NONE)
			api_problem(&c->a, 500, "the request failed; try again");
		return answer_queue(c);
	}
	return work_later(c);
}

enum MHD_Result conn_serve(void *cls, struct MHD_Connection *mhd, const char *url,
			   const char *method, const char *version, const char *data, size_t *len,
			   void **state)
{
	struct api_conn *c = *state;

	if (!c)
		return MHD_NO; /* there was no memory for it */
	if (c->state == CONN_HEAD) {
		c->state = CONN_BODY;
		if (head_check(c, method) == 0)
			return is_straight(c) ? work_later(c) : MHD_YES;
		c->state = CONN_REFUSED;
		/* A client that is not waiting for leave hears best once it has said all. */
		if (c->q.body_len <= API_BODY_MAX && !api_header(&c->q, "Expect"))
			return MHD_YES;
		return answer_queue(c);
	}
	if (*len)
		return body_take(c, data, len) ? MHD_YES : MHD_NO;
	return c->state == CONN_BODY ? work(c) : answer_queue(c);
}

void conn_end(void *cls, struct MHD_Connection *mhd, void **state,
	      enum MHD_RequestTerminationCode code)
{
	struct api_conn *c = *state;

	if (!c)
		return;
	if (c->is_stream)
		c->q.api->served->streams_open--;
	if (c->q.sink && c->q.route && c->q.route->sink)
		c->q.route->sink->end(&c->q);
	answer_clear(&c->a);
	text_clear(&c->body);
	json_decref(c->q.json);
	free(c->target);
	while (c->rooms) {
		struct conn_room *room = c->rooms;

		c->rooms = room->next;
		free(room);
	}
	free(c);
	*state = NULL;
}
