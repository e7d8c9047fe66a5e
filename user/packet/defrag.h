/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * IP fragments put together: IPv4 (RFC 791 3.2) and IPv6 (RFC 8200 4.5). A datagram is known by
 * addresses, protocol and identification (and by what tunnel it came through); pieces may come in
 * any order. Bounded in datagrams, bytes and time; the oldest one leaves first, and what leaves
 * before it is whole is refused from then on. Its memory is the caller's, once.
 *
 * Pieces that overlap are refused (RFC 5722; exact repeats are not an overlap): the datagram is
 * then put together both ways, so that no receiver reads a name that was not seen here, and
 * everything of it from there on is to be dropped.
 */
#ifndef PACKET_DEFRAG_H
#define PACKET_DEFRAG_H

#include "packet/packet.h"

/* Each is a counter of the report. */
#define DEFRAG_COUNTERS(X)                                                     \
	X(fragments_whole, "datagrams put together from IP fragments")         \
	X(fragments_overlapping, "datagrams whose IP fragments contradict")    \
	X(fragments_tiny, "first fragments that hide their ports")             \
	X(fragments_lost, "datagrams of which not all fragments came in time") \
	X(fragments_refused, "IP fragments beyond what is held, or out of bounds")

struct defrag_counters {
#define X(name, help) uint64_t name;
	DEFRAG_COUNTERS(X)
#undef X
};

struct defrag;

enum {
	DEFRAG_DATAGRAMS = 256,		/* under way at once */
	DEFRAG_WHOLE_MAX = 512 + 65535, /* bytes of one, its head included */
};

/* Bytes of memory that defrag_init wants, aligned as malloc aligns. */
size_t defrag_size(void);
struct defrag *defrag_init(void *memory);

/* True when p, decoded with this result, is a fragment: first, later, or tiny. */
static inline bool packet_is_fragment(const struct packet *p, enum dpi_parse result)
{
	return result == DPI_PARSE_FRAGMENT || result == DPI_PARSE_TINY ||
	       (result == DPI_PARSE_OK && p->head.is_first_fragment);
}

/*
 * Takes a packet that is a fragment and fills *out for it; out->whole borrows until the next call,
 * which may take a packet that lies in it. What is whole is given again with each piece that
 * repeats one of it. Datagrams older than 30 s (IPv6: 60) by the frames' time are forgotten.
 */
void defrag_take(struct defrag *d, const struct packet *p, struct frame_fragment *out);

const struct defrag_counters *defrag_counters(const struct defrag *d);

#endif
