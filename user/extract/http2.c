/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room extract: HTTP/2 in the clear, known by its preface, and the hosts of all its requests. The
 * headers are compressed against all that went before on the connection, so the stream is read from
 * its preface on each time there is more of it: the answer stays NEED_MORE, and every host whose
 * field is whole counts at once.
 *
 * Frames are taken as they come: what a server would refuse ends the search only where nothing
 * behind it can be read. Of the server's direction only the SETTINGS it begins with are looked at.
 *
 * Standards: RFC 9113 3.4 (preface), 4, 6 (frames), 8.3.1 (:authority and host); RFC 7541.
 */
#include "extract/extract.h"
#include "extract/hpack.h"
#include "extract/http_host.h"
#include "extract/proxy.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum {
	PREFACE_LEN = sizeof(preface) - 1,
	HEAD_LEN = 9,
	SETTING_LEN = 6,
	SETTINGS_MAX = 32, /* entries that a first frame has at most */
};

enum frame_type {
	FRAME_HEADERS = 1,
	FRAME_SETTINGS = 4,
	FRAME_PUSH_PROMISE = 5,
	FRAME_WINDOW_UPDATE = 8,
	FRAME_CONTINUATION = 9,
};

enum frame_flag { FLAG_ACK = 1, FLAG_END_HEADERS = 4, FLAG_PADDED = 8, FLAG_PRIORITY = 0x20 };

struct head {
	uint32_t len, id;
	uint8_t type, flags;
};

/*
 *  | length (24) | type (8) | flags (8) | R, stream (32) |
 */
static bool read_head(struct slice wire, uint32_t at, struct head *h)
{
	const uint8_t *b;

	if (at > wire.len || wire.len - at < HEAD_LEN)
		return false;
	b = wire.at + at;
	h->len = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2];
	h->type = b[3];
	h->flags = b[4];
	h->id = (uint32_t)(b[5] & 0x7f) << 24 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 8 | b[8];
	return true;
}

/* RFC 9113 6.10: nothing may come between the pieces of a block. */
static enum hpack_answer next_piece(struct hpack_block *b)
{
	uint32_t at = b->place.frame_end;
	struct head h;

	if (!read_head(b->wire, at, &h))
		return HPACK_SHORT;
	if (h.type != FRAME_CONTINUATION || h.id != b->place.id)
		return HPACK_BAD;
	b->place.at = at + HEAD_LEN;
	b->place.end = b->place.at + h.len;
	b->place.frame_end = b->place.end;
	b->place.is_last = h.flags & FLAG_END_HEADERS;
	return HPACK_OK;
}

/* The block that begins in the frame at `at`: behind what else the frame holds, before its
 * padding. */
static enum hpack_answer open_block(struct hpack_block *b, uint32_t at, const struct head *h)
{
	uint32_t fields = h->type == FRAME_PUSH_PROMISE ? 4 : h->flags & FLAG_PRIORITY ? 5 : 0;
	uint32_t padding = 0;

	if (h->flags & FLAG_PADDED) {
		if (at + HEAD_LEN >= b->wire.len)
			return HPACK_SHORT;
		padding = b->wire.at[at + HEAD_LEN];
		fields++;
	}
	if (fields + padding > h->len)
		return HPACK_BAD;
	b->place = (struct hpack_place){.at = at + HEAD_LEN + fields,
					.end = at + HEAD_LEN + h->len - padding,
					.frame_end = at + HEAD_LEN + h->len,
					.id = h->id,
					.is_last = h->flags & FLAG_END_HEADERS};
	return HPACK_OK;
}

static bool is_full(const struct clue *clue)
{
	return clue->name_count == CLUE_NAMES_MAX && (clue->flags & CLUE_MANY_NAMES);
}

static void take_field(struct clue *clue, const struct hpack_field *field)
{
	if (field->kind == HPACK_OTHER)
		return;
	if (field->len > sizeof(field->value))
		clue->flags |= CLUE_ODD_NAME;
	else
		http_host_add(clue, slice_of(field->value, field->len));
}

/* Reads the block that begins in the frame at *at, and moves behind the last frame of it. */
static enum hpack_answer take_block(struct hpack_table *table, struct slice wire, uint32_t *at,
				    const struct head *h, struct clue *clue)
{
	struct hpack_block block = {.wire = wire, .next = next_piece};
	enum hpack_answer answer = open_block(&block, *at, h);
	struct hpack_field field;

	while (answer == HPACK_OK && !is_full(clue)) {
		answer = hpack_read(table, &block, &field);
		if (answer == HPACK_OK)
			take_field(clue, &field);
	}
	*at = block.place.frame_end;
	return answer;
}

/* All frames of the client, as far as they are there. */
static enum extract_answer take_frames(struct slice wire, uint32_t at, struct clue *clue)
{
	struct hpack_table table;
	struct head h;

