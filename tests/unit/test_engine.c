/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The whole road, frame by frame, with rules as a person writes them: what is dropped, from which
 * frame on, and what is not. blocked.example is blocked, its look-alikes are not.
 */
#include "engine_world.h"

static void hello_blocks_both_ways(void **state)
{
	struct world w;

	open_world(&w, RULES);
	shake_hands(&w);
	assert_true(send_hello(&w, "www.BLOCKED.example"));
	assert_int_equal(w.last.flow->state, FLOW_BLOCKED);
	assert_int_equal(w.last.rule, w.last.flow->decision.rule);
	assert_int_equal(w.last.flow->decision.kind, RULE_DOMAIN);
	assert_string_equal(w.last.flow->names->text, "www.blocked.example");
	assert_true(send_text(&w, SERVER, 0, "answer"));
	assert_true(send_flags(&w, CLIENT, 500, DPI_TCP_ACK));
	assert_int_equal(flow_rare(w.last.flow)->dropped_packets, 3);
	assert_int_equal(w.events[EVENT_VERDICT], 1);
	assert_int_equal(w.events[EVENT_NAMED], 1);
	assert_int_equal(engine_counters(w.engine)->verdicts, 1);
	assert_int_equal(engine_counters(w.engine)->late, 0);
	close_world(&w);
}

/* The name completes in the last piece, whatever the order: that frame is the first dropped. */
static void hello_in_two_pieces_at_every_byte(void **state)
{
	static uint8_t hello[BUILD_MAX];
	size_t len = build_hello(hello, "www.blocked.example", 0);
	struct world w;

	open_world(&w, RULES);
	for (size_t cut = 1; cut < len; cut++) {
		for (int is_reversed = 0; is_reversed < 2; is_reversed++) {
			struct slice all = slice_of(hello, len);
			struct slice piece[2] = {slice_first(all, cut), slice_from(all, cut)};
			uint32_t off[2] = {0, (uint32_t)cut};

			next_connection(&w);
			shake_hands(&w);
			assert_false(send_at(&w, CLIENT, off[is_reversed], piece[is_reversed],
					     DPI_TCP_ACK));
			assert_true(send_at(&w, CLIENT, off[!is_reversed], piece[!is_reversed],
					    DPI_TCP_ACK));
			assert_true(send_text(&w, SERVER, 0, "answer"));
		}
	}
	close_world(&w);
}

static void hello_in_single_bytes_and_random_order(void **state)
{
	static uint8_t hello[BUILD_MAX];
	size_t len = build_hello(hello, "blocked.example", 0);
	bool is_dropped = false;
	struct world w;

	open_world(&w, RULES);
	shake_hands(&w);
	for (size_t i = 0; i < len; i++)
		is_dropped |= send_at(&w, CLIENT, (uint32_t)i, slice_of(hello + i, 1), DPI_TCP_ACK);
	assert_true(is_dropped);
	for (uint64_t seed = 1; seed <= 200; seed++) {
		uint64_t r = seed;
		size_t order[8] = {0, 1, 2, 3, 4, 5, 6, 7};

		for (size_t i = 0; i < 8; i++) {
			size_t j = i + (size_t)(next_random(&r) % (8 - i)), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		next_connection(&w);
		if (seed % 2)
			shake_hands(&w);
		is_dropped = false;
		for (size_t i = 0; i < 8; i++) {
			size_t from = len * order[i] / 8, to = len * (order[i] + 1) / 8;

			is_dropped |= send_at(&w, CLIENT, (uint32_t)from,
					      slice_of(hello + from, to - from), DPI_TCP_ACK);
		}
		if (!is_dropped)
			print_message("seed %llu\n", (unsigned long long)seed);
		assert_true(is_dropped);
	}
	close_world(&w);
}

static void hello_in_many_records_or_far_down(void **state)
{
	static uint8_t hello[BUILD_MAX];
	static const size_t record[] = {1, 2, 16, 100};
	static const size_t pad[] = {1000, 14000, 40000};
	struct world w;

	open_world(&w, RULES);
	for (size_t i = 0; i < sizeof(record) / sizeof(record[0]); i++) {
		size_t len = build_hello_records(hello, "blocked.example", record[i]);

		next_connection(&w);
		shake_hands(&w);
		assert_true(send_at(&w, CLIENT, 0, slice_of(hello, len), DPI_TCP_ACK));
	}
	for (size_t i = 0; i < sizeof(pad) / sizeof(pad[0]); i++) {
		size_t len = build_hello(hello, "blocked.example", pad[i]);
		bool is_dropped = false;

		next_connection(&w);
		shake_hands(&w);
		for (size_t at = 0; at < len; at += 1460)
			is_dropped = send_at(&w, CLIENT, (uint32_t)at,
					     slice_first(slice_of(hello + at, len - at), 1460),
					     DPI_TCP_ACK);
		assert_true(is_dropped);
	}
	close_world(&w);
}

static const struct {
	const char *proves;
	const char *name;
	bool is_blocked;
} names[] = {
	{"the name itself", "blocked.example", true},
	{"a name below it", "a.b.blocked.example", true},
	{"any case", "BlOcKeD.ExAmPlE", true},
	{"a trailing dot", "blocked.example.", true},
	{"not a longer label", "notblocked.example", false},
	{"not the name inside another", "blocked.example.org", false},
	{"not the name cut short", "blocked.exampl", false},
	{"an exact rule matches the name", "exact.example", true},
	{"an exact rule does not match below", "www.exact.example", false},
};

static void look_alikes_pass(void **state)
{
	struct world w;

	open_world(&w, RULES);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		print_message("%s\n", names[i].proves);
		next_connection(&w);
		shake_hands(&w);
		assert_int_equal(send_hello(&w, names[i].name), names[i].is_blocked);
		assert_int_equal(send_text(&w, SERVER, 0, "x"), names[i].is_blocked);
	}
	close_world(&w);
}

