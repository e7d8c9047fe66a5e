/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fetch: how far away an address is.
 */
#include "fetch/reach.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *text;
	enum reach reach;
} rows[] = {
	{"127.0.0.1", REACH_HOST},
	{"127.255.0.9", REACH_HOST},
	{"0.0.0.0", REACH_HOST},
	{"::", REACH_HOST},
	{"::1", REACH_HOST},
	{"::ffff:127.0.0.1", REACH_HOST},
	{"::127.0.0.1", REACH_HOST},
	{"64:ff9b::7f00:1", REACH_HOST},
	{"2002:7f00:1::1", REACH_HOST},
	{"169.254.169.254", REACH_LINK},
	{"64:ff9b::a9fe:a9fe", REACH_LINK},
	{"fe80::1", REACH_LINK},
	{"febf::1", REACH_LINK},
	{"ff02::1", REACH_LINK},
	{"224.0.0.1", REACH_LINK},
	{"255.255.255.255", REACH_LINK},
	{"10.1.2.3", REACH_SITE},
	{"172.16.0.1", REACH_SITE},
	{"172.31.255.255", REACH_SITE},
	{"192.168.1.1", REACH_SITE},
	{"100.64.0.1", REACH_SITE},
	{"fd00::1", REACH_SITE},
	{"2002:c0a8:101::1", REACH_SITE},
	{"172.32.0.1", REACH_WORLD},
	{"100.128.0.1", REACH_WORLD},
	{"11.0.0.1", REACH_WORLD},
	{"128.0.0.1", REACH_WORLD},
	{"2001:db8::1", REACH_WORLD},
	{"64:ff9b::808:808", REACH_WORLD},
	{"::ffff:8.8.8.8", REACH_WORLD},
};

static void test_reach(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
		const struct sockaddr *at = (const struct sockaddr *)&v6;

		if (inet_pton(AF_INET, rows[i].text, &v4.sin_addr) == 1)
			at = (const struct sockaddr *)&v4;
		else
			assert_int_equal(inet_pton(AF_INET6, rows[i].text, &v6.sin6_addr), 1);
		if (reach_of(at) != rows[i].reach)
			fail_msg("%s: %s, not %s", rows[i].text, reach_name(reach_of(at)),
				 reach_name(rows[i].reach));
	}
}

static void test_other_families(void **state)
{
	struct sockaddr at = {.sa_family = AF_UNIX};

	assert_int_equal(reach_of(&at), REACH_HOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_other_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
