/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The words of QUIC's extractor, between its files: a packet with a long header, the versions and
 * what is different about each, and what an opened Initial packet holds.
 */
#ifndef EXTRACT_QUIC_WIRE_H
#define EXTRACT_QUIC_WIRE_H

#include "base/reader.h"
#include "crypt/crypt.h"
#include "extract/extract.h"

/* --- versions: quic_version.c ---------------------------------------------------------------- */

struct quic_version {
	uint32_t first, last;	/* from version to version */
	uint8_t initial_type;	/* of its Initial packets: 0, or 1 (RFC 9369 3.2) */
	bool has_google_frames; /* frames as in Google's own versions */
	struct crypt_initial_version way;
};

/* The row of a version whose Initial packets can be opened; NULL: none. */
const struct quic_version *quic_version_find(uint32_t version);

/* A version that is QUIC's by its number, though nothing is known about it: one that is there to
 * be refused (RFC 9000 15), a draft, an experiment. */
bool quic_version_is_other(uint32_t version);

/* --- packets: quic_initial.c ----------------------------------------------------------------- */

/* A packet with a long header; slices into the datagram (RFC 9000 17.2). */
struct quic_packet {
	uint32_t version;
	const struct quic_version *row;
	struct slice dcid;
	struct slice head;   /* up to the packet number */
	struct slice sealed; /* from the packet number on: Length bytes */
};

/* Opens an Initial packet and adds what its frames hold to ctx->pieces, or to the clue. failures
 * counts attempts that failed in this datagram. Returns whether one succeeded. */
bool quic_initial_open(const struct quic_packet *p, const struct extract_context *ctx,
		       unsigned *failures, struct clue *clue);

/* --- frames: quic_frames.c ------------------------------------------------------------------- */

/* Lists the CRYPTO frames in the plain bytes of an Initial packet, which lie in pieces->room. An
 * unknown frame, or a broken one, ends the walk; what was found stays. */
void quic_frames_read(struct slice plain, uint64_t run, struct extract_pieces *pieces);

/* Adds bytes of run at offset, beside those that are there. */
void quic_piece_add(struct extract_pieces *pieces, uint64_t run, uint64_t offset,
		    struct slice bytes);

/* A variable-length integer (RFC 9000 16). */
static inline uint64_t quic_varint(struct reader *r)
{
	size_t len = r->left ? (size_t)1 << (r->at[0] >> 6) : 1;
	struct slice s = reader_take(r, len);
	uint64_t n = s.len ? s.at[0] & 0x3f : 0;

	for (size_t i = 1; i < s.len; i++)
		n = n << 8 | s.at[i];
	return n;
}

/* The next n bytes; n as wide as the wire has it. */
static inline struct slice quic_take(struct reader *r, uint64_t n)
{
	return reader_take(r, n < SIZE_MAX ? (size_t)n : SIZE_MAX);
}

#endif
