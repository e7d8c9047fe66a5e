/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: the keys of QUIC Initial packets and what they open, by this room's own AES and
 * SHA-256; otherwise as crypt.c. Nothing is allocated.
 *
 * Standards: RFC 9001 5.3 and 5.4 (packet protection).
 */
#include "crypt/portable.h"

#include "crypt/gcm.h"
#include "crypt/shared.h"

struct crypt {
	struct crypt_shared shared;
	struct gcm_table table;
};

size_t crypt_portable_size(void)
{
	return sizeof(struct crypt);
}

struct crypt *crypt_portable_init(void *room)
{
	struct crypt *c = room;

	gcm_table_make(&c->table);
	initial_init(&c->shared.initial);
	return c;
}

void crypt_sha256(struct slice bytes, uint8_t out[CRYPT_HASH])
{
	sha256(SHA256_PLAIN, bytes, out);
}

void crypt_initial_mask(struct crypt *c, const struct crypt_initial_keys *k,
			const uint8_t sample[16], uint8_t mask[5])
{
	uint8_t block[AES_BLOCK];
	struct aes_key key;

	aes_set_key(&key, k->hp);
	aes_encrypt(&c->table, &key, sample, block);
	memcpy(mask, block, 5);
}

bool crypt_initial_open(struct crypt *c, const struct crypt_initial_keys *k, uint64_t number,
			struct slice head, struct slice sealed, uint8_t *plain)
{
	uint8_t nonce[sizeof(k->iv)];

	crypt_nonce(k, number, nonce);
	return gcm_open(&c->table, k->key, nonce, head, sealed, plain);
}
