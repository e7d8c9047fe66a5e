/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: values made canonical or refused, the text form in and out, files saved and loaded,
 * and the set itself against a plain list over random additions and removals.
 */
#include "policy/rules.h"
#include "support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* A catalogue of four, one of them of two words. */
static const char *resolve(const void *ctx, struct slice name, struct fault *nearest)
{
	static const char *const calls[][2] = {{"YouTube", "YouTube"},	       {"TikTok", "TikTok"},
					       {"Twitter", "Twitter"},	       {"X", "Twitter"},
					       {"Prime Video", "Prime Video"}, {"Prime", "Prime"}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strlen(calls[i][0]) == name.len &&
		    strncasecmp(calls[i][0], (const char *)name.at, name.len) == 0)
			return calls[i][1];
	fault_set(nearest, 0, "YouTube, TikTok");
	return NULL;
}

static const char *resolve_category(const void *ctx, struct slice name, struct fault *nearest)
{
	static const char *const categories[] = {"social", "video on demand"};

	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
		if (strlen(categories[i]) == name.len &&
		    strncasecmp(categories[i], (const char *)name.at, name.len) == 0)
			return categories[i];
	fault_set(nearest, 0, "social");
	return NULL;
}
static const struct rule_apps apps = {.resolve = resolve, .category = resolve_category};