static void verdict_outlives_everything_but_60_s(void **state)
{
	struct world w;

	open_world(&w, RULES);
	shake_hands(&w);
	assert_true(send_hello(&w, "blocked.example"));
	assert_true(send_flags(&w, SERVER, 0, DPI_TCP_RST));
	assert_true(send_flags(&w, CLIENT, 0, DPI_TCP_FIN | DPI_TCP_ACK));
	assert_true(send_flags(&w, SERVER, 0, DPI_TCP_FIN | DPI_TCP_ACK));
	assert_true(send_flags(&w, CLIENT, 777, DPI_TCP_SYN));
	assert_true(send_flags(&w, CLIENT, 777, DPI_TCP_SYN));
	assert_int_equal(w.last.flow->state, FLOW_BLOCKED);
	for (int i = 0; i < 3; i++) {
		w.ts_ns += 59 * S;
		assert_true(send_flags(&w, CLIENT, 0, DPI_TCP_ACK));
	}
	/* TCP sends again what was dropped, up to 120 s apart; a new handshake is another flow. */
	w.ts_ns += 121 * S;
	assert_true(send_text(&w, CLIENT, 0, "the same again"));
	w.ts_ns += 61 * S;
	assert_false(send_flags(&w, CLIENT, -1U, DPI_TCP_SYN));
	assert_int_equal(w.last.flow->state, FLOW_NEW);
	assert_int_equal(w.events[EVENT_FLOW_OPENED], 2);
	assert_int_equal(engine_counters(w.engine)->flows_expired, 1);
	/* After five minutes it is forgotten. */
	assert_true(send_hello(&w, "blocked.example"));
	w.ts_ns += 301 * S;
	assert_false(send_text(&w, CLIENT, 0, "the same again"));
	assert_int_equal(w.events[EVENT_FLOW_OPENED], 3);
	close_world(&w);
}

static void tcp_states_are_followed(void **state)
{
	struct world w;

	open_world(&w, RULES);
	shake_hands(&w);
	assert_false(send_hello(&w, "allowed.example"));
	assert_int_equal(w.last.flow->state, FLOW_CLASSIFIED);
	assert_int_equal(w.last.flow->proto, PROTO_TLS);
	send_flags(&w, CLIENT, 0, DPI_TCP_FIN | DPI_TCP_ACK);
	assert_int_equal(w.last.flow->state, FLOW_CLASSIFIED);
	send_flags(&w, SERVER, 0, DPI_TCP_FIN | DPI_TCP_ACK);
	assert_int_equal(w.last.flow->state, FLOW_CLOSED);
	/* The same SYN again is a repeat; another one is another connection. */
	send_flags(&w, CLIENT, -1U, DPI_TCP_SYN);
	assert_int_equal(w.events[EVENT_FLOW_OPENED], 1);
	send_flags(&w, CLIENT, 4000, DPI_TCP_SYN);
	assert_int_equal(w.events[EVENT_FLOW_OPENED], 2);
	assert_int_equal(w.last.flow->state, FLOW_NEW);
	/* Not on a connection that is open. */
	send_flags(&w, CLIENT, 8000, DPI_TCP_SYN);
	assert_int_equal(w.events[EVENT_FLOW_OPENED], 2);
	close_world(&w);
}

