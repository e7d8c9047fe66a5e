/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Packets of QUIC as libgcrypt seals them (RFC 9001 5.3): what the tests of user/crypt and of the
 * rooms above it open again. Nothing here comes from user/crypt but the shape of the keys.
 */
#ifndef UNIT_GCM_SEAL_H
#define UNIT_GCM_SEAL_H

#include <gcrypt.h>
#include <string.h>

#include "crypt/crypt.h"

/* Seals plain with packet `number`, vouching for head too; plain may lie where sealed does, which
 * has room for CRYPT_TAG bytes more. Borrows. */
static inline void gcm_seal(const struct crypt_initial_keys *k, uint64_t number, struct slice head,
			    struct slice plain, uint8_t *sealed)
{
	gcry_cipher_hd_t gcm;
	uint8_t nonce[sizeof(k->iv)];

	memcpy(nonce, k->iv, sizeof(nonce));
	for (size_t i = 0; i < 8; i++)
		nonce[sizeof(nonce) - 1 - i] ^= (uint8_t)(number >> 8 * i);
	assert_int_equal(gcry_cipher_open(&gcm, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0), 0);
	assert_int_equal(gcry_cipher_setkey(gcm, k->key, sizeof(k->key)), 0);
	assert_int_equal(gcry_cipher_setiv(gcm, nonce, sizeof(nonce)), 0);
	assert_int_equal(gcry_cipher_authenticate(gcm, head.at, head.len), 0);
	if (plain.len)
		assert_int_equal(gcry_cipher_encrypt(gcm, sealed, plain.len, plain.at, plain.len),
				 0);
	assert_int_equal(gcry_cipher_gettag(gcm, sealed + plain.len, CRYPT_TAG), 0);
	gcry_cipher_close(gcm);
}

#endif
