/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Segments and datagrams of a flow; see talk.h. Room: selftest.
 */
#include "selftest/talk.h"

enum { TTL = 64, ANSWER_FLAGS = 2 };

static const struct talk_way ordinary;

/* The fragment that is sent as number i of count. */
static size_t turn(size_t i, size_t count, enum talk_order order)
{
	size_t even = (count + 1) / 2;

	switch (order) {
	case TALK_BACKWARD: return count - 1 - i;
	case TALK_EVEN_FIRST: return i < even ? 2 * i : 2 * (i - even) + 1;
	default: return i;
	}
}

static void send_pieces(struct stage *s, struct slice packet, enum stage_side from,
			const struct talk_way *way)
{
	uint8_t piece[MAKE_FRAME_MAX];
	struct slice body = slice_from(packet, make_ip_head(packet));
	size_t count = (body.len + way->piece - 1) / way->piece;
	uint32_t ident = s->ident++;

	for (size_t i = 0; i < count; i++) {
		size_t at = turn(i, count, way->order) * way->piece, n;

		/* Without its beginning no datagram is put together. */
		s->is_rest = at > 0;

		n = make_fragment(piece, packet, at, slice_first(slice_from(body, at), way->piece),
				  at + way->piece < body.len, ident);
		stage_packet(s, slice_of(piece, n), from);
		if (way->order == TALK_TWICE && i + 1 < count)
			stage_packet(s, slice_of(piece, n), from);
	}
	s->is_rest = false;
}

/* A transport's bytes on their way. */
static void send_body(struct stage *s, const struct make_ends *e, enum stage_side from,
		      uint8_t proto, struct slice body, const struct talk_way *way)
{
	struct make_ip ip = {way->ttl ? way->ttl : TTL, s->ident++, way->ip_options, way->chain};
	uint8_t packet[MAKE_FRAME_MAX];
	size_t n = make_ip(packet, e, &ip, proto, body);

	memset(packet + n, 0x5a, way->padding);
	if (way->piece)
		send_pieces(s, slice_of(packet, n), from, way);
	else
		stage_packet(s, slice_of(packet, n + way->padding), from);
}

/* A segment of this talk, up to the IP head. */
static size_t build(struct talk *t, enum stage_side from, int64_t at, struct slice bytes,
		    const struct talk_way *way, const struct make_ends *e, uint8_t *out)
{
	enum stage_side other = from == STAGE_CLIENT ? STAGE_SERVER : STAGE_CLIENT;
	uint8_t flags = way->flags ? way->flags : MAKE_PSH | MAKE_ACK;
	struct make_segment segment = {
		.seq = t->first[from] + 1 + (uint32_t)at,
		.flags = flags,
		.words = way->words,
		.urgent = way->urgent,
		.is_sum_wrong = way->is_sum_wrong,
		.options = way->options,
	};

	if (flags & MAKE_ACK)
		segment.ack = t->first[other] + 1 + t->sent[other] + way->ack_add;
	return make_segment(out, e, &segment, bytes);
}

void talk_segment(struct stage *s, struct talk *t, enum stage_side from, int64_t at,
		  struct slice bytes, const struct talk_way *way)
{
	struct make_ends e = talk_ends(t, from);
	uint8_t body[MAKE_FRAME_MAX];
	int64_t end = at + (int64_t)bytes.len;
	size_t n;
	stage_speaks(s, t);
	way = way ? way : &ordinary;
	n = build(t, from, at, bytes, way, &e, body);
	if (!way->is_decoy && end > (int64_t)t->sent[from])
		t->sent[from] = (uint32_t)end;
	send_body(s, &e, from, MAKE_TCP, slice_of(body, n), way);
}

void talk_say(struct stage *s, struct talk *t, enum stage_side from, struct slice bytes)
{
	talk_segment(s, t, from, t->sent[from], bytes, NULL);
}

/* options: of all three steps; of the SYNs beside what they always have. */
static void handshake(struct stage *s, struct talk *t, struct slice options)
{
	uint8_t syn[24] = {2, 4, 1460 >> 8, 1460 & 255};
	struct talk_way way = {.options = slice_of(syn, 4 + options.len), .is_decoy = true};
	struct slice none = slice_of("", 0);

	memcpy(syn + 4, options.at, options.len);
	t->sent[STAGE_CLIENT] = t->sent[STAGE_SERVER] = 0;
	way.flags = MAKE_SYN;
	talk_segment(s, t, STAGE_CLIENT, -1, none, &way);
	way.flags = MAKE_SYN | MAKE_ACK;
	talk_segment(s, t, STAGE_SERVER, -1, none, &way);
	way = (struct talk_way){.flags = MAKE_ACK, .options = options};
	talk_segment(s, t, STAGE_CLIENT, 0, none, &way);
}

void talk_handshake(struct stage *s, struct talk *t)
{
	handshake(s, t, slice_of("", 0));
}

struct talk *talk_open(struct stage *s, uint16_t port)
{
	return talk_open_with(s, port, slice_of("", 0));
}

struct talk *talk_open_with(struct stage *s, uint16_t port, struct slice options)
{
	struct talk *t = stage_talk(s, port, false);

	handshake(s, t, options);
	return t;
}

void talk_parts(struct stage *s, struct talk *t, struct slice bytes, const size_t *cuts,
		size_t cut_count, const uint8_t *order)
{
	for (size_t i = 0; i <= cut_count; i++) {
		size_t which = order ? order[i] : i;
		size_t from = which ? cuts[which - 1] : 0;
		size_t to = which < cut_count ? cuts[which] : bytes.len;

		talk_segment(s, t, STAGE_CLIENT, (int64_t)from,
			     slice_of(bytes.at + from, to - from), NULL);
	}
}

void talk_datagram_as(struct stage *s, struct talk *t, enum stage_side from, struct slice bytes,
		      const struct talk_way *way)
{
	struct make_ends e = talk_ends(t, from);
	uint8_t body[MAKE_FRAME_MAX];

	stage_speaks(s, t);
	send_body(s, &e, from, MAKE_UDP, slice_of(body, make_datagram(body, &e, bytes)),
		  way ? way : &ordinary);
}

void talk_datagram(struct stage *s, struct talk *t, enum stage_side from, struct slice bytes)
{
	talk_datagram_as(s, t, from, bytes, NULL);
}

void talk_repeat(struct stage *s, struct talk *t)
{
	uint8_t answer[TALK_PROBE_MAX];

	memcpy(answer, t->probe, t->probe_len);
	answer[ANSWER_FLAGS] |= 0x80;
	talk_datagram(s, t, STAGE_CLIENT, slice_of(t->probe, t->probe_len));
	talk_datagram(s, t, STAGE_SERVER, slice_of(answer, t->probe_len));
}

void talk_message(struct stage *s, struct talk *t, struct slice bytes)
{
	t->probe_len = bytes.len < TALK_PROBE_MAX ? bytes.len : TALK_PROBE_MAX;
	memcpy(t->probe, bytes.at, t->probe_len);
	talk_repeat(s, t);
}

struct slice talk_packet(struct stage *s, struct talk *t, struct slice bytes, uint8_t *out)
{
	struct make_ends e = talk_ends(t, STAGE_CLIENT);
	struct make_ip ip = {.ttl = TTL, .ident = s->ident++};
	uint8_t body[MAKE_FRAME_MAX];
	size_t n = build(t, STAGE_CLIENT, 0, bytes, &ordinary, &e, body);

	return slice_of(out, make_ip(out, &e, &ip, MAKE_TCP, slice_of(body, n)));
}
