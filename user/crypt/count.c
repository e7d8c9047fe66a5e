/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: AES-128 as a stream, a block at a time; see count.h.
 */
#include "crypt/count.h"

#include "dpi/types.h"

void aes_count(const struct gcm_table *t, const struct aes_key *k, const uint8_t nonce[12],
	       struct slice in, uint8_t *out)
{
	uint8_t counter[AES_BLOCK], pad[AES_BLOCK];

	memcpy(counter, nonce, 12);
	for (uint32_t n = 2; in.len; n++) {
		size_t len = in.len < AES_BLOCK ? in.len : AES_BLOCK;
		__be32 last = dpi_be32(n);

		memcpy(counter + 12, &last, sizeof(last));
		aes_encrypt(t, k, counter, pad);
		for (size_t i = 0; i < len; i++)
			out[i] = in.at[i] ^ pad[i];
		out += len;
		in = slice_from(in, len);
	}
}
