/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The handshake messages that open a TLS 1.3 connection (RFC 8446 4.1), as browsers send them over
 * TCP and over QUIC: extensions in any order, GREASE (RFC 8701), with or without the large key
 * share of X25519MLKEM768.
 */
#ifndef GEN_HELLO_H
#define GEN_HELLO_H

#include "gen_wire.h"

enum { GEN_HELLO_MAX = 2560, GEN_SERVER_HELLO_MAX = 1300 };

struct gen_message {
	size_t len, name_end; /* with so many bytes of it the name is whole */
	uint8_t bytes[GEN_HELLO_MAX];
};

struct gen_hello_kind {
	bool is_pq, is_quic; /* is_quic: other extensions, and no record around it */
};

void gen_client_hello(struct gen_wire *w, struct gen_message *m, const struct gen_hello_kind *k,
		      const char *name);
/* The ServerHello alone, without a record. The same for the same seed. Returns its length. */
size_t gen_server_hello(const struct gen_wire *w, uint8_t *at, const struct gen_hello_kind *k,
			uint64_t seed);

#endif
