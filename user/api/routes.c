/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The route table: everything that the service answers, a row each. Routing, body checks,
 * /openapi.json and the contract test come from it. Room: api. The forms of answers are in
 * openapi.c.
 */
#include "api/route.h"

/* clang-format off */
#define OBJECT ROUTE_JSON({"type":"object"})
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"

#define CHANGE ROUTE_JSON({ \
	"type":"object","additionalProperties":false, \
	"properties":{"force":{"type":"boolean"},"learnt":{"type":"boolean"}, \
		"device":{"type":"string","maxLength":64}}})

#define ADDITION ROUTE_JSON({ \
	"type":"object","additionalProperties":false, \
	"properties":{"force":{"type":"boolean"},"learnt":{"type":"boolean"}, \
		"device":{"type":"string","maxLength":64}, \
		"for":{"type":"string","maxLength":64},"until":{"type":"string","maxLength":64}, \
		"when":{"type":"string","maxLength":512}}})

#define LIST ROUTE_JSON({ \
	"type":"object","additionalProperties":false, \
	"properties":{"source":{"type":"string","maxLength":400}, \
		"action":{"enum":["block","allow"]},"every":{"type":"string","maxLength":8}}})

#define REFRESH ROUTE_JSON({ \
	"type":"object","additionalProperties":false, \
	"properties":{"accept_mass_change":{"type":"boolean"}}})

#define PAUSE ROUTE_JSON({ \
	"type":"object","additionalProperties":false, \
	"properties":{"for":{"type":"string","maxLength":64}, \
		"until":{"type":"string","maxLength":64},"fleet":{"type":"boolean"}}})

#define RULES_PUT ROUTE_JSON({ \
	"type":"object","additionalProperties":false,"required":["rules"], \
	"properties":{ \
		"force":{"type":"boolean"}, \
		"rules":{"type":"array","items":{ \
			"type":"object","additionalProperties":false,"required":["kind","value"], \
			"properties":{ \
				"rule":{"type":"string"}, \
				"kind":{"enum":["ip","port","app","domain","list","device"]}, \
				"action":{"enum":["block","allow"]}, \
				"value":{"type":"string","minLength":1,"maxLength":512}, \
				"device":{"type":"string","maxLength":64}, \
				"when":{"type":"string","maxLength":512}, \
				"in_force":{"type":"boolean"}, \
				"changes":{"type":["string","null"]}, \
				"left_s":{"type":["integer","null"]}}}}}})

#define WHAT_IF ROUTE_JSON({ \
	"type":"object","additionalProperties":false,"required":["changes"], \
	"properties":{ \
		"force":{"type":"boolean"}, \
		"limit":{"type":"integer","minimum":1,"maximum":1000}, \
		"changes":{"type":"array","minItems":1,"maxItems":1000,"items":{ \
			"type":"object","additionalProperties":false,"required":["kind","value"], \
			"properties":{ \
				"kind":{"enum":["ip","port","app","domain"]}, \
				"action":{"enum":["block","allow"]}, \
				"remove":{"type":"boolean"},"learnt":{"type":"boolean"}, \
				"device":{"type":"string","maxLength":64}, \
				"for":{"type":"string"},"until":{"type":"string"},"when":{"type":"string"}, \
				"value":{"type":"string","minLength":1,"maxLength":512}}}}}})

#define INGEST ROUTE_JSON({ \
	"type":"object","required":["tuple"], \
	"properties":{ \
		"tuple":{"type":"object","required":["src_ip","dst_ip","protocol"],"properties":{ \
			"src_ip":{"type":"string"},"dst_ip":{"type":"string"}, \
			"src_port":{"type":["integer","null"],"minimum":0,"maximum":65535}, \
			"dst_port":{"type":["integer","null"],"minimum":0,"maximum":65535}, \
			"protocol":{"type":["string","integer"]}}}, \
		"size":{"type":["integer","null"],"minimum":0}, \
		"domain":{"type":["string","null"]}}})
/* clang-format on */

