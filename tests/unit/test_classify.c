/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: the shipped catalogue against names it must and must not know, look-alikes made
 * from every suffix it has, and the files users add, good and bad.
 */
#include "classify/build.h"

#include <errno.h>
#include <libpsl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static int setup(void **state)
{
	*state = catalogue_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	catalogue_free(*state);
	return 0;
}

static const char *app_of(const struct catalogue *c, const char *name)
{
	return catalogue_name(c, catalogue_classify(c, slice_text(name)));
}

static const struct {
	const char *why, *name, *app;
} names[] = {
	{"the name itself", "youtube.com", "YouTube"},
	{"a name below it", "www.youtube.com", "YouTube"},
	{"a short domain", "youtu.be", "YouTube"},
	{"a content host", "r3---sn-4g5e6nsz.googlevideo.com", "YouTube"},
	{"images", "i.ytimg.com", "YouTube"},
	{"a longer suffix beats Google's", "youtubei.googleapis.com", "YouTube"},
	{"what is left is Google's", "fonts.googleapis.com", "Google"},
	{"a suffix of a shared domain", "yt3.ggpht.com", "YouTube"},
	{"the rest of the shared domain", "lh3.ggpht.com", "Google"},
	{"a national domain", "www.google.co.uk", "Google"},
	{"one application below another", "mail.google.com", "Gmail"},
	{"Facebook's content", "scontent.xx.fbcdn.net", "Facebook"},
	{"Instagram's content", "scontent.cdninstagram.com", "Instagram"},
	{"WhatsApp's own", "mmg.whatsapp.net", "WhatsApp"},
	{"Twitter under its new name", "x.com", "Twitter"},
	{"Netflix is not x.com", "netflix.com", "Netflix"},
	{"Netflix's video", "ipv4-c001.oca.nflxvideo.net", "Netflix"},
	{"Amazon's cloud", "s3.eu-west-1.amazonaws.com", "Amazon"},
	{"TikTok's video", "v16.byteoversea.com", "TikTok"},
	{"TikTok's music", "api2.musical.ly", "TikTok"},
	{"code of GitHub's users", "raw.githubusercontent.com", "GitHub"},
	{"Telegram's short domain", "t.me", "Telegram"},
	{"Twitter's short domain", "t.co", "Twitter"},
	{"Apple's names", "gs-loc.apple.com", "Apple"},
	{"Microsoft", "settings-win.data.microsoft.com", "Microsoft"},
	{"Teams below Microsoft", "teams.microsoft.com", "Teams"},
	{"Spotify", "audio-fa.scdn.co", "Spotify"},
	{"Zoom", "us04web.zoom.us", "Zoom"},
	{"Discord", "gateway.discord.gg", "Discord"},
	{"Cloudflare", "1.1.1.1.cloudflare-dns.com", "Cloudflare"},
	{"a delivery network is its owner's", "d111111abcdef8.cloudfront.net", "CloudFront"},
	{"as another is", "e1234.a.akamaiedge.net", "Akamai"},
	{"pages that many write", "somebody.github.io", "GitHub"},
	{"shops that many run", "somebody.myshopify.com", "Shopify"},
	{"a resolver is still its owner's", "dns.google", "Google"},
	{"a national domain of few people", "www.google.com.fj", "Google"},
	{"a service in real captures: measurement", "app.adjust.com", "Adjust"},
	{"in captures: error reports", "sessions.bugsnag.com", "Bugsnag"},
	{"in captures: a game of Valve", "www.dota2.com", "DotA"},
	{"in captures: messages at work", "static.dingtalk.com", "DingTalk"},
	{"in captures: certificates", "ocsp.globalsign.com", "GlobalSign"},
	{"in captures: Google's certificates", "ocsp.pki.goog", "Google"},
	{"in captures: how fast a line is", "www.speedtest.net", "Ookla"},
	{"in captures: a tunnel", "api.tunnelbear.com", "TunnelBear"},
	{"in captures: a tunnel of students", "x0.open.servers.ddns.softether-network.net",
	 "SoftEther"},
	{"in captures: a telephone's maker", "conn-service-eu-04.allawnos.com", "OPPO"},
	{"in captures: photographs", "images.unsplash.com", "Unsplash"},
	{"in captures: torrents", "web.utorrent.com", "BitTorrent"},
	{"in captures: advertising", "rules.quantcount.com", "Quantcast"},
	{"a name nobody owns", "blocked.example", "Unknown"},
	{"a name that only ends alike", "notyoutube.com", "Unknown"},
	{"a name that begins alike", "youtube.com.evil.example", "Unknown"},
	{"a name with the domain in it", "www-youtube-com.example", "Unknown"},
	{"a domain cut short", "outube.com", "Unknown"},
	{"a top domain", "com", "Unknown"},
	{"nothing", "", "Unknown"},
	{"a dot", ".", "Unknown"},
	{"a leading dot", ".youtube.com", "YouTube"},
	{"an IDN look-alike", "xn--youtub-9ua.com", "Unknown"},
	{"a name with a byte no host has", "a\\youtube.com", "Unknown"},
	{"below a domain, with such a byte", "a b.youtube.com", "YouTube"},
};

