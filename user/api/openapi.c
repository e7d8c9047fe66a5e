/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * /openapi.json (OpenAPI 3.1), made from the route table and the forms of answers below. Room: api.
 */
#include "api/route.h"

#include "dpi/version.h"

/* clang-format off */
static const char schemas[] = ROUTE_JSON({
	"Problem":{"type":"object","required":["type","title","status","detail"],"properties":{
		"type":{"type":"string"},"title":{"type":"string"},
		"status":{"type":"integer"},"detail":{"type":"string"}}},
	"Rule":{"type":"object","required":["rule","kind","action","value"],"properties":{
		"rule":{"type":"string"},
		"kind":{"enum":["ip","port","app","domain","list","device"]},
		"action":{"enum":["block","allow"]},
		"value":{"type":"string"},"device":{"type":"string"},"when":{"type":"string"},
		"in_force":{"type":"boolean"},"changes":{"type":["string","null"]},
		"left_s":{"type":["integer","null"]}}},
	"Rules":{"type":"object","required":["rules","in_force"],"properties":{
		"in_force":{"type":"boolean"},
		"kind":{"type":"string"},
		"rules":{"type":"array","items":{"$ref":"#/components/schemas/Rule"}}}},
	"List":{"type":"object","required":["list","name","action","source","every_s","state",
		"loaded","names","addrs","fetched_s","checked_s","next_in_s","error"],"properties":{
		"list":{"type":"string"},"name":{"type":"string"},
		"action":{"enum":["block","allow"]},"source":{"type":"string"},
		"every_s":{"type":"integer"},
		"state":{"enum":["current","fetching","failed","held","stored","missing"]},
		"loaded":{"type":"boolean"},"names":{"type":"integer"},"addrs":{"type":"integer"},
		"fetched_s":{"type":"integer"},"checked_s":{"type":"integer"},
		"next_in_s":{"type":"integer"},"error":{"type":["string","null"]}}},
	"Lists":{"type":"object","required":["in_force","lists"],"properties":{
		"in_force":{"type":"boolean"},
		"lists":{"type":"array","items":{"$ref":"#/components/schemas/List"}}}},
	"Pause":{"type":"object","required":["paused","pause_for_fleet","paused_until",
		"paused_left_s","in_force"],"properties":{
		"paused":{"type":"boolean"},"pause_for_fleet":{"type":"boolean"},"paused_until":{"type":["string","null"]},
		"paused_left_s":{"type":["integer","null"]},"in_force":{"type":"boolean"}}},
	"Change":{"type":"object","required":["status","message","changed","rules","in_force"],
		"properties":{
		"status":{"enum":["success"]},"message":{"type":"string"},
		"changed":{"type":"boolean"},"rules":{"type":"integer","minimum":0},
		"in_force":{"type":"boolean"}}},
	"RulesChange":{"type":"object","required":["number","time","by","added","removed","lines",
		"can_roll_back"],"properties":{
		"number":{"type":"integer","minimum":1},"time":{"type":"string"},
		"by":{"enum":["command","http","fleet","load","reload","rollback","end"]},
		"added":{"type":"integer","minimum":0},"removed":{"type":"integer","minimum":0},
		"lines":{"type":"array","items":{"type":"string"}},
		"can_roll_back":{"type":"boolean"}}},
	"RulesHistory":{"type":"object","required":["schema","changes","left_out","damaged"],
		"properties":{
		"schema":{"const":"dpi-xdp/rules-history/1"},
		"changes":{"type":"array","items":{"$ref":"#/components/schemas/RulesChange"}},
		"left_out":{"type":"integer","minimum":0},"damaged":{"type":"boolean"}}},
	"Rollback":{"type":"object","required":["status","rolled_back","changed","rules","in_force"],
		"properties":{
		"status":{"enum":["success"]},"rolled_back":{"type":"integer"},
		"changed":{"type":"boolean"},"rules":{"type":"integer","minimum":0},
		"in_force":{"type":"boolean"}}},
	"Fate":{"type":"object","required":["flows","packets","bytes"],"properties":{
		"flows":{"type":"integer"},"packets":{"type":"integer"},"bytes":{"type":"integer"}}},
	"WhatIf":{"type":"object","required":["schema","source","rules_before","rules_after","added",
		"removed","flows","drop","pass","apps","rules","domains","connections",
		"connections_left_out","not_decided"],"properties":{
		"schema":{"const":"dpi-xdp/what-if/1"},"source":{"enum":["live","capture"]},
		"rules_before":{"type":"integer"},"rules_after":{"type":"integer"},
		"added":{"type":"array","items":{"type":"string"}},
		"removed":{"type":"array","items":{"type":"string"}},
		"flows":{"type":"integer"},
		"drop":{"$ref":"#/components/schemas/Fate"},"pass":{"$ref":"#/components/schemas/Fate"},
		"apps":{"type":"array"},"rules":{"type":"array"},"domains":{"type":"array"},
		"connections":{"type":"array","items":{"type":"object","required":["fate","src_ip",
			"dst_ip","src_port","dst_port","protocol","app","domain","packets","before",
			"after"],"properties":{"fate":{"enum":["drop","pass"]}}}},
		"connections_left_out":{"type":"integer"},
		"not_decided":{"type":["object","null"]}}},
	"AppSum":{"type":"object","required":["app","category","flows","packets","bytes",
		"dropped_packets","blocked"],"properties":{
		"app":{"type":"string"},"category":{"type":"string"},
		"flows":{"type":"integer"},"packets":{"type":"integer"},"bytes":{"type":"integer"},
		"dropped_packets":{"type":"integer"},"blocked":{"type":"boolean"}}},
	"Apps":{"type":"object","required":["apps","categories"],"properties":{
		"apps":{"type":"array","items":{"$ref":"#/components/schemas/AppSum"}},
		"categories":{"type":"array","items":{"type":"object",
			"required":["category","apps"],"properties":{
			"category":{"type":"string"},"apps":{"type":"integer"}}}}}},
	"Connection":{"type":"object","required":["src_ip","dst_ip","src_port","dst_port",
		"protocol","app","category","domain","names","state","packets","bytes",
		"dropped_packets","blocked","first_ts","last_ts","flags"],"properties":{
		"src_ip":{"type":"string"},"dst_ip":{"type":"string"},
		"src_port":{"type":"integer"},"dst_port":{"type":"integer"},
		"protocol":{"type":"string"},"app":{"type":"string"},"category":{"type":"string"},
		"domain":{"type":["string","null"]},
		"names":{"type":"array","items":{"type":"object"}},
		"state":{"enum":["NEW","ESTABLISHED","CLASSIFIED","BLOCKED","INCOMPLETE","CLOSED"]},
		"packets":{"type":"integer"},"bytes":{"type":"integer"},
		"dropped_packets":{"type":"integer"},"blocked":{"type":"boolean"},
		"first_ts":{"type":"string"},"last_ts":{"type":"string"},
		"flags":{"type":"array","items":{"type":"string"}}}},
	"ConnectionsPage":{"type":"object","required":["connections","next","total"],"properties":{
		"connections":{"type":"array","items":{"$ref":"#/components/schemas/Connection"}},
		"next":{"type":["string","null"]},"total":{"type":"integer"}}},
	"FlowsPage":{"type":"object","required":["flows","next","total"],"properties":{
		"flows":{"type":"array","items":{"$ref":"#/components/schemas/Connection"}},
		"next":{"type":["string","null"]},"total":{"type":"integer"}}},
	"Worker":{"type":"object","required":["worker","packets","forwarded","dropped","flows",
		"names"],"properties":{
		"worker":{"type":"integer"},"packets":{"type":"integer"},
		"forwarded":{"type":"integer"},"dropped":{"type":"integer"},
		"flows":{"type":"integer"},"names":{"type":"integer"}}},
	"Workers":{"type":"object","required":["workers"],"properties":{
		"workers":{"type":"array","items":{"$ref":"#/components/schemas/Worker"}}}},
	"Stats":{"type":"object","required":["total_packets","total_bytes","forwarded_packets",
		"dropped_packets","tcp_packets","udp_packets","app_breakdown","apps","domains",
		"rules","suspicious","workers","counters","connections_total","connections_blocked"],
		"properties":{
		"total_packets":{"type":"integer"},"total_bytes":{"type":"integer"},
		"forwarded_packets":{"type":"integer"},"dropped_packets":{"type":"integer"},
		"app_breakdown":{"type":"object"},"apps":{"type":"array"},
		"domains":{"type":"array"},"rules":{"type":"array"},"suspicious":{"type":"array"},
		"workers":{"type":"array","items":{"$ref":"#/components/schemas/Worker"}},
		"counters":{"type":"object"},
		"connections_total":{"type":"integer"},"connections_blocked":{"type":"integer"}}},
	"Health":{"type":"object","required":["status","version","uptime_s","agent","redis",
		"service"],"properties":{
		"status":{"enum":["ok","no-agent","agent-silent"]},"version":{"type":"string"},
		"uptime_s":{"type":"integer"},"agent":{"type":["object","null"]},
		"redis":{"type":["object","null"]},
		"service":{"type":"object","additionalProperties":{"type":"integer"}}}},
	"Report":{"type":"object","required":["schema","input","total_packets","total_bytes",
		"forwarded_packets","dropped_packets","app_breakdown","apps","domains_detected",
		"connections","blocked_connections","rules","suspicious","counters"],"properties":{
		"schema":{"const":"dpi-xdp/report/1"},"input":{"type":"string"},
		"total_packets":{"type":"integer"},"total_bytes":{"type":"integer"},
		"forwarded_packets":{"type":"integer"},"dropped_packets":{"type":"integer"},
		"app_breakdown":{"type":"object"},"apps":{"type":"array"},
		"domains_detected":{"type":"array","items":{"type":"string"}},
		"connections":{"type":"array"},"blocked_connections":{"type":"array"},
		"rules":{"type":"array"},"suspicious":{"type":"array"},
		"counters":{"type":"object"}}},
	"Verdict":{"type":"object","required":["status","data"],"properties":{
		"status":{"const":"success"},
		"data":{"type":"object","required":["status","app","reason"],"properties":{
			"status":{"enum":["forwarded","dropped"]},"app":{"type":"string"},
			"reason":{"type":["string","null"]}}}}},
	"Ready":{"type":"object","required":["status"],"properties":{"status":{"enum":["ready"]}}}
});
/* clang-format on */

