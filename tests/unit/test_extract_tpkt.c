/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Remote Desktop's connection request and its confirmation, and the other users of TPKT, which are
 * none of it.
 */
#include "extract_walk.h"

#define ON(port)    .ctx = {.transport = EXTRACT_STREAM, .src_port = 50000, .dst_port = port}
#define FROM(port)  .ctx = {.transport = EXTRACT_STREAM, .src_port = port, .dst_port = 50000}
#define ODD	    ON(40000)
#define RDP	    EXTRACT_FOUND, .proto = PROTO_RDP, .then = CLUE_THEN_ANY
#define NOT_MINE    EXTRACT_NOT_MINE
#define COOKIE	    "Cookie: mstshash=eltons\r\n"
#define WITH_COOKIE "\3\0\0\x2c\x27\xe0\0\0\0\0\0" COOKIE "\1\0\x08\0\3\0\0\0"

static const struct row rows[] = {
	{"a cookie and a negotiation", T(WITH_COOKIE), RDP, ODD},
	{"a cookie", T("\3\0\0\x24\x1f\xe0\0\0\0\0\0" COOKIE), RDP, ODD},
	{"a routing token",
	 T("\3\0\0\x2b\x26\xe0\0\0\0\0\0"
	   "Cookie: msts=1.2.3.4.5.6789.00\r\n"),
	 RDP, ODD},
	{"a negotiation", T("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\x0b\0\0\0"), RDP, ODD},
	{"a negotiation behind a line of any kind",
	 T("\3\0\0\x1a\x15\xe0\0\0\0\0\0tsv:x\r\n\1\0\x08\0\3\0\0\0"), RDP, ODD},
	{"neither, on the port", T("\3\0\0\x0b\x06\xe0\0\0\0\0\0"), RDP, ON(3389)},
	{"neither, elsewhere", T("\3\0\0\x0b\x06\xe0\0\0\0\0\0"), NOT_MINE, ODD},
	{"a confirmation with a negotiation",
	 T("\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\x1f\x08\0\2\0\0\0"), RDP, FROM(40000)},
	{"a refused negotiation", T("\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\3\0\x08\0\2\0\0\0"), RDP,
	 FROM(40000)},
	{"a confirmation alone, on the port", T("\3\0\0\x0b\x06\xd0\0\0\x12\x34\0"), RDP,
	 FROM(3389)},
	{"a confirmation alone, elsewhere", T("\3\0\0\x0b\x06\xd0\0\0\x12\x34\0"), NOT_MINE,
	 FROM(40000)},
	{"S7's request", T("\3\0\0\x16\x11\xe0\0\0\0\1\0\xc0\1\x0a\xc1\2\1\0\xc2\2\1\2"), NOT_MINE,
	 ON(102)},
	{"S7's request on the port",
	 T("\3\0\0\x16\x11\xe0\0\0\0\1\0\xc0\1\x0a\xc1\2\1\0\xc2\2\1\2"), NOT_MINE, ON(3389)},
	{"Q.931's set-up (H.323)", T("\3\0\0\x20\x08\2\0\1\5\4\3"), NOT_MINE, ON(1720)},
	{"T.125 inside X.224 data", T("\3\0\0\x0c\2\xf0\x80\x04\1\0\1\0"), NOT_MINE, ON(3389)},
	{"a length too small", T("\3\0\0\x0a\x05\xe0\0\0\0\0\0"), NOT_MINE, ON(3389)},
	{"a length too large", T("\3\0\x70\0\x05\xe0\0\0\0\0\0"), NOT_MINE, ON(3389)},
	{"lengths that disagree", T("\3\0\0\x13\x0f\xe0\0\0\0\0\0\1\0\x08\0\x0b\0\0\0"), NOT_MINE,
	 ODD},
	{"a request to somebody", T("\3\0\0\x13\x0e\xe0\1\0\0\0\0\1\0\x08\0\x0b\0\0\0"), NOT_MINE,
	 ODD},
	{"TLS", T("\x16\x03\x01\x02"), NOT_MINE, ON(3389)},
};

static const struct walk_row walks[] = {
	{"a request", T(WITH_COOKIE), ODD, PROTO_RDP, {0}},
};

WALKED_MAIN(tpkt_try, 3389, 31)
