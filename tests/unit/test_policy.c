/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: decisions in their fixed order; then thousands of random sets of rules against a
 * slow reference that reads the rules as a person would, and against a kernel played by hand with
 * the very entries it would be given.
 */
#include "classify/catalogue.h"
#include "policy/policy.h"
#include "support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Rules in text form against the shipped catalogue. */
static struct policy *policy_of(const struct catalogue *c, const char *text)
{
	struct rule_apps apps = catalogue_rule_apps(c);
	struct policy_apps owned = catalogue_policy_apps(c);
	struct rules *rules = NULL;
	struct fault f = {""};
	struct policy *p;

	if (rules_parse(slice_text(text), "t", &apps, 0, &rules, &f))
		fail_msg("%s", f.text);
	p = policy_new(rules, &owned, 0x1234567);
	assert_non_null(p);
	rules_free(rules);
	return p;
}

static void show(const struct policy *p, struct decision d, char *out, size_t size)
{
	const struct rule *rule = policy_rule(p, d.rule);

	out[0] = '\0';
	if (!rule)
		return;
	assert_int_equal(d.kind, rule->kind);
	assert_int_equal(d.is_block, !rule->is_allow);
	rule_label(rule, out, size);
}

static const struct {
	const char *why, *rules, *name, *label; /* label "": no rule speaks */
} names[] = {
	{"no rules", "", "youtube.com", ""},
	{"an application", "[BLOCKED_APPS] YouTube", "www.youtube.com", "app:YouTube"},
	{"another of its domains", "[BLOCKED_APPS] YouTube", "a.googlevideo.com", "app:YouTube"},
	{"a suffix of another's domain", "[BLOCKED_APPS] YouTube", "youtubei.googleapis.com",
	 "app:YouTube"},
	{"the other keeps its domain", "[BLOCKED_APPS] YouTube", "www.googleapis.com", ""},
	{"a longer suffix is not blocked", "[BLOCKED_APPS] Google", "youtubei.googleapis.com", ""},
	{"nor what is below it", "[BLOCKED_APPS] Google", "a.youtubei.googleapis.com", ""},
	{"what is beside it is", "[BLOCKED_APPS] Google", "www.googleapis.com", "app:Google"},
	{"no look-alike", "[BLOCKED_APPS] YouTube", "notyoutube.com", ""},
	{"no name below another", "[BLOCKED_APPS] YouTube", "youtube.com.evil.example", ""},
	{"a domain and all below", "[BLOCKED_DOMAINS] a.example", "x.y.a.example",
	 "domain:a.example"},
	{"the domain itself", "[BLOCKED_DOMAINS] *.a.example", "a.example", "domain:a.example"},
	{"not above", "[BLOCKED_DOMAINS] a.example", "example", ""},
	{"not beside", "[BLOCKED_DOMAINS] a.example", "ba.example", ""},
	{"exactly", "[BLOCKED_DOMAINS] =a.example", "a.example", "domain:=a.example"},
	{"exactly, not below", "[BLOCKED_DOMAINS] =a.example", "x.a.example", ""},
	{"application first", "[BLOCKED_DOMAINS] youtube.com\n[BLOCKED_APPS] YouTube",
	 "youtube.com", "app:YouTube"},
	{"the wider domain is the reason", "[BLOCKED_DOMAINS] b.a.example a.example", "b.a.example",
	 "domain:a.example"},
	{"an allowed domain beats an application",
	 "[BLOCKED_APPS] YouTube\n[ALLOWED_DOMAINS] music.youtube.com", "x.music.youtube.com",
	 "allow-domain:music.youtube.com"},
	{"it allows only itself", "[BLOCKED_APPS] YouTube\n[ALLOWED_DOMAINS] music.youtube.com",
	 "www.youtube.com", "app:YouTube"},
	{"an allowed domain beats a narrower block",
	 "[BLOCKED_DOMAINS] b.a.example\n[ALLOWED_DOMAINS] a.example", "b.a.example",
	 "allow-domain:a.example"},
	{"an exact allow", "[BLOCKED_DOMAINS] a.example\n[ALLOWED_DOMAINS] =a.example", "a.example",
	 "allow-domain:=a.example"},
	{"an exact allow allows nothing below",
	 "[BLOCKED_DOMAINS] a.example\n[ALLOWED_DOMAINS] =a.example", "b.a.example",
	 "domain:a.example"},
	{"allowed app, blocked domain", "[BLOCKED_DOMAINS] youtube.com\n[ALLOWED_APPS] YouTube",
	 "youtube.com", "allow-app:YouTube"},
	{"allowed app does not reach its neighbour",
	 "[BLOCKED_DOMAINS] ggpht.com\n[ALLOWED_APPS] Google", "yt3.ggpht.com", "domain:ggpht.com"},
	{"an app both blocked and allowed", "[BLOCKED_APPS] X\n[ALLOWED_APPS] Twitter", "x.com",
	 "allow-app:Twitter"},
	{"an IDN",
	 "[BLOCKED_DOMAINS] b\xc3\xbc"
	 "cher.example",
	 "www.xn--bcher-kva.example", "domain:xn--bcher-kva.example"},
	{"bytes no host has, below a domain", "[BLOCKED_DOMAINS] a.example", "\x1b x.a.example",
	 "domain:a.example"},
	{"a leading dot", "[BLOCKED_DOMAINS] a.example", ".a.example", "domain:a.example"},
	{"nothing", "[BLOCKED_DOMAINS] a.example", "", ""},
	{"a dot", "[BLOCKED_DOMAINS] a.example", ".", ""},
};

