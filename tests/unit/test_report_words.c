/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The words of the report: JSON as promised and parsed back, CSV for spreadsheets, the boxed text,
 * EVE lines; and no raw byte of a sender in any of them.
 */
#include "report/eve.h"
#include "report_make.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <jansson.h>

struct world {
	struct catalogue *apps;
	struct rules *rules;
	struct tally *tally;
	struct report *report;
};

static uint64_t rule_id(const struct rules *r)
{
	return rules_at(r, 0)->id;
}

/* One blocked YouTube flow of three packets, one resolver question, and a frame without flow. */
static void small_world(struct world *w)
{
	static const struct report_worker workers[] = {{6, 5, 1, 2, 2}};
	struct made tls = {"192.168.1.10", "142.250.1.1", 40000, 443, .name = "www.youtube.com"};
	struct made dns = {
		"192.168.1.10",	    "8.8.8.8", 50000, 53, DPI_IP_UDP, .name = "www.youtube.com",
		.source = PROTO_DNS};
	struct rule_apps names;
	struct connection c;
	struct fault f;

	w->apps = catalogue_new();
	w->rules = rules_new();
	w->tally = tally_new(0);
	names = catalogue_rule_apps(w->apps);
	assert_int_equal(rules_add(w->rules, RULE_APP, false, slice_text("youtube"), &names, 0, &f),
			 1);
	c = make_connection(&tls, 2);
	c.app = catalogue_find(w->apps, slice_text("YouTube"));
	c.proto = PROTO_TLS;
	c.state = FLOW_BLOCKED;
	c.rule = rule_id(w->rules);
	c.is_blocked = true;
	c.dropped_packets = 1;
	c.flags = FLOW_ECH | FLOW_AMBIGUOUS;
	strcpy(c.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	c.tunnel = DPI_TUNNEL_VXLAN;
	if (addr_parse(slice_text("192.0.2.1"), &c.outer[c.opener]) ||
	    addr_parse(slice_text("2001:db8::1"), &c.outer[!c.opener]))
		abort();
	tally_add_connection(w->tally, &c);
	connection_clear(&c);
	c = make_connection(&dns, 1);
	c.app = catalogue_find(w->apps, slice_text("DNS"));
	c.proto = PROTO_DNS;
	tally_add_connection(w->tally, &c);
	connection_clear(&c);
	tally_add_rule(w->tally, rule_id(w->rules), 1, 100, 0);
	*tally_totals(w->tally) = (struct engine_counters){.packets = 7,
							   .bytes = 2460,
							   .forwarded = 6,
							   .dropped = 1,
							   .tcp = 3,
							   .udp = 3,
							   .other = 1,
							   .tunnel_vxlan = 3,
							   .ech = 1,
							   .doq = 2};
	tally_add_defrag(w->tally, &(struct defrag_counters){.fragments_whole = 5});
	w->report = report_new(&(struct report_config){
		.tally = w->tally,
		.catalogue = w->apps,
		.rules = w->rules,
		.input = "in.pcap",
		.output = "out.pcap",
		.duration_s = 0.5,
		.workers = workers,
		.worker_count = 1,
	});
	assert_non_null(w->report);
}

static void end_world(struct world *w)
{
	report_free(w->report);
	tally_free(w->tally);
	rules_free(w->rules);
	catalogue_free(w->apps);
}

#define YOUTUBE                                                                                   \
	"{\"src_ip\":\"192.168.1.10\",\"dst_ip\":\"142.250.1.1\",\"src_port\":40000,"             \
	"\"dst_port\":443,\"protocol\":\"TCP\",\"app\":\"YouTube\",\"category\":\"streaming\","   \
	"\"app_protocol\":\"TLS\",\"domain\":\"www.youtube.com\","                                \
	"\"names\":[{\"source\":\"tls\",\"name\":\"www.youtube.com\"}],\"state\":\"BLOCKED\","    \
	"\"packets\":3,\"bytes\":1200,\"dropped_packets\":1,\"late_packets\":0,\"blocked\":true," \
	"\"block_reason\":\"app:YouTube\",\"first_ts\":\"1700000000.002000000\","                 \
	"\"last_ts\":\"1700000000.502000000\",\"flags\":[\"ech\",\"ambiguous\"],"                 \
	"\"ja4\":\"t13d1516h2_8daaf6152771_e5627efa2ab1\",\"tunnel\":\"vxlan\","                  \
	"\"outer_src\":\"192.0.2.1\",\"outer_dst\":\"2001:db8::1\"}"

static const char expected_json[] =
	"{\"schema\":\"dpi-xdp/report/1\",\"input\":\"in.pcap\",\"output\":\"out.pcap\","
	"\"duration_s\":0.500000,\n"
	"\"total_packets\":7,\"total_bytes\":2460,\"forwarded_packets\":6,\"dropped_packets\":1,"
	"\"late_packets\":0,\"tcp_packets\":3,\"udp_packets\":3,\"icmp_packets\":0,"
	"\"other_packets\":1,\"unparsed_packets\":0,\n"
	"\"app_breakdown\":{\"DNS\":3,\"YouTube\":3,\"Unknown\":1},\n"
	"\"apps\":[\n"
	"{\"app\":\"DNS\",\"category\":\"protocols\",\"flows\":1,\"packets\":3,\"bytes\":1200,"
	"\"dropped_packets\":0,\"blocked\":false},\n"
	"{\"app\":\"YouTube\",\"category\":\"streaming\",\"flows\":1,\"packets\":3,"
	"\"bytes\":1200,\"dropped_packets\":1,\"blocked\":true},\n"
	"{\"app\":\"Unknown\",\"category\":\"unknown\",\"flows\":0,\"packets\":1,\"bytes\":60,"
	"\"dropped_packets\":0,\"blocked\":false}],\n"
	"\"domains_detected\":[\"www.youtube.com\"],\n"
	"\"domains\":[\n"
	"{\"domain\":\"www.youtube.com\",\"app\":\"YouTube\",\"flows\":2}],\n"
	"\"connections\":[\n"
	"{\"src_ip\":\"192.168.1.10\",\"dst_ip\":\"8.8.8.8\",\"src_port\":50000,\"dst_port\":53,"
	"\"protocol\":\"UDP\",\"app\":\"DNS\",\"category\":\"protocols\",\"app_protocol\":\"DNS\","
	"\"domain\":\"www.youtube.com\",\"names\":[{\"source\":\"dns\","
	"\"name\":\"www.youtube.com\"}],\"state\":\"ESTABLISHED\",\"packets\":3,\"bytes\":1200,"
	"\"dropped_packets\":0,\"late_packets\":0,\"blocked\":false,\"block_reason\":null,"
	"\"first_ts\":\"1700000000.001000000\",\"last_ts\":\"1700000000.501000000\","
	"\"flags\":[],\"ja4\":null,\"tunnel\":null,\"outer_src\":null,\"outer_dst\":null},"
	"\n" YOUTUBE "],\n"
	"\"blocked_connections\":[\n" YOUTUBE "],\n"
	"\"rules\":[\n{\"rule\":\"app:YouTube\",\"flows\":1,\"packets\":1}],\n"
	"\"suspicious\":[],\n"
	"\"local_nets\":[\"192.168.1.0/24\"],\n"
	"\"workers\":[{\"worker\":0,\"packets\":6,\"forwarded\":5,\"dropped\":1,\"flows\":2,"
	"\"names\":2}],\n"
	"\"counters\":{\"packets\":7,";

static void json_is_as_promised(void **state)
{
	struct text out = {0};
	struct report_out to = report_to_text(&out);
	json_error_t error;
	struct world w;
	json_t *doc;

	small_world(&w);
	assert_int_equal(report_json(w.report, &to), 0);
	assert_true(out.len > sizeof(expected_json));
	doc = json_loads(out.at, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(doc);
	assert_int_equal(json_array_size(json_object_get(doc, "connections")), 2);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(doc, "counters"), "connections")),
			 2);
	json_decref(doc);
	out.at[sizeof(expected_json) - 1] = '\0';
	assert_string_equal(out.at, expected_json);
	text_clear(&out);
	end_world(&w);
}

