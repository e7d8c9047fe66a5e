/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Events in the words of EVE. Field names and their order follow what Suricata documents for its
 * eve.json (event_type flow, tls, http, dns, quic, drop, anomaly, stats); src is the opener, as in
 * the report.
 */
#include "report/eve.h"

#include "base/table.h"
#include "report/json.h"
#include "report/report.h"
#include "report/tunnel.h"

enum { LABEL_MAX = 400, ID_BITS = 51 };

uint64_t eve_flow_id(const struct dpi_key *key, uint64_t first_ns)
{
	/* Fixed on purpose: the same flow has the same id in every run and on every host. As many
	 * bits as Suricata's: readers that keep numbers as doubles (jq, a browser) hold 53. */
	uint64_t id = table_hash(first_ns, key, sizeof(*key)) >> (64 - ID_BITS);

	return id ? id : 1;
}

/* How a name of each source is told: the event_type, which is also the object that holds it, and
 * the name's key. Other sources have no event that a consumer knows: theirs is under "dpi_xdp". */
static const struct name_words {
	const char *type, *key;
	bool is_question, has_ja4;
} name_words[PROTO_MAX] = {
	[PROTO_TLS] = {.type = "tls", .key = "sni", .has_ja4 = true},
	[PROTO_DTLS] = {.type = "tls", .key = "sni", .has_ja4 = true},
	[PROTO_QUIC] = {.type = "quic", .key = "sni", .has_ja4 = true},
	[PROTO_HTTP] = {.type = "http", .key = "hostname"},
	[PROTO_HTTP2] = {.type = "http", .key = "hostname"},
	[PROTO_DNS] = {.type = "dns", .key = "rrname", .is_question = true},
	[PROTO_MDNS] = {.type = "dns", .key = "rrname", .is_question = true},
	[PROTO_LLMNR] = {.type = "dns", .key = "rrname", .is_question = true},
};

/* NULL: the name is shown under "dpi_xdp". */
static const struct name_words *words_of(enum app_proto source)
{
	if ((unsigned)source >= PROTO_MAX || !name_words[source].type)
		return NULL;
	return &name_words[source];
}

static const char *type_of_name(const struct event *e)
{
	const struct name_words *w = words_of(e->source);

	if (!e->name || !proto_source(e->source))
		return NULL;
	return w ? w->type : "dpi_xdp";
}

const char *eve_type(const struct event *e)
{
	switch (e->type) {
	case EVENT_NAMED: return type_of_name(e);
	case EVENT_VERDICT:
	case EVENT_MESSAGE: return "drop";
	/* No "flow": that is the last word about one, and who adds those up must not count it
	 * twice. */
	case EVENT_CLEARED: return "dpi_xdp";
	case EVENT_FLOW_CLOSED: return "flow";
	case EVENT_ANOMALY: return "anomaly";
	case EVENT_FLOW_OPENED:
	case EVENT_SETTLED: break;
	}
	return NULL;
}

static void put_ends(struct json *j, const struct flow *f)
{
	char addr[ADDR_TEXT_MAX], proto[8];
	int src = f->opener & 1, dst = src ? 0 : 1;
	bool has_ports = f->key.proto == DPI_IP_TCP || f->key.proto == DPI_IP_UDP;

	json_pair_string(j, "src_ip", addr_format(&f->key.addr[src], addr));
	if (has_ports)
		json_pair_u64(j, "src_port", dpi_be16(f->key.port[src]));
	json_pair_string(j, "dest_ip", addr_format(&f->key.addr[dst], addr));
	if (has_ports)
		json_pair_u64(j, "dest_port", dpi_be16(f->key.port[dst]));
	/* Suricata writes the one name that is not all capitals like this. */
	json_pair_string(j, "proto",
			 f->key.proto == DPI_IP_ICMPV6 ? "IPv6-ICMP"
						       : report_protocol(f->key.proto, proto));
	if (proto_source(f->proto))
		json_pair_string(j, "app_proto", proto_source(f->proto));
}

