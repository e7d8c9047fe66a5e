/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104), small and without a library. Room: crypt;
 * private to it.
 */
#ifndef CRYPT_SHA256_H
#define CRYPT_SHA256_H

#include "base/slice.h"

enum { SHA256_LEN = 32, SHA256_BLOCK = 64 };

void sha256(struct slice bytes, uint8_t out[SHA256_LEN]);

/* A key made ready: what is hashed before and around each message. */
struct hmac_key {
	uint32_t inner[8], outer[8];
};
/* key: any number of bytes. */
void hmac_set_key(struct hmac_key *k, struct slice key);
void hmac(const struct hmac_key *k, struct slice bytes, uint8_t out[SHA256_LEN]);

#endif
