/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the engine process answers: report, flows, applications, counters; each from what
 * engine_gathered.c brings together. Event lines: engine_events.c.
 */
#include "agent/engine_gathered.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/flow_lines.h"
#include "control/apps.h"
#include "dpi/parse.h"
#include "report/sums.h"

enum { HITS_LISTED = 1000 }; /* rules with what they dropped, in one answer */

static struct engine_view view_of(const struct wire *request)
{
	struct engine_view v = {0};

	if (request->out_len >= sizeof(v))
		memcpy(&v, request->out, sizeof(v));
	return v;
}

static struct report *report_make(struct engine_state *e, struct gathered *g, const char *input,
				  struct report_counter *counters)
{
	struct report_config config = {
		.tally = g->all,
		.catalogue = e->catalogue,
		.rules = policy_rules(e->lent),
		.title = "dpi-xdp live report",
		.input = input,
		.duration_s = (double)(live_monotonic() - e->started_ns) / 1e9,
		.workers = g->workers,
		.worker_count = e->shard_count,
		.counters = counters,
		.counter_count = DPI_COUNT_MAX,
	};

	kernel_counts_list(e->options.maps, counters);
	return report_new(&config);
}

/* The report, whole or (is_summary) without its connections. */
static int report_answer(struct engine_state *e, const struct wire *request, bool is_summary,
			 struct text *out)
{
	struct report_counter counters[DPI_COUNT_MAX];
	struct engine_view view = view_of(request);
	struct report_style style = {.is_boxed = view.is_boxed,
				     .is_coloured = view.is_coloured,
				     .is_verbose = view.is_verbose,
				     .width = view.width};
	struct report_out to = report_to_text(out);
	struct report *report = NULL;
	struct gathered g;
	int err = engine_gather(e, &g, GATHER_ALL);

	if (!err) {
		report = report_make(e, &g, request->out + sizeof(view), counters);
		err = report ? 0 : -ENOMEM;
	}
	if (!err && is_summary)
		err = report_summary_json(report, &to);
	else if (!err)
		err = view.is_json ? report_json(report, &to) : report_text(report, &style, &to);
	report_free(report);
	engine_gathered_clear(&g);
	return err;
}

static int answer_report(struct engine_state *e, const struct wire *request, struct text *out)
{
	return report_answer(e, request, false, out);
}

static int answer_summary(struct engine_state *e, const struct wire *request, struct text *out)
{
	return report_answer(e, request, true, out);
}

static int answer_workers(struct engine_state *e, struct text *out)
{
	struct gathered g;
	int err = engine_gather(e, &g, GATHER_COUNTS);

	text_puts(out, "{\"workers\":[");
	for (unsigned i = 0; i < e->shard_count; i++)
		text_printf(out,
			    "%s{\"worker\":%u,\"packets\":%llu,\"forwarded\":%llu,\"dropped\":%llu,"
			    "\"flows\":%llu,\"names\":%llu}",
			    i ? "," : "", i, (unsigned long long)g.workers[i].packets,
			    (unsigned long long)g.workers[i].forwarded,
			    (unsigned long long)g.workers[i].dropped,
			    (unsigned long long)g.workers[i].flows,
			    (unsigned long long)g.workers[i].names);
	text_puts(out, "]}\n");
	engine_gathered_clear(&g);
	return err;
}

static int answer_flows(struct engine_state *e, const struct wire *request, struct text *out)
{
	struct engine_view view = view_of(request);
	struct connection row;
	struct gathered g;
	int err = engine_gather(e, &g, GATHER_OPEN);
	size_t count = err ? 0 : tally_row_count(g.all);

	if (!err && view.is_json)
		text_puts(out, "{\"flows\":[");
	else if (!err)
		flow_lines_head(out);
	for (size_t i = 0; i < count; i++) {
		tally_row(g.all, i, &row);
		if (view.is_json && i)
			text_putc(out, ',');
		if (view.is_json)
			report_json_connection(out, &row, e->catalogue, policy_rules(e->lent));
		else
			flow_lines_add(out, &row, e->catalogue, policy_rules(e->lent),
				       view.is_verbose);
	}
	if (!err && view.is_json)
		text_puts(out, "]}\n");
	engine_gathered_clear(&g);
	return err;
}

/* Rows that are no longer listed still count: what is summed up here never shrinks for them. */
static void folded_add(const struct sums *folded, const struct catalogue *c, struct app_sum *sums)
{
	for (size_t i = 0; folded && i < folded->app_count && i < catalogue_count(c); i++) {
		sums[i].flows += folded->apps[i].flows;
		sums[i].packets += folded->apps[i].packets;
		sums[i].bytes += folded->apps[i].bytes;
		sums[i].dropped += folded->apps[i].dropped_packets;
		sums[i].is_blocked |= folded->apps[i].blocked_flows > 0;
	}
}

static int answer_apps(struct engine_state *e, const struct wire *request, struct text *out)
{
	struct apps_view view = {.is_json = view_of(request).is_json,
				 .has_names = view_of(request).is_verbose};
	struct app_sum *sums = calloc(catalogue_count(e->catalogue), sizeof(*sums));
	struct connection row;
	struct gathered g;
	int err = engine_gather(e, &g, GATHER_ALL);
	size_t count = err ? 0 : tally_row_count(g.all);

	for (size_t i = 0; sums && i < count; i++) {
		struct app_sum *s;

		tally_row(g.all, i, &row);
		s = &sums[row.app];
		s->flows++;
		s->packets += connection_packets(&row);
		s->bytes += connection_bytes(&row);
		s->dropped += row.dropped_packets;
		s->is_blocked |= row.is_blocked;
	}
	if (!err && sums)
		folded_add(tally_folded(g.all), e->catalogue, sums);
	if (!err && sums)
		apps_write(e->catalogue, sums, &view, out);
	engine_gathered_clear(&g);
	free(sums);
	return sums ? err : -ENOMEM;
}

