/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Judging records; see ingest.h.
 */
#include "api/ingest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "api/inforce.h"
#include "classify/catalogue.h"
#include "dpi/parse.h"

struct api_ingest {
	struct api *api;
	pthread_mutex_t lock;
	struct text rules; /* that the policy was made of */
	struct policy *policy;
};

/* --- reading ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint8_t proto;
} protocols[] = {
	{"TCP", DPI_IP_TCP}, {"UDP", DPI_IP_UDP}, {"ICMP", DPI_IP_ICMP}, {"ICMPv6", DPI_IP_ICMPV6}};

static int read_protocol(const json_t *v, uint8_t *out, struct fault *f)
{
	const char *word = json_string_value(v);

	if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= 255) {
		*out = (uint8_t)json_integer_value(v);
		return 0;
	}
	for (size_t i = 0; word && i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcasecmp(word, protocols[i].name) == 0) {
			*out = protocols[i].proto;
			return 0;
		}
	return fault_set(f, -EINVAL,
			 "tuple.protocol: give TCP, UDP, ICMP, ICMPv6 or a number from 0 to 255");
}

static int read_addr(const json_t *tuple, const char *field, struct dpi_addr *out, struct fault *f)
{
	const char *text = json_string_value(json_object_get(tuple, field));

	if (text && addr_parse(slice_text(text), out) == 0)
		return 0;
	return fault_set(f, -EINVAL, "tuple.%s: give an address, as text", field);
}

static int read_port(const json_t *tuple, const char *field, uint16_t *out, struct fault *f)
{
	const json_t *v = json_object_get(tuple, field);

	*out = 0;
	if (!v || json_is_null(v)) /* there are protocols without ports */
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 65535)
		return fault_set(f, -EINVAL, "tuple.%s: give a number from 0 to 65535", field);
	*out = (uint16_t)json_integer_value(v);
	return 0;
}

static int read_rest(const json_t *json, struct ingest_record *r, struct fault *f)
{
	const json_t *size = json_object_get(json, "size"),
		     *domain = json_object_get(json, "domain");
	struct slice name;

	if (size && !json_is_null(size) && (!json_is_integer(size) || json_integer_value(size) < 0))
		return fault_set(f, -EINVAL, "size: give the bytes of the packet, 0 or more");
	r->size = (uint64_t)json_integer_value(size);
	if (!domain || json_is_null(domain))
		return 0;
	if (!json_is_string(domain))
		return fault_set(f, -EINVAL, "domain: give a name as text, or null");
	name = slice_of(json_string_value(domain), json_string_length(domain));
	if (name.len && !name_set(&r->name, name))
		return fault_set(f, -EINVAL, "domain: a name has 1 to %d bytes", NAME_MAX_LEN);
	return 0;
}

int ingest_read(const json_t *json, struct ingest_record *out, struct fault *f)
{
	const json_t *tuple = json_object_get(json, "tuple");
	struct ingest_record r = {.size = 0};
	int err;

	if (!json_is_object(tuple))
		return fault_set(f, -EINVAL,
				 "give an object with \"tuple\":{\"src_ip\",\"dst_ip\","
				 "\"src_port\",\"dst_port\",\"protocol\"}, and with \"size\" and "
				 "\"domain\"");
	err = read_addr(tuple, "src_ip", &r.src, f);
	if (!err)
		err = read_addr(tuple, "dst_ip", &r.dst, f);
	if (!err)
		err = read_port(tuple, "src_port", &r.src_port, f);
	if (!err)
		err = read_port(tuple, "dst_port", &r.dst_port, f);
	if (!err)
		err = read_protocol(json_object_get(tuple, "protocol"), &r.proto, f);
	if (!err)
		err = read_rest(json, &r, f);
	if (!err)
		*out = r;
	return err;
}

/* --- judging ---------------------------------------------------------------------------------- */

/* A record as a packet of its flow, and the end that opened it, as of a flow whose beginning was
 * not seen. */
static uint8_t packet_of(const struct ingest_record *r, struct dpi_packet *p)
{
	*p = (struct dpi_packet){.key = {.addr = {r->src, r->dst},
					 .port = {dpi_be16(r->src_port), dpi_be16(r->dst_port)},
					 .proto = r->proto}};
	p->dir = dpi_key_order(&p->key);
	return dpi_opener_guess(p);
}

/* What a record does not say: the protocol inside, which its port stands for. A packet that was
 * seen says it itself. */
