/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The handshake of MySQL: greeting, request for TLS, answer in the clear.
 */
#include "extract_walk.h"

#define ON(port)   .ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = port}
#define FROM(port) .ctx = {.transport = EXTRACT_STREAM, .src_port = port, .dst_port = 50000}
#define ODD	   ON(40000)
#define MYSQL(t)   EXTRACT_FOUND, .proto = PROTO_MYSQL, .then = CLUE_THEN_##t
#define NOT_MINE   EXTRACT_NOT_MINE
#define ZERO_19	   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define GREETING                                                                           \
	"J\0\0\0\n5.7.40\0\1\0\0\0abcdefgh\0\xff\xff!\2\0\xff\xc1\x15\0\0\0\0\0\0\0\0\0\0" \
	"abcdefghijkl\0mysql_native_password\0"
/* What openssl sends. */
#define REQUEST " \0\0\1\x85\xae\x7f\0\0\0\0\1!" ZERO_19 "\0\0\0\0"

static const struct row rows[] = {
	{"a greeting", T(GREETING), MYSQL(ANY), FROM(40000)},
	{"a greeting of MariaDB",
	 T("J\0\0\0\n5.5.5-10.11.6-MariaDB\0\1\0\0\0abcdefgh\0\xff\xff!\2\0\xff\xc1\x15"),
	 MYSQL(ANY), .consumed = 78, FROM(40000)},
	{"a version that is none", T("J\0\0\0\nhello\0"), NOT_MINE, FROM(3306)},
	{"a version without a dot", T("J\0\0\0\n5\0\1\0\0\0abcdefgh\0\xff"), NOT_MINE, FROM(3306)},
	{"no zero behind the random bytes", T("J\0\0\0\n5.7.40\0\1\0\0\0abcdefghi"), NOT_MINE,
	 FROM(3306)},
	{"protocol 9", T("J\0\0\0\t3.2\0"), NOT_MINE, FROM(3306)},
	{"a greeting too short", T("\x20\0\0\0\n5.7"), NOT_MINE, FROM(3306)},
	{"a request for TLS", T(REQUEST), MYSQL(ANY), ODD},
	{"a request with a use for unused bytes",
	 T(" \0\0\1\x85\xae\x7f\0\0\0\0\1!\1" ZERO_19 "\0\0\0"), NOT_MINE, ODD},
	{"which is one on the port", T(" \0\0\1\x85\xae\x7f\0\0\0\0\1!\1" ZERO_19 "\0\0\0"),
	 MYSQL(ANY), ON(3306)},
	{"and where a server has greeted",
	 T("\x21\0\0\1\x85\xae\x7f\0\0\0\0\1!" ZERO_19 "\0\0\0\0x"), MYSQL(ANY),
	 .ctx = {.transport = EXTRACT_STREAM,
		 .src_port = 50000,
		 .dst_port = 40000,
		 .flow_proto = PROTO_MYSQL}},
	{"MariaDB's own bits", T(" \0\0\1\x85\xae\x7f\0\0\0\0\1!" ZERO_19 "\7\0\0\0"), MYSQL(ANY),
	 ODD},
	{"an answer in the clear",
	 T("\x26\0\0\1\x85\xa6\x7f\0\0\0\0\1!" ZERO_19 "\0\0\0\0root\0\0"), MYSQL(END), ODD},
	{"an answer with a control in its user",
	 T("\x26\0\0\1\x85\xa6\x7f\0\0\0\0\1!" ZERO_19 "\0\0\0\0ro\1t\0\0"), NOT_MINE, ODD},
	{"half an answer", T("\x26\0\0\1\x85\xa6\x7f\0\0\0\0\1!" ZERO_19 "\0\0\0\0ro"),
	 EXTRACT_NEED_MORE, ODD},
	{"an answer of before 4.1", T("\x26\0\0\1\x85\xa4"), NOT_MINE, ODD},
	{"a later packet", T("\x26\0\0\2\x85\xa6"), NOT_MINE, ODD},
	{"TLS", T("\x16\x03\x01\x00\xfc\1"), NOT_MINE, ON(3306)},
	{"HTTP", T("GET / HTTP/1.1"), NOT_MINE, ON(3306)},
};

static const struct walk_row walks[] = {
	{"TLS", T(REQUEST), ODD, PROTO_MYSQL, {0}},
};

WALKED_MAIN(mysql_try, 40000, 61)
