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
#include "dpi/version.h"

enum { WAIT_S = 5 }; /* for another scrape */

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

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* Asks the agent anew, unless it has just been asked: of its time no more than half goes to
 * scrapes, however many come. */
static void agent_ask(struct api_request *q, struct api_answer *a, struct served_agent *s)
{
	uint64_t begin = now_ns();

	if (s->asked_ns && begin - s->asked_ns < s->took_ns)
		return;
	json_decref(s->status);
	json_decref(s->stats);
	json_decref(s->apps);
	s->stats = s->apps = NULL;
	s->status = ask(q, a, "{\"command\":\"status\",\"json\":true}");
	if (s->status)
		s->stats = ask(q, a, "{\"command\":\"stats\",\"json\":true,\"verbose\":true}");
	if (s->stats)
		s->apps = ask(q, a, "{\"command\":\"apps\",\"json\":true}");
	s->asked_ns = now_ns();
	s->took_ns = s->asked_ns - begin;
}

/* One scrape at a time. False: others wait for the agent already, and it does not answer. */
static bool agent_write(struct api_request *q, struct api_answer *a, struct metrics *m)
{
	struct served_agent *s = &q->api->served->agent;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	if (pthread_mutex_timedlock(&s->lock, &until))
		return false;
	agent_ask(q, a, s);
	metrics_agent_write(
		m, &(struct metrics_agent){.status = s->status, .stats = s->stats, .apps = s->apps},
		&s->high);
	metrics_seconds(m, "scrape_agent_seconds", "what asking the agent for this took",
			s->took_ns);
	pthread_mutex_unlock(&s->lock);
	return true;
}

static void fleet_write(struct metrics *m, const struct api *api)
{
	struct fleet_status s;

	if (porter_fleet_status(api->porter, &s))
		metrics_fleet_write(m, &s);
}

int route_metrics(struct api_request *q, struct api_answer *a)
{
	struct text out = {0};
	struct metrics m = {.out = &out, .is_open = metrics_accepts_open(api_header(q, "Accept"))};

	if (!agent_write(q, a, &m)) {
		text_clear(&out);
		return api_problem(a, 503,
				   "other scrapes wait for the agent already; `dpi-xdp status` "
				   "shows whether it is well");
	}
	fleet_write(&m, q->api);
	service_write(&m, q->api);
	metrics_end(&m);
	api_answer_text(a, 200, metrics_content_type(m.is_open), &out);
	return 0;
}
