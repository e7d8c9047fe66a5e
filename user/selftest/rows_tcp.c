/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Evasions by what TCP lets a sender do: segments in any cut and order, bytes said twice, odd
 * beginnings and ends (RFC 9293). Room: selftest.
 */
#include "selftest/rows.h"
#include "selftest/talk.h"

enum { TLS_PORT = 443, HEAD = 40, CUTS_MAX = 8 };

static void play_one_segment(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;

	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

/* The hello cut at offsets that are counted from the end of its name, in some order. */
static void in_parts(struct stage *s, const int *back, size_t count, const uint8_t *order)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);
	size_t cuts[CUTS_MAX];

	for (size_t i = 0; i < count; i++)
		cuts[i] = (size_t)((int)m.name_end - back[i]);
	talk_parts(s, t, hello, cuts, count, order);
}

static void play_two_segments(struct stage *s)
{
	for (int back = 1; back < 20; back += 6)
		in_parts(s, &back, 1, NULL);
}

static void play_reversed(struct stage *s)
{
	for (int back = 1; back < 20; back += 6)
		in_parts(s, &back, 1, (const uint8_t[]){1, 0});
}

static void play_three_segments(struct stage *s)
{
	in_parts(s, (const int[]){11, 4}, 2, NULL);
}

static void play_every_order(struct stage *s)
{
	static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (size_t i = 0; i < 6; i++)
		in_parts(s, (const int[]){11, 4}, 2, orders[i]);
}

static void bytewise(struct stage *s, bool is_backward)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);
	size_t first = m.name_end - strlen(s->name), last = m.name_end, n = last - first;

	talk_say(s, t, STAGE_CLIENT, slice_first(hello, first));
	for (size_t i = 0; i < n; i++) {
		size_t at = is_backward ? last - 1 - i : first + i;

		talk_segment(s, t, STAGE_CLIENT, (int64_t)at, slice_of(hello.at + at, 1), NULL);
	}
	talk_segment(s, t, STAGE_CLIENT, (int64_t)last, slice_from(hello, last), NULL);
}

static void play_bytewise(struct stage *s)
{
	bytewise(s, false);
	bytewise(s, true);
}

static void play_post_quantum(struct stage *s)
{
	struct made_message m;

	for (size_t i = 0; i < 6; i++) {
		struct talk *t = talk_open(s, TLS_PORT);
		struct slice hello = row_hello(s, &m, true);
		const size_t cuts[] = {1220, m.len - 20};

		talk_parts(s, t, hello, cuts, 1 + i % 2,
			   i % 2 ? (const uint8_t[]){2, 0, 1} : (const uint8_t[]){1, 0});
	}
}

static void play_late(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);

	talk_say(s, t, STAGE_CLIENT, slice_first(hello, m.name_end - 5));
	stage_pause(s, 300);
	talk_say(s, t, STAGE_CLIENT, slice_from(hello, m.name_end - 5));
}

/* A hello of which some bytes are said twice, of two minds: a receiver keeps the first or the last.
 */
static void overlap(struct stage *s, bool is_first_true)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);
	size_t from = m.name_end - 10;
	uint8_t other[8];

	memset(other, 'x', sizeof(other));
	talk_segment(s, t, STAGE_CLIENT, (int64_t)from,
		     is_first_true ? slice_of(hello.at + from, 8) : slice_of(other, 8), NULL);
	talk_segment(s, t, STAGE_CLIENT, (int64_t)from,
		     is_first_true ? slice_of(other, 8) : slice_of(hello.at + from, 8), NULL);
	talk_segment(s, t, STAGE_CLIENT, (int64_t)from + 8, slice_from(hello, from + 8), NULL);
	talk_segment(s, t, STAGE_CLIENT, 0, slice_first(hello, from), NULL);
}

static void play_first_wins(struct stage *s)
{
	overlap(s, true);
}

static void play_last_wins(struct stage *s)
{
	overlap(s, false);
}

