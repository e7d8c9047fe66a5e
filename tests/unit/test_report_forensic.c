/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The heuristics, each at its threshold and one past it, each address once a reason with its
 * count; and what must never be flagged.
 */
#include "report/forensic.h"
#include "report/service.h"
#include "report/sums_table.h"
#include "report_make.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

/* `count` flows, the source or destination counting up where asked for. */
struct burst {
	struct made first;
	unsigned count;
	enum { SAME, NEXT_DST_PORT, NEXT_DST, NEXT_SRC } step;
};

struct expected {
	const char *ip;
	enum forensic_kind kind;
	uint64_t count;
	const char *source; /* ASSOCIATED */
};

struct row {
	const char *name;
	struct burst bursts[4];
	const char *net;	     /* --local-net, or NULL: learnt */
	struct expected expected[6]; /* all of them */
};

#define FLOW(s, sp, d, dp) .first = {.src = s, .src_port = sp, .dst = d, .dst_port = dp}

static const struct row rows[] = {
	{"100 connections to one address are not many",
	 {{FLOW("192.168.1.10", 40000, "8.8.8.8", 443), 100, SAME}},
	 NULL,
	 {{0}}},
	{"101 connections flag both ends, and the destination by its source",
	 {{FLOW("192.168.1.10", 40000, "8.8.8.8", 443), 101, SAME}},
	 NULL,
	 {{"8.8.8.8", FORENSIC_HIGH_VOLUME, 101, NULL},
	  {"8.8.8.8", FORENSIC_ASSOCIATED, 101, "192.168.1.10"},
	  {"192.168.1.10", FORENSIC_HIGH_VOLUME, 101, NULL}}},
	{"101 clients of one server flag the server alone",
	 {{FLOW("8.8.4.0", 40000, "9.9.9.9", 443), 101, NEXT_SRC}},
	 NULL,
	 {{"9.9.9.9", FORENSIC_HIGH_VOLUME, 101, NULL}}},
	{"a multicast group is never high volume itself",
	 {{{.src = "192.168.1.10",
	    .dst = "239.255.255.250",
	    .dst_port = 1900,
	    .proto = DPI_IP_UDP,
	    .is_silent = true},
	   101,
	   SAME}},
	 NULL,
	 {{"192.168.1.10", FORENSIC_HIGH_VOLUME, 101, NULL}}},
	{"10 distinct ports are not a scan",
	 {{FLOW("192.168.1.10", 40000, "8.8.8.8", 8000), 10, NEXT_DST_PORT}},
	 NULL,
	 {{0}}},
	{"11 distinct ports are a scan, the target is associated",
	 {{FLOW("192.168.1.10", 40000, "8.8.8.8", 8000), 11, NEXT_DST_PORT}},
	 NULL,
	 {{"8.8.8.8", FORENSIC_ASSOCIATED, 11, "192.168.1.10"},
	  {"192.168.1.10", FORENSIC_PORT_SCAN, 11, NULL}}},
	{"one port of many hosts is no scan",
	 {{FLOW("192.168.1.10", 40000, "8.8.8.0", 443), 50, NEXT_DST}},
	 NULL,
	 {{0}}},
	{"repeated flows to the same ports count once a port",
	 {{FLOW("192.168.1.10", 40000, "8.8.8.8", 8000), 10, NEXT_DST_PORT},
	  {FLOW("192.168.1.10", 40001, "8.8.8.8", 8000), 10, NEXT_DST_PORT}},
	 NULL,
	 {{0}}},
	{"ports add up over destinations",
	 {{FLOW("192.168.1.10", 40000, "8.8.8.8", 8000), 6, NEXT_DST_PORT},
	  {FLOW("192.168.1.10", 40000, "9.9.9.9", 8006), 5, NEXT_DST_PORT}},
	 NULL,
	 {{"8.8.8.8", FORENSIC_ASSOCIATED, 6, "192.168.1.10"},
	  {"9.9.9.9", FORENSIC_ASSOCIATED, 5, "192.168.1.10"},
	  {"192.168.1.10", FORENSIC_PORT_SCAN, 11, NULL}}},
	{"the middle of connections whose beginning was not seen is no scan",
	 {{{.src = "8.8.8.8",
	    .src_port = 8443,
	    .dst = "192.168.1.10",
	    .dst_port = 40000,
	    .flags = FLOW_MIDSTREAM},
	   20,
	   NEXT_DST_PORT}},
	 NULL,
	 {{0}}},
	{"later fragments, which carry no ports, say nothing of ports",
	 {{{.src = "192.168.1.10", .dst = "8.8.8.8", .proto = DPI_IP_UDP}, 20, NEXT_DST}},
	 NULL,
	 {{0}}},
	{"a private destination of a foreign network",
	 {{FLOW("192.168.1.10", 40000, "10.66.66.66", 443), 3, SAME}},
	 NULL,
	 {{"10.66.66.66", FORENSIC_RESERVED_RANGE, 3, NULL}}},
	{"a neighbour in the same private network",
	 {{FLOW("192.168.1.10", 40000, "192.168.1.20", 443), 3, SAME}},
	 NULL,
	 {{0}}},
	{"a host of another branch in the same block that answers",
	 {{FLOW("10.1.1.10", 40000, "10.9.9.9", 443), 3, SAME}},
	 NULL,
	 {{0}}},
	{"a host of another branch in the same block that does not answer",
	 {{{.src = "10.1.1.10",
	    .src_port = 40000,
	    .dst = "10.9.9.9",
	    .dst_port = 443,
	    .is_silent = true},
	   3,
	   SAME}},
	 NULL,
	 {{"10.9.9.9", FORENSIC_RESERVED_RANGE, 3, NULL}}},
	{"a resolver in another private network that answers",
	 {{{.src = "192.168.1.10",
	    .src_port = 40000,
	    .dst = "10.0.0.53",
	    .dst_port = 53,
	    .proto = DPI_IP_UDP},
	   3,
	   SAME}},
	 NULL,
	 {{0}}},
	{"given networks are believed, and nothing else is",
	 {{FLOW("192.168.1.10", 40000, "10.66.66.66", 443), 2, SAME},
	  {FLOW("10.66.1.1", 40000, "192.168.1.10", 443), 2, SAME}},
	 "10.66.0.0/16",
	 {{"192.168.1.10", FORENSIC_RESERVED_RANGE, 2, NULL},
	  {"10.66.66.66", FORENSIC_ASSOCIATED, 2, "192.168.1.10"}}},
	{"a bogon that answers is one still",
	 {{FLOW("192.168.1.10", 40000, "240.1.2.3", 443), 1, SAME}},
	 NULL,
	 {{"240.1.2.3", FORENSIC_RESERVED_RANGE, 1, NULL}}},
	{"a laboratory's stand-in addresses are its own when they answer",
	 {{FLOW("192.168.1.10", 40000, "203.0.113.9", 443), 2, SAME},
	  {FLOW("2001:db8::1", 40000, "2001:db8:1::9", 443), 2, SAME}},
	 NULL,
	 {{0}}},
	{"and bogons when nobody answers",
	 {{{.src = "192.168.1.10",
	    .src_port = 40000,
	    .dst = "203.0.113.9",
	    .dst_port = 443,
	    .is_silent = true},
	   2,
	   SAME}},
	 NULL,
	 {{"203.0.113.9", FORENSIC_RESERVED_RANGE, 2, NULL}}},
	{"a unique local address of another prefix",
	 {{FLOW("fd00:1::5", 40000, "fd00:2::6", 443), 1, SAME},
	  {FLOW("fd00:1::5", 40000, "fd00:1::6", 443), 1, SAME},
	  {FLOW("fd00:1::5", 40000, "fe80::1", 443), 1, SAME}},
	 NULL,
	 {{"fd00:2::6", FORENSIC_RESERVED_RANGE, 1, NULL}}},
	{"multicast, broadcast and directed broadcast are services",
	 {{{.src = "192.168.1.10",
	    .dst = "224.0.0.251",
	    .src_port = 5353,
	    .dst_port = 5353,
	    .proto = DPI_IP_UDP,
	    .is_silent = true},
	   3,
	   SAME},
	  {{.src = "0.0.0.0",
	    .dst = "255.255.255.255",
	    .src_port = 68,
	    .dst_port = 67,
	    .proto = DPI_IP_UDP,
	    .is_silent = true},
	   3,
	   SAME},
	  {{.src = "10.1.2.3",
	    .dst = "10.255.255.255",
	    .src_port = 137,
	    .dst_port = 137,
	    .proto = DPI_IP_UDP,
	    .is_silent = true},
	   3,
	   SAME},
	  {{.src = "fe80::1",
	    .dst = "ff02::fb",
	    .src_port = 5353,
	    .dst_port = 5353,
	    .proto = DPI_IP_UDP,
	    .is_silent = true},
	   3,
	   SAME}},
	 NULL,
	 {{0}}},
	{"a system port that is no service",
	 {{FLOW("192.168.1.10", 40000, "8.8.8.8", 666), 2, SAME},
	  {FLOW("192.168.1.10", 40000, "9.9.9.9", 22), 2, SAME},
	  {FLOW("192.168.1.10", 40000, "9.9.9.9", 1024), 2, SAME}},
	 NULL,
	 {{"8.8.8.8", FORENSIC_UNUSUAL_PORT, 2, NULL}}},
	{"one hop: what the associated contact is not flagged",
	 {{FLOW("192.168.1.10", 40000, "9.9.9.9", 8000), 11, NEXT_DST_PORT},
	  {FLOW("9.9.9.9", 40000, "1.1.1.1", 443), 1, SAME}},
	 NULL,
	 {{"9.9.9.9", FORENSIC_ASSOCIATED, 11, "192.168.1.10"},
	  {"192.168.1.10", FORENSIC_PORT_SCAN, 11, NULL}}},
};

