/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Google's own QUIC, before the IETF's: packets in clear up to Q046, and its frames, which three
 * later versions (Q050, T050, T051) carry in protected packets.
 */
#ifndef EXTRACT_GQUIC_H
#define EXTRACT_GQUIC_H

#include "extract/extract.h"

/* A datagram with Google's public header; does not look twice at what cannot be one. */
enum extract_answer gquic_public_try(struct slice bytes, struct clue *clue);

/* A datagram with a long header of the versions Q044 to Q049; version is the one in it. */
bool gquic_is_long(uint32_t version);
enum extract_answer gquic_long_try(struct slice bytes, uint32_t version, struct clue *clue);

/* Reads the frames of an opened packet of Q050, T050 or T051: a message with a name goes to the
 * clue, TLS to pieces as run. */
void gquic_frames_read(struct slice plain, uint32_t version, size_t number_len, uint64_t run,
		       struct extract_pieces *pieces, struct clue *clue);

#endif
