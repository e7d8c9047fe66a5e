/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: rules of one device: whom an address concerns, and what is said to whom, of rules as
 * people write them against the shipped catalogue.
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

static struct policy *policy_of(const struct catalogue *c, const char *text)
{
	struct rule_apps apps = catalogue_rule_apps(c);
	struct policy_apps owned = catalogue_policy_apps(c);
	struct rules *rules = NULL, *again = NULL;
	struct fault f = {""};
	struct policy *p;
	char *form;

	if (rules_parse(slice_text(text), "t", &apps, 0, &rules, &f))
		fail_msg("%s", f.text);
	/* What is stored means the same. */
	form = rules_format(rules);
	if (rules_parse(slice_text(form), "again", &apps, 0, &again, &f))
		fail_msg("%s", f.text);
	assert_true(rules_equal(rules, again));
	free(form);
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
	if (rule)
		rule_label(rule, out, size);
}

/* Whom an address, or what looks like a hardware address, concerns. */
static struct policy_whom whom_of(const struct policy *p, const char *text)
{
	struct policy_whom whom = {.count = 0};
	unsigned b[6];
	struct dpi_addr addr;

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) == 6) {
		uint8_t mac[6];

		for (int i = 0; i < 6; i++)
			mac[i] = (uint8_t)b[i];
		policy_whom_mac(p, mac, &whom);
		assert_int_equal(policy_knows_mac(p, mac), whom.count > 0);
	} else {
		assert_int_equal(addr_parse(slice_text(text), &addr), 0);
		policy_whom_addr(p, &addr, &whom);
	}
	return whom;
}

#define TABLET "[DEVICES]\ntablet aa:bb:cc:dd:ee:ff 192.168.1.50 2001:db8::50\n"

static const struct {
	const char *why, *rules, *whom, *name, *label; /* label "": no rule speaks */
} rows[] = {
	{"its address", "[BLOCKED_APPS] TikTok device 192.168.1.50", "192.168.1.50",
	 "www.tiktok.com", "app:TikTok device 192.168.1.50"},
	{"not the one beside", "[BLOCKED_APPS] TikTok device 192.168.1.50", "192.168.1.51",
	 "www.tiktok.com", ""},
	{"in its network", "[BLOCKED_APPS] TikTok device 192.168.1.0/28", "192.168.1.15",
	 "www.tiktok.com", "app:TikTok device 192.168.1.0/28"},
	{"behind its network", "[BLOCKED_APPS] TikTok device 192.168.1.0/28", "192.168.1.16",
	 "www.tiktok.com", ""},
	{"IPv6", "[BLOCKED_APPS] TikTok device 2001:db8::/64", "2001:db8::1:2:3:4",
	 "www.tiktok.com", "app:TikTok device 2001:db8::/64"},
	{"its hardware address", "[BLOCKED_DOMAINS] a.example device AA:BB:cc:dd:ee:ff",
	 "aa:bb:cc:dd:ee:ff", "x.a.example", "domain:a.example device aa:bb:cc:dd:ee:ff"},
	{"another's", "[BLOCKED_DOMAINS] a.example device AA:BB:cc:dd:ee:ff", "aa:bb:cc:dd:ee:fe",
	 "x.a.example", ""},
	{"a name, by address", TABLET "[BLOCKED_APPS]\nTikTok device tablet", "192.168.1.50",
	 "www.tiktok.com", "app:TikTok device tablet"},
	{"a name, by another", TABLET "[BLOCKED_APPS]\nTikTok device tablet", "2001:db8::50",
	 "www.tiktok.com", "app:TikTok device tablet"},
	{"a name, by hardware address", "[BLOCKED_APPS]\nTikTok device Tablet\n" TABLET,
	 "aa:bb:cc:dd:ee:ff", "www.tiktok.com", "app:TikTok device tablet"},
	{"a device that no rule names", TABLET "[BLOCKED_APPS] YouTube", "192.168.1.50",
	 "www.tiktok.com", ""},
	{"a rule of all holds for it", TABLET "[BLOCKED_APPS]\nTikTok\nX device tablet",
	 "192.168.1.50", "www.tiktok.com", "app:TikTok"},
	{"its own is the reason", TABLET "[BLOCKED_APPS]\nTikTok\nTikTok device tablet",
	 "192.168.1.50", "www.tiktok.com", "app:TikTok device tablet"},
	{"its allow lifts a block of all",
	 TABLET "[BLOCKED_APPS]\nTikTok\n[ALLOWED_APPS]\nTikTok device tablet", "192.168.1.50",
	 "www.tiktok.com", "allow-app:TikTok device tablet"},
	{"for it alone", TABLET "[BLOCKED_APPS]\nTikTok\n[ALLOWED_APPS]\nTikTok device tablet",
	 "192.168.1.51", "www.tiktok.com", "app:TikTok"},
	{"its allowed domain lifts an application's block",
	 TABLET "[BLOCKED_APPS]\nTikTok\n[ALLOWED_DOMAINS]\nm.tiktok.com device tablet",
	 "192.168.1.50", "m.tiktok.com", "allow-domain:m.tiktok.com device tablet"},
	{"an allow of all beats its block",
	 TABLET "[ALLOWED_DOMAINS]\ntiktok.com\n[BLOCKED_APPS]\nTikTok device tablet",
	 "192.168.1.50", "www.tiktok.com", "allow-domain:tiktok.com"},
	{"its application before a domain of all",
	 TABLET "[BLOCKED_DOMAINS]\ntiktok.com\n[BLOCKED_APPS]\nTikTok device tablet",
	 "192.168.1.50", "www.tiktok.com", "app:TikTok device tablet"},
	{"an application of all before its domain",
	 TABLET "[BLOCKED_APPS]\nTikTok\n[BLOCKED_DOMAINS]\ntiktok.com device tablet",
	 "192.168.1.50", "www.tiktok.com", "app:TikTok"},
	{"a category", TABLET "[BLOCKED_APPS]\ncategory:social device tablet", "192.168.1.50",
	 "www.tiktok.com", "app:category:social device tablet"},
	{"a suffix of another application stays its own",
	 TABLET "[BLOCKED_APPS]\nGoogle device tablet", "192.168.1.50", "youtubei.googleapis.com",
	 ""},
	{"and what is owned for all does not silence it",
	 TABLET "[BLOCKED_APPS]\nYouTube\nGoogle device tablet", "192.168.1.50",
	 "www.googleapis.com", "app:Google device tablet"},
	{"both of two that overlap: the narrower speaks",
	 "[BLOCKED_APPS]\nX device 192.168.0.0/16\nTikTok device 192.168.0.0/16\n"
	 "TikTok device 192.168.1.50",
	 "192.168.1.50", "www.tiktok.com", "app:TikTok device 192.168.1.50"},
	{"both of two that overlap: the wider speaks too",
	 "[BLOCKED_APPS]\nX device 192.168.0.0/16\nTikTok device 192.168.1.50", "192.168.1.50",
	 "x.com", "app:Twitter device 192.168.0.0/16"},
	{"four around one address",
	 "[BLOCKED_DOMAINS]\na.example device 10.0.0.0/8\nb.example device 10.1.0.0/16\n"
	 "c.example device 10.1.1.0/24\nd.example device 10.1.1.1",
	 "10.1.1.1", "a.example", "domain:a.example device 10.0.0.0/8"},
	{"exactly", "[BLOCKED_DOMAINS] =a.example device 10.0.0.1", "10.0.0.1", "x.a.example", ""},
	{"the same name of two devices: each its own",
	 "[BLOCKED_DOMAINS]\na.example device 10.0.0.1\na.example device 10.0.0.2", "10.0.0.2",
	 "a.example", "domain:a.example device 10.0.0.2"},
};

