/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What crypt.c and portable.c have in common: a struct crypt begins with this, whoever opens the
 * packets, and the functions of crypt.h that need no more are shared.c's. Room: crypt; private to
 * it.
 */
#ifndef CRYPT_SHARED_H
#define CRYPT_SHARED_H

#include "crypt/crypt.h"
#include "crypt/initial.h"
#include "crypt/kept.h"

struct crypt_shared {
	struct initial initial;
	struct kept_prints prints;
};

/* The nonce of a packet: the keys' IV with its number in the last bytes (RFC 9001 5.3). */
static inline void crypt_nonce(const struct crypt_initial_keys *k, uint64_t number,
			       uint8_t nonce[sizeof(k->iv)])
{
	memcpy(nonce, k->iv, sizeof(k->iv));
	for (size_t i = 0; i < sizeof(number); i++)
		nonce[sizeof(k->iv) - 1 - i] ^= (uint8_t)(number >> (8 * i));
}

#endif
