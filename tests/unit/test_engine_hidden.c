/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Flows that show no name, or not the whole truth: names learnt from DNS answers, signs that rules
 * may name, packets in tunnels and in fragments.
 */
#include "engine_world.h"
#include "flow/dns_memory.h"
#include "hello_bytes.h"

static bool ask_memory(void *ctx, const struct dpi_addr *addr, uint64_t ts_ns, struct name *name)
{
	return dns_memory_get(ctx, addr, ts_ns, name);
}

/* --- names by hearsay ------------------------------------------------------------------------ */

static const struct {
	const char *proves, *rules;
	bool is_blocked;
} learnt_rows[] = {
	{"a plain rule does not block by hearsay", "[BLOCKED_DOMAINS]\nyoutube.com\n", false},
	{"nor does an application's", "[BLOCKED_APPS]\nYouTube\n", false},
	{"a rule that says so does", "[BLOCKED_DOMAINS]\nlearnt:youtube.com\n", true},
	{"an application's too", "[BLOCKED_APPS]\nlearnt:YouTube\n", true},
	{"another name's does not", "[BLOCKED_DOMAINS]\nlearnt:outube.com\n", false},
	{"an allow beats it", "[BLOCKED_APPS]\nlearnt:YouTube\n[ALLOWED_IPS]\n203.0.113.9\n",
	 false},
};

static void open_learnt(struct world *w, const char *rules, struct dns_memory **m)
{
	struct dpi_addr addr;
	struct name name;

	memset(w, 0, sizeof(*w));
	*m = dns_memory_new(8, 1);
	assert_non_null(*m);
	dpi_addr_set4(&addr, dpi_be32(0xcb007109));
	assert_true(name_set(&name, slice_text("www.youtube.com")));
	dns_memory_put(*m, &addr, 1, &name, 999 * S, 60);
	w->config.learnt = ask_memory;
	w->config.learnt_ctx = *m;
	open_world_with(w, rules);
}

static void learnt_names(void **state)
{
	for (size_t i = 0; i < sizeof(learnt_rows) / sizeof(learnt_rows[0]); i++) {
		struct dns_memory *m;
		struct world w;

		print_message("%s\n", learnt_rows[i].proves);
		open_learnt(&w, learnt_rows[i].rules, &m);
		assert_int_equal(send_text(&w, CLIENT, 0, "\1\2\3 no name"),
				 learnt_rows[i].is_blocked);
		assert_non_null(w.last.flow);
		assert_non_null(w.last.flow->learnt);
		assert_string_equal(w.last.flow->learnt->text, "www.youtube.com");
		assert_true(w.last.flow->flags & FLOW_LEARNT);
		assert_string_equal(catalogue_name(w.catalogue, w.last.flow->app), "YouTube");
		assert_int_equal(engine_counters(w.engine)->learnt, 1);
		close_world(&w);
		dns_memory_free(m);
	}
}

static void own_name_is_better_than_hearsay(void **state)
{
	struct dns_memory *m;
	struct world w;

	open_learnt(&w, "[BLOCKED_DOMAINS]\nyoutube.com\n", &m);
	shake_hands(&w);
	assert_string_equal(catalogue_name(w.catalogue, w.last.flow->app), "YouTube");
	assert_false(send_hello(&w, "github.com"));
	assert_false(w.last.flow->flags & FLOW_LEARNT);
	assert_string_equal(catalogue_name(w.catalogue, w.last.flow->app), "GitHub");
	next_connection(&w);
	shake_hands(&w);
	assert_true(send_hello(&w, "youtube.com"));
	close_world(&w);
	dns_memory_free(m);
}

/* A rule that heeds hearsay waits for what the flow itself shows, whole or in pieces. */
static void hearsay_waits_for_an_own_name(void **state)
{
	static uint8_t hello[BUILD_MAX];
	size_t len = build_hello(hello, "github.com", 0), half = len / 2;
	struct policy *later;
	struct dns_memory *m;
	struct world w;

	open_learnt(&w, "[BLOCKED_DOMAINS]\nlearnt:youtube.com\n", &m);
	shake_hands(&w);
	assert_false(w.last.flow->is_verdict);
	assert_false(send_at(&w, CLIENT, 0, slice_of(hello, half), DPI_TCP_ACK));
	assert_false(send_at(&w, CLIENT, (uint32_t)half, slice_of(hello + half, len - half),
			     DPI_TCP_ACK));
	next_connection(&w);
	shake_hands(&w);
	assert_false(send_hello(&w, "github.com"));
	later = make_policy(&w, "[BLOCKED_DOMAINS]\nlearnt:youtube.com\nother.example\n");
	engine_set_policy(w.engine, later, w.ts_ns);
	assert_false(w.last.flow->is_verdict);
	next_connection(&w);
	shake_hands(&w);
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	assert_false(w.last.flow->is_verdict);
	assert_true(send_hello(&w, NULL));
	policy_free(later);
	close_world(&w);
	dns_memory_free(m);
}