static void test_names(void **state)
{
	struct catalogue *c = catalogue_new();

	for (size_t i = 0; i < COUNT(names); i++) {
		struct policy *p;
		char label[300];

		p = policy_of(c, names[i].rules);
		show(p, policy_match_name(p, slice_text(names[i].name)), label, sizeof(label));
		if (strcmp(label, names[i].label) != 0)
			fail_msg("%s: '%s', not '%s'", names[i].why, label, names[i].label);
		policy_free(p);
	}
	catalogue_free(c);
}

/* A key in canonical order; *opener is the end that src became. */
static struct dpi_key key_of(const char *src, uint16_t sport, const char *dst, uint16_t dport,
			     uint8_t proto, uint8_t *opener)
{
	struct dpi_key key;

	memset(&key, 0, sizeof(key));
	assert_int_equal(addr_parse(slice_text(src), &key.addr[0]), 0);
	assert_int_equal(addr_parse(slice_text(dst), &key.addr[1]), 0);
	key.port[0] = dpi_be16(sport);
	key.port[1] = dpi_be16(dport);
	key.proto = proto;
	*opener = dpi_key_order(&key);
	return key;
}

static const struct {
	const char *why, *rules, *src, *dst;
	uint16_t sport, dport;
	uint8_t proto;
	const char *label;
} flows[] = {
	{"no rules", "", "10.0.0.1", "10.0.0.2", 1, 2, 6, ""},
	{"the opener's address", "[BLOCKED_IPS] 10.0.0.1", "10.0.0.1", "10.0.0.2", 1, 2, 6,
	 "ip:10.0.0.1"},
	{"the responder's address", "[BLOCKED_IPS] 10.0.0.2", "10.0.0.1", "10.0.0.2", 1, 2, 6,
	 "ip:10.0.0.2"},
	{"another address", "[BLOCKED_IPS] 10.0.0.3", "10.0.0.1", "10.0.0.2", 1, 2, 6, ""},
	{"src is the opener", "[BLOCKED_IPS] src:10.0.0.9", "10.0.0.9", "10.0.0.2", 1, 2, 6,
	 "ip:src:10.0.0.9"},
	{"src is not the responder", "[BLOCKED_IPS] src:10.0.0.9", "10.0.0.2", "10.0.0.9", 1, 2, 6,
	 ""},
	{"dst is the responder", "[BLOCKED_IPS] dst:10.0.0.9", "10.0.0.2", "10.0.0.9", 1, 2, 6,
	 "ip:dst:10.0.0.9"},
	{"dst is not the opener", "[BLOCKED_IPS] dst:10.0.0.9", "10.0.0.9", "10.0.0.2", 1, 2, 6,
	 ""},
	{"a network", "[BLOCKED_IPS] 10.0.0.0/8", "192.0.2.1", "10.9.9.9", 1, 2, 17,
	 "ip:10.0.0.0/8"},
	{"the narrower network is the reason", "[BLOCKED_IPS] 10.0.0.0/8 10.9.0.0/16", "192.0.2.1",
	 "10.9.9.9", 1, 2, 17, "ip:10.9.0.0/16"},
	{"a wider network's side inside a narrower", "[BLOCKED_IPS] dst:10.0.0.0/8 src:10.9.0.0/16",
	 "192.0.2.1", "10.9.9.9", 1, 2, 17, "ip:dst:10.0.0.0/8"},
	{"an allow beats a block", "[BLOCKED_IPS] 10.0.0.1\n[ALLOWED_IPS] 10.0.0.0/8", "10.0.0.1",
	 "192.0.2.2", 1, 2, 6, "allow-ip:10.0.0.0/8"},
	{"an allow of the other end", "[BLOCKED_IPS] 10.0.0.1\n[ALLOWED_IPS] 192.0.2.2", "10.0.0.1",
	 "192.0.2.2", 1, 2, 6, "allow-ip:192.0.2.2"},
	{"all of IPv6 is not IPv4", "[BLOCKED_IPS] ::/0", "10.0.0.1", "10.0.0.2", 1, 2, 6, ""},
	{"all of IPv6 is IPv6", "[BLOCKED_IPS] ::/0", "2001:db8::1", "2001:db8::2", 1, 2, 6,
	 "ip:::/0"},
	{"IPv4 inside all of IPv6", "[BLOCKED_IPS] ::/0 10.0.0.0/8", "10.0.0.1", "192.0.2.2", 1, 2,
	 6, "ip:10.0.0.0/8"},
	{"all of IPv4", "[BLOCKED_IPS] 0.0.0.0/0", "10.0.0.1", "192.0.2.2", 1, 2, 6,
	 "ip:0.0.0.0/0"},
	{"all of IPv4 is not IPv6", "[BLOCKED_IPS] 0.0.0.0/0", "2001:db8::1", "2001:db8::2", 1, 2,
	 6, ""},
	{"the responder's port", "[BLOCKED_PORTS] 443", "10.0.0.9", "10.0.0.2", 50000, 443, 6,
	 "port:443"},
	{"not the opener's port", "[BLOCKED_PORTS] 443", "10.0.0.9", "10.0.0.2", 443, 50000, 6, ""},
	{"the other order of the key", "[BLOCKED_PORTS] 443", "10.0.0.2", "10.0.0.9", 50000, 443, 6,
	 "port:443"},
	{"a port of TCP", "[BLOCKED_PORTS] 443/tcp", "10.0.0.2", "10.0.0.9", 50000, 443, 6,
	 "port:443/tcp"},
	{"not of UDP", "[BLOCKED_PORTS] 443/tcp", "10.0.0.2", "10.0.0.9", 50000, 443, 17, ""},
	{"the first of two for a port", "[BLOCKED_PORTS] 443 443/udp", "10.0.0.2", "10.0.0.9",
	 50000, 443, 17, "port:443"},
	{"a protocol without ports", "[BLOCKED_PORTS] 443", "10.0.0.2", "10.0.0.9", 50000, 443, 132,
	 ""},
	{"an address before a port", "[BLOCKED_PORTS] 443\n[BLOCKED_IPS] 10.0.0.9", "10.0.0.2",
	 "10.0.0.9", 50000, 443, 6, "ip:10.0.0.9"},
	{"an allowed address beats a port", "[BLOCKED_PORTS] 443\n[ALLOWED_IPS] src:10.0.0.2",
	 "10.0.0.2", "10.0.0.9", 50000, 443, 6, "allow-ip:src:10.0.0.2"},
};