static const struct route_query list_query[] = {
	{"source", "http:// or https:// and where the list is; also in the body"},
	{"action", "block (the default) or allow"},
	{"every", "how often it is fetched again: 30m, 12h, 7d; once a day without"},
	{0},
};
static const struct route_query unlist_query[] = {
	{"action", "block (the default) or allow: which list of this name"},
	{0},
};
static const struct route_query refresh_query[] = {
	{"accept_mass_change", "that it has lost more than half of its entries is meant"},
	{0},
};
static const struct route_query change_query[] = {
	{"force", "a public suffix such as co.uk is meant"},
	{"learnt", "flows without a name too, by the DNS answer for their address"},
	{"device", "of one device alone: its address, network, hardware address or name"},
	{0},
};

static const struct route_query add_query[] = {
	{"force", "a public suffix such as co.uk is meant"},
	{"learnt", "flows without a name too, by the DNS answer for their address"},
	{"device", "of one device alone: its address, network, hardware address or name"},
	{"for", "the rule goes by itself after so long: 90s, 30m, 2h, 7d"},
	{"until", "the same at a moment: 21:30, 2026-12-01T08:00, 2026-12-01T08:00:00Z"},
	{"when", "it is in force at these times alone: mon-fri 21:00-07:00, or sat,sun"},
	{0},
};

static const struct route_query pause_query[] = {
	{"for", "it ends by itself after so long: 90s, 15m, 2h"},
	{"until", "the same at a moment: 21:30, 2026-12-01T08:00"},
	{"fleet", "on every host of the fleet; such a pause needs an end within a day"},
	{0},
};
static const struct route_query resume_query[] = {
	{"fleet", "on every host that was paused for the fleet"},
	{0},
};

static const struct route_query page_query[] = {
	{"limit", "rows on a page: 1 to 1000, 100 when it is left out"},
	{"sort", "newest: those that began last come first; else by address. Of the first page"},
	{"cursor", "\"next\" of the page before; left out for the first"},
	{0},
};

static const struct route_query rules_query[] = {
	{"format", "text for the form of a rules file; else JSON"},
	{0},
};

static const struct route_query analyze_query[] = {
	{"block-ip", "a rule for this capture alone; repeats, as all of these do. Without any, the "
		     "rules in force count"},
	{"block-app", "an application, category:NAME, or a sign such as ECH"},
	{"block-domain", "a name and all below it"},
	{"block-port", "PORT, PORT/tcp or PORT/udp"},
	{"allow-ip", "an exception"},
	{"allow-app", "an exception"},
	{"allow-domain", "an exception"},
	{"output", "capture gives the capture without what is blocked, instead of the report"},
	{"reproducible", "1 leaves out run time, rates and worker rows"},
	{0},
};

static const struct route_query events_query[] = {
	{"event_type",
	 "only these, commas between: flow, tls, http, dns, quic, drop, stats, anomaly"},
	{"after", "as Last-Event-ID, for a client that cannot send it"},
	{0},
};

