/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * AES-128 (FIPS 197) and AES-128-GCM (NIST SP 800-38D) by a machine's own instructions: x86-64's
 * AES and carry-less multiplication. Keys are used once, so nothing is made ready beforehand. Room:
 * crypt; private to it.
 */
#ifndef CRYPT_MACHINE_H
#define CRYPT_MACHINE_H

#include "base/slice.h"

/* Whether this machine has them; the others are only for such. Asking takes its time: once. */
bool machine_is_here(void);

/* One block. */
void machine_aes(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);

/* Opens sealed, whose last 16 bytes are the tag, into plain (sealed.len - 16 bytes; may not overlap
 * it; NULL: it is not wanted). True when the tag is right; else plain is all zeros. */
bool machine_gcm_open(const uint8_t key[16], const uint8_t nonce[12], struct slice head,
		      struct slice sealed, uint8_t *plain);

#endif
