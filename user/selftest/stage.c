/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The stage: flows with ports of their own, and frames on their way; see stage.h. Room: selftest.
 */
#include "selftest/stage.h"

#include <stdlib.h>
#include "selftest/talk.h"

enum { FIRST_PORT = 20000, TALKS_LEAST = 256, SEED = 2026 };

bool stage_init(struct stage *s)
{
	*s = (struct stage){.quic = make_quic_new()};
	return chance_init(&s->chance, SEED) && s->quic;
}

void stage_clear(struct stage *s)
{
	chance_clear(&s->chance);
	make_quic_free(s->quic);
	free(s->talks);
	*s = (struct stage){0};
}

/* Where there is no memory for one more, one stands in for all: is_broken tells. */
static struct talk *take(struct stage *s)
{
	size_t room = s->talk_room ? 2 * s->talk_room : TALKS_LEAST;
	struct talk *more;

	if (s->talk_count < s->talk_room)
		return &s->talks[s->talk_count++];
	more = realloc(s->talks, room * sizeof(*more));
	s->is_broken |= !more;
	if (!more)
		return &s->spare;
	s->talks = more;
	s->talk_room = room;
	return &s->talks[s->talk_count++];
}

void stage_speaks(struct stage *s, const struct talk *t)
{
	s->talk = t == &s->spare ? 0 : (uint16_t)(t - s->talks);
}

struct talk *stage_talk(struct stage *s, uint16_t port, bool is_udp)
{
	struct talk *t = take(s);

	*t = (struct talk){
		.row = s->row,
		.client_port = (uint16_t)(FIRST_PORT + s->talk_count),
		.server_port = port,
		.is_attack = s->is_attack,
		.is_v6 = s->is_v6,
		.is_udp = is_udp,
		.layer = s->layer,
		.layer_piece = s->layer_piece,
		.server_end = 20,
	};
	stage_speaks(s, t);
	for (size_t i = 0; i < 2; i++)
		t->first[i] = (uint32_t)chance_draw(&s->chance);
	chance_noise(&s->chance, t->quic.first, MAKE_CID);
	chance_noise(&s->chance, t->quic.server, MAKE_CID);
	return t;
}

/* Documentation addresses: RFC 5737, RFC 3849. */
struct make_ends talk_ends(const struct talk *t, enum stage_side from)
{
	static const uint8_t client4[4] = {192, 0, 2, 10}, server4[4] = {198, 51, 100};
	static const uint8_t client6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 0x10};
	static const uint8_t server6[16] = {0x20, 1, 0x0d, 0xb8, 0, 1};
	bool is_reply = from == STAGE_SERVER;
	struct make_ends e = {
		.is_v6 = t->is_v6,
		.sport = is_reply ? t->server_port : t->client_port,
		.dport = is_reply ? t->client_port : t->server_port,
	};
	size_t n = t->is_v6 ? 16 : 4;
	uint8_t *client = is_reply ? e.dst : e.src, *server = is_reply ? e.src : e.dst;

	memcpy(client, t->is_v6 ? client6 : client4, n);
	memcpy(server, t->is_v6 ? server6 : server4, n);
	server[n - 1] = t->server_end;
	if (t->layer == MAKE_TEREDO) /* whose clients' addresses begin so: RFC 4380 2.6 */
		client[2] = client[3] = 0;
	return e;
}

static void emit(struct stage *s, struct slice frame, enum stage_side from)
{
	struct stage_shot shot = {
		.row = s->row,
		.talk = s->talk,
		.is_attack = s->is_attack,
		.is_probe = s->is_probe && !s->is_rest,
		.is_rest = s->is_probe && s->is_rest,
		.is_v6 = s->is_v6,
		.from = from,
		.frame = frame,
	};

	s->emit(s->ctx, &shot);
}

/* A tunnel's packet, in fragments: the frame is Ethernet and IP. */
static void emit_pieces(struct stage *s, struct slice frame, enum stage_side from)
{
	enum { ETHER = 14 };
	struct slice packet = slice_from(frame, ETHER);
	struct slice body = slice_from(packet, make_ip_head(packet));
	uint8_t piece[MAKE_FRAME_MAX];
	uint32_t ident = s->ident++;

	memcpy(piece, frame.at, ETHER);
	for (size_t at = 0; at < body.len; at += s->layer_piece) {
		size_t n = make_fragment(piece + ETHER, packet, at,
					 slice_first(slice_from(body, at), s->layer_piece),
					 at + s->layer_piece < body.len, ident);

		s->is_rest = at > 0;
		emit(s, slice_of(piece, ETHER + n), from);
	}
	s->is_rest = false;
}

void stage_packet(struct stage *s, struct slice packet, enum stage_side from)
{
	uint8_t bytes[MAKE_FRAME_MAX];
	struct slice frame = slice_of(bytes,
				      make_frame(bytes, s->layer, packet, from == STAGE_SERVER));

	if (s->layer_piece && s->layer >= MAKE_IPIP && frame.len > s->layer_piece)
		emit_pieces(s, frame, from);
	else
		emit(s, frame, from);
}

void stage_pause(struct stage *s, unsigned ms)
{
	if (s->pause)
		s->pause(s->ctx, ms);
}

/* The ways that a probe goes: a verdict is on the flow, however its packets are wrapped. */
static const struct probe_way {
	struct talk_way way;
	enum make_layer layer;
} probe_ways[] = {
	{{0}, MAKE_BARE},
	{{.ip_options = {(const uint8_t *)"\1\1\1\1", 4}, .chain = {(const uint8_t *)"\x3c", 1}},
	 MAKE_BARE},
	{{.ttl = 7}, MAKE_VLAN},
};

static void probe(struct stage *s, struct talk *t, enum stage_side from, const struct talk_way *way)
{
	uint8_t bytes[TALK_PROBE_MAX] = {23, 3, 3};

	if (t->is_udp) {
		make_quic_short(&s->chance, bytes, &t->quic, from == STAGE_SERVER, sizeof(bytes));
		talk_datagram_as(s, t, from, slice_of(bytes, sizeof(bytes)), way);
		return;
	}
	bytes_put16(bytes + 3, sizeof(bytes) - 5);
	chance_noise(&s->chance, bytes + 5, sizeof(bytes) - 5);
	talk_segment(s, t, from, t->sent[from], slice_of(bytes, sizeof(bytes)), way);
}

/* Two layers in one another are the rows' business. */
static void probe_both(struct stage *s, struct talk *t)
{
	for (size_t i = 0; i < sizeof(probe_ways) / sizeof(probe_ways[0]); i++) {
		if (t->layer == MAKE_BARE)
			s->layer = probe_ways[i].layer;
		probe(s, t, STAGE_CLIENT, &probe_ways[i].way);
		probe(s, t, STAGE_SERVER, &probe_ways[i].way);
	}
}

void stage_probe(struct stage *s, struct talk *t)
{
	if (t->is_over)
		return;
	s->row = t->row;
	s->is_attack = s->is_probe = t->is_attack;
	s->is_v6 = t->is_v6;
	s->layer = t->layer;
	s->layer_piece = t->layer_piece;
	if (t->probe_len)
		talk_repeat(s, t);
	else
		probe_both(s, t);
	s->is_probe = false;
}