static void test_names(void **state)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *app = app_of(*state, names[i].name);

		if (strcmp(app, names[i].app) != 0)
			fail_msg("%s: %s is %s, not %s", names[i].why, names[i].name, app,
				 names[i].app);
	}
}

/* The application by the plain rule: of all suffixes but one the longest on a label border. */
static int classify_slowly(const struct policy_apps *apps, const char *name, size_t without)
{
	size_t len = strlen(name), best = 0;
	int found = APP_UNKNOWN;

	for (size_t i = 0; i < apps->suffix_count; i++) {
		int app;
		struct slice s = apps->suffix(apps->ctx, i, &app);

		if (i == without || s.len > len || s.len < best ||
		    memcmp(name + len - s.len, s.at, s.len) != 0)
			continue;
		if (s.len < len && name[len - s.len - 1] != '.')
			continue;
		best = s.len;
		found = app;
	}
	return found;
}

/* How an attacker, or chance, changes a domain; %s stands for it. */
static const struct {
	const char *format;
	bool is_below; /* still a name below the domain */
} twists[] = {
	{"%s", true},
	{"www.%s", true},
	{"a.b.c.%s", true},
	{"xn--bcher-kva.%s", true},
	{"not%s", false},
	{"not-%s", false},
	{"www.not%s", false},
	{"xn--%s", false},
	{"%s.evil.example", false},
	{"%s.xn--p1ai", false},
	{"%sm", false},
	{"%s-x.example", false},
	{"www-%s", false},
	{"_%s", false},
};

static void test_lookalikes(void **state)
{
	const struct catalogue *c = *state;
	struct policy_apps apps = catalogue_policy_apps(c);

	assert_true(apps.suffix_count >= 2000);
	for (size_t i = 0; i < apps.suffix_count; i++) {
		int owner;
		struct slice suffix = apps.suffix(apps.ctx, i, &owner);

		for (size_t t = 0; t < sizeof(twists) / sizeof(twists[0]); t++) {
			char name[512], domain[256];
			int got, want;

			snprintf(domain, sizeof(domain), "%.*s", (int)suffix.len, suffix.at);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(name, sizeof(name), twists[t].format, domain);
#pragma GCC diagnostic pop
			got = catalogue_classify(c, slice_text(name));
			/* Beside the domain, the domain must not be what decides. */
			want = twists[t].is_below ? owner : classify_slowly(&apps, name, i);
			if (got != want)
				fail_msg("%s is %s, not %s", name, catalogue_name(c, got),
					 catalogue_name(c, want));
			assert_int_equal(got, classify_slowly(&apps, name, apps.suffix_count));
		}
	}
}

static void test_lookalikes_of_a_lone_domain(void **state)
{
	static const char *const lone[] = {
		"notyoutube.com",  "xn--youtube.com", "youtube.com.evil.example", "youtube.comm",
		"www-youtube.com", "not-netflix.com", "netflix.com.xn--p1ai"};

	for (size_t i = 0; i < sizeof(lone) / sizeof(lone[0]); i++)
		assert_string_equal(app_of(*state, lone[i]), "Unknown");
}