static const struct {
	const char *why;
	enum rule_kind kind;
	const char *value, *canonical;
} good[] = {
	{"an IPv4 address", RULE_IP, "10.0.0.50", "10.0.0.50"},
	{"a network", RULE_IP, "192.168.1.0/24", "192.168.1.0/24"},
	{"host bits are cleared", RULE_IP, "10.0.0.5/8", "10.0.0.0/8"},
	{"a network of one is an address", RULE_IP, "10.0.0.5/32", "10.0.0.5"},
	{"all of IPv4", RULE_IP, "1.2.3.4/0", "0.0.0.0/0"},
	{"an IPv6 network", RULE_IP, "2001:db8::/32", "2001:db8::/32"},
	{"IPv6 in its short form", RULE_IP, "2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
	{"IPv6 host bits are cleared", RULE_IP, "2001:db8::1/32", "2001:db8::/32"},
	{"all of IPv6", RULE_IP, "::/0", "::/0"},
	{"the mapped form is IPv4", RULE_IP, "::ffff:10.0.0.7", "10.0.0.7"},
	{"a mapped network is IPv4", RULE_IP, "::ffff:10.0.0.0/104", "10.0.0.0/8"},
	{"one side", RULE_IP, "src:10.0.0.7", "src:10.0.0.7"},
	{"the other side", RULE_IP, "dst:203.0.113.9", "dst:203.0.113.9"},
	{"a side of a network", RULE_IP, "SRC:10.1.2.3/16", "src:10.1.0.0/16"},
	{"a port", RULE_PORT, "6881", "6881"},
	{"a TCP port", RULE_PORT, "8888/tcp", "8888/tcp"},
	{"a UDP port, any case", RULE_PORT, "53/UDP", "53/udp"},
	{"zeros in front", RULE_PORT, "0080", "80"},
	{"the first port", RULE_PORT, "1", "1"},
	{"the last port", RULE_PORT, "65535", "65535"},
	{"an application", RULE_APP, "YouTube", "YouTube"},
	{"any case", RULE_APP, "yOUTUBE", "YouTube"},
	{"an alias", RULE_APP, "x", "Twitter"},
	{"two words", RULE_APP, "prime video", "Prime Video"},
	{"a category", RULE_APP, "category:social", "category:social"},
	{"a category in any case", RULE_APP, "CATEGORY:Social", "category:social"},
	{"a category of three words", RULE_APP, "category:Video On Demand",
	 "category:video on demand"},
	{"learnt, an application", RULE_APP, "learnt:x", "learnt:Twitter"},
	{"learnt, a category", RULE_APP, "Learnt:Category:SOCIAL", "learnt:category:social"},
	{"learnt, a domain", RULE_DOMAIN, "Learnt:*.Example.COM.", "learnt:example.com"},
	{"learnt, a name alone", RULE_DOMAIN, "learnt:=Example.com", "learnt:=example.com"},
	{"learnt, an IDN", RULE_DOMAIN,
	 "learnt:b\xc3\xbc"
	 "cher.example",
	 "learnt:xn--bcher-kva.example"},
	{"a domain", RULE_DOMAIN, "ads.example.com", "ads.example.com"},
	{"a star", RULE_DOMAIN, "*.facebook.com", "facebook.com"},
	{"upper case, a dot at the end", RULE_DOMAIN, "*.FaceBook.COM.", "facebook.com"},
	{"the name alone", RULE_DOMAIN, "=Exact.example.com", "=exact.example.com"},
	{"an underscore", RULE_DOMAIN, "_dmarc.example.com", "_dmarc.example.com"},
	{"hyphens", RULE_DOMAIN, "r3---sn-4g5.googlevideo.com", "r3---sn-4g5.googlevideo.com"},
	{"of an address", RULE_DOMAIN, "*.Example.COM  device 192.168.1.50",
	 "example.com device 192.168.1.50"},
	{"of a network", RULE_APP, "x DEVICE 192.168.1.17/28", "Twitter device 192.168.1.16/28"},
	{"of a network of IPv6", RULE_APP, "x device 2001:DB8::/32",
	 "Twitter device 2001:db8::/32"},
	{"of a hardware address", RULE_APP, "prime video device AA-bb-0C:0d:e0:ff",
	 "Prime Video device aa:bb:0c:0d:e0:ff"},
	{"of a name", RULE_APP, "learnt:category:Social device Tablet_2.home",
	 "learnt:category:social device tablet_2.home"},
	{"of a name, a domain alone", RULE_DOMAIN, "=a.example device t", "=a.example device t"},
	{"a device", RULE_DEVICE, "Tablet AA-BB-CC-DD-EE-FF 192.168.1.50  192.168.2.0/24 FE80::1",
	 "tablet aa:bb:cc:dd:ee:ff 192.168.1.50 192.168.2.0/24 fe80::1"},
	{"a list", RULE_LIST, "Ads  HTTPS://a.example/ads.txt", "ads HTTPS://a.example/ads.txt"},
	{"a list that is a file", RULE_LIST, "my.ads_2-x /etc/ads.txt", "my.ads_2-x /etc/ads.txt"},
	{"a list, how often", RULE_LIST, "ads http://[::1]:80/ Every 90m",
	 "ads http://[::1]:80/ every 90m"},
	{"a list, in a larger unit", RULE_LIST, "ads /a every 120m", "ads /a every 2h"},
	{"a list, once a day", RULE_LIST, "ads /a every 24h", "ads /a"},
	{"an IDN", RULE_DOMAIN,
	 "b\xc3\xbc"
	 "cher.example",
	 "xn--bcher-kva.example"},
	{"an IDN in upper case", RULE_DOMAIN,
	 "*.B\xc3\x9c"
	 "CHER.example",
	 "xn--bcher-kva.example"},
	{"an A-label stays", RULE_DOMAIN, "XN--bcher-kva.example", "xn--bcher-kva.example"},
	{"non-transitional sharp s", RULE_DOMAIN, "fa\xc3\x9f.example", "xn--fa-hia.example"},
	{"a capital dotted I", RULE_DOMAIN, "\xc4\xb0stanbul.com", "xn--istanbul-o0e.com"},
	{"full-width letters and dot", RULE_DOMAIN,
	 "\xef\xbd\x85xample\xe3\x80\x82"
	 "com",
	 "example.com"},
	{"a public suffix alone, exactly", RULE_DOMAIN, "=co.uk", "=co.uk"},
	{"below a public suffix", RULE_DOMAIN, "bbc.co.uk", "bbc.co.uk"},
	{"an exception to a public suffix", RULE_DOMAIN, "www.ck", "www.ck"},
};

static void test_good_values(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct rules *r = rules_new();
		struct fault f = {""};
		const struct rule *rule;
		char label[300], want[300], subject[600];

		if (rules_add(r, good[i].kind, false, slice_text(good[i].value), &apps, 0, &f) != 1)
			fail_msg("%s: %s", good[i].why, f.text);
		rule = rules_at(r, 0);
		if (strcmp(rule->value, good[i].canonical) != 0)
			fail_msg("%s: %s", good[i].why, rule->value);
		assert_int_equal(rule->kind, good[i].kind);
		assert_int_equal(rule->is_exact, strchr(good[i].canonical, '=') != NULL);
		assert_int_equal(rule->is_learnt, strncmp(rule->value, "learnt:", 7) == 0);
		assert_int_equal(rule->is_category, strstr(rule->value, "category:") != NULL);
		snprintf(subject, sizeof(subject), "%.*s", (int)rule_subject(rule).len,
			 (const char *)rule_subject(rule).at);
		assert_null(strpbrk(subject, good[i].kind == RULE_DOMAIN || good[i].kind == RULE_APP
						     ? ":="
						     : "="));
		assert_int_equal(rule->device_len, rule_device(rule).len);
		assert_int_equal(rule->device_len != 0, strstr(good[i].canonical, " device ") != 0);
		assert_true(rule->id != 0);
		rule_label(rule, label, sizeof(label));
		snprintf(want, sizeof(want), "%s:%s", rule_kind_name(good[i].kind),
			 good[i].canonical);
		/* A list goes by its name alone, and so does a device. */
		if (rule_is_named(rule))
			*strchr(want, ' ') = '\0';
		assert_string_equal(label, want);
		/* The canonical form means the same rule, and takes it away. */
		assert_int_equal(rules_add(r, good[i].kind, false, slice_text(good[i].canonical),
					   &apps, 0, &f),
				 0);
		assert_ptr_equal(rules_by_id(r, rule->id), rules_at(r, 0));
		assert_int_equal(rules_remove(r, good[i].kind, false, slice_text(good[i].canonical),
					      &apps, &f),
				 1);
		assert_int_equal(
			rules_remove(r, good[i].kind, false, slice_text(good[i].value), &apps, &f),
			0);
		assert_int_equal(rules_count(r), 0);
		rules_free(r);
	}
}

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const struct {
	const char *why;
	enum rule_kind kind;
	const char *value;
	const char *says; /* in the fault */
} bad[] = {
	{"no address", RULE_IP, "example.com", "not an address"},
	{"an empty address", RULE_IP, "", "not an address"},
	{"three parts", RULE_IP, "10.0.0", "not an address"},
	{"a number too large", RULE_IP, "10.0.0.256", "not an address"},
	{"a length too large", RULE_IP, "10.0.0.0/33", "not an address"},
	{"a length too large for IPv6", RULE_IP, "::/129", "not an address"},
	{"no length", RULE_IP, "10.0.0.0/", "not an address"},
	{"a negative length", RULE_IP, "10.0.0.0/-1", "not an address"},
	{"a zone", RULE_IP, "fe80::1%eth0", "not an address"},
	{"two sides", RULE_IP, "src:dst:10.0.0.1", "not an address"},
	{"a side alone", RULE_IP, "src:", "not an address"},
	{"an unknown side", RULE_IP, "from:10.0.0.1", "not an address"},
	{"a range", RULE_IP, "10.0.0.1-10.0.0.9", "not an address"},
	{"port zero", RULE_PORT, "0", "1 to 65535"},
	{"a port too high", RULE_PORT, "65536", "1 to 65535"},
	{"a port that overflows", RULE_PORT, "4294967376", "1 to 65535"},
	{"a negative port", RULE_PORT, "-1", "1 to 65535"},
	{"a sign", RULE_PORT, "+80", "1 to 65535"},
	{"no number", RULE_PORT, "http", "1 to 65535"},
	{"an empty port", RULE_PORT, "", "1 to 65535"},
	{"no such protocol", RULE_PORT, "80/sctp", "1 to 65535"},
	{"a protocol and more", RULE_PORT, "80/tcpx", "1 to 65535"},
	{"a range of ports", RULE_PORT, "80-90", "1 to 65535"},
	{"an unknown application", RULE_APP, "YouTub", "did you mean YouTube, TikTok?"},
	{"an empty application", RULE_APP, "", "no known application"},
	{"an unknown category", RULE_APP, "category:sozial", "did you mean social?"},
	{"no category", RULE_APP, "category:", "no known category"},
	{"a category is no application", RULE_APP, "social", "no known application"},
	{"an application is no category", RULE_APP, "category:YouTube", "no known category"},
	{"learnt and nothing", RULE_APP, "learnt:", "no known application"},
	{"learnt twice", RULE_APP, "learnt:learnt:X", "no known application"},
	{"a category before learnt", RULE_APP, "category:learnt:social", "no known category"},
	{"a category of domains", RULE_DOMAIN, "category:social", "not a domain name"},
	{"a domain, learnt and nothing", RULE_DOMAIN, "learnt:", "empty"},
	{"a domain, learnt twice", RULE_DOMAIN, "learnt:learnt:a.example", "not a domain name"},
	{"learnt inside", RULE_DOMAIN, "=learnt:a.example", "not a domain name"},
	{"a public suffix, learnt", RULE_DOMAIN, "learnt:co.uk", "is a public suffix"},
	{"a learnt address", RULE_IP, "learnt:10.0.0.1", "not an address"},
	{"a learnt port", RULE_PORT, "learnt:80", "1 to 65535"},
	{"a device of no word", RULE_APP, "x device 192.168.1", "is no device"},
	{"a device's half", RULE_APP, "x device aa:bb:cc:dd:ee", "is no device"},
	{"a device with a digit first", RULE_APP, "x device 1st", "is no device"},
	{"a device like a day", RULE_DEVICE, "mon 10.0.0.1", "needs a name"},
	{"a device of everything", RULE_APP, "x device ::/0", "is no device"},
	{"a device around IPv4", RULE_APP, "x device ::/64", "is no device"},
	{"an address of a device", RULE_IP, "10.0.0.1 device t", "only rules of applications"},
	{"a port of a device", RULE_PORT, "80 device t", "only rules of applications"},
	{"a device alone", RULE_DEVICE, "tablet", "has no address"},
	{"a device of a device", RULE_DEVICE, "tablet phone", "is no address of tablet"},
	{"a device without a name", RULE_DEVICE, "10.0.0.1 10.0.0.2", "needs a name"},
	{"a list without a source", RULE_LIST, "ads", "not where a list can come from"},
	{"a list of a file beside", RULE_LIST, "ads ads.txt", "not where a list can come from"},
	{"a list of another protocol", RULE_LIST, "ads file:///etc/ads",
	 "not where a list can come"},
	{"a list of no host", RULE_LIST, "ads https:///ads", "not where a list can come from"},
	{"a list with a fragment", RULE_LIST, "ads https://a.example/#b", "not where a list can"},
	{"a list of no name", RULE_LIST, "../ads /etc/ads", "is no name for a list"},
	{"a list with a slash", RULE_LIST, "a/b /etc/ads", "is no name for a list"},
	{"nothing of a list", RULE_LIST, "", "is no name for a list"},
	{"a list and more", RULE_LIST, "ads /etc/ads daily", "only 'every 12h'"},
	{"a list and too much", RULE_LIST, "ads /etc/ads every 1h 2h", "only 'every 12h'"},
	{"a list, too often", RULE_LIST, "ads /etc/ads every 4m", "from 5m to 30d"},
	{"a list, too seldom", RULE_LIST, "ads /etc/ads every 31d", "from 5m to 30d"},
	{"a list, no unit", RULE_LIST, "ads /etc/ads every 3600", "from 5m to 30d"},
	{"an empty domain", RULE_DOMAIN, "", "empty"},
	{"a star alone", RULE_DOMAIN, "*", "not a domain name"},
	{"a star and a dot", RULE_DOMAIN, "*.", "empty"},
	{"everything", RULE_DOMAIN, ".", "empty"},
	{"a star inside", RULE_DOMAIN, "a.*.example", "not a domain name"},
	{"a star in a label", RULE_DOMAIN, "ads*.example.com", "not a domain name"},
	{"two stars", RULE_DOMAIN, "*.*.example.com", "not a domain name"},
	{"an exact star", RULE_DOMAIN, "=*.example.com", "not a domain name"},
	{"an empty label", RULE_DOMAIN, "a..example", "not a domain name"},
	{"a leading dot", RULE_DOMAIN, ".example.com", "not a domain name"},
	{"two dots at the end", RULE_DOMAIN, "example.com..", "not a domain name"},
	{"a URL", RULE_DOMAIN, "https://example.com/", "not a domain name"},
	{"a port behind", RULE_DOMAIN, "example.com:443", "not a domain name"},
	{"a space", RULE_DOMAIN, "a b.example", "not a domain name"},
	{"a long label", RULE_DOMAIN, L63 "a.example", "not a domain name"},
	{"255 bytes", RULE_DOMAIN, L63 "." L63 "." L63 "." L63 "", "253 bytes"},
	{"a name of address digits", RULE_DOMAIN, "10.0.0.5", "is an address"},
	{"an IDN with an empty label", RULE_DOMAIN, "b\xc3\xbc..example", "not a domain name"},
	{"a letter that maps to a/c", RULE_DOMAIN, "\xe2\x84\x80.com", "not a domain name"},
	{"no UTF-8", RULE_DOMAIN, "\xff.com", "not an internationalised name"},
	{"a public suffix", RULE_DOMAIN, "co.uk", "is a public suffix: it would block"},
	{"a public suffix with a star", RULE_DOMAIN, "*.CO.UK.", "co.uk is a public suffix"},
	{"a top domain", RULE_DOMAIN, "com", "add --force"},
	{"a top domain nobody has", RULE_DOMAIN, "lan", "add --force"},
	{"a private suffix", RULE_DOMAIN, "github.io", "is a public suffix"},
	{"an IDN public suffix", RULE_DOMAIN, "\xd1\x80\xd1\x84", "is a public suffix"},
};

