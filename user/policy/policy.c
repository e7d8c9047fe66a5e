/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the tables of one set of rules joined into decisions, in the fixed order: an allow,
 * then address, port, application, domain. Everything here is built by policy_new and never
 * changed; any number of threads may ask. Address rules are asked in the kernel's order: the key's
 * end 0 before end 1, an address before the network around it, either side before one side.
 */
#include "policy/policy_inside.h"
#include "policy/list.h"

#include <errno.h>
#include <stdlib.h>

static const uint8_t port_protos[PORT_TABLES] = {DPI_IP_TCP, DPI_IP_UDP};

/* What stands in where there is no catalogue. */
static int find_none(const void *ctx, struct slice proper_name)
{
	return -1;
}
static const struct policy_apps no_apps = {.find = find_none};

const struct policy_apps *policy_apps_or_none(const struct policy_apps *apps)
{
	return apps && apps->find ? apps : &no_apps;
}

static void set_once(__u64 *field, __u64 id)
{
	if (!*field)
		*field = id;
}

struct survey survey_of(const struct rules *rules)
{
	const struct rules_counts *counts = rules_counts(rules);
	struct survey s = {.has_learnt = counts->learnt, .has_devices = counts->of_devices};
	struct rules_walk w = {0};
	const struct rule *rule;

	for (int kind = 0; kind < RULE_LIST; kind++) {
		s.has_kind[kind] = counts->of[kind][false] || counts->of[kind][true];
		s.has_block |= counts->of[kind][false];
	}
	/* A list is of the kinds that its entries are. */
	while ((rule = rules_next_of(rules, &w, RULES_OF_KIND(RULE_LIST)))) {
		const struct list *list = rules_list(rules, rule->id);

		if (!list)
			continue;
		s.has_kind[RULE_DOMAIN] |= list_name_count(list) > 0;
		s.has_kind[RULE_IP] |= list_addr_count(list) > 0;
		s.has_block |= !rule->is_allow;
	}
	return s;
}

static int build_ports(struct end_rules *e, const struct rules *rules)
{
	struct rules_walk w = {0};
	const struct rule *rule;

	while ((rule = rules_next_of(rules, &w, RULES_OF_KIND(RULE_PORT)))) {
		for (int t = 0; t < PORT_TABLES; t++) {
			if (rule->port.proto && rule->port.proto != port_protos[t])
				continue;
			if (!e->port[t])
				e->port[t] = calloc(PORT_COUNT, sizeof(__u64));
			if (!e->port[t])
				return -ENOMEM;
			set_once(&e->port[t][rule->port.port], rule->id);
		}
	}
	return 0;
}

void end_rules_drop(struct end_rules *e)
{
	if (!e || --e->owners)
		return;
	for (int t = 0; t < PORT_TABLES; t++)
		free(e->port[t]);
	addr_table_clear(&e->addrs);
	free(e);
}

struct end_rules *end_rules_new(const struct rules *rules, const struct survey *s)
{
	struct end_rules *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->owners = 1;
	if ((s->has_kind[RULE_PORT] && build_ports(e, rules)) ||
	    (s->has_kind[RULE_IP] && addr_table_build(&e->addrs, rules))) {
		end_rules_drop(e);
		return NULL;
	}
	return e;
}

/* The tables of names: of all rules, or of those that say `learnt:`. */
static int build_names(struct policy *p, const struct policy_apps *apps)
{
	struct app_rule_sets app = {.is_learnt = true};
	bool has_apps = p->survey.has_kind[RULE_APP];
	int err = has_apps ? app_rules_build(&p->apps, p->rules, apps) : 0;

	if (!err)
		p->names.table = name_table_new(p->rules, apps, &p->apps, p->seed);
	if (!p->names.table)
		return -ENOMEM;
	if (!p->survey.has_learnt)
		return 0;
	err = has_apps ? app_rules_build(&app, p->rules, apps) : 0;
	if (!err)
		p->learnt.table = name_table_new(p->rules, apps, &app, p->seed);
	app_rules_clear(&app);
	return p->learnt.table ? 0 : -ENOMEM;
}

