/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: what the C library does a byte at a time and the road does for every frame, by words.
 */
#include <stdint.h>
#include <string.h>

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a, *y = b;
	uint64_t v, w;

	for (; len >= 8; x += 8, y += 8, len -= 8) {
		__builtin_memcpy(&v, x, 8);
		__builtin_memcpy(&w, y, 8);
		if (v != w) {
			v = __builtin_bswap64(v);
			w = __builtin_bswap64(w);
			return v < w ? -1 : 1;
		}
	}
	for (; len; x++, y++, len--)
		if (*x != *y)
			return *x - *y;
	return 0;
}