static void test_bad_values(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rules *r = rules_new();
		struct fault f = {""};
		int rc = rules_add(r, bad[i].kind, false, slice_text(bad[i].value), &apps, 0, &f);

		if (rc != -EINVAL)
			fail_msg("%s: taken", bad[i].why);
		if (!strstr(f.text, bad[i].says))
			fail_msg("%s: %s", bad[i].why, f.text);
		for (const char *c = f.text; *c; c++)
			assert_true(*c >= 0x20 && *c <= 0x7e);
		assert_int_equal(rules_count(r), 0);
		assert_int_equal(
			rules_add(r, bad[i].kind, false, slice_text(bad[i].value), &apps, 0, NULL),
			-EINVAL);
		rules_free(r);
	}
}

static void test_odd_calls(void **state)
{
	struct rules *r = rules_new();
	struct fault f = {""};

	/* What --force is for, and what it is not for. */
	assert_int_equal(
		rules_add(r, RULE_DOMAIN, false, slice_text("co.uk"), &apps, RULES_FORCE, &f), 1);
	assert_int_equal(
		rules_add(r, RULE_DOMAIN, false, slice_text("a..uk"), &apps, RULES_FORCE, &f),
		-EINVAL);
	assert_int_equal(rules_remove(r, RULE_DOMAIN, false, slice_text("*.co.uk"), &apps, &f), 1);
	assert_int_equal(rules_add(r, RULE_DOMAIN, true, slice_text("co.uk"), &apps, 0, &f),
			 -EINVAL);
	assert_non_null(strstr(f.text, "it would allow every site"));
	/* There is no such thing as an allowed port, and no application without a catalogue. */
	assert_int_equal(rules_add(r, RULE_PORT, true, slice_text("80"), &apps, 0, &f), -EINVAL);
	assert_int_equal(rules_add(r, RULE_APP, false, slice_text("YouTube"), NULL, 0, &f),
			 -EINVAL);
	{
		/* Nor a category where the catalogue has none. */
		const struct rule_apps plain = {.resolve = resolve};

		assert_int_equal(
			rules_add(r, RULE_APP, false, slice_text("category:social"), &plain, 0, &f),
			-EINVAL);
	}
	/* A NUL inside a value is a byte like any other bad one. */
	assert_int_equal(
		rules_add(r, RULE_DOMAIN, false, slice_of("a.example\0.com", 14), &apps, 0, &f),
		-EINVAL);
	assert_non_null(strstr(f.text, "\\x00"));
	assert_int_equal(
		rules_add(r, RULE_DOMAIN, false, slice_of("\xc3\xbc\0.com", 7), &apps, 0, &f),
		-EINVAL);
	assert_int_equal(rules_add(r, RULE_IP, false, slice_of("10.0.0.1\0", 9), &apps, 0, &f),
			 -EINVAL);
	/* The same value blocked and allowed are two rules with two ids and labels. */
	assert_int_equal(rules_add(r, RULE_IP, false, slice_text("10.0.0.1"), &apps, 0, &f), 1);
	assert_int_equal(rules_add(r, RULE_IP, true, slice_text("10.0.0.1"), &apps, 0, &f), 1);
	assert_true(rules_at(r, 0)->id != rules_at(r, 1)->id);
	{
		char label[64];

		rule_label(rules_at(r, 1), label, sizeof(label));
		assert_string_equal(label, "allow-ip:10.0.0.1");
	}
	assert_null(rules_by_id(r, 12345));
	assert_null(rule_kind_name(RULE_KINDS));
	rules_free(r);
	rules_free(NULL);
}

