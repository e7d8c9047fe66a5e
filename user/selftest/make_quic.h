/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * QUIC packets of versions 1 and 2 (RFC 9000 17, RFC 9369): Initial packets truly sealed, by the
 * keys that their connection id gives (RFC 9001 5); of the others only the outside, which is all
 * that shows. Room: selftest. The capture generator of the tests uses them too.
 */
#ifndef SELFTEST_MAKE_QUIC_H
#define SELFTEST_MAKE_QUIC_H

#include "selftest/bytes.h"
#include "selftest/chance.h"

struct make_quic; /* ciphers, opened once */

struct make_quic *make_quic_new(void); /* NULL: the library refuses */
void make_quic_free(struct make_quic *q);

enum { MAKE_CID = 8, MAKE_QUIC_OVERHEAD = 35 /* what an Initial adds to its frames */ };

/* One connection. The client's own id is empty, as Chrome's. */
struct make_quic_flow {
	uint8_t first[MAKE_CID]; /* what the client calls the server first; the keys come of it */
	uint8_t server[MAKE_CID];
	uint8_t number[2]; /* the next Initial packet's, of client and server */
	bool is_v2;
	uint8_t token;	  /* bytes of a token in the client's Initial packets, each the same */
	bool is_answered; /* the client knows the server's own id */
};

/* A piece of a handshake message, to be carried in a CRYPTO frame. */
struct make_quic_piece {
	const uint8_t *bytes;
	size_t from, len;
};

/* The frames of a datagram's Initial packet: as many CRYPTO frames as there are pieces, in that
 * order, PINGs between them and PADDING behind; an ACK before them when is_ack. Frames have room
 * for frames_len bytes. Returns how many of these the frames need, without the padding. */
size_t make_quic_frames(struct chance *c, uint8_t *frames, size_t frames_len,
			const struct make_quic_piece *pieces, size_t count, bool is_ack);
/* Writes an Initial packet that holds frames_len bytes of frames. Returns its length. */
size_t make_quic_initial(struct make_quic *q, uint8_t *at, struct make_quic_flow *f, bool is_reply,
			 const uint8_t *frames, size_t frames_len);
/* The server's Retry (RFC 9001 5.8) of version 1: from now on the client calls it by the server's
 * id, keys come of that, and Initial packets carry a token. Returns its length. */
size_t make_quic_retry(struct make_quic *q, uint8_t *at, struct make_quic_flow *f);
/* A Handshake packet of len bytes in all. */
void make_quic_handshake(struct chance *c, uint8_t *at, const struct make_quic_flow *f,
			 bool is_reply, size_t len);
/* A packet with a short head, of len bytes in all. */
void make_quic_short(struct chance *c, uint8_t *at, const struct make_quic_flow *f, bool is_reply,
		     size_t len);

#endif
