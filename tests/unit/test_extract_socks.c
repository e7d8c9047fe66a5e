/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * SOCKS 4, 4a and 5 by the client's bytes alone: the host that is asked for, and the tunnel behind
 * it.
 */
#include "extract_walk.h"

#define ON(port) .ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = port}
#define ODD	 ON(40000)
#define SOCKS(t) EXTRACT_FOUND, .proto = PROTO_SOCKS, .then = CLUE_THEN_##t
#define NOT_MINE EXTRACT_NOT_MINE
#define HOST	 .names = {T("blocked.example")}
#define NAME   \
	"\x0f" \
	"blocked.example"

static const struct row rows[] = {
	{"curl --socks5-hostname", T("\5\2\0\1\5\1\0\3" NAME "\x01\xbb"), SOCKS(ANY), HOST, ODD},
	{"with a login", T("\5\3\0\1\2\1\1u\1p\5\1\0\3" NAME "\x01\xbb"), SOCKS(ANY), HOST, ODD},
	{"an empty login", T("\5\1\2\1\0\0\5\1\0\3" NAME "\x01\xbb"), SOCKS(ANY), HOST, ODD},
	{"a login though it was refused", T("\5\2\0\2\5\1\0\3" NAME "\x01\xbb"), SOCKS(ANY), HOST,
	 ODD},
	{"an unused byte that is used", T("\5\1\0\5\1\7\3" NAME "\x01\xbb"), SOCKS(ANY), HOST, ODD},
	{"an IPv4 address", T("\5\2\0\1\5\1\0\1\xc0\0\2\1\x01\xbb"), SOCKS(ANY),
	 .flags = CLUE_IP_LITERAL, .names = {T("192.0.2.1")}, ODD},
	{"an IPv6 address", T("\5\1\0\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x01\xbb"),
	 SOCKS(ANY), .flags = CLUE_IP_LITERAL, .names = {T("2001:db8::1")}, ODD},
	{"an empty host", T("\5\1\0\5\1\0\3\0\x01\xbb"), SOCKS(ANY), .flags = CLUE_NO_NAME, ODD},
	{"a host with capitals and a dot",
	 T("\5\1\0\5\1\0\3\x10"
	   "bLoCkEd.ExAmPlE.\0\x50"),
	 SOCKS(ANY), HOST, ODD},
	{"a host with a NUL in it",
	 T("\5\1\0\5\1\0\3\x11"
	   "blocked.example\0x\0\x50"),
	 SOCKS(ANY), .flags = CLUE_ODD_NAME,
	 .names = {T("blocked.example\0x"), T("blocked.example")}, ODD},
	{"BIND waits for somebody else", T("\5\1\0\5\2\0\3" NAME "\x01\xbb"), SOCKS(END), HOST,
	 ODD},
	{"UDP's address is the client's own", T("\5\1\0\5\3\0\1\xc0\0\2\1\x01\xbb"), SOCKS(END),
	 .flags = CLUE_NO_NAME, ODD},
	{"the host counts before the port is there", T("\5\1\0\5\1\0\3" NAME), EXTRACT_NEED_MORE,
	 .proto = PROTO_SOCKS, HOST, ODD},
	{"a greeting alone says nothing", T("\5\1\0"), EXTRACT_NEED_MORE, ODD},
	{"no methods", T("\5\0\5\1\0\3" NAME "\x01\xbb"), NOT_MINE, ODD},
	{"an unknown command", T("\5\1\0\5\4\0\3"), NOT_MINE, ODD},
	{"an unknown type of address", T("\5\1\0\5\1\0\2"), NOT_MINE, ODD},
	{"another version behind the greeting", T("\5\1\0\4\1\0\3"), NOT_MINE, ODD},
	{"a server's answer", T("\5\0\5\0\0\1\0\0\0\0\0\0"), NOT_MINE, ODD},

	{"curl --socks4a",
	 T("\4\1\1\xbb\0\0\0\1\0"
	   "blocked.example\0"),
	 SOCKS(ANY), HOST, ODD},
	{"4a with a user",
	 T("\4\1\1\xbb\0\0\0\xff"
	   "me\0blocked.example\0"),
	 SOCKS(ANY), HOST, ODD},
	{"4a's host must be one, elsewhere",
	 T("\4\1\1\xbb\0\0\0\1\0"
	   "blocked example\0"),
	 NOT_MINE, ODD},
	{"but not where proxies listen",
	 T("\4\1\1\xbb\0\0\0\1\x01\0"
	   "blocked example\0"),
	 SOCKS(ANY), .flags = CLUE_ODD_NAME, .names = {T("blocked example")}, ON(1080)},
	{"curl --socks4", T("\4\1\1\xbb\xc0\0\2\1\0"), SOCKS(ANY), .flags = CLUE_IP_LITERAL,
	 .names = {T("192.0.2.1")}, ON(1080)},
	{"4 without a name looks like much else", T("\4\1\1\xbb\xc0\0\2\1\0"), NOT_MINE, ODD},
	{"an answer of TDS", T("\4\1\x00\x3a\x00\x33\x01\x00\xad\x36"), NOT_MINE, ON(1433)},
	{"port 0", T("\4\1\0\0\0\0\0\1\0"), NOT_MINE, ON(1080)},
	{"an unknown command of 4", T("\4\3\1\xbb"), NOT_MINE, ON(1080)},
	{"TLS", T("\x16\x03\x01\x02"), NOT_MINE, ON(1080)},
	{"HTTP", T("GET / HTTP/1.1\r\n"), NOT_MINE, ON(1080)},
};

static void each_row(void **state)
{
	CHECK_ROWS(socks_try, rows);
}

static const struct walk_row walks[] = {
	{"version 5", T("\5\2\0\1\5\1\0\3" NAME "\x01\xbb"), ODD, PROTO_SOCKS,
	 T("blocked.example")},
	{"version 4a",
	 T("\4\1\1\xbb\0\0\0\1\0"
	   "blocked.example\0"),
	 ODD, PROTO_SOCKS, T("blocked.example")},
	{"version 4", T("\4\1\1\xbb\xc0\0\2\1\0"), ON(1080), PROTO_SOCKS, T("192.0.2.1")},
	{"a proxy behind a proxy",
	 T("\5\1\0\5\1\0\3" NAME "\x04\x38\5\1\0\5\1\0\3" NAME "\x01\xbb"), ODD, PROTO_SOCKS,
	 T("blocked.example")},
};

static void each_walk(void **state)
{
	CHECK_WALKS(socks_try, walks);
}

/* A user name that never ends is not waited for. */
static void endless_user_ends(void **state)
{
	struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 1080};
	char bytes[300] = "\4\1\1\xbb\xc0\0\2\1";
	struct clue c = {0};

	memset(bytes + 8, 'a', sizeof(bytes) - 8);
	assert_int_equal(socks_try(slice_of(bytes, 8 + 255), &ctx, &c), EXTRACT_NEED_MORE);
	assert_int_equal(socks_try(slice_of(bytes, 8 + 256), &ctx, &c), EXTRACT_NOT_MINE);
}

static void random_payloads_name_nothing_odd(void **state)
{
	const struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 40000};

	check_random(socks_try, &ctx, 21, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(each_walk),
		cmocka_unit_test(endless_user_ends),
		cmocka_unit_test(random_payloads_name_nothing_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
