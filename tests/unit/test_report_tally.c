/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tallies: the same report whatever the order of shards, and folded rows that still count.
 */
#include "report_make.h"

#include "base/pages.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

enum { FLOWS = 300, SHARDS = 5 };

static struct connection flow_number(unsigned i)
{
	static const char *const names[] = {"www.youtube.com", "example.org", "b.example", NULL};
	char src[32], dst[32];
	struct made m = {.src = src, .dst = dst, .name = names[i % 4]};
	struct connection c;

	snprintf(src, sizeof(src), "192.168.1.%u", 1 + i % 7);
	snprintf(dst, sizeof(dst), "9.8.%u.%u", i % 3, i % 200);
	m.src_port = (uint16_t)(30000 + i);
	m.dst_port = (uint16_t)(i % 5 ? 443 : 8000 + i);
	c = make_connection(&m, i + 1);
	c.is_blocked = i % 4 == 0;
	c.rule = c.is_blocked ? 0x1111 : 0;
	c.dropped_packets = c.is_blocked ? 1 : 0;
	return c;
}

static char *report_of(struct tally *t, struct catalogue *apps)
{
	struct report_config config = {
		.tally = t, .catalogue = apps, .input = "in", .is_reproducible = true};
	struct report_style style = {.is_verbose = true};
	struct report *r = report_new(&config);
	struct text out = {0};
	struct report_out to = report_to_text(&out);

	assert_non_null(r);
	assert_int_equal(report_json(r, &to), 0);
	assert_int_equal(report_text(r, &style, &to), 0);
	assert_int_equal(report_csv(r, &to), 0);
	report_free(r);
	return out.at;
}

/* Spreads the flows over shards, each closing its own in an order of its own, and merges them from
 * `first` on. */
static struct tally *merged(unsigned shards, unsigned first, bool is_backward, size_t row_max)
{
	struct tally *all = tally_new(row_max), *shard[SHARDS] = {NULL};

	for (unsigned s = 0; s < shards; s++)
		shard[s] = tally_new(row_max);
	for (unsigned i = 0; i < FLOWS; i++) {
		unsigned at = is_backward ? FLOWS - 1 - i : i;
		struct connection c = flow_number(at);
		struct tally *t = shard[at * 7 % shards];

		tally_add_connection(t, &c);
		if (c.is_blocked)
			tally_add_rule(t, c.rule, 1, 100, 0);
		tally_totals(t)->packets += connection_packets(&c);
		connection_clear(&c);
	}
	for (unsigned s = 0; s < shards; s++)
		tally_merge(all, shard[(first + s) % shards]);
	for (unsigned s = 0; s < shards; s++)
		tally_free(shard[s]);
	return all;
}

static void order_does_not_show(void **state)
{
	static const struct {
		unsigned shards, first;
		bool is_backward;
	} ways[] = {{1, 0, true}, {2, 0, false}, {2, 1, false}, {5, 3, true}, {5, 0, false}};
	struct catalogue *apps = catalogue_new();

	for (size_t max = 0; max <= 64; max += 64) {
		struct tally *t = merged(1, 0, false, max);
		char *expected = report_of(t, apps);

		tally_free(t);
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			char *got;

			t = merged(ways[i].shards, ways[i].first, ways[i].is_backward, max);
			got = report_of(t, apps);
			assert_string_equal(got, expected);
			free(got);
			tally_free(t);
		}
		free(expected);
	}
	catalogue_free(apps);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> (*seed >> 59); /* of any size */
}

/* A connection with anything in it. */
static struct connection any_connection(uint64_t *seed)
{
	struct connection c = {.first_number = next_random(seed) % 50};
	unsigned kind = (unsigned)next_random(seed);

	c.first_ns = next_random(seed) % 3;
	c.last_ns = next_random(seed);
	for (int end = 0; end < 2; end++) {
		c.packets[end] = next_random(seed);
		c.bytes[end] = next_random(seed);
		c.tcp_flags[end] = (uint8_t)next_random(seed);
		c.key.port[end] = (__be16)next_random(seed);
		c.key.addr[end].d[0] = next_random(seed);
		c.key.addr[end].d[1] = next_random(seed);
		if (kind & (1U << end))
			dpi_addr_set4(&c.key.addr[end], (__be32)next_random(seed));
		if (kind & 4)
			c.outer[end].d[1] = next_random(seed);
	}
	c.key.proto = (uint8_t)next_random(seed);
	c.key.pad[2] = (kind & 24) == 24;
	c.dropped_packets = kind & 32 ? next_random(seed) : 0;
	c.dropped_bytes = kind & 64 ? next_random(seed) : 0;
	c.late_packets = kind & 128 ? next_random(seed) : 0;
	c.rule = kind & 256 ? next_random(seed) : 0;
	c.flags = (uint32_t)next_random(seed);
	c.app = (int)(next_random(seed) % 500) - 1;
	c.opener = kind >> 9 & 1;
	c.proto = (uint8_t)next_random(seed);
	c.state = (uint8_t)next_random(seed);
	c.is_blocked = kind >> 10 & 1;
	c.has_payload = kind >> 11 & 1;
	c.tunnel = kind & 4096 ? (uint8_t)next_random(seed) : 0;
	if (kind & 8192)
		snprintf(c.ja4, sizeof(c.ja4), "t13d%016llx", (unsigned long long)c.rule);
	for (unsigned i = kind >> 14 & 3; i--;) {
		char name[300];
		int len = snprintf(name, sizeof(name), "%0*u.example", (int)(kind % 240), kind);

		assert_int_equal(
			connection_add_name(&c, (enum app_proto)i, slice_of(name, (size_t)len)), 0);
	}
	return c;
}

