/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: the keys of QUIC Initial packets and what they open, by libgcrypt. Its handles are
 * opened once a worker and get new keys with each packet; nothing else is kept, and nothing is
 * allocated on a frame's road.
 *
 * Standards: RFC 9001 5.2 to 5.4 (packet protection), RFC 5869 (HKDF), RFC 8446 7.1
 * (HKDF-Expand-Label), FIPS 180-4, FIPS 197, NIST SP 800-38D.
 */
#include "crypt/crypt.h"

#include <gcrypt.h>
#include "crypt/kept.h"

enum { HASH_LEN = CRYPT_HASH, LABEL_MAX = 32 };

struct crypt {
	gcry_md_hd_t hmac, salted;
	const struct crypt_initial_version *salt; /* whose salt the second has */
	gcry_cipher_hd_t ecb, gcm;
	struct crypt_kept kept;
};

/* The library must be made ready by one thread alone: it is, before main. */
__attribute__((constructor)) static void make_ready(void)
{
	(void)gcry_check_version(NULL);
	(void)gcry_control(GCRYCTL_DISABLE_SECMEM, 0); /* the keys are public */
	(void)gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

struct crypt *crypt_new(void)
{
	struct crypt *c = gcry_calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (gcry_md_open(&c->hmac, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC) ||
	    gcry_md_open(&c->salted, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC) ||
	    gcry_cipher_open(&c->ecb, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0) ||
	    gcry_cipher_open(&c->gcm, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0)) {
		crypt_free(c);
		return NULL;
	}
	return c;
}

void crypt_free(struct crypt *c)
{
	if (!c)
		return;
	gcry_md_close(c->hmac);
	gcry_md_close(c->salted);
	gcry_cipher_close(c->ecb);
	gcry_cipher_close(c->gcm);
	gcry_free(c);
}

void crypt_sha256(struct slice bytes, uint8_t out[CRYPT_HASH])
{
	gcry_md_hash_buffer(GCRY_MD_SHA256, out, bytes.len ? bytes.at : (const uint8_t *)"",
			    bytes.len);
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

/* HMAC under the key that was set last; any number of them for one key. */
static void hmac_read(gcry_md_hd_t hmac, struct slice bytes, void *out, size_t len)
{
	gcry_md_reset(hmac);
	gcry_md_write(hmac, bytes.at, bytes.len);
	memcpy(out, gcry_md_read(hmac, GCRY_MD_SHA256), len);
}

/*
 * HKDF-Expand-Label with an empty context, of up to one block, from the secret that was set last:
 *
 *     0        2        3                       n        n+1      n+2
 *  +--------+--------+------------------------+--------+--------+
 *  | length |   n-3  | "tls13 " label         | 0: none| block 1|
 *  +--------+--------+------------------------+--------+--------+
 */
static void expand(struct crypt *c, const char *label, void *out, size_t len)
{
	static const char prefix[] = {'t', 'l', 's', '1', '3', ' '};
	uint8_t info[3 + sizeof(prefix) + LABEL_MAX + 2];
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
	hmac_read(c->hmac, slice_of(info, n), out, len);
}

/* HKDF-Extract with the version's salt. */
static void extract(struct crypt *c, const struct crypt_initial_version *v, struct slice dcid,
		    uint8_t secret[HASH_LEN])
{
	if (c->salt != v)
		(void)gcry_md_setkey(c->salted, v->salt, sizeof(v->salt));
	c->salt = v;
	hmac_read(c->salted, dcid, secret, HASH_LEN);
}

static void derive(struct crypt *c, const struct crypt_initial_version *v,
		   const uint8_t initial[HASH_LEN], bool is_client, struct crypt_initial_keys *out)
{
	uint8_t secret[HASH_LEN];

	(void)gcry_md_setkey(c->hmac, initial, HASH_LEN);
	expand(c, is_client ? "client in" : "server in", secret, sizeof(secret));
	(void)gcry_md_setkey(c->hmac, secret, sizeof(secret));
	expand(c, v->key, out->key, sizeof(out->key));
	expand(c, v->iv, out->iv, sizeof(out->iv));
	expand(c, v->hp, out->hp, sizeof(out->hp));
}

void crypt_initial_keys(struct crypt *c, const struct crypt_initial_version *v, struct slice dcid,
			bool is_client, struct crypt_initial_keys *out)
{
	struct kept_keys *k = kept_keys_find(&c->kept, v, dcid);
	uint8_t secret[HASH_LEN];

	if (!k) {
		extract(c, v, dcid, secret);
		derive(c, v, secret, is_client, out);
		return;
	}
	if (!k->has_secret)
		extract(c, v, dcid, k->secret);
	k->has_secret = true;
	if (!k->has_end[is_client])
		derive(c, v, k->secret, is_client, &k->end[is_client]);
	k->has_end[is_client] = true;
	*out = k->end[is_client];
}

void crypt_initial_mask(struct crypt *c, const struct crypt_initial_keys *k,
			const uint8_t sample[16], uint8_t mask[5])
{
	uint8_t block[16] = {0};

	if (!gcry_cipher_setkey(c->ecb, k->hp, sizeof(k->hp)))
		(void)gcry_cipher_encrypt(c->ecb, block, sizeof(block), sample, sizeof(block));
	memcpy(mask, block, 5);
}

bool crypt_initial_open(struct crypt *c, const struct crypt_initial_keys *k, uint64_t number,
			struct slice head, struct slice sealed, uint8_t *plain)
{
	uint8_t nonce[sizeof(k->iv)];
	size_t len = sealed.len - CRYPT_TAG;

	if (sealed.len < CRYPT_TAG)
		return false;
	memcpy(nonce, k->iv, sizeof(nonce));
	for (size_t i = 0; i < sizeof(number); i++)
		nonce[sizeof(nonce) - 1 - i] ^= (uint8_t)(number >> (8 * i));
	if (gcry_cipher_setkey(c->gcm, k->key, sizeof(k->key)) ||
	    gcry_cipher_setiv(c->gcm, nonce, sizeof(nonce)) ||
	    gcry_cipher_authenticate(c->gcm, head.at, head.len))
		return false;
	if (len && gcry_cipher_decrypt(c->gcm, plain, len, sealed.at, len))
		return false;
	if (!gcry_cipher_checktag(c->gcm, sealed.at + len, CRYPT_TAG))
		return true;
	if (len)
		memset(plain, 0, len);
	return false;
}
