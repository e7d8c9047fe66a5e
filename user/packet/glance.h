/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * No more of a frame than it takes to send it to whoever decodes it. Room: packet.
 */
#ifndef PACKET_GLANCE_H
#define PACKET_GLANCE_H

#include "packet/frame.h"

/* Of a plain frame; each as packet_decode() says it. */
struct glance {
	uint32_t hash;
	uint16_t from;	      /* of UDP: the port it comes from; else 0 */
	struct slice payload; /* of UDP: what was captured of it; else empty. Borrowed from f */
};

/*
 * Quick: true of an Ethernet frame, tagged or not, with an IP header without options or extensions
 * and a TCP or UDP header whole in it, that is no fragment and no tunnel. packet_decode() then says
 * DPI_PARSE_OK and what is in *g. False, and *g is unset: this is odd; only packet_decode() can
 * say.
 */
bool packet_glance(const struct frame *f, struct glance *g);

#endif
