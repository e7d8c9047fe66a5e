/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: the keys of QUIC Initial packets and what they open, by this room's own AES and
 * SHA-256; otherwise as crypt.c. Nothing is allocated.
 *
 * Standards: RFC 9001 5.3 and 5.4 (packet protection).
 */
#include "crypt/portable.h"

#include "crypt/gcm.h"
#include "crypt/initial.h"
#include "crypt/kept.h"

struct crypt {
	struct gcm_table table;
	struct initial initial;
	struct kept_prints prints;
};

size_t crypt_portable_size(void)
{
	return sizeof(struct crypt);
}

struct crypt *crypt_portable_init(void *room)
{
	struct crypt *c = room;

	gcm_table_make(&c->table);
	initial_init(&c->initial);
	return c;
}

void crypt_sha256(struct slice bytes, uint8_t out[CRYPT_HASH])
{
	sha256(SHA256_PLAIN, bytes, out);
}

size_t crypt_place_of_print(const struct crypt *c, struct slice key)
{
	return c ? kept_print_place(&c->prints, key) : 0;
}

const char *crypt_known_print(const struct crypt *c, size_t place, struct slice key)
{
	return c ? kept_print_find(&c->prints, place, key) : NULL;
}

void crypt_keep_print(struct crypt *c, size_t place, struct slice key,
		      const char print[CRYPT_PRINT])
{
	if (c)
		kept_print_put(&c->prints, place, key, print);
}

void crypt_initial_keys(struct crypt *c, const struct crypt_initial_version *v, struct slice dcid,
			bool is_client, struct crypt_initial_keys *out)
{
	initial_keys_of(&c->initial, v, dcid, is_client, out);
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

	memcpy(nonce, k->iv, sizeof(nonce));
	for (size_t i = 0; i < sizeof(number); i++)
		nonce[sizeof(nonce) - 1 - i] ^= (uint8_t)(number >> (8 * i));
	return gcm_open(&c->table, k->key, nonce, head, sealed, plain);
}