static void rules_of_hearsay_apply_to_open_flows(void **state)
{
	struct dns_memory *m;
	struct policy *later;
	struct world w;

	open_learnt(&w, "", &m);
	assert_false(send_text(&w, CLIENT, 0, "\1\2\3"));
	later = make_policy(&w, "[BLOCKED_DOMAINS]\nlearnt:www.youtube.com\n");
	engine_set_policy(w.engine, later, w.ts_ns);
	assert_true(send_text(&w, CLIENT, 3, "\1\2\3"));
	engine_set_policy(w.engine, w.policy, w.ts_ns);
	assert_false(send_text(&w, CLIENT, 6, "\1\2\3"));
	policy_free(later);
	close_world(&w);
	dns_memory_free(m);
}

/* --- signs ----------------------------------------------------------------------------------- */

static const struct {
	const char *proves, *rules, *name; /* name NULL: a hello without one; "": a browser's */
	uint16_t port;
	bool is_blocked;
	uint32_t flag;
} sign_rows[] = {
	{"no name", "[BLOCKED_APPS]\nno-name\n", NULL, 443, true, FLOW_NO_NAME},
	{"a name is not no name", "[BLOCKED_APPS]\nno-name\n", "a.example", 443, false, 0},
	{"ECH, with the outer name", "[BLOCKED_APPS]\nECH\n", "", 443, true, FLOW_ECH},
	{"ECH alone does not block", "[BLOCKED_APPS]\nno-name\n", "", 443, false, FLOW_ECH},
	{"no ECH", "[BLOCKED_APPS]\nECH\n", "a.example", 443, false, 0},
	{"a resolver's name", "[BLOCKED_APPS]\nDoH\n", "dns.google", 443, true, FLOW_DOH},
	{"not a name below it", "[BLOCKED_APPS]\nDoH\n", "a.dns.example", 443, false, 0},
	{"the port of DNS over TLS", "[BLOCKED_APPS]\nDoT\n", "a.example", 853, true, FLOW_DOT},
	{"which is not DoH", "[BLOCKED_APPS]\nDoH\n", "dns.google", 853, false, FLOW_DOT},
	{"a flag without a rule", "", "dns.google", 443, false, FLOW_DOH},
	{"an allowed name beats a sign", "[BLOCKED_APPS]\nDoH\n[ALLOWED_DOMAINS]\ndns.google\n",
	 "dns.google", 443, false, FLOW_DOH},
	{"an allow of a sign speaks for the flow",
	 "[BLOCKED_DOMAINS]\ndns.google\n[ALLOWED_APPS]\nDoH\n", "dns.google", 443, false,
	 FLOW_DOH},
};

static void signs_are_flags_and_rules(void **state)
{
	const uint32_t all = FLOW_NO_NAME | FLOW_ECH | FLOW_DOH | FLOW_DOT | FLOW_DOQ;

	for (size_t i = 0; i < sizeof(sign_rows) / sizeof(sign_rows[0]); i++) {
		static uint8_t hello[BUILD_MAX];
		struct slice bytes = slice_of(hello_browser, sizeof(hello_browser));
		struct world w;

		print_message("%s\n", sign_rows[i].proves);
		open_world(&w, sign_rows[i].rules);
		w.shape.dport = sign_rows[i].port;
		shake_hands(&w);
		if (!sign_rows[i].name || *sign_rows[i].name)
			bytes = slice_of(hello, build_hello(hello, sign_rows[i].name, 0));
		assert_int_equal(send_at(&w, CLIENT, 0, bytes, DPI_TCP_ACK),
				 sign_rows[i].is_blocked);
		assert_int_equal(w.last.flow->flags & all, sign_rows[i].flag);
		assert_int_equal(w.last.flow->ja4[0], 't');
		close_world(&w);
	}
}

/* --- tunnels --------------------------------------------------------------------------------- */

