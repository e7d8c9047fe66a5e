/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes under construction: a message that a test builds piece by piece. Too many fail the test.
 */
#ifndef UNIT_BYTES_H
#define UNIT_BYTES_H

#include "extract_rows.h"

struct bytes {
	uint8_t at[1 << 17];
	size_t len;
};

static inline void put(struct bytes *b, const void *at, size_t len)
{
	assert_true(len <= sizeof(b->at) - b->len);
	if (len)
		memcpy(b->at + b->len, at, len);
	b->len += len;
}

/* A number of `width` bytes, in network order. */
static inline void put_number(struct bytes *b, uint64_t n, size_t width)
{
	while (width--) {
		uint8_t byte = (uint8_t)(n >> (8 * width));

		put(b, &byte, 1);
	}
}

#endif
