/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: decisions in their fixed order, of rules as people write them against the shipped
 * catalogue.
 */
#include "classify/catalogue.h"
#include "policy/policy.h"
#include "support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
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

/* The same, with what is in its lists in the form of processes (rules_whole.c). */
static struct policy *policy_of_whole(const struct catalogue *c, const char *text)
{
	struct rule_apps apps = catalogue_rule_apps(c);
	struct policy_apps owned = catalogue_policy_apps(c);
	struct rules *rules = NULL, *again = NULL;
	struct fault f = {""};
	struct policy *p;
	char *whole;
	size_t len;

	if (rules_parse_whole(slice_text(text), "t", &apps, 0, &rules, &f))
		fail_msg("%s", f.text);
	whole = rules_format_whole(rules, &len);
	if (rules_parse_whole(slice_of(whole, len), "again", &apps, 0, &again, &f))
		fail_msg("%s", f.text);
	free(whole);
	p = policy_new(again, &owned, 0x1234567);
	assert_non_null(p);
	rules_free(rules);
	rules_free(again);
	return p;
}

static void show(const struct policy *p, struct decision d, char *out, size_t size)
{
	const struct rule *rule = policy_rule(p, d.rule);

	out[0] = '\0';
	if (!rule)
		return;
	if (rule->kind != RULE_LIST)
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
	{"a category", "[BLOCKED_APPS] category:social", "www.tiktok.com", "app:category:social"},
	{"any case", "[BLOCKED_APPS] Category:SOCIAL", "x.com", "app:category:social"},
	{"another category", "[BLOCKED_APPS] category:social", "www.youtube.com", ""},
	{"an application's own rule comes before its category's",
	 "[BLOCKED_APPS] category:social TikTok", "www.tiktok.com", "app:TikTok"},
	{"its neighbour keeps the category's", "[BLOCKED_APPS] category:social TikTok",
	 "www.reddit.com", "app:category:social"},
	{"an allowed application of a blocked category",
	 "[BLOCKED_APPS] category:social\n[ALLOWED_APPS] Reddit", "www.reddit.com",
	 "allow-app:Reddit"},
	{"an allowed category beats a blocked application",
	 "[BLOCKED_APPS] Reddit\n[ALLOWED_APPS] category:social", "www.reddit.com",
	 "allow-app:category:social"},
	{"an allowed domain beats a category",
	 "[BLOCKED_APPS] category:social\n[ALLOWED_DOMAINS] old.reddit.com", "old.reddit.com",
	 "allow-domain:old.reddit.com"},
	{"a category before a domain",
	 "[BLOCKED_DOMAINS] reddit.com\n[BLOCKED_APPS] category:social", "reddit.com",
	 "app:category:social"},
	{"a longer suffix of another category is not blocked", "[BLOCKED_APPS] category:search",
	 "youtubei.googleapis.com", ""},
	{"a rule that says learnt is a rule for own names too",
	 "[BLOCKED_DOMAINS] learnt:a.example", "x.a.example", "domain:learnt:a.example"},
	{"so for applications", "[BLOCKED_APPS] learnt:YouTube", "youtu.be", "app:learnt:YouTube"},
	{"and categories", "[BLOCKED_APPS] learnt:category:music", "open.spotify.com",
	 "app:learnt:category:music"},
	{"and a name alone", "[BLOCKED_DOMAINS] learnt:=a.example", "x.a.example", ""},
};

static const struct named_row {
	const char *why, *rules, *name, *label; /* label "": no rule speaks */
} learnt_names[] = {
	{"a rule that does not say learnt", "[BLOCKED_DOMAINS] a.example", "a.example", ""},
	{"an application that does not", "[BLOCKED_APPS] YouTube category:social", "x.com", ""},
	{"a domain and all below", "[BLOCKED_DOMAINS] learnt:a.example", "x.a.example",
	 "domain:learnt:a.example"},
	{"any case of the word", "[BLOCKED_DOMAINS] LEARNT:*.A.example", "x.a.example",
	 "domain:learnt:a.example"},
	{"exactly", "[BLOCKED_DOMAINS] learnt:=a.example", "a.example", "domain:learnt:=a.example"},
	{"exactly, not below", "[BLOCKED_DOMAINS] learnt:=a.example", "x.a.example", ""},
	{"an application", "[BLOCKED_APPS] learnt:YouTube", "r1.googlevideo.com",
	 "app:learnt:YouTube"},
	{"a longer suffix of another application", "[BLOCKED_APPS] learnt:Google",
	 "youtubei.googleapis.com", ""},
	{"a category", "[BLOCKED_APPS] learnt:category:social", "x.com",
	 "app:learnt:category:social"},
	{"the rule that says it, though another speaks first",
	 "[BLOCKED_APPS] YouTube\n[BLOCKED_DOMAINS] learnt:youtube.com", "youtube.com",
	 "domain:learnt:youtube.com"},
	{"any allow protects", "[BLOCKED_DOMAINS] learnt:a.example\n[ALLOWED_DOMAINS] b.a.example",
	 "b.a.example", ""},
	{"an allow that says learnt speaks",
	 "[BLOCKED_DOMAINS] learnt:a.example\n[ALLOWED_DOMAINS] learnt:b.a.example", "b.a.example",
	 "allow-domain:learnt:b.a.example"},
	{"no look-alike", "[BLOCKED_DOMAINS] learnt:a.example", "ba.example", ""},
	{"nothing", "[BLOCKED_DOMAINS] learnt:a.example", "", ""},
};

