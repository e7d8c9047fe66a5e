/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which frames are copied to the agent, how many of a flow, and what is said of them; and what a
 * bare SYN costs.
 */
#include "cases.h"

#include <stdio.h>
#include <unistd.h>

static const uint8_t zeros[2000];
static const uint64_t second = 1000000000;

/* Runs a frame n times; returns how many samples came of it. All of them must pass. */
static uint64_t sampled(struct kernel *k, const struct made *m, uint64_t n)
{
	uint64_t samples = 0;

	for (uint64_t i = 0; i < n; i++) {
		expect(k, kernel_run(k, i & 1, m->bytes, m->len) == PASS, "a frame was dropped");
		samples += kernel_drain(k);
	}
	return samples;
}

static void tcp(struct made *m, bool is_back, uint8_t flags, uint32_t seq, size_t payload)
{
	make_tcp(m, is_back, flags, seq, slice_of(zeros, payload));
}

static void test_payload_only(struct kernel *k)
{
	static const struct {
		const char *what;
		uint8_t flags;
		size_t payload;
		uint64_t samples;
	} rows[] = {
		{"a SYN", DPI_TCP_SYN, 0, 0},
		{"a SYN-ACK", DPI_TCP_SYN | DPI_TCP_ACK, 0, 0},
		{"an ACK", DPI_TCP_ACK, 0, 0},
		{"data", DPI_TCP_ACK, 1, 1},
		{"data with a FIN", DPI_TCP_FIN | DPI_TCP_ACK, 1, 1},
		{"a FIN", DPI_TCP_FIN | DPI_TCP_ACK, 0, 0},
		{"a RST", DPI_TCP_RST, 0, 0},
	};
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		tcp(m, false, rows[i].flags, 1, rows[i].payload);
		expect(k, sampled(k, m, 2) == 2 * rows[i].samples, "%s is %s", rows[i].what,
		       rows[i].samples ? "not sampled" : "sampled");
	}
	/* Data in the SYN is for the server to take (RFC 7413), so the agent must see it. */
	kernel_reset(k);
	tcp(m, false, DPI_TCP_SYN, 1, 9);
	expect(k, sampled(k, m, 1) == 1, "data in a SYN is not sampled");
	expect(k, k->sample.hint.has_isn && k->sample.hint.isn == 1, "nor is its sequence known");
	m->len = build_frame(m->bytes, &(struct build_packet){.src = CLIENT,
							      .dst = SERVER,
							      .proto = DPI_IP_ICMP,
							      .payload = {zeros, 50}});
	expect(k, sampled(k, m, 2) == 0, "ICMP is sampled");
}

static void test_syn_is_no_flow(struct kernel *k)
{
	struct made *m = &(struct made){0};
	struct live_flow flow;
	struct dpi_syn syn;
	struct dpi_key key;

	tcp(m, false, DPI_TCP_SYN, 77, 0);
	key = made_key(m);
	sampled(k, m, 2);
	expect(k, live_flow_get(k->maps, &key, &flow) != 0, "a SYN makes a flow");
	expect(k, kernel_syn(k, &key, &syn) == 0 && syn.packets == 2 && syn.isn[0] == 77,
	       "a SYN is not remembered");
	tcp(m, false, DPI_TCP_RST, 77, 0);
	sampled(k, m, 1);
	expect(k,
	       kernel_syn(k, &key, &syn) == 0 && syn.packets == 3 &&
		       (syn.tcp_flags[0] & DPI_TCP_RST),
	       "the RST of a half-open connection is not noted");
	expect(k, live_flow_get(k->maps, &key, &flow) != 0, "a RST makes a flow");
}

static void test_syn_ration(struct kernel *k)
{
	const uint64_t more = 100, n = DPI_SYN_TRACK_PER_S + more;
	struct made *m = &(struct made){0};
	struct dpi_counts before;
	uint64_t begin, untracked;

	usleep(1100000); /* a fresh ration */
	kernel_counts(k, &before);
	begin = live_monotonic();
	for (uint64_t i = 0; i < n; i++) {
		m->len = build_frame(m->bytes, &(struct build_packet){.src = CLIENT,
								      .dst = SERVER,
								      .sport = (uint16_t)(i + 1),
								      .dport = 80,
								      .proto = DPI_IP_TCP,
								      .flags = DPI_TCP_SYN});
		expect(k, kernel_run(k, DPI_HOOK_RECEIVE, m->bytes, m->len) == PASS,
		       "a SYN beyond the ration is dropped");
	}
	untracked = kernel_grown(k, &before, DPI_COUNT_SYN_UNTRACKED);
	/* A slow machine needs more than the ration's second for this many. */
	if (live_monotonic() - begin < second)
		expect(k, untracked == more, "%llu SYNs beyond the ration, not %llu",
		       (unsigned long long)untracked, (unsigned long long)more);
	else
		expect(k, untracked <= more, "the ration is too small");
	expect(k, kernel_drain(k) == 0, "a SYN is sampled");
}