static void add_burst(struct sums *s, const struct burst *b, uint64_t *number)
{
	for (unsigned i = 0; i < b->count; i++) {
		struct made m = b->first;
		struct connection c;

		if (b->step == NEXT_DST_PORT)
			m.dst_port = (uint16_t)(m.dst_port + i);
		c = make_connection(&m, ++*number);
		/* The last byte of an address; order in the key is kept by making it anew. */
		if (b->step == NEXT_DST || b->step == NEXT_SRC) {
			char text[ADDR_TEXT_MAX];
			struct dpi_addr a = b->step == NEXT_DST ? *connection_dst(&c)
								: *connection_src(&c);

			a.b[15] = (uint8_t)(a.b[15] + i);
			addr_format(&a, text);
			*(b->step == NEXT_DST ? &m.dst : &m.src) = text;
			connection_clear(&c);
			c = make_connection(&m, *number);
		}
		sums_add(s, &c);
		connection_clear(&c);
	}
}

static size_t count_flags(const struct forensic *f)
{
	size_t count = 0;

	for (size_t i = 0; i < f->suspect_count; i++)
		for (int k = 0; k < FORENSIC_KINDS; k++)
			count += f->suspects[i].count[k] > 0;
	return count;
}

static void compare_flags(const struct row *r, const struct forensic *f)
{
	size_t count = 0;

	for (const struct expected *x = r->expected; x->ip; x++, count++) {
		const struct forensic_suspect *s;
		struct dpi_addr a;
		char text[ADDR_TEXT_MAX];

		assert_int_equal(addr_parse(slice_text(x->ip), &a), 0);
		s = forensic_suspect_of(f, &a);
		if (!s)
			fail_msg("%s: %s is not flagged", r->name, x->ip);
		if (s->count[x->kind] != x->count)
			fail_msg("%s: %s %s counts %lu", r->name, x->ip,
				 forensic_kind_name(x->kind), (unsigned long)s->count[x->kind]);
		if (x->source)
			assert_string_equal(addr_format(&s->source, text), x->source);
	}
	if (count_flags(f) != count)
		fail_msg("%s: %zu flags, not %zu", r->name, count_flags(f), count);
}