/* Who carried the packets, as far as a flow remembers it. */
static void put_tunnel(struct json *j, const struct flow *f)
{
	char addr[ADDR_TEXT_MAX], proto[8];
	int src = f->opener & 1, dst = src ? 0 : 1;

	if (!tunnel_name(flow_rare(f)->tunnel))
		return;
	json_key(j, "tunnel");
	json_open(j, '{');
	json_pair_string(j, "src_ip", addr_format(&flow_rare(f)->outer[src], addr));
	json_pair_string(j, "dest_ip", addr_format(&flow_rare(f)->outer[dst], addr));
	json_pair_string(j, "proto", report_protocol(tunnel_protocol(flow_rare(f)->tunnel), proto));
	json_pair_u64(j, "depth", flow_rare(f)->tunnel_depth);
	json_close(j, '}');
}

static void put_name(struct json *j, const struct event *e)
{
	const struct name_words *w = words_of(e->source);

	if (!w)
		return;
	json_key(j, w->type);
	json_open(j, '{');
	if (w->is_question)
		json_pair_string(j, "type", e->is_answer ? "answer" : "query");
	json_key(j, w->key);
	json_slice(j, name_slice(e->name));
	if (w->has_ja4 && flow_ja4(e->flow)[0])
		json_pair_string(j, "ja4", flow_ja4(e->flow));
	json_close(j, '}');
}

static const char *const end_words[] = {
	[FLOW_END_TIMEOUT] = "timeout",
	[FLOW_END_FORCED] = "forced",
	[FLOW_END_STOPPED] = "shutdown",
};

/* The engine of a live flow need not have seen its last segments; the kernel has. */
static bool is_over(const struct flow *f, const struct connection *counted)
{
	const uint8_t *flags = counted ? counted->tcp_flags : (const uint8_t[2]){0, 0};

	return f->is_closed || (flags[0] & flags[1] & DPI_TCP_FIN) ||
	       ((flags[0] | flags[1]) & DPI_TCP_RST);
}

static void put_flow(struct json *j, const struct event *e, const struct connection *counted)
{
	const struct flow *f = e->flow;
	const uint64_t *packets = counted ? counted->packets : f->packets;
	const uint64_t *bytes = counted ? counted->bytes : f->bytes;
	uint64_t last_ns = counted ? counted->last_ns : f->last_ns;
	int src = f->opener & 1, dst = src ? 0 : 1;

	json_key(j, "flow");
	json_open(j, '{');
	json_pair_u64(j, "pkts_toserver", packets[src]);
	json_pair_u64(j, "pkts_toclient", packets[dst]);
	json_pair_u64(j, "bytes_toserver", bytes[src]);
	json_pair_u64(j, "bytes_toclient", bytes[dst]);
	json_key(j, "start");
	json_stamp(j, f->first_ns);
	json_key(j, "end");
	json_stamp(j, last_ns);
	json_pair_u64(j, "age", last_ns > f->first_ns ? (last_ns - f->first_ns) / 1000000000 : 0);
	json_pair_string(j, "state",
			 is_over(f, counted) ? "closed"
			 : packets[dst]	     ? "established"
					     : "new");
	json_pair_string(j, "reason", end_words[e->end]);
	json_pair_bool(j, "alerted", false);
	if (f->is_verdict)
		json_pair_string(j, "action", "drop");
	json_close(j, '}');
}

static void put_drop(struct json *j, const struct event *e)
{
	json_key(j, "drop");
	json_open(j, '{');
	json_pair_string(j, "reason", "rules");
	json_close(j, '}');
	if (e->name && e->type == EVENT_MESSAGE)
		put_name(j, e);
}

/* What is strange about the bytes of an application; all else is about packets and their order. */
enum {
	FLAGS_APPLICATION = FLOW_NO_NAME | FLOW_ECH | FLOW_ODD_NAME | FLOW_NAMES_FULL |
			    FLOW_IP_LITERAL | FLOW_DOH | FLOW_DOT | FLOW_DOQ
};

