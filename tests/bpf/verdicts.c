/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the kernel does with the agent's verdicts and with address and port rules: what is blocked
 * stays blocked both ways whatever the ends send, and nothing else is touched.
 */
#include "cases.h"

#include <bpf/bpf.h>
#include <stdio.h>

static const struct slice data = {(const uint8_t *)"some data", 9};
static const struct slice none = {NULL, 0};

enum { RULE = 0x1234567 };
static const uint64_t second = 1000000000;

/* One frame by both programs; each must answer alike. */
static void want(struct kernel *k, const char *what, const struct made *m, enum fate outcome)
{
	for (int hook = 0; hook < HOOKS; hook++)
		expect(k, kernel_run(k, (enum dpi_hook)hook, m->bytes, m->len) == outcome,
		       "%s is %s on %s", what, outcome == DROP ? "passed" : "dropped",
		       hook_name((enum dpi_hook)hook));
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void test_blocked(struct kernel *k)
{
	static const struct {
		const char *what;
		bool is_back;
		uint8_t flags;
		bool has_data;
	} frames[] = {
		{"data", false, DPI_TCP_ACK, true},
		{"data of the server", true, DPI_TCP_ACK, true},
		{"a bare ACK", false, DPI_TCP_ACK, false},
		{"a RST", false, DPI_TCP_RST, false},
		{"a RST of the server", true, DPI_TCP_RST | DPI_TCP_ACK, false},
		{"a FIN", false, DPI_TCP_FIN | DPI_TCP_ACK, false},
		{"a FIN of the server", true, DPI_TCP_FIN | DPI_TCP_ACK, false},
		{"a SYN", false, DPI_TCP_SYN, false},
		{"a SYN-ACK", true, DPI_TCP_SYN | DPI_TCP_ACK, false},
		{"data after all that", false, DPI_TCP_PSH | DPI_TCP_ACK, true},
	};
	struct made *m = &(struct made){0};
	struct dpi_counts before;
	struct dpi_verdict v;
	struct dpi_key key;

	make_tcp(m, false, DPI_TCP_ACK, 1, data);
	key = made_key(m);
	want(k, "data before the verdict", m, PASS);
	live_verdict_put(k->maps, &key, RULE, live_monotonic());
	kernel_counts(k, &before);
	for (size_t i = 0; i < COUNT(frames); i++) {
		make_tcp(m, frames[i].is_back, frames[i].flags, (uint32_t)i * 1000,
			 frames[i].has_data ? data : none);
		want(k, frames[i].what, m, DROP);
	}
	expect(k, kernel_grown(k, &before, DPI_COUNT_DROP_VERDICT) == 2 * COUNT(frames),
	       "not every drop was counted");
	expect(k, live_verdict_get(k->maps, &key, &v) == 0 && v.packets == 2 * COUNT(frames),
	       "the verdict does not count its frames");
}

static void test_counted(struct kernel *k)
{
	struct made *m = &(struct made){0};
	uint64_t hits = kernel_hits(k, RULE);
	struct live_flow flow;
	struct dpi_key key;

	make_tcp(m, false, DPI_TCP_ACK, 1, data);
	key = made_key(m);
	want(k, "data before the verdict", m, PASS);
	kernel_drain(k);
	live_verdict_put(k->maps, &key, RULE, live_monotonic());
	want(k, "data", m, DROP);
	expect(k,
	       live_flow_get(k->maps, &key, &flow) == 0 && flow.dropped_packets == 2 &&
		       flow.dropped_bytes == 2 * m->len && flow.packets[0] == 2,
	       "the flow counts %llu dropped and %llu passed frames",
	       (unsigned long long)flow.dropped_packets, (unsigned long long)flow.packets[0]);
	expect(k, kernel_hits(k, RULE) == hits + 2, "the rule does not count its hits");
	expect(k, kernel_drain(k) == 0, "a blocked flow is still sampled");
}

static void test_others_pass(struct kernel *k)
{
	static const struct {
		const char *what;
		struct build_packet packet;
	} others[] = {
		{"another client", {.src = CLIENT + 4, .dst = SERVER}},
		{"another server", {.src = CLIENT, .dst = SERVER + 4}},
		{"another client port", {.src = CLIENT, .dst = SERVER, .sport = CLIENT_PORT + 1}},
		{"another server port", {.src = CLIENT, .dst = SERVER, .dport = SERVER_PORT + 1}},
		{"the ports the other way round",
		 {.src = CLIENT, .dst = SERVER, .sport = SERVER_PORT, .dport = CLIENT_PORT}},
		{"another protocol", {.src = CLIENT, .dst = SERVER, .proto = DPI_IP_UDP}},
		{"the same over IPv6", {.src = CLIENT, .dst = SERVER, .is_v6 = true}},
		{"a later fragment", {.src = CLIENT, .dst = SERVER, .frag = 3}},
	};
	struct made *m = &(struct made){0};
	struct dpi_key key;

	make_tcp(m, false, DPI_TCP_ACK, 1, data);
	key = made_key(m);
	live_verdict_put(k->maps, &key, RULE, live_monotonic());
	for (size_t i = 0; i < COUNT(others); i++) {
		struct build_packet p = others[i].packet;

		p.proto = p.proto ? p.proto : DPI_IP_TCP;
		p.sport = p.sport ? p.sport : CLIENT_PORT;
		p.dport = p.dport ? p.dport : SERVER_PORT;
		p.flags = DPI_TCP_ACK;
		p.payload = data;
		m->len = build_frame(m->bytes, &p);
		want(k, others[i].what, m, PASS);
	}
}

static void test_expiry(struct kernel *k)
{
	struct made *m = &(struct made){0};
	struct dpi_verdict v = {.rule = RULE, .action = DPI_DROP};
	struct dpi_counts before;
	struct dpi_key key;

	/* A machine that has just started has no minute behind it. */
	uint64_t now = live_monotonic(), long_ago = now > 61 * second ? now - 61 * second : 0;

	make_tcp(m, false, DPI_TCP_ACK, 1, data);
	key = made_key(m);
	kernel_counts(k, &before);
	if (long_ago) {
		v.last_ns = long_ago;
		bpf_map_update_elem(k->maps->verdicts, &key, &v, BPF_ANY);
		want(k, "TCP's retransmission after 61 s of silence", m, DROP);
		expect(k, kernel_grown(k, &before, DPI_COUNT_EXPIRED) == 0, "expiry is counted");
		bpf_map_update_elem(k->maps->verdicts, &key, &v, BPF_ANY);
		make_tcp(m, false, DPI_TCP_SYN, 5000, slice_of(NULL, 0));
		want(k, "a new SYN after 61 s of silence", m, PASS);
		expect(k, kernel_grown(k, &before, DPI_COUNT_EXPIRED) == 2,
		       "expiry is not counted");
		expect(k, live_verdict_get(k->maps, &key, &v) == 0, "an unanswered SYN unblocks");
		make_tcp(m, true, DPI_TCP_SYN | DPI_TCP_ACK, 9000, slice_of(NULL, 0));
		want(k, "its answer", m, PASS);
		expect(k, live_verdict_get(k->maps, &key, &v) != 0,
		       "an answered handshake is still blocked");
		make_tcp(m, false, DPI_TCP_ACK, 1, data);
	}
	v.last_ns = now > 50 * second ? now - 50 * second : 1;
	bpf_map_update_elem(k->maps->verdicts, &key, &v, BPF_ANY);
	want(k, "a frame after 50 s of silence", m, DROP);
	live_verdict_get(k->maps, &key, &v);
	expect(k, v.last_ns >= now, "a dropped frame does not keep its verdict alive");
	live_verdict_delete(k->maps, &key);
	want(k, "a frame of a flow that was freed", m, PASS);
}

static void test_monitor(struct kernel *k)
{
	struct made *m = &(struct made){0};
	uint64_t hits = kernel_hits(k, RULE);
	struct dpi_counts before;
	struct live_flow flow = {0};
	uint8_t dns[64];
	struct dpi_key key;

	make_tcp(m, false, DPI_TCP_ACK, 1, data);
	key = made_key(m);
	live_verdict_put(k->maps, &key, RULE, live_monotonic());
	kernel_rules(k, "[BLOCKED_IPS] 10.9.9.9\n[BLOCKED_PORTS] 4444\n[BLOCKED_DOMAINS] b.example",
		     DPI_CONFIG_MONITOR);
	kernel_counts(k, &before);
	want(k, "a monitored frame of a verdict", m, PASS);
	live_flow_get(k->maps, &key, &flow);
	expect(k, flow.packets[0] == 2 && flow.dropped_packets == 0,
	       "a monitored frame is not counted as passed");
	expect(k, kernel_hits(k, RULE) == hits + 2, "a monitored rule counts no hits");
	expect(k, kernel_grown(k, &before, DPI_COUNT_MONITORED) == 2, "nothing was monitored");
	m->len = build_frame(m->bytes, &(struct build_packet){.src = CLIENT,
							      .dst = 0x0a090909,
							      .proto = DPI_IP_UDP,
							      .payload = data});
	want(k, "a monitored frame of an address rule", m, PASS);
	make_udp(m, CLIENT_PORT, 4444, data);
	want(k, "a monitored frame of a port rule", m, PASS);
	make_udp(m, CLIENT_PORT, 53, slice_of(dns, build_dns(dns, "b.example", false)));
	want(k, "a monitored question", m, PASS);
	expect(k, kernel_grown(k, &before, DPI_COUNT_MONITORED) == 8, "not all were monitored");
	expect(k, kernel_grown(k, &before, DPI_COUNT_DROPPED) == 0, "monitoring dropped something");
}

static void test_fail_closed(struct kernel *k)
{
	struct made *m = &(struct made){0}, *ack = &(struct made){0}, *syn = &(struct made){0};
	struct dpi_fact fact = {.settled = 1};
	struct dpi_counts before;
	struct dpi_key key;

	make_tcp(m, false, DPI_TCP_ACK, 1, data);
	make_tcp(ack, false, DPI_TCP_ACK, 1, none);
	make_tcp(syn, false, DPI_TCP_SYN, 0, none);
	key = made_key(m);
	want(k, "data, when nobody asked for fail-closed", m, PASS);
	kernel_rules(k, "", DPI_CONFIG_FAIL_CLOSED);
	live_heartbeat(k->maps, live_monotonic());
	kernel_counts(k, &before);
	want(k, "data while the agent lives", m, PASS);
	live_heartbeat(k->maps, live_monotonic() - 4 * second);
	want(k, "data while the agent is dead", m, DROP);
	expect(k, kernel_grown(k, &before, DPI_COUNT_DROP_FAIL_CLOSED) == 2,
	       "the reason is not counted");
	want(k, "a bare ACK while the agent is dead", ack, PASS);
	want(k, "a SYN while the agent is dead", syn, PASS);
	live_fact_put(k->maps, &key, &fact);
	want(k, "data of a settled flow while the agent is dead", m, PASS);
	live_heartbeat(k->maps, live_monotonic());
	want(k, "data when the agent is back", m, PASS);

	kernel_reset(k);
	kernel_rules(k, "", DPI_CONFIG_FAIL_CLOSED | DPI_CONFIG_MONITOR);
	kernel_counts(k, &before);
	want(k, "data while monitoring and the agent is dead", m, PASS);
	expect(k,
	       kernel_grown(k, &before, DPI_COUNT_DROP_FAIL_CLOSED) == 0 &&
		       kernel_grown(k, &before, DPI_COUNT_MONITORED) == 2,
	       "monitoring counts a drop that was none");
}

/* --- address and port rules ---------------------------------------------------------------------
 */

enum { PEER = 0x0a010203 }; /* 10.1.2.3 */

static const struct static_row {
	const char *why, *rules;
	uint32_t client, server;
	uint16_t client_port, server_port;
	uint8_t proto;
	bool is_v6;
	enum dpi_static action;
} rows[] = {
	{"no rule", "", CLIENT, PEER, 40000, 443, 6, false, DPI_STATIC_NONE},
	{"an address", "[BLOCKED_IPS] 10.1.2.3", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_ADDRESS},
	{"an address as client", "[BLOCKED_IPS] 10.1.2.3", PEER, CLIENT, 40000, 443, 17, false,
	 DPI_STATIC_ADDRESS},
	{"another address", "[BLOCKED_IPS] 10.1.2.4", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_NONE},
	{"an IPv6 address", "[BLOCKED_IPS] 2001:db8::a01:203", CLIENT, PEER, 40000, 443, 6, true,
	 DPI_STATIC_ADDRESS},
	{"an IPv4 address is no IPv6 one", "[BLOCKED_IPS] 10.1.2.3", CLIENT, PEER, 40000, 443, 6,
	 true, DPI_STATIC_NONE},
	{"a source opens", "[BLOCKED_IPS] src:10.1.2.3", PEER, CLIENT, 40000, 443, 6, false,
	 DPI_STATIC_ADDRESS},
	{"a source does not answer", "[BLOCKED_IPS] src:10.1.2.3", CLIENT, PEER, 40000, 443, 6,
	 false, DPI_STATIC_NONE},
	{"a destination answers", "[BLOCKED_IPS] dst:10.1.2.3", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_ADDRESS},
	{"a destination does not open", "[BLOCKED_IPS] dst:10.1.2.3", PEER, CLIENT, 40000, 443, 6,
	 false, DPI_STATIC_NONE},
	{"a network", "[BLOCKED_IPS] 10.1.0.0/16", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_ADDRESS},
	{"beside a network", "[BLOCKED_IPS] 10.1.3.0/24", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_NONE},
	{"a network as source", "[BLOCKED_IPS] src:10.1.0.0/16", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_NONE},
	{"an IPv6 network", "[BLOCKED_IPS] 2001:db8::/32", CLIENT, PEER, 40000, 443, 17, true,
	 DPI_STATIC_ADDRESS},
	{"every IPv6 address is none of IPv4", "[BLOCKED_IPS] ::/0", CLIENT, PEER, 40000, 443, 17,
	 false, DPI_STATIC_NONE},
	{"a wider network is merged into the narrower", "[BLOCKED_IPS] 10.1.0.0/16 src:10.1.2.0/24",
	 CLIENT, PEER, 40000, 443, 6, false, DPI_STATIC_ADDRESS},
	{"an allowed network around a blocked one",
	 "[BLOCKED_IPS] 10.1.2.0/24\n[ALLOWED_IPS] 10.1.0.0/16", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_ALLOW},
	{"an allowed network inside a blocked one",
	 "[BLOCKED_IPS] 10.1.0.0/16\n[ALLOWED_IPS] 10.1.2.0/24", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_ALLOW},
	{"an allowed address in a blocked network",
	 "[BLOCKED_IPS] 10.0.0.0/8\n[ALLOWED_IPS] 10.1.2.3", CLIENT, PEER, 40000, 443, 6, false,
	 DPI_STATIC_ALLOW},
	{"an allow of the other end", "[BLOCKED_IPS] 10.1.2.3\n[ALLOWED_IPS] 10.0.0.1", CLIENT,
	 PEER, 40000, 443, 6, false, DPI_STATIC_ALLOW},
	{"an allow for sources only", "[BLOCKED_IPS] 10.1.2.3\n[ALLOWED_IPS] src:10.1.2.3", CLIENT,
	 PEER, 40000, 443, 6, false, DPI_STATIC_ADDRESS},
	{"a port", "[BLOCKED_PORTS] 8888", CLIENT, PEER, 40000, 8888, 6, false, DPI_STATIC_PORT},
	{"a port, UDP", "[BLOCKED_PORTS] 8888", CLIENT, PEER, 40000, 8888, 17, false,
	 DPI_STATIC_PORT},
	{"a port of TCP only", "[BLOCKED_PORTS] 8888/tcp", CLIENT, PEER, 40000, 8888, 17, false,
	 DPI_STATIC_NONE},
	{"a port of UDP only", "[BLOCKED_PORTS] 8888/udp", CLIENT, PEER, 40000, 8888, 17, false,
	 DPI_STATIC_PORT},
	{"the opener's port", "[BLOCKED_PORTS] 8888", CLIENT, PEER, 8888, 443, 6, false,
	 DPI_STATIC_NONE},
	{"an allow beats a port", "[BLOCKED_PORTS] 8888\n[ALLOWED_IPS] 10.1.2.3", CLIENT, PEER,
	 40000, 8888, 6, false, DPI_STATIC_ALLOW},
	{"an address before a port", "[BLOCKED_PORTS] 8888\n[BLOCKED_IPS] 10.1.2.3", CLIENT, PEER,
	 40000, 8888, 6, false, DPI_STATIC_ADDRESS},
};

static void row_make(struct made *m, const struct static_row *r, bool is_back, uint8_t flags,
		     struct slice payload)
{
	struct build_packet p = {
		.is_v6 = r->is_v6,
		.src = is_back ? r->server : r->client,
		.dst = is_back ? r->client : r->server,
		.sport = is_back ? r->server_port : r->client_port,
		.dport = is_back ? r->client_port : r->server_port,
		.proto = r->proto,
		.flags = flags,
		.payload = payload,
	};

	m->len = build_frame(m->bytes, &p);
}

/* The flow from its first frame: SYN and SYN-ACK, then data both ways. UDP has the data alone. */
static void check_row(struct kernel *k, const struct static_row *r, enum dpi_hook hook,
		      const struct decision *d)
{
	enum fate outcome = d->is_block ? DROP : PASS;
	struct made *m = &(struct made){0};

	row_make(m, r, false, DPI_TCP_SYN, r->proto == DPI_IP_TCP ? none : data);
	live_flow_forget(k->maps, &(struct dpi_key[]){made_key(m)}[0]);
	for (int i = 0; i < 4; i++) {
		static const uint8_t flags[] = {DPI_TCP_SYN, DPI_TCP_SYN | DPI_TCP_ACK, DPI_TCP_ACK,
						DPI_TCP_ACK};

		row_make(m, r, i & 1, flags[i], r->proto == DPI_IP_TCP && i < 2 ? none : data);
		expect(k, kernel_run(k, hook, m->bytes, m->len) == outcome,
		       "%s: frame %d is %s on %s", r->why, i,
		       outcome == DROP ? "passed" : "dropped", hook_name(hook));
	}
	kernel_drain(k);
}

static void test_static(struct kernel *k)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum dpi_counter reason = rows[i].action == DPI_STATIC_PORT
						  ? DPI_COUNT_DROP_PORT
						  : DPI_COUNT_DROP_ADDRESS;
		bool is_block = rows[i].action == DPI_STATIC_ADDRESS ||
				rows[i].action == DPI_STATIC_PORT;
		struct made *m = &(struct made){0};
		struct dpi_counts before;
		struct decision d;
		struct packet p;
		uint64_t hits;

		kernel_rules(k, rows[i].rules, 0);
		row_make(m, &rows[i], false, DPI_TCP_SYN, none);
		made_decode(m->bytes, m->len, &p);
		d = policy_match_flow(k->policy, &p.head.key, p.head.dir);
		expect(k, d.is_block == is_block, "%s: the policy says otherwise", rows[i].why);
		hits = kernel_hits(k, d.rule);
		kernel_counts(k, &before);
		for (int hook = 0; hook < HOOKS; hook++)
			check_row(k, &rows[i], (enum dpi_hook)hook, &d);
		expect(k, !is_block || kernel_grown(k, &before, reason) == 8,
		       "%s: another reason is counted", rows[i].why);
		expect(k, !is_block || kernel_hits(k, d.rule) == hits + 8,
		       "%s: another rule counts the hits", rows[i].why);
	}
}