/* Every counter of engine and door is there by its name, and with its value. */
static void json_has_every_counter(void **state)
{
	static const char *const names[] = {
#define X(name, help) #name,
		ENGINE_COUNTERS(X) DEFRAG_COUNTERS(X)
#undef X
	};
	struct text out = {0};
	struct report_out to = report_to_text(&out);
	json_error_t error;
	json_t *doc, *counters;
	struct world w;

	small_world(&w);
	assert_int_equal(report_json(w.report, &to), 0);
	doc = json_loads(out.at, JSON_REJECT_DUPLICATES, &error);
	counters = json_object_get(doc, "counters");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!json_is_integer(json_object_get(counters, names[i])))
			fail_msg("no counter %s", names[i]);
	assert_int_equal(json_integer_value(json_object_get(counters, "tunnel_vxlan")), 3);
	assert_int_equal(json_integer_value(json_object_get(counters, "fragments_whole")), 5);
	json_decref(doc);
	text_clear(&out);
	end_world(&w);
}

static void text_has_every_section(void **state)
{
	static const char *const parts[] = {
		"Input",
		"in.pcap",
		"out.pcap",
		"Duration",
		"14 packets/s",
		"PACKET STATISTICS",
		"Drop rate                     14.29%",
		"ECH flows                          1",
		"DoQ flows                          2",
		"APPLICATION BREAKDOWN",
		"<- BLOCKED",
		"TOP DOMAINS",
		"Block App: YouTube -> 1 packet dropped, 1 flow",
		"SUSPICIOUS ACTIVITY",
		"192.168.1.0/24",
		"none",
		"TOP DESTINATION ADDRESSES",
		"142.250.1.1",
		"WORKERS",
	};
	struct report_style plain = {0}, boxed = {.is_boxed = true, .is_coloured = true};
	struct text out = {0};
	struct report_out to = report_to_text(&out);
	struct world w;

	small_world(&w);
	assert_int_equal(report_text(w.report, &plain, &to), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(out.at, parts[i]))
			fail_msg("no \"%s\" in\n%s", parts[i], out.at);
	for (size_t i = 0, start = 0; i < out.len; i++) {
		assert_true((uint8_t)out.at[i] < 0x7f);
		if (out.at[i] != '\n')
			continue;
		assert_int_equal(i - start, 80); /* every line of the box is as wide */
		start = i + 1;
	}
	assert_null(strstr(out.at, "DoH flows")); /* there is none */
	text_clear(&out);
	plain.is_verbose = true;
	assert_int_equal(report_text(w.report, &plain, &to), 0);
	if (!strstr(out.at, "www.youtube.com - in vxlan"))
		fail_msg("no tunnel in\n%s", out.at);
	assert_non_null(strstr(out.at, "fragments_whole "));
	text_clear(&out);
	assert_int_equal(report_text(w.report, &boxed, &to), 0);
	assert_non_null(strstr(out.at, "\u2190 BLOCKED"));
	assert_non_null(strstr(out.at, "\u2192 1 packet dropped"));
	assert_non_null(strstr(out.at, "\x1b[31m"));
	text_clear(&out);
	end_world(&w);
}

