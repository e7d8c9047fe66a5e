/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * GET /metrics: everything that the agent and the service count, for Prometheus. Room: api. It
 * always answers 200, so that a scrape sees an agent that is down and not a service that is.
 */
#include <errno.h>
#include <time.h>

#include "api/ask.h"
#include "api/served.h"
#include "api/porter.h"

/* The answer to one command as JSON, or NULL when none came. */
static json_t *ask(struct api_request *q, struct api_answer *a, const char *request)
{
	struct text asked = {0};
	struct wire answer = {0};
	json_t *said = NULL;

	text_puts(&asked, request);
	if (ask_agent(q, a, &asked, slice_of("", 0), &answer) == 0)
		said = json_loadb(answer.out, answer.out_len, 0, NULL);
	wire_clear(&answer);
	text_clear(&asked);
	return said;
}

static void service_write(struct metrics *m, const struct api *api)
{
	const struct metric_label version[METRIC_LABELS_MAX] = {{"version", DPI_VERSION}};

	metrics_family(m, "build_info", METRIC_GAUGE, "the version of the service; always 1");
	metrics_value(m, version, 1);
	metrics_one(m, "serve_uptime_seconds", METRIC_GAUGE, "how long the service has run",
		    (api_now_ms() - api->started_ms) / 1000);
#define X(name, help)                                        \
	metrics_one(m, "serve_" #name, METRIC_COUNTER, help, \
		    atomic_load_explicit(&api->counters->name, memory_order_relaxed));
	API_COUNTERS(X)
#undef X
	served_write(m, api->served);
}

/* One scrape at a time raises the sums; another one beside it shows what it found. */
static void agent_write(struct metrics *m, struct api_served *s, const struct metrics_agent *agent)
{
	bool is_mine = !atomic_exchange(&s->is_scraping, true);

	metrics_agent_write(m, agent, is_mine ? &s->high : NULL);
	if (is_mine)
		atomic_store(&s->is_scraping, false);
}

static void fleet_write(struct metrics *m, const struct api *api)
{
	struct fleet_status s;

	if (porter_fleet_status(api->porter, &s))
		metrics_fleet_write(m, &s);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

int route_metrics(struct api_request *q, struct api_answer *a)
{
	struct text out = {0};
	struct metrics m = {.out = &out, .is_open = metrics_accepts_open(api_header(q, "Accept"))};
	uint64_t begin = now_ns();
	json_t *status = ask(q, a, "{\"command\":\"status\",\"json\":true}"), *stats = NULL,
	       *apps = NULL;

	if (status)
		stats = ask(q, a, "{\"command\":\"stats\",\"json\":true,\"verbose\":true}");
	if (stats)
		apps = ask(q, a, "{\"command\":\"apps\",\"json\":true}");
	agent_write(&m, q->api->served,
		    &(struct metrics_agent){.status = status, .stats = stats, .apps = apps});
	metrics_seconds(&m, "scrape_agent_seconds", "what asking the agent for this took",
			now_ns() - begin);
	fleet_write(&m, q->api);
	service_write(&m, q->api);
	metrics_end(&m);
	json_decref(status);
	json_decref(stats);
	json_decref(apps);
	api_answer_text(a, 200, metrics_content_type(m.is_open), &out);
	return 0;
}