static void hello_settles_when_it_is_acknowledged(void **state)
{
	static uint8_t hello[BUILD_MAX], server[64];
	struct world w;
	uint32_t len = (uint32_t)build_hello(hello, "allowed.example", 0);
	struct slice answer = slice_of(server, build_server_hello(server));

	open_world(&w, RULES);
	shake_hands(&w);
	send_hello(&w, "allowed.example");
	send_ack(&w, SERVER, 0, slice_of(NULL, 0), len);
	assert_false(w.last.flow->is_settled);
	send_ack(&w, SERVER, 0, answer, len - 1);
	assert_false(w.last.flow->is_settled);
	send_ack(&w, SERVER, (uint32_t)answer.len, answer, len);
	/* The server may be asking for another hello: what the client says next tells. */
	assert_false(w.last.flow->is_settled);
	send_ack(&w, CLIENT, len, slice_text("\x17\3\3"), (uint32_t)answer.len * 2);
	assert_false(w.last.flow->is_settled);
	send_ack(&w, SERVER, (uint32_t)answer.len * 2, answer, len + 2);
	assert_false(w.last.flow->is_settled);
	send_ack(&w, SERVER, (uint32_t)answer.len * 3, answer, len + 3);
	assert_true(w.last.flow->is_settled);
	assert_int_equal(w.events[EVENT_SETTLED], 1);
	assert_null(w.last.flow->side[0]);
	assert_null(w.last.flow->side[1]);
	close_world(&w);
}

/* A SYN-ACK out of nothing does not turn a connection round: the first SYN says who opened it. */
static void syn_says_who_opened(void **state)
{
	struct world w;

	open_world(&w, "[BLOCKED_PORTS]\n443\n");
	send_flags(&w, CLIENT, 77, DPI_TCP_SYN | DPI_TCP_ACK);
	assert_false(w.last.flow->is_verdict);
	send_flags(&w, CLIENT, -1U, DPI_TCP_SYN);
	assert_true(w.last.flow->is_verdict);
	assert_int_equal(w.last.action, DPI_DROP);
	close_world(&w);
}

static void midstream_is_picked_up(void **state)
{
	static uint8_t hello[BUILD_MAX];
	struct slice all = slice_of(hello, build_hello(hello, "blocked.example", 0));
	struct world w;

	open_world(&w, RULES);
	/* The second piece is the first seen. */
	assert_false(send_at(&w, CLIENT, 50, slice_from(all, 50), DPI_TCP_ACK));
	assert_true(w.last.flow->flags & FLOW_MIDSTREAM);
	assert_true(send_at(&w, CLIENT, 0, slice_first(all, 50), DPI_TCP_ACK));
	/* A late SYN does not undo it. */
	next_connection(&w);
	assert_false(send_at(&w, CLIENT, 50, slice_from(all, 50), DPI_TCP_ACK));
	assert_false(send_flags(&w, CLIENT, -1U, DPI_TCP_SYN));
	assert_true(send_at(&w, CLIENT, 0, slice_first(all, 50), DPI_TCP_ACK));
	/* Another protocol first, then a hello at the border of a segment, in two pieces. */
	next_connection(&w);
	shake_hands(&w);
	assert_false(send_text(&w, CLIENT, 0, "EHLO me\r\n"));
	assert_false(send_text(&w, CLIENT, 9, "STARTTLS\r\n"));
	assert_false(send_at(&w, CLIENT, 19, slice_first(all, 70), DPI_TCP_ACK));
	assert_true(send_at(&w, CLIENT, 89, slice_from(all, 70), DPI_TCP_ACK));
	/* A probe from before what was seen first does not end the reading of requests. */
	next_connection(&w);
	assert_false(send_text(&w, CLIENT, 500, "GET / HTTP/1.1\r\nHost: allowed.example\r\n\r\n"));
	assert_false(send_text(&w, CLIENT, 499, "\x01"));
	assert_true(send_text(&w, CLIENT, 541, "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"));
	/* The end of something, with no beginning, then a request. */
	next_connection(&w);
	assert_false(send_text(&w, CLIENT, 9000, "</html>"));
	assert_true(send_text(&w, CLIENT, 9007, "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"));
	close_world(&w);
}

