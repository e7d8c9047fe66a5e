/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel's readers of a first segment, in user space: which names they find, which they leave
 * to the engine, and that whatever they find the engine hears.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "build.h"
#include "hello_bytes.h"
#include "support.h"
#include "word_find.h"

/* What is found in the bytes, against an unmapped page; and cut short at each length. */
static void check(const char *what, const void *bytes, size_t len, const char *name)
{
	const uint8_t *at = lay_against_wall(bytes, len);
	struct word_found w = word_find(slice_of(at, len));

	if (w.is_found != (name != NULL) || (name && strcmp(w.name.text, name) != 0))
		fail_msg("%s: '%s' is found", what, w.is_found ? w.name.text : "nothing");
	if (w.is_found && !word_is_heard(slice_of(at, len), &w))
		fail_msg("%s: the engine does not hear it", what);
	for (size_t cut = 0; cut < len; cut++) {
		struct word_found part = word_find(slice_of(at, cut));

		if (part.is_found && !w.is_found)
			fail_msg("%s: '%s' is found in %zu bytes", what, part.name.text, cut);
		if (part.is_found && strcmp(part.name.text, w.name.text) != 0)
			fail_msg("%s: another is found in %zu bytes", what, cut);
	}
	wall_free(at);
}

/* --- hellos ----------------------------------------------------------------------------------- */

static void real_hellos(void **state)
{
	(void)state;
	check("curl", hello_curl, sizeof(hello_curl), "www.ntop.org");
	check("a browser", hello_browser, sizeof(hello_browser), "meet.google.com");
}

static const struct {
	const char *why, *name, *found;
} names[] = {
	{"a name", "www.blocked.example", "www.blocked.example"},
	{"capitals", "WwW.BlOcKeD.eXaMpLe", "www.blocked.example"},
	{"one label", "localhost", "localhost"},
	{"one byte", "a", "a"},
	{"an underscore and a hyphen", "_a-b.example", "_a-b.example"},
	{"digits inside", "a1.2b3.example", "a1.2b3.example"},
	{"an international name", "xn--bcher-kva.example", "xn--bcher-kva.example"},
	{"a digit at the end: an address", "192.0.2.1", NULL},
	{"a dot at the end", "blocked.example.", NULL},
	{"a dot in front", ".blocked.example", NULL},
	{"an empty label", "blocked..example", NULL},
	{"a blank", "blocked .example", NULL},
	{"a slash", "blocked/example", NULL},
	{"a byte of none", "bl\xffked.example", NULL},
	{"an address in brackets", "[2001:db8::a]", NULL},
	{"an empty name", "", NULL},
};

static void hello_names(void **state)
{
	uint8_t bytes[BUILD_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check(names[i].why, bytes, build_hello(bytes, names[i].name, 0), names[i].found);
	check("no name", bytes, build_hello(bytes, NULL, 0), NULL);
}

static void long_names(void **state)
{
	uint8_t bytes[BUILD_MAX];
	char name[300];

	(void)state;
	for (size_t len = 60; len < 70; len++) {
		memset(name, 'a', len);
		strcpy(name + len, ".example");
		check("a long label", bytes, build_hello(bytes, name, 0), len <= 63 ? name : NULL);
	}
	for (size_t len = 240; len < 258; len++) {
		memset(name, 'a', len);
		for (size_t i = 60; i < len - 1; i += 61)
			name[i] = '.';
		name[len] = '\0';
		check("a long name", bytes, build_hello(bytes, name, 0), len <= 253 ? name : NULL);
	}
}

/* Where the window ends, so does what is read. */
static void hello_sizes(void **state)
{
	static uint8_t bytes[BUILD_MAX];

	(void)state;
	for (size_t pad = 1700; pad < 2100; pad++) {
		size_t len = build_hello(bytes, "a.example", pad);
		struct word_found w = word_find(slice_of(bytes, len));

		assert_int_equal(w.is_found, len <= DPI_WORD_WINDOW);
	}
}

/* Where a name's first byte is. */
static size_t find_name(const uint8_t *bytes, size_t len, const char *name)
{
	for (size_t i = 0; i + strlen(name) <= len; i++)
		if (memcmp(bytes + i, name, strlen(name)) == 0)
			return i;
	fail();
	return 0;
}

/* A hello that goes on in the next segment is named by what is there, once the name is. */
static void hello_cuts(void **state)
{
	const struct {
		const char *name;
		const uint8_t *bytes;
		size_t len, ech; /* bytes, and those up to the head of an encrypted one; 0: none */
	} rows[] = {
		{"www.ntop.org", hello_curl, sizeof(hello_curl), 0},
		{"meet.google.com", hello_browser, sizeof(hello_browser), 146},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t at = find_name(rows[i].bytes, rows[i].len, rows[i].name);

		for (size_t cut = 0; cut <= rows[i].len; cut++) {
			struct slice payload = slice_of(rows[i].bytes, cut);
			struct word_found w = word_find(payload);

			assert_int_equal(w.is_found, cut >= at + strlen(rows[i].name));
			if (!w.is_found)
				continue;
			assert_string_equal(w.name.text, rows[i].name);
			assert_int_equal(w.is_cut, cut < rows[i].len);
			assert_int_equal(w.has_ech, rows[i].ech && cut >= rows[i].ech);
			assert_true(word_is_heard(payload, &w));
		}
	}
}

/* Each byte of a real hello changed to each value that a length or a type may have: nothing may be
 * found that the engine does not hear. */
static void changed_hellos(void **state)
{
	uint8_t bytes[sizeof(hello_browser)];
	unsigned found = 0, left = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		for (int value = 0; value < 256; value++) {
			struct slice payload = slice_of(bytes, sizeof(bytes));
			struct word_found w;

			memcpy(bytes, hello_browser, sizeof(bytes));
			bytes[i] = (uint8_t)value;
			w = word_find(payload);
			if (w.is_found && !word_is_heard(payload, &w))
				fail_msg("byte %zu is %d: '%s'", i, value, w.name.text);
			found += w.is_found;
			left += !w.is_found;
		}
	}
	assert_true(found > 10000 && left > 1000);
}

