/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * XMPP: whom a stream is for, in every spelling that XML allows, and XML that is none of it.
 */
#include "extract_walk.h"

#define CLIENT \
	.ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = 5222, .is_opener = true}
#define SERVER .ctx = {.transport = EXTRACT_STREAM, .src_port = 5222, .dst_port = 50000}
#define KNOWN                                \
	.ctx = {.transport = EXTRACT_STREAM, \
		.src_port = 50000,           \
		.dst_port = 5222,            \
		.is_opener = true,           \
		.flow_proto = PROTO_XMPP}
#define XMPP(t)	 EXTRACT_FOUND, .proto = PROTO_XMPP, .then = CLUE_THEN_##t
#define NOT_MINE EXTRACT_NOT_MINE
#define HOST	 .names = {T("blocked.example")}
#define XMLNS	 "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
/* What openssl sends. */
#define HEAD                                                              \
	"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' " \
	"xmlns='jabber:client' to='blocked.example' version='1.0'>"
#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

static const struct row rows[] = {
	{"a head", T(HEAD), XMPP(SAME), HOST, CLIENT},
	{"behind a declaration", T("<?xml version='1.0'?>\n" HEAD), XMPP(SAME), HOST, CLIENT},
	{"behind blanks and a comment", T(" \r\n<!-- a -->" HEAD), XMPP(SAME), HOST, CLIENT},
	{"double quotes, blanks around '=', line ends",
	 T("<stream:stream\n" XMLNS "\tto = \"Blocked.Example\" >"), XMPP(SAME), HOST, CLIENT},
	{"another prefix",
	 T("<s:stream xmlns:s='http://etherx.jabber.org/streams' to='blocked.example'>"),
	 XMPP(SAME), HOST, CLIENT},
	{"no prefix", T("<stream xmlns='http://etherx.jabber.org/streams' to='blocked.example'>"),
	 XMPP(SAME), HOST, CLIENT},
	{"character references", T("<stream:stream " XMLNS "to='&#98;locked&#x2E;example'>"),
	 XMPP(SAME), HOST, CLIENT},
	{"a reference that is none stays", T("<stream:stream " XMLNS "to='a&b;c'>"), XMPP(SAME),
	 .names = {T("a&b;c")}, .flags = CLUE_ODD_NAME, CLIENT},
	{"a '>' inside quotes", T("<stream:stream a='>' " XMLNS "to='blocked.example'>"),
	 XMPP(SAME), HOST, CLIENT},
	{"a whole address", T("<stream:stream " XMLNS "to='me@blocked.example/home'>"), XMPP(SAME),
	 HOST, CLIENT},
	{"another attribute that ends in to",
	 T("<stream:stream " XMLNS "xto='a.example' to='blocked.example'>"), XMPP(SAME), HOST,
	 CLIENT},
	{"nobody", T("<stream:stream " XMLNS ">"), XMPP(SAME), .flags = CLUE_NO_NAME, CLIENT},
	{"what a server answers is for the client",
	 T("<stream:stream " XMLNS "id='1' from='blocked.example' to='me@a.example'>"), XMPP(SAME),
	 SERVER},
	{"an id does not hide a client's",
	 T("<stream:stream " XMLNS "id='1' to='blocked.example'>"), XMPP(SAME), HOST, CLIENT},
	{"starttls", T(STARTTLS), XMPP(ANY), CLIENT},
	{"starttls of something else", T("<starttls xmlns='a'/>"), NOT_MINE, CLIENT},
	{"a stream of something else", T("<stream to='blocked.example'>"), NOT_MINE, CLIENT},
	{"half a head", T("<stream:stream " XMLNS "to='blocked.exa"), EXTRACT_NEED_MORE, CLIENT},
	{"HTML", T("<!doctype html><html><body to='blocked.example'>"), NOT_MINE, CLIENT},
	{"SOAP", T("<?xml version='1.0'?><soap:Envelope xmlns:soap='a'>"), NOT_MINE, CLIENT},
	{"the end of an element", T("</stream:stream>"), NOT_MINE, CLIENT},
	{"TLS", T("\x16\x03\x01\x02"), NOT_MINE, CLIENT},
	{"HTTP", T("GET / HTTP/1.1"), NOT_MINE, CLIENT},
	{"elements of a known stream", T("<iq><a>text</a></iq>" STARTTLS), XMPP(SAME),
	 .consumed = 20, KNOWN},
	{"its starttls, by any prefix", T("<x:starttls xmlns:x='a'>"), XMPP(ANY), KNOWN},
	{"its second head", T(HEAD), XMPP(SAME), HOST, KNOWN},
	{"its end", T("</stream:stream>"), XMPP(SAME), KNOWN},
	{"half an element of it", T("<presence"), EXTRACT_NEED_MORE, .proto = PROTO_XMPP, KNOWN},
	{"records that are no hello", T("\x16\x03\x03\x00\x10\x10"), NOT_MINE, KNOWN},
};

/* Behind a known element other bytes are text of the stream: appended ones may end it earlier. */
static void each_row(void **state)
{
	CHECK_ROWS(xmpp_try, rows);
}

static const struct walk_row walks[] = {
	{"openssl's", T(HEAD STARTTLS), CLIENT, PROTO_XMPP, T("blocked.example")},
	{"stanzas in between", T(HEAD " <iq type='get'>x</iq>\n" STARTTLS), CLIENT, PROTO_XMPP,
	 T("blocked.example")},
	{"an element with an end",
	 T(HEAD "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls>"), CLIENT,
	 PROTO_XMPP, T("blocked.example")},
	{"another prefix", T(HEAD "<x:starttls xmlns:x='urn:ietf:params:xml:ns:xmpp-tls'/>"),
	 CLIENT, PROTO_XMPP, T("blocked.example")},
	{"more behind it", T(HEAD STARTTLS " <presence/>"), CLIENT, PROTO_XMPP,
	 T("blocked.example")},
};

static void each_walk(void **state)
{
	CHECK_WALKS(xmpp_try, walks);
}

/* What never ends is not waited for. */
static void endless_tag_ends(void **state)
{
	static char bytes[9000] = "<stream:stream a='";
	struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 5222};
	struct clue c = {0};

	memset(bytes + 18, 'a', sizeof(bytes) - 18);
	assert_int_equal(xmpp_try(slice_of(bytes, 8000), &ctx, &c), EXTRACT_NEED_MORE);
	assert_int_equal(xmpp_try(slice_of(bytes, 9000), &ctx, &c), EXTRACT_NOT_MINE);
	memset(bytes, ' ', sizeof(bytes));
	assert_int_equal(xmpp_try(slice_of(bytes, 9000), &ctx, &c), EXTRACT_NOT_MINE);
}

static void random_payloads_name_nothing_odd(void **state)
{
	const struct extract_context ctx = {.transport = EXTRACT_STREAM, .dst_port = 5222};

	check_random(xmpp_try, &ctx, 71, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(each_walk),
		cmocka_unit_test(endless_tag_ends),
		cmocka_unit_test(random_payloads_name_nothing_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