/* FNV-1a of "app:YouTube", worked out by hand here: ids are kept in pinned maps across versions. */
static void test_ids(void **state)
{
	struct rules *r = rules_new();
	uint64_t hash = 14695981039346656037ULL;

	for (const char *c = "app:YouTube"; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 1099511628211ULL;
	assert_int_equal(rules_add(r, RULE_APP, false, slice_text("youtube"), &apps, 0, NULL), 1);
	assert_true(rules_at(r, 0)->id == hash);
	rules_free(r);
}

static const struct {
	const char *why, *text;
	const char *labels; /* in order, a space between */
} texts[] = {
	{"nothing", "", ""},
	{"the contract's own layout",
	 "[BLOCKED_IPS]        10.0.0.50   192.168.1.0/24   2001:db8::/32   src:10.0.0.7\n"
	 "[BLOCKED_APPS]       YouTube   TikTok                      # aliases too\n"
	 "[BLOCKED_DOMAINS]    *.facebook.com   ads.example.com   =exact.example.com\n"
	 "[BLOCKED_PORTS]      6881   8888/tcp\n",
	 "ip:10.0.0.50 ip:192.168.1.0/24 ip:2001:db8::/32 ip:src:10.0.0.7 app:YouTube app:TikTok "
	 "domain:facebook.com domain:ads.example.com domain:=exact.example.com port:6881 "
	 "port:8888/tcp"},
	{"one value a line, comments, blanks, CRLF, BOM, no line end",
	 "\xef\xbb\xbf# ours\r\n\r\n[blocked_domains]\r\n  a.example # why\r\n\tb.example#x\r\n"
	 "[ALLOWED_DOMAINS]\r\nc.a.example",
	 "domain:a.example domain:b.example allow-domain:c.a.example"},
	{"duplicates count once", "[BLOCKED_PORTS]\n80\n080\n80\n", "port:80"},
	{"a section twice", "[BLOCKED_PORTS]\n1\n[ALLOWED_IPS]\n::1\n[BLOCKED_PORTS]\n2\n",
	 "port:1 allow-ip:::1 port:2"},
	{"names of several words",
	 "[BLOCKED_APPS]\nPrime Video\nprime  youtube\nX Prime Video TikTok\n",
	 "app:Prime Video app:Prime app:YouTube app:Twitter app:TikTok"},
	{"learnt and categories",
	 "[BLOCKED_DOMAINS]\nlearnt:a.example a.example learnt:=b.example\n"
	 "[BLOCKED_APPS] category:social learnt:category:video on demand learnt:Prime Video X\n"
	 "[ALLOWED_APPS]\ncategory:social\n",
	 "domain:learnt:a.example domain:a.example domain:learnt:=b.example "
	 "app:category:social app:learnt:category:video on demand app:learnt:Prime Video "
	 "app:Twitter allow-app:category:social"},
	{"an end that is right", "[BLOCKED_PORTS]\n1\n2\n# end 2\n", "port:1 port:2"},
	{"an end without line end, spaces behind", "[BLOCKED_PORTS]\n1\n# end 1  ", "port:1"},
	{"the last end counts", "[BLOCKED_PORTS]\n1\n# end 1\n2\n# end 2\n", "port:1 port:2"},
	{"comments that are no end", "# end of list\n# end\n# end 1 2\n[BLOCKED_PORTS]\n1\n",
	 "port:1"},
};

static void labels_of(const struct rules *r, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < rules_count(r); i++) {
		char label[300];

		rule_label(rules_at(r, i), label, sizeof(label));
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? " " : "", label);
	}
}

