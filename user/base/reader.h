/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A slice with a position and a `bad` bit that sticks. A read past the end yields 0 and sets the
 * bit; a parser reads straight on and asks once at the end. A sub-reader for a length-prefixed
 * block cannot see past its block. All numbers on the wire are big-endian.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include "base/slice.h"

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static inline struct reader reader_of(struct slice s)
{
	return (struct reader){.at = s.at, .left = s.len};
}

/* Borrows the next n bytes; an empty slice, and bad, when fewer are left. */
static inline struct slice reader_take(struct reader *r, size_t n)
{
	struct slice s = slice_of(r->at, 0);

	if (r->bad || n > r->left) {
		r->bad = true;
		return s;
	}
	s.len = n;
	r->at += n;
	r->left -= n;
	return s;
}

static inline void reader_skip(struct reader *r, size_t n)
{
	(void)reader_take(r, n);
}

static inline uint8_t reader_u8(struct reader *r)
{
	struct slice s = reader_take(r, 1);

	return s.len ? s.at[0] : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
	struct slice s = reader_take(r, 2);

	return s.len ? (uint16_t)(s.at[0] << 8 | s.at[1]) : 0;
}

static inline uint32_t reader_u24(struct reader *r)
{
	struct slice s = reader_take(r, 3);

	return s.len ? (uint32_t)s.at[0] << 16 | (uint32_t)s.at[1] << 8 | s.at[2] : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
	struct slice s = reader_take(r, 4);

	return s.len ? (uint32_t)s.at[0] << 24 | (uint32_t)s.at[1] << 16 | (uint32_t)s.at[2] << 8 |
			       s.at[3]
		     : 0;
}

/* A reader over the next n bytes alone; the outer reader moves past them. */
static inline struct reader reader_sub(struct reader *r, size_t n)
{
	struct slice s = reader_take(r, n);

	return (struct reader){.at = s.at, .left = s.len, .bad = r->bad};
}

#endif