static void test_names(void **state)
{
	struct catalogue *c = catalogue_new();

	for (size_t i = 0; i < COUNT(names); i++) {
		struct policy *p;
		char label[300];

		p = policy_of(c, names[i].rules);
		show(p, policy_match_name(p, NULL, slice_text(names[i].name)), label,
		     sizeof(label));
		if (strcmp(label, names[i].label) != 0)
			fail_msg("%s: '%s', not '%s'", names[i].why, label, names[i].label);
		policy_free(p);
	}
	catalogue_free(c);
}

static void test_learnt_names(void **state)
{
	struct catalogue *c = catalogue_new();

	for (size_t i = 0; i < COUNT(learnt_names); i++) {
		const struct named_row *row = &learnt_names[i];
		struct policy *p = policy_of(c, row->rules);
		char label[300];

		show(p, policy_match_learnt(p, NULL, slice_text(row->name)), label, sizeof(label));
		if (strcmp(label, row->label) != 0)
			fail_msg("%s: '%s', not '%s'", row->why, label, row->label);
		policy_free(p);
	}
	catalogue_free(c);
}

/* The rule is stored by the category's name: a later catalogue gives it later applications. */
static void test_category_of_a_later_catalogue(void **state)
{
	char path[] = "/tmp/test_policy.XXXXXX";
	static const char text[] = "[Agora]\ncategory = social\ndomain = agora.example\n";
	struct catalogue *c = catalogue_new();
	struct policy *p = policy_of(c, "[BLOCKED_APPS] category:social"), *later;
	struct policy_apps owned;
	struct fault f = {""};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	if (catalogue_load(c, path, &f))
		fail_msg("%s", f.text);
	unlink(path);
	owned = catalogue_policy_apps(c);
	later = policy_new(policy_rules(p), &owned, 1);
	assert_int_equal(rules_count(policy_rules(later)), 1);
	assert_false(policy_match_name(p, NULL, slice_text("www.agora.example")).is_block);
	assert_true(policy_match_name(later, NULL, slice_text("www.agora.example")).is_block);
	policy_free(later);
	policy_free(p);
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
		{"[BLOCKED_IPS] 10.0.0.1", DPI_CONFIG_ADDRS | DPI_CONFIG_BLOCKS},
		{"[BLOCKED_IPS] 10.0.0.0/8", DPI_CONFIG_NETS | DPI_CONFIG_BLOCKS},
		{"[BLOCKED_PORTS] 80/udp", DPI_CONFIG_PORTS | DPI_CONFIG_BLOCKS},
		{"[BLOCKED_DOMAINS] a.example", DPI_CONFIG_NAMES | DPI_CONFIG_BLOCKS},
		{"[BLOCKED_DOMAINS] learnt:a.example", DPI_CONFIG_NAMES | DPI_CONFIG_BLOCKS},
		{"[BLOCKED_APPS] category:music", DPI_CONFIG_NAMES | DPI_CONFIG_BLOCKS},
		{"[ALLOWED_APPS] YouTube", DPI_CONFIG_NAMES},
		{"[ALLOWED_IPS] 10.0.0.1", DPI_CONFIG_ADDRS},
		{"[BLOCKED_APPS] QUIC", DPI_CONFIG_BLOCKS}, /* no name stands for it */
	};
	struct catalogue *c = catalogue_new();
	struct policy *p = policy_of(c, "[BLOCKED_APPS] QUIC YouTube DNS\n[ALLOWED_APPS] DNS");
	char label[300];

	show(p, policy_match_app(p, NULL, catalogue_find(c, slice_text("QUIC"))), label,
	     sizeof(label));
	assert_string_equal(label, "app:QUIC");
	show(p, policy_match_app(p, NULL, catalogue_find(c, slice_text("DNS"))), label,
	     sizeof(label));
	assert_string_equal(label, "allow-app:DNS");
	assert_int_equal(policy_match_app(p, NULL, catalogue_find(c, slice_text("HTTP"))).rule, 0);
	assert_int_equal(policy_match_app(p, NULL, APP_UNKNOWN).rule, 0);
	assert_int_equal(policy_match_app(p, NULL, -1).rule, 0);
	assert_int_equal(policy_match_app(p, NULL, 1 << 30).rule, 0);
	assert_int_equal(policy_seed(p), 0x1234567);
	assert_int_equal(rules_count(policy_rules(p)), 4);
	assert_null(policy_rule(p, 0));
	assert_null(policy_rule(p, 42));
	policy_free(p);
	policy_free(NULL);
	p = policy_of(c, "[BLOCKED_APPS] category:protocols ECH\n[ALLOWED_APPS] HTTPS");
	show(p, policy_match_app(p, NULL, catalogue_of_sign(c, SIGN_DOH)), label, sizeof(label));
	assert_string_equal(label, "app:category:protocols");
	show(p, policy_match_app(p, NULL, catalogue_of_sign(c, SIGN_ECH)), label, sizeof(label));
	assert_string_equal(label, "app:ECH");
	show(p, policy_match_app(p, NULL, catalogue_of_proto(c, PROTO_TLS, 443)), label,
	     sizeof(label));
	assert_string_equal(label, "allow-app:HTTPS");
	assert_int_equal(policy_match_app(p, NULL, APP_UNKNOWN).rule, 0);
	policy_free(p);
	for (size_t i = 0; i < COUNT(rows); i++) {
		p = policy_of(c, rows[i].rules);
		assert_int_equal(policy_config_flags(p), rows[i].flags);
		assert_int_equal(policy_blocks(p), (rows[i].flags & DPI_CONFIG_BLOCKS) != 0);
		policy_free(p);
	}
	catalogue_free(c);
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
			assert_int_equal(policy_match_name(p, NULL, slice_text(name)).is_block,
					 catalogue_classify(c, slice_text(name)) == app);
			assert_int_equal(policy_match_name(p, NULL, suffix).is_block, owner == app);
		}
		policy_free(p);
	}
	catalogue_free(c);
}

