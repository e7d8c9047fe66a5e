/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From frame to packet: the link head of every capture type, then include/dpi/parse.h, the same
 * lines that run in the kernel. Allocates nothing; a packet lives for one call.
 */
#ifndef PACKET_PACKET_H
#define PACKET_PACKET_H

#include "dpi/parse.h"
#include "packet/frame.h"

struct packet {
	const struct frame *frame; /* borrowed */
	struct dpi_packet head;
	uint32_t hash;	      /* dpi_key_hash; set with the key */
	struct slice payload; /* what was captured of the payload */
	bool is_cut;	      /* the snap length took payload bytes away */
};

/*
 * Decodes a frame. Returns DPI_PARSE_OK with everything set; DPI_PARSE_FRAGMENT with key (ports 0)
 * and hash set; otherwise only head.l3_off is meaningful. f is borrowed for the packet's life.
 */
enum dpi_parse packet_decode(const struct frame *f, struct packet *p);

#endif