static void test_texts(void **state)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i].text);
		const uint8_t *text = lay_against_wall(texts[i].text, len);
		struct rules *r = NULL;
		struct fault f = {""};
		char labels[1024];

		if (rules_parse(slice_of(text, len), "t", &apps, 0, &r, &f))
			fail_msg("%s: %s", texts[i].why, f.text);
		labels_of(r, labels, sizeof(labels));
		if (strcmp(labels, texts[i].labels) != 0)
			fail_msg("%s: %s", texts[i].why, labels);
		rules_free(r);
		wall_free(text);
	}
}

static const struct {
	const char *why, *text, *says;
} bad_texts[] = {
	{"a bad value in the middle", "[BLOCKED_PORTS]\n1\n99999\n2\n", "t:3: '99999'"},
	{"a bad value behind good ones on a line", "[BLOCKED_PORTS]\n1 2 x 3\n", "t:2: 'x'"},
	{"a bad value behind a section", "[BLOCKED_PORTS] x\n", "t:1: 'x'"},
	{"an unknown section", "\n[BLOCKED_HOSTS]\n", "t:2: '[BLOCKED_HOSTS]' is no section: use"},
	{"ports are not allowed", "[ALLOWED_PORTS]\n80\n", "t:1: '[ALLOWED_PORTS]' is no section"},
	{"a section not closed", "[BLOCKED_PORTS\n80\n", "t:1: '[BLOCKED_PORTS'"},
	{"an empty section", "[]\n", "t:1: '[]'"},
	{"a section like another", "[BLOCKED_IPSX]\n", "t:1: "},
	{"no section", "# x\n10.0.0.1\n", "t:2: a value before any section"},
	{"a public suffix", "[BLOCKED_DOMAINS]\nco.uk\n", "t:2: co.uk is a public suffix"},
	{"an unknown application", "[BLOCKED_APPS]\nYouTube NoSuch TikTok\n",
	 "t:2: 'NoSuch' is no"},
	{"terminal codes", "[BLOCKED_DOMAINS]\na\x1b]0;x\n", "t:2: 'a\\x1b]0;x'"},
	{"fewer than the end says", "[BLOCKED_PORTS]\n1\n# end 2\n",
	 "t:3: the file should hold 2 rules"},
	{"more than the end says", "[BLOCKED_PORTS]\n1\n2\n# end 1\n",
	 "t:4: the file should hold 1"},
	{"rules behind the end", "[BLOCKED_PORTS]\n1\n# end 1\n2\n", "t:3: the file should hold 1"},
};

