/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One engine with its rules, and a connection that a test sends frames on: what the tests of the
 * road share.
 */
#ifndef UNIT_ENGINE_WORLD_H
#define UNIT_ENGINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "build.h"
#include "engine/engine.h"
#include "support.h"

enum { CLIENT = 0, SERVER = 1, CLIENT_ISN = 0xfffffff0, SERVER_ISN = 5000, EVENTS = 8 };
#define S 1000000000ULL

static const char *const RULES = "[BLOCKED_DOMAINS]\nblocked.example\n=exact.example\n";

/* One engine, its rules, and the connection that frames are sent on. */
struct world {
	struct catalogue *catalogue;
	struct policy *policy;
	struct engine_config config;
	struct engine *engine;
	struct outcome last;
	unsigned events[EVENTS];
	uint32_t anomalies;
	char names[1024];
	/* The connection: the client is 10.0.0.1. */
	struct build_packet shape; /* link, tags, addresses, ports, protocol */
	uint64_t ts_ns, number;
	size_t cut_len; /* snap length, 0: none */
	struct frame_hint hint;
	const struct frame_fragment *fragment; /* of the next frames */
};

static __attribute__((unused)) void take_event(void *ctx, const struct event *e)
{
	struct world *w = ctx;

	w->events[e->type]++;
	w->anomalies |= e->flags;
	if (e->type == EVENT_NAMED && strlen(w->names) + e->name->len + 2 < sizeof(w->names)) {
		strcat(w->names, e->name->text);
		strcat(w->names, " ");
	}
}

static __attribute__((unused)) struct policy *make_policy(const struct world *w, const char *text)
{
	struct rule_apps names = catalogue_rule_apps(w->catalogue);
	struct policy_apps apps = catalogue_policy_apps(w->catalogue);
	struct rules *rules = NULL;
	struct policy *p;
	struct fault fault;

	if (rules_parse(slice_text(text), "test", &names, 0, &rules, &fault)) {
		print_message("%s\n", fault.text);
		fail();
	}
	p = policy_new(rules, &apps, 42);
	rules_free(rules);
	assert_non_null(p);
	return p;
}

/* As open_world; what else the configuration says is in w->config already. */
static __attribute__((unused)) void open_world_with(struct world *w, const char *rules)
{
	w->catalogue = catalogue_new();
	assert_non_null(w->catalogue);
	w->policy = make_policy(w, rules);
	w->config.catalogue = w->catalogue;
	w->config.policy = w->policy;
	w->config.sink = (struct event_sink){w, take_event};
	w->config.seed = 7;
	w->engine = engine_new(&w->config);
	assert_non_null(w->engine);
	w->shape = (struct build_packet){.src = 0x0a000001,
					 .dst = 0xcb007109,
					 .sport = 40000,
					 .dport = 443,
					 .proto = DPI_IP_TCP};
	w->ts_ns = 1000 * S;
}

static __attribute__((unused)) void open_world(struct world *w, const char *rules)
{
	memset(w, 0, sizeof(*w));
	open_world_with(w, rules);
}

static __attribute__((unused)) void close_world(struct world *w)
{
	const struct engine_counters *c = engine_counters(w->engine);

	assert_int_equal(c->packets, c->forwarded + c->dropped);
	assert_int_equal(c->packets, c->tcp + c->udp + c->icmp + c->other + c->unparsed);
	engine_free(w->engine);
	assert_int_equal(w->events[EVENT_FLOW_OPENED], w->events[EVENT_FLOW_CLOSED]);
	policy_free(w->policy);
	catalogue_free(w->catalogue);
}

/* A new connection: another client port. */
static __attribute__((unused)) void next_connection(struct world *w)
{
	w->shape.sport++;
}

static __attribute__((unused)) bool send_packet(struct world *w, struct build_packet *p)
{
	static uint8_t bytes[BUILD_MAX];
	struct frame f = {.ts_ns = w->ts_ns,
			  .number = ++w->number,
			  .link = p->link,
			  .hint = w->hint,
			  .fragment = w->fragment};
	size_t len = build_frame(bytes, p),
	       there = w->cut_len && w->cut_len < len ? w->cut_len : len;
	const uint8_t *at = lay_against_wall(bytes, there);

	f.wire_len = (uint32_t)len;
	f.bytes = slice_of(at, there);
	w->last = engine_frame(w->engine, &f);
	wall_free(at);
	w->ts_ns += S / 1000;
	return w->last.action == DPI_DROP;
}

/* A segment of one end with bytes at an offset of its stream. */
static inline struct build_packet segment_of(const struct world *w, int from, uint32_t off,
					     struct slice bytes)
{
	struct build_packet p = w->shape;

	p.seq = (from == CLIENT ? CLIENT_ISN : SERVER_ISN) + 1 + off;
	p.flags = DPI_TCP_ACK;
	p.payload = bytes;
	if (from == SERVER) {
		p.src = w->shape.dst;
		p.dst = w->shape.src;
		p.sport = w->shape.dport;
		p.dport = w->shape.sport;
	}
	return p;
}

/* Sends such a segment with other flags. Returns whether the frame was dropped. */
static __attribute__((unused)) bool send_at(struct world *w, int from, uint32_t off,
					    struct slice bytes, uint8_t flags)
{
	struct build_packet p = segment_of(w, from, off, bytes);

	p.flags = flags;
	return send_packet(w, &p);
}

/* The same with an acknowledgement of so many bytes of the other end's. */
static __attribute__((unused)) bool send_ack(struct world *w, int from, uint32_t off,
					     struct slice bytes, uint32_t acked)
{
	struct build_packet p = segment_of(w, from, off, bytes);

	p.ack = (from == CLIENT ? SERVER_ISN : CLIENT_ISN) + 1 + acked;
	return send_packet(w, &p);
}

static __attribute__((unused)) bool send_text(struct world *w, int from, uint32_t off,
					      const char *text)
{
	return send_at(w, from, off, slice_text(text), DPI_TCP_ACK | DPI_TCP_PSH);
}

static __attribute__((unused)) bool send_flags(struct world *w, int from, uint32_t off,
					       uint8_t flags)
{
	return send_at(w, from, off, slice_of(NULL, 0), flags);
}

/* SYN, SYN-ACK, ACK. */
static __attribute__((unused)) void shake_hands(struct world *w)
{
	assert_false(send_flags(w, CLIENT, -1U, DPI_TCP_SYN));
	if (w->last.flow)
		assert_int_equal(w->last.flow->state, FLOW_NEW);
	assert_false(send_ack(w, SERVER, -1U, slice_of(NULL, 0), 0));
	assert_false(send_ack(w, CLIENT, 0, slice_of(NULL, 0), 0));
	if (w->last.flow)
		assert_int_equal(w->last.flow->state, FLOW_ESTABLISHED);
}

static __attribute__((unused)) bool send_hello(struct world *w, const char *name)
{
	static uint8_t hello[BUILD_MAX];

	return send_at(w, CLIENT, 0, slice_of(hello, build_hello(hello, name, 0)), DPI_TCP_ACK);
}

#endif
