/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What one connection says beyond its numbers: whether its opener asked a host for something,
 * whether its port is odd, which ends stand in the capture's own networks. Pure questions about
 * one row; sums.c adds the answers up. Private to this room.
 */
#ifndef REPORT_READING_H
#define REPORT_READING_H

#include "base/addr.h"
#include "report/connection.h"

/* Borrows from its connection. */
struct reading {
	const struct dpi_addr *src, *dst;
	uint16_t src_port, dst_port;
	bool is_group;	  /* to a multicast or broadcast address */
	bool is_answered; /* the responder sent something */
	bool is_midstream;
	bool is_src_public, is_dst_public;
};

/* Which ends are public is the caller's to know: !addr_is_reserved. */
struct reading reading_of(const struct connection *c, bool is_src_public, bool is_dst_public);
/*
 * True when this is a connection asked of a host. A flow whose beginning was not seen may be the
 * other half of something older; it counts only when it looks like a bare probe: nobody carried
 * payload and the other end was silent or refused.
 */
bool reading_is_asked_of_host(const struct connection *c, const struct reading *r);
/* True for a destination port below 1024 that is no well-known service. */
bool reading_is_unusual(const struct connection *c, const struct reading *r);
/*
 * True when an end is evidently at home where the capture was taken: who opens flows; who the
 * public network reaches, being on this side of a translator; who answers in the opener's own
 * block, or answers as a service of the network.
 */
bool reading_shows_src_own(const struct reading *r);
bool reading_shows_dst_own(const struct connection *c, const struct reading *r);

#endif
