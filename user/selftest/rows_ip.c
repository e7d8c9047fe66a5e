/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Evasions below the transport: tags, options, extension headers, IP fragments, tunnels (RFC 791,
 * 8200, 1858 and those of make_frame.h). Room: selftest.
 */
#include "selftest/make_dns.h"
#include "selftest/rows.h"
#include "selftest/talk.h"

enum { PORT = 443 };

/* A hello whose frames all go this way, cut in two. */
static void hello_by(struct stage *s, const struct talk_way *way)
{
	struct talk *t = talk_open(s, PORT);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);
	size_t at = m.name_end - 6;

	talk_segment(s, t, STAGE_CLIENT, 0, slice_first(hello, at), way);
	talk_segment(s, t, STAGE_CLIENT, (int64_t)at, slice_from(hello, at), way);
}

static void play_options(struct stage *s)
{
	static const uint8_t nops[40] = {1, 1, 1, 1, 1, 1, 1, 1}, alert[4] = {0x94, 4};

	hello_by(s, &(struct talk_way){.ip_options = slice_of(nops, 8)});
	hello_by(s, &(struct talk_way){.ip_options = slice_of(nops, 40)});
	hello_by(s, &(struct talk_way){.ip_options = slice_of(alert, 4)});
}

static void play_padding(struct stage *s)
{
	hello_by(s, &(struct talk_way){.padding = 9});
	hello_by(s, &(struct talk_way){.padding = 200});
}

static void play_chain(struct stage *s)
{
	static const uint8_t chains[][5] = {
		{1, 0}, {2, 0, 60}, {1, 43}, {1, 44}, {4, 0, 60, 43, 60}};

	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		hello_by(s, &(struct talk_way){.chain = slice_of(chains[i] + 1, chains[i][0])});
}

static void in_fragments(struct stage *s, enum talk_order order)
{
	for (size_t piece = 24; piece < 200; piece += 64) {
		struct talk *t = talk_open(s, PORT);
		const struct talk_way way = {.piece = piece, .order = order};
		struct made_message m;

		talk_segment(s, t, STAGE_CLIENT, 0, row_hello(s, &m, false), &way);
	}
}

static void play_fragments(struct stage *s)
{
	in_fragments(s, TALK_FORWARD);
}

static void play_fragments_back(struct stage *s)
{
	in_fragments(s, TALK_BACKWARD);
}

static void play_fragments_mixed(struct stage *s)
{
	in_fragments(s, TALK_EVEN_FIRST);
}

static void play_fragments_twice(struct stage *s)
{
	in_fragments(s, TALK_TWICE);
}

static void play_fragments_quic(struct stage *s)
{
	for (int order = 0; order < 2; order++) {
		struct talk *t = stage_talk(s, PORT, true);
		struct made_message m;
		uint8_t frames[1000], datagram[1100];
		size_t n;

		make_client_hello(&s->chance, &m, &(struct make_hello_kind){.is_quic = true},
				  s->name);
		make_quic_frames(&s->chance, frames, sizeof(frames),
				 &(struct make_quic_piece){m.bytes, 0, m.len}, 1, false);
		n = make_quic_initial(s->quic, datagram, &t->quic, false, frames, sizeof(frames));
		talk_datagram_as(s, t, STAGE_CLIENT, slice_of(datagram, n),
				 &(struct talk_way){.piece = 400, .order = (enum talk_order)order});
	}
}

/* A long question and its answer in fragments of this size, neither of which may arrive. */
static void ask_in_fragments(struct stage *s, uint16_t port, size_t piece, enum talk_order order)
{
	const struct talk_way way = {.piece = piece, .order = order};
	struct talk *t = stage_talk(s, port, true);
	uint8_t message[1200];
	size_t n = make_dns_question(message, s->name, 7, 1);

	n += make_dns_padding(message, n, 1000);
	t->is_frame_wise = t->is_over = true;
	s->is_probe = s->is_attack;
	talk_datagram_as(s, t, STAGE_CLIENT, slice_of(message, n), &way);
	message[2] |= 0x80;
	talk_datagram_as(s, t, STAGE_SERVER, slice_of(message, n), &way);
	s->is_probe = false;
}

static void play_fragments_dns(struct stage *s)
{
	for (int order = TALK_FORWARD; order <= TALK_TWICE; order++) {
		ask_in_fragments(s, 53, 296, (enum talk_order)order);
		ask_in_fragments(s, 5300, 552, (enum talk_order)order);
	}
}