/* Sends a hello inside IPv4 in IPv4 from 192.0.2.1 to 192.0.2.2. */
static bool send_inside(struct world *w, const char *name)
{
	static uint8_t hello[BUILD_MAX], inner[BUILD_MAX];
	struct build_packet in = w->shape, out = {.src = 0xc0000201, .dst = 0xc0000202};

	in.link = LINK_RAW_IP;
	in.seq = CLIENT_ISN + 1;
	in.flags = DPI_TCP_ACK;
	in.payload = slice_of(hello, build_hello(hello, name, 0));
	out.proto = DPI_IP_IP4;
	out.payload = slice_of(inner, build_frame(inner, &in));
	return send_packet(w, &out);
}

static const struct {
	const char *proves, *rules;
	bool is_blocked;
} tunnel_rows[] = {
	{"the name inside", "[BLOCKED_DOMAINS]\nblocked.example\n", true},
	{"an end of the flow inside", "[BLOCKED_IPS]\ndst:203.0.113.9\n", true},
	{"an end of the tunnel", "[BLOCKED_IPS]\nsrc:192.0.2.1\n", true},
	{"the other end, as a source", "[BLOCKED_IPS]\nsrc:192.0.2.2\n", false},
	{"an allowed tunnel does not allow what is inside",
	 "[BLOCKED_DOMAINS]\nblocked.example\n[ALLOWED_IPS]\n192.0.2.1\n", true},
	{"an allowed end inside does",
	 "[BLOCKED_DOMAINS]\nblocked.example\n[ALLOWED_IPS]\n10.0.0.1\n", false},
};

static void flows_in_tunnels(void **state)
{
	for (size_t i = 0; i < sizeof(tunnel_rows) / sizeof(tunnel_rows[0]); i++) {
		const struct flow *f;
		struct world w;

		print_message("%s\n", tunnel_rows[i].proves);
		open_world(&w, tunnel_rows[i].rules);
		assert_int_equal(send_inside(&w, "blocked.example"), tunnel_rows[i].is_blocked);
		f = w.last.flow;
		assert_non_null(f);
		assert_int_equal(f->key.proto, DPI_IP_TCP);
		assert_int_equal(flow_rare(f)->tunnel, DPI_TUNNEL_IP4);
		assert_true(f->flags & FLOW_TUNNELLED);
		assert_int_equal(dpi_be32(flow_rare(f)->outer[f->opener].w[3]), 0xc0000201);
		assert_int_equal(dpi_be32(flow_rare(f)->outer[!f->opener].w[3]), 0xc0000202);
		assert_int_equal(engine_counters(w.engine)->tunnel_ip4, 1);
		close_world(&w);
	}
}

/* --- fragments ------------------------------------------------------------------------------- */

/* A datagram put together that holds a hello, as a door hands it on. */
static struct slice whole_datagram(struct world *w, uint8_t *out, const char *name)
{
	static uint8_t hello[BUILD_MAX];
	struct build_packet p = w->shape;

	p.link = LINK_RAW_IP;
	p.seq = CLIENT_ISN + 1;
	p.flags = DPI_TCP_ACK;
	p.payload = slice_of(hello, build_hello(hello, name, 0));
	return slice_of(out, build_frame(out, &p));
}

static bool send_piece(struct world *w, uint16_t frag, const struct frame_fragment *fragment)
{
	struct build_packet p = w->shape;
	bool is_dropped;

	p.frag = frag;
	p.payload = slice_text("some bytes of a fragment");
	w->fragment = fragment;
	is_dropped = send_packet(w, &p);
	w->fragment = NULL;
	return is_dropped;
}

static void completing_fragment_brings_the_verdict(void **state)
{
	static uint8_t bytes[2][BUILD_MAX];
	struct frame_fragment f = {0};
	struct world w;

	open_world(&w, RULES);
	assert_false(send_piece(&w, 0x2010, &f));
	assert_null(w.last.flow);
	f.whole[0] = whole_datagram(&w, bytes[0], "www.blocked.example");
	assert_true(send_piece(&w, 0x0005, &f));
	assert_string_equal(w.last.flow->names->text, "www.blocked.example");
	assert_true(w.last.flow->flags & FLOW_FRAGMENTED);
	/* From then on every piece goes, once it is known whose it is. */
	f = (struct frame_fragment){.has_flow = true, .key = w.last.flow->key};
	assert_true(send_piece(&w, 0x2010, &f));
	assert_true(send_text(&w, SERVER, 0, "answer"));
	assert_int_equal(flow_rare(w.last.flow)->dropped_packets, 3);
	next_connection(&w);
	f = (struct frame_fragment){.whole = {whole_datagram(&w, bytes[0], "allowed.example")}};
	assert_false(send_piece(&w, 0x0005, &f));
	assert_string_equal(w.last.flow->names->text, "allowed.example");
	/* Pieces that contradict each other: either reading counts. */
	next_connection(&w);
	f.whole[0] = whole_datagram(&w, bytes[0], "allowed.example");
	f.whole[1] = whole_datagram(&w, bytes[1], "blocked.example");
	f.is_refused = true;
	assert_true(send_piece(&w, 0x0005, &f));
	assert_true(w.last.flow->is_verdict);
	assert_true(w.last.flow->flags & FLOW_AMBIGUOUS);
	close_world(&w);
}

