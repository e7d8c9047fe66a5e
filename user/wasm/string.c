/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: what the C library does a byte at a time and the road does for every frame, by words;
 * its words for errors, of which few can happen here; and its numbers, which are decimal here.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
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

/* The words of the C library for what can go wrong where there are no files. */
char *strerror(int err)
{
	static const struct {
		int err;
		const char *text;
	} names[] = {{ENOMEM, "Cannot allocate memory"}, {EINVAL, "Invalid argument"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].err == err)
			return (char *)(uintptr_t)names[i].text;
	return (char *)(uintptr_t) "Unknown error";
}

unsigned long strtoul(const char *restrict text, char **restrict end, int base)
{
	unsigned long n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n > (ULONG_MAX - 9) / 10 ? ULONG_MAX : 10 * n + (unsigned long)(*text - '0');
	if (end)
		*end = (char *)(uintptr_t)text;
	return n;
}