/* What is wide takes room from what is not; nothing is cut that a line more could show. */
static void text_has_room_for_what_is_wide(void **state)
{
	static const struct made rows[] = {
		{"2001:db8:1::1", "2001:db8:1111:2222:3333:4444:5555:6666", 40000, 443,
		 .name = "a-name-of-some-length.example"},
		{"10.0.0.1", "10.0.0.2", 40001, 443, .name = "a.example"},
	};
	struct tally *t = tally_new(0);
	struct catalogue *apps = catalogue_new();
	struct report_config config = {.tally = t, .catalogue = apps};
	struct report_style plain = {0};
	struct text out = {0};
	struct report_out to = report_to_text(&out);
	struct report *r;

	for (uint64_t i = 0; i < 10000; i++) {
		struct connection c = make_connection(&rows[i % 2], i);

		c.app = catalogue_find(apps, slice_text("YouTube"));
		c.is_blocked = i < 1234;
		tally_add_connection(t, &c);
		connection_clear(&c);
	}
	r = report_new(&config);
	assert_int_equal(report_text(r, &plain, &to), 0);
	if (!strstr(out.at, "<- BLOCKED 12.3% "))
		fail_msg("the counts are cut:\n%s", out.at);
	if (!strstr(out.at, "| 2001:db8:1111:2222:3333:4444:5555:6666 ") ||
	    !strstr(out.at, "|   a-name-of-some-length.example "))
		fail_msg("an address hides its name:\n%s", out.at);
	for (const char *line = out.at, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_int_equal(end - line, 80);
	}
	text_clear(&out);
	report_free(r);
	tally_free(t);
	catalogue_free(apps);
}

