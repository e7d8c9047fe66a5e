/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The stage on which a row is played: conversations between a client and a server, spoken for by
 * one thread that makes the frames of both. Where frames go is the business of whoever owns the
 * stage: onto a wire, or into a capture. Room: selftest.
 *
 * A row is played once with the name that is blocked and once with one that only looks like it; by
 * that, and by nothing else, do the two differ.
 */
#ifndef SELFTEST_STAGE_H
#define SELFTEST_STAGE_H

#include "selftest/chance.h"
#include "selftest/make_frame.h"
#include "selftest/make_hello.h"
#include "selftest/make_quic.h"

#define STAGE_BLOCKED  "blocked.example"
#define STAGE_INNOCENT "notblocked.example" /* alike, but for a border between labels */

enum stage_side { STAGE_CLIENT, STAGE_SERVER };

/* A frame on its way. */
struct stage_shot {
	uint16_t row;
	uint16_t talk;	/* of the stage, by its number */
	bool is_attack; /* of a row played with the blocked name */
	bool is_probe;	/* of an attack: it must not arrive */
	bool is_rest;	/* of such a packet, but not its first fragment: it may */
	bool is_v6;
	enum stage_side from;
	struct slice frame;
};

enum { TALK_PROBE_MAX = 256 };

/* One flow. TCP: offsets count from the byte behind the SYN. */
struct talk {
	uint16_t row, client_port, server_port;
	bool is_attack, is_v6, is_udp;
	bool is_frame_wise; /* the kernel decides each frame: no verdict is to be waited for */
	bool is_over;	    /* asks for nothing behind the verdict: its frames said all */
	enum make_layer layer;
	size_t layer_piece;
	uint32_t first[2], sent[2]; /* of both sides: the first number, and how many bytes so far */
	uint8_t server_end;	    /* last byte of the server's address */
	struct make_quic_flow quic;
	size_t probe_len; /* of what is said once more behind the verdict; 0: anything */
	uint8_t probe[TALK_PROBE_MAX];
};

struct stage {
	struct chance chance;
	struct make_quic *quic;
	struct talk *talks, spare;
	size_t talk_count, talk_room;
	uint16_t talk;	/* that speaks */
	uint32_t ident; /* no two packets are the same */
	bool is_broken; /* out of memory: what was played is not whole */
	void (*emit)(void *ctx, const struct stage_shot *shot);
	void (*pause)(void *ctx, unsigned ms);
	void *ctx;

	/* Of the row that is being played. */
	const char *name; /* STAGE_BLOCKED or STAGE_INNOCENT */
	uint16_t row;
	bool is_attack, is_v6;
	enum make_layer layer; /* of the flows to come */
	size_t layer_piece; /* a tunnel's own packets go in fragments of so many bytes; 0: whole */
	bool is_probe;	    /* the frames to come */
	bool is_rest;	    /* they do not begin a packet */
};

/* False: out of memory, or the library refuses to make keys. */
bool stage_init(struct stage *s);
void stage_clear(struct stage *s);

/* A new flow; its frames are the caller's to send. Borrowed until the next one begins. */
struct talk *stage_talk(struct stage *s, uint16_t port, bool is_udp);
/* Says something on it both ways, which must arrive just when nothing of it is blocked. */
void stage_probe(struct stage *s, struct talk *t);

/* The packets to come are of this talk; so they are of one that has just begun. */
void stage_speaks(struct stage *s, const struct talk *t);
/* Sends an IP packet of the row that is played. */
void stage_packet(struct stage *s, struct slice packet, enum stage_side from);
void stage_pause(struct stage *s, unsigned ms);

/* Copies the talk's ends, as `from` sends. */
struct make_ends talk_ends(const struct talk *t, enum stage_side from);

#endif