/* Two hellos at the same place: the one to hide, and one for a name that nobody minds. */
static void play_sent_again(struct stage *s)
{
	struct made_message m, free_one;

	for (int is_free_first = 0; is_free_first < 2; is_free_first++) {
		struct talk *t = talk_open(s, TLS_PORT);
		struct slice hello = row_hello(s, &m, false);
		struct slice other = row_hello_for(s, &free_one, STAGE_INNOCENT);

		talk_segment(s, t, STAGE_CLIENT, 0, is_free_first ? other : hello, NULL);
		talk_segment(s, t, STAGE_CLIENT, 0, is_free_first ? hello : other, NULL);
	}
}

static void play_left_of_window(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);
	uint8_t bytes[MAKE_HELLO_MAX + 4] = "xxxx";

	memcpy(bytes + 4, hello.at, hello.len);
	talk_segment(s, t, STAGE_CLIENT, -4, slice_of(bytes, hello.len + 4), NULL);
}

static void play_fin_with_data(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);

	talk_segment(s, t, STAGE_CLIENT, HEAD, slice_from(hello, HEAD),
		     &(struct talk_way){.flags = MAKE_FIN | MAKE_PSH | MAKE_ACK});
	talk_segment(s, t, STAGE_CLIENT, 0, slice_first(hello, HEAD), NULL);
}

static void play_syn_with_data(struct stage *s)
{
	const struct talk_way syn = {.flags = MAKE_SYN, .is_decoy = true};
	struct made_message m, false_one;
	struct talk *t = stage_talk(s, TLS_PORT, false);
	struct slice hello;

	/* What a SYN carries is part of the stream (fast open), or thrown away. */
	talk_segment(s, t, STAGE_CLIENT, -1, row_hello_for(s, &false_one, STAGE_INNOCENT), &syn);
	talk_handshake(s, t);
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
	t = stage_talk(s, TLS_PORT, false);
	hello = row_hello(s, &m, false);
	talk_segment(s, t, STAGE_CLIENT, -1, slice_first(hello, HEAD), &syn);
	talk_segment(s, t, STAGE_SERVER, -1, slice_of("", 0),
		     &(struct talk_way){.flags = MAKE_SYN | MAKE_ACK, .ack_add = HEAD});
	talk_segment(s, t, STAGE_CLIENT, HEAD, slice_from(hello, HEAD), NULL);
}

static void play_urgent(struct stage *s)
{
	struct made_message m;

	for (size_t back = 4; back < 12; back += 7) {
		struct talk *t = talk_open(s, TLS_PORT);
		struct slice hello = row_hello(s, &m, false);
		uint8_t bytes[MAKE_HELLO_MAX + 1];
		size_t at = m.name_end - back;

		memcpy(bytes, hello.at, at);
		bytes[at] = 'x'; /* which a receiver takes out of the stream */
		memcpy(bytes + at + 1, hello.at + at, hello.len - at);
		talk_segment(s, t, STAGE_CLIENT, 0, slice_of(bytes, hello.len + 1),
			     &(struct talk_way){.flags = MAKE_PSH | MAKE_ACK | MAKE_URG,
						.urgent = (uint16_t)(at + 1)});
	}
}

/* A connection to an innocent name ends, and its ports are used again. */
static void play_port_reuse(struct stage *s)
{
	struct made_message m;

	for (int is_reset = 0; is_reset < 2; is_reset++) {
		const struct talk_way end = {.flags = is_reset ? MAKE_RST : MAKE_FIN | MAKE_ACK};
		struct talk *t = talk_open(s, TLS_PORT);

		talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &m, STAGE_INNOCENT));
		talk_segment(s, t, STAGE_CLIENT, t->sent[STAGE_CLIENT], slice_of("", 0), &end);
		if (!is_reset)
			talk_segment(s, t, STAGE_SERVER, 0, slice_of("", 0), &end);
		t->first[STAGE_CLIENT] += 500000;
		t->first[STAGE_SERVER] += 700000;
		talk_handshake(s, t);
		talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
	}
}