static void reproducible_leaves_out_what_varies(void **state)
{
	struct report_worker worker = {1, 1, 1, 1, 1};
	struct tally *t = tally_new(0);
	struct catalogue *apps = catalogue_new();
	struct report_config config = {.tally = t,
				       .catalogue = apps,
				       .duration_s = 1,
				       .is_reproducible = true,
				       .workers = &worker,
				       .worker_count = 1};
	struct report *r = report_new(&config);
	struct report_style style = {0};
	struct text out = {0};
	struct report_out to = report_to_text(&out);

	assert_int_equal(report_json(r, &to), 0);
	assert_non_null(strstr(out.at, "\"duration_s\":null"));
	assert_non_null(strstr(out.at, "\"workers\":[]"));
	text_clear(&out);
	assert_int_equal(report_text(r, &style, &to), 0);
	assert_null(strstr(out.at, "Duration"));
	assert_null(strstr(out.at, "Rate  "));
	assert_null(strstr(out.at, "WORKERS"));
	text_clear(&out);
	report_free(r);
	tally_free(t);
	catalogue_free(apps);
}

static void csv_is_safe_in_a_spreadsheet(void **state)
{
	static const struct {
		const char *name, *field;
	} rows[] = {
		{"www.example.org", ",\"www.example.org\","},
		{"=1+1", ",\"'=1+1\","},
		{"+1", ",\"'+1\","},
		{"-1", ",\"'-1\","},
		{"@a", ",\"'@a\","},
		{"a\"b", ",\"a\"\"b\","},
		{"a,b", ",\"a,b\","},
	};
	struct catalogue *apps = catalogue_new();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tally *t = tally_new(0);
		struct made m = {"10.0.0.1", "10.0.0.2", 1, 2, .name = rows[i].name};
		struct report *r;
		struct text out = {0};
		struct report_out to = report_to_text(&out);

		tally_made(t, &m, 1);
		r = report_new(&(struct report_config){.tally = t, .catalogue = apps});
		assert_int_equal(report_csv(r, &to), 0);
		assert_memory_equal(out.at, "src_ip,src_port,dst_ip,", 23);
		if (!strstr(out.at, rows[i].field))
			fail_msg("no %s in %s", rows[i].field, out.at);
		text_clear(&out);
		report_free(r);
		tally_free(t);
	}
	catalogue_free(apps);
}