static void test_flows(void **state)
{
	struct catalogue *c = catalogue_new();

	for (size_t i = 0; i < COUNT(flows); i++) {
		struct policy *p = policy_of(c, flows[i].rules);
		uint8_t opener;
		struct dpi_key key = key_of(flows[i].src, flows[i].sport, flows[i].dst,
					    flows[i].dport, flows[i].proto, &opener);
		char label[300];

		show(p, policy_match_flow(p, &key, opener), label, sizeof(label));
		if (strcmp(label, flows[i].label) != 0)
			fail_msg("%s: '%s', not '%s'", flows[i].why, label, flows[i].label);
		policy_free(p);
	}
	catalogue_free(c);
}

static void test_apps_and_flags(void **state)
{
	static const struct {
		const char *rules;
		uint32_t flags;
	} rows[] = {
		{"", 0},
		{"[BLOCKED_IPS] 10.0.0.1", DPI_CONFIG_ADDRS},
		{"[BLOCKED_IPS] 10.0.0.0/8", DPI_CONFIG_NETS},
		{"[BLOCKED_PORTS] 80/udp", DPI_CONFIG_PORTS},
		{"[BLOCKED_DOMAINS] a.example", DPI_CONFIG_NAMES},
		{"[ALLOWED_APPS] YouTube", DPI_CONFIG_NAMES},
		{"[BLOCKED_APPS] QUIC", 0}, /* no name stands for it */
	};
	struct catalogue *c = catalogue_new();
	struct policy *p = policy_of(c, "[BLOCKED_APPS] QUIC YouTube DNS\n[ALLOWED_APPS] DNS");
	char label[300];

	show(p, policy_match_app(p, catalogue_find(c, slice_text("QUIC"))), label, sizeof(label));
	assert_string_equal(label, "app:QUIC");
	show(p, policy_match_app(p, catalogue_find(c, slice_text("DNS"))), label, sizeof(label));
	assert_string_equal(label, "allow-app:DNS");
	assert_int_equal(policy_match_app(p, catalogue_find(c, slice_text("HTTP"))).rule, 0);
	assert_int_equal(policy_match_app(p, APP_UNKNOWN).rule, 0);
	assert_int_equal(policy_match_app(p, -1).rule, 0);
	assert_int_equal(policy_match_app(p, 1 << 30).rule, 0);
	assert_int_equal(policy_seed(p), 0x1234567);
	assert_int_equal(rules_count(policy_rules(p)), 4);
	assert_null(policy_rule(p, 0));
	assert_null(policy_rule(p, 42));
	policy_free(p);
	policy_free(NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		p = policy_of(c, rows[i].rules);
		assert_int_equal(policy_config_flags(p), rows[i].flags);
		policy_free(p);
	}
	catalogue_free(c);
}