struct policy *policy_new(const struct rules *rules, const struct policy_apps *apps, uint64_t seed)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	apps = policy_apps_or_none(apps);
	p->seed = seed;
	p->rules = rules_copy(rules);
	if (!p->rules)
		goto fail;
	p->survey = survey_of(p->rules);
	p->ends = end_rules_new(p->rules, &p->survey);
	if (!p->ends || (p->survey.has_devices && device_table_build(&p->devices, p->rules)) ||
	    build_names(p, apps))
		goto fail;
	return p;
fail:
	policy_free(p);
	return NULL;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	end_rules_drop(p->ends);
	app_rules_clear(&p->apps);
	name_rules_drop(&p->names);
	name_rules_drop(&p->learnt);
	device_table_clear(&p->devices);
	rules_free(p->rules);
	free(p);
}

const struct rules *policy_rules(const struct policy *p)
{
	return p->rules;
}

const struct rule *policy_rule(const struct policy *p, uint64_t id)
{
	return id ? rules_by_id(p->rules, id) : NULL;
}

uint64_t policy_seed(const struct policy *p)
{
	return p->seed;
}

static struct decision decide(uint64_t rule, enum rule_kind kind, bool is_block)
{
	return (struct decision){.rule = rule, .kind = kind, .is_block = is_block};
}

/* What the rules say of a flow's addresses so far. */
struct addr_say {
	__u64 block, allow;
};

static void hear_addr(struct addr_say *say, const struct dpi_addr_rule *r, bool is_src)
{
	if (!r)
		return;
	set_once(&say->allow, r->allow_any);
	set_once(&say->allow, is_src ? r->allow_src : r->allow_dst);
	set_once(&say->block, r->block_any);
	set_once(&say->block, is_src ? r->block_src : r->block_dst);
}

uint64_t policy_port(const struct policy *p, uint8_t proto, uint16_t port)
{
	for (int t = 0; t < PORT_TABLES; t++)
		if (proto == port_protos[t] && p->ends->port[t])
			return p->ends->port[t][port];
	return 0;
}

static uint64_t match_port(const struct policy *p, const struct dpi_key *key, uint8_t opener)
{
	return policy_port(p, key->proto, dpi_be16(key->port[opener == 0 ? 1 : 0]));
}

struct decision policy_match_flow(const struct policy *p, const struct dpi_key *key, uint8_t opener)
{
	struct addr_say say = {0, 0};
	uint64_t port;

	if (!p->survey.has_kind[RULE_IP] && !p->survey.has_kind[RULE_PORT])
		return decide(0, RULE_PORT, false);
	for (int end = 0; end < 2; end++) {
		bool is_src = (end == 0) == (opener == 0);

		hear_addr(&say, addr_table_host(&p->ends->addrs, &key->addr[end]), is_src);
		hear_addr(&say, addr_table_net(&p->ends->addrs, &key->addr[end]), is_src);
	}
	if (say.allow)
		return decide(say.allow, RULE_IP, false);
	if (say.block)
		return decide(say.block, RULE_IP, true);
	port = match_port(p, key, opener);
	return decide(port, RULE_PORT, port != 0);
}

static struct decision match_name(const struct name_rules *n, const struct policy_whom *whom,
				  struct slice name)
{
	struct dpi_name_walk w = n->layer ? name_layer_walk(n, whom, name)
					  : name_table_walk(n->table, whom, name);

	if (w.domain_allow)
		return decide(w.domain_allow, RULE_DOMAIN, false);
	if (w.own_allow || w.app_allow)
		return decide(w.own_allow ? w.own_allow : w.app_allow, RULE_APP, false);
	if (w.list_allow)
		return decide(w.list_allow, RULE_DOMAIN, false);
	if (w.own_block || w.app_block)
		return decide(w.own_block ? w.own_block : w.app_block, RULE_APP, true);
	if (!w.domain_block && !w.is_spared)
		w.domain_block = w.list_block;
	return decide(w.domain_block, RULE_DOMAIN, w.domain_block != 0);
}

bool policy_hears_names(const struct policy *p)
{
	return p->survey.has_kind[RULE_APP] || p->survey.has_kind[RULE_DOMAIN];
}

