/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From an outer packet to the one inside. Private to the packet room.
 */
#ifndef PACKET_TUNNEL_H
#define PACKET_TUNNEL_H

#include "base/slice.h"
#include "dpi/parse.h"

/*
 * Parses the packet inside outer, which was parsed from frame. Fills *inner (offsets count from the
 * frame's first byte too) and *kind. Returns DPI_PARSE_OK, _FRAGMENT
 * or _TINY; anything else: outer is no tunnel, or none whose inside can be parsed.
 */
enum dpi_parse tunnel_parse(struct slice frame, const struct dpi_packet *outer,
			    struct dpi_packet *inner, enum dpi_tunnel *kind);

#endif