static void hello_lengths(void **state)
{
	/* What is added to the byte at an offset from the name's first. */
	static const struct {
		const char *why;
		int at, add;
	} rows[] = {
		{"the name's length, more", -1, 1},	 {"the name's length, less", -1, -1},
		{"another kind of name", -3, 1},	 {"the list's length, more", -4, 1},
		{"the list's length, less", -4, -1},	 {"the extension's length, less", -6, -1},
		{"the extension's length, more", -6, 1}, {"another extension", -8, 1},
	};
	uint8_t bytes[BUILD_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = build_hello(bytes, "blocked.example", 0);
		size_t at = find_name(bytes, len, "blocked.example");

		bytes[(int)at + rows[i].at] = (uint8_t)(bytes[(int)at + rows[i].at] + rows[i].add);
		check(rows[i].why, bytes, len, NULL);
	}
}

static void hello_records(void **state)
{
	uint8_t bytes[BUILD_MAX];
	size_t len;

	(void)state;
	check("records of 40 bytes", bytes, build_hello_records(bytes, "blocked.example", 40),
	      NULL);
	check("a ServerHello", bytes, build_server_hello(bytes), NULL);
	len = build_hello(bytes, "blocked.example", 0);
	memcpy(bytes + len, "\x14\x03\x03\0\1\1", 6);
	check("another record behind it", bytes, len + 6, "blocked.example");
	memmove(bytes + 6, bytes, len);
	memcpy(bytes, "\x15\x03\x01\0\1\0", 6);
	check("an alert in front", bytes, len + 6, NULL);
}

/* --- requests --------------------------------------------------------------------------------- */

#define HOST "Host: blocked.example\r\n"
#define GET  "GET / HTTP/1.1\r\n"

