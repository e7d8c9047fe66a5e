/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The table of extractors. Each looks at the bytes of one message (a datagram, or a stream from a
 * message border on) and answers one of three. None allocates, does I/O, keeps state or calls
 * another room; all of them compile to WebAssembly.
 *
 * To add a protocol: one file with a `try` function, one row in extract.c, one unit table.
 */
#ifndef EXTRACT_EXTRACT_H
#define EXTRACT_EXTRACT_H

#include "extract/clue.h"

enum extract_answer {
	EXTRACT_NOT_MINE,  /* no continuation of these bytes can be this protocol */
	EXTRACT_NEED_MORE, /* could be, but the message is not complete */
	EXTRACT_FOUND,	   /* recognised; the clue is filled */
};

enum extract_transport { EXTRACT_STREAM = 1, EXTRACT_DATAGRAM = 2 };

/* Ports of the packet in host order, for protocols that share a wire format (DNS, mDNS, LLMNR). */
struct extract_context {
	enum extract_transport transport;
	uint16_t src_port, dst_port;
};

struct extractor {
	const char *name;
	enum app_proto proto;
	unsigned transports; /* EXTRACT_STREAM | EXTRACT_DATAGRAM */
	/*
	 * bytes: the message from its first byte, as much of it as there is. The caller zeroes
	 * *clue. FOUND fills all of it. NEED_MORE sets clue->proto once the protocol is certain,
	 * and adds every name that is already whole (a Host line, an SNI), so that a verdict
	 * does not wait for the rest of the message. NOT_MINE leaves it as it was.
	 */
	enum extract_answer (*try)(struct slice bytes, const struct extract_context *ctx,
				   struct clue *clue);
};

enum { EXTRACT_COUNT = 3 };
extern const struct extractor extract_table[EXTRACT_COUNT]; /* tls, http, dns */

enum extract_answer tls_try(struct slice bytes, const struct extract_context *ctx,
			    struct clue *clue);
enum extract_answer http_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue);
enum extract_answer dns_try(struct slice bytes, const struct extract_context *ctx,
			    struct clue *clue);

#endif
