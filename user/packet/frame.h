/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The narrow waist: what a door makes of a frame, and all that the road ever learns of the door.
 */
#ifndef PACKET_FRAME_H
#define PACKET_FRAME_H

#include "base/slice.h"
#include "dpi/abi.h"

/* What the first byte of a frame is. */
enum link_type {
	LINK_ETHERNET,
	LINK_RAW_IP,   /* an IPv4 or IPv6 header, by its version nibble */
	LINK_COOKED1,  /* Linux cooked, 16-byte head (LINKTYPE_LINUX_SLL) */
	LINK_COOKED2,  /* Linux cooked 2, 20-byte head (LINKTYPE_LINUX_SLL2) */
	LINK_NULL,     /* BSD loopback: 4-byte family in either byte order (NULL and LOOP) */
	LINK_PPP,      /* PPP, with or without its HDLC head (LINKTYPE_PPP, PPP_HDLC) */
	LINK_PPI,      /* per-packet information around another link type (LINKTYPE_PPI) */
	LINK_WIFI,     /* an IEEE 802.11 frame (LINKTYPE_IEEE802_11) */
	LINK_RADIOTAP, /* radiotap head, then 802.11 (LINKTYPE_IEEE802_11_RADIOTAP) */
	LINK_CHDLC,    /* Cisco HDLC: 4-byte head with an EtherType (LINKTYPE_C_HDLC) */
	LINK_OTHER,    /* a capture of something else: counted, passed, not parsed */
};

/*
 * What a door knows beyond the bytes: the kernel has seen the handshake that it does not copy.
 * A capture door leaves it zeroed; the handshake is in the frames themselves.
 */
struct frame_hint {
	bool has_opener : 1, has_isn : 1, has_other_isn : 1;
	bool is_isn_sure : 1; /* the other end has accepted it */
	uint8_t opener;	    /* enum dpi_opener; when unknown, the engine guesses as for a capture */
	uint32_t isn;	    /* initial sequence number of the sending end */
	uint32_t other_isn; /* of the other end */
};

/*
 * What a door knows of a frame that is an IP fragment; a door puts fragments together (packet/
 * defrag.h), because only it sees all of them. All zero for a frame that is none.
 */
struct frame_fragment {
	bool has_flow;	    /* its first fragment was seen: which flow it is of */
	struct dpi_key key; /* ... */
	uint8_t dir;
	bool is_refused;       /* it contradicts another, or hides its ports: not let through while
				  anything is blocked */
	struct slice whole[2]; /* the datagram that this one completes, from its IP header on; the
				  second where fragments overlap: what a receiver reads for whom the
				  last one counts. Borrowed like bytes. */
};

struct frame {
	uint64_t ts_ns;	   /* wall time, nanoseconds since the epoch */
	uint64_t number;   /* position in the capture, from 1; live: a running number */
	uint32_t ifindex;  /* interface of a live frame, or of a pcapng record */
	uint32_t wire_len; /* bytes on the wire; bytes.len may be less (snap length) */
	enum link_type link;
	struct frame_hint hint;
	const struct frame_fragment *fragment; /* NULL for a frame that is none; borrowed */
	struct slice bytes;		       /* borrowed until the next frame */
};

#endif
