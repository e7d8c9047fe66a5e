/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Metrics: the agent's answers as text that Prometheus reads; what is told never shrinks; and no
 * traffic, interface or catalogue can make the page long.
 */
#include "api/metrics.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dpi/abi.h"
#include "engine/engine.h"
#include "fleet/fleet.h"
#include "packet/defrag.h"

enum { PAGE_MAX = 64 * 1024 };

static const char status_text[] =
	"{\"version\":\"1.2\",\"engine_pid\":7,\"engine_restarts\":3,\"started_s\":1700000000,"
	"\"paused\":true,\"rule_moments\":12,\"rules_ended\":5,"
	"\"workers\":2,\"monitor\":true,\"action\":\"drop\",\"fail\":\"open\",\"reattached\":1,"
	"\"rules_by_kind\":{\"ip\":5,\"allow-domain\":6},"
	"\"maps\":[{\"map\":\"addrs\",\"entries\":4,\"max\":65536}],"
	"\"interfaces\":[{\"name\":\"lan\",\"state\":\"protected\",\"mode\":\"native\","
	"\"hooks\":\"both\"},{\"name\":\"a\\\"b\\\\\\u0001\",\"state\":\"waiting-for-interface\","
	"\"mode\":\"generic\",\"hooks\":\"receive\"}]}";
static const char stats_text[] =
	"{\"counters\":{\"kernel_rx_packets\":18446744073709,\"late\":2,\"verdicts_held\":9,"
	"\"events_lost\":1,\"events_limited_tls\":6,\"brand_new\":4,\"no word\":5},"
	"\"maps\":[{\"map\":\"flows\",\"entries\":8,\"max\":65536}]}";
static const char apps_text[] =
	"{\"apps\":[{\"app\":\"X\",\"category\":\"social\",\"flows\":2,\"packets\":10,"
	"\"bytes\":1000,\"dropped_packets\":1},{\"app\":\"Y\",\"category\":\"social\",\"flows\":1,"
	"\"packets\":5,\"bytes\":500,\"dropped_packets\":0},{\"app\":\"Z\",\"category\":\"mail\","
	"\"flows\":0,\"packets\":0,\"bytes\":0,\"dropped_packets\":0}]}";

static json_t *parsed(const char *text)
{
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(j);
	return j;
}

static void write_page(const char *status, const char *stats, const char *apps, bool is_open,
		       struct metrics_high *high, struct text *out)
{
	struct metrics m = {.out = out, .is_open = is_open};
	json_t *s = status ? parsed(status) : NULL, *c = stats ? parsed(stats) : NULL,
	       *a = apps ? parsed(apps) : NULL;
	const struct metrics_agent agent = {.status = s, .stats = c, .apps = a};

	metrics_agent_write(&m, &agent, high);
	metrics_end(&m);
	json_decref(s);
	json_decref(c);
	json_decref(a);
	assert_false(out->failed);
}