static const char rules_many[] =
	"[BLOCKED_IPS] 10.0.0.3 src:10.0.0.4 dst:10.0.0.5 10.0.0.16/28 src:10.0.0.24/29\n"
	"dst:10.0.0.0/30 10.0.0.28/30 2001:db8::a00:6 2001:db8::a00:10/124\n"
	"[ALLOWED_IPS] 10.0.0.7 src:10.0.0.9 10.0.0.26/31 2001:db8::a00:18/125\n"
	"[BLOCKED_PORTS] 1001 1002/tcp 1003/udp 40001\n";

/* Random flows over a small world: kernel and policy agree on every one. */
static void test_static_random(struct kernel *k)
{
	uint64_t seed = 7, blocked = 0, flows = 4000;

	kernel_rules(k, rules_many, 0);
	for (uint64_t i = 0; i < flows && !k->has_failed; i++) {
		uint64_t n = dice(&seed);
		struct static_row r = {
			.why = "a random flow",
			.client = 0x0a000000 + (n & 31),
			.server = 0x0a000000 + (n >> 5 & 31),
			.client_port = 40000 + (n >> 10 & 3),
			.server_port = (uint16_t)(1000 + (n >> 12 & 3)),
			.proto = n >> 14 & 1 ? DPI_IP_TCP : DPI_IP_UDP,
			.is_v6 = n >> 15 & 1,
		};
		struct made *m = &(struct made){0};
		struct decision d;
		struct packet p;

		row_make(m, &r, false, DPI_TCP_SYN, none);
		made_decode(m->bytes, m->len, &p);
		d = policy_match_flow(k->policy, &p.head.key, p.head.dir);
		check_row(k, &r, i & 1, &d);
		blocked += d.is_block;
	}
	expect(k, blocked > flows / 8 && blocked < flows - flows / 8,
	       "%llu of %llu flows are blocked", (unsigned long long)blocked,
	       (unsigned long long)flows);
}

