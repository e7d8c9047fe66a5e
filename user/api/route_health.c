/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Is the service well, and the agent behind it? Room: api. GET /health always answers 200: it says
 * what it found. GET /ready is 200 only while an agent protects something.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "api/ask.h"
#include "api/porter.h"
#include "api/route.h"
#include "dpi/version.h"
#include "fleet/fleet.h"

static void counters_write(const struct api_counters *n, struct text *out)
{
	bool is_first = true;

#define X(name, help)                                                                          \
	text_printf(out, "%s\"%s\":%llu", is_first ? "" : ",", #name,                          \
		    (unsigned long long)atomic_load_explicit(&n->name, memory_order_relaxed)); \
	is_first = false;
	API_COUNTERS(X)
#undef X
}

/* What the agent says of itself, as JSON. 0; 1: none runs; -1: it does not answer (*a says why). */
static int status_ask(struct api_request *q, struct api_answer *a, struct wire *answer)
{
	struct text request = {0};
	int err;

	text_puts(&request, "{\"command\":\"status\",\"json\":true}");
	err = ask_agent(q, a, &request, slice_of("", 0), answer);
	text_clear(&request);
	return err;
}

int route_health(struct api_request *q, struct api_answer *a)
{
	struct fleet_status fleet;
	struct text out = {0};
	struct wire answer = {0};
	int err = status_ask(q, a, &answer);

	text_printf(&out, "{\"status\":\"%s\",\"version\":\"%s\",\"uptime_s\":%llu,\"agent\":",
		    err == 0  ? "ok"
		    : err > 0 ? "no-agent"
			      : "agent-silent",
		    DPI_VERSION, (unsigned long long)(api_now_ms() - q->api->started_ms) / 1000);
	if (err == 0)
		text_add(&out, answer.out, answer.out_len - (answer.out_len > 0));
	else
		text_puts(&out, "null");
	text_puts(&out, ",\"redis\":");
	if (porter_fleet_status(q->api->porter, &fleet))
		fleet_status_json(&fleet, &out);
	else
		text_puts(&out, "null");
	text_puts(&out, ",\"service\":{");
	counters_write(q->api->counters, &out);
	text_puts(&out, "}}\n");
	wire_clear(&answer);
	api_answer_json(a, 200, &out);
	return 0;
}

int route_ready(struct api_request *q, struct api_answer *a)
{
	struct text out = {0};
	struct wire answer = {0};
	const json_t *row, *rows;
	bool is_ready = false;
	json_t *said;
	size_t i;

	int err = status_ask(q, a, &answer);

	if (err) {
		api_problem(a, 503, "no agent answers; start one with `dpi-xdp attach IFACE`");
		return 0;
	}
	said = json_loadb(answer.out, answer.out_len, 0, NULL);
	rows = json_object_get(said, "interfaces");
	json_array_foreach(rows, i, row) is_ready |=
		strcmp(json_string_value(json_object_get(row, "state")) ?: "", "protected") == 0;
	json_decref(said);
	wire_clear(&answer);
	if (!is_ready) {
		api_problem(a, 503,
			    "the agent protects no interface that is there; `dpi-xdp status` "
			    "lists them");
		return 0;
	}
	text_puts(&out, "{\"status\":\"ready\"}\n");
	api_answer_json(a, 200, &out);
	return 0;
}