void policy_await_name(const struct policy *p, struct slice name)
{
	name_table_await(p->names.table, name);
}

struct decision policy_match_name(const struct policy *p, const struct policy_whom *whom,
				  struct slice name)
{
	return match_name(&p->names, whom, name);
}

struct decision policy_match_learnt(const struct policy *p, const struct policy_whom *whom,
				    struct slice name)
{
	struct decision d = decide(0, RULE_DOMAIN, false), all;

	if (p->learnt.table)
		d = match_name(&p->learnt, whom, name);
	if (!d.is_block)
		return d;
	all = match_name(&p->names, whom, name);
	return all.rule && !all.is_block ? decide(0, RULE_DOMAIN, false) : d;
}

static bool is_of(const struct policy_whom *whom, uint64_t device)
{
	for (unsigned i = 0; whom && i < whom->count; i++)
		if (whom->id[i] == device)
			return true;
	return false;
}

struct decision policy_match_app(const struct policy *p, const struct policy_whom *whom, int app)
{
	uint64_t block = 0;

	if (app < 0 || (size_t)app >= p->apps.app_count)
		return decide(0, RULE_APP, false);
	/* The rules of all are the first and are asked last. */
	for (size_t i = p->apps.count; i-- > 0;) {
		const struct app_rules *a = &p->apps.at[i];

		if (i && !is_of(whom, a->device))
			continue;
		if (a->allow[app])
			return decide(a->allow[app], RULE_APP, false);
		if (!block)
			block = a->block[app];
	}
	return decide(block, RULE_APP, block != 0);
}

int policy_each_name(const struct policy *p,
		     int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx)
{
	return name_rules_each(&p->names, fn, ctx);
}

int policy_each_addr(const struct policy *p,
		     int (*fn)(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r),
		     void *ctx)
{
	int stop = 0;

	for (size_t i = 0; i < p->ends->addrs.host_count && !stop; i++)
		stop = fn(ctx, &p->ends->addrs.host[i].addr, &p->ends->addrs.host[i].rule);
	return stop;
}

int policy_each_net(const struct policy *p,
		    int (*fn)(void *ctx, const struct dpi_net_key *k,
			      const struct dpi_addr_rule *r),
		    void *ctx)
{
	int stop = 0;

	for (size_t i = 0; i < p->ends->addrs.net_count && !stop; i++) {
		const struct addr_entry *e = &p->ends->addrs.net[i];
		struct dpi_net_key key = {.prefix_len = e->bits, .addr = e->addr};

		stop = fn(ctx, &key, &e->rule);
	}
	return stop;
}

int policy_each_port(const struct policy *p,
		     int (*fn)(void *ctx, uint8_t proto, uint16_t port, uint64_t rule), void *ctx)
{
	int stop = 0;

	for (int t = 0; t < PORT_TABLES; t++)
		for (unsigned port = 0; p->ends->port[t] && port < PORT_COUNT && !stop; port++)
			if (p->ends->port[t][port])
				stop = fn(ctx, port_protos[t], (uint16_t)port,
					  p->ends->port[t][port]);
	return stop;
}

size_t policy_name_count(const struct policy *p)
{
	return name_rules_count(&p->names);
}

bool policy_blocks(const struct policy *p)
{
	return p->survey.has_block;
}

uint32_t policy_config_flags(const struct policy *p)
{
	uint32_t flags = 0;

	if (p->ends->addrs.host_count)
		flags |= DPI_CONFIG_ADDRS;
	if (p->ends->addrs.net_count)
		flags |= DPI_CONFIG_NETS;
	if (p->ends->port[0] || p->ends->port[1])
		flags |= DPI_CONFIG_PORTS;
	if (policy_name_count(p) || p->survey.has_devices)
		flags |= DPI_CONFIG_NAMES;
	if (p->devices.net_count)
		flags |= DPI_CONFIG_DEVICE_NETS;
	if (p->devices.mac_count)
		flags |= DPI_CONFIG_DEVICE_MACS;
	if (p->survey.has_block)
		flags |= DPI_CONFIG_BLOCKS;
	return flags;
}
