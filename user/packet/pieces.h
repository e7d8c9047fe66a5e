/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a fragment says of itself, and a datagram's bytes as pieces of it come. Private to the
 * packet room; plain values in memory that defrag.c owns.
 */
#ifndef PACKET_PIECES_H
#define PACKET_PIECES_H

#include "packet/packet.h"

enum {
	PIECES_HEAD_MAX =
		512, /* IP header, and IPv6 extension headers in front of the fragment's */
	PIECES_BYTES = 65535,
	PIECES_RUNS = 64, /* stretches without a hole between them */
};

/* One fragment. Slices borrow from the packet. */
struct piece {
	struct slice head; /* every piece's own: from the IP header to the fragmentable part */
	struct slice data;
	uint32_t off; /* of data in the datagram */
	bool has_more;
	bool is_cut;	   /* the capture does not hold all of it */
	uint16_t next_off; /* IPv6: where in head the number of the next header stands ... */
	uint8_t next;	   /* ... and what it becomes without the fragment header */
	uint8_t version;   /* 4 or 6 */
};

/* Reads a piece from a packet that is a fragment; false when it is none. */
bool piece_read(const struct packet *p, struct piece *out);

struct pieces {
	uint32_t total; /* of the datagram's bytes, when has_total: the last piece says it */
	bool has_total;
	uint8_t run_count;
	struct pieces_run {
		uint32_t from, to;
	} run[PIECES_RUNS]; /* in order, none touches another */
	uint8_t bytes[PIECES_HEAD_MAX + PIECES_BYTES];
};

void pieces_clear(struct pieces *v);
void pieces_copy(struct pieces *to, const struct pieces *from);

enum pieces_meeting { PIECES_APART, PIECES_REPEAT, PIECES_CONTRADICT };
/* How a piece stands to those that are there: new; nothing but what is there already; or in part
 * where something else is, or at odds with where the datagram ends. */
enum pieces_meeting pieces_meet(const struct pieces *v, const struct piece *p);

/* Adds a piece; where something is already, the first one stays or the last one counts. Returns
 * false, and nothing changed, when there are too many holes. */
bool pieces_put(struct pieces *v, const struct piece *p, bool is_last_right);

/* True when every byte of the datagram is there. */
bool pieces_is_whole(const struct pieces *v);

/*
 * The datagram with the header of its first piece in front, its lengths and flags set right and
 * without a fragment header. Borrowed from v. Empty when it would be longer than IP allows. Only
 * when pieces_is_whole.
 */
struct slice pieces_join(struct pieces *v, const struct piece *first);

/* True when a datagram's TCP or UDP checksum is right, or UDP's was left out: pieces of different
 * datagrams do not make one that a receiver takes. */
bool datagram_is_sound(struct slice datagram);

#endif
