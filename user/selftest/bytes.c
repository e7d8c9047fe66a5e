/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Numbers and checksums of frames; see bytes.h. Room: selftest.
 */
#include "selftest/bytes.h"

#include <string.h>

void bytes_put16(uint8_t *at, size_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

void bytes_put32(uint8_t *at, uint32_t v)
{
	bytes_put16(at, v >> 16);
	bytes_put16(at + 2, v & 0xffff);
}

/* In the machine's own byte order: it comes out the same, its two bytes in the order of the wire.
 */
uint64_t bytes_sum(uint64_t total, const uint8_t *at, size_t len)
{
	uint32_t word;

	for (; len >= 4; at += 4, len -= 4) {
		memcpy(&word, at, 4);
		total += word;
	}
	word = 0;
	memcpy(&word, at, len);
	return total + word;
}

void bytes_put_check(uint8_t *at, uint64_t total)
{
	uint16_t check;

	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	check = (uint16_t)~total;
	memcpy(at, &check, 2);
}
