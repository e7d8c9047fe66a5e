/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: thousands of random sets of rules against a slow reference that reads the rules as a
 * person would, and against a kernel played by hand with the very entries it would be given.
 */
#include "policy/policy.h"
#include "support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- a kernel played by hand ------------------------------------------------------------------ */

enum { ENTRIES_MAX = 8192 };

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
	k->name_count = k->addr_count = k->net_count = k->port_count = 0;
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
static const char *const toy_categories[TOY_APPS] = {NULL, "one", "one", "two"};

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

static const char *toy_category(const void *ctx, int app)
{
	return toy_categories[app];
}

static const char *toy_resolve_category(const void *ctx, struct slice name, struct fault *nearest)
{
	for (int i = 1; i < TOY_APPS; i++)
		if (slice_equal(name, slice_text(toy_categories[i])))
			return toy_categories[i];
	return NULL;
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

/* The rules that are read: all, or those that say `learnt:`. */
struct reading {
	const struct rules *rules;
	const struct toy *toy;
	bool is_learnt;
};

/* The first matching domain rule, the widest first, "=name" last; 0 for none. */
static uint64_t slow_domain(const struct reading *read, const char *name, bool is_allow)
{
	size_t best_len = SIZE_MAX;
	uint64_t best = 0;

	for (size_t i = 0; i < rules_count(read->rules); i++) {
		const struct rule *r = rules_at(read->rules, i);
		char domain[300];
		size_t rank = 2 * rule_subject(r).len + r->is_exact;

		sprintf(domain, "%.*s", (int)rule_subject(r).len, rule_subject(r).at);
		if (r->kind != RULE_DOMAIN || r->is_allow != is_allow ||
		    (read->is_learnt && !r->is_learnt))
			continue;
		if (r->is_exact ? strcmp(name, domain) != 0 : !is_below(name, domain))
			continue;
		if (rank < best_len) {
			best_len = rank;
			best = r->id;
		}
	}
	return best;
}

static uint64_t slow_app(const struct reading *read, const char *name, bool is_allow)
{
	const struct toy *toy = read->toy;
	uint64_t best = 0;
	size_t longest = 0;
	int app = 0;

	for (size_t i = 0; i < toy->suffix_count; i++) {
		if (strlen(toy->suffix[i]) < longest || !is_below(name, toy->suffix[i]))
			continue;
		longest = strlen(toy->suffix[i]);
		app = toy->app[i];
	}
	for (size_t i = 0; app && i < rules_count(read->rules); i++) {
		const struct rule *r = rules_at(read->rules, i);

		if (r->kind != RULE_APP || r->is_allow != is_allow ||
		    (read->is_learnt && !r->is_learnt))
			continue;
		if (!r->is_category && slice_equal(rule_subject(r), slice_text(toy_names[app])))
			return r->id;
		if (!best && r->is_category &&
		    slice_equal(rule_subject(r), slice_text(toy_categories[app])))
			best = r->id;
	}
	return best;
}

static struct decision slow_name(const struct reading *read, const char *name)
{
	uint64_t domain = slow_domain(read, name, true);
	uint64_t app = slow_app(read, name, true);

	if (domain)
		return (struct decision){domain, RULE_DOMAIN, false};
	if (app)
		return (struct decision){app, RULE_APP, false};
	app = slow_app(read, name, false);
	domain = slow_domain(read, name, false);
	if (app)
		return (struct decision){app, RULE_APP, true};
	return (struct decision){domain, RULE_DOMAIN, domain != 0};
}

/* By the rules that say `learnt:`; but what all rules together allow is not blocked. */
static struct decision slow_learnt(const struct rules *rules, const struct toy *toy,
				   const char *name)
{
	const struct reading all = {rules, toy, false}, some = {rules, toy, true};
	struct decision d = slow_name(&some, name), other = slow_name(&all, name);

	return d.is_block && other.rule && !other.is_block
		       ? (struct decision){0, RULE_DOMAIN, false}
		       : d;
}

static struct rules *random_name_rules(uint64_t *random, const struct rule_apps *apps)
{
	struct rules *rules = rules_new();
	size_t count = next_random(random) % 12;

	while (count--) {
		bool is_allow = next_random(random) % 4 == 0;
		char value[80] = "";

		strcpy(value, next_random(random) % 3 == 0 ? "learnt:" : "");
		if (next_random(random) % 4 == 0) {
			static const char *const calls[] = {"A", "B", "C", "category:one",
							    "category:two"};

			strcat(value, calls[next_random(random) % COUNT(calls)]);
			assert_true(rules_add(rules, RULE_APP, is_allow, slice_text(value), apps, 0,
					      NULL) >= 0);
			continue;
		}
		strcat(value, next_random(random) % 3 == 0 ? "=" : "");
		random_name(random, value + strlen(value), 4);
		assert_true(rules_add(rules, RULE_DOMAIN, is_allow, slice_text(value), apps,
				      RULES_FORCE, NULL) >= 0);
	}
	return rules;
}

static void assert_decision(const char *what, const char *name, struct decision got,
			    struct decision want)
{
	if (got.rule != want.rule || got.is_block != want.is_block ||
	    (got.rule && got.kind != want.kind))
		fail_msg("%s: %s: %llx %d, not %llx %d", what, name, (unsigned long long)got.rule,
			 got.is_block, (unsigned long long)want.rule, want.is_block);
}

static void test_names_against_reference(void **state)
{
	struct kernel *kernel = malloc(sizeof(*kernel));
	uint64_t random = 1;
	size_t blocks = 0, allows = 0, learnt = 0;

	for (int set = 0; set < 4000; set++) {
		struct toy toy;
		struct rule_apps apps = {&toy, toy_resolve, toy_resolve_category};
		struct policy_apps owned = {&toy, toy_find, TOY_APPS, 0, toy_suffix, toy_category};
		struct rules *rules = random_name_rules(&random, &apps);
		struct policy *p;

		random_toy(&random, &toy);
		owned.suffix_count = toy.suffix_count;
		p = policy_new(rules, &owned, next_random(&random));
		assert_non_null(p);
		kernel_fill(kernel, p);
		for (int n = 0; n < 50; n++) {
			const struct reading all = {rules, &toy, false};
			struct decision want;
			char name[64];

			random_name(&random, name, 5);
			want = slow_learnt(rules, &toy, name);
			assert_decision("learnt", name,
					policy_match_learnt(p, NULL, slice_text(name)), want);
			learnt += want.is_block;
			want = slow_name(&all, name);
			assert_decision("own", name, policy_match_name(p, NULL, slice_text(name)),
					want);
			assert_int_equal(kernel_name(kernel, name), want.is_block ? want.rule : 0);
			blocks += want.is_block;
			allows += want.rule && !want.is_block;
		}
		policy_free(p);
		rules_free(rules);
	}
	/* The random sets do meet the names. */
	assert_true(blocks > 10000 && allows > 10000 && learnt > 5000);
	free(kernel);
}

/* Names that share endings, over so many labels that most are nobody's. */
static void crowd_name(uint64_t *random, char *out, unsigned labels_least)
{
	unsigned count = labels_least + (unsigned)(next_random(random) % 4);

	out[0] = '\0';
	while (count--) {
		unsigned most = count ? 200 : 4; /* few end alike in their last label */

		sprintf(out + strlen(out), "l%u%s", (unsigned)(next_random(random) % most),
			count ? "." : "");
	}
}

static struct rules *crowd_rules(uint64_t *random, unsigned labels_least)
{
	static const char *const heads[] = {"", "", "", "", "", "=", "learnt:", "learnt:="};
	struct rules *rules = rules_new();

	for (int i = 0; i < 4000; i++) {
		char value[80];

		strcpy(value, heads[next_random(random) % COUNT(heads)]);
		crowd_name(random, value + strlen(value), labels_least);
		assert_true(rules_add(rules, RULE_DOMAIN, next_random(random) % 8 == 0,
				      slice_text(value), NULL, RULES_FORCE, NULL) >= 0);
	}
	return rules;
}

/* A name that has to do with the rules: one of theirs, below it, above it, or a letter beside. */
static void name_near(uint64_t *random, const struct rules *rules, char *out)
{
	struct slice subject =
		rule_subject(rules_at(rules, next_random(random) % rules_count(rules)));
	unsigned way = (unsigned)(next_random(random) % 5);

	sprintf(out, "%s%.*s",
		way == 1   ? "below."
		: way == 2 ? "x"
			   : "",
		(int)subject.len, subject.at);
	if (way == 3 && strchr(out, '.'))
		memmove(out, strchr(out, '.') + 1, strlen(strchr(out, '.') + 1) + 1);
	if (way == 4)
		crowd_name(random, out, 1);
}

/* Thousands of rules, with a catalogue and without, with rules for a top domain and without. */
static void test_many_names_against_reference(void **state)
{
	struct kernel *kernel = malloc(sizeof(*kernel));
	size_t blocks = 0, allows = 0, silent = 0;
	uint64_t random = 3;

	for (int set = 0; set < 6; set++) {
		struct toy toy = {.suffix_count = 0};
		struct policy_apps owned = {&toy, toy_find, TOY_APPS, 0, toy_suffix, toy_category};
		struct rules *rules = crowd_rules(&random, set % 2 ? 1 : 2);
		struct policy *p = policy_new(rules, set < 3 ? &owned : NULL, next_random(&random));

		assert_non_null(p);
		kernel_fill(kernel, p);
		for (int n = 0; n < 1500; n++) {
			const struct reading all = {rules, &toy, false};
			struct decision want;
			char name[96];

			name_near(&random, rules, name);
			want = slow_learnt(rules, &toy, name);
			assert_decision("learnt", name,
					policy_match_learnt(p, NULL, slice_text(name)), want);
			want = slow_name(&all, name);
			assert_decision("own", name, policy_match_name(p, NULL, slice_text(name)),
					want);
			assert_int_equal(kernel_name(kernel, name), want.is_block ? want.rule : 0);
			blocks += want.is_block;
			allows += want.rule && !want.is_block;
			silent += !want.rule;
		}
		policy_free(p);
		rules_free(rules);
	}
	assert_true(blocks > 1000 && allows > 500 && silent > 1000);
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
		struct dpi_addr net;

		if (r->kind != RULE_IP || r->is_allow != is_allow || r->ip.side != side ||
		    (r->ip.bits == 128) != is_host)
			continue;
		net = rule_addr(r);
		if (!addr_in_net(a, &net, r->ip.bits))
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_against_reference),
		cmocka_unit_test(test_many_names_against_reference),
		cmocka_unit_test(test_flows_against_reference),
	};

	return cmocka_run_group_tests_name("policy_reference", tests, NULL, NULL);
}
