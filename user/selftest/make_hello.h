/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The handshake messages that open a TLS 1.3 connection (RFC 8446 4.1), as browsers send them over
 * TCP and over QUIC: extensions in any order, GREASE (RFC 8701), with or without the large key
 * share of X25519MLKEM768. Room: selftest. The capture generator of the tests uses them too.
 */
#ifndef SELFTEST_MAKE_HELLO_H
#define SELFTEST_MAKE_HELLO_H

#include "selftest/bytes.h"
#include "selftest/chance.h"

enum { MAKE_HELLO_MAX = 2560, MAKE_SERVER_HELLO_MAX = 1300 };

struct made_message {
	size_t len, name_end; /* with so many bytes of it the name is whole */
	uint8_t bytes[MAKE_HELLO_MAX];
};

struct make_hello_kind {
	bool is_pq, is_quic; /* is_quic: other extensions, and no record around it */
};

void make_client_hello(struct chance *c, struct made_message *m, const struct make_hello_kind *k,
		       const char *name);
/* The ServerHello alone, without a record. The same for the same seed. Returns its length. */
size_t make_server_hello(const struct chance *c, uint8_t *at, const struct make_hello_kind *k,
			 uint64_t seed);

#endif