/* Two lists that block and one that allows. */
#define LISTS "[BLOCKED_LISTS]\na /a\nb /b\n[ALLOWED_LISTS]\ng /g\n"
#define A         \
	"list:a " \
	"78\nads.example\n=only.example\n@fine.ads.example\n@=only.good.ads.example\nx.example\n"
#define B "list:b 34\nfine.ads.example\nx.example\nb.test\n"
#define G "allow-list:g 22\n=x.example\n@ok.b.test\n"

static const struct {
	const char *why, *rules, *name, *label;
} listed[] = {
	{"a name of a list", "", "ads.example", "list:a"},
	{"a name below it", "", "deep.in.ads.example", "list:a"},
	{"a name beside it", "", "bads.example", ""},
	{"a name alone", "", "only.example", "list:a"},
	{"nothing below a name alone", "", "www.only.example", ""},
	{"an exception silences every list", "", "fine.ads.example", ""},
	{"and below", "", "www.fine.ads.example", ""},
	{"an exception of a name alone", "", "only.good.ads.example", ""},
	{"not below that", "", "www.only.good.ads.example", "list:a"},
	{"the first of two lists", "", "www.x.example", "list:a"},
	{"a list that allows", "", "x.example", "allow-list:g"},
	{"what it excepts it allows", "", "www.ok.b.test", "allow-list:g"},
	{"a name of the second list", "", "b.test", "list:b"},
	{"a single rule comes first", "[BLOCKED_DOMAINS] =www.ads.example", "www.ads.example",
	 "domain:=www.ads.example"},
	{"also a wider one", "[BLOCKED_DOMAINS] b.test", "www.b.test", "domain:b.test"},
	{"also of the same name", "[BLOCKED_DOMAINS] b.test", "b.test", "domain:b.test"},
	{"no exception of a list frees from it", "[BLOCKED_DOMAINS] fine.ads.example",
	 "fine.ads.example", "domain:fine.ads.example"},
	{"a single allow beats a list", "[ALLOWED_DOMAINS] www.b.test", "www.b.test",
	 "allow-domain:www.b.test"},
	{"and is the reason beside a list that allows", "[ALLOWED_DOMAINS] =x.example", "x.example",
	 "allow-domain:=x.example"},
	{"a list that allows beats a single block", "[BLOCKED_DOMAINS] x.example", "x.example",
	 "allow-list:g"},
	{"an application comes before a list", "[BLOCKED_APPS] YouTube\n[BLOCKED_DOMAINS] b.test",
	 "www.youtube.com", "app:YouTube"},
};

