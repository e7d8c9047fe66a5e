/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: QUIC, on any port, from the packets with a long header in one datagram. Initial
 * packets are opened and their CRYPTO frames listed as pieces of a hello; the others are stepped
 * over by their Length. A packet with a short header says nothing that could be told from noise.
 *
 * Standards: RFC 8999 (what all versions share), RFC 9000 12.2 (several packets in a datagram),
 * 17.2 (long headers), RFC 9287 (the fixed bit may be clear), RFC 9369 3.2 (types of version 2).
 */
#include "dpi/parse.h"
#include "extract/gquic.h"
#include "extract/quic_wire.h"

enum {
	LONG_HEADER = 0x80,
	VERSION_END = 5,
	FIXED_BIT = 0x40,
	TYPE_INITIAL = 0,
	TYPE_RETRY = 3,
	CLIENT_ID_MIN = 8,     /* RFC 9000 7.2 */
	SEALED_MIN = 20,       /* packet number, payload and tag: the mask's sample needs them */
	TAG_LEN = 16,	       /* of a Retry */
	CLIENT_LEN_MIN = 1200, /* of a datagram that opens a connection (RFC 9000 14.1) */
};

/* The head that every version has. */
struct long_head {
	uint8_t first;
	uint32_t version;
	struct slice dcid, scid;
};

/*
 *    0      1               5      6                  n
 *  +------+---------------+------+------------------+------+------------------+-----
 *  |1x... |    version    | len  | destination id   | len  | source id        | ...
 *  +------+---------------+------+------------------+------+------------------+-----
 */
static bool read_head(struct reader *r, struct long_head *h)
{
	h->first = reader_u8(r);
	h->version = reader_u32(r);
	h->dcid = reader_take(r, reader_u8(r));
	h->scid = reader_take(r, reader_u8(r));
	return !r->bad && h->first & LONG_HEADER && h->dcid.len <= ID_MAX && h->scid.len <= ID_MAX;
}

/* 0 Initial, 1 0-RTT, 2 Handshake, 3 Retry, in whatever order the version numbers them. */
static unsigned type_of(const struct long_head *h, const struct quic_version *row)
{
	return ((h->first >> 4 & 3U) - row->initial_type) & 3;
}

enum packet_kind {
	PACKET_NONE,  /* no such packet */
	PACKET_CUT,   /* a client's Initial that ends behind the datagram's end */
	PACKET_WHOLE, /* *size is set */
	PACKET_INITIAL,
};

/* What the datagram begins with, read as row has it, or NULL as its own version has it. p is set
 * for PACKET_INITIAL alone. */
static enum packet_kind read_packet(struct slice bytes, const struct quic_version *row,
				    struct quic_packet *p, size_t *size)
{
	struct reader r = reader_of(bytes);
	struct long_head h;
	unsigned type;
	uint64_t len;

	if (!read_head(&r, &h))
		return PACKET_NONE;
	p->version = h.version;
	p->row = row ? row : quic_version_find(h.version);
	p->dcid = h.dcid;
	if (!p->row)
		return PACKET_NONE;
	type = type_of(&h, p->row);
	if (type == TYPE_RETRY) {
		*size = bytes.len;
		return r.left > TAG_LEN && h.first & FIXED_BIT ? PACKET_WHOLE : PACKET_NONE;
	}
	if (type == TYPE_INITIAL)
		(void)quic_take(&r, quic_varint(&r)); /* the token */
	len = quic_varint(&r);
	if (r.bad || len < SEALED_MIN)
		return PACKET_NONE;
	if (len > r.left)
		return type == TYPE_INITIAL && h.dcid.len >= CLIENT_ID_MIN && h.first & FIXED_BIT
			       ? PACKET_CUT
			       : PACKET_NONE;
	p->head = slice_first(bytes, bytes.len - r.left);
	p->sealed = slice_of(r.at, (size_t)len);
	*size = p->head.len + p->sealed.len;
	if (type == TYPE_INITIAL)
		return PACKET_INITIAL;
	return h.first & FIXED_BIT ? PACKET_WHOLE : PACKET_NONE;
}

/* The packets of a datagram, one behind the other; one that is sent to another id than the first is
 * ignored, as receivers do (RFC 9000 12.2). Returns whether it is QUIC. */
static bool read_packets(struct slice bytes, const struct extract_context *ctx, struct clue *clue)
{
	struct slice dcid = slice_of(NULL, 0);
	unsigned failures = 0;
	bool is_mine = false;

	while (bytes.len) {
		struct quic_packet p;
		size_t size;

		switch (read_packet(bytes, NULL, &p, &size)) {
		case PACKET_NONE: return is_mine;
		case PACKET_CUT: return true;
		case PACKET_WHOLE: is_mine = true; break;
		case PACKET_INITIAL:
			if (dcid.at && !slice_equal(dcid, p.dcid))
				break;
			dcid = p.dcid;
			is_mine |= quic_initial_open(&p, ctx, &failures, clue) ||
				   bytes.at[0] & FIXED_BIT;
			break;
		}
		bytes = slice_from(bytes, size);
	}
	return is_mine;
}

/* A list of the versions that a server speaks (RFC 9000 17.2.1), one of them a known one. */
static bool is_negotiation(struct slice bytes)
{
	struct reader r = reader_of(bytes);
	struct long_head h;
	bool is_known = false;

	if (!read_head(&r, &h) || !r.left || r.left % 4)
		return false;
	while (r.left) {
		uint32_t version = reader_u32(&r);

		is_known |= quic_version_find(version) || quic_version_is_other(version);
	}
	return is_known;
}

/*
 * The first datagram of a client that speaks a version of which only the number is known. One that
 * is there to be refused is often written as the client would have written its real one.
 */
static bool is_other(struct slice bytes, const struct extract_context *ctx, struct clue *clue)
{
	static const uint32_t real[] = {0x00000001, 0xff00001d};
	struct reader r = reader_of(bytes);
	unsigned failures = 0;
	struct long_head h;

	if (bytes.len < CLIENT_LEN_MIN || !read_head(&r, &h) || !(h.first & FIXED_BIT) ||
	    h.dcid.len < CLIENT_ID_MIN || !quic_version_is_other(h.version))
		return false;
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
		struct quic_packet p;
		size_t size;

		if (read_packet(bytes, quic_version_find(real[i]), &p, &size) == PACKET_INITIAL &&
		    quic_initial_open(&p, ctx, &failures, clue))
			break;
	}
	return true;
}

enum extract_answer quic_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue)
{
	uint32_t version;
	bool is_mine;

	if (bytes.len < VERSION_END)
		return EXTRACT_NOT_MINE;
	if (!(bytes.at[0] & LONG_HEADER))
		return gquic_public_try(bytes, clue);
	version = dpi_get32(bytes.at + 1);
	if (gquic_is_long(version))
		return gquic_long_try(bytes, version, clue);
	if (version == 0)
		is_mine = is_negotiation(bytes);
	else if (quic_version_find(version))
		is_mine = read_packets(bytes, ctx, clue);
	else
		is_mine = is_other(bytes, ctx, clue);
	if (!is_mine)
		return EXTRACT_NOT_MINE;
	clue->proto = PROTO_QUIC;
	clue->consumed = bytes.len;
	clue->then = CLUE_THEN_SAME;
	return EXTRACT_FOUND;
}