/* Nobody's path is so narrow. */
static void play_fragments_dns_cut(struct stage *s)
{
	for (size_t piece = 8; piece <= 32; piece += 8) {
		ask_in_fragments(s, 53, piece, TALK_FORWARD);
		ask_in_fragments(s, 5300, piece, TALK_BACKWARD);
	}
}

/* More headers than are followed. */
static void play_chain_long(struct stage *s)
{
	static const uint8_t chain[12] = {60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60};
	const struct talk_way way = {.chain = slice_of(chain, sizeof(chain))};
	struct talk *t = talk_open(s, PORT);
	struct made_message m;

	t->is_over = true;
	s->is_probe = s->is_attack;
	talk_segment(s, t, STAGE_CLIENT, 0, row_hello(s, &m, false), &way);
	s->is_probe = false;
}

static void play_tags_many(struct stage *s)
{
	struct made_message m;
	struct talk *t;

	s->layer = MAKE_TAGS_MANY;
	s->is_probe = s->is_attack;
	t = talk_open(s, PORT);
	talk_segment(s, t, STAGE_CLIENT, 0, row_hello(s, &m, false), NULL);
	t->is_over = true;
	s->is_probe = false;
	s->layer = MAKE_BARE;
}

/* Two datagrams of one connection: the hello to hide, and one for another name. */
struct two {
	struct talk *talk;
	uint8_t bytes[2][MAKE_FRAME_MAX];
	struct slice packet, body, other; /* body, other: behind the IP head */
	uint32_t ident;
};

static void two_make(struct stage *s, struct two *two)
{
	struct made_message m;
	struct slice other;

	two->talk = talk_open(s, PORT);
	two->packet = talk_packet(s, two->talk, row_hello(s, &m, false), two->bytes[0]);
	other = talk_packet(s, two->talk, row_hello_for(s, &m, STAGE_INNOCENT), two->bytes[1]);
	two->body = slice_from(two->packet, make_ip_head(two->packet));
	two->other = slice_from(other, make_ip_head(other));
	two->ident = s->ident++;
}

/* One fragment: `from` to `to` of bytes. */
static void piece(struct stage *s, const struct two *two, struct slice bytes, size_t from,
		  size_t to, bool more)
{
	uint8_t out[MAKE_FRAME_MAX];
	size_t n = make_fragment(out, two->packet, from,
				 slice_first(slice_from(bytes, from), to - from), more, two->ident);

	stage_packet(s, slice_of(out, n), STAGE_CLIENT);
}

static void play_overlap(struct stage *s)
{
	struct two two;

	for (int is_first_true = 0; is_first_true < 2; is_first_true++) {
		struct slice first, second;

		two_make(s, &two);
		first = is_first_true ? two.body : two.other;
		second = is_first_true ? two.other : two.body;
		piece(s, &two, two.body, 0, 48, true);
		piece(s, &two, first, 48, first.len, false);
		piece(s, &two, second, 48, second.len, false);
	}
}

/* The head of TCP itself in pieces: RFC 1858. */
static void play_tiny(struct stage *s)
{
	struct two two;

	for (size_t size = 8; size <= 16; size += 8) {
		two_make(s, &two);
		two.talk->is_over = true;
		s->is_probe = s->is_attack;
		piece(s, &two, two.body, 0, size, true);
		s->is_probe = false;
		piece(s, &two, two.body, size, two.body.len, false);
	}
}

/* Everything inside a layer or a tunnel: a hello, a request, a question. */
static void inside(struct stage *s, enum make_layer layer)
{
	struct made_message m;
	uint8_t question[64];
	struct talk *t;

	s->layer = layer;
	t = talk_open(s, PORT);
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
	hello_by(s, &(struct talk_way){0});
	t = stage_talk(s, 53, true);
	t->is_frame_wise = true;
	s->is_probe = s->is_attack;
	talk_message(s, t, slice_of(question, make_dns_question(question, s->name, 7, 1)));
	s->is_probe = false;
	s->layer = MAKE_BARE;
}

#define INSIDE(name, layer)               \
	static void name(struct stage *s) \
	{                                 \
		inside(s, layer);         \
	}

