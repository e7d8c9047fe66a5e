/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The plan of a flow: which frames it will have, in order. Two ways to go on behind the first
 * message: dialogues, where each side in turn says a payload of one size, so that a test knows what
 * comes; and answers, as servers give them: handshake, full segments with an acknowledgement for
 * every second one, lengths from a few hundred bytes to half a megabyte.
 */
#include "gen_flow.h"

#include <stdlib.h>

enum {
	RECORD_SEGMENTS = 11, /* as many as a TLS record of 16 KiB fills */
	RECORD_HEAD = 5,
	SHORT_LEAST = 24,
	DATAGRAM = 1250, /* QUIC's full ones, as Chrome sends them; 20 less over IPv6 */
	DIALOGUE_MSS = 1400,
	FINISHED_LEN = 64,
	A = 1,
	AAAA = 28
};

static struct gen_act *add(struct gen_flow *f, enum gen_act_kind kind, bool is_reply, size_t len,
			   size_t value)
{
	if (f->act_count == f->act_room) {
		f->act_room = f->act_room ? 2 * f->act_room : 64;
		f->acts = realloc(f->acts, f->act_room * sizeof(*f->acts));
		if (!f->acts)
			abort();
	}
	f->acts[f->act_count] = (struct gen_act){(uint8_t)kind, is_reply, false, (uint16_t)len,
						 (uint32_t)value};
	return &f->acts[f->act_count++];
}

/* How many full payloads the server answers: half of the flows one or two, few of them hundreds. */
static unsigned answer_segments(const struct gen_options *o, uint32_t size)
{
	static const struct {
		uint32_t below; /* of 10,000 */
		unsigned segments;
	} rows[] = {
		{0, 1},	    {1800, 1},	{4300, 3},  {6250, 4},	 {8100, 7},   {8900, 11},
		{9400, 19}, {9700, 33}, {9880, 63}, {9960, 118}, {9990, 250}, {10000, 450},
	};
	uint64_t at = (uint64_t)size * 10000 >> 16; /* of 10,000 << 16 */
	size_t i = 1;
	uint64_t part, width, segments;

	while (at >= (uint64_t)rows[i].below << 16)
		i++;
	part = at - ((uint64_t)rows[i - 1].below << 16);
	width = (uint64_t)(rows[i].below - rows[i - 1].below) << 16;
	segments = ((uint64_t)rows[i - 1].segments << 16) +
		   ((uint64_t)(rows[i].segments - rows[i - 1].segments) << 16) * part / width;
	segments = (segments * o->answer / 100 + 0x8000) >> 16;
	return segments ? (unsigned)segments : 1;
}

/* The client's first message in one part or in several; the last part that has bytes before
 * name_end is the one that names. */
static void add_message(struct gen_stage *s, struct gen_flow *f, size_t mss)
{
	size_t len = f->message->len, cut = len > mss ? mss : len;
	bool is_swapped;
	struct gen_act *act;

	if (cut == len && chance_percent(&s->wire.chance, s->options.split))
		cut = 1 + chance_draw(&s->wire.chance) % (len - 1);
	is_swapped = cut < len && chance_percent(&s->wire.chance, s->options.swapped);
	if (is_swapped)
		add(f, GEN_ACT_MESSAGE, false, len - cut, cut);
	act = add(f, GEN_ACT_MESSAGE, false, cut, 0);
	act->is_naming = is_swapped || f->message->name_end <= cut;
	if (cut == len || is_swapped)
		return;
	act = add(f, GEN_ACT_MESSAGE, false, len - cut, cut);
	act->is_naming = f->message->name_end > cut;
}

static void add_flags(struct gen_flow *f, bool is_reply, unsigned flags)
{
	add(f, GEN_ACT_FLAGS, is_reply, 0, flags);
}

/* Segments that a server sends in one go: the first begins with act `kind` of value `value`, the
 * last is as long as chance will have it. The client acknowledges every third one, as hosts that
 * gather segments do. */
static void add_segments(struct gen_flow *f, enum gen_act_kind kind, size_t value, size_t total,
			 size_t payload)
{
	for (size_t i = 0; total > 0; i++) {
		size_t len = total < payload ? total : payload;

		add(f, i ? GEN_ACT_MORE : kind, true, len, value);
		total -= len;
		if (i % 3 == 2 || total == 0)
			add_flags(f, false, GEN_ACK);
	}
}

