/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Private to hpack.c and hpack_string.c: what a header block is made of, below its fields. Each
 * answers OK, SHORT when the bytes end first, and BAD when no decoder takes them; hpack_reach_byte
 * says END as well.
 */
#ifndef EXTRACT_HPACK_STRING_H
#define EXTRACT_HPACK_STRING_H

#include "extract/hpack.h"

struct hpack_string {
	uint32_t wire_len;
	bool is_huffman;
};

/* Where a decoded string goes: its beginning, and how long it is. */
struct hpack_text {
	uint8_t *at;
	uint32_t room, len;
};

/* Moves to a byte of the block that is there. */
enum hpack_answer hpack_reach_byte(struct hpack_block *b);

/* Passes over len bytes. */
enum hpack_answer hpack_skip_bytes(struct hpack_block *b, uint32_t len);

/* The number that begins in the low `bits` bits of first, the byte before (RFC 7541 5.1). */
enum hpack_answer hpack_take_number(struct hpack_block *b, uint8_t first, int bits, uint32_t *out);

/* Takes the head of a string; its bytes begin where the block then stands. */
enum hpack_answer hpack_take_string(struct hpack_block *b, struct hpack_string *s);

/* Reads the bytes of a string that begins where the block stands, and moves behind it. */
enum hpack_answer hpack_read_string(struct hpack_block *b, const struct hpack_string *s,
				    struct hpack_text *out);

#endif
