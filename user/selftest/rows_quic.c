/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Evasions by what QUIC lets a sender do: the hello in any pieces, packets and datagrams (RFC 9000,
 * 9001, 9369). Room: selftest.
 */
#include "selftest/rows.h"
#include "selftest/talk.h"

enum { PORT = 443, DATAGRAM = 1200, FRAMES = DATAGRAM - MAKE_QUIC_OVERHEAD, PIECES_MAX = 32 };

static void make_hello(struct stage *s, struct made_message *m, bool is_pq, const char *name)
{
	make_client_hello(&s->chance, m, &(struct make_hello_kind){is_pq, true}, name);
}

/* One Initial packet with these pieces of the hello in room bytes of frames, at `at`. Returns its
 * length. */
static size_t put_initial(struct stage *s, struct talk *t, uint8_t *at,
			  const struct make_quic_piece *pieces, size_t count, size_t room)
{
	uint8_t frames[DATAGRAM];

	make_quic_frames(&s->chance, frames, room, pieces, count, false);
	return make_quic_initial(s->quic, at, &t->quic, false, frames, room);
}

static void say(struct stage *s, struct talk *t, const struct make_quic_piece *pieces, size_t count)
{
	uint8_t datagram[DATAGRAM + 64];

	talk_datagram(s, t, STAGE_CLIENT,
		      slice_of(datagram, put_initial(s, t, datagram, pieces, count, FRAMES)));
}

/* The whole hello in one datagram. */
static void say_hello(struct stage *s, struct talk *t, const char *name)
{
	struct made_message m;

	make_hello(s, &m, false, name);
	say(s, t, &(struct make_quic_piece){m.bytes, 0, m.len}, 1);
}

static void play_v1(struct stage *s)
{
	say_hello(s, stage_talk(s, PORT, true), s->name);
}

static void play_v2(struct stage *s)
{
	struct talk *t = stage_talk(s, PORT, true);

	t->quic.is_v2 = true;
	say_hello(s, t, s->name);
}

static void play_odd_port(struct stage *s)
{
	static const uint16_t ports[] = {53, 123, 4789, 8443, 50443};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		say_hello(s, stage_talk(s, ports[i], true), s->name);
}

/* The hello's parts between these offsets. Returns how many there are. */
static size_t cut(const struct made_message *m, const size_t *cuts, size_t count,
		  struct make_quic_piece *out)
{
	size_t from = 0;

	for (size_t i = 0; i <= count; i++) {
		size_t to = i < count ? cuts[i] : m->len;

		out[i] = (struct make_quic_piece){m->bytes, from, to - from};
		from = to;
	}
	return count + 1;
}

static void play_shuffled(struct stage *s)
{
	struct make_quic_piece parts[PIECES_MAX];
	struct made_message m;

	for (int round = 0; round < 8; round++) {
		size_t cuts[PIECES_MAX], n = 0;

		make_hello(s, &m, false, s->name);
		for (size_t at = 7; at < m.len && n + 1 < PIECES_MAX;
		     at += 5 + chance_draw(&s->chance) % 40)
			cuts[n++] = at;
		n = cut(&m, cuts, n, parts);
		for (size_t i = n - 1; i > 0; i--) {
			size_t other = chance_draw(&s->chance) % (i + 1);
			struct make_quic_piece kept = parts[i];

			parts[i] = parts[other];
			parts[other] = kept;
		}
		say(s, stage_talk(s, PORT, true), parts, n);
	}
}

static void play_two_datagrams(struct stage *s)
{
	struct make_quic_piece parts[2];
	struct made_message m;

	for (int round = 0; round < 4; round++) {
		struct talk *t = stage_talk(s, PORT, true);
		size_t at;

		make_hello(s, &m, true, s->name);
		at = round < 2 ? 1000 : m.len - 1000;
		cut(&m, &at, 1, parts);
		say(s, t, &parts[round % 2], 1);
		say(s, t, &parts[1 - round % 2], 1);
	}
}

static void play_three_datagrams(struct stage *s)
{
	static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct make_quic_piece parts[3];
	struct made_message m;

	for (int round = 0; round < 6; round++) {
		struct talk *t = stage_talk(s, PORT, true);

		make_hello(s, &m, false, s->name);
		cut(&m, (const size_t[]){m.name_end - 10, m.name_end - 3}, 2, parts);
		for (int i = 0; i < 3; i++)
			say(s, t, &parts[orders[round][i]], 1);
	}
}

static void play_repeated(struct stage *s)
{
	struct talk *t = stage_talk(s, PORT, true);
	struct make_quic_piece parts[2];
	struct made_message m;

	make_hello(s, &m, false, s->name);
	cut(&m, &(size_t){m.name_end - 4}, 1, parts);
	say(s, t, &parts[1], 1);
	say(s, t, &parts[1], 1);
	say(s, t, &parts[0], 1);
	say(s, t, &parts[0], 1);
}