static void run_row(const struct row *r)
{
	struct sums *s = sums_new(0), *copy = sums_new(0);
	struct report_net net = {0};
	struct forensic f;
	uint64_t number = 0;

	assert_non_null(s);
	assert_non_null(copy);
	for (size_t i = 0; i < 4 && r->bursts[i].count; i++)
		add_burst(s, &r->bursts[i], &number);
	if (r->net)
		assert_int_equal(addr_parse_net(slice_text(r->net), &net.addr, &net.bits), 0);
	assert_int_equal(forensic_find(&f, s, &net, r->net ? 1 : 0), 0);
	compare_flags(r, &f);
	forensic_clear(&f);
	/* The same from sums that were merged. */
	sums_merge(copy, s);
	assert_int_equal(forensic_find(&f, copy, &net, r->net ? 1 : 0), 0);
	compare_flags(r, &f);
	forensic_clear(&f);
	sums_free(s);
	sums_free(copy);
}

static void flags_what_it_should(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
}

/* Probes with odd TCP flags have no beginning; they are a scan all the same. */
static void bare_probes_are_a_scan(void **state)
{
	struct sums *s = sums_new(0);
	struct made m = {"192.168.1.10", "8.8.8.8", .src_port = 40000, .is_silent = true,
			 .flags = FLOW_MIDSTREAM};
	struct forensic f;
	struct dpi_addr a;

	for (uint16_t i = 0; i < 11; i++) {
		struct connection c;

		m.dst_port = (uint16_t)(8000 + i);
		c = make_connection(&m, i + 1U);
		c.has_payload = false;
		sums_add(s, &c);
		connection_clear(&c);
	}
	assert_int_equal(forensic_find(&f, s, NULL, 0), 0);
	addr_parse(slice_text("192.168.1.10"), &a);
	assert_non_null(forensic_suspect_of(&f, &a));
	assert_int_equal(forensic_suspect_of(&f, &a)->count[FORENSIC_PORT_SCAN], 11);
	forensic_clear(&f);
	sums_free(s);
}

