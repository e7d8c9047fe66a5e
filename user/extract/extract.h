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

#include "base/ids.h"
#include "extract/clue.h"

struct crypt; /* crypt/crypt.h */

enum extract_answer {
	EXTRACT_NOT_MINE,  /* no continuation of these bytes can be this protocol */
	EXTRACT_NEED_MORE, /* could be, but the message is not complete */
	EXTRACT_FOUND,	   /* recognised; the clue is filled */
};

enum extract_transport { EXTRACT_STREAM = 1, EXTRACT_DATAGRAM = 2 };

/*
 * A stretch of a handshake that datagrams carry in pieces: a CRYPTO frame of QUIC, a fragment of
 * DTLS. The engine puts pieces of one run in order and reads the hello in them.
 */
struct extract_piece {
	uint64_t run;	    /* pieces of one handshake have the same number; its own in a flow */
	uint32_t offset;    /* of bytes in it */
	struct slice bytes; /* in the datagram, or in extract_pieces.room */
};

/* As many pieces of a byte as 1,500 bytes can hold, and more. */
enum { EXTRACT_PIECES_MAX = 512, EXTRACT_ROOM = 65536 };

/* What one datagram held. The extractor fills it; the engine owns it and clears count and used. */
struct extract_pieces {
	enum app_proto proto; /* what the hello's clue is to say: PROTO_QUIC, PROTO_DTLS */
	unsigned count;
	bool is_over; /* there were more pieces than fit, or one beyond 64 KiB: an event, a flag */
	struct extract_piece piece[EXTRACT_PIECES_MAX];
	size_t used;		    /* of room */
	uint8_t room[EXTRACT_ROOM]; /* decrypted bytes */
};

/* Beside the bytes. What is NULL is not to be had, and an extractor does without. */
struct extract_context {
	enum extract_transport transport;
	uint16_t src_port, dst_port; /* of the packet, host order, for protocols that share a wire
					format (DNS, mDNS, LLMNR) or are told by their port */
	bool is_opener;		     /* the sender opened the flow */
	struct crypt *crypt;	     /* the worker's handles */
	struct ids *ids;	     /* datagrams: connection ids the flow has used; kept with it */
	struct extract_pieces *pieces; /* datagrams */
	enum app_proto flow_proto;     /* what either end of the flow has spoken; PROTO_NONE: not
					  known yet */
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

enum { EXTRACT_COUNT = 14 };
extern const struct extractor extract_table[EXTRACT_COUNT]; /* tls first: the engine asks for it */

enum extract_answer tls_try(struct slice bytes, const struct extract_context *ctx,
			    struct clue *clue);
enum extract_answer http_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue);
enum extract_answer dns_try(struct slice bytes, const struct extract_context *ctx,
			    struct clue *clue);
enum extract_answer quic_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue);
enum extract_answer dtls_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue);
enum extract_answer http2_try(struct slice bytes, const struct extract_context *ctx,
			      struct clue *clue);
enum extract_answer lines_try(struct slice bytes, const struct extract_context *ctx,
			      struct clue *clue);
enum extract_answer socks_try(struct slice bytes, const struct extract_context *ctx,
			      struct clue *clue);
enum extract_answer tpkt_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue);
enum extract_answer ldap_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue);
enum extract_answer postgres_try(struct slice bytes, const struct extract_context *ctx,
				 struct clue *clue);
enum extract_answer mysql_try(struct slice bytes, const struct extract_context *ctx,
			      struct clue *clue);
enum extract_answer xmpp_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue);
enum extract_answer form_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue);

#endif