static const struct {
	const char *asked, *proper; /* proper NULL: unknown */
} calls[] = {
	{"YouTube", "YouTube"},
	{"youtube", "YouTube"},
	{"YOUTUBE", "YouTube"},
	{"X", "Twitter"},
	{"x", "Twitter"},
	{"twitter/x", "Twitter"},
	{"Twitter/X", "Twitter"},
	{"google meet", "GoogleMeet"},
	{"https", "HTTPS"},
	{"Unknown", NULL},
	{"", NULL},
	{"YouTub", NULL},
	{"YouTube ", NULL},
	{"iCloud", "Apple"},
	{"http/3", "QUIC"},
	{"dns over https", "DoH"},
	{"NO-NAME", "no-name"},
	{"torrent", "BitTorrent"},
};

static void test_calls(void **state)
{
	struct rule_apps apps = catalogue_rule_apps(*state);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int app = catalogue_find(*state, slice_text(calls[i].asked));
		const char *name = apps.resolve(apps.ctx, slice_text(calls[i].asked), NULL);

		if (!calls[i].proper) {
			assert_int_equal(app, APP_UNKNOWN);
			assert_null(name);
			continue;
		}
		assert_string_equal(catalogue_name(*state, app), calls[i].proper);
		assert_string_equal(name, calls[i].proper);
	}
}

static const struct {
	const char *asked, *first; /* what the answer begins with */
} nearest[] = {
	{"YouTub", "YouTube"},
	{"yuotube", "YouTube"},
	{"netflx", "Netflix"},
	{"Facebok", "Facebook"},
	{"tiktock", "TikTok"},
	{"whats", "WhatsApp"},
	{"spotifi", "Spotify"},
	{"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", ""},
};

static void test_nearest(void **state)
{
	for (size_t i = 0; i < sizeof(nearest) / sizeof(nearest[0]); i++) {
		struct fault f = {""};
		struct rule_apps apps = catalogue_rule_apps(*state);
		char small[8];

		assert_null(apps.resolve(apps.ctx, slice_text(nearest[i].asked), &f));
		assert_true(strlen(f.text) > 0);
		if (strncmp(f.text, nearest[i].first, strlen(nearest[i].first)) != 0)
			fail_msg("%s: nearest are %s", nearest[i].asked, f.text);
		catalogue_nearest(*state, slice_text(nearest[i].asked), small, sizeof(small));
		assert_true(strlen(small) < sizeof(small));
	}
}

static const char *app_name_of_proto(const struct catalogue *c, int proto)
{
	return catalogue_name(c, catalogue_of_proto(c, (enum app_proto)proto, 1));
}