static const struct {
	const char *why, *text, *found;
} requests[] = {
	{"a request", GET HOST "\r\n", "blocked.example"},
	{"a head that goes on", GET HOST "A", "blocked.example"},
	{"a line that may be folded", GET HOST, NULL},
	{"another method", "OPTIONS * HTTP/1.0\r\n" HOST "\r\n", "blocked.example"},
	{"a port", GET "Host: blocked.example:8080\r\n\r\n", "blocked.example"},
	{"a colon and no port", GET "Host: blocked.example:\r\n\r\n", "blocked.example"},
	{"no blank", GET "Host:blocked.example\r\n\r\n", "blocked.example"},
	{"blanks around it", GET "hOST: \t Blocked.Example \t\r\n\r\n", "blocked.example"},
	{"other fields first", GET "User-Agent: x y/1 (z)\r\nHos: a\r\nHosts: b\r\n" HOST "\r\n",
	 "blocked.example"},
	{"an absolute target", "GET http://a.example/ HTTP/1.1\r\n" HOST "\r\n", "blocked.example"},
	{"CONNECT", "CONNECT blocked.example:443 HTTP/1.1\r\nHost: blocked.example:443\r\n\r\n",
	 "blocked.example"},
	{"two Hosts: the first", GET HOST "Host: b.example\r\n\r\n", "blocked.example"},
	{"no Host", GET "A: b\r\n\r\n", NULL},
	{"an empty Host", GET "Host: \r\n\r\n", NULL},
	{"a name of a user", GET "Host: a@blocked.example\r\n\r\n", NULL},
	{"an address", GET "Host: 192.0.2.1\r\n\r\n", NULL},
	{"an address of IPv6", GET "Host: [2001:db8::a]:80\r\n\r\n", NULL},
	{"words behind it", GET "Host: blocked.example b\r\n\r\n", NULL},
	{"letters for a port", GET "Host: blocked.example:a\r\n\r\n", NULL},
	{"a dot at the end", GET "Host: blocked.example.\r\n\r\n", NULL},
	{"a folded value", GET "Host:\r\n blocked.example\r\n\r\n", NULL},
	{"a fold behind it", GET "Host: blocked.example\r\n .com\r\n\r\n", NULL},
	{"a folded line in front", GET "A: b\r\n c\r\n" HOST "\r\n", NULL},
	{"a blank before the colon", GET "Host : blocked.example\r\n\r\n", NULL},
	{"bare LF", "GET / HTTP/1.1\n" HOST "\n", NULL},
	{"bare LF behind Host", GET "Host: blocked.example\n\r\n", NULL},
	{"bare CR", GET "A: b\r" HOST "\r\n", NULL},
	{"an empty line in front", "\r\n" GET HOST "\r\n", NULL},
	{"two blanks", "GET  / HTTP/1.1\r\n" HOST "\r\n", NULL},
	{"a tab", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", NULL},
	{"no version", "GET /\r\n" HOST "\r\n", NULL},
	{"a head of a proxy's", "PROXY / HTTP/1.1\r\n" HOST "\r\n", NULL},
	{"version 2", "PRI * HTTP/2.0\r\n" HOST "\r\n", NULL},
	{"another protocol", "OPTIONS sip:a SIP/2.0\r\n" HOST "\r\n", NULL},
	{"a small method", "get / HTTP/1.1\r\n" HOST "\r\n", NULL},
	{"a control in a field", GET "A: \x01\r\n" HOST "\r\n", NULL},
	{"a response", "HTTP/1.1 200 OK\r\n" HOST "\r\n", NULL},
	{"a name in a cookie", GET "Cookie: Host: blocked.example\r\n\r\n", NULL},
	{"a name in the body", GET "\r\n" HOST "\r\n", NULL},
};

static void request_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		check(requests[i].why, requests[i].text, strlen(requests[i].text),
		      requests[i].found);
}

/* Any few bytes put anywhere into a request: nothing may be found that the engine does not hear. */
static void changed_requests(void **state)
{
	static const char text[] =
		"POST /a?b HTTP/1.1\r\nA: b\r\nHost: www.blocked.example:80\r\n\r\n";
	static const char *const bits[] = {"\r", "\n",	  " ",	  "\t",	  "\r\n", "\r\n ",
					   ":",	 "Host:", "@",	  "\x85", "\xff", ".",
					   "[",	 "]",	  "\x0b", "1",	  "A"};
	unsigned found = 0, left = 0;
	char bytes[sizeof(text) + 16];

	(void)state;
	for (size_t b = 0; b < sizeof(bits) / sizeof(bits[0]); b++) {
		for (size_t at = 0; at < sizeof(text); at++) {
			size_t cut = at + (b & 1) < sizeof(text) ? at + (b & 1) : at;
			struct word_found w;
			struct slice payload;

			snprintf(bytes, sizeof(bytes), "%.*s%s%s", (int)at, text, bits[b],
				 text + cut);
			payload = slice_text(bytes);
			w = word_find(payload);
			if (w.is_found && !word_is_heard(payload, &w))
				fail_msg("'%s' at %zu: '%s'", bits[b], at, w.name.text);
			found += w.is_found;
			left += !w.is_found;
		}
	}
	assert_true(found > 200 && left > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_hellos),	 cmocka_unit_test(hello_names),
		cmocka_unit_test(long_names),	 cmocka_unit_test(hello_sizes),
		cmocka_unit_test(hello_cuts),	 cmocka_unit_test(changed_hellos),
		cmocka_unit_test(hello_lengths), cmocka_unit_test(hello_records),
		cmocka_unit_test(request_heads), cmocka_unit_test(changed_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
