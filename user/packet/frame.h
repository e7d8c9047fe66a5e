/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The narrow waist: what a door makes of a frame, and all that the road ever learns of the door.
 */
#ifndef PACKET_FRAME_H
#define PACKET_FRAME_H

#include "base/slice.h"

/* What the first byte of a frame is. */
enum link_type {
	LINK_ETHERNET,
	LINK_RAW_IP,  /* an IPv4 or IPv6 header, by its version nibble */
	LINK_COOKED1, /* Linux cooked, 16-byte head (LINKTYPE_LINUX_SLL) */
	LINK_COOKED2, /* Linux cooked 2, 20-byte head (LINKTYPE_LINUX_SLL2) */
	LINK_NULL,    /* BSD loopback: 4-byte family in either byte order (NULL and LOOP) */
	LINK_OTHER,   /* a capture of something else: counted, passed, not parsed */
};

/*
 * What a door knows beyond the bytes: the kernel has seen the handshake that it does not copy.
 * A capture door leaves it zeroed; the handshake is in the frames themselves.
 */
struct frame_hint {
	bool has_opener, has_isn;
	bool is_isn_sure; /* the other end has accepted it */
	uint8_t opener;	  /* enum dpi_opener; when unknown, the engine guesses as for a capture */
	uint32_t isn;	  /* initial sequence number of the sending end */
};

struct frame {
	uint64_t ts_ns;	   /* wall time, nanoseconds since the epoch */
	uint64_t number;   /* position in the capture, from 1; live: a running number */
	uint32_t ifindex;  /* interface of a live frame, or of a pcapng record */
	uint32_t wire_len; /* bytes on the wire; bytes.len may be less (snap length) */
	enum link_type link;
	struct frame_hint hint;
	struct slice bytes; /* borrowed until the next frame */
};

#endif