static void test_static_fragment(struct kernel *k)
{
	struct made *m = &(struct made){0};
	struct build_packet p = {
		.src = CLIENT,
		.dst = PEER,
		.proto = DPI_IP_UDP,
		.frag = 0x00b9,
		.payload = data,
	};

	m->len = build_frame(m->bytes, &p);
	kernel_rules(k, "[BLOCKED_IPS] 10.1.2.3", 0);
	want(k, "a later fragment of a blocked address", m, DROP);
	kernel_rules(k, "[BLOCKED_IPS] 10.1.2.4", 0);
	want(k, "a later fragment of another address", m, PASS);
}

static void test_epoch(struct kernel *k)
{
	struct made *m = &(struct made){0};
	struct live_flow flow;
	struct dpi_key key;

	make_tcp(m, false, DPI_TCP_ACK, 1, data);
	key = made_key(m);
	kernel_rules(k, "[BLOCKED_IPS] 10.9.9.9", 0);
	want(k, "a flow before its rule", m, PASS);
	kernel_rules(k, "[BLOCKED_IPS] 10.9.9.9 10.0.0.2", 0);
	want(k, "a known flow after its rule came", m, DROP);
	kernel_rules(k, "[BLOCKED_IPS] 10.9.9.9 10.0.0.2\n[ALLOWED_IPS] 10.0.0.1", 0);
	want(k, "a known flow that is now allowed", m, PASS);
	kernel_rules(k, "[BLOCKED_PORTS] 443", 0);
	want(k, "a known flow after a port rule came", m, DROP);
	kernel_rules(k, "", 0);
	want(k, "a known flow after the last rule went", m, PASS);
	live_flow_get(k->maps, &key, &flow);
	expect(k, flow.static_rule == 0, "the flow still names a rule that is gone");
}

static void test_allow_beats_verdict(struct kernel *k)
{
	struct made *m = &(struct made){0};
	struct dpi_key key;

	make_tcp(m, false, DPI_TCP_ACK, 1, data);
	key = made_key(m);
	live_verdict_put(k->maps, &key, RULE, live_monotonic());
	kernel_rules(k, "[ALLOWED_IPS] 10.0.0.2", 0);
	want(k, "a blocked flow of an allowed address", m, PASS);
}

const struct test_case verdict_cases[] = {
	{"a verdict drops both ways and nothing clears it", test_blocked, false},
	{"a verdict is counted and ends sampling", test_counted, false},
	{"other flows pass a verdict", test_others_pass, false},
	{"a verdict ends after 60 s without a frame", test_expiry, false},
	{"monitoring counts and passes", test_monitor, false},
	{"fail closed by an old heartbeat", test_fail_closed, false},
	{"address and port rules", test_static, false},
	{"address and port rules on random flows", test_static_random, false},
	{"address rules on later fragments", test_static_fragment, false},
	{"a rule change reaches known flows", test_epoch, false},
	{"an allowed address beats a verdict", test_allow_beats_verdict, false},
	{0},
};
