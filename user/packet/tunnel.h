/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From an outer packet to the one inside. Private to the packet room.
 */
#ifndef PACKET_TUNNEL_H
#define PACKET_TUNNEL_H

#include "base/slice.h"
#include "dpi/parse.h"

/* Every UDP port that a tunnel is looked for at. */
#define TUNNEL_PORTS(X) X(4789) X(8472) X(6081) X(2152) X(5247) X(3544)

/* False of a UDP port that is none of them; true of a few others as well. Every frame asks, so both
 * parts of the number are looked up in one word each. */
static inline bool tunnel_may_use(uint16_t port)
{
#define LOW(p)	| 1ULL << (p & 63)
#define HIGH(p) | 1ULL << (p >> 10)
	const uint64_t low = 0 TUNNEL_PORTS(LOW), high = 0 TUNNEL_PORTS(HIGH);
#undef LOW
#undef HIGH

	return low >> (port & 63) & high >> (port >> 10) & 1;
}

/*
 * Parses the packet inside outer, which was parsed from frame. Fills *inner (offsets count from the
 * frame's first byte too) and *kind. Returns DPI_PARSE_OK, _FRAGMENT
 * or _TINY; anything else: outer is no tunnel, or none whose inside can be parsed.
 */
enum dpi_parse tunnel_parse(struct slice frame, const struct dpi_packet *outer,
			    struct dpi_packet *inner, enum dpi_tunnel *kind);

#endif
