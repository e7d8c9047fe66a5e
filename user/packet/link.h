/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Link heads: what a capture's link type is here, and the step from a frame's first byte to its
 * network header. Private to the packet room but for link_type_of.
 */
#ifndef PACKET_LINK_H
#define PACKET_LINK_H

#include "dpi/parse.h"
#include "packet/frame.h"

/* How frames of a LINKTYPE number (the registry of pcap files) are decoded; LINK_OTHER: not. */
enum link_type link_type_of(uint32_t linktype);

/* Parses from the link head on. wire_len is the frame's, p zeroed; see dpi_parse_l3. */
enum dpi_parse link_parse(struct dpi_cursor *c, enum link_type link, uint32_t wire_len,
			  struct dpi_packet *p);

/* The same for a PPP frame, with or without its HDLC head (RFC 1661, RFC 1662). */
enum dpi_parse link_parse_ppp(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p);

/*
 * The same for an IEEE 802.11 data frame that is neither encrypted nor in pieces: anything else is
 * no IP. is_padded: the head is filled up to four bytes; is_swapped: some access points write the
 * two bytes of frame control the other way round inside CAPWAP.
 */
struct wifi_form {
	bool is_padded, is_swapped;
};
enum dpi_parse wifi_parse(struct dpi_cursor *c, struct wifi_form form, uint32_t wire_len,
			  struct dpi_packet *p);
/* The same behind a radiotap head. */
enum dpi_parse wifi_parse_radiotap(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p);

#endif