/* A template as OpenAPI writes it, without our "+". */
static void path_write(const char *path, struct text *out)
{
	text_putc(out, '"');
	for (; *path; path++)
		if (*path != '+')
			text_putc(out, *path);
	text_putc(out, '"');
}

/* A template's parameters, each as an OpenAPI parameter. */
static void params_write(const struct route *r, struct text *out)
{
	bool is_first = true;

	text_puts(out, ",\"parameters\":[");
	for (const char *at = strchr(r->path, '{'); at; at = strchr(at + 1, '{')) {
		text_puts(out, is_first ? "" : ",");
		text_puts(out, "{\"in\":\"path\",\"required\":true,\"name\":");
		at += at[1] == '+';
		text_json(out, slice_of(at + 1, strcspn(at + 1, "}")));
		text_puts(out, ",\"schema\":{\"type\":\"string\"}}");
		is_first = false;
	}
	for (const struct route_query *p = r->query; p && p->name; p++) {
		text_puts(out, is_first ? "" : ",");
		text_puts(out, "{\"in\":\"query\",\"name\":");
		text_json(out, slice_text(p->name));
		text_puts(out, ",\"description\":");
		text_json(out, slice_text(p->help));
		text_puts(out, ",\"schema\":{\"type\":\"string\"}}");
		is_first = false;
	}
	text_putc(out, ']');
}

