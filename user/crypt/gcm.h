/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * AES-128 (FIPS 197), one way, and AES-128-GCM (NIST SP 800-38D) for a nonce of 12 bytes, small and
 * without a library. Room: crypt; private to it. Its times depend on the key: for keys that are
 * public, as those of QUIC Initial packets are.
 */
#ifndef CRYPT_GCM_H
#define CRYPT_GCM_H

#include "base/slice.h"

enum { AES_BLOCK = 16, AES_WORDS = 44 };

/* What every key shares: a round's substitution and mixing of a byte, by its place in the word. */
struct gcm_table {
	uint32_t round[4][256];
};
void gcm_table_make(struct gcm_table *t);

struct aes_key {
	uint32_t word[AES_WORDS];
};
void aes_set_key(struct aes_key *k, const uint8_t key[16]);
void aes_encrypt(const struct gcm_table *t, const struct aes_key *k, const uint8_t in[AES_BLOCK],
		 uint8_t out[AES_BLOCK]);

/* Opens sealed, whose last 16 bytes are the tag, into plain (sealed.len - 16 bytes; may not overlap
 * it; NULL: it is not wanted). True when the tag is right; else plain is all zeros. */
bool gcm_open(const struct gcm_table *t, const uint8_t key[16], const uint8_t nonce[12],
	      struct slice head, struct slice sealed, uint8_t *plain);

#endif
