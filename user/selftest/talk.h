/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is said on a flow: segments and datagrams, right or odd, whole or in IP fragments. Room:
 * selftest.
 */
#ifndef SELFTEST_TALK_H
#define SELFTEST_TALK_H

#include "selftest/stage.h"

/* In which order the IP fragments of a packet are sent; TALK_TWICE: each but the last twice. */
enum talk_order { TALK_FORWARD, TALK_BACKWARD, TALK_EVEN_FIRST, TALK_TWICE };

/* How a segment or its packet differs from an ordinary one; zeros: in nothing. */
struct talk_way {
	uint8_t flags; /* 0: PSH and ACK */
	uint8_t ttl;   /* 0: 64 */
	uint8_t words;
	uint16_t urgent;
	uint32_t ack_add; /* to what is right */
	bool is_sum_wrong;
	bool is_decoy; /* not part of the stream: what follows does not come behind it */
	struct slice options, ip_options, chain;
	size_t padding; /* bytes behind the IP packet */
	size_t piece;	/* in fragments of so many bytes, a multiple of 8; 0: whole */
	enum talk_order order;
};

/* A new TCP connection that both ends have agreed on. */
struct talk *talk_open(struct stage *s, uint16_t port);
/* The same, with TCP options (up to 20 bytes, a multiple of four) from the SYN on. */
struct talk *talk_open_with(struct stage *s, uint16_t port, struct slice options);
/* The three steps of its beginning, on a talk that has none or has had one. */
void talk_handshake(struct stage *s, struct talk *t);
/* The next bytes of a side's stream, in one segment. */
void talk_say(struct stage *s, struct talk *t, enum stage_side from, struct slice bytes);
/* Bytes at an offset of its stream (which may lie before its beginning). way: NULL for none. */
void talk_segment(struct stage *s, struct talk *t, enum stage_side from, int64_t at,
		  struct slice bytes, const struct talk_way *way);
/* What the client says, in parts cut at these offsets: each once, in the order given by places in
 * the row of parts (NULL: as they come). */
void talk_parts(struct stage *s, struct talk *t, struct slice bytes, const size_t *cuts,
		size_t cut_count, const uint8_t *order);

/* A talk of datagrams needs no beginning: stage_talk(). */
void talk_datagram(struct stage *s, struct talk *t, enum stage_side from, struct slice bytes);
void talk_datagram_as(struct stage *s, struct talk *t, enum stage_side from, struct slice bytes,
		      const struct talk_way *way);
/* A message that is decided by itself: sends it and its answer, now and behind the verdict. */
void talk_message(struct stage *s, struct talk *t, struct slice bytes);
void talk_repeat(struct stage *s, struct talk *t);

/* The IP packet of a client's segment at offset 0; written to out (MAKE_FRAME_MAX bytes). */
struct slice talk_packet(struct stage *s, struct talk *t, struct slice bytes, uint8_t *out);

#endif