/* --- budgets ------------------------------------------------------------------------------------
 */

static void test_budgets(struct kernel *k)
{
	static const struct {
		const char *what;
		size_t payload;
		uint64_t frames, samples;
	} rows[] = {
		{"full packets", DPI_UNIT_BYTES, 80, 64},
		{"packets of one byte", 1, 4200, DPI_BUDGET_UNITS},
		{"packets of half a unit", 32, 140, 128},
		{"long packets", 1400, 60, (DPI_BUDGET_BYTES + 1399) / 1400},
	};
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int is_back = 0; is_back < 2; is_back++) {
			uint64_t got;

			/* Each direction has its own, whatever the other has used. */
			tcp(m, is_back, DPI_TCP_ACK, 1, rows[i].payload);
			got = sampled(k, m, rows[i].frames);
			expect(k, got == rows[i].samples, "%s: %llu samples, not %llu",
			       rows[i].what, (unsigned long long)got,
			       (unsigned long long)rows[i].samples);
		}
		live_flow_forget(k->maps, &(struct dpi_key[]){made_key(m)}[0]);
	}
}

static void test_dns_has_no_budget(struct kernel *k)
{
	struct made *m = &(struct made){0};
	uint8_t message[300];
	size_t len = build_dns(message, "a.example", false);

	make_udp(m, CLIENT_PORT, 53, slice_of(message, len));
	expect(k, sampled(k, m, 200) == 200, "DNS on its port is not always sampled");
	make_udp(m, CLIENT_PORT, 5300, slice_of(message, len));
	expect(k, sampled(k, m, 200) < 200, "DNS on another port has no budget");
}

static void test_settled(struct kernel *k)
{
	struct dpi_fact fact = {.settled = 0};
	struct made *m = &(struct made){0};
	struct dpi_key key;

	tcp(m, false, DPI_TCP_ACK, 1, 100);
	key = made_key(m);
	expect(k, sampled(k, m, 3) == 3, "not sampled");
	live_fact_put(k->maps, &key, &fact);
	expect(k, sampled(k, m, 3) == 3, "not sampled, though nothing is settled");
	fact.settled = 1;
	live_fact_put(k->maps, &key, &fact);
	expect(k, sampled(k, m, 3) == 0, "sampled, though settled");
	tcp(m, true, DPI_TCP_ACK, 1, 100);
	expect(k, sampled(k, m, 3) == 0, "sampled the other way, though settled");
	tcp(m, false, DPI_TCP_SYN | DPI_TCP_RST, 1, 100);
	expect(k, sampled(k, m, 3) == 0, "flags make it sampled again");
}

/* --- the ring ------------------------------------------------------------------------------------
 */

static void test_ring_full(struct kernel *k)
{
	enum { FRAMES = 4000 };
	struct made *m = &(struct made){0};
	struct dpi_counts before;
	uint64_t drained, lost;

	kernel_counts(k, &before);
	for (uint32_t i = 0; i < FRAMES; i++) {
		m->len = build_frame(m->bytes, &(struct build_packet){.src = CLIENT,
								      .dst = SERVER,
								      .sport = (uint16_t)(i + 1),
								      .dport = 443,
								      .proto = DPI_IP_UDP,
								      .payload = {zeros, 1400}});
		expect(k, kernel_run(k, i & 1, m->bytes, m->len) == PASS,
		       "a frame is dropped for a full ring");
	}
	lost = kernel_grown(k, &before, DPI_COUNT_SAMPLE_LOST);
	drained = kernel_drain(k);
	expect(k, lost > 0, "the ring was never full");
	expect(k,
	       drained + lost == FRAMES && drained == kernel_grown(k, &before, DPI_COUNT_SAMPLES),
	       "%llu samples and %llu lost are not %d", (unsigned long long)drained,
	       (unsigned long long)lost, FRAMES);
	expect(k, drained * (1400 + 42 + sizeof(struct dpi_sample)) > DPI_RING_BYTES * 9UL / 10,
	       "the ring holds only %llu frames: samples are not as long as their frames",
	       (unsigned long long)drained);
	make_udp(m, 1, 2, slice_of(zeros, 30));
	expect(k, sampled(k, m, 1) == 1, "the ring does not recover");
}

