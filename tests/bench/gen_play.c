/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The acts of a plan, each played as one frame.
 */
#include "gen_flow.h"

#include <string.h>

enum { MSS_V4 = 1460, MSS_V6 = 1440, DATAGRAM = 1250, PIECES = 5 };

typedef void gen_player(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act);

/* --- TCP ------------------------------------------------------------------------------------- */

/* Timestamps (RFC 7323) and, on a SYN, what browsers' hosts offer. */
static void put_options(struct gen_stage *s, struct gen_flow *f, bool is_reply, struct gen_tcp *t)
{
	uint32_t now = (uint32_t)(s->wire.time_ns / 1000000) + (is_reply ? 0x51234567 : 0x2468ace);
	uint8_t *at = t->options;

	if (!f->has_options)
		return;
	if (t->flags & GEN_SYN) {
		memcpy(at, "\x02\x04\x00\x00\x04\x02", 6);
		bytes_put16(at + 2, f->ends.is_v6 ? MSS_V6 : MSS_V4);
		memcpy(at + 16, "\x01\x03\x03\x07", 4);
		at += 6;
		t->options_len = 20;
	} else {
		memcpy(at, "\x01\x01", 2);
		at += 2;
		t->options_len = 12;
	}
	memcpy(at, "\x08\x0a", 2);
	bytes_put32(at + 2, now);
	bytes_put32(at + 6, t->flags & GEN_ACK ? f->clock[!is_reply] : 0);
	f->clock[is_reply] = now;
}

/* What a segment with payload begins with. */
static struct gen_tcp data_head(struct gen_stage *s, struct gen_flow *f, bool is_reply)
{
	struct gen_tcp t = {
		.seq = f->seq[is_reply], .ack = f->seq[!is_reply], .flags = GEN_PSH | GEN_ACK};

	put_options(s, f, is_reply, &t);
	return t;
}

static void send_data(struct gen_stage *s, struct gen_flow *f, bool is_reply,
		      const struct gen_tcp *t, size_t len)
{
	gen_tcp_send(&s->wire, &f->ends, is_reply, t, len);
	f->seq[is_reply] += (uint32_t)len;
}

static void play_flags(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	bool is_reply = act->is_reply, counts = act->value & (GEN_SYN | GEN_FIN);
	struct gen_tcp t = {.seq = act->value & GEN_RST ? 0 : f->seq[is_reply],
			    .ack = f->seq[!is_reply],
			    .flags = (uint8_t)act->value};

	put_options(s, f, is_reply, &t);
	gen_tcp_send(&s->wire, &f->ends, is_reply, &t, 0);
	f->seq[is_reply] += counts;
}

/* The parts may come in any order: the last one moves the sequence on. */
static void play_message(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	struct gen_tcp t = data_head(s, f, false);
	bool is_last = f->played + 1 == f->act_count || act[1].kind != GEN_ACT_MESSAGE;

	memcpy(gen_tcp_payload(&s->wire, &f->ends, &t), f->message->bytes + act->value, act->len);
	t.seq += act->value;
	gen_tcp_send(&s->wire, &f->ends, false, &t, act->len);
	if (is_last)
		f->seq[0] += (uint32_t)f->message->len;
}

static size_t put_record(uint8_t *at, uint8_t type, size_t len)
{
	at[0] = type;
	bytes_put16(at + 1, 0x0303);
	bytes_put16(at + 3, len);
	return 5;
}

static void play_server_hello(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	struct make_hello_kind kind = {f->is_pq, false};
	struct gen_tcp t = data_head(s, f, true);
	uint8_t *at = gen_tcp_payload(&s->wire, &f->ends, &t);
	size_t n = 5 + make_server_hello(&s->wire.chance, at + 5, &kind, f->id);

	put_record(at, 22, n - 5);
	n += put_record(at + n, 20, 1);
	at[n++] = 1;
	n += put_record(at + n, 23, act->value);
	chance_noise(&s->wire.chance, at + n, act->len - n);
	send_data(s, f, true, &t, act->len);
}