static void csv_ends_in_print_and_tunnel(void **state)
{
	struct text out = {0};
	struct report_out to = report_to_text(&out);
	struct world w;

	small_world(&w);
	assert_int_equal(report_csv(w.report, &to), 0);
	assert_non_null(strstr(out.at, ",flags,ja4,tunnel,outer_src,outer_dst\r\n"));
	assert_non_null(strstr(out.at, ",\"\",\"\",\"\",\"\",\"\"\r\n"));
	assert_non_null(strstr(out.at,
			       ",\"ech ambiguous\",\"t13d1516h2_8daaf6152771_e5627efa2ab1\","
			       "\"vxlan\",\"192.0.2.1\",\"2001:db8::1\"\r\n"));
	text_clear(&out);
	end_world(&w);
}

static void assert_clean(const struct text *t, unsigned byte, const char *what)
{
	assert_false(t->failed);
	for (size_t i = 0; i < t->len; i++) {
		uint8_t c = (uint8_t)t->at[i];

		if ((c < 0x20 && c != '\n' && c != '\r') || c > 0x7e)
			fail_msg("%s: byte %02x came out for a name with %02x", what, c, byte);
		if ((byte == '\n' || byte == '\r') && i && c == byte && t->at[i - 1] == '<')
			fail_msg("%s: a raw line break of a name came out", what);
	}
}

