/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Filling in an answer, and making libmicrohttpd's response of it; see api.h. Room: api. Problem
 * documents: RFC 9457.
 */
#include "api/conn.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STREAM_BLOCK = 16384, DETAIL_MAX = 1024 };

/* --- filling in ------------------------------------------------------------------------------- */

static void begin(struct api_answer *a, enum answer_kind kind, unsigned status, const char *media)
{
	answer_clear(a);
	a->kind = kind;
	a->status = status;
	snprintf(a->media, sizeof(a->media), "%s", media);
}

void api_answer_text(struct api_answer *a, unsigned status, const char *media, struct text *t)
{
	if (t->failed) {
		text_clear(t);
		api_problem(a, 500, "out of memory; try again, or ask for less");
		return;
	}
	begin(a, ANSWER_TEXT, status, media);
	a->text = *t;
	*t = (struct text){0};
}

void api_answer_static(struct api_answer *a, unsigned status, const char *media, const void *bytes,
		       size_t len)
{
	begin(a, ANSWER_STATIC, status, media);
	a->bytes = slice_of(bytes, len);
}

void api_answer_file(struct api_answer *a, unsigned status, const char *media, int fd, uint64_t len)
{
	begin(a, ANSWER_FILE, status, media);
	a->fd = fd;
	a->file_len = len;
}

void api_answer_empty(struct api_answer *a, unsigned status)
{
	begin(a, ANSWER_EMPTY, status, "");
}

void api_answer_header(struct api_answer *a, const char *name, const char *value)
{
	if (a->header_count == ANSWER_HEADERS_MAX)
		return;
	snprintf(a->header[a->header_count].name, sizeof(a->header[0].name), "%s", name);
	snprintf(a->header[a->header_count].value, sizeof(a->header[0].value), "%s", value);
	a->header_count++;
}

const char *answer_title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} rows[] = {
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{411, "Length Required"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].title;
	return "Error";
}

int api_problem(struct api_answer *a, unsigned status, const char *format, ...)
{
	char detail[DETAIL_MAX];
	struct text t = {0};
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	text_puts(&t, "{\"type\":\"about:blank\",\"title\":");
	text_json(&t, slice_text(answer_title(status)));
	text_printf(&t, ",\"status\":%u,\"detail\":", status);
	text_json(&t, slice_text(detail));
	text_puts(&t, "}\n");
	if (t.failed) {
		static const char plain[] = "{\"type\":\"about:blank\",\"title\":\"Internal Server "
					    "Error\",\"status\":500,\"detail\":\"out of memory; "
					    "try again later\"}\n";

		text_clear(&t);
		api_answer_static(a, 500, "application/problem+json", plain, sizeof(plain) - 1);
		return 0;
	}
	api_answer_text(a, status, "application/problem+json", &t);
	return 0;
}

/* --- streams ---------------------------------------------------------------------------------- */

/* The lock guards the three flags: a wake between "nothing now" and the suspension is not lost. */
struct api_stream {
	pthread_mutex_t lock;
	bool is_woken, is_waiting, is_ending;
	struct MHD_Connection *mhd;
	struct api_source source;
	void *ctx;
	struct answer_streams *all; /* NULL: not begun */
	struct api_stream *next, **here;
};

struct api_stream *api_answer_stream(struct api_answer *a, unsigned status, const char *media,
				     const struct api_source *source, void *ctx)
{
	struct api_stream *s = calloc(1, sizeof(*s));

	if (!s) {
		api_problem(a, 500, "out of memory; try again later");
		return NULL;
	}
	begin(a, ANSWER_STREAM, status, media);
	pthread_mutex_init(&s->lock, NULL);
	s->source = *source;
	s->ctx = ctx;
	a->stream = s;
	return s;
}

void api_stream_wake(struct api_stream *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->is_waiting) {
		s->is_waiting = false;
		MHD_resume_connection(s->mhd);
	} else {
		s->is_woken = true;
	}
	pthread_mutex_unlock(&s->lock);
}

static ssize_t stream_read(void *cls, uint64_t pos, char *to, size_t max)
{
	struct api_stream *s = cls;

	for (;;) {
		ssize_t n = s->source.read(s->ctx, to, max);
		bool again, is_ending;

		if (n < 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (n > 0)
			return n;
		pthread_mutex_lock(&s->lock);
		again = s->is_woken;
		s->is_woken = false;
		is_ending = s->is_ending;
		if (!again && !is_ending) {
			s->is_waiting = true;
			MHD_suspend_connection(s->mhd);
		}
		pthread_mutex_unlock(&s->lock);
		if (is_ending)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (!again)
			return 0;
	}
}

static void stream_end(void *cls)
{
	struct api_stream *s = cls;

	s->source.end(s->ctx);
	if (s->all) {
		pthread_mutex_lock(&s->all->lock);
		*s->here = s->next;
		if (s->next)
			s->next->here = s->here;
		pthread_mutex_unlock(&s->all->lock);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void stream_begin(struct api_stream *s, struct answer_streams *all,
			 struct MHD_Connection *mhd)
{
	s->mhd = mhd;
	s->all = all;
	pthread_mutex_lock(&all->lock);
	s->here = &all->first;
	s->next = all->first;
	if (s->next)
		s->next->here = &s->next;
	all->first = s;
	s->is_ending = all->is_ending;
	pthread_mutex_unlock(&all->lock);
}

bool answer_streams_end(struct answer_streams *all)
{
	bool is_empty;

	pthread_mutex_lock(&all->lock);
	all->is_ending = true;
	is_empty = !all->first;
	for (struct api_stream *s = all->first; s; s = s->next) {
		pthread_mutex_lock(&s->lock);
		s->is_ending = true;
		pthread_mutex_unlock(&s->lock);
		api_stream_wake(s);
	}
	pthread_mutex_unlock(&all->lock);
	return is_empty;
}

/* --- the response ----------------------------------------------------------------------------- */

void answer_clear(struct api_answer *a)
{
	text_clear(&a->text);
	if (a->kind == ANSWER_FILE)
		close(a->fd);
	if (a->kind == ANSWER_STREAM && a->stream)
		stream_end(a->stream);
	*a = (struct api_answer){.fd = -1};
}

static struct MHD_Response *response_of(struct api_answer *a, struct api_conn *c)
{
	struct MHD_Response *r = NULL;

	switch (a->kind) {
	case ANSWER_NONE:
	case ANSWER_EMPTY: return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	case ANSWER_STATIC:
		return MHD_create_response_from_buffer(a->bytes.len, (void *)a->bytes.at,
						       MHD_RESPMEM_PERSISTENT);
	case ANSWER_TEXT:
		r = MHD_create_response_from_buffer_with_free_callback(a->text.len, a->text.at,
								       free);
		if (r)
			a->text = (struct text){0};
		return r;
	case ANSWER_FILE: r = MHD_create_response_from_fd64(a->file_len, a->fd); break;
	case ANSWER_STREAM:
		stream_begin(a->stream, c->q.api->streams, c->mhd);
		r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read,
						      a->stream, stream_end);
		break;
	}
	if (r)
		a->kind = ANSWER_NONE; /* what it held is the response's now */
	return r;
}

struct MHD_Response *answer_response(struct api_answer *a, struct api_conn *c)
{
	bool has_body = a->kind != ANSWER_EMPTY;
	struct MHD_Response *r = response_of(a, c);

	if (!r)
		return NULL;
	if (has_body && a->media[0])
		MHD_add_response_header(r, "Content-Type", a->media);
	for (size_t i = 0; i < a->header_count; i++)
		MHD_add_response_header(r, a->header[i].name, a->header[i].value);
	return r;
}
