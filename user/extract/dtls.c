/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: DTLS in a datagram, on any port and between datagrams of other protocols (RFC 7983:
 * STUN, RTP and ZRTP begin otherwise). A hello that is there whole is read here; fragments of one
 * go to the engine, which puts them in order. No length in the datagram is trusted.
 *
 * Standards: RFC 6347 4.1 (records), 4.2.2 (fragments), 4.2.1 (hellos); RFC 9147 4, 5.2, 5.5; the
 * version before 1.0 that some VPNs still speak (0x0100). CAPWAP puts four bytes in front (RFC 5415
 * 4.2).
 */
#include "base/reader.h"
#include "extract/hello.h"

enum {
	TYPE_CHANGE_CIPHER = 20,
	TYPE_ALERT = 21,
	TYPE_HANDSHAKE = 22,
	TYPE_FIRST = TYPE_CHANGE_CIPHER,
	TYPE_ID = 25, /* its head has a connection id of any length */
	TYPE_LAST = 26,
	VERSION_1_0 = 0xfeff,
	VERSION_1_2 = 0xfefd,
	VERSION_1_3 = 0xfefc,
	VERSION_OLD = 0x0100,
	RECORD_HEAD = 13,
	FRAGMENT_HEAD = 12,
	MESSAGE_HEAD = 4, /* of the same message in TLS */
	MESSAGE_MAX = 1 << 17,
	CLIENT_HELLO = 1,
	RUN_SALT = 'D',
	RUN_LAST = 15, /* a hello is one of the first messages; the rest share a run */
	CAPWAP_HEAD = 4,
};

struct datagram {
	struct extract_pieces *pieces; /* NULL: nowhere to put them */
	struct clue *clue;
	struct crypt *crypt;
	bool is_read; /* a whole hello has been read into the clue */
};

struct fragment {
	uint8_t type;
	uint32_t length; /* of the message */
	uint16_t number;
	uint32_t offset;
	struct slice bytes;
	bool is_cut; /* the datagram ends in it */
};

/* --- pieces ---------------------------------------------------------------------------------- */

/* Copies bytes behind the last piece, as a part of it where they go on. */
static void add_piece(struct extract_pieces *p, uint64_t run, uint32_t offset, struct slice bytes)
{
	struct extract_piece *last = p->count ? &p->piece[p->count - 1] : NULL;

	if (!bytes.len)
		return;
	if (bytes.len > EXTRACT_ROOM - p->used || offset > EXTRACT_ROOM - bytes.len) {
		p->is_over = true;
		return;
	}
	memcpy(p->room + p->used, bytes.at, bytes.len);
	if (last && last->run == run && last->offset + last->bytes.len == offset) {
		last->bytes.len += bytes.len;
	} else if (p->count == EXTRACT_PIECES_MAX) {
		p->is_over = true;
		return;
	} else {
		p->piece[p->count++] =
			(struct extract_piece){run, offset, slice_of(p->room + p->used, bytes.len)};
	}
	p->used += bytes.len;
}

/* The piece is there already, in this datagram. */
static bool has_piece(const struct extract_pieces *p, uint64_t run, struct slice head)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->piece[i].run == run && p->piece[i].offset == 0 &&
		    slice_equal(slice_first(p->piece[i].bytes, head.len), head))
			return true;
	return false;
}

/* A message of TLS is type, length and body: the offsets of fragments count in the body. */
static void add_fragment(struct extract_pieces *p, const struct fragment *f)
{
	uint8_t head[MESSAGE_HEAD] = {f->type, (uint8_t)(f->length >> 16),
				      (uint8_t)(f->length >> 8), (uint8_t)f->length};
	uint64_t run = (uint64_t)RUN_SALT << 32 | (f->number < RUN_LAST ? f->number : RUN_LAST);

	p->proto = PROTO_DTLS;
	if (!has_piece(p, run, slice_of(head, sizeof(head))))
		add_piece(p, run, 0, slice_of(head, sizeof(head)));
	add_piece(p, run, MESSAGE_HEAD + f->offset, f->bytes);
}

/* --- messages -------------------------------------------------------------------------------- */

/* The first whole hello is read where it is; its names need no other datagram. */
static void take_hello(struct datagram *d, const struct fragment *f)
{
	struct extract_pieces *p = d->pieces;
	size_t from;

	if (!p)
		return;
	from = p->used;
	if (d->is_read || f->bytes.len != f->length ||
	    f->bytes.len > EXTRACT_ROOM - MESSAGE_HEAD - from) {
		add_fragment(p, f);
		return;
	}
	p->room[from] = f->type;
	p->room[from + 1] = (uint8_t)(f->length >> 16);
	p->room[from + 2] = (uint8_t)(f->length >> 8);
	p->room[from + 3] = (uint8_t)f->length;
	memcpy(p->room + from + MESSAGE_HEAD, f->bytes.at, f->bytes.len);
	(void)hello_read(slice_of(p->room + from, MESSAGE_HEAD + f->bytes.len), false, PROTO_DTLS,
			 d->crypt, d->clue);
	d->is_read = true;
}

