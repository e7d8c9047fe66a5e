/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fleet: where Redis is, as people write it; and what is no such thing, with the word that the
 * refusal must hold.
 */
#include "fleet/url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *text, *host, *path;
	unsigned port, db;
	const char *user, *password; /* password NULL: none */
	const char *shown;
} good[] = {
	{"redis://h", "h", "", 6379, 0, "", NULL, "h:6379/0"},
	{"REDIS://h", "h", "", 6379, 0, "", NULL, "h:6379/0"},
	{"redis://h:1", "h", "", 1, 0, "", NULL, "h:1/0"},
	{"redis://h:65535/", "h", "", 65535, 0, "", NULL, "h:65535/0"},
	{"redis://h/15", "h", "", 6379, 15, "", NULL, "h:6379/15"},
	{"redis://:p@h", "h", "", 6379, 0, "", "p", "h:6379/0"},
	{"redis://u:p@h:7/3", "h", "", 7, 3, "u", "p", "h:7/3"},
	{"redis://u:p@ss/w:rd@h", "h", "", 6379, 0, "u", "p@ss/w:rd", "h:6379/0"},
	{"redis://u%40x:%25%3a%2F@h", "h", "", 6379, 0, "u@x", "%:/", "h:6379/0"},
	{"redis://10.0.0.5:6380", "10.0.0.5", "", 6380, 0, "", NULL, "10.0.0.5:6380/0"},
	{"redis://[::1]", "::1", "", 6379, 0, "", NULL, "[::1]:6379/0"},
	{"redis://:p@[2001:db8::1]:7/2", "2001:db8::1", "", 7, 2, "", "p", "[2001:db8::1]:7/2"},
	{"unix:/run/r.sock", "", "/run/r.sock", 6379, 0, "", NULL, "unix:/run/r.sock?db=0"},
	{"unix:///run/r.sock?db=4", "", "/run/r.sock", 6379, 4, "", NULL, "unix:/run/r.sock?db=4"},
};

static const struct {
	const char *text, *word;
} bad[] = {
	{"", "no URL"},
	{"h", "no URL"},
	{"http://h", "no URL"},
	{"redis:h", "no URL"},
	{"rediss://h", "stunnel"},
	{"REDISS://u:p@h", "stunnel"},
	{"redis://", "no host"},
	{"redis://:6379", "no host"},
	{"redis://h:", "port"},
	{"redis://h:0", "port"},
	{"redis://h:65536", "port"},
	{"redis://h:6379x", "port"},
	{"redis://::1", "brackets"},
	{"redis://[::1", "bracket"},
	{"redis://[::1]x", "port"},
	{"redis://h/x", "database"},
	{"redis://h/70000", "database"},
	{"redis://h?db=1", "no ?"},
	{"redis://u@h", "user:password"},
	{"redis://u:@h", "empty"},
	{"redis://u:%4@h", "hexadecimal"},
	{"redis://u:%00@h", "empty"},
	{"unix:", "whole path"},
	{"unix:run/r.sock", "whole path"},
	{"unix:/r?x=1", "?db="},
	{"unix:/"
	 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
	 "890123456789012345",
	 "whole path"},
};

static void takes_what_is_one(void **state)
{
	(void)state;
	unsetenv("REDISCLI_AUTH");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct redis_url u;
		struct fault f = {""};
		char shown[128];

		if (redis_url_parse(good[i].text, &u, &f))
			fail_msg("%s: %s", good[i].text, f.text);
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.path, good[i].path);
		assert_int_equal(u.port, good[i].port);
		assert_int_equal(u.db, good[i].db);
		assert_string_equal(u.user, good[i].user);
		assert_int_equal(u.has_password, good[i].password != NULL);
		assert_string_equal(u.password, good[i].password ? good[i].password : "");
		redis_url_show(&u, shown, sizeof(shown));
		assert_string_equal(shown, good[i].shown);
	}
}

static void refuses_what_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct redis_url u = {.port = 7};
		struct fault f = {""};

		if (redis_url_parse(bad[i].text, &u, &f) != -EINVAL || !strstr(f.text, bad[i].word))
			fail_msg("%s: said '%s'", bad[i].text, f.text);
		assert_int_equal(u.port, 7); /* untouched */
	}
}

static void takes_a_password_from_the_environment(void **state)
{
	struct redis_url u;
	struct fault f;

	(void)state;
	setenv("REDISCLI_AUTH", "secret", 1);
	assert_int_equal(redis_url_parse("redis://h", &u, &f), 0);
	assert_true(u.has_password);
	assert_string_equal(u.password, "secret");
	assert_int_equal(redis_url_parse("redis://:other@h", &u, &f), 0);
	assert_string_equal(u.password, "other");
	unsetenv("REDISCLI_AUTH");
}

/* Every text cut short, and every one with a byte changed, is read or refused, and no more. */
static void survives_anything(void **state)
{
	struct redis_url u;
	struct fault f;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t len = strlen(good[i].text);

		for (size_t cut = 0; cut < len; cut++) {
			memcpy(text, good[i].text, cut);
			text[cut] = '\0';
			(void)redis_url_parse(text, &u, &f);
			for (int c = 1; c < 256; c += 3) {
				memcpy(text, good[i].text, len + 1);
				text[cut] = (char)c;
				(void)redis_url_parse(text, &u, &f);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_one),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(takes_a_password_from_the_environment),
		cmocka_unit_test(survives_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