/* Blocked, it resets and begins again on the same ports, with an innocent name: too early. */
static void play_begin_again(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;

	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
	stage_pause(s, 100);
	s->is_probe = s->is_attack;
	talk_segment(s, t, STAGE_CLIENT, t->sent[STAGE_CLIENT], slice_of("", 0),
		     &(struct talk_way){.flags = MAKE_RST | MAKE_ACK});
	t->first[STAGE_CLIENT] += 500000;
	t->first[STAGE_SERVER] += 700000;
	talk_handshake(s, t);
	talk_say(s, t, STAGE_CLIENT, row_hello_for(s, &m, STAGE_INNOCENT));
	s->is_probe = false;
}

static void play_split_handshake(struct stage *s)
{
	static const uint8_t syn = MAKE_SYN, both = MAKE_SYN | MAKE_ACK;
	struct talk *t = stage_talk(s, TLS_PORT, false);
	struct made_message m;
	struct slice none = slice_of("", 0);

	talk_segment(s, t, STAGE_CLIENT, -1, none, &(struct talk_way){.flags = syn});
	talk_segment(s, t, STAGE_SERVER, -1, none, &(struct talk_way){.flags = syn});
	talk_segment(s, t, STAGE_CLIENT, -1, none, &(struct talk_way){.flags = both});
	talk_segment(s, t, STAGE_SERVER, -1, none, &(struct talk_way){.flags = both});
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

/* The server has not answered yet. */
static void play_early(struct stage *s)
{
	struct talk *t = stage_talk(s, TLS_PORT, false);
	const struct talk_way syn = {.flags = MAKE_SYN, .is_decoy = true};
	struct made_message m;

	talk_segment(s, t, STAGE_CLIENT, -1, slice_of("", 0), &syn);
	talk_segment(s, t, STAGE_CLIENT, 0, row_hello(s, &m, false),
		     &(struct talk_way){.flags = MAKE_PSH});
	talk_segment(s, t, STAGE_SERVER, -1, slice_of("", 0),
		     &(struct talk_way){.flags = MAKE_SYN | MAKE_ACK, .is_decoy = true});
}

static void play_one_way(struct stage *s)
{
	struct talk *t = stage_talk(s, TLS_PORT, false);
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);

	talk_say(s, t, STAGE_CLIENT, slice_first(hello, HEAD));
	talk_say(s, t, STAGE_CLIENT, slice_from(hello, HEAD));
}

static const struct row rows[] = {
	ROW("tcp-one-segment", "sends its hello in one segment", play_one_segment),
	ROW("tcp-two-segments", "cuts the hello amid the name", play_two_segments),
	ROW("tcp-three-segments", "cuts the name into three", play_three_segments),
	ROW("tcp-reversed", "sends the second half first", play_reversed),
	ROW("tcp-every-order", "sends three pieces in each order there is", play_every_order),
	ROW("tcp-bytewise", "sends the name a byte at a time, forth and back", play_bytewise),
	ROW("tcp-post-quantum", "has a hello of 1.7 KB, its end first", play_post_quantum),
	ROW("tcp-late", "waits 300 ms amid the name", play_late),
	ROW("tcp-overlap-first", "says bytes twice; the first are true", play_first_wins),
	ROW("tcp-overlap-last", "says bytes twice; the last are true", play_last_wins),
	ROW("tcp-sent-again", "sends the hello again with another name", play_sent_again),
	ROW("tcp-left-of-window", "begins with bytes from before the stream", play_left_of_window),
	ROW("tcp-fin-data", "ends with the second half, then says the first", play_fin_with_data),
	ROW("tcp-syn-data", "puts bytes into the SYN", play_syn_with_data),
	ROW("tcp-urgent", "puts an urgent byte into the name", play_urgent),
	ROW("tcp-port-reuse", "uses the ports of an innocent connection again", play_port_reuse),
	ROW("tcp-begin-again", "is blocked, resets, and begins again innocently", play_begin_again),
	ROW("tcp-split-handshake", "opens from both ends at once", play_split_handshake),
	ROW("tcp-early", "does not wait for the server to answer", play_early),
	ROW("tcp-one-way", "is seen without its beginning and answers", play_one_way),
};

const struct row_group rows_tcp = {"TCP", rows, ROW_COUNT(rows)};