static void counter_write(struct text *out, bool is_json, bool *is_first, const char *name,
			  const char *help, uint64_t value)
{
	if (!is_json)
		text_printf(out, "%-32s %14llu  %s\n", name, (unsigned long long)value, help);
	else
		text_printf(out, "%s\"%s\":%llu", *is_first ? "" : ",", name,
			    (unsigned long long)value);
	*is_first = false;
}

/* Rules that dropped something. */
static void hits_write(const struct tally *t, const struct rules *rules, struct text *out)
{
	char label[REPORT_LABEL_MAX];
	struct tally_rule r;
	bool is_first = true;

	text_puts(out, ",\"rules\":[");
	for (size_t at = 0, n = 0; n < HITS_LISTED && tally_next_rule(t, &at, &r); n++) {
		report_rule_label(rules, r.id, label, sizeof(label));
		text_puts(out, is_first ? "{\"rule\":" : ",{\"rule\":");
		text_json(out, slice_text(label));
		text_printf(out, ",\"packets\":%llu,\"bytes\":%llu}", (unsigned long long)r.packets,
			    (unsigned long long)r.bytes);
		is_first = false;
	}
	text_putc(out, ']');
}

/* How full the maps are that traffic fills. */
static void fill_write(const struct live_maps *m, struct text *out)
{
	struct live_fill fill[LIVE_FILLS];

	live_fill_count(m, fill);
	text_puts(out, ",\"maps\":[");
	for (size_t i = 0; i < LIVE_FILLS; i++)
		text_printf(out, "%s{\"map\":\"%s\",\"entries\":%zu,\"max\":%zu}", i ? "," : "",
			    fill[i].name, fill[i].entries, fill[i].max);
	text_putc(out, ']');
}

static int answer_stats(struct engine_state *e, const struct wire *request, struct text *out)
{
	struct report_counter kernel[DPI_COUNT_MAX];
	bool is_json = view_of(request).is_json, is_first = true;
	const struct engine_counters *sum;
	const struct defrag_counters *defrag;
	struct gathered g;
	int err = engine_gather(e, &g, GATHER_COUNTS);

	if (err) {
		engine_gathered_clear(&g);
		return err;
	}
	sum = tally_totals(g.all);
	defrag = tally_defrag(g.all);
	kernel_counts_list(e->options.maps, kernel);
	if (is_json)
		text_puts(out, "{\"counters\":{");
	for (int i = 0; i < DPI_COUNT_MAX; i++)
		counter_write(out, is_json, &is_first, kernel[i].name, kernel[i].help,
			      kernel[i].value);
#define X(name, help) counter_write(out, is_json, &is_first, #name, help, sum->name);
	ENGINE_COUNTERS(X)
#undef X
#define X(name, help) counter_write(out, is_json, &is_first, #name, help, defrag->name);
	DEFRAG_COUNTERS(X)
#undef X
	counter_write(out, is_json, &is_first, "verdicts_held", "verdicts in the kernel now",
		      live_verdict_count(e->options.maps));
	counter_write(out, is_json, &is_first, "events_lost", "event lines nobody fetched in time",
		      g.events_lost);
	counter_write(out, is_json, &is_first, "events_unfetched",
		      "event lines dropped, the oldest first, before anybody fetched them",
		      e->events.unfetched);
#define X(id, name)                                                        \
	counter_write(out, is_json, &is_first, "events_limited_" name,     \
		      name " events left out, being too many in a second", \
		      g.events_limited[EVENT_KIND_##id]);
	EVENT_KINDS(X)
#undef X
	counter_write(out, is_json, &is_first, "answers_slow",
		      "askers that did not take their answer in time", e->answers_slow);
	if (is_json)
		text_putc(out, '}');
	if (is_json && view_of(request).is_verbose) {
		fill_write(e->options.maps, out);
		hits_write(g.all, policy_rules(e->policy), out);
	}
	if (is_json)
		text_puts(out, "}\n");
	engine_gathered_clear(&g);
	return 0;
}

uint32_t engine_answer(struct engine_state *e, const struct wire *request, struct text *out,
		       struct text *err)
{
	int result = 0;

	engine_policy_borrow(e);
	switch (request->kind) {
	case ENGINE_REPORT: result = answer_report(e, request, out); break;
	case ENGINE_FLOWS: result = answer_flows(e, request, out); break;
	case ENGINE_APPS: result = answer_apps(e, request, out); break;
	case ENGINE_STATS: result = answer_stats(e, request, out); break;
	case ENGINE_SUMMARY: result = answer_summary(e, request, out); break;
	case ENGINE_WORKERS: result = answer_workers(e, out); break;
	case ENGINE_WHAT_IF: result = engine_what_if(e, request, out); break;
	case ENGINE_PAGE: result = engine_page(e, request, out); break;
	case ENGINE_EVENTS: result = engine_answer_events(e, request, out, err); break;
	default: result = -EINVAL; break;
	}
	engine_policy_return(e);
	if (!result && (out->failed || err->failed))
		result = -ENOMEM;
	if (!result)
		return 0;
	text_clear(out);
	text_clear(err);
	text_printf(err, "the engine cannot answer: %s\n",
		    result == -EAGAIN ? "others asked at the same moment; ask again"
				      : strerror(-result));
	return 1;
}