static int find_name(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	struct {
		uint64_t hash;
		struct dpi_name_rule rule;
	} *wanted = ctx;

	if (hash == wanted->hash)
		wanted->rule = *r;
	return hash == wanted->hash;
}

/* What the kernel would say of a name, by the entries that it is given. */
static uint64_t kernel_says(const struct policy *p, const char *name)
{
	struct {
		uint64_t hash;
		struct dpi_name_rule rule;
	} wanted;
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, policy_seed(p));
	for (size_t i = strlen(name) + 1; i-- > 0;) {
		wanted.hash = w.hash;
		if ((i == 0 || name[i - 1] == '.') && policy_each_name(p, find_name, &wanted))
			dpi_name_walk_found(&w, &wanted.rule, i == 0);
		if (i)
			dpi_name_walk_byte(&w, (__u8)name[i - 1]);
	}
	return dpi_name_walk_block(&w, 0);
}

static void test_lists(void **state)
{
	struct catalogue *c = catalogue_new();
	char text[1024], label[300];

	for (size_t i = 0; i < COUNT(listed); i++) {
		struct decision d;
		struct policy *p;

		print_message("%s\n", listed[i].why);
		snprintf(text, sizeof(text), "%s\n" LISTS "\n[CONTENTS]\n" A B G, listed[i].rules);
		p = policy_of_whole(c, text);
		d = policy_match_name(p, NULL, slice_text(listed[i].name));
		show(p, d, label, sizeof(label));
		assert_string_equal(label, listed[i].label);
		assert_true(kernel_says(p, listed[i].name) == (d.is_block ? d.rule : 0));
		assert_true(policy_hears_names(p) && policy_blocks(p));
		policy_free(p);
	}
	catalogue_free(c);
}

static const struct {
	const char *why, *rules, *addr, *label;
} listed_addrs[] = {
	{"an address", "", "203.0.113.9", "list:a"},
	{"an address in a network", "", "198.51.100.77", "list:a"},
	{"an address outside", "", "198.51.101.1", ""},
	{"an address of IPv6", "", "2001:db8::5", "list:a"},
	{"one that another list allows", "", "198.51.100.1", "allow-list:g"},
	{"a single rule comes first", "[BLOCKED_IPS] 203.0.113.9", "203.0.113.9", "ip:203.0.113.9"},
	{"also for the network around", "[BLOCKED_IPS] 203.0.113.0/24", "203.0.113.9",
	 "ip:203.0.113.0/24"},
	{"also wider than the list's network", "[BLOCKED_IPS] 198.51.0.0/16", "198.51.100.77",
	 "ip:198.51.0.0/16"},
	{"a list's narrower network elsewhere", "[BLOCKED_IPS] 198.51.101.0/24", "198.51.100.77",
	 "list:a"},
	{"a single allow", "[ALLOWED_IPS] 198.51.100.0/25", "198.51.100.77",
	 "allow-ip:198.51.100.0/25"},
};

static void test_listed_addrs(void **state)
{
	struct catalogue *c = catalogue_new();
	char text[1024], label[300];

	for (size_t i = 0; i < COUNT(listed_addrs); i++) {
		struct dpi_key key = {.proto = DPI_IP_TCP};
		struct policy *p;

		print_message("%s\n", listed_addrs[i].why);
		snprintf(text, sizeof(text),
			 "%s\n" LISTS
			 "\n[CONTENTS]\nlist:a 42\n203.0.113.9\n198.51.100.0/24\n2001:db8::/32\n"
			 "allow-list:g 13\n198.51.100.1\n",
			 listed_addrs[i].rules);
		p = policy_of_whole(c, text);
		assert_int_equal(addr_parse(slice_text(listed_addrs[i].addr), &key.addr[1]), 0);
		show(p, policy_match_flow(p, &key, 0), label, sizeof(label));
		assert_string_equal(label, listed_addrs[i].label);
		policy_free(p);
	}
	catalogue_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_listed_addrs),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_learnt_names),
		cmocka_unit_test(test_category_of_a_later_catalogue),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_apps_and_flags),
		cmocka_unit_test(test_each_stops),
		cmocka_unit_test(test_policy_agrees_with_classify),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
