/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The name in the Host line of an HTTP/1 request head that begins with the bytes at hand (word.h):
 * a request line with single blanks, then whole lines up to the first Host, that line and the byte
 * behind it. A folded line, a bare CR or LF, a blank in front of a colon, a name with anything but
 * a port behind it: all that is the engine's. So is the authority of a target, which adds to what
 * Host says and takes nothing from it.
 *
 * One byte a step, in a loop that the caller bounds. Standards: RFC 9112 3, 5.
 */
#ifndef DPI_REQUEST_H
#define DPI_REQUEST_H

#include "dpi/word.h"

enum {
	DPI_REQUEST_LEAST = 26, /* "GET / HTTP/1.0", "Host:a" and their line ends */
	DPI_REQUEST_METHOD_MAX = 16,
	DPI_REQUEST_STEPS = 512, /* bytes that are read; Host comes first (RFC 9110 7.2) */
};

/* Where in the head the next byte stands. */
enum dpi_request_at {
	DPI_REQUEST_METHOD,
	DPI_REQUEST_TARGET,
	DPI_REQUEST_VERSION,
	DPI_REQUEST_FIELD, /* the name of a field, which may be Host */
	DPI_REQUEST_OTHER, /* the rest of a line that is not */
	DPI_REQUEST_OTHER_LF,
	DPI_REQUEST_BLANK, /* behind "Host:" */
	DPI_REQUEST_HOST,
	DPI_REQUEST_PORT,
	DPI_REQUEST_TAIL,
	DPI_REQUEST_LF,
	DPI_REQUEST_NEXT, /* the byte that says that the line is not folded */
};

struct dpi_request {
	__u32 pos;	/* next byte */
	__u32 there;	/* bytes that are there */
	__u32 at;	/* enum dpi_request_at */
	__u32 count;	/* bytes of the word under way */
	__u32 name;	/* offset of the host's name ... */
	__u32 name_len; /* ... and its bytes */
	__u32 state;	/* enum dpi_word_state */
	__u32 pad;
};

/*
 * there: bytes that are there, mask + 1 at most. Returns false when the rest is not to be read:
 * "PR" begins what is no request at all, a PROXY head or the preface of HTTP/2.
 */
dpi_inline bool dpi_request_begin(struct dpi_request *r, const __u8 *bytes, __u32 mask, __u32 there)
{
	r->pos = r->count = r->name = r->name_len = r->pad = 0;
	r->there = there;
	r->at = DPI_REQUEST_METHOD;
	r->state = DPI_WORD_LEFT;
	if (there < DPI_REQUEST_LEAST || dpi_word_u16(bytes, mask, 0) == ('P' << 8 | 'R'))
		return false;
	r->state = DPI_WORD_READING;
	return true;
}

/* The byte of a word of up to eight, the first one highest. */
dpi_inline __u8 dpi_request_letter(__u64 word, __u32 i)
{
	return (__u8)(word >> (56 - 8 * (i & 7)));
}

/* "HTTP/1.0" or "HTTP/1.1" and the end of its line. Returns what comes next, or LEFT's -1. */
dpi_inline int dpi_request_version(struct dpi_request *r, __u8 c)
{
	const __u64 version = 0x485454502f312e00; /* HTTP/1. */
	__u32 i = r->count++;

	if (i < 7)
		return c == dpi_request_letter(version, i) ? DPI_REQUEST_VERSION : -1;
	if (i == 7)
		return c == '0' || c == '1' ? DPI_REQUEST_VERSION : -1;
	if (i == 8)
		return c == '\r' ? DPI_REQUEST_VERSION : -1;
	r->count = 0;
	return c == '\n' ? DPI_REQUEST_FIELD : -1;
}

dpi_inline int dpi_request_line(struct dpi_request *r, __u8 c)
{
	bool is_end = c == ' ' && r->count > 0;

	if (r->at == DPI_REQUEST_VERSION)
		return dpi_request_version(r, c);
	r->count = is_end ? 0 : r->count + 1;
	if (r->at == DPI_REQUEST_TARGET)
		return is_end ? DPI_REQUEST_VERSION : c > ' ' && c < 0x7f ? DPI_REQUEST_TARGET : -1;
	if (is_end)
		return DPI_REQUEST_TARGET;
	return c >= 'A' && c <= 'Z' && r->count <= DPI_REQUEST_METHOD_MAX ? DPI_REQUEST_METHOD : -1;
}

/* A field: "Host:", or anything else up to the end of its line. */
dpi_inline int dpi_request_field(struct dpi_request *r, __u8 c)
{
	const __u64 host = 0x686f73743a000000; /* host: */
	__u32 i = r->count;

	if (r->at == DPI_REQUEST_OTHER_LF) {
		r->count = 0;
		return c == '\n' ? DPI_REQUEST_FIELD : -1;
	}
	if (r->at == DPI_REQUEST_FIELD) {
		if (dpi_lower(c) == dpi_request_letter(host, i)) {
			r->count = i + 1;
			return i == 4 ? DPI_REQUEST_BLANK : DPI_REQUEST_FIELD;
		}
		/* An empty line ends the head, a blank folds; neither may stand behind "host". */
		if (c <= ' ' || c >= 0x7f)
			return -1;
	}
	if (c == '\r')
		return DPI_REQUEST_OTHER_LF;
	return c >= ' ' || c == '\t' ? DPI_REQUEST_OTHER : -1;
}

/* What stands in Host. */
dpi_inline int dpi_request_host(struct dpi_request *r, __u8 c)
{
	bool is_blank = c == ' ' || c == '\t';
	bool is_end = is_blank || c == '\r' || c == ':';

	switch (r->at) {
	case DPI_REQUEST_BLANK:
		if (is_blank)
			return DPI_REQUEST_BLANK;
		r->name = r->pos - 1;
		return is_end ? -1 : DPI_REQUEST_HOST;
	case DPI_REQUEST_HOST:
		if (!is_end)
			return DPI_REQUEST_HOST;
		r->name_len = r->pos - 1 - r->name;
		return c == ':' ? DPI_REQUEST_PORT : is_blank ? DPI_REQUEST_TAIL : DPI_REQUEST_LF;
	case DPI_REQUEST_PORT:
		if (c >= '0' && c <= '9')
			return DPI_REQUEST_PORT; /* fall through */
	case DPI_REQUEST_TAIL: return c == '\r' ? DPI_REQUEST_LF : is_blank ? DPI_REQUEST_TAIL : -1;
	default: return c == '\n' ? DPI_REQUEST_NEXT : -1;
	}
}

/* One byte. Returns false when there is no more to read, state saying how it ended. */
dpi_inline bool dpi_request_step(struct dpi_request *r, const __u8 *bytes, __u32 mask)
{
	int next;
	__u8 c;

	r->state = DPI_WORD_LEFT;
	if (r->pos >= r->there)
		return false;
	c = (__u8)dpi_word_u8(bytes, mask, r->pos++);
	if (r->at == DPI_REQUEST_NEXT) {
		if (c != ' ' && c != '\t')
			r->state = DPI_WORD_FOUND;
		return false;
	}
	if (r->at <= DPI_REQUEST_VERSION)
		next = dpi_request_line(r, c);
	else if (r->at <= DPI_REQUEST_OTHER_LF)
		next = dpi_request_field(r, c);
	else
		next = dpi_request_host(r, c);
	if (next < 0)
		return false;
	r->at = (__u32)next;
	r->state = DPI_WORD_READING;
	return true;
}

#endif