static void test_bad_texts(void **state)
{
	struct rules *const untouched = (struct rules *)&apps;

	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
		struct rules *r = untouched;
		struct fault f = {""};

		if (rules_parse(slice_text(bad_texts[i].text), "t", &apps, 0, &r, &f) != -EINVAL)
			fail_msg("%s: taken", bad_texts[i].why);
		if (strncmp(f.text, bad_texts[i].says, strlen(bad_texts[i].says)) != 0)
			fail_msg("%s: %s", bad_texts[i].why, f.text);
		assert_ptr_equal(r, untouched);
	}
}

static char *read_whole(const char *path)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	return text;
}

static void write_whole(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void assert_same_rules(const struct rules *a, const struct rules *b)
{
	assert_int_equal(rules_count(a), rules_count(b));
	for (size_t i = 0; i < rules_count(a); i++) {
		const struct rule *x = rules_at(a, i), *y = rules_by_id(b, x->id);

		assert_non_null(y);
		assert_string_equal(x->value, y->value);
		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->is_allow, y->is_allow);
		assert_int_equal(x->is_exact, y->is_exact);
		assert_int_equal(x->is_learnt, y->is_learnt);
		assert_int_equal(x->is_category, y->is_category);
		assert_memory_equal(&x->ip, &y->ip, sizeof(x->ip));
	}
}