/* One name that holds the byte, through all five outputs. */
static void check_byte(struct catalogue *apps, unsigned byte)
{
	char raw[] = {'<', (char)byte, '>', 'x', 0};
	struct name name = {.len = 4};
	struct tally *t = tally_new(0);
	struct made m = {"10.0.0.1", "10.0.0.2", .src_port = 1, .dst_port = 2};
	struct connection c = make_connection(&m, 1);
	struct report_style style = {.is_verbose = true};
	struct flow flow = {.key = c.key, .opener = c.opener};
	struct event e = {.type = EVENT_NAMED, .flow = &flow, .name = &name, .source = PROTO_TLS};
	struct eve_config eve = {.catalogue = apps, .is_offline = true};
	struct text out = {0};
	struct report_out to = report_to_text(&out);
	struct report *r;
	json_error_t error;
	json_t *doc;

	memcpy(name.text, raw, 4);
	assert_int_equal(connection_add_name(&c, PROTO_HTTP, name_slice(&name)), 0);
	tally_add_connection(t, &c);
	r = report_new(&(struct report_config){
		.tally = t, .catalogue = apps, .input = raw, .output = raw, .title = raw});
	assert_int_equal(report_text(r, &style, &to), 0);
	assert_clean(&out, byte, "text");
	out.len = 0;
	assert_int_equal(report_csv(r, &to), 0);
	assert_clean(&out, byte, "CSV");
	out.len = 0;
	assert_int_equal(report_json(r, &to), 0);
	assert_clean(&out, byte, "JSON");
	doc = json_loads(out.at, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(doc);
	json_decref(doc);
	out.len = 0;
	for (int source = PROTO_TLS; source < PROTO_MAX; source++) {
		e.source = (enum app_proto)source;
		out.len = 0;
		assert_true(eve_event(&out, &e, &eve));
		assert_clean(&out, byte, "EVE");
		assert_ptr_equal(strchr(out.at, '\n'), out.at + out.len - 1);
		doc = json_loads(out.at, JSON_REJECT_DUPLICATES, &error);
		assert_non_null(doc);
		json_decref(doc);
	}
	text_clear(&out);
	report_free(r);
	tally_free(t);
	connection_clear(&c);
}

static void no_raw_byte_comes_out(void **state)
{
	struct catalogue *apps = catalogue_new();

	for (unsigned byte = 0; byte < 256; byte++)
		check_byte(apps, byte);
	catalogue_free(apps);
}

struct eve_row {
	const char *name;
	struct event event;
	const char *parts[5]; /* NULL at once: no line */
};

static const struct name eve_name = {11, "example.org"};

static const struct eve_row eve_rows[] = {
	{"tls",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_TLS, .number = 4},
	 {"\"event_type\":\"tls\"", "\"tls\":{\"sni\":\"example.org\"}", "\"pcap_cnt\":4",
	  "\"timestamp\":\"2023-11-14T22:13:20.123456+0000\""}},
	{"http",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_HTTP},
	 {"\"event_type\":\"http\"", "\"http\":{\"hostname\":\"example.org\"}"}},
	{"quic",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_QUIC},
	 {"\"event_type\":\"quic\"", "\"quic\":{\"sni\":\"example.org\"}"}},
	{"dns",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_DNS},
	 {"\"event_type\":\"dns\"", "\"dns\":{\"type\":\"query\",\"rrname\":\"example.org\"}"}},
	{"mdns",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_MDNS},
	 {"\"event_type\":\"dns\"", "\"rrname\":\"example.org\""}},
	{"http2 is http",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_HTTP2},
	 {"\"event_type\":\"http\"", "\"http\":{\"hostname\":\"example.org\"}"}},
	{"dtls is tls",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_DTLS},
	 {"\"event_type\":\"tls\"", "\"tls\":{\"sni\":\"example.org\"}"}},
	{"xmpp has no event of its own",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_XMPP},
	 {"\"event_type\":\"dpi_xdp\"", "\"source\":\"xmpp\",\"name\":\"example.org\""}},
	{"a name that a DNS answer gave",
	 {EVENT_NAMED, .name = &eve_name, .source = PROTO_LEARNT},
	 {"\"event_type\":\"dpi_xdp\"", "\"source\":\"dns-learnt\",\"name\":\"example.org\""}},
	{"no line for a name from nowhere", {EVENT_NAMED, .name = &eve_name}, {NULL}},
	{"drop",
	 {EVENT_VERDICT, .decision = {.rule = 0x12, .is_block = true}},
	 {"\"event_type\":\"drop\"", "\"drop\":{\"reason\":\"rules\"}",
	  "\"rule\":\"rule:0000000000000012\""}},
	{"dropped question",
	 {EVENT_MESSAGE, .name = &eve_name, .source = PROTO_DNS},
	 {"\"event_type\":\"drop\"", "\"rrname\":\"example.org\""}},
	{"anomaly",
	 {EVENT_ANOMALY, .flags = FLOW_AMBIGUOUS},
	 {"\"event_type\":\"anomaly\"", "\"event\":\"ambiguous\""}},
	{"flow",
	 {.type = EVENT_FLOW_CLOSED},
	 {"\"event_type\":\"flow\"", "\"pkts_toserver\":1", "\"pkts_toclient\":2", "\"age\":2",
	  "\"state\":\"closed\""}},
	{"no line for an opened flow", {.type = EVENT_FLOW_OPENED}, {NULL}},
	{"no line for a settled flow", {.type = EVENT_SETTLED}, {NULL}},
};

static void eve_lines(void **state)
{
	static struct flow flow = {.proto = PROTO_TLS,
				   .state = FLOW_CLASSIFIED,
				   .packets = {1, 2},
				   .first_ns = 1700000000123456789ULL,
				   .last_ns = 1700000002123456789ULL,
				   .is_closed = true};
	struct catalogue *apps = catalogue_new();
	struct eve_config config = {.catalogue = apps, .is_offline = true};
	struct made m = {"192.168.1.10", "142.250.1.1", .src_port = 40000, .dst_port = 443};
	struct connection c = make_connection(&m, 1);

	flow.key = c.key;
	flow.opener = c.opener;
	if (flow.opener) { /* the table counts from the opener on */
		flow.packets[0] = 2;
		flow.packets[1] = 1;
	}
	for (size_t i = 0; i < sizeof(eve_rows) / sizeof(eve_rows[0]); i++) {
		struct event e = eve_rows[i].event;
		struct text t = {0};

		e.flow = &flow;
		e.ts_ns = 1700000000123456789ULL;
		assert_int_equal(eve_event(&t, &e, &config), eve_rows[i].parts[0] != NULL);
		for (size_t k = 0; k < 5 && eve_rows[i].parts[k]; k++)
			if (!strstr(t.at, eve_rows[i].parts[k]))
				fail_msg("%s: no %s in %s", eve_rows[i].name, eve_rows[i].parts[k],
					 t.at);
		if (t.len) {
			assert_non_null(strstr(t.at, "\"src_ip\":\"192.168.1.10\","
						     "\"src_port\":40000,\"dest_ip\":"
						     "\"142.250.1.1\",\"dest_port\":443,"
						     "\"proto\":\"TCP\",\"app_proto\":\"tls\""));
		}
		text_clear(&t);
	}
	catalogue_free(apps);
}

