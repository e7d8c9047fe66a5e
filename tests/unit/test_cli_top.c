/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The page of `top` without a terminal: whatever the size and whatever was sent, it holds nothing
 * but characters of its own; rows keep their order and their bar; keys do what they say.
 */
#include "cli/top.h"

#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static json_t *parsed(const char *text)
{
	json_t *j = json_loads(text, JSON_ALLOW_NUL, NULL);

	assert_non_null(j);
	return j;
}

/* Strings as no agent sends them: raw control bytes, long names, other scripts. */
#define EVIL "\\u001b]0;x\\u0007\\u009b31m\\u202e\\u00e9\\n"

static const char flows_text[] =
	"{\"flows\":[{\"protocol\":\"TCP\",\"src_ip\":\"" EVIL "\",\"dst_ip\":\"2001:db8::1\","
	"\"dst_port\":443,\"app\":\"YouTube\",\"domain\":\"b." EVIL "\",\"packets\":2},"
	"{\"protocol\":\"UDP\",\"src_ip\":\"10.0.0.1\",\"src_port\":5,\"app\":\"DNS\","
	"\"domain\":\"b." EVIL "\",\"packets\":5,\"dropped_packets\":5,\"blocked\":true},"
	"{\"domain\":null,\"packets\":1}]}";

static struct top_sample *sample(const struct top_sample *before)
{
	struct top_sample *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->at_ns = before ? before->at_ns + 2000000000 : 1000000000;
	s->status = parsed("{\"uptime_s\":90061,\"workers\":2,\"rules\":2,\"monitor\":true,"
			   "\"interfaces\":[{\"name\":\"" EVIL "\",\"mode\":\"native\","
			   "\"hooks\":\"receive\",\"state\":\"waiting-for-interface\"}]}");
	s->stats = parsed(before ? "{\"counters\":{\"packets\":3000,\"bytes\":500000,\"dropped\":9,"
				   "\"late\":1},\"rules\":[{\"rule\":\"app:TikTok\",\"packets\":7,"
				   "\"bytes\":700},{\"rule\":\"port:" EVIL "\",\"packets\":1}]}"
				 : "{\"counters\":{\"packets\":1000,\"bytes\":100000}}");
	s->apps_json = parsed(
		before ? "{\"apps\":[{\"app\":\"YouTube\",\"category\":\"streaming\",\"flows\":3,"
			 "\"packets\":50,\"bytes\":9000},{\"app\":\"TikTok\",\"category\":"
			 "\"social\"},{\"app\":\"" EVIL "\",\"flows\":9,\"packets\":40,"
			 "\"bytes\":90000},{\"app\":\"Never\",\"category\":\"mail\"}]}"
		       : "{\"apps\":[{\"app\":\"YouTube\",\"flows\":1,\"bytes\":1000}]}");
	s->rules_json = parsed("{\"rules\":[{\"rule\":\"app:TikTok\"},"
			       "{\"rule\":\"allow-domain:ok.example\"}]}");
	assert_int_equal(top_flows_read(s, flows_text, sizeof(flows_text) - 1), 0);
	assert_int_equal(top_sample_fill(s, before), 0);
	return s;
}

struct world {
	struct top_sample *first, *second;
	struct top_event events[3];
	struct top_state state;
	struct top_shown shown;
};

static void world_make(struct world *w)
{
	*w = (struct world){.first = sample(NULL)};
	w->second = sample(w->first);
	for (int i = 0; i < 3; i++)
		snprintf(w->events[i].name, sizeof(w->events[i].name), "\033]0;evil\a%d", i);
	top_state_init(&w->state);
	w->shown = (struct top_shown){.sample = w->second,
				      .history = &w->second->rates,
				      .history_count = 1,
				      .events = w->events,
				      .event_count = 3,
				      .clock = "12:00:00"};
}

static void world_clear(struct world *w)
{
	top_sample_free(w->first);
	top_sample_free(w->second);
}

/* The page of that size as text. */
static void page_of(struct world *w, unsigned width, unsigned height, bool is_plain,
		    struct text *out)
{
	struct top_page page;

	assert_int_equal(top_page_init(&page, width, height, is_plain), 0);
	top_page_draw(&page, &w->shown, &w->state);
	for (size_t i = 0; i < (size_t)width * height; i++) {
		uint32_t g = page.cells[i].glyph;

		assert_true(!g || (g >= 0x20 && g < 0x7f) ||
			    (!is_plain && ((g >= 0x2581 && g <= 0x258f) || g == 0x2026)));
	}
	out->len = 0;
	top_page_print(&page, false, out);
	top_page_clear(&page);
}

