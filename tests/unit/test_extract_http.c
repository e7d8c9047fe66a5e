/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * HTTP/1 heads: what names a request, in every spelling that servers take, and what must not.
 */
#include "extract_rows.h"

#include <stdio.h>

#define STREAM .ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = 8080}
/* One request that names what is given and is followed by another. */
#define FOUND(...) .answer = EXTRACT_FOUND, .proto = PROTO_HTTP, .names = {__VA_ARGS__}, STREAM
/* One that goes on, and names what is given so far. */
#define MORE(...) .answer = EXTRACT_NEED_MORE, .proto = PROTO_HTTP, .names = {__VA_ARGS__}, STREAM
#define NOT_MINE  .answer = EXTRACT_NOT_MINE, STREAM
#define BLOCKED	  T("blocked.example")
#define ALLOWED	  T("allowed.example")

#define POST	"POST / HTTP/1.1\r\nHost: allowed.example\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define DOUBT	POST "Content-Length: +3\r\n\r\n"
#define NEXT	"GET /b HTTP/1.1\r\nHost: blocked.example\r\nConnection: close\r\n\r\n"

static const struct row rows[] = {
	{"a browser's request",
	 T("GET /password-ok.php HTTP/1.1\r\nHost: browserspy.dk\r\nConnection: keep-alive\r\n"
	   "Cache-Control: max-age=0\r\nAuthorization: Basic dGVzdDpmYWlsMg==\r\n"
	   "Referer: http://browserspy.dk.evil/password.php\r\nCookie: a=1; b=(not%20set)\r\n\r\n"),
	 FOUND(T("browserspy.dk"))},
	{"field name in any case", T("GET / HTTP/1.1\r\nhoSt: BlOcKeD.ExAmPlE\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"no blank behind the colon", T("GET / HTTP/1.1\r\nHOST:blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"a tab and blanks around the value",
	 T("GET / HTTP/1.1\r\nHost:\t  blocked.example \t\r\n\r\n"), FOUND(BLOCKED)},
	{"a blank before the colon", T("GET / HTTP/1.1\r\nHost : blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"a folded value", T("GET / HTTP/1.1\r\nHost:\r\n blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"a value folded twice", T("GET / HTTP/1.1\r\nHost: \r\n\t\r\n \tblocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"a fold inside the name is a space, not a join",
	 T("GET / HTTP/1.1\r\nHost: blocked.\r\n example\r\n\r\n"), FOUND(T("blocked. example")),
	 .flags = CLUE_ODD_NAME},
	{"a folded line of another field is no field",
	 T("GET / HTTP/1.1\r\nX: a\r\n Host: blocked.example\r\nHost: allowed.example\r\n\r\n"),
	 FOUND(ALLOWED)},
	{"bare LF line ends", T("GET / HTTP/1.1\nHost: blocked.example\n\n"), FOUND(BLOCKED)},
	{"empty lines in front", T("\r\n\n\r\n\nGET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"any number of empty lines",
	 T("\n\n\r\n\n\n\n\nGET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"), FOUND(BLOCKED)},
	{"a line that ends in a CR alone",
	 T("GET / HTTP/1.1\r\nA: b\rHost: blocked.example\r\n\r\n"), FOUND(BLOCKED)},
	{"a Host that ends in a CR alone",
	 T("GET / HTTP/1.1\r\nHost: blocked.example\rA: b\r\n\r\n"), FOUND(BLOCKED)},
	{"controls for blanks", T("GET\x0b/\x0c\x1fHTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"CRs for blanks", T("GET\r/\rHTTP/1.1\r\nHost: blocked.example\r\n\r\n"), FOUND(BLOCKED)},
	{"a version with zeros in front", T("GET / HTTP/01.01\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"no version", T("GET / HTTP/1.\r\nHost: blocked.example\r\n\r\n"), NOT_MINE},
	{"a coding that is none",
	 T("GET / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: identity\r\n\r\nGET"),
	 FOUND(T("a.example")), .consumed = 64},
	{"an absolute target and another Host",
	 T("GET http://blocked.example/ HTTP/1.1\r\nHost: allowed.example\r\n\r\n"),
	 FOUND(BLOCKED, ALLOWED)},
	{"an absolute target without a path",
	 T("GET http://blocked.example?u=http://allowed.example HTTP/1.1\r\n\r\n"), FOUND(BLOCKED)},
	{"an absolute target with user and port",
	 T("GET http://a:b@blocked.example:8080/x@y HTTP/1.1\r\n\r\n"), FOUND(BLOCKED)},
	{"two Hosts", T("GET / HTTP/1.1\r\nHost: allowed.example\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(ALLOWED, BLOCKED), .flags = CLUE_MANY_NAMES},
	{"the same Host twice",
	 T("GET / HTTP/1.1\r\nHost: blocked.example\r\nHost: Blocked.Example.\r\n\r\n"),
	 FOUND(BLOCKED), .flags = CLUE_MANY_NAMES},
	{"more blanks in the request line",
	 T("GET  /\t HTTP/1.1 \r\nHost: blocked.example\r\n\r\n"), FOUND(BLOCKED)},
	{"tabs in the request line", T("GET\t/\tHTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"a blank in the target", T("GET /a b HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"a method nobody knows", T("FR0B-NI_CATE!! / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"a lower-case method", T("get / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"a method of 20 characters",
	 T("ABCDEFGHIJKLMNOPQRST / HTTP/1.1\r\nHost: a.example\r\n\r\n"), FOUND(T("a.example"))},
	{"a method of 21 characters",
	 T("ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1\r\nHost: a.example\r\n\r\n"), NOT_MINE},
	{"port, trailing dot and user in Host",
	 T("GET / HTTP/1.1\r\nHost: user@blocked.example.:8080\r\n\r\n"), FOUND(BLOCKED)},
	{"a leading dot is odd", T("GET / HTTP/1.1\r\nHost: .blocked.example\r\n\r\n"),
	 FOUND(T(".blocked.example")), .flags = CLUE_ODD_NAME},
	{"an escape sequence is kept and flagged", T("GET / HTTP/1.1\r\nHost: a\x1b]0;b\r\n\r\n"),
	 FOUND(T("a\x1b]0;b")), .flags = CLUE_ODD_NAME},
	{"a NUL in Host", T("GET / HTTP/1.1\r\nHost: blocked.example\0.allowed\r\n\r\n"),
	 FOUND(T("blocked.example\0.allowed"), BLOCKED), .flags = CLUE_ODD_NAME},
	{"an IPv4 address", T("GET / HTTP/1.1\r\nHost: 192.0.2.1:8080\r\n\r\n"),
	 FOUND(T("192.0.2.1")), .flags = CLUE_IP_LITERAL},
	{"an IPv6 address", T("GET / HTTP/1.1\r\nHost: [2001:DB8::1]:8080\r\n\r\n"),
	 FOUND(T("2001:db8::1")), .flags = CLUE_IP_LITERAL},
	{"an IPv6 address without brackets", T("GET / HTTP/1.1\r\nHost: 2001:db8::1\r\n\r\n"),
	 FOUND(T("2001:db8::1")), .flags = CLUE_IP_LITERAL},
	{"behind a PROXY line",
	 T("PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\nGET / HTTP/1.1\r\nHost: "
	   "blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"behind a binary PROXY head",
	 T("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\0\5\0\x50"
	   "GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"no Host", T("GET / HTTP/1.0\r\nAccept: */*\r\n\r\n"), FOUND(), .flags = CLUE_NO_NAME},
	{"an empty Host", T("GET / HTTP/1.1\r\nHost:\r\n\r\n"), FOUND(), .flags = CLUE_NO_NAME},
	{"HTTP/0.9", T("GET /index.html\r\n"), MORE(), .flags = CLUE_NO_NAME},
	{"HTTP/0.9 to a proxy", T("GET http://blocked.example/\r\n"), MORE(BLOCKED)},
	{"no version, but fields", T("GET /b\r\nHost: blocked.example\r\n\r\n"), FOUND(BLOCKED)},
	{"no version, an odd target, but fields", T("GET b\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"no version, an odd target, and a folded line in front of the fields",
	 T("GET b\r\n x\r\nHost: blocked.example\r\n\r\n"), FOUND(BLOCKED)},
	{"a version for a target", T("GET HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"no version and another method", T("POST /b\r\nHost: blocked.example\r\n\r\n"), NOT_MINE},
	{"blanks in front", T(" \tGET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 FOUND(BLOCKED)},
	{"CONNECT", T("CONNECT blocked.example:443 HTTP/1.1\r\nHost: allowed.example\r\n\r\n"),
	 FOUND(BLOCKED, ALLOWED), .then = CLUE_THEN_ANY},
	{"the connection changes its protocol",
	 T("GET /chat HTTP/1.1\r\nHost: blocked.example\r\nUpgrade: websocket\r\n\r\n"),
	 FOUND(BLOCKED), .then = CLUE_THEN_ANY},
	{"an upgrade to HTTP/2",
	 T("GET / HTTP/1.1\r\nHost: blocked.example\r\nUpgrade: h2c\r\n\r\n"), FOUND(BLOCKED),
	 .then = CLUE_THEN_ANY},
	{"the preface of HTTP/2", T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), NOT_MINE},
	{"what only begins as that preface does is a request",
	 T("PRI * HTTP/2.0\r\nHost: blocked.example\r\n\r\n"), FOUND(BLOCKED)},
	{"an answer", T("HTTP/1.1 200 OK\r\nHost: blocked.example\r\n\r\n"), FOUND(),
	 .then = CLUE_THEN_END},
	/* Where the next request begins. */
	{"a body by its length",
	 T("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhelloGET"),
	 FOUND(T("a.example")), .consumed = 60},
	{"a body that is still to come",
	 T("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 70000\r\n\r\nhello"),
	 FOUND(T("a.example")), .consumed = 59 + 70000},
	{"a pipelined second request is the next message",
	 T("GET / HTTP/1.1\r\nHost: a.example\r\n\r\nGET / HTTP/1.1\r\nHost: b.example\r\n\r\n"),
	 FOUND(T("a.example")), .consumed = 35},
	{"a chunked body",
	 T("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
	   "4;x=y\r\nGET \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"),
	 FOUND(T("a.example"))},
	{"a chunked body that goes on",
	 T("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab"),
	 .answer = EXTRACT_NEED_MORE, .proto = PROTO_HTTP, .names = {T("a.example")}, STREAM},
	/* Bodies that servers do not end at the same place: all of what follows may be a request.
	 */
	{"a chunked body that makes no sense", T(POST CHUNKED "\r\nzz\r\n"), MORE(ALLOWED)},
	{"behind a chunked body that makes no sense", T(POST CHUNKED "\r\nzz\r\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"what is a chunk's size to one is a request to another",
	 T(POST CHUNKED "\r\nf / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 MORE(ALLOWED, BLOCKED)},
	{"a chunked body in HTTP/1.0",
	 T("POST / HTTP/1.0\r\nHost: allowed.example\r\n" CHUNKED "\r\nffff\r\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a version that not all take for 1.1",
	 T("POST / HTTP/1.01\r\nHost: allowed.example\r\n" CHUNKED "\r\nffff\r\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"coding and length", T(POST CHUNKED "Content-Length: 5\r\n\r\nfff0\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"length and coding", T(POST "Content-Length: 60000\r\n" CHUNKED "\r\n0\r\n\r\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"an unknown coding", T(POST "Transfer-Encoding: br\r\n\r\n" NEXT), MORE(ALLOWED, BLOCKED)},
	{"two codings", T(POST CHUNKED CHUNKED "\r\nffff\r\n" NEXT), MORE(ALLOWED, BLOCKED)},
	{"a coding behind a control",
	 T(POST "Transfer-Encoding: \x0b"
		"chunked\r\nContent-Length: 3\r\n\r\nabc" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"two lengths that differ",
	 T(POST "Content-Length: 3\r\nContent-Length: 9000\r\n\r\nabc" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a length with a sign", T(POST "Content-Length: +3\r\n\r\nabc" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a length with an underscore", T(POST "Content-Length: 0_3\r\n\r\nabc" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a length that wraps in 32 bits", T(POST "Content-Length: 4294967299\r\n\r\nabc" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a length that wraps in 64 bits",
	 T(POST "Content-Length: 18446744073709551619\r\n\r\nabc" NEXT), MORE(ALLOWED, BLOCKED)},
	{"a blank before the colon of the length", T(POST "Content-Length : 9000\r\n\r\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a length behind a CR alone", T(POST "A: b\rContent-Length: 9000\r\n\r\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a length before a CR alone", T(POST "Content-Length: 9000\rA: b\r\n\r\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a length in a first line that begins with a blank",
	 T("POST / HTTP/1.1\r\n Content-Length: 9000\r\n\r\n" NEXT), MORE(BLOCKED)},
	{"a GET with a body that is none to some",
	 T("GET / HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: 5000\r\n\r\n" NEXT),
	 MORE(ALLOWED, BLOCKED)},
	{"a GET with a body that must be one",
	 T("GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 13\r\n\r\n{\"a\": \"b c\"}\n"),
	 FOUND(T("a.example"))},
	{"a GET with a body still to come",
	 T("GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 13\r\n\r\n"),
	 MORE(T("a.example"))},
	{"a GET with a body that has a request in it, not in front",
	 T("GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 64\r\n\r\n{\r\n" NEXT),
	 FOUND(T("a.example"))},
	{"a GET with no body to speak of",
	 T("GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"),
	 FOUND(T("a.example"))},
	{"a POST with a request for a body",
	 T("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 61\r\n\r\n" NEXT),
	 FOUND(T("a.example"))},
	{"in doubt, behind whatever the line begins with",
	 T(DOUBT "{\"x\": 1, \xff\0\1 /b HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 MORE(ALLOWED, BLOCKED)},
	{"in doubt, no version", T(DOUBT "abcGET /b\r\nHost: blocked.example\r\n\r\n"),
	 MORE(ALLOWED, BLOCKED)},
	{"in doubt, an absolute target amid blanks",
	 T(DOUBT "a b http://blocked.example/ c HTTP/1.1\r\n\r\n"), MORE(ALLOWED, BLOCKED)},
	{"in doubt, a tunnel", T(DOUBT "abcCONNECT blocked.example:443 HTTP/1.1\r\n"),
	 MORE(ALLOWED, BLOCKED)},
	{"in doubt, a request in the head of another",
	 T(DOUBT "a b HTTP/1.1\r\nX: y\r\n a http://blocked.example/ HTTP/1.1\r\n\r\n"),
	 MORE(ALLOWED, BLOCKED)},
	{"in doubt, every request",
	 T(DOUBT "a b HTTP/1.1\nHost: a.example\n\nGET / HTTP/1.1\nHost: blocked.example\n\n"),
	 MORE(ALLOWED, T("a.example"), BLOCKED)},
	{"in doubt, a folded Host",
	 T(DOUBT "a b HTTP/1.1\r\nX: y\r\nHost:\r\n blocked.example\r\n\r\n"),
	 MORE(ALLOWED, BLOCKED)},
	{"in doubt, a folded line is no field",
	 T(DOUBT "a b HTTP/1.1\r\nX: y\r\n Host: blocked.example\r\n\r\n"), MORE(ALLOWED)},
	{"in doubt, a Host without a request", T(DOUBT "abc\r\nHost: blocked.example\r\n\r\n"),
	 MORE(ALLOWED)},
	{"in doubt, a Host behind the head",
	 T(DOUBT "a b HTTP/1.1\r\n\r\nHost: blocked.example\r\n\r\n"), MORE(ALLOWED)},
	{"in doubt, a Host line that may still be folded",
	 T(DOUBT "a b HTTP/1.1\r\nHost: blocked.example\r\n"), MORE(ALLOWED)},
	/* Early names. */
	{"a Host whose line is whole counts before the head ends",
	 T("GET / HTTP/1.1\r\nHost: blocked.example\r\nX"), .answer = EXTRACT_NEED_MORE,
	 .proto = PROTO_HTTP, .names = {BLOCKED}, STREAM},
	{"a Host line that may still be folded does not",
	 T("GET / HTTP/1.1\r\nHost: blocked.example\r\n"), .answer = EXTRACT_NEED_MORE,
	 .proto = PROTO_HTTP, STREAM},
	/* Names that are none. */
	{"a name in the query",
	 T("GET /?u=http://blocked.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"),
	 FOUND(T("a.example"))},
	{"a name in a path of two slashes", T("GET //blocked.example/ HTTP/1.1\r\n\r\n"), FOUND(),
	 .flags = CLUE_NO_NAME},
	{"a name in a cookie",
	 T("GET / HTTP/1.1\r\nCookie: Host: blocked.example\r\nHost: a.example\r\n\r\n"),
	 FOUND(T("a.example"))},
	{"a name in a field that only resembles Host",
	 T("GET / HTTP/1.1\r\nX-Host: blocked.example\r\nHost: a.example\r\n\r\n"),
	 FOUND(T("a.example"))},
	{"a name in the body",
	 T("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 23\r\n\r\nHost: "
	   "blocked.example\r\n"),
	 FOUND(T("a.example"))},
	{"a name in a look-alike's tail", T("GET / HTTP/1.1\r\nHost: blocked.example.org\r\n\r\n"),
	 FOUND(T("blocked.example.org"))},
	{"a name in the fragment", T("GET /#http://blocked.example HTTP/1.1\r\n\r\n"), FOUND(),
	 .flags = CLUE_NO_NAME},
	{"a name in the user part", T("GET / HTTP/1.1\r\nHost: blocked.example@a.example\r\n\r\n"),
	 FOUND(T("a.example"))},
	/* Other protocols. */
	{"SIP", T("OPTIONS sip:a@blocked.example SIP/2.0\r\n"), NOT_MINE},
	{"SMTP", T("EHLO blocked.example\r\n"), NOT_MINE},
	{"SSH", T("SSH-2.0-OpenSSH_9.2p1\r\n"), NOT_MINE},
	{"a line of two words", T("GET blocked.example\r\nGET a\r\n"), NOT_MINE},
	{"a TLS record", T("\x16\x03\x01\x02\x00\x01"), NOT_MINE},
	{"a control byte in the target", T("GET /\x01"), NOT_MINE},
	{"a version that is none", T("GET / HTTP/1x1\r\n"), NOT_MINE},
	{"no target", T("POST HTTP/1.1\r\n"), NOT_MINE},
};

static void each_row(void **state)
{
	CHECK_ROWS(http_try, rows);
}

static void random_payloads_name_nothing_odd(void **state)
{
	const struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 80};

	check_random(http_try, &ctx, 1, 1000000);
}

/* A head of 60 KiB in one-byte steps would show a parser that starts over inside itself. */
static void long_heads_stay_linear(void **state)
{
	static char head[60000];
	struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 80};
	size_t at = (size_t)sprintf(head, "GET / HTTP/1.1\r\nX: y");

	while (at + 64 < sizeof(head))
		at += (size_t)sprintf(head + at, "\r\n z");
	at += (size_t)sprintf(head + at, "\r\nHost: blocked.example\r\n\r\n");
	for (int i = 0; i < 2000; i++) {
		struct clue c = {.name_count = 0};

		assert_int_equal(http_try(slice_of(head, at), &ctx, &c), EXTRACT_FOUND);
		assert_string_equal(c.name[0].text, "blocked.example");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(random_payloads_name_nothing_odd),
		cmocka_unit_test(long_heads_stay_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
