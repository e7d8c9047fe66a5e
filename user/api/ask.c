/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Asking the agent; see ask.h.
 */
#include "api/ask.h"

#include <errno.h>
#include <stdatomic.h>

#include "control/control.h"
#include "control/stored.h"

/* The agent's exit status, as every command of it has them (README, "Exit status"). */
enum { AGENT_DONE = 0, AGENT_FAILED = 1, AGENT_USAGE = 2, AGENT_DENIED = 4, AGENT_OUTPUT = 5 };

int ask_refused(struct api_answer *a, int status, const char *words)
{
	struct text said = {0};
	unsigned code = status == AGENT_USAGE	 ? 422
			: status == AGENT_DENIED ? 403
			: status == AGENT_OUTPUT ? 507
						 : 500;
	size_t len = strlen(words);

	while (len && words[len - 1] == '\n')
		len--;
	text_escaped(&said, slice_of(words, len));
	if (strstr(words, "--force"))
		text_puts(&said, " (over HTTP: ?force=true)");
	api_problem(a, code, "%s", said.len ? said.at : "the agent refused and did not say why");
	text_clear(&said);
	return -1;
}

/* No answer came. */
static int unanswered(struct api_answer *a, int err, const struct fault *f)
{
	struct text said = {0};

	text_escaped(&said, slice_text(f->text));
	api_problem(a, err == -ETIMEDOUT ? 504 : 503, "%s", said.at ? said.at : "no answer");
	text_clear(&said);
	return -1;
}

/* An answer is good (0), or its words are the problem (-1). */
static int answered(struct api_answer *a, struct wire *answer, struct wire *out)
{
	int status = (int)(answer->kind & ~(uint32_t)CONTROL_ENDING);

	if (status == AGENT_DONE) {
		*out = *answer;
		return 0;
	}
	ask_refused(a, status, answer->err);
	wire_clear(answer);
	return -1;
}

int ask_agent(struct api_request *q, struct api_answer *a, const struct text *request,
	      struct slice data, struct wire *out)
{
	struct wire answer = {0};
	struct fault f = {0};
	int err = request->failed
			  ? fault_set(&f, -ENOMEM, "out of memory; try again later")
			  : control_request(&q->api->paths, slice_of(request->at, request->len),
					    data, &answer, &f);

	if (err == -ENOENT || err == -ECONNREFUSED)
		return 1;
	return err ? unanswered(a, err, &f) : answered(a, &answer, out);
}

int ask_rules(struct api_request *q, struct api_answer *a, const struct text *request,
	      struct slice data, struct wire *out, bool *in_force)
{
	struct wire answer = {0};
	struct fault f = {0};
	int err = request->failed ? fault_set(&f, -ENOMEM, "out of memory; try again later")
				  : stored_or_agent_request(&q->api->paths,
							    slice_of(request->at, request->len),
							    data, &answer, in_force, &f);

	return err ? unanswered(a, err, &f) : answered(a, &answer, out);
}

bool ask_flag(struct api_request *q, const char *name)
{
	const char *value = api_query(q, name, 0);

	return (value && strcmp(value, "false") != 0 && strcmp(value, "0") != 0) ||
	       json_is_true(json_object_get(q->json, name));
}

void ask_times(struct api_request *q, struct text *request)
{
	static const char *const names[] = {"for", "until", "when", "device"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = api_query(q, names[i], 0);

		if (!value)
			value = json_string_value(json_object_get(q->json, names[i]));
		if (!value)
			continue;
		text_printf(request, ",\"%s\":", names[i]);
		text_json_utf8(request, value);
	}
}

/* The agent's rules and state are answered at once; what passes is gathered, which may take long or
 * hang. So many threads may wait for that, and no more: the others are for the rules. */
enum { QUESTIONS_MAX = 4 };

int ask_running(struct api_request *q, struct api_answer *a, const struct text *request,
		struct wire *out)
{
	return ask_running_with(q, a, request, slice_of("", 0), out);
}

int ask_running_with(struct api_request *q, struct api_answer *a, const struct text *request,
		     struct slice data, struct wire *out)
{
	int err = -1;

	if (atomic_fetch_add(&q->api->questions, 1) < QUESTIONS_MAX) {
		err = ask_agent(q, a, request, data, out);
	} else {
		q->api->counters->questions_refused++;
		api_problem(a, 503,
			    "the agent is slow, and others are waiting for it; ask again "
			    "in a second");
		api_answer_header(a, "Retry-After", "1");
	}
	atomic_fetch_sub(&q->api->questions, 1);

	if (err <= 0)
		return err;
	api_problem(a, 503,
		    "no agent is running, so there is no live traffic to tell of; start "
		    "one with `dpi-xdp attach IFACE`");
	api_answer_header(a, "Retry-After", "5");
	return -1;
}

void answer_said(struct api_answer *a, struct wire *said)
{
	struct text out = {0};

	text_add(&out, said->out, said->out_len);
	wire_clear(said);
	api_answer_json(a, 200, &out);
}

void answer_changed(struct api_answer *a, struct wire *said, bool in_force)
{
	json_t *was = json_loadb(said->out, said->out_len, 0, NULL);
	const char *note = json_string_value(json_array_get(json_object_get(was, "notes"), 0));
	struct text out = {0};

	wire_clear(said);
	text_puts(&out, "{\"status\":\"success\",\"message\":");
	text_json(&out, slice_text(note ?: "done"));
	text_printf(&out, ",\"changed\":%s,\"rules\":%lld,\"in_force\":%s}\n",
		    json_integer_value(json_object_get(was, "changed")) ? "true" : "false",
		    (long long)json_integer_value(json_object_get(was, "rules")),
		    in_force ? "true" : "false");
	json_decref(was);
	api_answer_json(a, 200, &out);
}