static void http_is_read_for_every_request(void **state)
{
	static const char first[] = "GET /?q=blocked.example HTTP/1.1\r\nHost: allowed.example\r\n"
				    "Cookie: blocked.example\r\n\r\n";
	static const char second[] = "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n";
	struct world w;

	open_world(&w, RULES);
	w.shape.dport = 8080;
	for (size_t cut = 1; cut < sizeof(second) - 1; cut++) {
		uint32_t off = sizeof(first) - 1;
		bool is_dropped;

		next_connection(&w);
		shake_hands(&w);
		assert_false(send_text(&w, CLIENT, 0, first));
		assert_int_equal(w.last.flow->proto, PROTO_HTTP);
		assert_false(send_text(&w, SERVER, 0,
				       "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n"
				       "blocked.example"));
		is_dropped = send_at(&w, CLIENT, off, slice_of(second, cut), DPI_TCP_ACK);
		is_dropped |= send_at(&w, CLIENT, off + (uint32_t)cut, slice_text(second + cut),
				      DPI_TCP_ACK);
		assert_true(is_dropped);
		assert_true(send_text(&w, SERVER, 54, "x"));
	}
	close_world(&w);
}

/* Answers in memory give way before requests do: a later one is still read. */
static void answers_give_their_memory_first(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: allowed.example\r\n\r\n";
	static const char again[] = "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n";
	enum { FLOWS = 40, ANSWER = 1000 };
	struct world w = {.config = {.held_max = 30000}};
	static char answer[ANSWER + 1];

	memset(answer, 'x', ANSWER);
	open_world_with(&w, RULES);
	w.shape.dport = 8080;
	for (int i = 0; i < FLOWS; i++, next_connection(&w)) {
		shake_hands(&w);
		assert_false(send_text(&w, CLIENT, 0, request));
		assert_false(send_text(&w, SERVER, 0, answer));
	}
	assert_true(engine_counters(w.engine)->relieved > 0);
	assert_true(engine_counters(w.engine)->relieved < FLOWS);
	w.shape.sport = (uint16_t)(w.shape.sport - FLOWS);
	for (int i = 0; i < FLOWS; i++, next_connection(&w))
		assert_true(send_text(&w, CLIENT, sizeof(request) - 1, again));
	close_world(&w);
}

/* What is never named goes as a whole, and is said to be undecided. */
static void hellos_without_end_are_given_up(void **state)
{
	static uint8_t hello[BUILD_MAX];
	struct world w = {.config = {.held_max = 10000}};
	struct slice whole;

	open_world_with(&w, RULES);
	whole = slice_of(hello, build_hello(hello, "allowed.example", 1800));
	for (int i = 0; i < 40; i++, next_connection(&w)) {
		shake_hands(&w);
		assert_false(send_at(&w, CLIENT, 0, slice_first(whole, 1200), DPI_TCP_ACK));
	}
	assert_true(engine_counters(w.engine)->relieved > 20);
	assert_int_equal(w.anomalies & FLOW_UNDECIDED, FLOW_UNDECIDED);
	close_world(&w);
}

static void http_bodies_are_not_read(void **state)
{
	struct world w;

	open_world(&w, RULES);
	w.shape.dport = 80;
	shake_hands(&w);
	assert_false(send_text(&w, CLIENT, 0,
			       "POST / HTTP/1.1\r\nHost: allowed.example\r\n"
			       "Content-Length: 42\r\n\r\n"));
	assert_false(send_text(&w, CLIENT, 62, "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"));
	assert_string_equal(w.names, "allowed.example ");
	close_world(&w);
}

static void tunnels_are_read(void **state)
{
	static uint8_t hello[BUILD_MAX];
	static const char connect[] = "CONNECT allowed.example:443 HTTP/1.1\r\n"
				      "Host: allowed.example:443\r\n\r\n";
	struct world w;

	open_world(&w, RULES);
	shake_hands(&w);
	assert_false(send_text(&w, CLIENT, 0, connect));
	assert_true(send_at(&w, CLIENT, sizeof(connect) - 1,
			    slice_of(hello, build_hello(hello, "blocked.example", 0)),
			    DPI_TCP_ACK));
	close_world(&w);
}