static void put_anomaly(struct json *j, const struct event *e)
{
	bool is_application = e->flags & FLAGS_APPLICATION;

	json_key(j, "anomaly");
	json_open(j, '{');
	if (is_application && proto_source(e->flow->proto))
		json_pair_string(j, "app_proto", proto_source(e->flow->proto));
	json_pair_string(j, "type", is_application ? "applayer" : "stream");
	for (uint32_t bit = 1; bit && bit <= e->flags; bit <<= 1) {
		const char *name = e->flags & bit ? flow_flag_name((enum flow_flag)bit) : NULL;

		if (!name)
			continue;
		json_pair_string(j, "event", name);
		break;
	}
	if (is_application)
		json_pair_string(j, "layer", "proto_parser");
	json_close(j, '}');
}

static void put_own_name(struct json *j, const char *source, struct slice name)
{
	json_pair_string(j, "source", source);
	json_key(j, "name");
	json_slice(j, name);
}

/* The last word about a flow. */
static void put_summary(struct json *j, const struct flow *f, const struct connection *counted)
{
	const struct flow_name *name = f->names ? f->names : f->learnt;

	json_pair_u64(j, "dropped_packets",
		      counted ? counted->dropped_packets : flow_rare(f)->dropped_packets);
	if (name) {
		json_key(j, "domain");
		json_slice(j, slice_of(name->text, name->len));
	}
	if (flow_ja4(f)[0])
		json_pair_string(j, "ja4", flow_ja4(f));
}

static void put_own(struct json *j, const struct event *e, const struct eve_config *c)
{
	const struct flow *f = e->flow;
	uint64_t rule = e->type == EVENT_VERDICT || e->type == EVENT_MESSAGE ? e->decision.rule
			: f->decision.is_block				     ? f->decision.rule
									     : 0;
	char label[LABEL_MAX];

	json_key(j, "dpi_xdp");
	json_open(j, '{');
	json_pair_string(j, "app", catalogue_name(c->catalogue, f->app));
	json_pair_string(j, "category", catalogue_category(c->catalogue, f->app));
	json_pair_string(j, "state", flow_state_name(f->state));
	if (rule) {
		report_rule_label(c->rules, rule, label, sizeof(label));
		json_pair_string(j, "rule", label);
	}
	if (e->type == EVENT_CLEARED)
		json_pair_bool(j, "cleared", true);
	if (e->name && !words_of(e->source))
		put_own_name(j, proto_source(e->source), name_slice(e->name));
	if (e->type == EVENT_FLOW_CLOSED)
		put_summary(j, f, c->counted);
	if (tunnel_name(flow_rare(f)->tunnel))
		json_pair_string(j, "tunnel", tunnel_name(flow_rare(f)->tunnel));
	json_key(j, "flags");
	json_open(j, '[');
	for (uint32_t bit = 1; bit && bit <= f->flags; bit <<= 1) {
		const char *name = f->flags & bit ? flow_flag_name((enum flow_flag)bit) : NULL;

		if (name)
			json_string(j, name);
	}
	json_close(j, ']');
	json_close(j, '}');
}

bool eve_event(struct text *t, const struct event *e, const struct eve_config *c)
{
	const char *type = eve_type(e);
	struct json j = json_to(t);

	if (!type || !e->flow)
		return false;
	json_open(&j, '{');
	json_key(&j, "timestamp");
	json_stamp(&j, e->ts_ns);
	json_pair_u64(&j, "flow_id", eve_flow_id(&e->flow->key, e->flow->first_ns));
	if (c->in_iface)
		json_pair_string(&j, "in_iface", c->in_iface);
	if (c->is_offline && e->number)
		json_pair_u64(&j, "pcap_cnt", e->number);
	json_pair_string(&j, "event_type", type);
	put_ends(&j, e->flow);
	put_tunnel(&j, e->flow);
	switch (e->type) {
	case EVENT_NAMED: put_name(&j, e); break;
	case EVENT_VERDICT:
	case EVENT_MESSAGE: put_drop(&j, e); break;
	case EVENT_ANOMALY: put_anomaly(&j, e); break;
	case EVENT_FLOW_CLOSED: put_flow(&j, e, c->counted); break;
	case EVENT_CLEARED:
	case EVENT_FLOW_OPENED:
	case EVENT_SETTLED: break;
	}
	put_own(&j, e, c);
	json_close(&j, '}');
	text_putc(t, '\n');
	return true;
}