/* --- a kernel played by hand ------------------------------------------------------------------ */

enum { ENTRIES_MAX = 512 };

struct kernel {
	uint64_t seed;
	size_t name_count, addr_count, net_count, port_count;
	uint64_t hash[ENTRIES_MAX];
	struct dpi_name_rule name[ENTRIES_MAX];
	struct dpi_addr addr[ENTRIES_MAX];
	struct dpi_addr_rule addr_rule[ENTRIES_MAX];
	struct dpi_net_key net[ENTRIES_MAX];
	struct dpi_addr_rule net_rule[ENTRIES_MAX];
	struct {
		uint8_t proto;
		uint16_t port;
		uint64_t rule;
	} port[ENTRIES_MAX];
};

static int take_name(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	struct kernel *k = ctx;

	assert_true(k->name_count < ENTRIES_MAX);
	for (size_t i = 0; i < k->name_count; i++)
		assert_true(k->hash[i] != hash);
	k->hash[k->name_count] = hash;
	k->name[k->name_count++] = *r;
	return 0;
}

static int take_addr(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r)
{
	struct kernel *k = ctx;

	assert_true(k->addr_count < ENTRIES_MAX);
	for (size_t i = 0; i < k->addr_count; i++)
		assert_memory_not_equal(&k->addr[i], a, sizeof(*a));
	k->addr[k->addr_count] = *a;
	k->addr_rule[k->addr_count++] = *r;
	return 0;
}

static int take_net(void *ctx, const struct dpi_net_key *key, const struct dpi_addr_rule *r)
{
	struct kernel *k = ctx;

	assert_true(k->net_count < ENTRIES_MAX);
	assert_true(key->prefix_len < 128);
	for (size_t i = 0; i < k->net_count; i++)
		assert_memory_not_equal(&k->net[i], key, sizeof(*key));
	k->net[k->net_count] = *key;
	k->net_rule[k->net_count++] = *r;
	return 0;
}

static int take_port(void *ctx, uint8_t proto, uint16_t port, uint64_t rule)
{
	struct kernel *k = ctx;

	assert_true(k->port_count < ENTRIES_MAX);
	k->port[k->port_count].proto = proto;
	k->port[k->port_count].port = port;
	k->port[k->port_count++].rule = rule;
	return 0;
}

