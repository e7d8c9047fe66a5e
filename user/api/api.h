/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The service's words: the context that every route sees, a request, and how it is answered. Room:
 * api. Errors are problem documents (RFC 9457). A handler runs in a thread of the service's pool
 * and may wait for the agent; it never touches the connection.
 */
#ifndef API_API_H
#define API_API_H

#include <jansson.h>
#include <sys/types.h>

#include "base/fault.h"
#include "base/slice.h"
#include "base/text.h"
#include "control/paths.h"

struct catalogue;
struct route;
struct api_conn;
struct api_work;

/* Who the service and what it starts are, when they were root. */
#define SERVICE_USER "dpi-xdp-api"

enum { API_PARAMS_MAX = 4, API_BODY_MAX = 1048576, API_LIST_MAX = 32 };

/* What `serve` was started with; borrowed for the service's life. */
struct api_options {
	const char *listen;	 /* "127.0.0.1:8080", "[::1]:8080", "unix:PATH" */
	const char *token_file;	 /* NULL: none */
	const char *redis;	 /* URL; NULL: rules are this host's own */
	const char *fleet;	 /* name of the fleet; NULL: "fleet" */
	const char *local_rules; /* a file of rules for this host alone; NULL: none */
	bool accept_mass_change; /* of the fleet's rules */
	const char *hosts[API_LIST_MAX], *origins[API_LIST_MAX]; /* allowed beside one's own */
	size_t host_count, origin_count;
	uint64_t capture_max;	/* bytes of an uploaded capture; 0: any */
	unsigned capture_jobs;	/* analysed at once */
	unsigned capture_cpu_s; /* processor seconds an analysis may take; 0: any */
};

/* What the service counts: name, help. Shown by /health and /metrics. */
#define API_COUNTERS(X)                                                                           \
	X(connections, "connections accepted")                                                    \
	X(connections_refused, "connections beyond the bound, of all or of one source")           \
	X(heads_refused, "requests refused for the shape or size of their head")                  \
	X(requests, "requests read")                                                              \
	X(requests_denied, "requests refused for Host, Origin or token")                          \
	X(tokens_limited, "requests refused after too many wrong tokens")                         \
	X(bodies_refused, "bodies refused for type, size or form")                                \
	X(clients_slow, "connections closed for being too slow")                                  \
	X(questions_refused, "questions about traffic refused while others waited for the agent") \
	X(problems, "answers that were problem documents")                                        \
	X(streams, "answers that went on: events")                                                \
	X(captures, "uploaded captures that gave a report")                                       \
	X(capture_bytes, "bytes of uploaded captures that were analysed")                         \
	X(captures_damaged, "of them, captures that ended early or were damaged")                 \
	X(captures_refused, "uploads that were no capture, or hit a limit")                       \
	X(captures_busy, "uploads refused because too many were before them")                     \
	X(captures_left, "uploads whose client hung up before the report")                        \
	X(ingest_forwarded, "ingested records that no rule blocks")                               \
	X(ingest_dropped, "ingested records that a rule blocks")                                  \
	X(ingest_refused, "ingested records that could not be read")                              \
	X(ingest_bytes, "bytes of the packets that they tell of")                                 \
	X(events, "event lines that the agent told the service")                                  \
	X(events_lost, "event lines that the agent did not keep for the service")                 \
	X(events_sent, "event lines written for clients")                                         \
	X(events_dropped, "event lines that slow clients missed")                                 \
	X(events_refused, "clients refused because too many follow events")

struct api_counters {
#define X(name, help) _Atomic uint64_t name;
	API_COUNTERS(X)
#undef X
};

/* The running service. Owned by server.c; handlers read it, from any thread. What other files keep
 * for their routes hangs here: each makes its own when the service starts and locks it itself. */