static void play_finished(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	struct gen_tcp t = data_head(s, f, false);
	uint8_t *at = gen_tcp_payload(&s->wire, &f->ends, &t);
	size_t n = put_record(at, 20, 1);

	at[n++] = 1;
	n += put_record(at + n, 23, act->len - n - 5);
	chance_noise(&s->wire.chance, at + n, act->len - n);
	send_data(s, f, false, &t, act->len);
}

static void play_record(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	struct gen_tcp t = data_head(s, f, act->is_reply);
	uint8_t *at = gen_tcp_payload(&s->wire, &f->ends, &t);
	size_t n = put_record(at, 23, act->value);

	chance_noise(&s->wire.chance, at + n, act->len - n);
	send_data(s, f, act->is_reply, &t, act->len);
}

static void play_request(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	struct gen_tcp t = data_head(s, f, false);
	uint8_t *at = gen_tcp_payload(&s->wire, &f->ends, &t);
	size_t name_end, n = gen_http_request(at, f->sites[act->value]->name, s->options.answer > 0,
					      &name_end);

	send_data(s, f, false, &t, n);
}

static void play_answer(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	struct gen_tcp t = data_head(s, f, true);
	uint8_t *at = gen_tcp_payload(&s->wire, &f->ends, &t);
	size_t n = gen_http_answer(at, act->len, act->value);

	chance_noise(&s->wire.chance, at + n, act->len - n);
	send_data(s, f, true, &t, act->len);
}

static void play_more(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	struct gen_tcp t = data_head(s, f, act->is_reply);

	chance_noise(&s->wire.chance, gen_tcp_payload(&s->wire, &f->ends, &t), act->len);
	send_data(s, f, act->is_reply, &t, act->len);
}

/* --- UDP ------------------------------------------------------------------------------------- */

static void play_question(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	size_t n = make_dns_question(gen_udp_payload(&s->wire, &f->ends), f->sites[0]->name,
				     (uint16_t)(f->id + act->value), act->value);

	gen_udp_send(&s->wire, &f->ends, false, n);
}

static void play_records(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	const char *name = f->sites[0]->name;
	uint8_t *at = gen_udp_payload(&s->wire, &f->ends);
	size_t n = make_dns_question(at, name, (uint16_t)(f->id + act->value), act->value);

	n = gen_dns_answer(at, n, name, act->value, chance_draw(&s->wire.chance) >> 16);
	gen_udp_send(&s->wire, &f->ends, true, n);
}

static size_t datagram_len(const struct gen_flow *f)
{
	return DATAGRAM - (f->ends.is_v6 ? 20 : 0);
}

/* Cuts a range of the hello and shuffles the parts, as Chrome does with half of its hellos here. */
static size_t cut_pieces(struct gen_wire *w, const struct gen_flow *f, const struct gen_act *act,
			 struct make_quic_piece pieces[PIECES])
{
	size_t count = chance_percent(&w->chance, 50) ? 2 + chance_draw(&w->chance) % (PIECES - 1)
						      : 1,
	       at = act->value;
	size_t end = act->value + act->len;

	if (act->len < 64)
		count = 1;
	for (size_t i = 0; i < count; i++) {
		size_t left = count - 1 - i; /* that need a byte each, at least */
		size_t len = left ? 1 + chance_draw(&w->chance) % ((end - at - left) / 2)
				  : end - at;

		pieces[i] = (struct make_quic_piece){f->message->bytes, at, len};
		at += len;
	}
	for (size_t i = count - 1; i > 0; i--) {
		size_t other = chance_draw(&w->chance) % (i + 1);
		struct make_quic_piece kept = pieces[i];

		pieces[i] = pieces[other];
		pieces[other] = kept;
	}
	return count;
}

static void play_initial(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	struct make_quic_piece pieces[PIECES];
	size_t count = cut_pieces(&s->wire, f, act, pieces);
	size_t room = datagram_len(f) - MAKE_QUIC_OVERHEAD, n;
	uint8_t frames[DATAGRAM];

	make_quic_frames(&s->wire.chance, frames, room, pieces, count, false);
	n = make_quic_initial(s->quic, gen_udp_payload(&s->wire, &f->ends), &f->quic, false, frames,
			      room);
	gen_udp_send(&s->wire, &f->ends, false, n);
}

