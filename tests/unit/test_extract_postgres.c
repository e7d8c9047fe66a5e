/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How clients of PostgreSQL begin.
 */
#include "extract_walk.h"

#define STREAM	 .ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = 40000}
#define PG(t)	 EXTRACT_FOUND, .proto = PROTO_POSTGRESQL, .then = CLUE_THEN_##t
#define NOT_MINE EXTRACT_NOT_MINE
#define TLS	 "\0\0\0\x08\x04\xd2\x16\x2f"
#define GSS	 "\0\0\0\x08\x04\xd2\x16\x30"

static const struct row rows[] = {
	{"a request for TLS", T(TLS), PG(ANY), STREAM},
	{"a request for GSSAPI", T(GSS), PG(ANY), STREAM},
	{"a start-up", T("\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0\0"), PG(END), STREAM},
	{"a start-up of a later minor version", T("\0\0\0\x14\0\3\0\2user\0alice\0\0"), PG(END),
	 STREAM},
	{"a start-up with the user last", T("\0\0\0\x16\0\3\0\0a\0b\0user\0bob\0\0"), PG(END),
	 STREAM},
	{"a start-up without a user", T("\0\0\0\x14\0\3\0\0pass\0alice\0\0"), NOT_MINE, STREAM},
	{"a start-up with an empty user", T("\0\0\0\x10\0\3\0\0user\0\0\0\0"), NOT_MINE, STREAM},
	{"a start-up with more behind its end", T("\0\0\0\x15\0\3\0\0user\0alice\0\0x"), NOT_MINE,
	 STREAM},
	{"half a start-up", T("\0\0\0\x24\0\3\0\0user\0ali"), EXTRACT_NEED_MORE, STREAM},
	{"a cancel", T("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2"), PG(END), STREAM},
	{"a request for TLS of another length", T("\0\0\0\x09\x04\xd2\x16\x2f\0"), NOT_MINE,
	 STREAM},
	{"an unknown code", T("\0\0\0\x08\x04\xd2\x16\x31"), NOT_MINE, STREAM},
	{"version 2", T("\0\0\1\x28\0\2\0\0"), NOT_MINE, STREAM},
	{"a start-up longer than servers take", T("\0\0\x40\0\0\3\0\0user"), NOT_MINE, STREAM},
	{"SMB over TCP", T("\0\0\0\x2f\xffSMB"), NOT_MINE, STREAM},
	{"TLS", T("\x16\x03\x01\x02"), NOT_MINE, STREAM},
};

static const struct walk_row walks[] = {
	{"TLS", T(TLS), STREAM, PROTO_POSTGRESQL, {0}},
	{"GSSAPI refused, then TLS", T(GSS TLS), STREAM, PROTO_POSTGRESQL, {0}},
};

WALKED_MAIN(postgres_try, 5432, 51)