static void dns_is_decided_for_each_message(void **state)
{
	static uint8_t message[512];
	struct world w;

	open_world(&w, RULES);
	w.shape.proto = DPI_IP_UDP;
	w.shape.dport = 53;
	for (int round = 0; round < 100; round++) {
		struct slice good, bad;

		good = slice_of(message, build_dns(message, "allowed.example", false));
		assert_false(send_at(&w, CLIENT, 0, good, 0));
		good = slice_of(message, build_dns(message, "allowed.example", true));
		assert_false(send_at(&w, SERVER, 0, good, 0));
		bad = slice_of(message, build_dns(message, "www.blocked.example", false));
		assert_true(send_at(&w, CLIENT, 0, bad, 0));
		bad = slice_of(message, build_dns(message, "www.blocked.example", true));
		assert_true(send_at(&w, SERVER, 0, bad, 0));
		assert_int_equal(w.last.flow->state, FLOW_CLASSIFIED);
		assert_true(w.last.flow->decision.is_block);
	}
	assert_string_equal(catalogue_name(w.catalogue, w.last.flow->app), "DNS");
	assert_int_equal(w.events[EVENT_MESSAGE], 200);
	assert_int_equal(w.events[EVENT_VERDICT], 0);
	assert_int_equal(engine_counters(w.engine)->messages_dropped, 200);
	assert_int_equal(engine_counters(w.engine)->undecided, 0);
	close_world(&w);
}

static void dns_over_tcp_blocks_the_flow(void **state)
{
	uint8_t message[512];
	size_t len = build_dns(message + 2, "blocked.example", false);
	struct world w;

	open_world(&w, RULES);
	w.shape.dport = 53;
	shake_hands(&w);
	message[0] = 0;
	message[1] = (uint8_t)len;
	assert_false(send_at(&w, CLIENT, 0, slice_of(message, 1), DPI_TCP_ACK));
	assert_false(send_at(&w, CLIENT, 1, slice_of(message + 1, 9), DPI_TCP_ACK));
	assert_true(send_at(&w, CLIENT, 10, slice_of(message + 10, len - 8), DPI_TCP_ACK));
	assert_true(w.last.flow->is_verdict);
	close_world(&w);
}

static const struct {
	const char *proves;
	enum link_type link;
	int tag_count;
	bool is_v6;
} shapes[] = {
	{"VLAN", LINK_ETHERNET, 1, false},	{"QinQ", LINK_ETHERNET, 2, false},
	{"IPv6", LINK_ETHERNET, 0, true},	{"QinQ, IPv6", LINK_ETHERNET, 2, true},
	{"raw IP", LINK_RAW_IP, 0, false},	{"raw IPv6", LINK_RAW_IP, 0, true},
	{"cooked 1", LINK_COOKED1, 0, false},	{"cooked 2, IPv6", LINK_COOKED2, 0, true},
	{"loopback, IPv6", LINK_NULL, 0, true},
};

static void every_shape_takes_the_road(void **state)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct world w;

		print_message("%s\n", shapes[i].proves);
		open_world(&w, RULES);
		w.shape.link = shapes[i].link;
		w.shape.tag_count = shapes[i].tag_count;
		w.shape.is_v6 = shapes[i].is_v6;
		shake_hands(&w);
		assert_true(send_hello(&w, "blocked.example"));
		assert_true(send_text(&w, SERVER, 0, "x"));
		close_world(&w);
	}
}

/* Cut at every length: never blocked for a name that is not all there. */
static void snap_length_is_never_guessed_from(void **state)
{
	static uint8_t hello[BUILD_MAX];
	size_t len = build_hello(hello, "blocked.example.org", 0);
	struct world w;

	open_world(&w, RULES);
	for (size_t cut = 54; cut < 54 + len; cut++) {
		next_connection(&w);
		shake_hands(&w);
		w.cut_len = cut;
		assert_false(send_hello(&w, "blocked.example.org"));
		assert_true(w.last.flow->flags & FLOW_CUT);
		/* What comes behind the hole is not read as if it were the rest. */
		assert_false(send_text(&w, CLIENT, (uint32_t)len,
				       "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"));
		assert_int_equal(w.last.flow->name_count, 0);
		w.cut_len = 0;
	}
	next_connection(&w);
	shake_hands(&w);
	w.cut_len = 54 + len - 10;
	send_hello(&w, "blocked.example.org");
	w.cut_len = 0;
	send_flags(&w, CLIENT, 0, DPI_TCP_RST);
	assert_int_equal(w.last.flow->state, FLOW_INCOMPLETE);
	assert_true(engine_counters(w.engine)->payload_cut > 0);
	close_world(&w);
}