/* A flow with everything beside its names: print, tunnel, and a name by hearsay. */
static void eve_shows_print_and_tunnel(void **state)
{
	static const struct name name = {11, "example.org"};
	static const char tunnel[] = "\"tunnel\":{\"src_ip\":\"198.51.100.1\","
				     "\"dest_ip\":\"198.51.100.2\",\"proto\":\"UDP\",\"depth\":1}";
	static const struct {
		const char *name;
		struct event event;
		const char *part;
	} rows[] = {
		{"tls",
		 {EVENT_NAMED, .name = &name, .source = PROTO_TLS},
		 "\"tls\":{\"sni\":\"example.org\",\"ja4\":\"t12i0100_b_c\"}"},
		{"quic",
		 {EVENT_NAMED, .name = &name, .source = PROTO_QUIC},
		 "\"quic\":{\"sni\":\"example.org\",\"ja4\":\"t12i0100_b_c\"}"},
		{"dns question",
		 {EVENT_NAMED, .name = &name, .source = PROTO_DNS},
		 "\"dns\":{\"type\":\"query\",\"rrname\":\"example.org\"}"},
		{"dns answer",
		 {EVENT_NAMED, .name = &name, .source = PROTO_DNS, .is_answer = true},
		 "\"dns\":{\"type\":\"answer\",\"rrname\":\"example.org\"}"},
		{"http has no print",
		 {EVENT_NAMED, .name = &name, .source = PROTO_HTTP},
		 "\"http\":{\"hostname\":\"example.org\"}"},
		{"flow",
		 {.type = EVENT_FLOW_CLOSED},
		 "\"domain\":\"learnt.example\",\"ja4\":\"t12i0100_b_c\",\"tunnel\":\"gtpu\""},
	};
	struct made m = {"192.168.1.10", "142.250.1.1", .src_port = 40000, .dst_port = 443};
	struct connection c = make_connection(&m, 1);
	struct flow_name *learnt = calloc(1, sizeof(*learnt) + 15);
	struct flow_rare rare = {.tunnel = DPI_TUNNEL_GTPU, .tunnel_depth = 1};
	struct flow flow = {.key = c.key,
			    .opener = c.opener,
			    .ja4 = "t12i0100_b_c",
			    .rare = &rare,
			    .learnt = learnt};
	struct catalogue *apps = catalogue_new();
	struct eve_config config = {.catalogue = apps};

	assert_non_null(learnt);
	memcpy(learnt->text, "learnt.example", learnt->len = 14);
	assert_int_equal(addr_parse(slice_text("198.51.100.1"), &rare.outer[c.opener]), 0);
	assert_int_equal(addr_parse(slice_text("198.51.100.2"), &rare.outer[!c.opener]), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event e = rows[i].event;
		struct text t = {0};

		e.flow = &flow;
		assert_true(eve_event(&t, &e, &config));
		if (!strstr(t.at, rows[i].part) || !strstr(t.at, tunnel))
			fail_msg("%s: no %s or no tunnel in %s", rows[i].name, rows[i].part, t.at);
		text_clear(&t);
	}
	free(learnt);
	catalogue_free(apps);
}

