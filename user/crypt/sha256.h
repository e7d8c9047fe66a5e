/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104), small and without a library. Room: crypt;
 * private to it.
 */
#ifndef CRYPT_SHA256_H
#define CRYPT_SHA256_H

#include "base/slice.h"

enum { SHA256_LEN = 32, SHA256_BLOCK = 64, SHA256_WORDS = SHA256_LEN / 4 };

/* How blocks are hashed: by plain C, or by instructions made for it (x86-64's SHA extensions). */
enum sha256_way { SHA256_PLAIN, SHA256_MACHINE };
/* The better way that this machine has. Asking takes its time: once, at the start. */
enum sha256_way sha256_way_here(void);

void sha256(enum sha256_way way, struct slice bytes, uint8_t out[SHA256_LEN]);

/* Writes a hash, which is words in here, as the first len bytes it is. */
void sha256_put(const uint32_t words[SHA256_WORDS], uint8_t *out, size_t len);

/* A key made ready: what is hashed before and around each message. */
struct hmac_key {
	enum sha256_way way;
	uint32_t inner[SHA256_WORDS], outer[SHA256_WORDS];
};
/* key: up to 32 bytes, or a hash. */
void hmac_set_key(struct hmac_key *k, enum sha256_way way, struct slice key);
void hmac_set_words(struct hmac_key *k, enum sha256_way way, const uint32_t key[SHA256_WORDS]);

enum { HMAC_MAX = SHA256_BLOCK - 9 };

/* Makes a message of up to HMAC_MAX bytes ready, for any key. */
void hmac_pad(struct slice bytes, uint8_t out[SHA256_BLOCK]);
/* HMAC of such a message: two blocks. */
void hmac(const struct hmac_key *k, const uint8_t padded[SHA256_BLOCK], uint32_t out[SHA256_WORDS]);
/* Two of them at once, where that is quicker; both keys are made for the same way. */
void hmac_pair(const struct hmac_key *a, const struct hmac_key *b, const uint8_t *const padded[2],
	       uint32_t out[2][SHA256_WORDS]);

#endif
