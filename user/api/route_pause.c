/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pausing everything over HTTP: POST begins, DELETE ends, GET tells. Where no agent runs it is
 * stored, and the answer says so ("in_force": false). Room: api.
 */
#include "api/ask.h"
#include "api/porter.h"
#include "api/route.h"

/* Asks with a request under way, which is ended and freed here, and passes the answer on. */
static int pause_ask(struct api_request *q, struct api_answer *a, struct text *request)
{
	struct wire answer = {0};
	struct text out = {0};
	bool in_force;
	int err;

	text_putc(request, '}');
	err = ask_rules(q, a, request, slice_of("", 0), &answer, &in_force);
	text_clear(request);
	if (err)
		return 0;
	while (answer.out_len && answer.out[answer.out_len - 1] != '}')
		answer.out_len--;
	text_add(&out, answer.out, answer.out_len ? answer.out_len - 1 : 0);
	wire_clear(&answer);
	text_printf(&out, ",\"in_force\":%s}\n", in_force ? "true" : "false");
	api_answer_json(a, 200, &out);
	return 0;
}

/* The same for this host or, if so asked, for all of its fleet, which is told at once. */
static int pause_change(struct api_request *q, struct api_answer *a, struct text *request)
{
	bool is_fleet = ask_flag(q, "fleet");

	text_printf(request, ",\"fleet\":%s", is_fleet ? "true" : "false");
	pause_ask(q, a, request);
	if (is_fleet)
		porter_fleet_poke(q->api->porter);
	return 0;
}

int route_pause_get(struct api_request *q, struct api_answer *a)
{
	struct text request = {0};

	text_puts(&request, "{\"command\":\"pause-state\",\"json\":true");
	return pause_ask(q, a, &request);
}

int route_pause_begin(struct api_request *q, struct api_answer *a)
{
	struct text request = {0};

	text_puts(&request, "{\"command\":\"pause\",\"json\":true");
	ask_times(q, &request);
	return pause_change(q, a, &request);
}

int route_pause_end(struct api_request *q, struct api_answer *a)
{
	struct text request = {0};

	text_puts(&request, "{\"command\":\"resume\",\"json\":true");
	return pause_change(q, a, &request);
}