static void test_names(void **state)
{
	struct catalogue *c = catalogue_new();

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct policy *p = policy_of(c, rows[i].rules);
		struct policy_whom whom = whom_of(p, rows[i].whom);
		char label[300];

		show(p, policy_match_name(p, &whom, slice_text(rows[i].name)), label,
		     sizeof(label));
		if (strcmp(label, rows[i].label) != 0)
			fail_msg("%s: '%s', not '%s'", rows[i].why, label, rows[i].label);
		policy_free(p);
	}
	catalogue_free(c);
}

/* Without a device only the rules of all are heard; a policy without any says so. */
static void test_nobody(void **state)
{
	struct catalogue *c = catalogue_new();
	struct policy *p = policy_of(c, "[BLOCKED_APPS]\nTikTok device 10.0.0.1\nYouTube");
	struct policy *plain = policy_of(c, TABLET "[BLOCKED_APPS] YouTube");
	char label[300];

	assert_true(policy_has_devices(p));
	assert_false(policy_has_hardware(p));
	assert_true(policy_blocks(p));
	show(p, policy_match_name(p, NULL, slice_text("www.tiktok.com")), label, sizeof(label));
	assert_string_equal(label, "");
	show(p, policy_match_name(p, NULL, slice_text("youtube.com")), label, sizeof(label));
	assert_string_equal(label, "app:YouTube");
	assert_false(policy_has_devices(plain));
	assert_int_equal(whom_of(plain, "192.168.1.50").count, 0);
	policy_free(p);
	policy_free(plain);
	plain = policy_of(c, TABLET);
	assert_false(policy_blocks(plain)); /* to name a device blocks nothing */
	policy_free(plain);
	catalogue_free(c);
}

