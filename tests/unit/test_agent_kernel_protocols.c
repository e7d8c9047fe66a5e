/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the kernel is told of rules on protocols and signs: which names it may decide, and which
 * rule blocks what they are said in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/kernel_protocols.h"

enum {
	HELLOS = DPI_CONFIG_HELLOS,
	ECH = DPI_CONFIG_ECH,
	REQUESTS = DPI_CONFIG_REQUESTS,
	ALL = HELLOS | ECH | REQUESTS,
};

/* What a user's catalogue may add. */
static const char apps[] = "[Gemini]\ncategory = protocols\nprotocol = TLS/1965\n"
			   "[Printer]\ncategory = protocols\nprotocol = HTTP/631\n";

static const struct row {
	const char *why, *rules;
	uint32_t flags;
	bool https, tls, http; /* has a rule that blocks it */
} rows[] = {
	{"no rule", "", ALL, false, false, false},
	{"names", "[BLOCKED_DOMAINS]\na.example\n[ALLOWED_DOMAINS]\nb.example", ALL, false, false,
	 false},
	{"HTTPS blocked", "[BLOCKED_APPS]\nHTTPS", ALL, true, false, false},
	{"TLS blocked", "[BLOCKED_APPS]\nTLS", ALL, false, true, false},
	{"HTTP blocked", "[BLOCKED_APPS]\nHTTP", ALL, false, false, true},
	{"HTTPS allowed", "[ALLOWED_APPS]\nHTTPS", REQUESTS, false, false, false},
	{"TLS allowed", "[ALLOWED_APPS]\nTLS", REQUESTS, false, false, false},
	{"HTTP allowed", "[ALLOWED_APPS]\nHTTP", HELLOS | ECH, false, false, false},
	{"DoH allowed", "[ALLOWED_APPS]\nDoH", REQUESTS, false, false, false},
	{"DoT allowed", "[ALLOWED_APPS]\nDoT", REQUESTS, false, false, false},
	{"DoH and DoT blocked", "[BLOCKED_APPS]\nDoH\nDoT", ALL, false, false, false},
	{"ECH allowed", "[ALLOWED_APPS]\nECH", HELLOS | REQUESTS, false, false, false},
	{"ECH blocked", "[BLOCKED_APPS]\nECH", HELLOS | REQUESTS, false, false, false},
	{"no-name", "[BLOCKED_APPS]\nno-name", ALL, false, false, false},
	{"DNS allowed", "[ALLOWED_APPS]\nDNS", ALL, false, false, false},
	{"an application with names", "[ALLOWED_APPS]\nYouTube", ALL, false, false, false},
};

/* With the user's catalogue. */
static const struct row own_rows[] = {
	{"names", "[BLOCKED_DOMAINS]\na.example", ALL, false, false, false},
	{"HTTPS blocked", "[BLOCKED_APPS]\nHTTPS", ALL, true, false, false},
	{"a port's own TLS blocked", "[BLOCKED_APPS]\nGemini", REQUESTS, false, false, false},
	{"a port's own TLS allowed", "[ALLOWED_APPS]\nGemini", REQUESTS, false, false, false},
	{"a port's own HTTP blocked", "[BLOCKED_APPS]\nPrinter", HELLOS | ECH, false, false, false},
	{"TLS blocked, but not a port's own", "[BLOCKED_APPS]\nTLS", REQUESTS, false, true, false},
	{"TLS blocked, and a port's own by another rule", "[BLOCKED_APPS]\nTLS\nGemini", REQUESTS,
	 false, true, false},
};

static struct policy *make_policy(const struct catalogue *c, const char *text)
{
	struct rule_apps names = catalogue_rule_apps(c);
	struct policy_apps owned = catalogue_policy_apps(c);
	struct rules *rules = NULL;
	struct policy *p;
	struct fault f;

	assert_int_equal(rules_parse(slice_text(text), "rules", &names, 0, &rules, &f), 0);
	p = policy_new(rules, &owned, 42);
	rules_free(rules);
	assert_non_null(p);
	return p;
}

static void check(const struct catalogue *c, const struct row *row, size_t count)
{
	for (const struct row *r = row; r < row + count; r++) {
		struct policy *p = make_policy(c, r->rules);
		struct live_protocols k;

		assert_int_equal(kernel_protocols(c, p, &k), 0);
		if (k.flags != r->flags || (k.https_block != 0) != r->https ||
		    (k.tls_block != 0) != r->tls || (k.http_block != 0) != r->http)
			fail_msg("%s: flags %x, https %d, tls %d, http %d", r->why, k.flags,
				 k.https_block != 0, k.tls_block != 0, k.http_block != 0);
		kernel_protocols_clear(&k);
		policy_free(p);
	}
}

static void each_row(void **state)
{
	struct catalogue *c = catalogue_new();

	(void)state;
	assert_non_null(c);
	check(c, rows, sizeof(rows) / sizeof(rows[0]));
	catalogue_free(c);
}

static void each_own_row(void **state)
{
	struct catalogue *c = catalogue_new();
	char path[] = "/tmp/dpi-apps-XXXXXX";
	int fd = mkstemp(path);
	struct fault f;

	(void)state;
	assert_non_null(c);
	assert_int_equal(write(fd, apps, strlen(apps)), strlen(apps));
	assert_int_equal(catalogue_load(c, path, &f), 0);
	close(fd);
	unlink(path);
	check(c, own_rows, sizeof(own_rows) / sizeof(own_rows[0]));
	catalogue_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_row),
					   cmocka_unit_test(each_own_row)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