static void a_cut_question_is_not_guessed(void **state)
{
	static uint8_t message[512];
	struct slice bad = slice_of(message, build_dns(message, "blocked.example", false));
	struct world w;

	open_world(&w, RULES);
	w.shape.proto = DPI_IP_UDP;
	w.shape.dport = 53;
	for (size_t cut = 42; cut < 42 + bad.len - 4; cut++) {
		w.cut_len = cut;
		assert_false(send_at(&w, CLIENT, 0, bad, 0));
	}
	assert_int_equal(w.last.flow->name_count, 0);
	assert_true(w.last.flow->flags & FLOW_CUT);
	w.cut_len = 0;
	assert_true(send_at(&w, CLIENT, 0, bad, 0));
	close_world(&w);
}

static void the_budget_ends(void **state)
{
	static uint8_t noise[1000], hello[BUILD_MAX];
	struct slice late = slice_of(hello, build_hello(hello, "blocked.example", 0));
	struct world w;

	memset(noise, 0x80, sizeof(noise));
	open_world(&w, RULES);
	shake_hands(&w);
	for (uint32_t i = 0; i < 63; i++)
		assert_false(send_at(&w, CLIENT, i * 1000, slice_of(noise, 1000), DPI_TCP_ACK));
	assert_false(w.last.flow->flags & FLOW_UNDECIDED);
	assert_false(send_at(&w, CLIENT, 63000, slice_of(noise, 1000), DPI_TCP_ACK));
	assert_true(w.last.flow->flags & FLOW_UNDECIDED);
	assert_int_equal(engine_counters(w.engine)->undecided, 1);
	assert_true(w.anomalies & FLOW_UNDECIDED);
	assert_false(send_at(&w, CLIENT, 64000, late, DPI_TCP_ACK));
	for (uint32_t i = 0; i < 64; i++)
		send_at(&w, SERVER, i * 1000, slice_of(noise, 1000), DPI_TCP_ACK);
	assert_true(w.last.flow->is_settled);
	assert_int_equal(w.last.flow->state, FLOW_ESTABLISHED);
	/* Just inside, it is still found. */
	next_connection(&w);
	shake_hands(&w);
	for (uint32_t i = 0; i < 63; i++)
		assert_false(send_at(&w, CLIENT, i * 1000, slice_of(noise, 1000), DPI_TCP_ACK));
	assert_true(send_at(&w, CLIENT, 63000, late, DPI_TCP_ACK));
	/* Short packets cost what they are long. */
	next_connection(&w);
	shake_hands(&w);
	for (uint32_t i = 0; i < 200; i++)
		assert_false(send_at(&w, CLIENT, i, slice_of(noise, 1), DPI_TCP_ACK));
	assert_true(send_at(&w, CLIENT, 200, late, DPI_TCP_ACK));
	close_world(&w);
}

static void udp_states_and_silence(void **state)
{
	struct world w;

	open_world(&w, RULES);
	w.shape.proto = DPI_IP_UDP;
	w.shape.dport = 9999;
	assert_false(send_text(&w, CLIENT, 0, "ping"));
	assert_int_equal(w.last.flow->state, FLOW_NEW);
	assert_false(send_text(&w, SERVER, 0, "pong"));
	assert_int_equal(w.last.flow->state, FLOW_ESTABLISHED);
	assert_int_equal(w.last.flow->packets[0], 1);
	assert_int_equal(w.last.flow->packets[1], 1);
	w.ts_ns += 61 * S;
	assert_false(send_text(&w, CLIENT, 0, "ping"));
	assert_int_equal(w.events[EVENT_FLOW_OPENED], 2);
	/* Others come; the idle one is given back though nobody asks for it. */
	w.ts_ns += 500 * S;
	for (int i = 0; i < 2000; i++) {
		w.shape.dport = (uint16_t)(10000 + i % 4);
		send_text(&w, CLIENT, 0, "x");
		w.ts_ns += S;
	}
	assert_int_equal(flow_table_count(engine_flows(w.engine)), 4);
	close_world(&w);
}