static void refused_fragments_pass_only_without_rules(void **state)
{
	struct frame_fragment f = {.is_refused = true};
	struct world w;

	open_world(&w, RULES);
	assert_true(send_piece(&w, 0x0005, &f));
	assert_true(send_piece(&w, 0x2000, &f));
	assert_int_equal(engine_counters(w.engine)->dropped_fragments, 2);
	close_world(&w);
	open_world(&w, "[ALLOWED_DOMAINS]\nallowed.example\n");
	assert_false(send_piece(&w, 0x0005, &f));
	close_world(&w);
	memset(&w, 0, sizeof(w));
	w.config.is_monitor = true;
	open_world_with(&w, RULES);
	assert_false(send_piece(&w, 0x0005, &f));
	close_world(&w);
}

/* A SYN whose options the snap length took away, against an unmapped page. */
static void options_cut_off_are_not_read(void **state)
{
	static uint8_t bytes[BUILD_MAX];
	struct world w;

	open_world(&w, RULES);
	w.shape.seq = CLIENT_ISN;
	w.shape.flags = DPI_TCP_SYN;
	w.shape.payload = slice_text("0123456789ab");
	for (size_t cut = 54; cut <= 66; cut++) {
		struct frame f = {.ts_ns = w.ts_ns, .number = ++w.number, .link = LINK_ETHERNET};
		size_t len = build_frame(bytes, &w.shape);
		const uint8_t *at;

		bytes[46] = 0x80; /* 12 bytes of options in place of the payload */
		memset(bytes + 54, 8, 12);
		at = lay_against_wall(bytes, cut);
		f.wire_len = (uint32_t)len;
		f.bytes = slice_of(at, cut);
		assert_int_equal(engine_frame(w.engine, &f).action, DPI_PASS);
		wall_free(at);
		next_connection(&w);
	}
	close_world(&w);
}

/* What names of open flows take is bounded; beyond it they are judged, and not kept. */
static void names_are_bounded(void **state)
{
	struct engine_adopted a = {.proto = PROTO_TLS, .source = PROTO_TLS};
	struct world w;

	memset(&w, 0, sizeof(w));
	w.config.names_max = 100;
	open_world_with(&w, RULES);
	/* One from before a restart, which leaves: what it took is free again. */
	a.key.proto = DPI_IP_TCP;
	a.ts_ns = w.ts_ns;
	assert_true(name_set(&a.name, slice_text("a-rather-long-name.of-an-earlier-flow.example")));
	engine_adopt(w.engine, &a);
	engine_expire(w.engine, w.ts_ns + 400 * S, 8);
	assert_int_equal(flow_table_count(engine_flows(w.engine)), 0);
	w.ts_ns += 400 * S;
	for (int i = 0; i < 8; i++) {
		next_connection(&w);
		shake_hands(&w);
		assert_int_equal(send_hello(&w, i % 2 ? "www.blocked.example" : "allowed.example"),
				 i % 2);
		assert_int_equal(w.last.flow->name_count, i < 4);
		assert_int_equal(!!(w.last.flow->flags & FLOW_NAMES_FULL), i >= 4);
	}
	assert_true(engine_counters(w.engine)->names_unlisted >= 4);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learnt_names),
		cmocka_unit_test(own_name_is_better_than_hearsay),
		cmocka_unit_test(hearsay_waits_for_an_own_name),
		cmocka_unit_test(rules_of_hearsay_apply_to_open_flows),
		cmocka_unit_test(signs_are_flags_and_rules),
		cmocka_unit_test(flows_in_tunnels),
		cmocka_unit_test(completing_fragment_brings_the_verdict),
		cmocka_unit_test(refused_fragments_pass_only_without_rules),
		cmocka_unit_test(options_cut_off_are_not_read),
		cmocka_unit_test(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