static void test_every_size_and_view_is_clean(void **state)
{
	static const unsigned sizes[] = {1,  2,	 3,  5,	 9,  14,  20,  39,
					 40, 41, 60, 76, 80, 100, 131, 250};
	static const char keys[] = "12345h ";
	struct text page = {0};
	struct world w;

	world_make(&w);
	for (size_t k = 0; k < sizeof(keys) - 1; k++) {
		top_key(&w.state, keys[k]);
		for (size_t x = 0; x < sizeof(sizes) / sizeof(sizes[0]); x++)
			for (size_t y = 0; y < 10; y++)
				page_of(&w, sizes[x], sizes[y], k & 1, &page);
		if (keys[k] == 'h')
			top_key(&w.state, 'x');
	}
	text_clear(&page);
	world_clear(&w);
}

static void expect(struct world *w, const char *what)
{
	struct text page = {0};

	page_of(w, 120, 30, true, &page);
	if (!strstr(page.at, what))
		fail_msg("not there: %s\n%s", what, page.at);
	text_clear(&page);
}

static void test_numbers_and_rates(void **state)
{
	struct world w;
	json_t *kept;

	world_make(&w);
	assert_int_equal(w.second->rates.packets_per_s, 1000);
	assert_int_equal(w.second->rates.bits_per_s, 1600000);
	assert_int_equal(w.second->apps[0].bits_per_s, 32000);
	assert_true(w.second->apps[1].is_ruled);
	assert_int_equal(w.second->domain_count, 1);
	assert_int_equal(w.second->domains[0].packets, 7);
	assert_int_equal(w.second->rule_count, 3);
	expect(&w, "1 d 01:01");
	expect(&w, "monitoring only");
	json_object_set_new(w.second->status, "paused", json_true());
	json_object_set_new(w.second->status, "paused_left_s", json_integer(90));
	expect(&w, "nothing is blocked: paused for 1 m 30 s");
	json_object_set_new(w.second->status, "paused", json_false());
	expect(&w, "receive only (waiting for it)");
	expect(&w, "\\x1b]0;x\\x07");
	expect(&w, "BLOCKED");
	w.shown.events_lost = 12;
	top_key(&w.state, '5');
	expect(&w, "12 lines lost");
	kept = w.second->rules_json; /* the labels are in it */
	w.second->rules_json = NULL; /* too many to be asked for */
	top_key(&w.state, '4');
	expect(&w, "2: hits alone");
	w.second->rules_json = kept;
	world_clear(&w);
}

static void test_short_numbers(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{0, "0"},
		{99999, "99999"},
		{100000, "100k"},
		{999499, "999k"},
		{999500, "1.00M"},
		{1234567, "1.23M"},
		{12345678, "12.3M"},
		{UINT64_MAX, "18.4E"},
		{1000000000000ULL, "1.00T"},
	};
	char out[8];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(top_short(rows[i].n, out), rows[i].text);
}

/* The value of the row with the bar. */
static const char *selected(struct world *w)
{
	struct text page = {0};

	page_of(w, 80, 24, true, &page);
	text_clear(&page);
	return w->state.has_target ? w->state.target.value : "";
}

static void press(struct world *w, const char *keys)
{
	for (; *keys; keys++)
		top_key(&w->state, *keys);
}

static void test_order_filter_and_bar(void **state)
{
	struct world w;

	world_make(&w);
	assert_string_equal(selected(&w), "YouTube"); /* by packets */
	press(&w, "B");
	assert_string_equal(selected(&w), "YouTube"); /* the bar went with its row */
	assert_int_equal(w.state.selected, 1);
	press(&w, "g");
	assert_string_not_equal(selected(&w), "YouTube");
	press(&w, "/tube\n");
	assert_string_equal(selected(&w), "YouTube");
	assert_int_equal(w.state.row_count, 1);
	press(&w, "\033");
	selected(&w);
	assert_int_equal(w.state.row_count, 3); /* without the one that was never seen */
	press(&w, "G");
	selected(&w);
	assert_int_equal(w.state.selected, 2);
	top_key(&w.state, TOP_KEY_PAGE_UP);
	selected(&w);
	assert_int_equal(w.state.selected, 0);
	press(&w, "/no such thing\n");
	assert_string_equal(selected(&w), "");
	world_clear(&w);
}

static void test_block_and_undo(void **state)
{
	struct world w;

	world_make(&w);
	selected(&w);
	press(&w, "u");
	assert_false(w.state.is_asking);
	press(&w, "bn");
	assert_false(w.state.has_pending);
	press(&w, "b");
	assert_non_null(strstr(w.state.message, "block app YouTube?"));
	press(&w, "y");
	assert_true(w.state.has_pending && !w.state.pending.is_removal);
	w.state.has_pending = false;
	top_change_done(&w.state, &w.state.pending, -EINVAL, "no\nsecond line");
	assert_string_equal(w.state.message, "no");
	assert_int_equal(w.state.done_count, 0);
	top_change_done(&w.state, &w.state.pending, 0, "done\n");
	assert_int_equal(w.state.done_count, 1);
	press(&w, "uy");
	assert_true(w.state.has_pending && w.state.pending.is_removal);
	w.state.has_pending = false;
	top_change_done(&w.state, &w.state.pending, 0, "done\n");
	assert_int_equal(w.state.done_count, 0);
	world_clear(&w);
}