static void assert_same(const struct connection *a, const struct connection *b)
{
#define SAME(field) assert_memory_equal(&a->field, &b->field, sizeof(a->field))
	SAME(key);
	SAME(first_ns);
	SAME(last_ns);
	SAME(first_number);
	SAME(packets);
	SAME(bytes);
	SAME(dropped_packets);
	SAME(dropped_bytes);
	SAME(late_packets);
	SAME(rule);
	SAME(flags);
	SAME(app);
	SAME(opener);
	SAME(proto);
	SAME(state);
	SAME(tcp_flags);
	SAME(is_blocked);
	SAME(has_payload);
	SAME(name_count);
	SAME(ja4);
	SAME(tunnel);
	SAME(outer);
#undef SAME
}

static int compare_any(const void *a, const void *b)
{
	return connection_compare(a, b);
}

/* Rows stand where others were, as long as there is something to spare, and stay when the tally
 * they were made in has gone. */
static void memory_is_reused(void **state)
{
	enum { ROWS = 4000, BLOCKS = 3 };
	struct pages pages = {0};
	struct tally *t = tally_new(0), *all = tally_new(0);
	struct connection c;
	void *block[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		block[i] = pages_take(&pages);
		memset(block[i], 0xff, PAGES_BLOCK);
	}
	for (int i = 0; i < BLOCKS; i++)
		pages_give(&pages, block[i]);
	tally_reuse(t, &pages);
	for (uint64_t i = 0; i < ROWS; i++) {
		c = (struct connection){.first_number = ROWS - i, .first_ns = i};
		tally_add_connection(t, &c);
	}
	assert_int_equal(pages.spare_count, 0);
	assert_true(pages.parted_count >= BLOCKS);
	tally_absorb(all, t);
	tally_free(t);
	pages_clear(&pages);
	assert_int_equal(tally_row_count(all), ROWS);
	for (uint64_t i = 0; i < ROWS; i++) {
		tally_row(all, i, &c);
		assert_int_equal(c.first_number, i + 1);
		assert_int_equal(c.first_ns, ROWS - 1 - i);
	}
	tally_free(all);
}

/* All of a row is kept, in the order of rows, in memory as in a file. */
static void rows_are_kept_whole(void **state)
{
	enum { ROWS = 3000 };
	struct connection *made = calloc(ROWS, sizeof(*made)), row;
	struct tally *t[2] = {tally_new(0), tally_new(0)}, *all = tally_new(0);
	uint64_t seed = 7;

	assert_non_null(made);
	tally_spool(all, 0);
	tally_spool(t[1], 0);
	assert_true(tally_is_spooled(all));
	assert_false(tally_is_spooled(t[0]));
	for (size_t i = 0; i < ROWS; i++) {
		made[i] = any_connection(&seed);
		tally_add_connection(t[i % 2], &made[i]);
	}
	qsort(made, ROWS, sizeof(*made), compare_any);
	tally_merge(all, t[0]);
	tally_absorb(all, t[1]);
	assert_int_equal(tally_row_count(t[1]), 0);
	tally_add_connection(t[1], &made[0]);
	assert_int_equal(tally_row_count(t[1]), 1);
	tally_free(t[0]);
	tally_free(t[1]);
	assert_int_equal(tally_row_count(all), ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		tally_row(all, i, &row);
		assert_int_equal(row.names_len, made[i].names_len);
		if (row.names_len)
			assert_memory_equal(row.names, made[i].names, row.names_len);
		assert_same(&row, &made[i]);
		connection_clear(&made[i]);
	}
	assert_false(tally_failed(all));
	tally_free(all);
	free(made);
}

