/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: the keys of QUIC Initial packets and what they open, by this room's own AES and
 * SHA-256; otherwise as crypt.c. Nothing is allocated.
 *
 * Standards: RFC 9001 5.2 to 5.4 (packet protection), RFC 5869 (HKDF), RFC 8446 7.1
 * (HKDF-Expand-Label).
 */
#include "crypt/portable.h"

#include "crypt/gcm.h"
#include "crypt/kept.h"
#include "crypt/sha256.h"

enum { LABEL_MAX = 32 };

struct crypt {
	struct gcm_table table;
	const struct crypt_initial_version *salt; /* whose salt the key is */
	struct hmac_key salted;
	struct crypt_kept kept;
};

size_t crypt_portable_size(void)
{
	return sizeof(struct crypt);
}

struct crypt *crypt_portable_init(void *room)
{
	struct crypt *c = room;

	gcm_table_make(&c->table);
	return c;
}

void crypt_sha256(struct slice bytes, uint8_t out[CRYPT_HASH])
{
	sha256(bytes, out);
}

const uint8_t *crypt_known_hash(const struct crypt *c, struct slice key)
{
	return c ? kept_hash_find(&c->kept, key) : NULL;
}

void crypt_keep_hash(struct crypt *c, struct slice key, const uint8_t hash[CRYPT_HASH])
{
	if (c)
		kept_hash_put(&c->kept, key, hash);
}

/*
 * HKDF-Expand-Label with an empty context, of up to one block:
 *
 *     0        2        3                       n        n+1      n+2
 *  +--------+--------+------------------------+--------+--------+
 *  | length |   n-3  | "tls13 " label         | 0: none| block 1|
 *  +--------+--------+------------------------+--------+--------+
 */
static void expand(const struct hmac_key *secret, const char *label, void *out, size_t len)
{
	static const char prefix[] = {'t', 'l', 's', '1', '3', ' '};
	uint8_t info[3 + sizeof(prefix) + LABEL_MAX + 2], block[SHA256_LEN];
	size_t label_len = strnlen(label, LABEL_MAX), n = 0;

	info[n++] = 0;
	info[n++] = (uint8_t)len;
	info[n++] = (uint8_t)(sizeof(prefix) + label_len);
	memcpy(info + n, prefix, sizeof(prefix));
	n += sizeof(prefix);
	memcpy(info + n, label, label_len);
	n += label_len;
	info[n++] = 0;
	info[n++] = 1;
	hmac(secret, slice_of(info, n), block);
	memcpy(out, block, len);
}

/* HKDF-Extract with the version's salt. */
static void extract(struct crypt *c, const struct crypt_initial_version *v, struct slice dcid,
		    uint8_t secret[SHA256_LEN])
{
	if (c->salt != v)
		hmac_set_key(&c->salted, slice_of(v->salt, sizeof(v->salt)));
	c->salt = v;
	hmac(&c->salted, dcid, secret);
}

static void derive(const struct crypt_initial_version *v, const uint8_t initial[SHA256_LEN],
		   bool is_client, struct crypt_initial_keys *out)
{
	uint8_t secret[SHA256_LEN];
	struct hmac_key k;

	hmac_set_key(&k, slice_of(initial, SHA256_LEN));
	expand(&k, is_client ? "client in" : "server in", secret, sizeof(secret));
	hmac_set_key(&k, slice_of(secret, sizeof(secret)));
	expand(&k, v->key, out->key, sizeof(out->key));
	expand(&k, v->iv, out->iv, sizeof(out->iv));
	expand(&k, v->hp, out->hp, sizeof(out->hp));
}

void crypt_initial_keys(struct crypt *c, const struct crypt_initial_version *v, struct slice dcid,
			bool is_client, struct crypt_initial_keys *out)
{
	struct kept_keys *k = kept_keys_find(&c->kept, v, dcid);
	uint8_t secret[SHA256_LEN];

	if (!k) {
		extract(c, v, dcid, secret);
		derive(v, secret, is_client, out);
		return;
	}
	if (!k->has_secret)
		extract(c, v, dcid, k->secret);
	k->has_secret = true;
	if (!k->has_end[is_client])
		derive(v, k->secret, is_client, &k->end[is_client]);
	k->has_end[is_client] = true;
	*out = k->end[is_client];
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
