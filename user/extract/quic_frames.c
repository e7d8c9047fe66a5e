/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: the frames of an opened Initial packet. Only CRYPTO frames matter; the others that
 * may lie between them are stepped over.
 *
 * Standards: RFC 9000 12.4 (which frames an Initial packet may hold), 19 (their form).
 */
#include "extract/quic_wire.h"

enum {
	FRAME_PADDING = 0x00,
	FRAME_PING = 0x01,
	FRAME_ACK = 0x02,
	FRAME_ACK_ECN = 0x03,
	FRAME_CRYPTO = 0x06,
	FRAME_CONNECTION_CLOSE = 0x1c,
	OFFSET_MAX = 65536, /* of the bytes of a handshake that are looked at */
};

void quic_piece_add(struct extract_pieces *pieces, uint64_t run, uint64_t offset,
		    struct slice bytes)
{
	struct extract_piece *last = pieces->count ? &pieces->piece[pieces->count - 1] : NULL;

	if (!bytes.len)
		return;
	if (offset >= OFFSET_MAX || bytes.len > OFFSET_MAX - offset) {
		pieces->is_over = true;
		return;
	}
	/* What goes on where the last piece ended becomes one with it: the room between is ours. */
	if (last && last->run == run && last->offset + last->bytes.len == offset) {
		uint8_t *end = pieces->room + (last->bytes.at - pieces->room) + last->bytes.len;

		memmove(end, bytes.at, bytes.len);
		last->bytes.len += bytes.len;
		return;
	}
	if (pieces->count == EXTRACT_PIECES_MAX) {
		pieces->is_over = true;
		return;
	}
	pieces->proto = PROTO_QUIC;
	pieces->piece[pieces->count++] = (struct extract_piece){
		.run = run,
		.offset = (uint32_t)offset,
		.bytes = bytes,
	};
}

/* Largest, delay, a count of ranges, the first range, then pairs (RFC 9000 19.3). */
static void skip_ack(struct reader *r, bool has_ecn)
{
	uint64_t count;

	(void)quic_varint(r);
	(void)quic_varint(r);
	count = quic_varint(r);
	(void)quic_varint(r);
	for (; count && !r->bad; count--) {
		(void)quic_varint(r);
		(void)quic_varint(r);
	}
	for (int i = 0; i < 3 && has_ecn; i++)
		(void)quic_varint(r);
}

/* Code, type of the frame at fault, reason (RFC 9000 19.19). */
static void skip_close(struct reader *r)
{
	(void)quic_varint(r);
	(void)quic_varint(r);
	(void)quic_take(r, quic_varint(r));
}

/* Most of a client's first packet is padding: 32 bytes at a time, then what is left. */
static void skip_padding(struct reader *r)
{
	uint64_t some[4];
	size_t n = 0;

	for (; r->left - n >= sizeof(some); n += sizeof(some)) {
		memcpy(some, r->at + n, sizeof(some));
		if (some[0] | some[1] | some[2] | some[3])
			break;
	}
	while (n < r->left && r->at[n] == FRAME_PADDING)
		n++;
	reader_skip(r, n);
}

void quic_frames_read(struct slice plain, uint64_t run, struct extract_pieces *pieces)
{
	struct reader r = reader_of(plain);
	struct slice bytes;
	uint64_t offset;

	while (r.left && !r.bad) {
		switch (quic_varint(&r)) {
		case FRAME_PADDING: skip_padding(&r); break;
		case FRAME_PING: break;
		case FRAME_ACK: skip_ack(&r, false); break;
		case FRAME_ACK_ECN: skip_ack(&r, true); break;
		case FRAME_CONNECTION_CLOSE: skip_close(&r); break;
		case FRAME_CRYPTO:
			offset = quic_varint(&r);
			bytes = quic_take(&r, quic_varint(&r));
			if (!r.bad)
				quic_piece_add(pieces, run, offset, bytes);
			break;
		default: return;
		}
	}
}
