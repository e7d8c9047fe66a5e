/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames and messages made by hand for the tests: everything a wire can carry that the road has an
 * opinion on. TCP's checksum is right unless asked otherwise; others are left 0: nothing on the
 * road looks at them.
 */
#ifndef TESTS_UNIT_BUILD_H
#define TESTS_UNIT_BUILD_H

#include "packet/frame.h"

enum { BUILD_MAX = 70000 };

/* What a frame is to say. Zeroed fields mean: Ethernet, no tags, IPv4. Numbers in host order. */
struct build_packet {
	enum link_type link;
	int tag_count;	   /* VLAN tags (Ethernet and cooked) */
	bool is_v6;	   /* addresses become 2001:db8::src, 2001:db8::dst */
	uint32_t src, dst; /* IPv4 addresses */
	uint16_t sport, dport;
	uint8_t proto;	   /* DPI_IP_TCP, DPI_IP_UDP, ... */
	uint32_t seq, ack; /* TCP */
	uint8_t flags;	   /* TCP */
	uint16_t urgent;   /* TCP */
	bool is_spoilt;	   /* TCP: the checksum is wrong */
	uint8_t ttl;	   /* 0: 64 */
	uint16_t frag;	   /* IPv4: flags and offset as on the wire */
	uint16_t id;	   /* IPv4: identification; 0 means 1 */
	struct slice payload;
};

/* Writes the frame; returns its length. out has BUILD_MAX bytes. */
size_t build_frame(uint8_t *out, const struct build_packet *p);

/* A TLS record with a ClientHello; name may be NULL (no SNI). pad bytes of an unknown extension
 * come first. Returns the length. */
size_t build_hello(uint8_t *out, const char *name, size_t pad);
/* The same handshake, cut into records of at most record_len bytes. */
size_t build_hello_records(uint8_t *out, const char *name, size_t record_len);
/* A TLS record with the beginning of a ServerHello. */
size_t build_server_hello(uint8_t *out);

/* A DNS query for a name of dotted text, or, with is_answer, its answer head and question. */
size_t build_dns(uint8_t *out, const char *name, bool is_answer);

#endif