static bool is_message_type(uint8_t type)
{
	static const uint8_t types[] = {0,  1,	2,  3,	4,  5,	6,  8,	11, 12,
					13, 14, 15, 16, 20, 21, 22, 23, 24, 25};

	return memchr(types, type, sizeof(types)) != NULL;
}

/* The version in a hello's body: 254 in front, or the old one (RFC 6347 4.1). */
static bool is_hello_version(const struct fragment *f)
{
	return f->offset || f->bytes.len < 2 || f->bytes.at[0] == VERSION_1_0 >> 8 ||
	       (f->bytes.at[0] == VERSION_OLD >> 8 && !f->bytes.at[1]);
}

/*
 *    0      1  2  3    4   5    6  7  8    9 10 11   12 ...
 *  +------+---------+---------+---------+----------+---------
 *  | type | length  | number  | offset  |  length  |  bytes
 *  +------+---------+---------+---------+----------+---------
 */
static bool take_fragment(struct reader *r, struct fragment *f)
{
	uint32_t len;

	f->type = reader_u8(r);
	f->length = reader_u24(r);
	f->number = reader_u16(r);
	f->offset = reader_u24(r);
	len = reader_u24(r);
	if (r->bad || !is_message_type(f->type) || f->length > MESSAGE_MAX ||
	    f->offset > f->length || len > f->length - f->offset)
		return false;
	f->is_cut = len > r->left;
	f->bytes = reader_take(r, f->is_cut ? r->left : len);
	return f->type != CLIENT_HELLO || is_hello_version(f);
}

/* The messages of an unprotected record. False when they are none. */
static bool take_messages(struct datagram *d, struct slice body, bool is_cut)
{
	struct reader r = reader_of(body);
	struct fragment f;
	unsigned count = 0;

	while (r.left && take_fragment(&r, &f)) {
		if (f.is_cut && !is_cut)
			return count > 0;
		if (f.type == CLIENT_HELLO)
			take_hello(d, &f);
		count++;
	}
	return count > 0;
}

/* --- records --------------------------------------------------------------------------------- */

static bool is_record_head(uint8_t type, uint16_t version)
{
	return type >= TYPE_FIRST && type <= TYPE_LAST && type != TYPE_ID &&
	       (version == VERSION_1_0 || version == VERSION_1_2 || version == VERSION_1_3 ||
		version == VERSION_OLD);
}

/* What a record without keys holds: messages, an alert or a change of cipher; others cannot be
 * told from chance. */
static bool is_sound(struct datagram *d, uint8_t type, unsigned epoch, struct slice body,
		     bool is_cut)
{
	if (type == TYPE_HANDSHAKE && epoch == 0)
		return take_messages(d, body, is_cut);
	if (is_cut || !body.len)
		return false;
	if (type == TYPE_CHANGE_CIPHER)
		return body.len <= 3 && body.at[0] == 1;
	return type != TYPE_ALERT || epoch || body.len == 2;
}

/*
 *    0      1  2      3  4    5 .. 10    11 12     13 ...
 *  +------+---------+-------+----------+--------+---------
 *  | type | version | epoch |  number  | length |  body
 *  +------+---------+-------+----------+--------+---------
 *
 * Certain by a message in the clear, or by records that end where the datagram does.
 */
static bool take_records(struct datagram *d, struct slice bytes)
{
	struct reader r = reader_of(bytes);
	bool is_certain = false;

	while (r.left >= RECORD_HEAD) {
		uint8_t type = reader_u8(&r);
		uint16_t version = reader_u16(&r);
		unsigned epoch = reader_u16(&r);
		struct slice body;
		bool is_cut;
		size_t len;

		reader_skip(&r, 6);
		len = reader_u16(&r);
		if (!is_record_head(type, version))
			return is_certain;
		is_cut = len > r.left;
		body = reader_take(&r, is_cut ? r.left : len);
		if (!is_sound(d, type, epoch, body, is_cut))
			return is_certain;
		is_certain |= type == TYPE_HANDSHAKE && epoch == 0;
	}
	return is_certain || !r.left;
}

enum extract_answer dtls_try(struct slice bytes, const struct extract_context *ctx,
			     struct clue *clue)
{
	static const uint8_t capwap[CAPWAP_HEAD] = {1};
	struct datagram d;
	size_t at = 0;

	if (bytes.len < RECORD_HEAD || bytes.at[0] > TYPE_LAST) /* most of all others */
		return EXTRACT_NOT_MINE;
	if (slice_equal(slice_first(bytes, CAPWAP_HEAD), slice_of(capwap, CAPWAP_HEAD)))
		at = CAPWAP_HEAD;
	if (bytes.len < at + RECORD_HEAD || bytes.at[at] < TYPE_FIRST || bytes.at[at] > TYPE_LAST)
		return EXTRACT_NOT_MINE;
	d = (struct datagram){.pieces = ctx->pieces, .clue = clue, .crypt = ctx->crypt};
	if (!take_records(&d, slice_from(bytes, at)))
		return EXTRACT_NOT_MINE;
	clue->proto = PROTO_DTLS;
	clue->consumed = bytes.len;
	clue->then = CLUE_THEN_SAME;
	return EXTRACT_FOUND;
}