/* Applications as such, and names by hearsay. */
static void test_protocols(void **state)
{
	struct catalogue *c = catalogue_new();
	struct policy *p = policy_of(c, TABLET "[BLOCKED_APPS]\nQUIC device tablet\n"
					       "learnt:YouTube device tablet\nDNS\n"
					       "[ALLOWED_APPS]\nDNS device 10.0.0.0/8");
	struct policy_whom whom = whom_of(p, "192.168.1.50"), other = whom_of(p, "10.0.0.1");
	int quic = catalogue_find(c, slice_text("QUIC")),
	    dns = catalogue_find(c, slice_text("DNS"));
	char label[300];

	show(p, policy_match_app(p, &whom, quic), label, sizeof(label));
	assert_string_equal(label, "app:QUIC device tablet");
	assert_int_equal(policy_match_app(p, &other, quic).rule, 0);
	assert_int_equal(policy_match_app(p, NULL, quic).rule, 0);
	assert_true(policy_match_app(p, &whom, dns).is_block);
	assert_false(policy_match_app(p, &other, dns).is_block);
	show(p, policy_match_learnt(p, &whom, slice_text("youtube.com")), label, sizeof(label));
	assert_string_equal(label, "app:learnt:YouTube device tablet");
	assert_int_equal(policy_match_learnt(p, &other, slice_text("youtube.com")).rule, 0);
	policy_free(p);
	catalogue_free(c);
}

static const struct {
	const char *why, *rules, *fault;
} refused[] = {
	{"a device nobody knows", "[BLOCKED_APPS]\nTikTok device phone\n" TABLET,
	 "no device is called 'phone'"},
	{"five around one address",
	 "[BLOCKED_DOMAINS]\na.example device 10.0.0.0/8\nb.example device 10.1.0.0/16\n"
	 "c.example device 10.1.1.0/24\nd.example device 10.1.1.1\ne.example device 10.1.0.0/17",
	 "more than 4 devices"},
	{"whose is it", "[BLOCKED_DOMAINS]\na.example b.example device 10.0.0.1",
	 "t:2: whose device is this"},
	{"more behind it", "[BLOCKED_DOMAINS]\na.example device 10.0.0.1 b.example device 10.0.0.1",
	 "whose device is this"},
	{"a device of no form", "[BLOCKED_DOMAINS]\na.example device 300.0.0.1",
	 "t:2: '300.0.0.1'"},
};

static void test_refused(void **state)
{
	struct catalogue *c = catalogue_new();
	struct rule_apps apps = catalogue_rule_apps(c);

	for (size_t i = 0; i < COUNT(refused); i++) {
		struct rules *rules = NULL;
		struct fault f = {""};

		if (!rules_parse(slice_text(refused[i].rules), "t", &apps, 0, &rules, &f))
			fail_msg("%s: taken", refused[i].why);
		if (!strstr(f.text, refused[i].fault))
			fail_msg("%s: %s", refused[i].why, f.text);
	}
	catalogue_free(c);
}

/* A device of a name is what was said of it last; it goes by its name. */
static void test_definitions(void **state)
{
	struct rules *r = rules_new(), *copy;
	struct fault f = {""};

	assert_int_equal(
		rules_add(r, RULE_DEVICE, false, slice_text("tablet 10.0.0.1"), NULL, 0, &f), 1);
	copy = rules_copy(r);
	assert_int_equal(
		rules_add(r, RULE_DEVICE, false, slice_text("Tablet 10.0.0.1"), NULL, 0, &f), 0);
	assert_int_equal(
		rules_add(r, RULE_DEVICE, false, slice_text("tablet 10.0.0.2"), NULL, 0, &f), 1);
	assert_int_equal(rules_count(r), 1);
	assert_string_equal(rules_at(r, 0)->value, "tablet 10.0.0.2");
	assert_string_equal(rules_at(copy, 0)->value, "tablet 10.0.0.1");
	assert_int_equal(rules_add(r, RULE_DOMAIN, false, slice_text("a.example device tablet"),
				   NULL, 0, &f),
			 1);
	assert_int_equal(rules_check_devices(r, &f), 0);
	assert_int_equal(rules_find_device(r, slice_text("TABLET"), &f), 0);
	assert_int_equal(rules_find_device(r, slice_text("10.0.0.9"), &f), 0);
	assert_int_equal(rules_find_device(r, slice_text("phone"), &f), -EINVAL);
	assert_non_null(strstr(f.text, "dpi-xdp device add phone"));
	assert_int_equal(rules_find_device(r, slice_text("10.0.0"), &f), -EINVAL);
	assert_int_equal(rules_counts(r)->of_devices, 1);
	assert_int_equal(rules_device_count(r), 1);
	assert_int_equal(rules_remove(r, RULE_DEVICE, false, slice_text("tablet"), NULL, &f), 1);
	assert_int_not_equal(rules_check_devices(r, &f), 0);
	assert_non_null(strstr(f.text, "dpi-xdp device add tablet"));
	assert_int_equal(rules_remove(r, RULE_DOMAIN, false, slice_text("a.example"), NULL, &f), 0);
	assert_int_equal(rules_remove(r, RULE_DOMAIN, false, slice_text("a.example device tablet"),
				      NULL, &f),
			 1);
	assert_int_equal(rules_counts(r)->of_devices, 0);
	rules_free(r);
	rules_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	    cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_protocols),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_definitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
