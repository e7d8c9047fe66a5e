/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules on the road: their order, addresses from the first frame on, and rules that change while
 * flows are open.
 */
#include "engine_world.h"

static const struct {
	const char *proves;
	const char *rules;
	const char *name;
	bool is_blocked;
} orders[] = {
	{"an address, either end", "[BLOCKED_IPS]\n203.0.113.9\n", "a.example", true},
	{"a network", "[BLOCKED_IPS]\n203.0.113.0/24\n", "a.example", true},
	{"src: is the opener", "[BLOCKED_IPS]\nsrc:10.0.0.1\n", "a.example", true},
	{"src: is not the responder", "[BLOCKED_IPS]\nsrc:203.0.113.9\n", "a.example", false},
	{"dst: is the responder", "[BLOCKED_IPS]\ndst:203.0.113.9\n", "a.example", true},
	{"dst: is not the opener", "[BLOCKED_IPS]\ndst:10.0.0.1\n", "a.example", false},
	{"a port is the responder's", "[BLOCKED_PORTS]\n443/tcp\n", "a.example", true},
	{"a port of another protocol", "[BLOCKED_PORTS]\n443/udp\n", "a.example", false},
	{"a port is not the opener's", "[BLOCKED_PORTS]\n40000\n", "a.example", false},
	{"an application by its name", "[BLOCKED_APPS]\nyoutube\n", "www.youtube.com", true},
	{"an application by its protocol", "[BLOCKED_APPS]\nHTTPS\n", "a.example", true},
	{"an application that is not this", "[BLOCKED_APPS]\nHTTP\n", "a.example", false},
	{"an allowed address beats a domain",
	 "[BLOCKED_DOMAINS]\na.example\n[ALLOWED_IPS]\n203.0.113.9\n", "a.example", false},
	{"an allowed address beats an address",
	 "[BLOCKED_IPS]\n10.0.0.1\n[ALLOWED_IPS]\n203.0.113.9\n", "a.example", false},
	{"an allowed domain beats a domain above it",
	 "[BLOCKED_DOMAINS]\na.example\n[ALLOWED_DOMAINS]\nok.a.example\n", "ok.a.example", false},
	{"an allowed domain beats its application",
	 "[BLOCKED_APPS]\nYouTube\n[ALLOWED_DOMAINS]\nmusic.youtube.com\n", "music.youtube.com",
	 false},
	{"and its protocol", "[BLOCKED_APPS]\nHTTPS\n[ALLOWED_DOMAINS]\na.example\n", "a.example",
	 false},
	{"so does an allowed application", "[BLOCKED_APPS]\nHTTPS\n[ALLOWED_APPS]\nYouTube\n",
	 "www.youtube.com", false},
	{"and nobody else's", "[BLOCKED_APPS]\nHTTPS\n[ALLOWED_DOMAINS]\na.example\n", "b.example",
	 true},
	{"but it does not beat an address",
	 "[BLOCKED_APPS]\nHTTPS\n[BLOCKED_IPS]\n10.0.0.1\n[ALLOWED_DOMAINS]\na.example\n",
	 "a.example", true},
};

static void rules_have_their_order(void **state)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct world w;

		print_message("%s\n", orders[i].proves);
		open_world(&w, orders[i].rules);
		send_flags(&w, CLIENT, -1U, DPI_TCP_SYN);
		assert_int_equal(send_hello(&w, orders[i].name), orders[i].is_blocked);
		assert_int_equal(send_text(&w, SERVER, 0, "x"), orders[i].is_blocked);
		close_world(&w);
	}
}

static void address_rules_drop_the_first_frame(void **state)
{
	struct build_packet p;
	struct world w;

	open_world(&w, "[BLOCKED_IPS]\n203.0.113.9\n");
	assert_true(send_flags(&w, CLIENT, -1U, DPI_TCP_SYN));
	assert_int_equal(w.last.flow->state, FLOW_BLOCKED);
	/* A later fragment has no flow, but addresses it has. */
	p = w.shape;
	p.frag = 100;
	p.payload = slice_text("fragment");
	assert_true(send_packet(&w, &p));
	assert_null(w.last.flow);
	p.dst++;
	assert_false(send_packet(&w, &p));
	assert_int_equal(engine_counters(w.engine)->fragments, 2);
	close_world(&w);
}

static void new_rules_apply_to_open_flows(void **state)
{
	struct policy *old[4];
	struct world w;
	int n = 0;

	open_world(&w, "");
	shake_hands(&w);
	assert_false(send_hello(&w, "a.example"));
	old[n++] = w.policy;
	w.policy = make_policy(&w, "[BLOCKED_DOMAINS]\na.example\n");
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	assert_int_equal(w.events[EVENT_VERDICT], 1);
	assert_true(send_text(&w, SERVER, 0, "x"));
	old[n++] = w.policy;
	w.policy = make_policy(&w, "[BLOCKED_APPS]\nHTTPS\n");
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	assert_int_equal(w.events[EVENT_VERDICT], 1);
	assert_int_equal(w.events[EVENT_CLEARED], 0);
	assert_true(send_text(&w, SERVER, 0, "x"));
	assert_int_equal(w.last.flow->decision.kind, RULE_APP);
	old[n++] = w.policy;
	w.policy = make_policy(&w, "[BLOCKED_APPS]\nHTTPS\n[ALLOWED_IPS]\n203.0.113.0/24\n");
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	assert_int_equal(w.events[EVENT_CLEARED], 1);
	assert_false(send_text(&w, SERVER, 0, "x"));
	assert_int_equal(w.last.flow->state, FLOW_CLASSIFIED);
	old[n++] = w.policy;
	w.policy = make_policy(&w, "[BLOCKED_IPS]\n10.0.0.1\n");
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	assert_int_equal(w.events[EVENT_VERDICT], 2);
	assert_true(send_text(&w, SERVER, 0, "x"));
	while (n--)
		policy_free(old[n]);
	close_world(&w);
}