static void a_live_door_has_seen_the_handshake(void **state)
{
	struct world w;

	open_world(&w, RULES);
	w.hint = (struct frame_hint){
		.has_opener = true, .opener = 0, .has_isn = true, .isn = CLIENT_ISN};
	/* The sample begins with the hello. */
	assert_true(send_hello(&w, "blocked.example"));
	assert_false(w.last.flow->flags & FLOW_MIDSTREAM);
	/* Only the door knows what passed before the verdict took effect. */
	assert_true(send_text(&w, CLIENT, 600, "x"));
	assert_int_equal(engine_counters(w.engine)->late, 0);
	engine_note_late(w.engine, &w.last.flow->key, 3);
	assert_int_equal(engine_counters(w.engine)->late, 3);
	assert_int_equal(flow_rare(w.last.flow)->late_packets, 3);
	/* A port used again: the hint tells the new connection from the old. */
	next_connection(&w);
	w.hint.isn = CLIENT_ISN;
	assert_false(send_text(&w, CLIENT, 0, "\x01\x02old connection"));
	w.hint.isn = CLIENT_ISN + 100000;
	assert_true(send_at(&w, CLIENT, 100000,
			    slice_text("GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
			    DPI_TCP_ACK));
	assert_int_equal(w.events[EVENT_FLOW_OPENED], 3);
	/* Amid a message that may be somebody's lie: both connections are read on. */
	for (int is_lie = 0; is_lie < 2; is_lie++) {
		next_connection(&w);
		w.hint.isn = CLIENT_ISN;
		assert_false(send_text(&w, CLIENT, 0, "GET / HTTP/1.1\r\nHost: bl"));
		w.hint.isn = CLIENT_ISN + 100000;
		if (is_lie)
			assert_true(send_text(&w, CLIENT, 24, "ocked.example\r\n\r\n"));
		else
			assert_true(send_text(&w, CLIENT, 100000,
					      "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"));
	}
	close_world(&w);
}

static void monitor_drops_nothing(void **state)
{
	struct world w;

	open_world(&w, RULES);
	engine_free(w.engine);
	w.engine = engine_new(&(struct engine_config){.catalogue = w.catalogue,
						      .policy = w.policy,
						      .sink = {&w, take_event},
						      .is_monitor = true});
	shake_hands(&w);
	assert_false(send_hello(&w, "blocked.example"));
	assert_int_equal(w.last.flow->state, FLOW_BLOCKED);
	assert_int_equal(w.events[EVENT_VERDICT], 1);
	assert_false(send_text(&w, SERVER, 0, "x"));
	assert_int_equal(flow_rare(w.last.flow)->dropped_packets, 0);
	assert_int_equal(engine_counters(w.engine)->dropped, 0);
	close_world(&w);
}

static void adopted_flows_go_on(void **state)
{
	static const struct {
		const char *proves;
		const char *name;
		bool has_rule, is_gone;
		bool is_blocked;
	} rows[] = {
		{"a verdict goes on", "blocked.example", true, false, true},
		{"a verdict without its name goes on", "", true, false, true},
		{"a verdict whose rule is gone ends", "a.example", true, true, false},
		{"a name that is blocked by now", "blocked.example", false, false, true},
		{"a settled flow passes", "a.example", false, false, false},
	};
	static uint8_t bytes[BUILD_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct engine_adopted a = {.proto = PROTO_TLS, .source = PROTO_TLS};
		struct packet p;
		struct frame f = {.link = LINK_ETHERNET};
		struct world w;

		print_message("%s\n", rows[i].proves);
		open_world(&w, RULES);
		f.bytes = slice_of(bytes, build_frame(bytes, &w.shape));
		f.wire_len = (uint32_t)f.bytes.len;
		packet_decode(&f, &p);
		a.key = p.head.key;
		a.opener = p.head.dir;
		a.is_settled = true;
		a.ts_ns = w.ts_ns;
		name_set(&a.name, slice_text(rows[i].name));
		if (rows[i].has_rule)
			a.verdict_rule = rows[i].is_gone ? 1
							 : rules_at(policy_rules(w.policy), 0)->id;
		engine_adopt(w.engine, &a);
		assert_int_equal(send_text(&w, SERVER, 0, "x"), rows[i].is_blocked);
		assert_true(w.last.flow->flags & FLOW_ADOPTED);
		assert_int_equal(w.events[EVENT_FLOW_OPENED], 1);
		assert_int_equal(w.events[EVENT_CLEARED], rows[i].is_gone);
		close_world(&w);
	}
}

static void odd_frames_pass_and_are_counted(void **state)
{
	static const struct {
		enum link_type link;
		const char *bytes;
		size_t len;
		bool is_dropped; /* for what it may hide */
	} rows[] = {
		{LINK_ETHERNET, "\1\2\3\4\5\6\1\2\3\4\5\6\x08\x06\0\1", 16, false},
		{LINK_ETHERNET, "\1\2\3", 3, false},
		{LINK_RAW_IP, "\x44\0\0\x14\0\0\0\0\x40\x06\0\0\1\1\1\1\2\2\2\2", 20, false},
		{LINK_ETHERNET,
		 "\1\2\3\4\5\6\1\2\3\4\5\6\x88\xa8\0\1\x81\0\0\1\x81\0\0\1"
		 "\x81\0\0\1\x81\0\0\1\x08\0",
		 34, true},
		{LINK_OTHER, "anything", 8, false},
	};
	const struct engine_counters *c;
	struct world w;

	open_world(&w, RULES);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame f = {.link = rows[i].link, .wire_len = (uint32_t)rows[i].len};

		f.bytes = slice_of(rows[i].bytes, rows[i].len);
		w.last = engine_frame(w.engine, &f);
		assert_int_equal(w.last.action, rows[i].is_dropped ? DPI_DROP : DPI_PASS);
		assert_null(w.last.flow);
	}
	c = engine_counters(w.engine);
	assert_int_equal(c->dropped_deep, 1);
	assert_int_equal(c->not_ip, 1);
	assert_int_equal(c->short_frames, 1);
	assert_int_equal(c->bad_frames, 1);
	assert_int_equal(c->deep_frames, 1);
	assert_int_equal(c->link_unknown, 1);
	assert_int_equal(c->unparsed, 3);
	assert_int_equal(c->other, 2);
	close_world(&w);
}

