/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How one worker's struct crypt makes the keys of QUIC Initial packets, by this room's own SHA-256:
 * some two dozen blocks for the keys of both ends. Room: crypt; private to it.
 */
#ifndef CRYPT_INITIAL_H
#define CRYPT_INITIAL_H

#include "crypt/kept.h"
#include "crypt/sha256.h"

struct initial {
	enum sha256_way way;
	const struct crypt_initial_version *made_for; /* whose are these; NULL: nobody's */
	struct hmac_key salted;			      /* by its salt */
	/* Messages made ready: of the secrets of the server and the client, and what they give. */
	uint8_t in[2][SHA256_BLOCK], key[SHA256_BLOCK], iv[SHA256_BLOCK], hp[SHA256_BLOCK];
	struct kept_keys_all kept;
};

/* Makes one ready in zeroed bytes. */
void initial_init(struct initial *c);

/* As crypt_initial_keys(). */
void initial_keys_of(struct initial *c, const struct crypt_initial_version *v, struct slice dcid,
		     bool is_client, struct crypt_initial_keys *out);

#endif