static void test_save_and_load(void **state)
{
	char dir[] = "/tmp/test_rules.XXXXXX", path[64], command[64];
	struct rules *r = NULL, *back = NULL, *copy;
	struct fault f = {""};
	struct stat st;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/rules.txt", dir);
	assert_int_equal(rules_parse(slice_text(texts[1].text), "t", &apps, 0, &r, &f), 0);
	assert_int_equal(
		rules_add(r, RULE_DOMAIN, true, slice_text("ok.facebook.com"), &apps, 0, &f), 1);
	assert_int_equal(rules_add(r, RULE_APP, true, slice_text("prime video"), &apps, 0, &f), 1);
	assert_int_equal(
		rules_add(r, RULE_APP, false, slice_text("learnt:category:social"), &apps, 0, &f),
		1);
	for (int round = 0; round < 2; round++) { /* the second time over the first */
		if (rules_save(r, path, &f))
			fail_msg("%s", f.text);
		assert_non_null(strstr(read_whole(path), "\n# end 14\n"));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 022, 0);
		if (rules_load(path, &apps, 0, &back, &f))
			fail_msg("%s", f.text);
		assert_same_rules(r, back);
		rules_free(back);
	}
	snprintf(command, sizeof(command), "test $(ls -A %s | wc -l) = 1", dir);
	assert_int_equal(system(command), 0);
	copy = rules_copy(r);
	assert_same_rules(r, copy);
	rules_free(copy);
	rules_free(r);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* Only the right count passes. */
static void test_damaged_files(void **state)
{
	char path[] = "/tmp/test_rules.XXXXXX";
	int fd = mkstemp(path);
	char whole[1024];
	struct rules *r = NULL;
	struct fault f;
	size_t len;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(rules_parse(slice_text("[BLOCKED_PORTS]\n1 2 3\n"), "t", &apps, 0, &r, &f),
			 0);
	assert_int_equal(rules_save(r, path, &f), 0);
	rules_free(r);
	snprintf(whole, sizeof(whole), "%s", read_whole(path));
	len = strlen(whole);
	for (char digit = '0'; digit <= '9'; digit++) {
		whole[len - 2] = digit;
		write_whole(path, whole, len);
		r = NULL;
		assert_int_equal(rules_load(path, &apps, 0, &r, &f), digit == '3' ? 0 : -EINVAL);
		rules_free(r);
	}
	unlink(path);
}

static void test_unreadable(void **state)
{
	struct rules *r = NULL;
	struct fault f = {""};

	assert_int_equal(rules_load("/nonexistent/rules.txt", &apps, 0, &r, &f), -ENOENT);
	assert_non_null(strstr(f.text, "/nonexistent/rules.txt"));
	assert_int_equal(rules_load("/", &apps, 0, &r, &f), -EISDIR);
	assert_int_equal(rules_load("/dev/zero", &apps, 0, &r, &f),
			 -EINVAL); /* a line without end */
	assert_non_null(strstr(f.text, "/dev/zero:1: the line is longer"));
	assert_null(r);
	r = rules_new();
	assert_int_equal(rules_save(r, "/nonexistent/rules.txt", &f), -ENOENT);
	assert_non_null(strstr(f.text, "/nonexistent/rules.txt"));
	rules_free(r);
}

/* Long lines, and lines that lie across the pieces in which a file is read. */
static void test_pieces(void **state)
{
	char path[] = "/tmp/test_rules.XXXXXX", line[5000];
	int fd = mkstemp(path);
	FILE *file;
	struct rules *r = NULL;
	struct fault f = {""};

	assert_true(fd >= 0);
	close(fd);
	memset(line, ' ', sizeof(line));
	write_whole(path, "[BLOCKED_DOMAINS]\n", 18);
	file = fopen(path, "a");
	assert_non_null(file);
	for (int i = 0; i < 3000; i++) {
		int len = sprintf(line, "name%d.example", i);

		line[len] = ' ';
		line[i % 4097] = '\0';
		fprintf(file, "%s\n", i % 4097 > len ? line : "");
		line[i % 4097] = ' ';
	}
	assert_int_equal(fclose(file), 0);
	if (rules_load(path, &apps, 0, &r, &f))
		fail_msg("%s", f.text);
	assert_true(rules_count(r) > 2950);
	for (size_t i = 0; i < rules_count(r); i++) {
		snprintf(line, sizeof(line), "name%zu.example", i + 3000 - rules_count(r));
		assert_string_equal(rules_at(r, i)->value, line);
	}
	rules_free(r);
	memset(line, '#', sizeof(line));
	write_whole(path, line, 4096);
	r = NULL;
	assert_int_equal(rules_load(path, &apps, 0, &r, &f), 0);
	rules_free(r);
	write_whole(path, line, 4097);
	assert_int_equal(rules_load(path, &apps, 0, &r, &f), -EINVAL);
	assert_non_null(strstr(f.text, ":1: the line is longer than 4096 bytes"));
	unlink(path);
}

