/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes the whole road: the input is a sequence of frames, each behind a head of 4 bytes: link
 * type and hints, seconds since the last, length (2). Every frame must come out either passed or
 * dropped and be counted once, and every flow that opens must close.
 */
#include <stdlib.h>

#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 4, HINT_OPENER = 0x40, HINT_ISN = 0x80, FLOW_MAX = 8 };

static const char RULES[] = "[BLOCKED_DOMAINS]\nblocked.example\n=a.b\n"
			    "[BLOCKED_APPS]\nYouTube\n"
			    "[BLOCKED_PORTS]\n6881\n"
			    "[BLOCKED_IPS]\nsrc:10.9.9.9\n"
			    "[ALLOWED_IPS]\n10.8.8.0/24\n";

struct count {
	size_t opened, closed;
};

static void take_event(void *ctx, const struct event *e)
{
	struct count *c = ctx;

	if (!e->flow)
		abort();
	c->opened += e->type == EVENT_FLOW_OPENED;
	c->closed += e->type == EVENT_FLOW_CLOSED;
}

/* Built once: the fuzzer calls a million times. */
static const struct policy *rules_of(const struct catalogue **catalogue)
{
	static struct catalogue *c;
	static struct policy *p;

	if (!p) {
		struct rules *rules = NULL;
		struct rule_apps names;
		struct policy_apps apps;

		c = catalogue_new();
		if (!c)
			abort();
		names = catalogue_rule_apps(c);
		apps = catalogue_policy_apps(c);
		if (rules_parse(slice_text(RULES), "fuzz", &names, 0, &rules, NULL))
			abort();
		p = policy_new(rules, &apps, 1);
		rules_free(rules);
		if (!p)
			abort();
	}
	*catalogue = c;
	return p;
}

static void send_frames(struct engine *e, const struct policy *p, struct slice in)
{
	struct frame f = {.ts_ns = 1};

	while (in.len > HEAD) {
		size_t len = (size_t)in.at[2] << 8 | in.at[3];
		struct outcome o;

		f.link = (enum link_type)(in.at[0] % (LINK_OTHER + 1));
		f.hint.has_opener = in.at[0] & HINT_OPENER;
		f.hint.has_isn = in.at[0] & HINT_ISN;
		f.hint.opener = in.at[1] % 3;
		f.ts_ns += in.at[1] * 1000000000ULL;
		f.number++;
		f.bytes = slice_first(slice_from(in, HEAD), len);
		f.wire_len = (uint32_t)f.bytes.len + in.at[0] % 16;
		in = slice_from(in, HEAD + f.bytes.len);
		o = engine_frame(e, &f);
		if (o.action == DPI_PASS && o.rule)
			abort();
		if (f.number % 16 == 0)
			engine_set_policy(e, p, f.ts_ns);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct count count = {0};
	struct engine_config config = {
		.seed = 1, .flow_max = FLOW_MAX, .sink = {&count, take_event}};
	const struct engine_counters *c;
	struct engine *e;

	config.policy = rules_of(&config.catalogue);
	e = engine_new(&config);
	if (!e)
		return 0;
	send_frames(e, config.policy, slice_of(data, size));
	c = engine_counters(e);
	if (c->packets != c->forwarded + c->dropped ||
	    c->packets != c->tcp + c->udp + c->icmp + c->other + c->unparsed)
		abort();
	engine_free(e);
	if (count.opened != count.closed)
		abort();
	return 0;
}
