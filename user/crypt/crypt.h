/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The little cryptography that names need: the keys of QUIC Initial packets, which are public
 * (RFC 9001 5.2, RFC 9369 3.3), and SHA-256 for fingerprints. One worker owns one struct crypt;
 * its handles are opened once and only get new keys. Nothing here keeps a secret.
 */
#ifndef CRYPT_CRYPT_H
#define CRYPT_CRYPT_H

#include "base/slice.h"

struct crypt;

struct crypt *crypt_new(void); /* NULL: out of memory, or the library refuses */
void crypt_free(struct crypt *c);

enum { CRYPT_HASH = 32 };

/* SHA-256 (FIPS 180-4) of bytes. */
void crypt_sha256(struct slice bytes, uint8_t out[CRYPT_HASH]);

enum { CRYPT_PRINT = 12 };

/* Where what is kept under a key would be, the key being what was hashed for it: it is fetched from
 * memory from now on. c may be NULL here and below. */
size_t crypt_place_of_print(const struct crypt *c, struct slice key);
/* The characters that were kept under a key, at its place; NULL: none, or no longer. Few kinds of
 * clients say most of the hellos. Borrowed until the next call. */
const char *crypt_known_print(const struct crypt *c, size_t place, struct slice key);
/* Keeps some, in place of whichever stood there; not for keys above 256 bytes. */
void crypt_keep_print(struct crypt *c, size_t place, struct slice key,
		      const char print[CRYPT_PRINT]);

/* One version's way to its Initial keys: salt and the labels of HKDF-Expand-Label. */
struct crypt_initial_version {
	uint32_t version;
	uint8_t salt[20];
	const char *key, *iv, *hp; /* "quic key", "quicv2 key", ... without "tls13 " */
};

enum { CRYPT_TAG = 16 };

struct crypt_initial_keys {
	uint8_t key[16], iv[12], hp[16];
};

/* Keys of the client's (else the server's) Initial packets for a Destination Connection ID of up
 * to 20 bytes (RFC 9001 5.2). v is one of a few that live as long as c: it remembers, by them and
 * the id, some keys that were asked for before. */
void crypt_initial_keys(struct crypt *c, const struct crypt_initial_version *v, struct slice dcid,
			bool is_client, struct crypt_initial_keys *out);

/* The header protection mask of a 16-byte sample: AES-128-ECB (RFC 9001 5.4.3). */
void crypt_initial_mask(struct crypt *c, const struct crypt_initial_keys *k,
			const uint8_t sample[16], uint8_t mask[5]);

/*
 * Opens a payload with its tag of 16 bytes at the end: AES-128-GCM (RFC 9001 5.3). number is the
 * packet number, head the unprotected header. plain has room for sealed.len - 16 bytes and is set
 * only when true comes back: the tag was right. NULL: whether it is right is all that is wanted.
 */
bool crypt_initial_open(struct crypt *c, const struct crypt_initial_keys *k, uint64_t number,
			struct slice head, struct slice sealed, uint8_t *plain);

#endif