static void learnt_networks_are_told(void **state)
{
	struct made m = {"192.168.1.10", "8.8.8.8", .src_port = 40000, .dst_port = 443};
	struct sums *s = sums_new(0);
	struct connection c = make_connection(&m, 1);
	struct forensic f;
	char text[ADDR_TEXT_MAX];

	sums_add(s, &c);
	assert_int_equal(forensic_find(&f, s, NULL, 0), 0);
	assert_true(f.is_learnt);
	assert_int_equal(f.net_count, 1);
	assert_string_equal(addr_format(&f.nets[0].addr, text), "192.168.1.0");
	assert_int_equal(f.nets[0].bits, 120);
	forensic_clear(&f);
	connection_clear(&c);
	sums_free(s);
}

/* A flood of addresses fills the tables to their bound and no further, and is counted. */
static void tables_are_bounded(void **state)
{
	struct sums *s = sums_new(100);

	for (unsigned i = 0; i < 200; i++) {
		char dst[32];
		struct made m = {.src = "192.168.1.10", .dst = dst, .src_port = 1, .dst_port = 443};
		struct connection c;

		snprintf(dst, sizeof(dst), "8.8.8.%u", i);
		c = make_connection(&m, i + 1);
		sums_add(s, &c);
		connection_clear(&c);
	}
	assert_int_equal(sums_count(&s->addrs), 100);
	assert_int_equal(s->flows, 200);
	assert_int_equal(s->unlisted, 101);
	sums_free(s);
}

static void ask_for_ports(struct sums *s, const char *src, unsigned count)
{
	struct made m = {.src = src, .dst = "8.8.8.8", .src_port = 40000};

	for (unsigned i = 0; i < count; i++) {
		struct connection c;

		m.dst_port = (uint16_t)(8000 + i);
		c = make_connection(&m, i + 1);
		sums_add(s, &c);
		connection_clear(&c);
	}
}

static uint32_t ports_of(const struct sums *s, const char *ip)
{
	struct dpi_addr a;

	assert_int_equal(addr_parse(slice_text(ip), &a), 0);
	return sum_addr_ports(sums_addr(s, &a));
}

/* A port counts once, whether it stands with its source or in the table, and both have one bound.
 */
static void ports_are_counted_once(void **state)
{
	static const unsigned counts[] = {1, SUMS_PORTS_AT_HAND, SUMS_PORTS_AT_HAND + 1, 20};
	const unsigned bound = 24;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct sums *s = sums_new(bound), *copy = sums_new(bound);

		for (int times = 0; times < 2; times++)
			ask_for_ports(s, "192.168.1.10", counts[i]);
		sums_merge(copy, s);
		sums_merge(copy, s);
		assert_int_equal(ports_of(s, "192.168.1.10"), counts[i]);
		assert_int_equal(ports_of(copy, "192.168.1.10"), counts[i]);
		assert_int_equal(s->unlisted, 0);
		ask_for_ports(s, "192.168.1.11", 10);
		assert_int_equal(ports_of(s, "192.168.1.11"), counts[i] == 20 ? bound - 20 : 10);
		assert_int_equal(s->unlisted, counts[i] == 20 ? 10 - (bound - 20) : 0);
		sums_free(s);
		sums_free(copy);
	}
}

/* As many as need room of every size. */
static void every_entry_is_met(void **state)
{
	const unsigned count = 60000; /* addresses: 7 MB */
	struct sums *s = sums_new(0);
	struct sum_addr *a;
	unsigned met = 0;

	for (unsigned i = 0; i < count; i++) {
		struct dpi_addr addr = {.w = {1, 2, 3, i}};

		sums_addr_entry(s, &addr)->to_flows = i;
	}
	for (size_t at = 0; (a = sums_next_addr(s, &at)); met++) {
		assert_int_equal(a->addr.w[3], met);
		assert_int_equal(a->to_flows, met);
		assert_ptr_equal(sums_addr(s, &a->addr), a);
	}
	assert_int_equal(met, count);
	sums_free(s);
}

/* Every row of the table is reached, which needs its order. */
static void known_services(void **state)
{
	static const uint16_t known[] = {7,   20,  22,	23,  25,  53,  67,  80,	 110, 119, 123, 137,
					 139, 143, 161, 179, 389, 443, 445, 465, 500, 514, 546, 554,
					 587, 631, 636, 784, 853, 873, 902, 953, 988, 993, 995};
	static const uint16_t unknown[] = {0, 1, 24, 31, 81, 446, 666, 999, 1022, 1023};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(service_is_known(known[i]));
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_false(service_is_known(unknown[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_what_it_should),
		cmocka_unit_test(bare_probes_are_a_scan),
		cmocka_unit_test(learnt_networks_are_told),
		cmocka_unit_test(tables_are_bounded),
		cmocka_unit_test(ports_are_counted_once),
		cmocka_unit_test(every_entry_is_met),
		cmocka_unit_test(known_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