static void add_answer(struct gen_stage *s, struct gen_flow *f, unsigned segments, size_t payload)
{
	size_t tail = GEN_ANSWER_LEAST +
		      chance_draw(&s->wire.chance) % (payload - GEN_ANSWER_LEAST + 1);
	size_t total;

	if (f->protocol == GEN_HTTP) {
		total = (segments - 1) * payload + tail;
		add_segments(f, GEN_ACT_ANSWER, total, total, payload);
		return;
	}
	while (segments > 0) {
		unsigned part = segments < RECORD_SEGMENTS ? segments : RECORD_SEGMENTS;

		segments -= part;
		total = segments ? part * payload : (part - 1) * payload + tail;
		add_segments(f, GEN_ACT_RECORD, total - RECORD_HEAD, total, payload);
	}
}

/* Requests and answers over one connection. */
static void add_download(struct gen_stage *s, struct gen_flow *f, uint32_t size, size_t payload)
{
	unsigned segments = answer_segments(&s->options, size);
	unsigned rounds = chance_percent(&s->wire.chance, s->options.keep_alive)
				  ? 2 + (unsigned)(chance_draw(&s->wire.chance) % 3)
				  : 1;

	if (rounds > segments)
		rounds = segments;
	for (unsigned r = 0; r < rounds; r++) {
		unsigned part = r + 1 < rounds ? segments / rounds
					       : segments - segments / rounds * (rounds - 1);

		if (f->protocol == GEN_TLS) {
			size_t len = 100 + chance_draw(&s->wire.chance) % 500;

			add(f, GEN_ACT_RECORD, false, len, len - RECORD_HEAD);
		} else if (r > 0) {
			if (r == 1 && chance_percent(&s->wire.chance, 25))
				f->sites[f->site_count++] = gen_site_kin(&s->sites, f->sites[0]);
			add(f, GEN_ACT_REQUEST, false, 0, f->site_count - 1);
		}
		add_answer(s, f, part, payload);
	}
}

static void add_dialogue(struct gen_stage *s, struct gen_flow *f)
{
	size_t len = s->options.payload;
	size_t datagram = len < SHORT_LEAST ? SHORT_LEAST : len < DATAGRAM ? len : DATAGRAM;

	for (unsigned i = 0; i < s->options.packets; i++) {
		bool is_reply = i % 2 == 0;

		if (f->protocol == GEN_QUIC)
			add(f, GEN_ACT_SHORT, is_reply, datagram, 0);
		else if (f->protocol == GEN_TLS && len > RECORD_HEAD)
			add(f, GEN_ACT_RECORD, is_reply, len, len - RECORD_HEAD);
		else if (f->protocol == GEN_HTTP && is_reply)
			add(f, GEN_ACT_ANSWER, true, len, len);
		else if (f->protocol == GEN_HTTP)
			add(f, GEN_ACT_REQUEST, false, 0, 0);
		else
			add(f, GEN_ACT_MORE, is_reply, len, 0);
	}
}

static void add_tls_handshake(struct gen_stage *s, struct gen_flow *f, size_t mss)
{
	/* Behind the ServerHello and its likes (at most 1,400 bytes) the certificates. */
	size_t head = (f->is_pq ? 1210 : 122) + RECORD_HEAD + 6 + RECORD_HEAD;
	size_t sealed = chance_percent(&s->wire.chance, 30)
				? 80 + chance_draw(&s->wire.chance) % 80
				: 1900 + chance_draw(&s->wire.chance) % 1600;

	add_segments(f, GEN_ACT_SERVER_HELLO, sealed, head + sealed, mss);
	add(f, GEN_ACT_FINISHED, false, FINISHED_LEN, 0);
}

static void plan_tcp(struct gen_stage *s, struct gen_flow *f, uint32_t size)
{
	const struct gen_options *o = &s->options;
	bool is_long = o->answer > 0;
	size_t mss = is_long ? GEN_SEGMENT - (f->ends.is_v6 ? 20 : 0) : DIALOGUE_MSS;
	size_t payload = o->payload == GEN_SEGMENT ? mss : o->payload;

	if (f->protocol == GEN_TLS)
		make_client_hello(&s->wire.chance, f->message,
				  &(struct make_hello_kind){f->is_pq, false}, f->sites[0]->name);
	else
		f->message->len = gen_http_request(f->message->bytes, f->sites[0]->name, is_long,
						   &f->message->name_end);
	add_flags(f, false, GEN_SYN);
	add_flags(f, true, GEN_SYN | GEN_ACK);
	add_flags(f, false, GEN_ACK);
	add_message(s, f, mss);
	if (!is_long) {
		add_dialogue(s, f);
	} else {
		if (f->protocol == GEN_TLS)
			add_tls_handshake(s, f, mss);
		add_download(s, f, size, payload);
	}
	if (o->is_open)
		return;
	add_flags(f, false, GEN_FIN | GEN_ACK);
	add_flags(f, true, GEN_FIN | GEN_ACK);
	if (is_long)
		add_flags(f, false, GEN_ACK);
}

