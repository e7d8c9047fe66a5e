/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * LDAP messages in BER, StartTLS among them, and BER that is no LDAP.
 */
#include "extract_walk.h"

#define STREAM .ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = 389}
#define KNOWN                                \
	.ctx = {.transport = EXTRACT_STREAM, \
		.src_port = 50000,           \
		.dst_port = 389,             \
		.flow_proto = PROTO_LDAP}
#define LDAP(t)	  EXTRACT_FOUND, .proto = PROTO_LDAP, .then = CLUE_THEN_##t
#define NOT_MINE  EXTRACT_NOT_MINE
#define START_OID "1.3.6.1.4.1.1466.20037"
#define START_TLS "\x30\x1d\2\1\1\x77\x18\x80\x16" START_OID
#define BIND	  "\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"

static const struct row rows[] = {
	{"openssl's StartTLS", T(START_TLS), LDAP(ANY), STREAM},
	{"lengths in the long form",
	 T("\x30\x84\0\0\0\x21\2\1\1\x77\x84\0\0\0\x18\x80\x16" START_OID), LDAP(ANY),
	 .consumed = 6 + 0x21, STREAM},
	{"an anonymous bind", T(BIND), LDAP(SAME), STREAM},
	{"a bind with a name and a password",
	 T("\x30\x1b\2\1\1\x60\x16\2\1\3\4\x0d"
	   "cn=a,dc=b,c=d\x80\2pw"),
	 LDAP(SAME), STREAM},
	{"a bind response", T("\x30\x0c\2\1\1\x61\7\x0a\1\0\4\0\4\0"), LDAP(SAME), STREAM},
	{"a search",
	 T("\x30\x25\2\1\2\x63\x20\4\0\x0a\1\0\x0a\1\0\2\1\0\2\1\0\1\1\0\x87\x0bobjectclass"
	   "\x30\0"),
	 LDAP(SAME), STREAM},
	{"a search whose end is not there", T("\x30\x82\1\0\2\1\2\x63\x81\xf0\4\0\x0a\1\0\x0a"),
	 EXTRACT_NEED_MORE, STREAM},
	{"the end of a search", T("\x30\x0c\2\1\2\x65\7\x0a\1\0\4\0\4\0"), LDAP(SAME), STREAM},
	{"an extended response", T("\x30\x0c\2\1\1\x78\7\x0a\1\0\4\0\4\0"), LDAP(SAME), STREAM},
	{"an unbind", T("\x30\5\2\1\3\x42\0"), LDAP(SAME), STREAM},
	{"another extended request",
	 T("\x30\x0c\2\1\1\x77\7\x80\5"
	   "1.2.3"),
	 LDAP(SAME), STREAM},
	{"an extended request that is none",
	 T("\x30\x0c\2\1\1\x77\7\x80\5"
	   "a.2.3"),
	 NOT_MINE, STREAM},
	{"an abandon is too little to know it by", T("\x30\6\2\1\3\x50\1\2"), NOT_MINE, STREAM},
	{"but not in a known connection", T("\x30\6\2\1\3\x50\1\2"), LDAP(SAME), KNOWN},
	{"SNMP", T("\x30\x29\2\1\1\4\6public\xa0"), NOT_MINE, STREAM},
	{"a certificate", T("\x30\x82\3\x25\x30\x82\2"), NOT_MINE, STREAM},
	{"an id of many bytes", T("\x30\x0c\2\5\1"), NOT_MINE, STREAM},
	{"an operation longer than its message", T("\x30\5\2\1\3\x60\x20"), NOT_MINE, STREAM},
	{"a length without an end", T("\x30\x80\2\1"), NOT_MINE, STREAM},
	{"a length of 16 MiB and more", T("\x30\x84\x7f\xff\xff\xff\2"), NOT_MINE, STREAM},
	{"records that are no hello", T("\x17\3\3\0\x10"), NOT_MINE, KNOWN},
	{"a text that begins with 0", T("01234567"), NOT_MINE, STREAM},
	{"TLS", T("\x16\x03\x01\x02"), NOT_MINE, STREAM},
};

static const struct walk_row walks[] = {
	{"StartTLS", T(START_TLS), STREAM, PROTO_LDAP, {0}},
	{"behind a bind", T(BIND START_TLS), STREAM, PROTO_LDAP, {0}},
	{"with a request in between", T(START_TLS "\x30\6\2\1\3\x50\1\2"), STREAM, PROTO_LDAP, {0}},
};

WALKED_MAIN(ldap_try, 389, 41)