/* True when the page has exactly this line. */
static bool has_line(const struct text *page, const char *line)
{
	const char *at = page->at;
	size_t len = strlen(line);

	for (; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (strncmp(at, line, len) == 0 && at[len] == '\n')
			return true;
	return false;
}

static void test_says_what_it_was_told(void **state)
{
	static const char *const lines[] = {
		"dpi_xdp_agent_up 1",
		"dpi_xdp_agent_info{version=\"1.2\",action=\"drop\",fail=\"open\"} 1",
		"dpi_xdp_agent_start_time_seconds 1700000000",
		"dpi_xdp_monitor_only 1",
		"dpi_xdp_engine_restarts_total 3",
		"dpi_xdp_paused 1",
		"dpi_xdp_rule_moments_total 12",
		"dpi_xdp_rules_ended_total 5",
		"dpi_xdp_rules{kind=\"ip\",action=\"block\"} 5",
		"dpi_xdp_rules{kind=\"domain\",action=\"allow\"} 6",
		"dpi_xdp_interface_protected{interface=\"lan\"} 1",
		"dpi_xdp_interface_protected{interface=\"a\\\"b\\\\\\\\x01\"} 0",
		"dpi_xdp_interface_info{interface=\"lan\",mode=\"native\",hooks=\"both\"} 1",
		"dpi_xdp_map_entries{map=\"addrs\"} 4",
		"dpi_xdp_map_entries{map=\"flows\"} 8",
		"dpi_xdp_map_max_entries{map=\"flows\"} 65536",
		"dpi_xdp_applications_seen 2",
		"dpi_xdp_category_bytes_total{category=\"social\"} 1500",
		"dpi_xdp_category_dropped_packets_total{category=\"social\"} 1",
		"dpi_xdp_category_flows_total{category=\"mail\"} 0",
		"dpi_xdp_kernel_rx_packets_total 18446744073709",
		"# TYPE dpi_xdp_kernel_rx_packets_total counter",
		"# HELP dpi_xdp_kernel_rx_packets_total frames seen on receive",
		"dpi_xdp_late_packets_total 2",
		"dpi_xdp_verdicts_held 9",
		"# TYPE dpi_xdp_verdicts_held gauge",
		"dpi_xdp_events_lost_total 1",
		"dpi_xdp_events_limited_total{kind=\"tls\"} 6",
		"dpi_xdp_brand_new_total 4",
	};
	struct text page = {0};

	write_page(status_text, stats_text, apps_text, false, NULL, &page);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!has_line(&page, lines[i]))
			fail_msg("missing: %s\nin\n%s", lines[i], page.at);
	assert_null(strstr(page.at, "no word"));
	assert_null(strstr(page.at, "# EOF"));
	text_clear(&page);
}

static void test_open_metrics_differ_as_they_should(void **state)
{
	struct text page = {0};

	write_page(status_text, stats_text, apps_text, true, NULL, &page);
	assert_true(has_line(&page, "# TYPE dpi_xdp_kernel_rx_packets counter"));
	assert_true(has_line(&page, "dpi_xdp_kernel_rx_packets_total 18446744073709"));
	assert_string_equal(page.at + page.len - 6, "# EOF\n");
	text_clear(&page);
	assert_true(metrics_accepts_open("application/openmetrics-text;version=1.0.0,*/*;q=0.1"));
	assert_false(metrics_accepts_open("text/plain"));
	assert_false(metrics_accepts_open(NULL));
}

static void test_no_agent_is_told(void **state)
{
	struct text page = {0};

	write_page(NULL, NULL, NULL, false, NULL, &page);
	assert_true(has_line(&page, "dpi_xdp_agent_up 0"));
	assert_null(strstr(page.at, "rules"));
	text_clear(&page);
}

static uint64_t social_packets(const char *apps, const char *status, struct metrics_high *high)
{
	static const char name[] = "dpi_xdp_category_packets_total{category=\"social\"} ";
	struct text page = {0};
	const char *at;
	uint64_t n;

	write_page(status, stats_text, apps, false, high, &page);
	at = strstr(page.at, name);
	assert_non_null(at);
	n = strtoull(at + sizeof(name) - 1, NULL, 10);
	text_clear(&page);
	return n;
}

static void test_sums_never_shrink_under_one_engine(void **state)
{
	static const char less[] = "{\"apps\":[{\"category\":\"social\",\"packets\":4}]}";
	static const char more[] = "{\"apps\":[{\"category\":\"new\",\"packets\":1},"
				   "{\"category\":\"social\",\"packets\":40}]}";
	static const char next_engine[] = "{\"engine_pid\":8}";
	struct metrics_high high = {0};

	assert_int_equal(social_packets(apps_text, status_text, &high), 15);
	assert_int_equal(social_packets(less, status_text, &high), 15);
	assert_int_equal(social_packets(more, status_text, &high), 40);
	assert_int_equal(social_packets(less, next_engine, &high), 4);
}