static void test_protocols(void **state)
{
	static const struct {
		enum app_proto proto;
		uint16_t port;
		const char *app;
	} rows[] = {
		{PROTO_NONE, 443, "Unknown"}, {PROTO_TLS, 443, "HTTPS"},
		{PROTO_TLS, 8443, "TLS"},     {PROTO_TLS, 0, "TLS"},
		{PROTO_HTTP, 80, "HTTP"},     {PROTO_HTTP, 443, "HTTP"},
		{PROTO_DNS, 53, "DNS"},	      {PROTO_QUIC, 443, "QUIC"},
		{PROTO_MDNS, 5353, "mDNS"},   {PROTO_LLMNR, 5355, "LLMNR"},
		{PROTO_SSH, 22, "SSH"},	      {PROTO_HTTP2, 80, "HTTP2"},
		{PROTO_DTLS, 443, "DTLS"},    {PROTO_LEARNT, 443, "Unknown"},
		{PROTO_MAX, 443, "Unknown"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int app = catalogue_of_proto(*state, rows[i].proto, rows[i].port);

		assert_string_equal(catalogue_name(*state, app), rows[i].app);
		if (app != APP_UNKNOWN)
			assert_string_equal(catalogue_category(*state, app), "protocols");
	}
	/* Each protocol that a flow can be is an application of that name. */
	for (int p = PROTO_NONE + 1; p < PROTO_MAX; p++) {
		const char *name = proto_name((enum app_proto)p);

		if (p == PROTO_LEARNT)
			continue;
		if (strcmp(name, app_name_of_proto(*state, p)) != 0)
			fail_msg("%s is %s", name, app_name_of_proto(*state, p));
	}
}

static void test_signs(void **state)
{
	static const char *const apps[SIGNS] = {
		[SIGN_ECH] = "ECH", [SIGN_NO_NAME] = "no-name", [SIGN_DOH] = "DoH",
		[SIGN_DOT] = "DoT", [SIGN_DOQ] = "DoQ",
	};

	for (int sign = 0; sign < SIGNS; sign++) {
		int app = catalogue_of_sign(*state, (enum catalogue_sign)sign);

		assert_string_equal(catalogue_name(*state, app), apps[sign]);
		assert_string_equal(catalogue_category(*state, app), "protocols");
	}
	assert_int_equal(catalogue_of_sign(*state, SIGNS), APP_UNKNOWN);
}

static void test_resolvers(void **state)
{
	static const struct {
		const char *why, *name;
		bool is_resolver;
	} rows[] = {
		{"the name itself", "dns.google", true},
		{"a name below it", "8888.dns.google", true},
		{"one company's", "mozilla.cloudflare-dns.com", true},
		{"another's", "dns.quad9.net", true},
		{"a third's", "abcdef.dns.nextdns.io", true},
		{"the company's own site", "www.quad9.net", false},
		{"its other names", "www.cloudflare.com", false},
		{"a name that only ends alike", "notdns.google", false},
		{"a name with it in front", "dns.google.example", false},
		{"the domain above", "google", false},
		{"nothing", "", false},
		{"a site like any other", "www.youtube.com", false},
	};
	const struct catalogue *c = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (catalogue_is_resolver(c, slice_text(rows[i].name)) != rows[i].is_resolver)
			fail_msg("%s: %s", rows[i].why, rows[i].name);
	assert_true(c->resolver.count >= 60);
	for (size_t i = 0; i < c->resolver.count; i++)
		assert_string_equal(catalogue_name(c, c->resolver.at[i].app), "DoH");
}

/* A suffix under which anybody may register a name belongs to no application. */
static void test_no_public_suffix(void **state)
{
	const struct catalogue *c = *state;
	const struct suffix_set *sets[] = {&c->suffix, &c->resolver};

	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < sets[s]->count; i++)
			if (psl_is_public_suffix2(psl_builtin(),
						  suffix_set_text(sets[s], &sets[s]->at[i]),
						  PSL_TYPE_ICANN))
				fail_msg("%s is a public suffix",
					 suffix_set_text(sets[s], &sets[s]->at[i]));
}

static void test_categories(void **state)
{
	struct rule_apps apps = catalogue_rule_apps(*state);
	size_t used = 0, total = 0, count;
	struct fault f = {""};

	for (size_t i = 0; i < catalogue_category_count(*state); i++) {
		const char *name = catalogue_category_at(*state, i, &count);
		char loud[64];

		total += count;
		if (!count)
			continue;
		used++;
		snprintf(loud, sizeof(loud), "%s", name);
		loud[0] = (char)(loud[0] - 'a' + 'A');
		assert_string_equal(apps.category(apps.ctx, slice_text(loud), &f), name);
	}
	assert_true(used >= 15);
	assert_int_equal(total, catalogue_count(*state) - 1);
	assert_null(catalogue_category_at(*state, catalogue_category_count(*state), &count));
	assert_int_equal(count, 0);
	assert_null(apps.category(apps.ctx, slice_text("sozial"), &f));
	assert_int_equal(strncmp(f.text, "social", 6), 0);
	assert_null(apps.category(apps.ctx, slice_text("unknown"), NULL));
	assert_null(apps.category(apps.ctx, slice_text("other"), NULL));
	assert_null(apps.category(apps.ctx, slice_text(""), NULL));
}

/* The 22 application types that were promised first, and what every application must have. */
static void test_contents(void **state)
{
	static const char *const promised[] = {
		"HTTP",	     "HTTPS",	"DNS",	     "TLS",	   "QUIC",    "Google",
		"Facebook",  "YouTube", "Twitter/X", "Instagram",  "Netflix", "Amazon",
		"Microsoft", "Apple",	"WhatsApp",  "Telegram",   "TikTok",  "Spotify",
		"Zoom",	     "Discord", "GitHub",    "Cloudflare",
	};
	const struct catalogue *c = *state;

	for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++)
		if (catalogue_find(c, slice_text(promised[i])) == APP_UNKNOWN)
			fail_msg("%s is missing", promised[i]);
	assert_true(catalogue_count(c) > 250);
	assert_string_equal(catalogue_name(c, APP_UNKNOWN), "Unknown");
	assert_string_equal(catalogue_category(c, APP_UNKNOWN), "unknown");
	for (int app = 1; app < (int)catalogue_count(c); app++) {
		if (strcmp(catalogue_category(c, app), "other") == 0)
			fail_msg("%s has no category", catalogue_name(c, app));
		assert_int_equal(catalogue_find(c, slice_text(catalogue_name(c, app))), app);
	}
	assert_null(catalogue_name(c, -1));
	assert_null(catalogue_name(c, (int)catalogue_count(c)));
	assert_null(catalogue_category(c, (int)catalogue_count(c)));
}

