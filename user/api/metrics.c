/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The agent's answers as metrics; see metrics.h. Room: api. Counters get their names and help from
 * the same rows that the agent counts by.
 */
#include "api/metrics.h"

#include <stdio.h>

#include "control/answer.h"
#include "dpi/abi.h"
#include "engine/engine.h"
#include "packet/defrag.h"

/* --- counters --------------------------------------------------------------------------------- */

struct counter_row {
	const char *key, *help;
};

static const struct counter_row counter_rows[] = {
#define X(id, name, help) {"kernel_" #name, help},
	DPI_COUNTERS(X)
#undef X
#define X(name, help) {#name, help},
		ENGINE_COUNTERS(X) DEFRAG_COUNTERS(X)
#undef X
			{"events_lost", "event lines nobody fetched in time"},
	{"events_unfetched", "event lines dropped, the oldest first, before anybody fetched them"},
	{"answers_slow", "askers that did not take the agent's answer in time"},
};

/* Counters whose own names do not say what they count. */
static const struct {
	const char *key, *name;
} counter_names[] = {
	{"forwarded", "forwarded_packets"},
	{"dropped", "dropped_packets"},
	{"tcp", "tcp_packets"},
	{"udp", "udp_packets"},
	{"icmp", "icmp_packets"},
	{"other", "other_packets"},
	{"unparsed", "unparsed_packets"},
	{"not_ip", "not_ip_packets"},
	{"link_unknown", "link_unknown_packets"},
	{"late", "late_packets"},
	{"names", "names_found"},
	{"verdicts", "flows_blocked"},
	{"messages_dropped", "dropped_messages"},
	{"relieved", "flows_relieved"},
	{"spent", "budgets_spent"},
	{"undecided", "flows_undecided"},
	{"incomplete", "flows_incomplete"},
	{"ambiguous", "flows_ambiguous"},
	{"ech", "flows_ech"},
	{"no_name", "flows_no_name"},
	{"doh", "flows_doh"},
	{"dot", "flows_dot"},
	{"doq", "flows_doq"},
	{"learnt", "flows_learnt"},
	{"payload_cut", "payloads_cut"},
	{"kernel_samples", "kernel_samples_taken"},
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *counter_name(const char *key)
{
	for (size_t i = 0; i < COUNT(counter_names); i++)
		if (strcmp(counter_names[i].key, key) == 0)
			return counter_names[i].name;
	return key;
}

/* An agent of another version may count what this program has no words for. */
static const char *counter_help(const char *key)
{
	for (size_t i = 0; i < COUNT(counter_rows); i++)
		if (strcmp(counter_rows[i].key, key) == 0)
			return counter_rows[i].help;
	return "a counter of the agent";
}

static bool is_plain(const char *key)
{
	return *key && key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

#define LIMITED "events_limited_"

static bool is_limited(const char *key)
{
	return strncmp(key, LIMITED, sizeof(LIMITED) - 1) == 0;
}

/* Counters of one thing by kind are one family, with the kind as a label. */
static void limited_write(struct metrics *m, json_t *counters)
{
	json_t *value;
	const char *key;

	metrics_family(m, "events_limited", METRIC_COUNTER,
		       "events left out, being too many in a second");
	json_object_foreach(counters, key, value)
	{
		struct metric_label labels[METRIC_LABELS_MAX] = {{"kind", NULL}};

		if (!is_limited(key))
			continue;
		labels[0].value = key + sizeof(LIMITED) - 1;
		metrics_value(m, labels, control_number(counters, key));
	}
}

static void counters_write(struct metrics *m, const json_t *stats)
{
	json_t *counters = json_object_get(stats, "counters"), *value;
	const char *key;

	json_object_foreach(counters, key, value)
	{
		if (strcmp(key, "verdicts_held") == 0)
			metrics_one(m, key, METRIC_GAUGE, "blocked flows the kernel holds now",
				    control_number(counters, key));
		else if (is_plain(key) && !is_limited(key))
			metrics_one(m, counter_name(key), METRIC_COUNTER, counter_help(key),
				    control_number(counters, key));
	}
	limited_write(m, counters);
}

/* --- status ----------------------------------------------------------------------------------- */

static void about_write(struct metrics *m, const json_t *status)
{
	const struct metric_label about[METRIC_LABELS_MAX] = {
		{"version", control_words(status, "version")},
		{"action", control_words(status, "action")},
		{"fail", control_words(status, "fail")},
	};

	metrics_family(m, "agent_info", METRIC_GAUGE, "the agent's version and settings; always 1");
	metrics_value(m, about, 1);
	metrics_one(m, "agent_start_time_seconds", METRIC_GAUGE,
		    "when the agent started, in seconds since the epoch",
		    control_number(status, "started_s"));
	metrics_one(m, "workers", METRIC_GAUGE, "threads that inspect",
		    control_number(status, "workers"));
	metrics_one(m, "monitor_only", METRIC_GAUGE, "1 while nothing is dropped, only counted",
		    json_is_true(json_object_get(status, "monitor")));
	metrics_one(m, "engine_restarts", METRIC_COUNTER, "engines started anew after one died",
		    control_number(status, "engine_restarts"));
	metrics_one(m, "interfaces_reattached", METRIC_COUNTER,
		    "interfaces protected again after they had gone",
		    control_number(status, "reattached"));
}

static void rules_write(struct metrics *m, const json_t *status)
{
	json_t *kinds = json_object_get(status, "rules_by_kind"), *value;
	const char *key;

	metrics_family(m, "rules", METRIC_GAUGE, "rules in force");
	json_object_foreach(kinds, key, value)
	{
		bool is_allow = strncmp(key, "allow-", 6) == 0;
		const struct metric_label labels[METRIC_LABELS_MAX] = {
			{"kind", is_allow ? key + 6 : key},
			{"action", is_allow ? "allow" : "block"},
		};

		metrics_value(m, labels, control_number(kinds, key));
	}
	metrics_one(m, "paused", METRIC_GAUGE, "1 while nothing is blocked, being paused",
		    json_is_true(json_object_get(status, "paused")));
	metrics_one(m, "rule_moments", METRIC_COUNTER,
		    "how often others came in force by the clock alone",
		    control_number(status, "rule_moments"));
	metrics_one(m, "rules_ended", METRIC_COUNTER, "rules whose end has come",
		    control_number(status, "rules_ended"));
}

/* By their names, which the owner gave them: there are a few dozen at most. */
static void lists_write(struct metrics *m, const json_t *status)
{
	static const struct {
		const char *key, *name, *help;
		enum metric_type type;
	} rows[] = {
		{"names", "list_names", "names in a list", METRIC_GAUGE},
		{"addrs", "list_addresses", "addresses and networks in a list", METRIC_GAUGE},
		{"unknown", "list_lines_unknown", "lines of a list that were not understood",
		 METRIC_GAUGE},
		{"checked_s", "list_checked_timestamp_seconds",
		 "when a list was last known to be the newest", METRIC_GAUGE},
		{"fetches", "list_fetches", "times that a list was fetched", METRIC_COUNTER},
		{"failures", "list_failures",
		 "times that a list could not be fetched or was refused", METRIC_COUNTER},
	};
	json_t *lists = json_object_get(status, "lists"), *row;
	size_t k;

	for (size_t i = 0; json_array_size(lists) && i < sizeof(rows) / sizeof(rows[0]); i++) {
		metrics_family(m, rows[i].name, rows[i].type, rows[i].help);
		json_array_foreach(lists, k, row)
		{
			const struct metric_label labels[METRIC_LABELS_MAX] = {
				{"list", control_words(row, "name")},
				{"action", control_words(row, "action")},
			};

			metrics_value(m, labels, control_number(row, rows[i].key));
		}
	}
}

static void interfaces_write(struct metrics *m, const json_t *status)
{
	json_t *list = json_object_get(status, "interfaces"), *row;
	size_t i;

	metrics_family(m, "interface_protected", METRIC_GAUGE,
		       "1 while an interface is protected, 0 while it is waited for");
	json_array_foreach(list, i, row)
	{
		const struct metric_label labels[METRIC_LABELS_MAX] = {
			{"interface", control_words(row, "name")}};

		metrics_value(m, labels, strcmp(control_words(row, "state"), "protected") == 0);
	}
	metrics_family(m, "interface_info", METRIC_GAUGE,
		       "how an interface is protected; always 1");
	json_array_foreach(list, i, row)
	{
		const struct metric_label labels[METRIC_LABELS_MAX] = {
			{"interface", control_words(row, "name")},
			{"mode", control_words(row, "mode")},
			{"hooks", control_words(row, "hooks")},
		};

		metrics_value(m, labels, 1);
	}
}

/* The maps that rules fill, then those that traffic fills. */
static void maps_write(struct metrics *m, const struct metrics_agent *a)
{
	static const struct {
		const char *key, *name, *help;
	} families[] = {
		{"entries", "map_entries", "entries of a map in the kernel"},
		{"max", "map_max_entries", "entries that a map in the kernel can hold"},
	};
	const json_t *lists[] = {json_object_get(a->status, "maps"),
				 json_object_get(a->stats, "maps")};

	for (size_t f = 0; f < COUNT(families); f++) {
		metrics_family(m, families[f].name, METRIC_GAUGE, families[f].help);
		for (size_t l = 0; l < COUNT(lists); l++) {
			json_t *row;
			size_t i;

			json_array_foreach(lists[l], i, row)
			{
				const struct metric_label labels[METRIC_LABELS_MAX] = {
					{"map", control_words(row, "map")}};

				metrics_value(m, labels, control_number(row, families[f].key));
			}
		}
	}
}

/* --- categories ------------------------------------------------------------------------------- */

static const struct {
	const char *key, *name, *help;
} sums[METRICS_SUMS] = {
	{"flows", "category_flows", "flows of applications of a category"},
	{"packets", "category_packets", "packets of such flows"},
	{"bytes", "category_bytes", "bytes of such flows"},
	{"dropped_packets", "category_dropped_packets", "dropped packets of such flows"},
};

/* The row of a category; the last one is for all that have no place of their own. */
static struct metrics_category *category_row(struct metrics_high *h, const char *name)
{
	struct metrics_category *row;

	for (size_t i = 0; i < h->count; i++)
		if (strncmp(h->row[i].name, name, sizeof(h->row[i].name) - 1) == 0)
			return &h->row[i];
	if (h->count == METRICS_CATEGORIES)
		return &h->row[METRICS_CATEGORIES - 1];
	row = &h->row[h->count++];
	snprintf(row->name, sizeof(row->name), "%s",
		 h->count == METRICS_CATEGORIES ? "all others" : name);
	return row;
}

static size_t categories_sum(const json_t *apps, struct metrics_high *out)
{
	const json_t *list = json_object_get(apps, "apps"), *app;
	size_t i, seen = 0;

	json_array_foreach(list, i, app)
	{
		struct metrics_category *row = category_row(out, control_words(app, "category"));

		seen += control_number(app, "flows") > 0;
		for (size_t s = 0; s < METRICS_SUMS; s++)
			row->sum[s] += control_number(app, sums[s].key);
	}
	return seen;
}

static void raise_to(struct metrics_high *now, struct metrics_high *high, json_int_t engine_pid)
{
	if (high->engine_pid != engine_pid)
		*high = (struct metrics_high){.engine_pid = engine_pid};
	for (size_t i = 0; i < now->count; i++) {
		struct metrics_category *h = category_row(high, now->row[i].name);

		for (size_t s = 0; s < METRICS_SUMS; s++) {
			if (now->row[i].sum[s] > h->sum[s])
				h->sum[s] = now->row[i].sum[s];
			now->row[i].sum[s] = h->sum[s];
		}
	}
}

static void categories_write(struct metrics *m, const struct metrics_agent *a,
			     struct metrics_high *high)
{
	struct metrics_high now = {0};
	size_t seen = categories_sum(a->apps, &now);

	if (high)
		raise_to(&now, high, json_integer_value(json_object_get(a->status, "engine_pid")));
	metrics_one(m, "applications_seen", METRIC_GAUGE, "applications with a flow", seen);
	for (size_t s = 0; s < METRICS_SUMS; s++) {
		metrics_family(m, sums[s].name, METRIC_COUNTER, sums[s].help);
		for (size_t i = 0; i < now.count; i++) {
			const struct metric_label labels[METRIC_LABELS_MAX] = {
				{"category", now.row[i].name}};

			metrics_value(m, labels, now.row[i].sum[s]);
		}
	}
}

void metrics_agent_write(struct metrics *m, const struct metrics_agent *a,
			 struct metrics_high *high)
{
	metrics_one(m, "agent_up", METRIC_GAUGE, "1 while the agent answers", a->status != NULL);
	if (!a->status)
		return;
	metrics_one(m, "engine_up", METRIC_GAUGE, "1 while the agent's engine answers",
		    a->stats != NULL);
	about_write(m, a->status);
	rules_write(m, a->status);
	lists_write(m, a->status);
	interfaces_write(m, a->status);
	maps_write(m, a);
	if (a->apps)
		categories_write(m, a, high);
	if (a->stats)
		counters_write(m, a->stats);
}