/* Every counter there is, 64 interfaces with names of the worst bytes, 200 categories. */
static void largest(struct text *status, struct text *stats, struct text *apps)
{
	bool is_first = true;

	text_puts(status, "{\"version\":\"1\",\"interfaces\":[");
	for (int i = 0; i < 64; i++)
		text_printf(
			status,
			"%s{\"name\":\"%02d\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\","
			"\"mode\":\"generic\",\"hooks\":\"receive\"}",
			i ? "," : "", i);
	text_puts(status, "]}");
	text_puts(stats, "{\"counters\":{");
#define X(id, name, help)                                                                      \
	text_printf(stats, "%s\"kernel_%s\":9223372036854775807", is_first ? "" : ",", #name); \
	is_first = false;
	DPI_COUNTERS(X)
#undef X
#define X(name, help) text_printf(stats, ",\"%s\":9223372036854775807", #name);
	ENGINE_COUNTERS(X)
	DEFRAG_COUNTERS(X)
#undef X
	text_puts(stats, "}}");
	text_puts(apps, "{\"apps\":[");
	for (int i = 0; i < 200; i++)
		text_printf(apps,
			    "%s{\"category\":\"category-%03d-of-a-long-name\",\"flows\":"
			    "9223372036854775807,\"packets\":9223372036854775807,"
			    "\"bytes\":9223372036854775807,\"dropped_packets\":1}",
			    i ? "," : "", i);
	text_puts(apps, "]}");
}

static void test_the_longest_page_is_short(void **state)
{
	struct text status = {0}, stats = {0}, apps = {0}, page = {0};

	largest(&status, &stats, &apps);
	write_page(status.at, stats.at, apps.at, false, NULL, &page);
	if (page.len > PAGE_MAX - 17 * 1024) /* room for what the service counts itself */
		fail_msg("%zu bytes", page.len);
	assert_non_null(strstr(page.at, "{category=\"all others\"} "));
	text_clear(&status);
	text_clear(&stats);
	text_clear(&apps);
	text_clear(&page);
}

/* Each counter has one family of its own, told before its value. */
static void test_every_counter_has_a_family(void **state)
{
	struct text status = {0}, stats = {0}, apps = {0}, page = {0};
	size_t families = 0, counters = 0;

	largest(&status, &stats, &apps);
	write_page(status.at, stats.at, NULL, false, NULL, &page);
	for (const char *at = page.at; (at = strstr(at, "# TYPE ")) != NULL; at++) {
		const char *end = strchr(at, '\n');
		char line[128];

		snprintf(line, sizeof(line), "%.*s", (int)(end - at), at);
		assert_null(strstr(end, line));
		families++;
		counters += strstr(line, "_total counter") != NULL;
	}
	/* engine_restarts, interfaces_reattached, rule_moments, rules_ended and events_limited
	 * beside the stats */
	assert_int_equal(counters, DPI_COUNT_MAX + sizeof(struct engine_counters) / 8 +
					   sizeof(struct defrag_counters) / 8 + 5);
	assert_true(families > counters);
	text_clear(&status);
	text_clear(&stats);
	text_clear(&apps);
	text_clear(&page);
}

static void test_a_fleet_is_told(void **state)
{
	struct fleet_status s = {.is_connected = true,
				 .sync_age_ms = 1250,
				 .version = 9,
				 .rule_count = 5,
				 .refused_count = 2,
				 .restored = 3};
	struct text page = {0};
	struct metrics m = {.out = &page};

	metrics_fleet_write(&m, &s);
	assert_true(has_line(&page, "dpi_xdp_fleet_connected 1"));
	assert_true(has_line(&page, "dpi_xdp_fleet_sync_age_seconds 1.250000000"));
	assert_true(has_line(&page, "dpi_xdp_fleet_refused_sets 2"));
	assert_true(has_line(&page, "dpi_xdp_fleet_restored_total 3"));
	page.len = 0;
	s.sync_age_ms = -1; /* never: no number would say so */
	metrics_fleet_write(&m, &s);
	assert_null(strstr(page.at, "sync_age"));
	text_clear(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_what_it_was_told),
		cmocka_unit_test(test_open_metrics_differ_as_they_should),
		cmocka_unit_test(test_no_agent_is_told),
		cmocka_unit_test(test_sums_never_shrink_under_one_engine),
		cmocka_unit_test(test_the_longest_page_is_short),
		cmocka_unit_test(test_every_counter_has_a_family),
		cmocka_unit_test(test_a_fleet_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