static void kernel_fill(struct kernel *k, const struct policy *p)
{
	memset(k, 0, sizeof(*k));
	k->seed = policy_seed(p);
	assert_int_equal(policy_each_name(p, take_name, k), 0);
	assert_int_equal(policy_each_addr(p, take_addr, k), 0);
	assert_int_equal(policy_each_net(p, take_net, k), 0);
	assert_int_equal(policy_each_port(p, take_port, k), 0);
}

static void kernel_step(const struct kernel *k, struct dpi_name_walk *w, bool is_whole)
{
	for (size_t i = 0; i < k->name_count; i++)
		if (k->hash[i] == w->hash)
			dpi_name_walk_found(w, &k->name[i], is_whole);
}

static uint64_t kernel_name(const struct kernel *k, const char *name)
{
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, k->seed);
	for (size_t i = strlen(name); i-- > 0;) {
		if (name[i] == '.')
			kernel_step(k, &w, false);
		dpi_name_walk_byte(&w, (__u8)name[i]);
	}
	kernel_step(k, &w, true);
	return dpi_name_walk_block(&w, 0);
}

static void kernel_hear(const struct dpi_addr_rule *r, bool is_src, uint64_t *block,
			uint64_t *allow)
{
	uint64_t side = is_src ? r->allow_src : r->allow_dst;

	if (!*allow)
		*allow = r->allow_any ? r->allow_any : side;
	side = is_src ? r->block_src : r->block_dst;
	if (!*block)
		*block = r->block_any ? r->block_any : side;
}

/* The rule that drops a flow: exact address, then longest prefix, then port. */
static uint64_t kernel_flow(const struct kernel *k, const struct dpi_key *key, uint8_t opener)
{
	uint64_t block = 0, allow = 0;

	for (int end = 0; end < 2; end++) {
		bool is_src = end == opener;
		int best = -1;

		for (size_t i = 0; i < k->addr_count; i++)
			if (memcmp(&k->addr[i], &key->addr[end], 16) == 0)
				kernel_hear(&k->addr_rule[i], is_src, &block, &allow);
		for (size_t i = 0; i < k->net_count; i++) {
			struct dpi_addr net = k->net[i].addr;

			if (addr_in_net(&key->addr[end], &net, (uint8_t)k->net[i].prefix_len) &&
			    (best < 0 || k->net[i].prefix_len > k->net[best].prefix_len))
				best = (int)i;
		}
		if (best >= 0)
			kernel_hear(&k->net_rule[best], is_src, &block, &allow);
	}
	if (allow || block)
		return allow ? 0 : block;
	for (size_t i = 0; i < k->port_count; i++)
		if (k->port[i].proto == key->proto &&
		    k->port[i].port == dpi_be16(key->port[!opener]))
			return k->port[i].rule;
	return 0;
}

/* --- the reference: rules as a person reads them -----------------------------------------------
 */

enum { TOY_APPS = 4, TOY_SUFFIXES = 12 };

/* A small catalogue whose suffixes nest. */
struct toy {
	char suffix[TOY_SUFFIXES][32];
	int app[TOY_SUFFIXES];
	size_t suffix_count;
};

static const char *const toy_names[TOY_APPS] = {"Unknown", "A", "B", "C"};

static int toy_find(const void *ctx, struct slice name)
{
	for (int i = 1; i < TOY_APPS; i++)
		if (slice_equal(name, slice_text(toy_names[i])))
			return i;
	return -1;
}

static const char *toy_resolve(const void *ctx, struct slice name, struct fault *nearest)
{
	int app = toy_find(ctx, name);

	return app < 0 ? NULL : toy_names[app];
}

static struct slice toy_suffix(const void *ctx, size_t i, int *app)
{
	const struct toy *toy = ctx;

	*app = toy->app[i];
	return slice_text(toy->suffix[i]);
}

/* Few labels, so that random names often lie below each other. */
static void random_name(uint64_t *random, char *out, unsigned labels_most)
{
	static const char *const labels[] = {"a", "b", "ab", "xn--a"};
	unsigned count = 1 + (unsigned)(next_random(random) % labels_most);

	out[0] = '\0';
	while (count--) {
		strcat(out, labels[next_random(random) % COUNT(labels)]);
		strcat(out, count ? "." : "");
	}
}