/* An application that a rule blocks is offered its freedom, and so is a rule of the rules view. */
static void test_a_second_b_lifts(void **state)
{
	struct world w;

	world_make(&w);
	press(&w, "/tiktok\n");
	assert_string_equal(selected(&w), "TikTok");
	press(&w, "b");
	assert_true(w.state.is_asking && w.state.asked.is_removal);
	press(&w, "n\033"
		  "4/allow\n");
	assert_string_equal(selected(&w), "ok.example");
	press(&w, "by");
	assert_true(w.state.has_pending && w.state.pending.is_allow && w.state.pending.is_removal);
	assert_string_equal(w.state.pending.kind, "domain");
	world_clear(&w);
}

static void test_undo_remembers_a_few(void **state)
{
	struct world w;
	struct top_change c = {.kind = "app"};

	world_make(&w);
	for (int i = 0; i < 3 * TOP_UNDO; i++) {
		snprintf(c.value, sizeof(c.value), "App%d", i);
		top_change_done(&w.state, &c, 0, "done");
	}
	assert_int_equal(w.state.done_count, TOP_UNDO);
	assert_string_equal(w.state.done[TOP_UNDO - 1].value, "App47");
	world_clear(&w);
}

static void test_keys_end_and_go_back(void **state)
{
	struct world w;

	world_make(&w);
	press(&w, "/q\n"); /* a letter like any other while one types */
	assert_false(w.state.is_ended);
	press(&w, "hx");
	assert_false(w.state.is_ended || w.state.is_help);
	press(&w, "\t\t\t\t\t");
	assert_int_equal(w.state.view, TOP_APPS);
	top_key(&w.state, TOP_KEY_BACK_TAB);
	assert_int_equal(w.state.view, TOP_EVENTS_VIEW);
	for (int i = 0; i < 200; i++)
		press(&w, "/x");
	assert_true(strlen(w.state.filter) < sizeof(w.state.filter));
	top_key(&w.state, 3);
	assert_true(w.state.is_ended);
	world_clear(&w);
}

static void test_no_agent(void **state)
{
	struct top_sample away = {.err = -ENOENT}, denied = {.err = -EACCES};
	struct world w;

	world_make(&w);
	w.shown.sample = &away;
	expect(&w, "No agent is running.");
	fault_set(&denied.fault, 0, "run as root");
	w.shown.sample = &denied;
	expect(&w, "run as root");
	w.shown.sample = NULL;
	expect(&w, "asking the agent");
	world_clear(&w);
}

static void test_event_lines(void **state)
{
	static const char good[] = "{\"timestamp\":\"2026-01-02T03:04:05.6\",\"event_type\":"
				   "\"drop\",\"src_ip\":\"::1\","
				   "\"src_port\":5,\"dest_ip\":\"10.0.0.1\",\"dest_port\":443,"
				   "\"tls\":{\"sni\":\"a.b\"},"
				   "\"dpi_xdp\":{\"app\":\"X\",\"rule\":\"app:X\"}}";
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"event_type\":5}",
		"{\"event_type\":\"stats\"}",
		"{\"event_type\":\"flow\"}",
	};
	struct top_event e;

	assert_true(top_event_read(slice_text(good), &e));
	assert_string_equal(e.time, "03:04:05");
	assert_string_equal(e.src, "[::1]:5");
	assert_string_equal(e.dst, "10.0.0.1:443");
	assert_string_equal(e.name, "a.b");
	assert_string_equal(e.rule, "app:X");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(top_event_read(slice_text(bad[i]), &e));
}

/* However a document of flows ends, what was whole before is read, and nothing beyond. */
static void test_flows_cut_short(void **state)
{
	static const char odd[] = "{\"flows\":[{\"app\":\"}{\\\"\",\"x\":{\"y\":[{}]}},5,{},"
				  "{\"app\":\"B\"}]}";

	for (size_t len = 0; len < sizeof(odd); len++) {
		struct top_sample *s = calloc(1, sizeof(*s));
		char *copy = malloc(len + 1);

		assert_true(s && copy);
		memcpy(copy, odd, len);
		assert_int_equal(top_flows_read(s, copy, len), 0);
		free(copy);
		assert_true(s->flow_count <= 3);
		if (s->flow_count == 3) {
			assert_string_equal(s->flows[0].app, "}{\"");
			assert_string_equal(s->flows[2].app, "B");
		}
		assert_true(len < sizeof(odd) - 3 || s->flow_count == 3);
		top_sample_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size_and_view_is_clean),
		cmocka_unit_test(test_numbers_and_rates),
		cmocka_unit_test(test_short_numbers),
		cmocka_unit_test(test_order_filter_and_bar),
		cmocka_unit_test(test_block_and_undo),
		cmocka_unit_test(test_a_second_b_lifts),
		cmocka_unit_test(test_undo_remembers_a_few),
		cmocka_unit_test(test_keys_end_and_go_back),
		cmocka_unit_test(test_no_agent),
		cmocka_unit_test(test_event_lines),
		cmocka_unit_test(test_flows_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