	hpack_init(&table);
	while (read_head(wire, at, &h)) {
		enum hpack_answer answer;

		if (h.type != FRAME_HEADERS && h.type != FRAME_PUSH_PROMISE) {
			at += HEAD_LEN + h.len;
			continue;
		}
		answer = take_block(&table, wire, &at, &h, clue);
		/* Nothing behind can be read, or nothing more can be said. */
		if (answer == HPACK_BAD || is_full(clue)) {
			clue->flags |= clue->name_count ? 0 : CLUE_NO_NAME;
			clue->consumed = wire.len;
			clue->then = CLUE_THEN_END;
			return EXTRACT_FOUND;
		}
		if (answer == HPACK_SHORT)
			break;
	}
	return EXTRACT_NEED_MORE;
}

/* --- the server's direction ------------------------------------------------------------------ */

/* RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1; and the ids that stand for nothing at all (RFC 8701's
 * way, draft-bishop-httpbis-grease). */
static bool is_setting(struct slice s)
{
	uint32_t id = (uint32_t)s.at[0] << 8 | s.at[1];
	uint32_t value = (uint32_t)s.at[2] << 24 | (uint32_t)s.at[3] << 16 |
			 (uint32_t)s.at[4] << 8 | s.at[5];

	switch (id) {
	case 1:
	case 3:
	case 6: return true;
	case 2:
	case 8:
	case 9: return value <= 1;
	case 4: return value <= 0x7fffffff;
	case 5: return value >= 16384 && value <= 0xffffff;
	default: return (id & 0x0f0f) == 0x0a0a;
	}
}

/* What comes behind SETTINGS without an entry, which are zeros but for one byte: more of them, or a
 * window. */
static enum extract_answer check_second(struct slice wire)
{
	struct head h;

	if (!read_head(wire, HEAD_LEN, &h))
		return EXTRACT_NEED_MORE;
	if (h.id == 0 && h.type == FRAME_SETTINGS && h.flags == FLAG_ACK && h.len == 0)
		return EXTRACT_FOUND;
	return h.id == 0 && h.type == FRAME_WINDOW_UPDATE && h.flags == 0 && h.len == 4
		       ? EXTRACT_FOUND
		       : EXTRACT_NOT_MINE;
}

static enum extract_answer try_server(struct slice wire)
{
	static const uint8_t rest[] = {FRAME_SETTINGS, 0, 0, 0, 0, 0};
	struct slice tail = slice_from(wire, 3);
	uint32_t len;

	if (wire.len < 3)
		return wire.len == 2 && wire.at[1] ? EXTRACT_NOT_MINE : EXTRACT_NEED_MORE;
	len = (uint32_t)wire.at[1] << 8 | wire.at[2];
	if (len % SETTING_LEN || len > SETTINGS_MAX * SETTING_LEN)
		return EXTRACT_NOT_MINE;
	tail = slice_first(tail, sizeof(rest));
	if (tail.len && memcmp(tail.at, rest, tail.len) != 0)
		return EXTRACT_NOT_MINE;
	for (uint32_t at = HEAD_LEN; at < HEAD_LEN + len; at += SETTING_LEN) {
		if (wire.len < at + SETTING_LEN)
			return EXTRACT_NEED_MORE;
		if (!is_setting(slice_from(wire, at)))
			return EXTRACT_NOT_MINE;
	}
	if (wire.len < HEAD_LEN)
		return EXTRACT_NEED_MORE;
	return len ? EXTRACT_FOUND : check_second(wire);
}

/* --------------------------------------------------------------------------------------------- */

static enum extract_answer try_client(struct slice bytes, struct clue *clue)
{
	struct slice wire = slice_first(bytes, HPACK_WIRE_MAX);
	size_t at = 0, len;

	if (proxy_head_read(bytes, &at) == PROXY_SHORT)
		return EXTRACT_NEED_MORE;
	if (at >= wire.len)
		return EXTRACT_NEED_MORE;
	len = slice_first(slice_from(wire, at), PREFACE_LEN).len;
	if (memcmp(wire.at + at, preface, len) != 0)
		return EXTRACT_NOT_MINE;
	if (len < PREFACE_LEN)
		return EXTRACT_NEED_MORE;
	clue->proto = PROTO_HTTP2;
	return take_frames(wire, (uint32_t)at + PREFACE_LEN, clue);
}

enum extract_answer http2_try(struct slice bytes, const struct extract_context *ctx,
			      struct clue *clue)
{
	enum extract_answer answer;

	if (!bytes.len)
		return EXTRACT_NEED_MORE;
	/* The preface or the line of a proxy; the other head of a proxy. */
	if (bytes.at[0] == 'P' || bytes.at[0] == '\r')
		return try_client(bytes, clue);
	if (bytes.at[0])
		return EXTRACT_NOT_MINE;
	answer = try_server(bytes);
	if (answer != EXTRACT_FOUND)
		return answer;
	clue->proto = PROTO_HTTP2;
	clue->consumed = bytes.len;
	clue->then = CLUE_THEN_END;
	return EXTRACT_FOUND;
}
