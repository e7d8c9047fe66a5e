/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: Google's own QUIC. Its client says the name in a message of tags and values, CHLO,
 * at the beginning of stream 1; up to Q046 in clear, then in protected packets.
 *
 * Standards: Google's "QUIC Wire Layout Specification" and "QUIC Crypto" of 2016, draft-hamilton-
 * early-deployment-quic-00; later versions by their captures: numbers on the wire are big-endian
 * from Q039 on, the public header gives way to a long one in Q044.
 */
#include "extract/gquic.h"

#include "extract/quic_wire.h"

enum {
	PUBLIC_VERSION = 0x01, /* flags of the public header */
	PUBLIC_RESET = 0x02,
	PUBLIC_ID = 0x08,
	PUBLIC_UNUSED = 0xc0,
	PUBLIC_VERSION_AT = 9,
	HASH_LEN = 12, /* a checksum in the place of a tag */
	FRAME_PADDING = 0x00,
	FRAME_STOP_WAITING = 0x06,
	FRAME_PING = 0x07,
	FRAME_CRYPTO = 0x08,
	FRAME_ACK = 0x40,
	FRAME_STREAM = 0x80,
	FRAME_STREAM_LEN = 0x20, /* it says how long it is */
	MESSAGE_HEAD = 8,
	ROW_LEN = 8, /* of a message's table: tag, end of the value */
};

static const uint8_t widths[4] = {1, 2, 4, 6}; /* of packet numbers */

/* How a version writes its frames. */
struct writing {
	bool is_little; /* numbers are little-endian */
	size_t number_len;
};

static uint64_t take_number(struct reader *r, size_t width, bool is_little)
{
	struct slice s = reader_take(r, width);
	uint64_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n = n << 8 | s.at[is_little ? s.len - 1 - i : i];
	return n;
}

/* "Q0" and two digits, as a number; 0: no such version. */
static unsigned version_number(uint32_t version)
{
	unsigned tens = (version >> 8 & 0xff) - '0', ones = (version & 0xff) - '0';

	return version >> 16 == 0x5130 && tens <= 9 && ones <= 9 ? tens * 10 + ones : 0;
}

/*
 * A message of tags: "CHLO", a count, two bytes unused, as many pairs of tag and end of the value,
 * then the values. Little-endian in all versions. Of what is cut short, the part that is there
 * counts. Returns whether it is one.
 */
static bool read_message(struct slice bytes, struct clue *clue)
{
	struct reader table = reader_of(slice_from(bytes, 4));
	size_t count = (size_t)take_number(&table, 2, true), begin = 0;
	struct slice values = slice_from(bytes, MESSAGE_HEAD + count * ROW_LEN);

	if (bytes.len < MESSAGE_HEAD || memcmp(bytes.at, "CHLO", 4) != 0)
		return false;
	reader_skip(&table, 2);
	for (; count && !table.bad; count--) {
		struct slice tag = reader_take(&table, 4);
		size_t end = (size_t)take_number(&table, 4, true);

		if (table.bad || end < begin || end > values.len)
			break;
		if (memcmp(tag.at, "SNI", 4) == 0)
			clue_add_host(clue, slice_first(slice_from(values, begin), end - begin));
		begin = end;
	}
	return true;
}

/*
 * 01ntllmm: n: several blocks; ll, mm: widths of the largest number and of the blocks. Then the
 * delay, the blocks, and times of packets.
 */
static void skip_ack(struct reader *r, uint8_t type)
{
	size_t block = widths[type & 3];
	unsigned count;

	reader_skip(r, widths[type >> 2 & 3] + 2U);
	count = type & 0x20 ? reader_u8(r) : 0;
	reader_skip(r, block);
	reader_skip(r, count * (1 + block));
	count = reader_u8(r);
	if (count)
		reader_skip(r, 1 + 4 + (count - 1U) * 3);
}

/* 1fdooosss... : d: a length of two bytes; ooo: width of the offset, 0 or one more; ss: width of
 * the stream's number less one. */
static struct slice take_stream(struct reader *r, const struct writing *w, uint8_t type,
				uint64_t *offset)
{
	size_t width = type >> 2 & 7;

	reader_skip(r, (type & 3) + 1U);
	*offset = take_number(r, width ? width + 1 : 0, w->is_little);
	return reader_take(r, type & FRAME_STREAM_LEN ? (size_t)take_number(r, 2, w->is_little)
						      : r->left);
}

/* The bytes of the next frame that carries a handshake; false: none follows. */
static bool next_bytes(struct reader *r, const struct writing *w, uint64_t *offset,
		       struct slice *bytes)
{
	while (r->left && !r->bad) {
		uint8_t type = reader_u8(r);

		if (type & FRAME_STREAM) {
			*bytes = take_stream(r, w, type, offset);
			return !r->bad;
		}
		if (type & FRAME_ACK) {
			skip_ack(r, type);
			continue;
		}
		switch (type) {
		case FRAME_PADDING:
		case FRAME_PING: break;
		case FRAME_STOP_WAITING: reader_skip(r, w->number_len); break;
		case FRAME_CRYPTO:
			*offset = quic_varint(r);
			*bytes = quic_take(r, quic_varint(r));
			return !r->bad;
		default: return false;
		}
	}
	return false;
}