static void test_exact_length(struct kernel *k)
{
	struct made *m = &(struct made){0};
	uint64_t begin = live_monotonic();

	for (size_t len = 1; len < 600; len++) {
		make_udp(m, (uint16_t)len, 7, slice_of(zeros, len));
		m->bytes[m->len - 1] = (uint8_t)len;
		expect(k,
		       sampled(k, m, 1) == 1 && k->sample.len == m->len &&
			       k->sample.head.cap_len == m->len &&
			       k->sample.head.wire_len == m->len &&
			       memcmp(k->sample.bytes, m->bytes, m->len) == 0,
		       "a frame of %zu bytes is not copied exactly", m->len);
	}
	expect(k, k->sample.head.ts_ns >= begin && k->sample.head.ts_ns <= live_monotonic(),
	       "a sample's time is not its frame's");
	expect(k, k->sample.head.ifindex == 1, "a sample's interface is not its frame's");
}

/* The same with an acknowledgement number. */
static void tcp_ack(struct made *m, bool is_back, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct packet p;

	tcp(m, is_back, flags, seq, 0);
	made_decode(m->bytes, m->len, &p);
	for (int i = 0; i < 4; i++)
		m->bytes[p.head.l4_off + 8 + i] = (uint8_t)(ack >> (24 - 8 * i));
}

/* What the handshake told the kernel comes with every sample: it is itself not copied. */
static void test_handshake_known(struct kernel *k)
{
	static const struct {
		bool is_back;
		uint8_t flags;
		uint32_t seq, ack;
	} handshake[] = {
		{false, DPI_TCP_SYN | DPI_TCP_ACK, 700, 1}, /* out of nothing: it opens nothing */
		{false, DPI_TCP_SYN, 995, 0},		    /* never arrives there */
		{false, DPI_TCP_SYN, 1000, 0},
		{true, DPI_TCP_SYN | DPI_TCP_ACK, 5000, 1001}, /* and so it is 1000 */
		{false, DPI_TCP_SYN, 2000, 0},		       /* somebody's tricks */
		{true, DPI_TCP_SYN | DPI_TCP_ACK, 6000, 2001},
		{false, DPI_TCP_SYN | DPI_TCP_ACK, 7000, 8000},
		{false, DPI_TCP_ACK, 1001, 5001},
		{false, DPI_TCP_SYN, 3000, 0},
	};
	struct made *m = &(struct made){0};

	for (size_t i = 0; i < COUNT(handshake); i++) {
		tcp_ack(m, handshake[i].is_back, handshake[i].flags, handshake[i].seq,
			handshake[i].ack);
		expect(k, sampled(k, m, 1) == 0, "the handshake is sampled");
	}
	for (int is_back = 0; is_back < 2; is_back++) {
		struct packet p;

		tcp(m, is_back, DPI_TCP_ACK, 1001, 50);
		made_decode(m->bytes, m->len, &p);
		sampled(k, m, 1);
		expect(k, k->sample.hint.has_isn && k->sample.hint.isn == (is_back ? 5000 : 1000),
		       "the %s's sequence number is lost", is_back ? "server" : "client");
		expect(k,
		       k->sample.hint.has_opener && k->sample.hint.opener == (p.head.dir ^ is_back),
		       "the opener is lost");
	}
}

/* Without a handshake: the opener by its port, and no sequence number is made up. */
static void test_handshake_missed(struct kernel *k)
{
	struct made *m = &(struct made){0};
	struct packet p;

	tcp(m, true, DPI_TCP_ACK, 1, 50);
	made_decode(m->bytes, m->len, &p);
	sampled(k, m, 1);
	expect(k, !k->sample.hint.has_isn, "a sequence number is made up");
	expect(k, k->sample.hint.opener == !p.head.dir, "the server is taken for the opener");
	/* A SYN into a flow that is under way teaches nothing: anybody can send one. */
	tcp(m, true, DPI_TCP_SYN | DPI_TCP_ACK, 99999, 0);
	sampled(k, m, 1);
	tcp(m, true, DPI_TCP_ACK, 51, 50);
	sampled(k, m, 1);
	expect(k, !k->sample.hint.has_isn, "a late SYN is believed");
}

const struct test_case sampling_cases[] = {
	{"payload alone is sampled", test_payload_only, false},
	{"a bare SYN makes no flow", test_syn_is_no_flow, false},
	{"budgets of packets and bytes", test_budgets, false},
	{"DNS on its port is sampled beyond the budget", test_dns_has_no_budget, false},
	{"a settled flow is not sampled", test_settled, false},
	{"a full ring loses samples and no frames", test_ring_full, false},
	{"samples have the exact length", test_exact_length, false},
	{"the handshake is known to every sample", test_handshake_known, false},
	{"nothing is made up about a handshake that was missed", test_handshake_missed, false},
	/* The last one: it uses up what the next second may remember. */
	{"half-open connections are rationed", test_syn_ration, false},
	{0},
};