INSIDE(play_vlan, MAKE_VLAN)
INSIDE(play_qinq, MAKE_QINQ)
INSIDE(play_tags, MAKE_TAGS)
INSIDE(play_mpls, MAKE_MPLS)
INSIDE(play_pppoe, MAKE_PPPOE)
INSIDE(play_ipip, MAKE_IPIP)
INSIDE(play_gre, MAKE_GRE)
INSIDE(play_gre_bridged, MAKE_GRE_BRIDGED)
INSIDE(play_gre_in_ipip, MAKE_GRE_IN_IPIP)
INSIDE(play_vxlan, MAKE_VXLAN)
INSIDE(play_geneve, MAKE_GENEVE)
INSIDE(play_gtpu, MAKE_GTPU)
INSIDE(play_teredo, MAKE_TEREDO)

/* Every packet of a tunnel that is longer than its path is wide. */
static void play_tunnel_fragments(struct stage *s)
{
	static const enum make_layer layers[] = {MAKE_IPIP, MAKE_GRE, MAKE_VXLAN, MAKE_GENEVE,
						 MAKE_GTPU};

	s->layer_piece = 160;
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		struct made_message m;
		struct talk *t;

		s->layer = layers[i];
		t = talk_open(s, PORT);
		talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
	}
	s->layer = MAKE_BARE;
	s->layer_piece = 0;
}

static void play_vpn(struct stage *s)
{
	struct talk *t = stage_talk(s, 51820, true);
	uint8_t bytes[148];

	chance_noise(&s->chance, bytes, sizeof(bytes));
	memcpy(bytes, "\1\0\0\0", 4); /* WireGuard's handshake */
	talk_datagram(s, t, STAGE_CLIENT, slice_of(bytes, sizeof(bytes)));
}

static const struct row rows[] = {
	ROW("ip-options", "adds options to IPv4", play_options, .families = ROW_V4),
	ROW("ip-padding", "leaves bytes behind the packet", play_padding),
	ROW("ip-extensions", "adds extension headers to IPv6", play_chain, .families = ROW_V6),
	ROW("ip-extensions-many", "adds more of them than anybody follows", play_chain_long,
	    .families = ROW_V6, .is_refused = true),
	ROW("ip-fragments", "cuts the packet into fragments", play_fragments),
	ROW("ip-fragments-back", "sends those in reverse", play_fragments_back),
	ROW("ip-fragments-mixed", "every second one first", play_fragments_mixed),
	ROW("ip-fragments-twice", "each of them twice", play_fragments_twice),
	ROW("ip-fragments-dns", "asks by DNS in fragments", play_fragments_dns),
	ROW("ip-fragments-dns-cut", "cuts the question itself", play_fragments_dns_cut,
	    .is_refused = true),
	ROW("ip-fragments-quic", "does so with QUIC", play_fragments_quic),
	ROW("ip-fragments-overlap", "says some bytes twice, differently", play_overlap),
	ROW("ip-fragments-tiny", "cuts the ports from the rest", play_tiny, .is_refused = true),
	ROW("layer-vlan", "tags its frames", play_vlan),
	ROW("layer-qinq", "tags them twice", play_qinq),
	ROW("layer-tags", "tags them with four priorities", play_tags),
	ROW("layer-tags-many", "tags them more often than anybody follows", play_tags_many,
	    .is_refused = true),
	ROW("layer-mpls", "labels them", play_mpls),
	ROW("layer-pppoe", "dials in", play_pppoe),
	ROW("tunnel-ipip", "goes through IP in IP, or 6in4", play_ipip),
	ROW("tunnel-gre", "through GRE", play_gre),
	ROW("tunnel-gre-bridged", "through GRE that bridges", play_gre_bridged),
	ROW("tunnel-gre-in-ipip", "through GRE in IP in IP", play_gre_in_ipip),
	ROW("tunnel-vxlan", "through VXLAN", play_vxlan),
	ROW("tunnel-geneve", "through GENEVE", play_geneve),
	ROW("tunnel-gtpu", "through a mobile network's tunnel", play_gtpu),
	ROW("tunnel-fragments", "through tunnels that send fragments", play_tunnel_fragments),
	ROW("tunnel-teredo", "through Teredo", play_teredo, .families = ROW_V6),
	ROW("tunnel-vpn", "through a VPN", play_vpn,
	    .open = "encrypted; the application WireGuard, or category:vpn, can be blocked whole"),
};

const struct row_group rows_ip = {"IP and tunnels", rows, ROW_COUNT(rows)};
