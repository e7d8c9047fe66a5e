/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The wire of the capture generator: a pcap file that frames are built in, in place: Ethernet, an
 * optional VLAN tag, IPv4 or IPv6, TCP or UDP, every checksum right. And where its chance comes
 * from: the same seed, the same capture. It shares no code with the program.
 */
#ifndef GEN_WIRE_H
#define GEN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GEN_FIN = 1, GEN_SYN = 2, GEN_RST = 4, GEN_PSH = 8, GEN_ACK = 16 };
enum { GEN_PAYLOAD_MAX = 8900, GEN_TCP_OPTIONS_MAX = 40 };

/* A file that frames go to, with a clock of its own. */
struct gen_wire {
	int fd, err;		 /* err: the first failure, a positive errno */
	uint8_t *buffer, *noise; /* noise: random bytes that payloads are filled from */
	size_t used;
	uint64_t frames, time_ns, chance;
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

uint64_t gen_draw(struct gen_wire *w);
bool gen_percent(struct gen_wire *w, unsigned share);
/* Random bytes; those of `seed` are the same whenever they are asked for. */
void gen_noise(struct gen_wire *w, uint8_t *at, size_t len);
void gen_noise_of(const struct gen_wire *w, uint64_t seed, uint8_t *at, size_t len);

/* Where the payload of the next frame is to be written, up to GEN_PAYLOAD_MAX bytes. */
uint8_t *gen_tcp_payload(struct gen_wire *w, const struct gen_ends *e, const struct gen_tcp *t);
uint8_t *gen_udp_payload(struct gen_wire *w, const struct gen_ends *e);
/* Puts the heads before that payload and the frame into the file. */
void gen_tcp_send(struct gen_wire *w, const struct gen_ends *e, bool is_reply,
		  const struct gen_tcp *t, size_t len);
void gen_udp_send(struct gen_wire *w, const struct gen_ends *e, bool is_reply, size_t len);

void gen_put16(uint8_t *at, size_t v); /* in network order */
void gen_put32(uint8_t *at, uint32_t v);

#endif