static void expect_same_set(const struct suffix_set *a, const struct suffix_set *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->slot_count, b->slot_count);
	assert_memory_equal(a->at, b->at, a->count * sizeof(*a->at));
	assert_int_equal(a->slots_used, b->slots_used);
	for (size_t i = 0; i < a->slot_count; i++) {
		assert_int_equal(a->slot[i].mark, b->slot[i].mark);
		assert_int_equal(a->slot[i].text, b->slot[i].text);
		assert_int_equal(a->slot[i].app, b->slot[i].app);
		assert_int_equal(a->slot[i].len, b->slot[i].len);
		assert_int_equal(a->slot[i].depth, b->slot[i].depth);
	}
	assert_int_equal(a->words.len, b->words.len);
	assert_memory_equal(a->words.at, b->words.at, a->words.len);
}

/* What was made ready when the program was built is what reading the file gives. */
static void test_built_in(void **state)
{
	const struct catalogue *a = &catalogue_built_in;
	struct catalogue *b = catalogue_empty();
	FILE *in = fopen("user/classify/catalogue.conf", "r");
	struct fault f = {""};
	struct text t = {0};
	int byte;

	assert_non_null(in);
	while ((byte = fgetc(in)) != EOF)
		text_putc(&t, (char)byte);
	fclose(in);
	if (catalogue_read(b, slice_of(t.at, t.len), "catalogue.conf", &f))
		fail_msg("%s", f.text);
	text_clear(&t);
	assert_int_equal(a->words.len, b->words.len);
	assert_memory_equal(a->words.at, b->words.at, a->words.len);
	assert_int_equal(a->app_count, b->app_count);
	assert_memory_equal(a->app, b->app, a->app_count * sizeof(*a->app));
	assert_int_equal(a->category_count, b->category_count);
	assert_memory_equal(a->category, b->category, a->category_count * sizeof(*a->category));
	assert_int_equal(a->call_count, b->call_count);
	assert_memory_equal(a->call, b->call, a->call_count * sizeof(*a->call));
	assert_int_equal(a->call_slot_count, b->call_slot_count);
	assert_memory_equal(a->call_slot, b->call_slot, a->call_slot_count * sizeof(*a->call_slot));
	assert_int_equal(a->port_count, b->port_count);
	for (size_t i = 0; i < a->port_count; i++) {
		assert_int_equal(a->port[i].proto, b->port[i].proto);
		assert_int_equal(a->port[i].port, b->port[i].port);
		assert_int_equal(a->port[i].app, b->port[i].app);
	}
	expect_same_set(&a->suffix, &b->suffix);
	expect_same_set(&a->resolver, &b->resolver);
	assert_memory_equal(a->proto, b->proto, sizeof(a->proto));
	assert_memory_equal(a->sign, b->sign, sizeof(a->sign));
	catalogue_free(b);
}

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
}

