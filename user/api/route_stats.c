/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What passes, counted: totals, applications, connections, workers. The agent's own JSON is handed
 * on as it is. Room: api.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/ask.h"
#include "api/route.h"

enum { PAGE_ROWS = 100, PAGE_MAX = 1000 };

/* Asks the agent one thing and hands on what it says. */
static int hand_on(struct api_request *q, struct api_answer *a, const char *fields)
{
	struct text request = {0};
	struct wire answer;
	int err;

	text_printf(&request, "{%s,\"json\":true}", fields);
	err = ask_running(q, a, &request, &answer);
	text_clear(&request);
	if (err)
		return 0;
	answer_said(a, &answer);
	return 0;
}

int route_stats(struct api_request *q, struct api_answer *a)
{
	return hand_on(q, a, "\"command\":\"summary\"");
}

int route_stats_apps(struct api_request *q, struct api_answer *a)
{
	return hand_on(q, a, "\"command\":\"apps\"");
}

int route_stats_workers(struct api_request *q, struct api_answer *a)
{
	return hand_on(q, a, "\"command\":\"workers\"");
}

/* One page of open or of all connections: {"KEY":[...],"next":cursor or null,"total":n}. */
static int page(struct api_request *q, struct api_answer *a, const char *command)
{
	const char *limit = api_query(q, "limit", 0), *cursor = api_query(q, "cursor", 0);
	const char *sort = api_query(q, "sort", 0);
	char *end = NULL, fields[256];
	unsigned long rows = limit && *limit ? strtoul(limit, &end, 10) : PAGE_ROWS;

	if ((end && *end) || rows < 1 || rows > PAGE_MAX)
		return api_problem(a, 422, "limit is a number from 1 to %d", PAGE_MAX);
	if (sort && strcmp(sort, "newest") != 0)
		return api_problem(a, 422, "sort is newest, or left out");
	if (cursor &&
	    (strlen(cursor) > 160 || strspn(cursor, "0123456789abcdef") != strlen(cursor)))
		return api_problem(
			a, 422,
			"that cursor is none: take \"next\" of the page before, or leave "
			"it out to begin");
	snprintf(fields, sizeof(fields),
		 "\"command\":\"%s\",\"limit\":%lu,\"cursor\":\"%s\",\"newest\":%s", command, rows,
		 cursor ? cursor : "", sort ? "true" : "false");
	return hand_on(q, a, fields);
}

int route_stats_connections(struct api_request *q, struct api_answer *a)
{
	return page(q, a, "connections");
}

int route_flows(struct api_request *q, struct api_answer *a)
{
	return page(q, a, "flows");
}