/* What a message says about itself is said once all of it has been read. */
static void end_hello(bool is_hello, struct clue *clue)
{
	if (clue->name_count)
		clue->flags &= ~(uint32_t)CLUE_NO_NAME;
	else if (is_hello)
		clue->flags |= CLUE_NO_NAME;
}

static bool read_clear_frames(struct reader r, const struct writing *w, struct clue *clue)
{
	bool is_hello = false;
	struct slice bytes;
	uint64_t offset;

	while (next_bytes(&r, w, &offset, &bytes))
		if (!offset)
			is_hello |= read_message(bytes, clue);
	end_hello(is_hello, clue);
	return is_hello;
}

/* Ids are random numbers: eight characters are more likely text that talks of a version. */
static bool is_text(struct slice id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.at[i] < ' ' || id.at[i] > '~')
			return false;
	return true;
}

static enum extract_answer found(struct slice bytes, struct clue *clue)
{
	clue->proto = PROTO_QUIC;
	clue->consumed = bytes.len;
	clue->then = CLUE_THEN_SAME;
	return EXTRACT_FOUND;
}

/*
 *    0        1                  9              13
 *  +--------+------------------+--------------+----------+--------+-----------
 *  |00nn1x01|  connection id   | "Q0nn"       | number   | hash   | frames ...
 *  +--------+------------------+--------------+----------+--------+-----------
 *
 * A client says its version until the server has answered; a server answers an unknown one with a
 * list, which holds no frames that could be a hello.
 */
enum extract_answer gquic_public_try(struct slice bytes, struct clue *clue)
{
	struct reader r = reader_of(slice_from(bytes, PUBLIC_VERSION_AT));
	struct writing w;
	unsigned version;

	if (bytes.len < PUBLIC_VERSION_AT + 4 ||
	    (bytes.at[0] & (PUBLIC_VERSION | PUBLIC_RESET | PUBLIC_ID | PUBLIC_UNUSED)) !=
		    (PUBLIC_VERSION | PUBLIC_ID))
		return EXTRACT_NOT_MINE;
	version = version_number(reader_u32(&r));
	if (!version || version >= 44)
		return EXTRACT_NOT_MINE;
	w.is_little = version < 39;
	w.number_len = widths[bytes.at[0] >> 4 & 3];
	reader_skip(&r, w.number_len + HASH_LEN + (version < 34));
	if (!read_clear_frames(r, &w, clue) &&
	    is_text(slice_of(bytes.at + 1, PUBLIC_VERSION_AT - 1)))
		return EXTRACT_NOT_MINE;
	return found(bytes, clue);
}

bool gquic_is_long(uint32_t version)
{
	unsigned n = version_number(version);

	return n >= 44 && n < 50;
}

/*
 *    0      1               5      6             n            n+12
 *  +------+---------------+------+-------------+------------+--------+-----------
 *  |1x... |    "Q04n"     | d| s |    ids      | number     | hash   | frames ...
 *  +------+---------------+------+-------------+------------+--------+-----------
 *
 * d, s: lengths of the ids, 0 or less by three. The number's width: in the first byte from Q046 on.
 */
enum extract_answer gquic_long_try(struct slice bytes, uint32_t version, struct clue *clue)
{
	struct reader r = reader_of(slice_from(bytes, 5));
	struct writing w = {.number_len = 4};
	uint8_t lens = reader_u8(&r);

	reader_skip(&r, lens >> 4 ? (lens >> 4) + 3U : 0);
	reader_skip(&r, lens & 15 ? (lens & 15) + 3U : 0);
	if (version_number(version) >= 46)
		w.number_len = (bytes.at[0] & 3U) + 1;
	reader_skip(&r, w.number_len + HASH_LEN);
	if (r.bad || !(bytes.at[0] & 0x40))
		return EXTRACT_NOT_MINE;
	(void)read_clear_frames(r, &w, clue);
	return found(bytes, clue);
}

void gquic_frames_read(struct slice plain, uint32_t version, size_t number_len, uint64_t run,
		       struct extract_pieces *pieces, struct clue *clue)
{
	const struct writing w = {.number_len = number_len};
	struct reader r = reader_of(plain);
	bool is_hello = false;
	struct slice bytes;
	uint64_t offset;

	while (next_bytes(&r, &w, &offset, &bytes)) {
		if (!version_number(version))
			quic_piece_add(pieces, run, offset, bytes);
		else if (!offset)
			is_hello |= read_message(bytes, clue);
	}
	end_hello(is_hello, clue);
}