struct api {
	struct paths paths;
	const struct api_options *options;
	const struct catalogue *catalogue;
	struct api_work *work;
	_Atomic unsigned questions;    /* about traffic, that wait for the agent now */
	struct api_launcher *launcher; /* launcher.h; NULL: none */
	struct api_events *events;     /* route_events.c */
	struct api_ingest *ingest;     /* ingest.h */
	struct api_captures *captures; /* route_analyze.c */
	struct porter *porter;	       /* porter.h: the way to the agent and the fleet */
	struct api_access *access;     /* access.c */
	struct api_counters *counters;
	struct api_served *served; /* served.h */
	struct answer_streams *streams;
	struct guard *guard; /* guard.h */
	uint64_t started_ms;
};

/* One request. Owned by the server; a handler borrows it until it returns. */
struct api_request {
	struct api *api;
	const struct route *route;
	const char *method;
	const char *path;		   /* without query, as sent */
	const char *query;		   /* behind the "?", as sent; "" when there is none */
	const char *param[API_PARAMS_MAX]; /* of the path's template, decoded, in its order */
	const char *media;		   /* of the body: "application/json"; "" when unsaid */
	const char *content_type;	   /* the whole field, for a boundary; "" */
	uint64_t body_len;		   /* as announced; UINT64_MAX: chunked */
	struct slice body;		   /* whole, with a NUL behind it; empty when streamed */
	json_t *json;			   /* the body of an application/json request, checked */
	void *sink;			   /* a streamed body's own, set by its begin */
	struct api_conn *conn;		   /* server.c's */
};

/* The value of a query field, decoded; the nth of that name, from 0. NULL: there is none. Borrowed
 * until the request ends. */
const char *api_query(struct api_request *q, const char *name, size_t nth);
/* A header field, or NULL. */
const char *api_header(const struct api_request *q, const char *name);
/* For libmicrohttpd's post processor alone: the struct MHD_Connection of a request. */
struct MHD_Connection *api_request_mhd(const struct api_request *q);

/*
 * For a streamed body whose bytes cannot be taken now: its take() pauses it and returns -EAGAIN;
 * the same bytes are given again once it was resumed, from any thread.
 */
void api_body_pause(struct api_request *q);
void api_body_resume(struct api_request *q);

/* The answer of a request, filled in once; the last call counts. */
struct api_answer;

/* Takes the text's bytes (the text is empty then). Out of memory in it becomes a problem 500. */
void api_answer_text(struct api_answer *a, unsigned status, const char *media, struct text *t);
static inline void api_answer_json(struct api_answer *a, unsigned status, struct text *t)
{
	api_answer_text(a, status, "application/json", t);
}
/* Bytes that live as long as the program. */
void api_answer_static(struct api_answer *a, unsigned status, const char *media, const void *bytes,
		       size_t len);
/* A file's bytes from its beginning; takes the descriptor. */
void api_answer_file(struct api_answer *a, unsigned status, const char *media, int fd,
		     uint64_t len);
/* No body: 204, 304. */
void api_answer_empty(struct api_answer *a, unsigned status);
/* A header field of the answer; copied. At most 8. */
void api_answer_header(struct api_answer *a, const char *name, const char *value);

/* A problem document: type, title and status by the number, detail as said, printf-like: the fault
 * and the next step. Bytes of others in it are to be escaped before (text_escaped). Returns 0, so
 * that a handler can return it. */
int api_problem(struct api_answer *a, unsigned status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * An answer that goes on: events. `read` runs in the server's thread and must not wait: it gives up
 * to max bytes, 0 when there is nothing now (api_stream_wake makes it be asked again), or -1 at the
 * end. `end` is called once, when the client is gone or the stream is done; after it has returned,
 * api_stream_wake must not be called.
 */
struct api_stream;
struct api_source {
	ssize_t (*read)(void *ctx, char *to, size_t max);
	void (*end)(void *ctx);
};
/* The stream lives until `end`. NULL: out of memory (a problem was set, end was not called). */
struct api_stream *api_answer_stream(struct api_answer *a, unsigned status, const char *media,
				     const struct api_source *source, void *ctx);
/* May be called from any thread, also by the handler before it returns. */
void api_stream_wake(struct api_stream *s);

/* Milliseconds of a clock that never goes back. */
uint64_t api_now_ms(void);

#endif