static void test_user_files(void **state)
{
	struct catalogue *c = *state;
	char dir[] = "/tmp/test_classify.XXXXXX", path[64];
	size_t before = catalogue_count(c);
	struct fault f;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/none", dir);
	assert_int_equal(catalogue_load_dir(c, path, &f), 0);
	snprintf(path, sizeof(path), "%s/b.conf", dir);
	write_text(path, "\xef\xbb\xbf# ours\r\n[intranet]\r\ndomain = second.intra.example\r\n");
	snprintf(path, sizeof(path), "%s/a.conf", dir);
	write_text(path, "[Intranet]\ncategory = work\nalias = Our Net\n"
			 "domain = *.Intra.example   tools.example. # both\n"
			 "\tthird.example\n"
			 "[YouTube]\ndomain = tube.intra.example\nalias = Telly\n"
			 "[DoH]\nresolver = dns.intra.example *.Doh.example.\n");
	snprintf(path, sizeof(path), "%s/c.txt", dir);
	write_text(path, "not a catalogue");
	if (catalogue_load_dir(c, dir, &f))
		fail_msg("%s", f.text);
	assert_int_equal(catalogue_count(c), before + 1);
	assert_string_equal(app_of(c, "x.intra.example"), "Intranet");
	assert_string_equal(app_of(c, "second.intra.example"), "Intranet");
	assert_string_equal(app_of(c, "tools.example"), "Intranet");
	assert_string_equal(app_of(c, "a.third.example"), "Intranet");
	assert_string_equal(app_of(c, "a.tube.intra.example"), "YouTube");
	assert_string_equal(app_of(c, "youtube.com"), "YouTube");
	assert_true(catalogue_is_resolver(c, slice_text("a.dns.intra.example")));
	assert_true(catalogue_is_resolver(c, slice_text("doh.example")));
	assert_true(catalogue_is_resolver(c, slice_text("dns.google")));
	assert_string_equal(app_of(c, "dns.intra.example"), "Intranet");
	assert_string_equal(catalogue_name(c, catalogue_of_sign(c, SIGN_DOT)), "DoT");
	assert_int_equal(catalogue_find(c, slice_text("our net")), (int)before);
	assert_string_equal(catalogue_category(c, (int)before), "work");
	assert_string_equal(catalogue_name(c, catalogue_find(c, slice_text("telly"))), "YouTube");
	assert_string_equal(catalogue_name(c, catalogue_of_proto(c, PROTO_TLS, 443)), "HTTPS");
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

#define LONG "0123456789012345678901234567890123456789012345678"
static const struct {
	const char *why, *text;
	size_t line;
	const char *says[2]; /* in the fault */
} bad_files[] = {
	{"a suffix of another", "[A]\ndomain = youtube.com\n", 2, {"YouTube", "A cannot"}},
	{"a suffix twice in one file",
	 "[A]\ndomain = a.example\n[B]\ndomain = a.example\n",
	 4,
	 {"A", "B"}},
	{"an alias of another", "[A]\nalias = X\n", 2, {"Twitter", "A"}},
	{"a name as alias", "[A]\nalias = netflix\n", 2, {"Netflix", "A"}},
	{"a protocol of another", "[A]\nprotocol = DNS\n", 2, {"DNS", "A"}},
	{"no such protocol", "[A]\nprotocol = Gopher\n", 2, {"protocol", "TLS"}},
	{"a bad port", "[A]\nprotocol = TLS/0\n", 2, {"protocol", "TLS"}},
	{"a port too high", "[A]\nprotocol = TLS/65536\n", 2, {"protocol", "TLS"}},
	{"one label", "[A]\ndomain = com\n", 2, {"'com'", "two labels"}},
	{"a byte no host has", "[A]\ndomain = a$.example\n", 2, {"a$.example", "two labels"}},
	{"no A-label", "[A]\ndomain = b\xc3\xbc.example\n", 2, {"xn--", "two labels"}},
	{"an empty label", "[A]\ndomain = a..example\n", 2, {"a..example", "two labels"}},
	{"a star inside", "[A]\ndomain = a.*.example\n", 2, {"a.*.example", "two labels"}},
	{"a bad word after good ones", "[A]\ndomain = a.example\n\tb.example c\n", 3, {"'c'", ""}},
	{"a sign of another", "[A]\nsign = doh\n", 2, {"DoH", "A cannot"}},
	{"no such sign", "[A]\nsign = esni\n", 2, {"ech", "no-name"}},
	{"a resolver of another", "[A]\nresolver = dns.google\n", 2, {"DoH", "A cannot"}},
	{"a resolver of one label", "[A]\nresolver = dns\n", 2, {"'dns'", "two labels"}},
	{"the protocol of learnt names", "[A]\nprotocol = DNS answer\n", 2, {"protocol", "TLS"}},
	{"a category with a comma", "[A]\ncategory = a, b\n", 2, {"category", "social"}},
	{"no category", "[A]\ncategory =\n", 2, {"category", ""}},
	{"no such key", "[A]\ncolour = red\n", 2, {"colour", "category"}},
	{"no value", "[A]\ndomain\n", 2, {"key = value", ""}},
	{"before any section", "\ndomain = a.example\n", 2, {"name an application", ""}},
	{"the unknown application", "[unknown]\ndomain = a.example\n", 2, {"unknown", ""}},
	{"a section not closed", "[A\ndomain = a.example\n", 1, {"Application", ""}},
	{"a section too long", "[" LONG "]\ndomain = a.example\n", 2, {"name an application", ""}},
	{"a comma in an alias", "[A]\nalias = a, b\n", 2, {"alias", ""}},
	{"two spaces in an alias", "[A]\nalias = a  b\n", 2, {"alias", ""}},
	{"a line too long", "[A]\ndomain = " LONG LONG LONG LONG LONG "\n", 2, {"longer", ""}},
};

static void test_bad_files(void **state)
{
	struct catalogue *c = *state;
	char path[] = "/tmp/test_classify.XXXXXX", place[64];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		size_t before = catalogue_count(c);
		size_t suffixes = catalogue_policy_apps(c).suffix_count;
		struct fault f = {""};

		write_text(path, bad_files[i].text);
		if (catalogue_load(c, path, &f) != -EINVAL)
			fail_msg("%s: taken", bad_files[i].why);
		snprintf(place, sizeof(place), "%s:%zu: ", path, bad_files[i].line);
		if (strncmp(f.text, place, strlen(place)) != 0)
			fail_msg("%s: wrong place: %s", bad_files[i].why, f.text);
		for (int k = 0; k < 2; k++)
			if (!strstr(f.text + strlen(place), bad_files[i].says[k]))
				fail_msg("%s: not said: %s", bad_files[i].why, f.text);
		assert_int_equal(catalogue_count(c), before);
		assert_int_equal(catalogue_policy_apps(c).suffix_count, suffixes);
		assert_int_equal(catalogue_find(c, slice_text("A")), APP_UNKNOWN);
		assert_string_equal(app_of(c, "a.example"), "Unknown");
	}
	unlink(path);
}

