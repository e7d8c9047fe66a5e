/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Raw DEFLATE data, piece by piece, without a library. Room: wasm. Memory is fixed: the window of
 * 32 KiB, three tables, and what is left of the last piece.
 *
 * Standard: RFC 1951.
 */
#ifndef WASM_INFLATE_H
#define WASM_INFLATE_H

#include "base/slice.h"

enum {
	INFLATE_WINDOW = 32768,
	INFLATE_CODE_MAX = 15, /* bits of a code */
	INFLATE_FAST = 9,      /* bits that are looked up at once */
	INFLATE_SYMBOLS = 288,
	INFLATE_DISTANCES = 30,
};

/* A canonical prefix code (3.2.2). */
struct inflate_code {
	uint16_t count[INFLATE_CODE_MAX + 1]; /* codes of each length */
	uint16_t symbol[INFLATE_SYMBOLS];     /* in the order of their codes */
	uint16_t fast[1 << INFLATE_FAST]; /* symbol << 4 | length, by the next bits; 0: longer */
};

enum inflate_state {
	INFLATE_BLOCK,	/* a block's head is next */
	INFLATE_STORED, /* its lengths */
	INFLATE_COPY,	/* its bytes */
	INFLATE_COUNTS, /* of a block with codes of its own: how many there are */
	INFLATE_ORDER,	/* the lengths of the code of the lengths */
	INFLATE_LENGTHS,
	INFLATE_DATA,
	INFLATE_REPEAT, /* bytes of a match are left to be given */
	INFLATE_DONE,
	INFLATE_BAD, /* for ever: what says why */
};

struct inflate {
	enum inflate_state state;
	const char *what;
	uint64_t bits; /* taken from the input and not used, the next one lowest */
	unsigned bit_count;
	bool is_last; /* block */
	size_t left;  /* of a stored block, or of a match */
	size_t distance;
	unsigned symbol_count, distance_count, order_count, at;
	uint8_t length[INFLATE_SYMBOLS + 32];
	struct inflate_code code[2]; /* literals and lengths; distances */
	uint8_t window[INFLATE_WINDOW];
	size_t window_at;
	uint64_t given; /* bytes in all */
};

/* Another stream from here on, byte by byte; bits that are left belong to what follows. */
void inflate_begin(struct inflate *z);
/*
 * Unpacks into out, *len bytes at most, and sets *len to what came; *in moves past what was used.
 * state tells DONE (whole bytes that were taken too far are given back to *in as far as they came
 * from it) and BAD.
 */
void inflate_run(struct inflate *z, struct slice *in, uint8_t *out, size_t *len);

#endif
