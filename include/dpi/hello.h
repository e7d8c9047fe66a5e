/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The name in a ClientHello that begins with the bytes at hand (word.h); it may go on behind them,
 * as one of post-quantum size does, but the name lies in them. A second name, a length that does
 * not fit the block around it, a hello in several records: all that is the engine's.
 *
 * Reading is one call for what stands in front of the extensions and one step an extension, in a
 * loop that the caller bounds. Standards: RFC 8446 4.1.2, 5.1; RFC 6066 3.
 */
#ifndef DPI_HELLO_H
#define DPI_HELLO_H

#include "dpi/word.h"

enum {
	DPI_HELLO_LEAST = 5 + 4 + 2 + 32 + 1 + 4 + 2 + 2, /* bytes in front of the extensions */
	DPI_HELLO_STEPS = 64, /* extensions that are looked at; browsers send some 20 */
	DPI_HELLO_RECORD_MAX = 16384,
};

struct dpi_hello {
	__u32 pos;	/* next extension */
	__u32 end;	/* of the extensions, and of the hello */
	__u32 there;	/* bytes that are there */
	__u32 name;	/* offset of the host's name ... */
	__u32 name_len; /* ... and its bytes; 0: none yet */
	__u32 has_ech;	/* what is named may not be all ... */
	__u32 is_cut;	/* ... nor what is there: it goes on */
	__u32 state;	/* enum dpi_word_state */
};

/*
 *  record: type (1), version (2), length (2); handshake: type (1), length (3), version (2);
 *  random (32), session id (<0..32>), cipher suites (<2..2^16-2>), compression methods (<1..255>)
 *
 * there: bytes that are there, mask + 1 at most, from the record's first on. Returns false when the
 * rest is not to be read; state then is LEFT.
 */
dpi_inline bool dpi_hello_begin(struct dpi_hello *h, const __u8 *bytes, __u32 mask, __u32 there)
{
	__u32 record, body, at = 43, len;

	h->name = h->name_len = h->has_ech = h->is_cut = 0;
	h->there = there;
	h->state = DPI_WORD_LEFT;
	if (there < DPI_HELLO_LEAST || dpi_word_u8(bytes, mask, 0) != 22 ||
	    dpi_word_u8(bytes, mask, 1) != 3 || dpi_word_u8(bytes, mask, 5) != 1 ||
	    dpi_word_u8(bytes, mask, 6) != 0 || dpi_word_u8(bytes, mask, 9) != 3)
		return false;
	record = dpi_word_u16(bytes, mask, 3);
	body = dpi_word_u16(bytes, mask, 7);
	if (body + 4 > record || record > DPI_HELLO_RECORD_MAX)
		return false;
	h->end = 9 + body;
	len = dpi_word_u8(bytes, mask, at);
	if (len > 32)
		return false;
	at += 1 + len;
	if (at + 2 > h->end || at + 2 > there)
		return false;
	len = dpi_word_u16(bytes, mask, at);
	if (len < 2 || (len & 1))
		return false;
	at += 2 + len;
	if (at + 1 > h->end || at + 1 > there)
		return false;
	len = dpi_word_u8(bytes, mask, at);
	if (len == 0)
		return false;
	at += 1 + len;
	if (at + 2 > h->end || at + 2 > there || at + 2 + dpi_word_u16(bytes, mask, at) != h->end)
		return false;
	h->pos = at + 2;
	h->state = DPI_WORD_READING;
	return true;
}

/* The content of server_name: a list of exactly one host. */
dpi_inline bool dpi_hello_name(struct dpi_hello *h, const __u8 *bytes, __u32 mask, __u32 at,
			       __u32 len)
{
	if (h->name_len || len < 6 || dpi_word_u16(bytes, mask, at) != len - 2 ||
	    dpi_word_u8(bytes, mask, at + 2) != 0 || dpi_word_u16(bytes, mask, at + 3) != len - 5)
		return false;
	h->name = at + 5;
	h->name_len = len - 5;
	return true;
}

/* The bytes end here: what is named before counts, as it does to the engine. */
dpi_inline bool dpi_hello_cut(struct dpi_hello *h)
{
	h->is_cut = 1;
	if (h->name_len)
		h->state = DPI_WORD_FOUND;
	return false;
}

/* One extension: type (2), length (2), content. Returns false when there is no more to read, state
 * saying how it ended. */
dpi_inline bool dpi_hello_step(struct dpi_hello *h, const __u8 *bytes, __u32 mask)
{
	__u32 at = h->pos, type, len;

	h->state = DPI_WORD_LEFT;
	if (at == h->end) {
		if (h->name_len)
			h->state = DPI_WORD_FOUND;
		return false;
	}
	if (at + 4 > h->end)
		return false;
	if (at + 4 > h->there)
		return dpi_hello_cut(h);
	type = dpi_word_u16(bytes, mask, at);
	len = dpi_word_u16(bytes, mask, at + 2);
	at += 4;
	if (at + len > h->end)
		return false;
	if (type == 0xfe0d)
		h->has_ech = 1;
	if (at + len > h->there)
		return type != 0 && dpi_hello_cut(h);
	if (type == 0 && !dpi_hello_name(h, bytes, mask, at, len))
		return false;
	h->pos = at + len;
	h->state = DPI_WORD_READING;
	return true;
}

#endif
