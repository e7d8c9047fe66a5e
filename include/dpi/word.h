/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the readers of a connection's first bytes share: hello.h and request.h, by which the kernel
 * finds a name and decides on it before anybody else has seen the frame. Whatever is not plain they
 * leave to the engine, whose readers are as tolerant as servers are. So they find only names that
 * user/extract finds in the same bytes, and may miss any.
 */
#ifndef DPI_WORD_H
#define DPI_WORD_H

#include "dpi/name.h"

enum dpi_word_state {
	DPI_WORD_READING = 0,
	DPI_WORD_FOUND = 1, /* the name is where the reader says */
	DPI_WORD_LEFT = 2,  /* to the engine */
};

/* A byte at an offset below limit, or any: bytes has mask + 1 of them, a power of two. */
dpi_inline __u32 dpi_word_u8(const __u8 *bytes, __u32 mask, __u32 at)
{
	return bytes[at & mask];
}

dpi_inline __u32 dpi_word_u16(const __u8 *bytes, __u32 mask, __u32 at)
{
	return dpi_word_u8(bytes, mask, at) << 8 | dpi_word_u8(bytes, mask, at + 1);
}

/* How much of a label has been walked, from its right end; 0 at the right end of a name. */
struct dpi_host {
	__u32 label;
};

/*
 * Takes the next byte from the right, in lower case, of a name of which `left` bytes are still to
 * come. Returns false for what no plain name of a host has: other bytes, an empty label or one of
 * more than 63, and a digit at the end, for that is an address.
 */
dpi_inline bool dpi_host_byte(struct dpi_host *h, __u8 c, __u32 left, bool is_last)
{
	bool is_digit = c >= '0' && c <= '9';

	if (c == '.') {
		if (h->label == 0 || left == 0)
			return false;
		h->label = 0;
		return true;
	}
	return !(is_last && is_digit) &&
	       ((c >= 'a' && c <= 'z') || is_digit || c == '-' || c == '_') && ++h->label <= 63;
}

#endif
