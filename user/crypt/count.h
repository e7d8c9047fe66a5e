/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * AES-128 as a stream: GCTR of NIST SP 800-38D 6.5. Room: crypt; private to it.
 */
#ifndef CRYPT_COUNT_H
#define CRYPT_COUNT_H

#include "crypt/gcm.h"

/* Opens or seals in into out (as many bytes; may not overlap it), from the counter block behind the
 * nonce's first, which is the tag's. */
void aes_count(const struct gcm_table *t, const struct aes_key *k, const uint8_t nonce[12],
	       struct slice in, uint8_t *out);

#endif