static enum app_proto proto_of(uint8_t proto, uint16_t port)
{
	static const struct {
		uint16_t port;
		uint8_t proto;
		enum app_proto is;
	} rows[] = {
		{443, DPI_IP_TCP, PROTO_TLS},	{443, DPI_IP_UDP, PROTO_QUIC},
		{80, DPI_IP_TCP, PROTO_HTTP},	{53, DPI_IP_UDP, PROTO_DNS},
		{53, DPI_IP_TCP, PROTO_DNS},	{8080, DPI_IP_TCP, PROTO_HTTP},
		{8443, DPI_IP_TCP, PROTO_TLS},	{853, DPI_IP_TCP, PROTO_TLS},
		{5353, DPI_IP_UDP, PROTO_MDNS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].port == port && rows[i].proto == proto)
			return rows[i].is;
	return PROTO_NONE;
}

/* Ends first; then an allow, whatever it speaks of; then application, then domain: as the engine's
 * judge has it. */
static struct decision decide(const struct policy *p, const struct dpi_key *key, uint8_t opener,
			      int proto_app, struct slice name)
{
	struct decision d = policy_match_flow(p, key, opener), by_app = {0}, by_name = {0};
	struct policy_whom whom = {.count = 0};

	if (d.rule)
		return d;
	policy_whom_ends(p, key, &whom);
	if (proto_app != APP_UNKNOWN)
		by_app = policy_match_app(p, &whom, proto_app);
	if (name.len)
		by_name = policy_match_name(p, &whom, name);
	if (by_app.rule && !by_app.is_block)
		return by_app;
	if (by_name.rule && by_name.kind != RULE_DOMAIN && by_name.is_block)
		return by_name;
	return by_app.rule ? by_app : by_name;
}

void ingest_judge(const struct policy *p, const struct catalogue *c, const struct ingest_record *r,
		  struct ingest_verdict *out)
{
	struct slice name = name_slice(&r->name);
	struct dpi_packet packet;
	uint8_t opener = packet_of(r, &packet);
	uint16_t port = dpi_be16(packet.key.port[opener == 0 ? 1 : 0]); /* the responder's */
	int proto_app = catalogue_of_proto(c, proto_of(r->proto, port), port);
	const struct rule *rule;
	struct decision d;

	d = decide(p, &packet.key, opener, proto_app, name);
	rule = policy_rule(p, d.rule);
	*out = (struct ingest_verdict){.is_dropped = d.is_block, .app = APP_UNKNOWN};
	if (name.len)
		out->app = catalogue_classify(c, name);
	if (out->app == APP_UNKNOWN)
		out->app = proto_app;
	if (rule)
		rule_label(rule, out->reason, sizeof(out->reason));
}

/* --- the policy ------------------------------------------------------------------------------- */

/* Of the rules in force, whose state is told by *text (taken). */
static int policy_make(struct api_ingest *i, struct text *text, struct fault *f)
{
	const struct catalogue *c = i->api->catalogue;
	struct rule_apps names = catalogue_rule_apps(c);
	struct policy_apps apps = catalogue_policy_apps(c);
	struct rules *rules = NULL;
	struct policy *p;
	uint64_t seed = 0;
	struct text whole = {0};
	int err = inforce_text(i->api, &whole, f);

	if (!err)
		err = rules_parse_whole(slice_of(whole.at ? whole.at : "", whole.len),
					"the rules in force", &names, RULES_FORCE, &rules, f);
	text_clear(&whole);
	if (err)
		return err;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = api_now_ms();
	p = policy_new(rules, &apps, seed);
	rules_free(rules);
	if (!p)
		return fault_set(f, -ENOMEM, "out of memory");
	policy_free(i->policy);
	text_clear(&i->rules);
	i->policy = p;
	i->rules = *text;
	*text = (struct text){0};
	return 0;
}

int ingest_policy(struct api_ingest *i, const struct policy **out, struct fault *f)
{
	struct text text = {0};
	int err = inforce_state(i->api, &text, f);

	if (!err && text.failed)
		err = fault_set(f, -ENOMEM, "out of memory");
	pthread_mutex_lock(&i->lock);
	if (!err && (!i->policy || !slice_equal(slice_of(text.at, text.len),
						slice_of(i->rules.at, i->rules.len))))
		err = policy_make(i, &text, f);
	text_clear(&text);
	*out = i->policy;
	if (err)
		pthread_mutex_unlock(&i->lock);
	return err;
}

void ingest_release(struct api_ingest *i)
{
	pthread_mutex_unlock(&i->lock);
}

int ingest_open(struct api *api, struct api_ingest **out, struct fault *f)
{
	struct api_ingest *i = calloc(1, sizeof(*i));

	if (!i)
		return fault_set(f, -ENOMEM, "out of memory");
	i->api = api;
	pthread_mutex_init(&i->lock, NULL);
	*out = i;
	return 0;
}

void ingest_close(struct api_ingest *i)
{
	if (!i)
		return;
	policy_free(i->policy);
	text_clear(&i->rules);
	pthread_mutex_destroy(&i->lock);
	free(i);
}