/* Random additions and removals against a plain list. */
static void test_against_list(void **state)
{
	enum { NAMES = 12000, STEPS = 100000 }; /* several blocks */
	static uint16_t list[NAMES];
	uint64_t random = 7;
	size_t count = 0;
	struct rules *r = rules_new();

	for (int step = 0; step < STEPS; step++) {
		uint16_t n = (uint16_t)(next_random(&random) % NAMES);
		bool is_add = next_random(&random) % 2;
		size_t at = 0;
		char name[64];
		int rc;

		snprintf(name, sizeof(name), "a-name-somewhat-long-%u.example", n);
		while (at < count && list[at] != n)
			at++;
		if (is_add)
			rc = rules_add(r, RULE_DOMAIN, false, slice_text(name), &apps, 0, NULL);
		else
			rc = rules_remove(r, RULE_DOMAIN, false, slice_text(name), &apps, NULL);
		assert_int_equal(rc, is_add == (at == count));
		if (is_add && at == count) {
			list[count++] = n;
		} else if (!is_add && at < count) {
			count--;
			memmove(&list[at], &list[at + 1], (count - at) * sizeof(list[0]));
		}
		assert_int_equal(rules_count(r), count);
		if (!count)
			continue;
		at = next_random(&random) % count;
		snprintf(name, sizeof(name), "a-name-somewhat-long-%u.example", list[at]);
		assert_string_equal(rules_at(r, at)->value, name);
		assert_ptr_equal(rules_by_id(r, rules_at(r, at)->id), rules_at(r, at));
	}
	rules_free(r);
}

/* Copies share what they hold until one changes: each must keep its own, whichever goes first. */
static void test_copies(void **state)
{
	enum { SETS = 5, STEPS = 3000, NAMES = 200 };
	struct rules *set[SETS] = {rules_new()};
	static bool has[SETS][NAMES];
	uint64_t random = 11;

	for (int i = 1; i < SETS; i++)
		set[i] = rules_copy(set[0]);
	for (int step = 0; step < STEPS; step++) {
		size_t at = next_random(&random) % SETS, from = next_random(&random) % SETS;
		unsigned n = (unsigned)(next_random(&random) % NAMES);
		bool is_add = next_random(&random) % 3 != 0;
		size_t count = 0;
		char name[32];

		snprintf(name, sizeof(name), "n%u.example", n);
		if (next_random(&random) % 20 == 0 && at != from) {
			rules_free(set[at]);
			set[at] = rules_copy(set[from]);
			memcpy(has[at], has[from], sizeof(has[at]));
		} else if (is_add) {
			assert_int_equal(rules_add(set[at], RULE_DOMAIN, false, slice_text(name),
						   &apps, 0, NULL),
					 !has[at][n]);
			has[at][n] = true;
		} else {
			assert_int_equal(rules_remove(set[at], RULE_DOMAIN, false, slice_text(name),
						      &apps, NULL),
					 has[at][n]);
			has[at][n] = false;
		}
		for (int s = 0; s < SETS; s++) {
			struct rules_walk w = {0};
			const struct rule *rule;

			for (count = 0; (rule = rules_next(set[s], &w)); count++) {
				assert_ptr_equal(rule, rules_at(set[s], count));
				assert_true(has[s][atoi(rule->value + 1)]);
			}
			assert_int_equal(count, rules_count(set[s]));
			for (int i = 0; i < NAMES; i++)
				count -= has[s][i];
			assert_int_equal(count, 0);
		}
	}
	for (int i = 0; i < SETS; i++)
		rules_free(set[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_values),   cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_odd_calls),     cmocka_unit_test(test_ids),
		cmocka_unit_test(test_texts),	      cmocka_unit_test(test_bad_texts),
		cmocka_unit_test(test_save_and_load), cmocka_unit_test(test_damaged_files),
		cmocka_unit_test(test_unreadable),    cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_against_list),  cmocka_unit_test(test_copies),
	};

	return cmocka_run_group_tests_name("policy/rules", tests, NULL, NULL);
}