/* What one file of the user gave to an application, the next cannot give to another. */
static void test_conflict_of_two_files(void **state)
{
	struct catalogue *c = *state;
	char dir[] = "/tmp/test_classify.XXXXXX", path[64];
	struct fault f = {""};

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/1.conf", dir);
	write_text(path, "[First]\ndomain = a.example\nalias = One\n");
	snprintf(path, sizeof(path), "%s/2.conf", dir);
	write_text(path, "[Second]\ndomain = b.example\ndomain = a.example\n");
	assert_int_equal(catalogue_load_dir(c, dir, &f), -EINVAL);
	assert_non_null(strstr(f.text, "2.conf:3: domain a.example belongs to First already"));
	assert_string_equal(app_of(c, "x.a.example"), "First");
	assert_string_equal(app_of(c, "b.example"), "Unknown");
	assert_int_equal(catalogue_find(c, slice_text("Second")), APP_UNKNOWN);
	write_text(path, "[One]\ndomain = b.example\n"); /* an alias names its application */
	snprintf(path, sizeof(path), "%s/1.conf", dir);
	unlink(path);
	if (catalogue_load_dir(c, dir, &f))
		fail_msg("%s", f.text);
	assert_string_equal(app_of(c, "b.example"), "First");
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

static void test_unreadable(void **state)
{
	struct fault f = {""};

	assert_int_equal(catalogue_load(*state, "/nonexistent/x.conf", &f), -ENOENT);
	assert_non_null(strstr(f.text, "/nonexistent/x.conf"));
	assert_int_equal(catalogue_load(*state, "/", &f), -EISDIR);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_names),
		ROW(test_lookalikes),
		ROW(test_lookalikes_of_a_lone_domain),
		ROW(test_calls),
		ROW(test_nearest),
		ROW(test_protocols),
		ROW(test_contents),
		ROW(test_user_files),
		ROW(test_bad_files),
		ROW(test_unreadable),
		ROW(test_signs),
		ROW(test_resolvers),
		ROW(test_no_public_suffix),
		ROW(test_categories),
		ROW(test_conflict_of_two_files),
		ROW(test_built_in),
	};

	return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