/* Two Initial packets in one datagram, and a packet of another kind before them or between. */
static void play_coalesced(struct stage *s)
{
	struct make_quic_piece parts[2];
	struct made_message m;

	for (int round = 0; round < 4; round++) {
		struct talk *t = stage_talk(s, PORT, true);
		uint8_t datagram[MAKE_FRAME_MAX];
		size_t n = 0;

		make_hello(s, &m, false, s->name);
		cut(&m, &(size_t){m.name_end - 4}, 1, parts);
		for (int i = 0; i < 2; i++) {
			const struct make_quic_piece *part = &parts[round % 2 ? 1 - i : i];

			if (round / 2) {
				make_quic_handshake(&s->chance, datagram + n, &t->quic, false, 60);
				n += 60;
			}
			n += put_initial(s, t, datagram + n, part, 1, part->len + 30);
		}
		talk_datagram(s, t, STAGE_CLIENT, slice_of(datagram, n));
	}
}

static void play_junk_first(struct stage *s)
{
	for (size_t len = 1; len < 1300; len += 400) {
		struct talk *t = stage_talk(s, PORT, true);
		uint8_t junk[1300];

		chance_noise(&s->chance, junk, len);
		junk[0] = len == 1 ? 0 : 0x40;
		talk_datagram(s, t, STAGE_CLIENT, slice_of(junk, len));
		say_hello(s, t, s->name);
	}
}

/* Another connection's hello on the same ports, to an innocent name. */
static void play_other_first(struct stage *s)
{
	struct talk *t = stage_talk(s, PORT, true);
	struct make_quic_flow own = t->quic;

	t->quic.first[0] ^= 0xff;
	say_hello(s, t, STAGE_INNOCENT);
	t->quic = own;
	say_hello(s, t, s->name);
}

static void play_conflict(struct stage *s)
{
	struct made_message m, false_one;

	for (int round = 0; round < 2; round++) {
		struct talk *t = stage_talk(s, PORT, true);

		make_hello(s, &m, false, s->name);
		make_hello(s, &false_one, false, STAGE_INNOCENT);
		for (int i = 0; i < 2; i++) {
			const struct made_message *one = i == round ? &m : &false_one;

			say(s, t, &(struct make_quic_piece){one->bytes, 0, one->len}, 1);
		}
	}
}

/* A version that nobody knows first, as clients do to keep servers honest. */
static void play_grease(struct stage *s)
{
	struct talk *t = stage_talk(s, PORT, true);
	uint8_t datagram[DATAGRAM];

	chance_noise(&s->chance, datagram, sizeof(datagram));
	memcpy(datagram, "\xc0\x1a\x2a\x3a\x4a\x08", 6);
	talk_datagram(s, t, STAGE_CLIENT, slice_of(datagram, sizeof(datagram)));
	say_hello(s, t, s->name);
}

/* The server wants a token first; what is said then has other keys. */
static void play_retry(struct stage *s)
{
	for (int is_free_first = 0; is_free_first < 2; is_free_first++) {
		struct talk *t = stage_talk(s, PORT, true);
		uint8_t retry[128];

		say_hello(s, t, is_free_first ? STAGE_INNOCENT : s->name);
		talk_datagram(s, t, STAGE_SERVER,
			      slice_of(retry, make_quic_retry(s->quic, retry, &t->quic)));
		say_hello(s, t, s->name);
	}
}

/* Bytes from beyond all bounds, which no server keeps, in a frame before the hello. */
static void play_far(struct stage *s)
{
	struct talk *t = stage_talk(s, PORT, true);
	uint8_t frames[FRAMES], datagram[DATAGRAM];
	struct made_message m;
	size_t n = 16;

	make_hello(s, &m, false, s->name);
	make_quic_frames(&s->chance, frames + n, sizeof(frames) - n,
			 &(struct make_quic_piece){m.bytes, 0, m.len}, 1, false);
	memcpy(frames, "\6\xff\xff\xff\xff\xff\xff\xff\xf0\6junk..", n);
	n = make_quic_initial(s->quic, datagram, &t->quic, false, frames, sizeof(frames));
	talk_datagram(s, t, STAGE_CLIENT, slice_of(datagram, n));
}

/* Goes on from another port: a flow without a hello. */
static void play_migrated(struct stage *s)
{
	struct talk *t = stage_talk(s, PORT, true);

	(void)t; /* nothing but its probes, which are packets of a connection under way */
}

static const struct row rows[] = {
	ROW("quic-v1", "sends its hello by QUIC", play_v1),
	ROW("quic-v2", "by its second version", play_v2),
	ROW("quic-odd-port", "uses the ports of others", play_odd_port),
	ROW("quic-shuffled", "cuts the hello into shuffled frames", play_shuffled),
	ROW("quic-two-datagrams", "has a hello of two datagrams, in both orders",
	    play_two_datagrams),
	ROW("quic-three-datagrams", "of three, in each order there is", play_three_datagrams),
	ROW("quic-repeated", "sends each datagram twice", play_repeated),
	ROW("quic-coalesced", "puts several packets into one datagram", play_coalesced),
	ROW("quic-junk-first", "sends junk first", play_junk_first),
	ROW("quic-other-first", "sends another connection's hello first", play_other_first),
	ROW("quic-conflict", "says the same bytes twice, differently", play_conflict),
	ROW("quic-grease", "speaks a version that nobody knows, first", play_grease),
	ROW("quic-retry", "is sent back for a token", play_retry),
	ROW("quic-far", "puts in bytes from beyond all bounds", play_far),
	ROW("quic-migration", "goes on from another port", play_migrated,
	    .open = "a new flow that shows no name; only the two ends know that it is the old one"),
};

const struct row_group rows_quic = {"QUIC", rows, ROW_COUNT(rows)};