/* Live, the kernel's counts stand where the engine saw samples alone; and why a flow left. */
static void eve_tells_what_was_counted(void **state)
{
	static const char *const reasons[] = {
		[FLOW_END_TIMEOUT] = "\"reason\":\"timeout\"",
		[FLOW_END_FORCED] = "\"reason\":\"forced\"",
		[FLOW_END_STOPPED] = "\"reason\":\"shutdown\"",
	};
	struct made m = {"192.168.1.10", "142.250.1.1", .src_port = 40000, .dst_port = 443};
	struct connection c = make_connection(&m, 1);
	struct flow flow = {.key = c.key, .opener = c.opener, .packets = {1, 1}};
	struct catalogue *apps = catalogue_new();
	struct eve_config config = {.catalogue = apps, .counted = &c};

	c.packets[c.opener & 1] = 70;
	c.packets[~c.opener & 1] = 80;
	c.bytes[c.opener & 1] = 7000;
	c.bytes[~c.opener & 1] = 8000;
	c.dropped_packets = 9;
	c.tcp_flags[0] = c.tcp_flags[1] = DPI_TCP_FIN;
	for (int end = 0; end <= FLOW_END_STOPPED; end++) {
		struct event e = {
			.type = EVENT_FLOW_CLOSED, .flow = &flow, .end = (enum flow_end)end};
		struct text t = {0};

		assert_true(eve_event(&t, &e, &config));
		assert_non_null(strstr(t.at, "\"flow\":{\"pkts_toserver\":70,\"pkts_toclient\":80,"
					     "\"bytes_toserver\":7000,\"bytes_toclient\":8000"));
		assert_non_null(strstr(t.at, "\"dropped_packets\":9"));
		assert_non_null(strstr(t.at, reasons[end]));
		assert_non_null(strstr(t.at, "\"state\":\"closed\""));
		text_clear(&t);
	}
	catalogue_free(apps);
}

/* A flow that passes again has not ended. */
static void eve_ends_a_flow_once(void **state)
{
	struct event cleared = {.type = EVENT_CLEARED}, closed = {.type = EVENT_FLOW_CLOSED};

	assert_string_equal(eve_type(&cleared), "dpi_xdp");
	assert_string_equal(eve_type(&closed), "flow");
}

static void flow_ids_are_stable_and_fit_a_double(void **state)
{
	struct made m = {"192.168.1.10", "142.250.1.1", .src_port = 40000, .dst_port = 443};
	struct connection c = make_connection(&m, 1);

	assert_int_equal(eve_flow_id(&c.key, 5), eve_flow_id(&c.key, 5));
	assert_int_not_equal(eve_flow_id(&c.key, 5), eve_flow_id(&c.key, 6));
	for (uint64_t first_ns = 0; first_ns < 1000; first_ns++) {
		uint64_t id = eve_flow_id(&c.key, first_ns);

		assert_true(id > 0 && id == (uint64_t)(double)id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_as_promised),
		cmocka_unit_test(json_has_every_counter),
		cmocka_unit_test(text_has_every_section),
		cmocka_unit_test(text_has_room_for_what_is_wide),
		cmocka_unit_test(reproducible_leaves_out_what_varies),
		cmocka_unit_test(csv_is_safe_in_a_spreadsheet),
		cmocka_unit_test(csv_ends_in_print_and_tunnel),
		cmocka_unit_test(no_raw_byte_comes_out),
		cmocka_unit_test(eve_lines),
		cmocka_unit_test(eve_shows_print_and_tunnel),
		cmocka_unit_test(eve_tells_what_was_counted),
		cmocka_unit_test(eve_ends_a_flow_once),
		cmocka_unit_test(flow_ids_are_stable_and_fit_a_double),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
