/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Borrowed bytes. A slice never owns, never ends in NUL, and is valid no longer than the frame or
 * buffer it points into.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *at;
	size_t len;
};

static inline struct slice slice_of(const void *at, size_t len)
{
	return (struct slice){.at = at, .len = len};
}

static inline struct slice slice_text(const char *text)
{
	return slice_of(text, strlen(text));
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* The part from byte `from` on; empty when there is none. */
static inline struct slice slice_from(struct slice s, size_t from)
{
	return from < s.len ? slice_of(s.at + from, s.len - from)
			    : slice_of(s.len ? s.at + s.len : s.at, 0);
}

/* Asks for the first n bytes, or all when there are fewer, to be fetched from memory at once and
 * not one line of the cache after the other. */
static inline __attribute__((always_inline)) void slice_warm(struct slice s, size_t n)
{
	for (size_t i = 0; i < s.len && i < n; i += 64)
		__builtin_prefetch(s.at + i);
}

/* The first n bytes, or all when there are fewer. */
static inline struct slice slice_first(struct slice s, size_t n)
{
	return slice_of(s.at, n < s.len ? n : s.len);
}

#endif