static void body_write(const struct route *r, struct text *out)
{
	bool is_first = true;

	if (!r->body_media)
		return;
	text_printf(out, ",\"requestBody\":{\"required\":%s,\"content\":{",
		    r->flags & ROUTE_BODY_OPTIONAL ? "false" : "true");
	for (const char *at = r->body_media; *at;) {
		size_t len = strcspn(at, " ");

		if (at[0] != '*') {
			text_puts(out, is_first ? "" : ",");
			text_json(out, slice_of(at, len));
			text_puts(out, ":{\"schema\":");
			text_puts(out, strncmp(at, "application/json", len) == 0 && r->body_schema
					       ? r->body_schema
					       : "{}");
			text_putc(out, '}');
			is_first = false;
		}
		at += len + (at[len] == ' ');
	}
	text_puts(out, "}}");
}

static void answers_write(const struct route *r, struct text *out)
{
	text_puts(out, ",\"responses\":{\"200\":{\"description\":\"done\",\"content\":{");
	text_json(out, slice_text(r->answer_media ? r->answer_media : "application/json"));
	text_puts(out, ":{\"schema\":");
	text_puts(out, r->answer_schema ? r->answer_schema : "{}");
	text_puts(out, "}}},\"default\":{\"description\":\"a problem (RFC 9457): what is wrong and "
		       "what to do next\",\"content\":{\"application/problem+json\":{\"schema\":"
		       "{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
}

/* Under which heading a path stands in /docs: the first row that it begins with. */
static const struct {
	const char *prefix, *tag;
} tags[] = {
	{"/stats", "traffic"}, {"/flows", "traffic"},	 {"/events", "traffic"},
	{"/rules", "rules"},   {"/lists", "rules"},	 {"/pause", "rules"},
	{"/what-if", "rules"}, {"/analyze", "captures"}, {"/ingest", "captures"},
	{"/", "service"},
};

static const char *tag_of(const char *path)
{
	size_t i = 0;

	while (strncmp(path, tags[i].prefix, strlen(tags[i].prefix)) != 0)
		i++; /* every path begins as the last row does */
	return tags[i].tag;
}

static void operation_write(const struct route *r, struct text *out)
{
	char method[8];
	size_t n = 0;

	for (; r->method[n] && n < sizeof(method) - 1; n++)
		method[n] = (char)(r->method[n] | 32);
	method[n] = 0;
	text_printf(out, "\"%s\":{\"operationId\":\"%s\",\"tags\":[\"%s\"],\"summary\":", method,
		    r->name, tag_of(r->path));
	text_json(out, slice_text(r->summary));
	params_write(r, out);
	body_write(r, out);
	answers_write(r, out);
	text_puts(out, r->flags & ROUTE_OPEN ? ",\"security\":[{}]}" : "}");
}

void openapi_write(struct text *out)
{
	size_t count;
	const struct route *table = route_table(&count);
	const char *last = NULL;

	text_puts(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"dpi-xdp\",\"version\":");
	text_json(out, slice_text(DPI_VERSION));
	text_puts(out, ",\"description\":\"Which applications use the network, and stopping the "
		       "ones you choose.\"},\"servers\":[{\"url\":\"/\"},{\"url\":\"/api/v1\"}],"
		       "\"security\":[{},{\"token\":[]}],\"paths\":{");
	for (size_t i = 0; i < count; i++) {
		const struct route *r = &table[i];

		if (r->flags & ROUTE_HIDDEN)
			continue;
		if (last && strcmp(last, r->path) == 0) {
			text_putc(out, ',');
		} else {
			text_puts(out, last ? "}," : "");
			path_write(r->path, out);
			text_puts(out, ":{");
		}
		operation_write(r, out);
		last = r->path;
	}
	text_puts(out, last ? "}}" : "}");
	text_puts(out, ",\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\","
		       "\"scheme\":\"bearer\"}},\"schemas\":");
	text_puts(out, schemas);
	text_puts(out, "}}\n");
}
