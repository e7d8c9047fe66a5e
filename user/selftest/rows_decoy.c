/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Evasions by decoys: segments that an inspector sees and no receiver takes, with an innocent name
 * or an end in them (RFC 9293, 7323, 2385). Room: selftest.
 */
#include "selftest/rows.h"
#include "selftest/talk.h"

enum { TLS_PORT = 443 };

static const uint8_t md5[20] = {19, 18, [18] = 1, 1};

/* An innocent hello that no server takes, then the other one at its place. */
static void decoy(struct stage *s, int64_t at, const struct talk_way *how)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m, false_one;
	struct talk_way way = *how;

	way.is_decoy = true;
	talk_segment(s, t, STAGE_CLIENT, at, row_hello_for(s, &false_one, STAGE_INNOCENT), &way);
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

static void play_decoy_sum(struct stage *s)
{
	decoy(s, 0, &(struct talk_way){.is_sum_wrong = true});
}

static void play_decoy_ttl(struct stage *s)
{
	decoy(s, 0, &(struct talk_way){.ttl = 1});
	decoy(s, 0, &(struct talk_way){.ttl = 3});
}

static void play_decoy_far(struct stage *s)
{
	decoy(s, 10000000, &(struct talk_way){0});
	decoy(s, -70000, &(struct talk_way){0});
}

static void play_decoy_md5(struct stage *s)
{
	decoy(s, 0, &(struct talk_way){.options = slice_of(md5, sizeof(md5))});
}

/* Both ends have agreed on timestamps; the decoy's is from ten minutes before. */
static void play_timestamp(struct stage *s)
{
	static const uint8_t now[12] = {1, 1, 8, 10, 0, 0x20, 0, 0},
			     old[12] = {1, 1, 8, 10, 0, 0x10};
	const struct talk_way late = {.options = slice_of(old, sizeof(old)), .is_decoy = true};
	const struct talk_way timely = {.options = slice_of(now, sizeof(now))};
	struct talk *t = talk_open_with(s, TLS_PORT, timely.options);
	struct made_message m, false_one;

	talk_segment(s, t, STAGE_CLIENT, 0, row_hello_for(s, &false_one, STAGE_INNOCENT), &late);
	talk_segment(s, t, STAGE_CLIENT, 0, row_hello(s, &m, false), &timely);
}

static void play_decoy_ack(struct stage *s)
{
	decoy(s, 0, &(struct talk_way){.flags = MAKE_PSH});
	decoy(s, 0, &(struct talk_way){.ack_add = 100000});
	decoy(s, 0, &(struct talk_way){.ack_add = (uint32_t)-66000});
}

static void play_decoy_offset(struct stage *s)
{
	for (uint8_t words = 4; words < 16; words += 3)
		decoy(s, 0, &(struct talk_way){.words = words});
}

/* Before one half of the name and behind the other, so that neither order tells the true ones. */
static void play_decoys_crossed(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	const struct talk_way false_sum = {.is_sum_wrong = true, .is_decoy = true};
	struct made_message m;
	struct slice hello = row_hello(s, &m, false);
	size_t at = m.name_end - 7;
	uint8_t junk[MAKE_HELLO_MAX];

	memset(junk, '?', sizeof(junk));
	talk_segment(s, t, STAGE_CLIENT, (int64_t)at, slice_from(hello, at), NULL);
	talk_segment(s, t, STAGE_CLIENT, (int64_t)at, slice_of(junk, hello.len - at), &false_sum);
	talk_segment(s, t, STAGE_CLIENT, 0, slice_of(junk, at), &false_sum);
	talk_segment(s, t, STAGE_CLIENT, 0, slice_first(hello, at), NULL);
}

/* Something without bytes that no server takes, then the hello. */
static void behind(struct stage *s, int64_t at, const struct talk_way *how)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct talk_way way = *how;
	struct made_message m;

	way.is_decoy = true;
	talk_segment(s, t, STAGE_CLIENT, at, slice_of("", 0), &way);
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

static void play_reset(struct stage *s)
{
	behind(s, 1000, &(struct talk_way){.flags = MAKE_RST});
	behind(s, 0, &(struct talk_way){.flags = MAKE_RST, .is_sum_wrong = true});
	behind(s, 0, &(struct talk_way){.flags = MAKE_RST, .ttl = 3});
	behind(s, 1000000, &(struct talk_way){.flags = MAKE_RST | MAKE_ACK});
}

static void play_fin(struct stage *s)
{
	behind(s, 0, &(struct talk_way){.flags = MAKE_FIN | MAKE_ACK, .is_sum_wrong = true});
	behind(s, 500, &(struct talk_way){.flags = MAKE_FIN | MAKE_ACK});
}

static void play_second_syn(struct stage *s)
{
	behind(s, 50000, &(struct talk_way){.flags = MAKE_SYN});
	behind(s, 0, &(struct talk_way){.flags = MAKE_SYN | MAKE_ACK});
}

/* As many segments that nobody takes as a flow's inspection may cost. */
static void play_flood_first(struct stage *s)
{
	struct talk *t = talk_open(s, TLS_PORT);
	struct made_message m;
	uint8_t junk[64];

	for (int i = 0; i < 80; i++) {
		chance_noise(&s->chance, junk, sizeof(junk));
		talk_segment(s, t, STAGE_CLIENT, 100000 + 64 * i, slice_of(junk, sizeof(junk)),
			     &(struct talk_way){.is_decoy = true});
	}
	talk_say(s, t, STAGE_CLIENT, row_hello(s, &m, false));
}

static const struct row rows[] = {
	ROW("decoy-checksum", "sends a decoy with a wrong checksum", play_decoy_sum),
	ROW("decoy-ttl", "sends a decoy that dies on the way", play_decoy_ttl),
	ROW("decoy-window", "sends a decoy from outside the window", play_decoy_far),
	ROW("decoy-md5", "sends a decoy with a signature", play_decoy_md5),
	ROW("decoy-timestamp", "sends a decoy with an old timestamp", play_timestamp),
	ROW("decoy-ack", "sends a decoy that acknowledges nonsense", play_decoy_ack),
	ROW("decoy-offset", "sends a decoy with a false header length", play_decoy_offset),
	ROW("decoy-crossed", "puts decoys before one half, behind the other", play_decoys_crossed),
	ROW("decoy-reset", "sends resets that no server takes", play_reset),
	ROW("decoy-fin", "sends ends that no server takes", play_fin),
	ROW("decoy-second-syn", "begins again amid the connection", play_second_syn),
	ROW("decoy-budget", "sends 80 segments that nobody takes, first", play_flood_first,
	    .open = "64 segments of a direction are read, then a flow is undecided, and counted"),
};

const struct row_group rows_decoy = {"Decoys", rows, ROW_COUNT(rows)};