static void play_reply(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	uint8_t hello[MAKE_SERVER_HELLO_MAX], frames[DATAGRAM];
	uint8_t *at = gen_udp_payload(&s->wire, &f->ends);
	struct make_hello_kind kind = {f->is_pq, true};
	struct make_quic_piece piece = {hello, act->value, act->len};
	size_t full = datagram_len(f), n;

	make_server_hello(&s->wire.chance, hello, &kind, f->id);
	n = make_quic_frames(&s->wire.chance, frames, full - MAKE_QUIC_OVERHEAD, &piece, 1, true);
	n = make_quic_initial(s->quic, at, &f->quic, true, frames, n);
	if (full - n > 100) {
		make_quic_handshake(&s->wire.chance, at + n, &f->quic, true, full - n);
		n = full;
	}
	f->quic.is_answered = true;
	gen_udp_send(&s->wire, &f->ends, true, n);
}

static void play_initial_ack(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	uint8_t frames[DATAGRAM];
	size_t room = datagram_len(f) - MAKE_QUIC_OVERHEAD, n;

	make_quic_frames(&s->wire.chance, frames, room, NULL, 0, true);
	n = make_quic_initial(s->quic, gen_udp_payload(&s->wire, &f->ends), &f->quic, false, frames,
			      room);
	gen_udp_send(&s->wire, &f->ends, false, n);
}

static void play_handshake(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	make_quic_handshake(&s->wire.chance, gen_udp_payload(&s->wire, &f->ends), &f->quic,
			    act->is_reply, act->len);
	gen_udp_send(&s->wire, &f->ends, act->is_reply, act->len);
}

static void play_short(struct gen_stage *s, struct gen_flow *f, const struct gen_act *act)
{
	make_quic_short(&s->wire.chance, gen_udp_payload(&s->wire, &f->ends), &f->quic,
			act->is_reply, act->len);
	gen_udp_send(&s->wire, &f->ends, act->is_reply, act->len);
}

/* --------------------------------------------------------------------------------------------- */

static gen_player *const players[GEN_ACTS] = {
	[GEN_ACT_FLAGS] = play_flags,
	[GEN_ACT_MESSAGE] = play_message,
	[GEN_ACT_SERVER_HELLO] = play_server_hello,
	[GEN_ACT_FINISHED] = play_finished,
	[GEN_ACT_RECORD] = play_record,
	[GEN_ACT_REQUEST] = play_request,
	[GEN_ACT_ANSWER] = play_answer,
	[GEN_ACT_MORE] = play_more,
	[GEN_ACT_QUESTION] = play_question,
	[GEN_ACT_RECORDS] = play_records,
	[GEN_ACT_INITIAL] = play_initial,
	[GEN_ACT_REPLY] = play_reply,
	[GEN_ACT_INITIAL_ACK] = play_initial_ack,
	[GEN_ACT_HANDSHAKE] = play_handshake,
	[GEN_ACT_SHORT] = play_short,
};

bool gen_flow_play(struct gen_stage *s, struct gen_flow *f)
{
	const struct gen_act *act = &f->acts[f->played];

	players[act->kind](s, f, act);
	f->frames++;
	if (act->is_naming)
		f->naming_frame = s->wire.frames;
	return ++f->played < f->act_count;
}

void gen_flow_play_again(struct gen_stage *s, struct gen_flow *f)
{
	static const struct gen_act again[GEN_PROTOCOLS] = {
		[GEN_TLS] = {GEN_ACT_FLAGS, false, false, 0, GEN_ACK},
		[GEN_HTTP] = {GEN_ACT_FLAGS, false, false, 0, GEN_ACK},
		[GEN_DNS] = {GEN_ACT_QUESTION, false, false, 0, 1},
		[GEN_QUIC] = {GEN_ACT_SHORT, false, false, 40, 0},
		[GEN_BARE] = {GEN_ACT_FLAGS, true, false, 0, GEN_RST | GEN_ACK},
	};
	const struct gen_act *act = &again[f->protocol];

	players[act->kind](s, f, act);
	f->frames++;
}
