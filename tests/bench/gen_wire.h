/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The wire of the capture generator: a pcap file that frames are built in, in place: Ethernet, an
 * optional VLAN tag, IPv4 or IPv6, TCP or UDP, every checksum right. And where its chance comes
 * from: the same seed, the same capture. Of the program it shares only the makers of user/selftest,
 * which share nothing with what reads frames.
 */
#ifndef GEN_WIRE_H
#define GEN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "selftest/bytes.h"
#include "selftest/chance.h"

enum { GEN_FIN = 1, GEN_SYN = 2, GEN_RST = 4, GEN_PSH = 8, GEN_ACK = 16 };
enum { GEN_PAYLOAD_MAX = CHANCE_NOISE_MAX, GEN_TCP_OPTIONS_MAX = 40 };

/* A file that frames go to, with a clock of its own. */
struct gen_wire {
	int fd, err; /* err: the first failure, a positive errno */
	uint8_t *buffer;
	size_t used;
	uint64_t frames, time_ns;
	struct chance chance;
	uint32_t gap_ns; /* frames are between 1 us and about twice this apart */
	bool is_ns;
};

/* Both ends of a conversation. IPv4: the first four bytes of an address. */
struct gen_ends {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	bool is_v6, is_vlan;
};

struct gen_tcp {
	uint32_t seq, ack;
	uint8_t flags;
	size_t options_len; /* a multiple of four */
	uint8_t options[GEN_TCP_OPTIONS_MAX];
};

/* Opens the file and writes its head. Returns 0 or a positive errno. */
int gen_wire_open(struct gen_wire *w, const char *path, uint64_t seed, bool is_ns);
/* Writes what is left and closes. Returns 0, or the first failure's positive errno. */
int gen_wire_close(struct gen_wire *w);

/* Where the payload of the next frame is to be written, up to GEN_PAYLOAD_MAX bytes. */
uint8_t *gen_tcp_payload(struct gen_wire *w, const struct gen_ends *e, const struct gen_tcp *t);
uint8_t *gen_udp_payload(struct gen_wire *w, const struct gen_ends *e);
/* Puts the heads before that payload and the frame into the file. */
void gen_tcp_send(struct gen_wire *w, const struct gen_ends *e, bool is_reply,
		  const struct gen_tcp *t, size_t len);
void gen_udp_send(struct gen_wire *w, const struct gen_ends *e, bool is_reply, size_t len);

#endif
