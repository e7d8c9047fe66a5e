/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: what the keys of QUIC Initial packets open, by the machine's own instructions where
 * it has them, else by libgcrypt, and hashes by libgcrypt. Its handles are opened once a worker and
 * get new keys with each packet; nothing is allocated on a frame's road. The keys are made by
 * initial.c: the library takes longer to be asked for so little.
 *
 * Standards: RFC 9001 5.3 and 5.4 (packet protection), FIPS 180-4, FIPS 197, NIST SP 800-38D.
 */
#include "crypt/crypt.h"

#include <errno.h>
#include <gcrypt.h>
#include "crypt/machine.h"
#include "crypt/shared.h"

struct crypt {
	struct crypt_shared shared;
	bool has_machine;
	gcry_cipher_hd_t ecb, gcm; /* where it has not */
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
	initial_init(&c->shared.initial);
	c->has_machine = machine_is_here();
	if (gcry_cipher_open(&c->ecb, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0) ||
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
	gcry_cipher_close(c->ecb);
	gcry_cipher_close(c->gcm);
	gcry_free(c);
}

void crypt_sha256(struct slice bytes, uint8_t out[CRYPT_HASH])
{
	gcry_md_hash_buffer(GCRY_MD_SHA256, out, bytes.len ? bytes.at : (const uint8_t *)"",
			    bytes.len);
}

void crypt_initial_mask(struct crypt *c, const struct crypt_initial_keys *k,
			const uint8_t sample[16], uint8_t mask[5])
{
	uint8_t block[16] = {0};

	if (c->has_machine)
		machine_aes(k->hp, sample, block);
	else if (!gcry_cipher_setkey(c->ecb, k->hp, sizeof(k->hp)))
		(void)gcry_cipher_encrypt(c->ecb, block, sizeof(block), sample, sizeof(block));
	memcpy(mask, block, 5);
}

/* The tag is made of what is sealed, but the library looks at that only to decrypt it. */
static int pass_over(struct crypt *c, const uint8_t *sealed, size_t len)
{
	uint8_t plain[1024];
	size_t n;

	for (; len; sealed += n, len -= n) {
		n = len < sizeof(plain) ? len : sizeof(plain);
		if (gcry_cipher_decrypt(c->gcm, plain, n, sealed, n))
			return -EIO;
	}
	return 0;
}

/* By the library. */
static bool open_there(struct crypt *c, const struct crypt_initial_keys *k, const uint8_t nonce[12],
		       struct slice head, struct slice sealed, uint8_t *plain)
{
	size_t len = sealed.len - CRYPT_TAG;

	if (gcry_cipher_setkey(c->gcm, k->key, sizeof(k->key)) ||
	    gcry_cipher_setiv(c->gcm, nonce, sizeof(k->iv)) ||
	    gcry_cipher_authenticate(c->gcm, head.at, head.len))
		return false;
	if (!plain && pass_over(c, sealed.at, len))
		return false;
	if (plain && len && gcry_cipher_decrypt(c->gcm, plain, len, sealed.at, len))
		return false;
	if (!gcry_cipher_checktag(c->gcm, sealed.at + len, CRYPT_TAG))
		return true;
	if (plain && len)
		memset(plain, 0, len);
	return false;
}

bool crypt_initial_open(struct crypt *c, const struct crypt_initial_keys *k, uint64_t number,
			struct slice head, struct slice sealed, uint8_t *plain)
{
	uint8_t nonce[sizeof(k->iv)];

	if (sealed.len < CRYPT_TAG)
		return false;
	crypt_nonce(k, number, nonce);
	return c->has_machine ? machine_gcm_open(k->key, nonce, head, sealed, plain)
			      : open_there(c, k, nonce, head, sealed, plain);
}