static void folded_rows_still_count(void **state)
{
	struct catalogue *apps = catalogue_new();
	struct tally *all = merged(3, 0, false, 0), *few = merged(3, 0, false, 10);
	struct connection row;
	char *long_text, *short_text;

	assert_int_equal(tally_row_count(all), FLOWS);
	tally_row(all, 0, &row);
	assert_int_equal(row.first_number, 1);
	assert_int_equal(tally_row_count(few), 10);
	tally_row(few, 0, &row);
	assert_int_equal(row.first_number, FLOWS - 9);
	tally_row(few, 9, &row);
	assert_int_equal(row.first_number, FLOWS);
	assert_int_equal(tally_unlisted(few), FLOWS - 10);
	/* Applications, domains and rules are the same with or without their rows. */
	long_text = report_of(all, apps);
	short_text = report_of(few, apps);
	*strstr(long_text, "\n\"connections\":") = '\0';
	*strstr(short_text, "\n\"connections\":") = '\0';
	assert_string_equal(long_text, short_text);
	free(long_text);
	free(short_text);
	tally_free(all);
	tally_free(few);
	catalogue_free(apps);
}

/* Adds the pieces of the document that can be made by now and are not made yet. */
static void add_pieces(const struct report_json *d, size_t *made, struct text *t)
{
	for (size_t count = report_json_count(d); *made < count; (*made)++)
		assert_int_equal(report_json_piece(d, *made, t), 0);
}

/* The jobs of a report in any order, and the first part of its JSON before the last of them. */
static void json_begins_early(void **state)
{
	struct catalogue *apps = catalogue_new();
	struct tally *t = merged(3, 0, false, 0);
	struct report_config config = {
		.tally = t, .catalogue = apps, .input = "in", .is_reproducible = true};
	struct report *whole = report_new(&config), *r = report_open(&config);
	struct text expected = {0}, got = {0};
	struct report_out to = report_to_text(&expected);
	struct report_json *d;
	size_t made = 0;

	assert_int_equal(report_json(whole, &to), 0);
	assert_int_equal(report_do(r, REPORT_NAMES), 0);
	assert_int_equal(report_do(r, REPORT_SORT), 0);
	d = report_json_new(r);
	assert_non_null(d);
	add_pieces(d, &made, &got);
	assert_non_null(strstr(got.at, "\"blocked_connections\""));
	assert_null(strstr(got.at, "\"suspicious\""));
	assert_int_equal(report_do(r, REPORT_ENDS), 0);
	assert_int_equal(report_finish(r), 0);
	add_pieces(d, &made, &got);
	assert_string_equal(got.at, expected.at);
	report_json_free(d);
	report_free(r);
	report_free(whole);
	text_clear(&expected);
	text_clear(&got);
	tally_free(t);
	catalogue_free(apps);
}

static void a_copy_stands_alone(void **state)
{
	struct tally *t = merged(2, 0, false, 0), *copy = tally_copy(t);
	struct catalogue *apps = catalogue_new();
	char *before = report_of(t, apps), *after;

	tally_free(t);
	after = report_of(copy, apps);
	assert_string_equal(before, after);
	free(before);
	free(after);
	tally_free(copy);
	catalogue_free(apps);
}

/* Feeds what an engine would: frames with outcomes, and the flow when it closes. */
static void engine_events_become_rows_and_rules(void **state)
{
	struct tally *t = tally_new(0);
	struct event_sink sink = tally_sink(t);
	struct flow_rare rare = {.dropped_packets = 2};
	struct flow flow = {.first_number = 9,
			    .packets = {3, 2},
			    .bytes = {300, 200},
			    .rare = &rare,
			    .decision = {.rule = 7, .is_block = true}};
	struct event message = {.type = EVENT_MESSAGE, .flow = &flow, .decision = {.rule = 8}};
	struct event closed = {.type = EVENT_FLOW_CLOSED, .flow = &flow};
	struct frame frame = {.ts_ns = 5, .wire_len = 60};
	struct outcome drop = {.action = DPI_DROP, .rule = 7}, pass = {.action = DPI_PASS};
	struct connection row;
	struct tally_rule rule;

	tally_frame(t, &frame, &pass);
	tally_frame(t, &frame, &drop);
	tally_frame(t, &frame, &drop);
	sink.emit(sink.ctx, &message);
	sink.emit(sink.ctx, &message);
	sink.emit(sink.ctx, &closed);
	assert_int_equal(tally_row_count(t), 1);
	tally_row(t, 0, &row);
	assert_int_equal(connection_packets(&row), 5);
	assert_true(row.is_blocked);
	assert_int_equal(row.rule, 7);
	assert_true(tally_find_rule(t, 7, &rule));
	assert_int_equal(rule.packets, 2);
	assert_int_equal(rule.bytes, 120);
	assert_int_equal(rule.flows, 0);
	/* Rule 8 dropped messages of a flow whose row names rule 7: one flow more. */
	assert_true(tally_find_rule(t, 8, &rule));
	assert_int_equal(rule.flows, 1);
	assert_false(tally_find_rule(t, 9, &rule));
	tally_free(t);
}

