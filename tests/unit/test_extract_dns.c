/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DNS questions over datagrams and streams: real messages, every way to write a name badly, and the
 * payloads of other protocols that must not be taken for DNS.
 */
#include "extract_rows.h"

#define UDP(src, dst) .ctx = {.transport = EXTRACT_DATAGRAM, .src_port = src, .dst_port = dst}
#define TCP(src, dst) .ctx = {.transport = EXTRACT_STREAM, .src_port = src, .dst_port = dst}
#define QUERY	      UDP(40000, 53)
#define FOUND(...)    .answer = EXTRACT_FOUND, .proto = PROTO_DNS, .names = {__VA_ARGS__}
#define NOT_MINE      .answer = EXTRACT_NOT_MINE
#define BLOCKED	      T("blocked.example")
#define ALLOWED	      T("allowed.example")

/* Pieces of messages: heads with so many questions, and questions. */
#define HEAD(flags, questions) "\x12\x34" flags "\0" questions "\0\0\0\0\0\0"
#define ASK		       HEAD("\1\0", "\1")
#define ASK2		       HEAD("\1\0", "\2")
#define Q_BLOCKED	       "\7blocked\7example\0\0\1\0\1"
#define Q_ALLOWED	       "\7allowed\7example\0\0\1\0\1"
#define LABEL_63 \
	"\x3f"   \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
#define A_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static const char answer_kakao[] =
	"\x86\xed\x81\x80\0\1\0\2\0\0\0\0\4auth\5kakao\3com\0\0\1\0\1\xc0\x0c\0\5\0\1\0\0\5\xc7\0"
	"\x0a"
	"\4auth\2gl\xc0\x11\xc0\x2c\0\1\0\1\0\0\0\x56\0\4\xd2\x67\xf0\x0f";
static const char mdns_answer[] =
	"\0\0\x84\0\0\0\0\2\0\0\0\0\x0bMSEDGEWIN10\5local\0\0\x1c\0\1\0\0\0\x3c\0\x10"
	"\xfe\x80\0\0\0\0\0\0\xc5\x0d\x51\x9f\x96\xa4\xe1\x08\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\2"
	"\x0f";
static const char llmnr_query[] = "\x03\x5c\0\0\0\1\0\0\0\0\0\0\x0bMSEDGEWIN10\0\0\xff\0\1";
static const char netbios_registration[] =
	"\x9c\x29\x29\x10\0\1\0\0\0\0\0\1\x20"
	"ENFDEEEHEFFHEJEODBDACACACACACAAA"
	"\0\0\x20\0\1\xc0\x0c\0\x20\0\1\0\4\x93\xe0\0\6\0\0\x0a\0\2\x0f";

#define REAL(array)                        \
	{                                  \
		(array), sizeof(array) - 1 \
	}