static void random_toy(uint64_t *random, struct toy *toy)
{
	size_t count = next_random(random) % TOY_SUFFIXES;

	toy->suffix_count = 0;
	while (count--) {
		char *name = toy->suffix[toy->suffix_count];
		bool is_there = false;

		random_name(random, name, 4);
		for (size_t i = 0; i < toy->suffix_count; i++)
			is_there |= strcmp(toy->suffix[i], name) == 0;
		if (!is_there)
			toy->app[toy->suffix_count++] = 1 + (int)(next_random(random) % 3);
	}
}

static bool is_below(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n >= s && strcmp(name + n - s, suffix) == 0 && (n == s || name[n - s - 1] == '.');
}

/* The first matching domain rule, the widest first, "=name" last; 0 for none. */
static uint64_t slow_domain(const struct rules *rules, const char *name, bool is_allow)
{
	size_t best_len = SIZE_MAX;
	uint64_t best = 0;

	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);
		size_t rank = 2 * strlen(r->value);

		if (r->kind != RULE_DOMAIN || r->is_allow != is_allow)
			continue;
		if (r->is_exact ? strcmp(name, r->value + 1) != 0 : !is_below(name, r->value))
			continue;
		if (rank < best_len) {
			best_len = rank;
			best = r->id;
		}
	}
	return best;
}

static uint64_t slow_app(const struct rules *rules, const struct toy *toy, const char *name,
			 bool is_allow)
{
	size_t longest = 0;
	int app = 0;

	for (size_t i = 0; i < toy->suffix_count; i++) {
		if (strlen(toy->suffix[i]) < longest || !is_below(name, toy->suffix[i]))
			continue;
		longest = strlen(toy->suffix[i]);
		app = toy->app[i];
	}
	for (size_t i = 0; app && i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		if (r->kind == RULE_APP && r->is_allow == is_allow &&
		    strcmp(r->value, toy_names[app]) == 0)
			return r->id;
	}
	return 0;
}

static struct decision slow_name(const struct rules *rules, const struct toy *toy, const char *name)
{
	uint64_t domain = slow_domain(rules, name, true);
	uint64_t app = slow_app(rules, toy, name, true);

	if (domain)
		return (struct decision){domain, RULE_DOMAIN, false};
	if (app)
		return (struct decision){app, RULE_APP, false};
	app = slow_app(rules, toy, name, false);
	domain = slow_domain(rules, name, false);
	if (app)
		return (struct decision){app, RULE_APP, true};
	return (struct decision){domain, RULE_DOMAIN, domain != 0};
}

static struct rules *random_name_rules(uint64_t *random, const struct rule_apps *apps)
{
	struct rules *rules = rules_new();
	size_t count = next_random(random) % 12;

	while (count--) {
		bool is_allow = next_random(random) % 4 == 0;
		char value[64] = "";

		if (next_random(random) % 4 == 0) {
			value[0] = (char)('A' + next_random(random) % 3);
			value[1] = '\0';
			rules_add(rules, RULE_APP, is_allow, slice_text(value), apps, 0, NULL);
			continue;
		}
		strcpy(value, next_random(random) % 3 == 0 ? "=" : "");
		random_name(random, value + strlen(value), 4);
		assert_true(rules_add(rules, RULE_DOMAIN, is_allow, slice_text(value), apps,
				      RULES_FORCE, NULL) >= 0);
	}
	return rules;
}