/* What several doors counted of fragments adds up, through merges and copies. */
static void fragments_add_up(void **state)
{
	struct tally *a = tally_new(0), *b = tally_new(0), *copy;
	const struct defrag_counters one = {.fragments_whole = 3, .fragments_lost = 1};
	const struct defrag_counters two = {.fragments_whole = 4, .fragments_refused = 2};

	tally_add_defrag(a, &one);
	tally_add_defrag(b, &two);
	tally_merge(a, b);
	copy = tally_copy(a);
	tally_free(a);
	tally_free(b);
	assert_int_equal(tally_defrag(copy)->fragments_whole, 7);
	assert_int_equal(tally_defrag(copy)->fragments_lost, 1);
	assert_int_equal(tally_defrag(copy)->fragments_refused, 2);
	assert_int_equal(tally_defrag(copy)->fragments_tiny, 0);
	tally_free(copy);
}

static struct flow_name *make_name(const char *text, enum app_proto source)
{
	size_t len = strlen(text);
	struct flow_name *n = calloc(1, sizeof(*n) + len + 1);

	assert_non_null(n);
	n->source = (uint8_t)source;
	n->len = (uint8_t)len;
	memcpy(n->text, text, len);
	return n;
}

/* Print, tunnel and names of a flow come over; a name by hearsay where there is no other. */
static void a_row_remembers_its_flow(void **state)
{
	struct flow_rare rare = {.tunnel = DPI_TUNNEL_GRE};
	struct flow flow = {.ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1",
			    .rare = &rare,
			    .opener = 1,
			    .learnt = make_name("learnt.example", PROTO_LEARNT)};
	struct connection_name name;
	struct connection c;
	size_t at = 0;

	rare.outer[0].b[15] = 7;
	rare.outer[1].b[15] = 9;
	assert_int_equal(connection_of_flow(&c, &flow), 0);
	assert_string_equal(c.ja4, flow.ja4);
	assert_int_equal(c.tunnel, DPI_TUNNEL_GRE);
	assert_int_equal(connection_outer_src(&c)->b[15], 9);
	assert_int_equal(connection_outer_dst(&c)->b[15], 7);
	assert_true(connection_next_name(&c, &at, &name));
	assert_int_equal(name.source, PROTO_LEARNT);
	assert_true(slice_equal(name.text, slice_text("learnt.example")));
	assert_false(connection_next_name(&c, &at, &name));
	connection_clear(&c);
	flow.names = make_name("own.example", PROTO_TLS);
	at = 0;
	assert_int_equal(connection_of_flow(&c, &flow), 0);
	assert_int_equal(c.name_count, 1);
	assert_true(connection_next_name(&c, &at, &name));
	assert_int_equal(name.source, PROTO_TLS);
	connection_clear(&c);
	free(flow.names);
	free(flow.learnt);
}

/* An address that nobody named is called what a DNS answer said; what was asked for there wins,
 * whichever came first, and survives folding and merging. */
static void a_name_by_hearsay_comes_last(void **state)
{
	static const struct made rows[] = {
		{"10.0.0.1", "9.9.9.1", 1, 443, .name = "a.learnt", .source = PROTO_LEARNT},
		{"10.0.0.1", "9.9.9.2", 1, 443, .name = "a.learnt", .source = PROTO_LEARNT},
		{"10.0.0.1", "9.9.9.2", 2, 443, .name = "own.example"},
	};

	for (unsigned row_max = 1; row_max < 5; row_max++) {
		struct tally *t = tally_new(row_max), *copy;
		struct catalogue *apps = catalogue_new();
		char *text;

		for (unsigned i = 0; i < 3; i++)
			tally_made(t, &rows[i], i + 1);
		copy = tally_copy(t);
		text = report_of(copy, apps);
		assert_non_null(strstr(text, "9.9.9.1               a.learnt "));
		assert_non_null(strstr(text, "9.9.9.2               own.example "));
		free(text);
		tally_free(t);
		tally_free(copy);
		catalogue_free(apps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_does_not_show),
		cmocka_unit_test(rows_are_kept_whole),
		cmocka_unit_test(folded_rows_still_count),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(json_begins_early),
		cmocka_unit_test(engine_events_become_rows_and_rules),
		cmocka_unit_test(memory_is_reused),
		cmocka_unit_test(fragments_add_up),
		cmocka_unit_test(a_name_by_hearsay_comes_last),
		cmocka_unit_test(a_row_remembers_its_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