static const struct row rows[] = {
	{"a query", T(ASK Q_BLOCKED), FOUND(BLOCKED), QUERY},
	{"a real answer", REAL(answer_kakao), FOUND(T("auth.kakao.com")), .flags = CLUE_RESPONSE,
	 UDP(53, 38448)},
	{"mixed case", T(ASK "\7bLoCkEd\7ExAmPlE\0\0\1\0\1"), FOUND(BLOCKED), QUERY},
	{"records and junk behind the question", T("\x12\x34\1\0\0\1\0\0\0\0\0\1" Q_BLOCKED "junk"),
	 FOUND(BLOCKED), QUERY},
	{"two questions", T(ASK2 Q_ALLOWED Q_BLOCKED), FOUND(ALLOWED, BLOCKED), QUERY},
	{"the second question points to the first", T(ASK2 Q_BLOCKED "\xc0\x0c\0\x1c\0\1"),
	 FOUND(BLOCKED), QUERY},
	{"a second question that shares a tail", T(ASK2 Q_BLOCKED "\3www\xc0\x0c\0\1\0\1"),
	 FOUND(BLOCKED, T("www.blocked.example")), QUERY},
	{"more questions are claimed than there are", T(HEAD("\1\0", "\2") Q_BLOCKED),
	 .answer = EXTRACT_NEED_MORE, .proto = PROTO_DNS, .names = {BLOCKED}, QUERY},
	{"a second question that is none", T(ASK2 Q_BLOCKED "\x80xxxxxxx"), FOUND(BLOCKED),
	 .flags = CLUE_ODD_NAME, QUERY},
	{"nine questions are too many", T(HEAD("\1\0", "\x09") Q_BLOCKED), NOT_MINE, QUERY},
	{"no question", T(HEAD("\1\0", "\0")), NOT_MINE, QUERY},
	{"the root", T(ASK "\0\0\2\0\1"), FOUND(), QUERY},
	{"a pointer to itself", T(ASK "\xc0\x0c\0\1\0\1"), NOT_MINE, QUERY},
	{"a pointer forward", T(ASK "\xc0\x0e\0\1\0\1"), NOT_MINE, QUERY},
	{"a pointer into the head", T(ASK "\xc0\x02\0\1\0\1"), NOT_MINE, QUERY},
	{"a label that points back into itself", T(ASK "\1a\xc0\x0c\0\1\0\1"), NOT_MINE, QUERY},
	{"a label type that does not exist",
	 T(ASK "\x40"
	       "a\0\0\1\0\1"),
	 NOT_MINE, QUERY},
	{"a NUL and a dot inside labels", T(ASK "\3a\0b\3c.d\0\0\1\0\1"), FOUND(T("a\0b.c\\d")),
	 .flags = CLUE_ODD_NAME, QUERY},
	{"labels of 63 bytes up to 255", T(ASK LABEL_63 LABEL_63 LABEL_63 LABEL_63 "\0\0\1\0\1"),
	 FOUND(T(A_63 "." A_63 "." A_63 "." A_63)), QUERY},
	{"a name of more than 255", T(ASK LABEL_63 LABEL_63 LABEL_63 LABEL_63 "\1a\0\0\1\0\1"),
	 NOT_MINE, QUERY},
	{"a name that is cut off", T(ASK "\7blocked\7exam"), .answer = EXTRACT_NEED_MORE,
	 .proto = PROTO_DNS, QUERY},
	{"a question without its type", T(ASK "\7blocked\7example\0\0"),
	 .answer = EXTRACT_NEED_MORE, .proto = PROTO_DNS, QUERY},
	{"opcode 3 does not exist", T(HEAD("\x18\0", "\1") Q_BLOCKED), NOT_MINE, QUERY},
	/* Relatives. */
	{"an mDNS answer without a question", REAL(mdns_answer), .answer = EXTRACT_FOUND,
	 .proto = PROTO_MDNS, .flags = CLUE_RESPONSE, UDP(5353, 5353)},
	{"mDNS, answer by unicast wanted",
	 T(HEAD("\0\0", "\1") "\4_ipp\4_tcp\5local\0\0\x0c\x80\1"), .answer = EXTRACT_FOUND,
	 .proto = PROTO_MDNS, .names = {T("_ipp._tcp.local")}, UDP(5353, 5353)},
	{"mDNS asks nine questions at once",
	 T(HEAD("\0\0", "\x09") "\1a\5local\0\0\x0c\0\1\1b\xc0\x0e\0\x0c\0\1\1c\xc0\x0e\0\x0c\0\1"
				"\1d\xc0\x0e\0\x0c\0\1\1e\xc0\x0e\0\x0c\0\1\1f\xc0\x0e\0\x0c\0\1\1g"
				"\xc0\x0e\0\x0c\0\1"
				"\1h\xc0\x0e\0\x0c\0\1\1i\xc0\x0e\0\x0c\0\1"),
	 .answer = EXTRACT_FOUND, .proto = PROTO_MDNS,
	 .names = {T("a.local"), T("b.local"), T("c.local"), T("d.local"), T("e.local"),
		   T("f.local"), T("g.local"), T("h.local"), T("i.local")},
	 UDP(5353, 5353)},
	{"an LLMNR query", REAL(llmnr_query), .answer = EXTRACT_FOUND, .proto = PROTO_LLMNR,
	 .names = {T("msedgewin10")}, UDP(63717, 5355)},
	{"NetBIOS names are no DNS", REAL(netbios_registration), NOT_MINE, UDP(137, 137)},
	{"nor are they on another port", REAL(netbios_registration), NOT_MINE, UDP(1137, 1138)},
	/* Any other port: everything must look like DNS. */
	{"a query on an odd port", T(ASK Q_BLOCKED), FOUND(BLOCKED), UDP(40000, 5300)},
	{"an answer on an odd port", REAL(answer_kakao), FOUND(T("auth.kakao.com")),
	 .flags = CLUE_RESPONSE, UDP(5300, 40000)},
	{"odd port, an update", T(HEAD("\x28\0", "\1") Q_BLOCKED), NOT_MINE, UDP(40000, 5300)},
	{"odd port, a reserved bit", T(HEAD("\1\x40", "\1") Q_BLOCKED), NOT_MINE, UDP(40000, 5300)},
	{"odd port, a query with an error", T(HEAD("\1\3", "\1") Q_BLOCKED), NOT_MINE,
	 UDP(40000, 5300)},
	{"odd port, a query with answers",
	 T("\x12\x34\1\0\0\1\0\1\0\0\0\0" Q_BLOCKED "0123456789ab"), NOT_MINE, UDP(40000, 5300)},
	{"odd port, more records than bytes", T("\x12\x34\x81\x80\0\1\0\x40\0\0\0\0" Q_BLOCKED),
	 NOT_MINE, UDP(5300, 40000)},
	{"odd port, an unknown type", T(ASK "\7blocked\7example\0\x7f\x7f\0\1"), NOT_MINE,
	 UDP(40000, 5300)},
	{"odd port, an unknown class", T(ASK "\7blocked\7example\0\0\1\0\x09"), NOT_MINE,
	 UDP(40000, 5300)},
	{"odd port, a name no host has", T(ASK "\7bloc ed\7example\0\0\1\0\1"), NOT_MINE,
	 UDP(40000, 5300)},
	{"odd port, a cut question", T(ASK "\7blocked\7exam"), NOT_MINE, UDP(40000, 5300)},
	{"odd port, the root", T(ASK "\0\0\2\0\1"), NOT_MINE, UDP(40000, 5300)},
	/* Streams. */
	{"over a stream", T("\0\x21" ASK Q_BLOCKED), FOUND(BLOCKED), TCP(40000, 53)},
	{"over a stream, an odd port", T("\0\x21" ASK Q_BLOCKED), FOUND(BLOCKED), TCP(40000, 5300)},
	{"the next message of a stream follows", T("\0\x21" ASK Q_BLOCKED "\0\x21" ASK Q_ALLOWED),
	 FOUND(BLOCKED), .consumed = 35, TCP(40000, 53)},
	{"the rest of an answer may be missing", T("\1\0" ASK Q_BLOCKED), FOUND(BLOCKED),
	 .consumed = 258, TCP(40000, 53)},
	{"a stream's question beyond its message", T("\0\x14" ASK Q_BLOCKED), NOT_MINE,
	 TCP(40000, 53)},
	{"half a name over a stream", T("\0\x21" ASK "\7blocked\7exam"),
	 .answer = EXTRACT_NEED_MORE, .proto = PROTO_DNS, TCP(40000, 53)},
	{"half a name over a stream, an odd port", T("\0\x21" ASK "\7blocked\7exam"),
	 .answer = EXTRACT_NEED_MORE, TCP(40000, 5300)},
	{"two questions over a stream", T("\0\x36" ASK2 Q_ALLOWED Q_BLOCKED),
	 FOUND(ALLOWED, BLOCKED), TCP(40000, 53)},
	{"a message too short for its head", T("\0\x0b" ASK), NOT_MINE, TCP(40000, 53)},
	{"HTTP is no DNS", T("GET /?q=blocked.example HTTP/1.1\r\nHost: blocked.example\r\n\r\n"),
	 NOT_MINE, TCP(40000, 80)},
	{"TLS is no DNS",
	 T("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x3e\x38\x41\xed\xcc\x20\xf6\xd0\xe5"),
	 NOT_MINE, TCP(40000, 443)},
	{"SSH is no DNS", T("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), NOT_MINE, TCP(40000, 22)},
};

static void each_row(void **state)
{
	CHECK_ROWS(dns_try, rows);
}

/* 17 pointers, each further back than the one before: one more than are followed. */
static void pointer_chains_end(void **state)
{
	const struct extract_context ctx = {
		.transport = EXTRACT_DATAGRAM, .src_port = 40000, .dst_port = 53};

	for (unsigned pointers = 1; pointers <= 20; pointers++) {
		uint8_t m[200] = {[2] = 1, [5] = 2};
		struct clue c = {.name_count = 0};
		size_t at = 12;

		/* The first question: one label whose bytes are themselves the pointers. */
		m[at++] = (uint8_t)(2 * pointers + 2);
		m[at++] = 1;
		m[at++] = 'x';
		m[at] = 0;
		for (unsigned i = 0; i < pointers; i++) {
			m[12 + 3 + 2 * i] = i ? 0xc0 : 0;
			m[12 + 4 + 2 * i] = i ? (uint8_t)(i == 1 ? 13 : 12 + 3 + 2 * (i - 1)) : 0;
		}
		at = 12 + 1 + 2 * (size_t)pointers + 2;
		m[at++] = 0;
		m[at + 1] = m[at + 3] = 1;
		at += 4;
		m[at++] = 0xc0;
		m[at++] = (uint8_t)(pointers == 1 ? 13 : 12 + 3 + 2 * (pointers - 1));
		m[at + 1] = m[at + 3] = 1;
		at += 4;
		assert_int_equal(dns_try(slice_of(m, at), &ctx, &c), EXTRACT_FOUND);
		assert_int_equal(c.name_count, pointers <= 16 ? 2 : 1);
		if (pointers <= 16)
			assert_string_equal(c.name[1].text, "x");
	}
}

static void random_payloads_name_nothing_odd(void **state)
{
	static const struct extract_context ctx[] = {
		{.transport = EXTRACT_DATAGRAM, .src_port = 40000, .dst_port = 53},
		{.transport = EXTRACT_DATAGRAM, .src_port = 40000, .dst_port = 40001},
		{.transport = EXTRACT_STREAM, .src_port = 40000, .dst_port = 40001},
	};

	for (size_t i = 0; i < sizeof(ctx) / sizeof(ctx[0]); i++)
		check_random(dns_try, &ctx[i], 4 + i, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(pointer_chains_end),
		cmocka_unit_test(random_payloads_name_nothing_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
