/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Private to room api: one request from its head to its answer, and the answer's inside. The
 * server's thread owns both, but for the time that a handler runs in the pool: then the connection
 * is suspended and the pool's thread owns them.
 */
#ifndef API_CONN_H
#define API_CONN_H

#include <microhttpd.h>
#include <pthread.h>

#include "api/route.h"

enum { ANSWER_HEADERS_MAX = 8 };

enum answer_kind {
	ANSWER_NONE,
	ANSWER_TEXT,
	ANSWER_STATIC,
	ANSWER_FILE,
	ANSWER_EMPTY,
	ANSWER_STREAM,
};

struct api_conn;

struct api_answer {
	enum answer_kind kind;
	unsigned status;
	char media[64];
	struct text text;   /* ANSWER_TEXT */
	struct slice bytes; /* ANSWER_STATIC */
	int fd;		    /* ANSWER_FILE */
	uint64_t file_len;
	struct api_stream *stream;
	struct {
		char name[32], value[256];
	} header[ANSWER_HEADERS_MAX];
	size_t header_count;
};

void answer_clear(struct api_answer *a);
/* Makes libmicrohttpd's response of it; the answer's contents move there. NULL: out of memory. */
struct MHD_Response *answer_response(struct api_answer *a, struct api_conn *c);
const char *answer_title(unsigned status); /* "Not Found" */

/* Every answer that goes on. A stream ends under this lock, so none is woken after its end. */
struct answer_streams {
	pthread_mutex_t lock;
	struct api_stream *first;
	bool is_ending;
};
/* Tells all of them to end, and those that begin from now on. True: there are none left. */
bool answer_streams_end(struct answer_streams *all);

enum conn_state {
	CONN_HEAD,    /* nothing looked at yet */
	CONN_BODY,    /* the body is being read */
	CONN_REFUSED, /* answered before the body's end; the rest is thrown away */
	CONN_WORKING, /* a handler runs in the pool; suspended */
	CONN_ANSWERED,
};

struct conn_room {
	struct conn_room *next;
	char bytes[];
};

struct api_conn {
	struct api_request q;
	struct api_answer a;
	struct MHD_Connection *mhd;
	enum conn_state state;
	bool is_stream;		 /* its answer goes on */
	char *target;		 /* as sent; path and query of q point into it */
	struct conn_room *rooms; /* what was decoded, for q's strings */
	char media[64];
	struct text body;
	uint64_t taken; /* bytes of the body so far */
	uint64_t begun_ms, paused_ms;
	struct api_conn *next; /* in the pool's queue */
};

/* The pool of threads that run handlers. */
struct api_work *work_new(unsigned threads);
/* Waits for what is running; what is queued is done first. */
void work_free(struct api_work *w);
/* Queues a suspended connection; a thread runs its handler, then resumes it. */
void work_add(struct api_work *w, struct api_conn *c);

/* Which row answers this method and path? Fills c->q.param. NULL: a problem was set (404, 405). */
const struct route *route_find(struct api_conn *c, struct api_answer *a);
/* Are the fields of the query those of the row? 0, or -1 with a problem set (422). */
int query_check(struct api_conn *c);
/* Decodes %XX; '+' is a blank where is_query. Gives bytes of c (freed with it); NULL: no such
 * encoding, a NUL in it, or out of memory. */
char *conn_decode(struct api_conn *c, const char *at, size_t len, bool is_query);

/* Checks a whole JSON body and puts it in q->json. 0, or -1 with a problem set (400, 422). */
int check_json(struct api_request *q, struct api_answer *a);

/* access.c: who may ask. */
int access_open(struct api *api, struct fault *f);
void access_close(struct api *api);
/* Is the request meant for this service, from a page that may send it? 0, or -1 with a problem set
 * (400, 403, 421). */
int access_place(struct api_conn *c);
/* May this client do what the row of the table does? 0, or -1 with a problem set (401, 403, 415,
 * 429). */
int access_right(struct api_conn *c);
/* Fields of every answer that depend on who asked (CORS). */
void access_headers(struct api_conn *c, struct MHD_Response *r);

#endif