static void test_names_against_reference(void **state)
{
	struct kernel *kernel = malloc(sizeof(*kernel));
	uint64_t random = 1;
	size_t blocks = 0, allows = 0;

	for (int set = 0; set < 4000; set++) {
		struct toy toy;
		struct rule_apps apps = {.ctx = &toy, .resolve = toy_resolve};
		struct policy_apps owned = {&toy, toy_find, TOY_APPS, 0, toy_suffix};
		struct rules *rules = random_name_rules(&random, &apps);
		struct policy *p;

		random_toy(&random, &toy);
		owned.suffix_count = toy.suffix_count;
		p = policy_new(rules, &owned, next_random(&random));
		assert_non_null(p);
		kernel_fill(kernel, p);
		for (int n = 0; n < 50; n++) {
			struct decision want, got;
			char name[64];

			random_name(&random, name, 5);
			want = slow_name(rules, &toy, name);
			got = policy_match_name(p, slice_text(name));
			if (got.rule != want.rule || got.is_block != want.is_block ||
			    (got.rule && got.kind != want.kind))
				fail_msg("set %d: %s: %llx %d, not %llx %d", set, name,
					 (unsigned long long)got.rule, got.is_block,
					 (unsigned long long)want.rule, want.is_block);
			assert_int_equal(kernel_name(kernel, name), want.is_block ? want.rule : 0);
			blocks += want.is_block;
			allows += want.rule && !want.is_block;
		}
		policy_free(p);
		rules_free(rules);
	}
	assert_true(blocks > 10000 && allows > 10000); /* the random sets do meet the names */
	free(kernel);
}

/* An address of a small crowd: few bits vary, in IPv4 and in IPv6 close to it and far. */
static struct dpi_addr random_addr(uint64_t *random)
{
	static const char *const near[] = {"10.0.0.0", "::fffe:a00:0",
					   "2001:db8::", "::", "10.128.0.0"};
	struct dpi_addr a;

	assert_int_equal(addr_parse(slice_text(near[next_random(random) % COUNT(near)]), &a), 0);
	a.b[15] = (uint8_t)(next_random(random) % 8);
	a.b[14] = (uint8_t)(next_random(random) % 2);
	return a;
}

static struct rules *random_addr_rules(uint64_t *random)
{
	static const char *const sides[] = {"", "", "src:", "dst:"};
	struct rules *rules = rules_new();
	size_t count = next_random(random) % 14;

	while (count--) {
		struct dpi_addr a = random_addr(random);
		unsigned most = dpi_addr_is4(&a) ? 32 : 128, bits;
		char text[ADDR_TEXT_MAX], value[80];
		struct fault f = {""};

		/* Mostly long prefixes, some that hold everything. */
		bits = next_random(random) % 3 ? most - (unsigned)(next_random(random) % 6)
					       : (unsigned)(next_random(random) % (most + 1));
		snprintf(value, sizeof(value), "%s%s/%u", sides[next_random(random) % 4],
			 addr_format(&a, text), bits);
		if (rules_add(rules, RULE_IP, next_random(random) % 4 == 0, slice_text(value), NULL,
			      0, &f) < 0)
			fail_msg("%s", f.text);
	}
	if (next_random(random) % 2)
		rules_add(rules, RULE_PORT, false, slice_text("7/udp"), NULL, 0, NULL);
	if (next_random(random) % 2)
		rules_add(rules, RULE_PORT, false, slice_text("7"), NULL, 0, NULL);
	return rules;
}

/* The narrowest rule of one side and kind around an address; hosts or networks only. */
static uint64_t slow_addr(const struct rules *rules, const struct dpi_addr *a, bool is_allow,
			  enum rule_side side, bool is_host)
{
	int longest = -1;
	uint64_t best = 0;

	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		if (r->kind != RULE_IP || r->is_allow != is_allow || r->ip.side != side ||
		    (r->ip.bits == 128) != is_host || !addr_in_net(a, &r->ip.addr, r->ip.bits))
			continue;
		if (dpi_addr_is4(a) && r->ip.bits < 96) /* written as IPv6 */
			continue;
		if (r->ip.bits > longest) {
			longest = r->ip.bits;
			best = r->id;
		}
	}
	return best;
}

static uint64_t slow_addrs(const struct rules *rules, const struct dpi_key *key, uint8_t opener,
			   bool is_allow)
{
	for (int end = 0; end < 2; end++) {
		enum rule_side side = end == opener ? RULE_SIDE_SRC : RULE_SIDE_DST;

		for (int is_net = 0; is_net < 2; is_net++) {
			uint64_t any = slow_addr(rules, &key->addr[end], is_allow, RULE_SIDE_ANY,
						 !is_net);

			if (!any)
				any = slow_addr(rules, &key->addr[end], is_allow, side, !is_net);
			if (any)
				return any;
		}
	}
	return 0;
}