static const struct route table[] = {
	{.method = "GET",
	 .path = "/stats",
	 .name = "getStats",
	 .summary = "Packets, bytes and verdicts, applications, names, rules with what they hit",
	 .answer_schema = REF("Stats"),
	 .handle = route_stats},
	{.method = "GET",
	 .path = "/stats/apps",
	 .name = "getStatsApps",
	 .summary = "Every application with its flows, packets and bytes; and the categories",
	 .answer_schema = REF("Apps"),
	 .handle = route_stats_apps},
	{.method = "GET",
	 .path = "/stats/connections",
	 .name = "getStatsConnections",
	 .summary =
		 "The connections of now, a page at a time; rows that come and go move no others",
	 .query = page_query,
	 .answer_schema = REF("ConnectionsPage"),
	 .handle = route_stats_connections},
	{.method = "GET",
	 .path = "/stats/workers",
	 .name = "getStatsWorkers",
	 .summary = "What each worker has done",
	 .answer_schema = REF("Workers"),
	 .handle = route_stats_workers},
	{.method = "GET",
	 .path = "/flows",
	 .name = "getFlows",
	 .summary = "The connections of now, as `dpi-xdp flows --json` has them, a page at a time",
	 .query = page_query,
	 .answer_schema = REF("FlowsPage"),
	 .handle = route_flows},
	{.method = "GET",
	 .path = "/rules",
	 .name = "getRules",
	 .summary = "All rules, as JSON or in the form of a rules file",
	 .query = rules_query,
	 .answer_schema = REF("Rules"),
	 .handle = route_rules_get},
	{.method = "PUT",
	 .path = "/rules",
	 .name = "putRules",
	 .summary = "Puts other rules in place of all; one bad rule and none is changed",
	 .query = change_query,
	 .body_media = "application/json text/plain *",
	 .body_schema = RULES_PUT,
	 .flags = ROUTE_WRITES,
	 .answer_schema = REF("Rules"),
	 .handle = route_rules_put},
	{.method = "GET",
	 .path = "/rules/history",
	 .name = "getRulesHistory",
	 .summary = "What changed the rules, the newest first: when, by what, and the difference",
	 .answer_schema = REF("RulesHistory"),
	 .handle = route_rules_history},
	{.method = "GET",
	 .path = "/rules/history/{number}",
	 .name = "getRulesChange",
	 .summary = "One change of the rules, with all that it added and took away",
	 .answer_schema = REF("RulesChange"),
	 .handle = route_rules_diff},
	{.method = "POST",
	 .path = "/rules/rollback/{number}",
	 .name = "rollBackRules",
	 .summary =
		 "Puts back the rules from before a change, on open flows at once; a change itself",
	 .body_media = "application/json",
	 .flags = ROUTE_WRITES | ROUTE_BODY_OPTIONAL,
	 .answer_schema = REF("Rollback"),
	 .handle = route_rules_rollback},
	{.method = "POST",
	 .path = "/what-if",
	 .name = "whatIf",
	 .summary =
		 "What a change of the rules, or a whole rules file, would do to the flows of now",
	 .body_media = "application/json text/plain",
	 .body_schema = WHAT_IF,
	 .answer_schema = REF("WhatIf"),
	 .handle = route_what_if},
	{.method = "GET",
	 .path = "/rules/{kind}",
	 .name = "getRulesOfKind",
	 .summary =
		 "The rules of one kind: ip, port, app, domain, allow-ip, allow-app, allow-domain",
	 .answer_schema = REF("Rules"),
	 .handle = route_rules_kind},
	{.method = "POST",
	 .path = "/rules/{kind}/{+value}",
	 .name = "addRule",
	 .summary = "Adds a rule; in force on open flows when it answers. Twice is as good as once",
	 .query = add_query,
	 .body_media = "application/json",
	 .body_schema = ADDITION,
	 .flags = ROUTE_WRITES | ROUTE_BODY_OPTIONAL,
	 .answer_schema = REF("Change"),
	 .handle = route_rules_change},
	{.method = "DELETE",
	 .path = "/rules/{kind}/{+value}",
	 .name = "removeRule",
	 .summary = "Takes a rule away; that it was not there is no fault",
	 .query = change_query,
	 .body_media = "application/json",
	 .body_schema = CHANGE,
	 .flags = ROUTE_WRITES | ROUTE_BODY_OPTIONAL,
	 .answer_schema = REF("Change"),
	 .handle = route_rules_change},
	{.method = "GET",
	 .path = "/lists",
	 .name = "getLists",
	 .summary = "The lists, with what is in each, its age, and what went wrong",
	 .answer_schema = REF("Lists"),
	 .handle = route_lists_get},
	{.method = "POST",
	 .path = "/lists/{name}",
	 .name = "addList",
	 .summary = "Adds a list, which is fetched beside; GET /lists tells what came of it",
	 .query = list_query,
	 .body_media = "application/json",
	 .body_schema = LIST,
	 .flags = ROUTE_WRITES | ROUTE_BODY_OPTIONAL,
	 .answer_schema = REF("Change"),
	 .handle = route_lists_change},
	{.method = "DELETE",
	 .path = "/lists/{name}",
	 .name = "removeList",
	 .summary = "Takes a list away; that it was not there is no fault",
	 .query = unlist_query,
	 .flags = ROUTE_WRITES,
	 .answer_schema = REF("Change"),
	 .handle = route_lists_change},
	{.method = "POST",
	 .path = "/lists/{name}/refresh",
	 .name = "refreshList",
	 .summary = "Fetches a list now, beside; the copy of before stays until another is good",
	 .query = refresh_query,
	 .body_media = "application/json",
	 .body_schema = REFRESH,
	 .flags = ROUTE_WRITES | ROUTE_BODY_OPTIONAL,
	 .handle = route_lists_refresh},
	{.method = "GET",
	 .path = "/pause",
	 .name = "getPause",
	 .summary = "Whether all is paused, and how long still",
	 .answer_schema = REF("Pause"),
	 .handle = route_pause_get},
	{.method = "POST",
	 .path = "/pause",
	 .name = "pause",
	 .summary = "Nothing is blocked from now on, open flows included, until DELETE or the end "
		    "given; exceptions, names and counts go on",
	 .query = pause_query,
	 .body_media = "application/json",
	 .body_schema = PAUSE,
	 .flags = ROUTE_WRITES | ROUTE_BODY_OPTIONAL,
	 .answer_schema = REF("Pause"),
	 .handle = route_pause_begin},
	{.method = "DELETE",
	 .path = "/pause",
	 .name = "resume",
	 .summary = "The rules are in force again",
	 .query = resume_query,
	 .flags = ROUTE_WRITES,
	 .answer_schema = REF("Pause"),
	 .handle = route_pause_end},
	{.method = "POST",
	 .path = "/analyze",
	 .name = "analyzeForm",
	 .summary = "A capture in the form's field \"file\"; answers with its report",
	 .query = analyze_query,
	 .body_media = "multipart/form-data",
	 .sink = &route_analyze_sink,
	 .answer_schema = REF("Report"),
	 .handle = route_analyze},
	{.method = "PUT",
	 .path = "/analyze",
	 .name = "analyzeBytes",
	 .summary = "A capture as the body; answers with its report",
	 .query = analyze_query,
	 .body_media = "application/octet-stream application/vnd.tcpdump.pcap "
		       "application/x-pcapng application/x-www-form-urlencoded *",
	 .sink = &route_analyze_sink,
	 .answer_schema = REF("Report"),
	 .handle = route_analyze},
	{.method = "POST",
	 .path = "/ingest",
	 .name = "ingest",
	 .summary = "What would become of a packet that something else has seen; NDJSON: of each",
	 .body_media = "application/json application/x-ndjson",
	 .body_schema = INGEST,
	 .answer_schema = REF("Verdict"),
	 .handle = route_ingest},
	{.method = "GET",
	 .path = "/events",
	 .name = "followEvents",
	 .summary = "The agent's events as Server-Sent Events, from now on or after Last-Event-ID",
	 .query = events_query,
	 .flags = ROUTE_QUICK,
	 .answer_media = "text/event-stream",
	 .handle = route_events},
	{.method = "GET",
	 .path = "/health",
	 .name = "getHealth",
	 .summary = "The agent, its interfaces, map fill, lost samples, Redis; always 200",
	 .answer_schema = REF("Health"),
	 .handle = route_health},
	{.method = "GET",
	 .path = "/ready",
	 .name = "getReady",
	 .summary = "200 while an interface is protected, else 503",
	 .answer_schema = REF("Ready"),
	 .handle = route_ready},
	{.method = "GET",
	 .path = "/metrics",
	 .name = "getMetrics",
	 .summary = "All that is counted, for Prometheus: its text format, or OpenMetrics",
	 .answer_media = "text/plain",
	 .handle = route_metrics},
	{.method = "GET",
	 .path = "/openapi.json",
	 .name = "getOpenapi",
	 .summary = "This description",
	 .flags = ROUTE_OPEN | ROUTE_QUICK,
	 .answer_schema = OBJECT,
	 .handle = route_openapi},
	/* Last: every other path is a file of the page, or nothing. */
	{.method = "GET",
	 .path = "/",
	 .name = "getPage",
	 .summary = "The dashboard",
	 .flags = ROUTE_OPEN | ROUTE_QUICK | ROUTE_HIDDEN,
	 .answer_media = "text/html",
	 .handle = route_page},
	{.method = "GET",
	 .path = "/{+file}",
	 .name = "getFile",
	 .summary = "A file of the page",
	 .flags = ROUTE_OPEN | ROUTE_QUICK | ROUTE_HIDDEN,
	 .answer_media = "text/html",
	 .handle = route_page},
};

const struct route *route_table(size_t *count)
{
	*count = sizeof(table) / sizeof(table[0]);
	return table;
}