static void plan_dns(struct gen_stage *s, struct gen_flow *f, uint32_t size)
{
	uint32_t type = f->ends.is_v6 ? AAAA : A;
	bool is_double = s->options.answer > 0 && chance_percent(&s->wire.chance, 20);

	for (unsigned i = 0; i < (is_double ? 2 : 1); i++) {
		struct gen_act *act = add(f, GEN_ACT_QUESTION, false, 0, type);

		act->is_naming = i == 0;
		if (!s->options.is_unanswered)
			add(f, GEN_ACT_RECORDS, true, 0, type);
		type = type == A ? AAAA : A;
	}
}

/* One datagram of the client's hello or two, in either order; then as in RFC 9001 figure 5. */
static void plan_quic(struct gen_stage *s, struct gen_flow *f, uint32_t size)
{
	struct make_hello_kind kind = {f->is_pq, true};
	size_t datagram = DATAGRAM - (f->ends.is_v6 ? 20 : 0), server_len;
	struct gen_act *act;
	uint8_t hello[MAKE_SERVER_HELLO_MAX];
	size_t len, cut;
	bool is_swapped;

	make_client_hello(&s->wire.chance, f->message, &kind, f->sites[0]->name);
	len = f->message->len;
	cut = f->is_pq ? 900 + chance_draw(&s->wire.chance) % 200 : len;
	is_swapped = cut < len && chance_percent(&s->wire.chance, s->options.swapped);
	if (is_swapped)
		add(f, GEN_ACT_INITIAL, false, len - cut, cut);
	act = add(f, GEN_ACT_INITIAL, false, cut, 0);
	act->is_naming = is_swapped || f->message->name_end <= cut;
	if (cut < len && !is_swapped) {
		act = add(f, GEN_ACT_INITIAL, false, len - cut, cut);
		act->is_naming = f->message->name_end > cut;
	}
	server_len = make_server_hello(&s->wire.chance, hello, &kind, f->id);
	cut = f->is_pq ? 1100 : server_len;
	add(f, GEN_ACT_REPLY, true, cut, 0);
	if (cut < server_len)
		add(f, GEN_ACT_REPLY, true, server_len - cut, cut);
	else if (s->options.answer > 0)
		add(f, GEN_ACT_HANDSHAKE, true, datagram, 0);
	add(f, GEN_ACT_INITIAL_ACK, false, 0, 0);
	add(f, GEN_ACT_HANDSHAKE, false, 80, 0);
	if (s->options.answer == 0) {
		add_dialogue(s, f);
		return;
	}
	add(f, GEN_ACT_SHORT, false, 100 + chance_draw(&s->wire.chance) % 500, 0);
	for (unsigned i = 0, n = answer_segments(&s->options, size); i < n; i++) {
		size_t least = 60, most = datagram - 20;

		add(f, GEN_ACT_SHORT, true,
		    i + 1 < n ? datagram : least + chance_draw(&s->wire.chance) % (most - least),
		    0);
		if (i % 3 == 2 || i + 1 == n)
			add(f, GEN_ACT_SHORT, false, 30 + chance_draw(&s->wire.chance) % 8, 0);
	}
}

void gen_plan(struct gen_stage *s, struct gen_flow *f, uint32_t size)
{
	static void (*const plans[GEN_MIXED])(struct gen_stage * s, struct gen_flow * f,
					      uint32_t size) = {
		[GEN_TLS] = plan_tcp,
		[GEN_HTTP] = plan_tcp,
		[GEN_DNS] = plan_dns,
		[GEN_QUIC] = plan_quic,
	};

	plans[f->protocol](s, f, size);
}

void gen_plan_bare(struct gen_flow *f)
{
	add_flags(f, false, GEN_SYN);
	add_flags(f, true, GEN_RST | GEN_ACK);
}