static struct decision slow_flow(const struct rules *rules, const struct dpi_key *key,
				 uint8_t opener)
{
	uint64_t rule = slow_addrs(rules, key, opener, true);

	if (rule)
		return (struct decision){rule, RULE_IP, false};
	rule = slow_addrs(rules, key, opener, false);
	if (rule)
		return (struct decision){rule, RULE_IP, true};
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		if (r->kind == RULE_PORT && (!r->port.proto || r->port.proto == key->proto) &&
		    (key->proto == DPI_IP_TCP || key->proto == DPI_IP_UDP) &&
		    r->port.port == dpi_be16(key->port[!opener]))
			return (struct decision){r->id, RULE_PORT, true};
	}
	return (struct decision){0, RULE_PORT, false};
}

static void test_flows_against_reference(void **state)
{
	static const uint8_t protos[] = {DPI_IP_TCP, DPI_IP_UDP, DPI_IP_ICMP};
	struct kernel *kernel = malloc(sizeof(*kernel));
	uint64_t random = 2;
	size_t blocks = 0, allows = 0;

	for (int set = 0; set < 4000; set++) {
		struct rules *rules = random_addr_rules(&random);
		struct policy *p = policy_new(rules, NULL, 0);

		assert_non_null(p);
		kernel_fill(kernel, p);
		for (int n = 0; n < 50; n++) {
			struct decision want, got;
			struct dpi_key key = {
				.addr = {random_addr(&random), random_addr(&random)},
				.port = {dpi_be16(7), dpi_be16(8)},
				.proto = protos[next_random(&random) % 3],
			};
			uint8_t opener = next_random(&random) % 2;

			want = slow_flow(rules, &key, opener);
			got = policy_match_flow(p, &key, opener);
			if (got.rule != want.rule || got.is_block != want.is_block ||
			    (got.rule && got.kind != want.kind))
				fail_msg("set %d, flow %d: %llx, not %llx", set, n,
					 (unsigned long long)got.rule,
					 (unsigned long long)want.rule);
			assert_int_equal(kernel_flow(kernel, &key, opener),
					 want.is_block ? want.rule : 0);
			blocks += want.is_block;
			allows += want.rule && !want.is_block;
		}
		policy_free(p);
		rules_free(rules);
	}
	assert_true(blocks > 10000 && allows > 10000);
	free(kernel);
}

static int stop_at_once(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	++*(int *)ctx;
	return -E2BIG;
}

static void test_each_stops(void **state)
{
	struct catalogue *c = catalogue_new();
	struct policy *p = policy_of(c, "[BLOCKED_DOMAINS] a.example b.example c.example");
	int calls = 0;

	assert_int_equal(policy_each_name(p, stop_at_once, &calls), -E2BIG);
	assert_int_equal(calls, 1);
	policy_free(p);
	catalogue_free(c);
}

/* Every suffix of the catalogue is decided as classify names it, whichever application is blocked.
 */
static void test_policy_agrees_with_classify(void **state)
{
	static const char *const blocked[] = {"Google", "Amazon", "Facebook", "Microsoft", "Apple"};
	struct catalogue *c = catalogue_new();
	struct policy_apps apps = catalogue_policy_apps(c);

	for (size_t b = 0; b < COUNT(blocked); b++) {
		int app = catalogue_find(c, slice_text(blocked[b]));
		char text[64];
		struct policy *p;

		snprintf(text, sizeof(text), "[BLOCKED_APPS] %s", blocked[b]);
		p = policy_of(c, text);
		for (size_t i = 0; i < apps.suffix_count; i++) {
			int owner;
			struct slice suffix = apps.suffix(apps.ctx, i, &owner);
			char name[300];

			snprintf(name, sizeof(name), "www.%.*s", (int)suffix.len, suffix.at);
			assert_int_equal(policy_match_name(p, slice_text(name)).is_block,
					 catalogue_classify(c, slice_text(name)) == app);
			assert_int_equal(policy_match_name(p, suffix).is_block, owner == app);
		}
		policy_free(p);
	}
	catalogue_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_apps_and_flags),
		cmocka_unit_test(test_names_against_reference),
		cmocka_unit_test(test_flows_against_reference),
		cmocka_unit_test(test_each_stops),
		cmocka_unit_test(test_policy_agrees_with_classify),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