/* What becomes of a flow's frames does not depend on what else is sent in between. */
static void flows_do_not_touch_each_other(void **state)
{
	static uint8_t hello[BUILD_MAX];
	struct slice all = slice_of(hello, build_hello(hello, "blocked.example", 0));
	struct world w;

	open_world(&w, RULES);
	for (uint16_t i = 0; i < 500; i++) {
		w.shape.sport = (uint16_t)(20000 + i);
		assert_false(send_at(&w, CLIENT, 0, slice_first(all, 60), DPI_TCP_ACK));
	}
	for (uint16_t i = 0; i < 500; i++) {
		w.shape.sport = (uint16_t)(20000 + i);
		if (i % 2)
			assert_true(send_at(&w, CLIENT, 60, slice_from(all, 60), DPI_TCP_ACK));
	}
	for (uint16_t i = 0; i < 500; i++) {
		w.shape.sport = (uint16_t)(20000 + i);
		assert_int_equal(send_text(&w, SERVER, 0, "x"), i % 2);
	}
	/* One frame from the far future ages nobody but itself. */
	w.shape.sport = 19999;
	w.ts_ns += 1000000 * S;
	send_text(&w, CLIENT, 0, "x");
	w.ts_ns -= 1000000 * S;
	w.shape.sport = 20001;
	assert_true(send_text(&w, SERVER, 0, "x"));
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_blocks_both_ways),
		cmocka_unit_test(hello_in_two_pieces_at_every_byte),
		cmocka_unit_test(hello_in_single_bytes_and_random_order),
		cmocka_unit_test(hello_in_many_records_or_far_down),
		cmocka_unit_test(look_alikes_pass),
		cmocka_unit_test(verdict_outlives_everything_but_60_s),
		cmocka_unit_test(tcp_states_are_followed),
		cmocka_unit_test(hello_settles_when_it_is_acknowledged),
		cmocka_unit_test(syn_says_who_opened),
		cmocka_unit_test(midstream_is_picked_up),
		cmocka_unit_test(http_is_read_for_every_request),
		cmocka_unit_test(answers_give_their_memory_first),
		cmocka_unit_test(hellos_without_end_are_given_up),
		cmocka_unit_test(http_bodies_are_not_read),
		cmocka_unit_test(tunnels_are_read),
		cmocka_unit_test(dns_is_decided_for_each_message),
		cmocka_unit_test(dns_over_tcp_blocks_the_flow),
		cmocka_unit_test(every_shape_takes_the_road),
		cmocka_unit_test(snap_length_is_never_guessed_from),
		cmocka_unit_test(a_cut_question_is_not_guessed),
		cmocka_unit_test(the_budget_ends),
		cmocka_unit_test(udp_states_and_silence),
		cmocka_unit_test(a_live_door_has_seen_the_handshake),
		cmocka_unit_test(monitor_drops_nothing),
		cmocka_unit_test(adopted_flows_go_on),
		cmocka_unit_test(odd_frames_pass_and_are_counted),
		cmocka_unit_test(flows_do_not_touch_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
