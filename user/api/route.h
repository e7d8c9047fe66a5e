/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The route table's row, and the handlers that stand in it. The table (routes.c) routes, checks
 * bodies, makes /openapi.json and drives the contract test; a route exists nowhere else. Room: api.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "api/api.h"

/* JSON as one writes it, in C. */
#define ROUTE_JSON(...) #__VA_ARGS__

/* A body that is not kept in memory. All three run in the server's thread. */
struct route_sink {
	/* Before the first byte; may answer and so refuse (then take is not called). 0 or -errno.
	 */
	int (*begin)(struct api_request *q, struct api_answer *a);
	/* The next bytes. May answer: the rest is then read and thrown away. 0; -EAGAIN: none were
	 * taken and the body is paused (api_body_pause); or another -errno. */
	int (*take)(struct api_request *q, struct api_answer *a, const void *at, size_t len);
	/* After begin: will handle() read the body by itself (straight.h)? Then take is not called.
	 * NULL: never. */
	bool (*is_straight)(struct api_request *q);
	/* When the request ends, however it ends, if q->sink is not NULL. */
	void (*end)(struct api_request *q);
};

struct route_query {
	const char *name, *help;
};

enum route_flag {
	ROUTE_WRITES = 1, /* changes something: needs write authority */
	ROUTE_OPEN = 2,	  /* for all who pass Host and Origin, token or not: holds nothing secret */
	ROUTE_QUICK = 4,  /* waits for nothing: runs in the server's own thread */
	ROUTE_BODY_OPTIONAL = 16,
	ROUTE_HIDDEN = 8, /* not in /openapi.json: the page's files */
};

struct route {
	const char *method;
	const char *path; /* "/rules/{kind}/{+value}"; "+": with slashes in it */
	const char *name; /* operationId */
	const char *summary;
	const struct route_query *query; /* ends with a NULL name; NULL: none */
	const char *body_media;		 /* media types of the body, blank between; NULL: none */
	const char *body_schema;	 /* of a JSON body; NULL: any */
	uint64_t body_max;		 /* bytes; 0 with a sink: the sink's matter */
	const struct route_sink *sink;	 /* NULL: the body is kept in memory */
	unsigned flags;
	const char *answer_media;  /* NULL: application/json */
	const char *answer_schema; /* of a JSON answer 200 */
	/* Answers. Runs in a pool thread. 0, or -errno (a problem 500 unless it answered). */
	int (*handle)(struct api_request *q, struct api_answer *a);
};

/* The table; *count of rows. */
const struct route *route_table(size_t *count);

/* The documents made from the table; gives JSON text. */
void openapi_write(struct text *out);

/* route_rules.c */
int route_rules_change(struct api_request *q, struct api_answer *a);
int route_rules_kind(struct api_request *q, struct api_answer *a);
int route_rules_get(struct api_request *q, struct api_answer *a);
int route_rules_put(struct api_request *q, struct api_answer *a);
/* route_lists.c */
int route_lists_get(struct api_request *q, struct api_answer *a);
int route_lists_change(struct api_request *q, struct api_answer *a);
int route_lists_refresh(struct api_request *q, struct api_answer *a);
/* route_pause.c */
int route_pause_get(struct api_request *q, struct api_answer *a);
int route_pause_begin(struct api_request *q, struct api_answer *a);
int route_pause_end(struct api_request *q, struct api_answer *a);
/* route_what_if.c */
int route_what_if(struct api_request *q, struct api_answer *a);
int route_rules_history(struct api_request *q, struct api_answer *a);
int route_rules_diff(struct api_request *q, struct api_answer *a);
int route_rules_rollback(struct api_request *q, struct api_answer *a);
/* route_stats.c */
int route_stats(struct api_request *q, struct api_answer *a);
int route_stats_apps(struct api_request *q, struct api_answer *a);
int route_stats_connections(struct api_request *q, struct api_answer *a);
int route_stats_workers(struct api_request *q, struct api_answer *a);
int route_flows(struct api_request *q, struct api_answer *a);
/* route_analyze.c */
extern const struct route_sink route_analyze_sink;
int route_analyze(struct api_request *q, struct api_answer *a);
/* route_ingest.c */
int route_ingest(struct api_request *q, struct api_answer *a);
/* route_events.c */
int route_events(struct api_request *q, struct api_answer *a);
/* route_health.c */
int route_health(struct api_request *q, struct api_answer *a);
int route_ready(struct api_request *q, struct api_answer *a);
/* route_metrics.c */
int route_metrics(struct api_request *q, struct api_answer *a);
/* route_page.c */
int route_page(struct api_request *q, struct api_answer *a);
int route_openapi(struct api_request *q, struct api_answer *a);

#endif