static void rules_gone_let_a_flow_be_read(void **state)
{
	struct policy *old;
	struct world w;

	open_world(&w, "[BLOCKED_PORTS]\n443\n");
	assert_true(send_flags(&w, CLIENT, -1U, DPI_TCP_SYN));
	old = w.policy;
	w.policy = make_policy(&w, RULES);
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	policy_free(old);
	assert_int_equal(w.events[EVENT_CLEARED], 1);
	shake_hands(&w);
	assert_true(send_hello(&w, "blocked.example"));
	close_world(&w);
}

/* What was dropped was not read; what comes after the block has ended is. */
static void reading_goes_on_behind_a_block(void **state)
{
	struct policy *old[2];
	struct world w;

	open_world(&w, RULES);
	shake_hands(&w);
	assert_false(send_text(&w, CLIENT, 0, "GET / HTTP/1.1\r\nHost: allowed.example\r\n\r\n"));
	old[0] = w.policy;
	w.policy = make_policy(&w, "[BLOCKED_PORTS]\n443\n");
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	assert_true(send_text(&w, CLIENT, 41, "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"));
	old[1] = w.policy;
	w.policy = make_policy(&w, RULES);
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	assert_true(send_text(&w, CLIENT, 82, "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"));
	policy_free(old[0]);
	policy_free(old[1]);
	close_world(&w);
}

/* An allowed name lifts a block of the protocol while it is the only one. */
static void allowed_names_speak_for_themselves(void **state)
{
	struct world w;

	open_world(&w, "[BLOCKED_APPS]\nHTTP\n[ALLOWED_DOMAINS]\na.example\n");
	w.shape.dport = 80;
	shake_hands(&w);
	assert_false(send_text(&w, CLIENT, 0, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"));
	assert_false(send_text(&w, SERVER, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	assert_false(send_text(&w, CLIENT, 35, "GET / HTTP/1.1\r\nHost: b.a.example\r\n\r\n"));
	assert_true(send_text(&w, CLIENT, 72, "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n"));
	assert_int_equal(w.last.flow->decision.kind, RULE_APP);
	close_world(&w);
}

static void an_application_is_the_reason_before_a_domain(void **state)
{
	struct world w;

	open_world(&w, "[BLOCKED_DOMAINS]\na.example\n[BLOCKED_APPS]\nYouTube\n");
	shake_hands(&w);
	assert_true(send_text(&w, CLIENT, 0,
			      "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
			      "GET / HTTP/1.1\r\nHost: www.youtube.com\r\n\r\n"));
	assert_int_equal(w.last.flow->decision.kind, RULE_APP);
	assert_int_equal(w.last.flow->name_count, 2);
	close_world(&w);
}

/* From each set of rules to each other one: what was said is what comes, and saying it does
 * nothing. */
static void what_is_supposed_is_what_comes(void **state)
{
	static const char *const sets[] = {
		"",
		"[BLOCKED_DOMAINS]\na.example\n",
		"[BLOCKED_DOMAINS]\na.example\n[ALLOWED_DOMAINS]\na.example\n",
		"[BLOCKED_APPS]\nHTTPS\n",
		"[BLOCKED_PORTS]\n443\n[BLOCKED_DOMAINS]\nb.example\n",
		"[BLOCKED_IPS]\n10.0.0.1\n[ALLOWED_IPS]\n203.0.113.0/24\n",
		"[BLOCKED_APPS]\nYouTube\n",
	};
	enum { SETS = sizeof(sets) / sizeof(sets[0]) };
	struct policy *policy[SETS];
	const struct flow *f;
	struct world w;

	(void)state;
	open_world(&w, "");
	for (int i = 0; i < SETS; i++)
		policy[i] = make_policy(&w, sets[i]);
	shake_hands(&w);
	assert_false(send_hello(&w, "a.example"));
	f = w.last.flow;
	for (int i = 0; i < SETS * SETS; i++) {
		struct engine_supposed s;
		unsigned verdicts, cleared;

		engine_set_policy(w.engine, policy[i / SETS], w.ts_ns);
		verdicts = w.events[EVENT_VERDICT];
		cleared = w.events[EVENT_CLEARED];
		s = engine_suppose(w.engine, f, policy[i % SETS]);
		assert_int_equal(s.before.is_block, f->is_verdict);
		assert_int_equal(w.events[EVENT_VERDICT] + w.events[EVENT_CLEARED],
				 verdicts + cleared);
		engine_set_policy(w.engine, policy[i % SETS], w.ts_ns);
		assert_int_equal(s.after.is_block, f->is_verdict);
		if (f->is_verdict != s.before.is_block)
			assert_int_equal(s.after.rule, f->decision.rule);
	}
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	for (int i = 0; i < SETS; i++)
		policy_free(policy[i]);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_have_their_order),
		cmocka_unit_test(address_rules_drop_the_first_frame),
		cmocka_unit_test(new_rules_apply_to_open_flows),
		cmocka_unit_test(rules_gone_let_a_flow_be_read),
		cmocka_unit_test(reading_goes_on_behind_a_block),
		cmocka_unit_test(allowed_names_speak_for_themselves),
		cmocka_unit_test(an_application_is_the_reason_before_a_domain),
		cmocka_unit_test(what_is_supposed_is_what_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
