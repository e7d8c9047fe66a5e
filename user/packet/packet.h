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
	struct slice bytes;	   /* what head's offsets count in: the frame, or a datagram put
				      together from fragments; up to the end of the outer packet */
	struct slice payload;	   /* what was captured of the payload */
	uint64_t table_hash;	   /* of the key in its engine's table; 0: not yet worked out */
	uint32_t hash;		   /* dpi_key_hash; set with the key */
	uint8_t ttl;		   /* hop count of the IP header at head.l3_off; set with the key */
	bool is_cut;		   /* the snap length took payload bytes away */
	bool is_deep;		   /* there may be more tunnels than are followed */
	uint8_t tunnel;		   /* enum dpi_tunnel: what carries it, the outermost */
	uint8_t tunnel_depth;	   /* how many of them; 0: none */
	uint8_t outer_proto;	   /* of the outermost: its protocol */
	__be16 outer_port;	   /* ... and destination port, where it has one: the tunnel's */
	struct dpi_packet head;	   /* of the innermost packet */
	struct dpi_addr outer[2];  /* of the outermost: source, destination; unset without one */
};

/*
 * Decodes a frame down to the innermost packet. Returns DPI_PARSE_OK with everything set;
 * DPI_PARSE_FRAGMENT and DPI_PARSE_TINY with key (ports 0) and hash set; otherwise only head.l3_off
 * is meaningful. A tunnel whose inside cannot be parsed counts as the packet itself. f is borrowed
 * for the packet's life.
 */
enum dpi_parse packet_decode(const struct frame *f, struct packet *p);
/* The same for a datagram put together from fragments: bytes from its IP header on; f is the frame
 * that completed it. */
enum dpi_parse packet_decode_whole(const struct frame *f, struct slice datagram, struct packet *p);

#endif
