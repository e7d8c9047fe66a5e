/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * crypt/portable.c, which stands for crypt.c where there is no libgcrypt: against what the RFCs and
 * FIPS print, and against crypt.c and libgcrypt for many drawn inputs. It is compiled in here under
 * other names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypt/crypt.h"
#include "crypt_printed.h"
#include "gcm_seal.h"
#include "support.h"

void portable_sha256(struct slice bytes, uint8_t out[CRYPT_HASH]);
void portable_mask(struct crypt *c, const struct crypt_initial_keys *k, const uint8_t sample[16],
		   uint8_t mask[5]);
bool portable_open(struct crypt *c, const struct crypt_initial_keys *k, uint64_t number,
		   struct slice head, struct slice sealed, uint8_t *plain);

#define crypt_sha256	   portable_sha256
#define crypt_initial_mask portable_mask
#define crypt_initial_open portable_open
#include "crypt/portable.c"
#undef crypt_sha256
#undef crypt_initial_mask
#undef crypt_initial_open

enum { DRAWN = 2000, BYTES_MAX = 5000 };

static struct crypt *open_portable(void)
{
	void *room = calloc(1, crypt_portable_size());

	assert_non_null(room);
	return crypt_portable_init(room);
}

/* --- printed --------------------------------------------------------------------------------- */

static void aes_is_fips_197s(void **state)
{
	struct gcm_table *t = malloc(sizeof(*t));
	uint8_t key[16], in[16], out[16];
	struct aes_key k;

	assert_non_null(t);
	for (int i = 0; i < 16; i++) {
		key[i] = (uint8_t)i;
		in[i] = (uint8_t)(i * 0x11);
	}
	gcm_table_make(t);
	aes_set_key(&k, key);
	aes_encrypt(t, &k, in, out);
	check_hex("FIPS 197 C.1", out, sizeof(out), "69c4e0d86a7b0430d8cdb78070b4c55a");
	free(t);
}

static void hmac_of(const struct hmac_key *k, struct slice bytes, uint8_t out[SHA256_LEN])
{
	uint32_t words[SHA256_WORDS];
	uint8_t padded[SHA256_BLOCK];

	hmac_pad(bytes, padded);
	hmac(k, padded, words);
	sha256_put(words, out, SHA256_LEN);
}

static void hashes_are_the_standards(void **state)
{
	uint8_t hash[SHA256_LEN];
	struct hmac_key k;

	check_printed_hashes(portable_sha256);
	hmac_set_key(&k, SHA256_PLAIN, slice_text("Jefe"));
	hmac_of(&k, slice_text("what do ya want for nothing?"), hash);
	check_hex("RFC 4231 4.3", hash, sizeof(hash),
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void keys_are_the_rfcs(void **state)
{
	struct crypt *c = open_portable();

	check_printed_keys(c);
	check_printed_mask(c, portable_mask);
	free(c);
}

enum { SERVER_HEAD = 20, SERVER_SEALED = sizeof(quic_rfc_server_1) - SERVER_HEAD };

/* The server's packet of RFC 9001 A.3 opens; not one bit of it may differ. */
static void opens_the_rfcs_packet_alone(void **state)
{
	uint8_t head[SERVER_HEAD], sealed[SERVER_SEALED], plain[sizeof(quic_rfc_server_plain)];
	uint8_t zeros[sizeof(plain)] = {0};
	struct crypt *c = open_portable();
	struct crypt_initial_keys k;

	crypt_initial_keys(c, &printed_versions[0], slice_of(quic_rfc_id, sizeof(quic_rfc_id)),
			   false, &k);
	memcpy(head, quic_rfc_server_1, sizeof(head));
	memcpy(sealed, quic_rfc_server_1 + SERVER_HEAD, sizeof(sealed));
	head[0] = 0xc1;
	head[18] = 0;
	head[19] = 1;
	assert_true(portable_open(c, &k, 1, slice_of(head, sizeof(head)),
				  slice_of(sealed, sizeof(sealed)), plain));
	assert_memory_equal(plain, quic_rfc_server_plain, sizeof(plain));
	for (size_t bit = 0; bit < 8 * (sizeof(head) + sizeof(sealed)); bit++) {
		uint8_t *byte = bit / 8 < sizeof(head) ? &head[bit / 8]
						       : &sealed[bit / 8 - sizeof(head)];

		*byte ^= (uint8_t)(1U << bit % 8);
		assert_false(portable_open(c, &k, 1, slice_of(head, sizeof(head)),
					   slice_of(sealed, sizeof(sealed)), plain));
		assert_memory_equal(plain, zeros, sizeof(plain));
		*byte ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_false(portable_open(c, &k, 1, slice_of(head, sizeof(head)),
					   slice_of(lay_against_wall(sealed, len), len), plain));
	free(c);
}

/* --- drawn ----------------------------------------------------------------------------------- */

static void hashes_as_libgcrypt(void **state)
{
	uint8_t bytes[BYTES_MAX], ours[CRYPT_HASH], theirs[CRYPT_HASH];
	uint64_t seed = 180;

	for (size_t i = 0; i < DRAWN; i++) {
		size_t len = i < 300 ? i : next_random(&seed) % sizeof(bytes);
		const uint8_t *at;

		draw_bytes(bytes, len, &seed);
		at = lay_against_wall(bytes, len);
		gcry_md_hash_buffer(GCRY_MD_SHA256, theirs, bytes, len);
		portable_sha256(slice_of(at, len), ours);
		assert_memory_equal(ours, theirs, sizeof(ours));
		sha256(sha256_way_here(), slice_of(at, len), ours);
		wall_free(at);
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

static void hmac_as_libgcrypt(void **state)
{
	uint8_t key[SHA256_LEN], bytes[HMAC_MAX], ours[SHA256_LEN];
	uint64_t seed = 2104;
	gcry_md_hd_t md;

	assert_int_equal(gcry_md_open(&md, GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC), 0);
	for (size_t i = 0; i < DRAWN; i++) {
		size_t key_len = 1 + next_random(&seed) % sizeof(key);
		size_t len = next_random(&seed) % (sizeof(bytes) + 1);
		struct hmac_key k;

		draw_bytes(key, key_len, &seed);
		draw_bytes(bytes, len, &seed);
		assert_int_equal(gcry_md_setkey(md, key, key_len), 0);
		gcry_md_write(md, bytes, len);
		for (int way = SHA256_PLAIN; way <= (int)sha256_way_here(); way++) {
			hmac_set_key(&k, (enum sha256_way)way, slice_of(key, key_len));
			hmac_of(&k, slice_of(bytes, len), ours);
			assert_memory_equal(ours, gcry_md_read(md, GCRY_MD_SHA256), sizeof(ours));
		}
	}
	gcry_md_close(md);
}

/* Two at once, each as it is alone. */
static void two_hmacs_are_each_ones(void **state)
{
	uint64_t seed = 2105;

	for (size_t i = 0; i < DRAWN; i++) {
		enum sha256_way way = i % 2 ? sha256_way_here() : SHA256_PLAIN;
		uint8_t bytes[2][HMAC_MAX], padded[2][SHA256_BLOCK];
		const uint8_t *const asked[2] = {padded[0], padded[1]};
		uint32_t both[2][SHA256_WORDS], alone[SHA256_WORDS];
		struct hmac_key k[2];

		draw_bytes(bytes[0], sizeof(bytes), &seed);
		for (int m = 0; m < 2; m++) {
			hmac_set_key(&k[m], way, slice_of(bytes[m], SHA256_LEN));
			hmac_pad(slice_of(bytes[m], next_random(&seed) % (HMAC_MAX + 1)),
				 padded[m]);
		}
		hmac_pair(&k[0], &k[1], asked, both);
		for (int m = 0; m < 2; m++) {
			hmac(&k[m], padded[m], alone);
			assert_memory_equal(both[m], alone, sizeof(alone));
		}
	}
}

static void keys_and_masks_as_the_programs(void **state)
{
	struct crypt *ours = open_portable(), *theirs = crypt_new();
	uint64_t seed = 9001;

	assert_non_null(theirs);
	for (size_t i = 0; i < DRAWN; i++) {
		const struct crypt_initial_version *v = &printed_versions[next_random(&seed) % 2];
		bool is_client = next_random(&seed) % 2;
		size_t len = next_random(&seed) % 24;
		struct crypt_initial_keys a, b;
		uint8_t id[24], sample[16], x[5], y[5];

		/* Few kinds of ids of one byte, so that some are remembered. */
		draw_bytes(id, len, &seed);
		crypt_initial_keys(ours, v, slice_of(id, len), is_client, &a);
		crypt_initial_keys(theirs, v, slice_of(id, len), is_client, &b);
		assert_memory_equal(&a, &b, sizeof(a));
		draw_bytes(sample, sizeof(sample), &seed);
		portable_mask(ours, &a, sample, x);
		crypt_initial_mask(theirs, &b, sample, y);
		assert_memory_equal(x, y, sizeof(x));
	}
	crypt_free(theirs);
	free(ours);
}

/* Seals by libgcrypt. */
static void opens_what_libgcrypt_sealed(void **state)
{
	static uint8_t head[64], plain[BYTES_MAX], sealed[BYTES_MAX + CRYPT_TAG], out[BYTES_MAX];
	struct crypt *ours = open_portable(), *theirs = crypt_new();
	uint64_t seed = 38;

	assert_non_null(theirs);
	for (size_t i = 0; i < DRAWN; i++) {
		size_t head_len = 1 + next_random(&seed) % (sizeof(head) - 1);
		size_t len = i < 64 ? i : next_random(&seed) % sizeof(plain);
		uint64_t number = next_random(&seed) >> 2;
		struct crypt_initial_keys k;
		const uint8_t *at;
		size_t bit;

		draw_bytes((uint8_t *)&k, sizeof(k), &seed);
		draw_bytes(head, head_len, &seed);
		draw_bytes(plain, len, &seed);
		gcm_seal(&k, number, slice_of(head, head_len), slice_of(plain, len), sealed);
		at = lay_against_wall(sealed, len + CRYPT_TAG);
		assert_true(portable_open(ours, &k, number, slice_of(head, head_len),
					  slice_of(at, len + CRYPT_TAG), out));
		assert_true(portable_open(ours, &k, number, slice_of(head, head_len),
					  slice_of(at, len + CRYPT_TAG), NULL));
		wall_free(at);
		assert_memory_equal(out, plain, len);
		bit = next_random(&seed) % (8 * (len + CRYPT_TAG));
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(portable_open(ours, &k, number, slice_of(head, head_len),
					   slice_of(sealed, len + CRYPT_TAG), out));
		assert_false(crypt_initial_open(theirs, &k, number, slice_of(head, head_len),
						slice_of(sealed, len + CRYPT_TAG), out));
	}
	crypt_free(theirs);
	free(ours);
}

static void prints_are_kept_under_their_keys(void **state)
{
	static const char print[CRYPT_PRINT + 1] = "0123456789ab";
	struct crypt *c = open_portable();
	struct slice key = slice_text("a key");
	size_t place = crypt_place_of_print(c, key);

	assert_null(crypt_known_print(c, place, key));
	crypt_keep_print(c, place, key, print);
	assert_memory_equal(crypt_known_print(c, place, key), print, CRYPT_PRINT);
	assert_null(crypt_known_print(c, place, slice_text("a kez")));
	assert_null(crypt_known_print(NULL, 0, key));
	crypt_keep_print(NULL, 0, key, print);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes_is_fips_197s),
		cmocka_unit_test(hashes_are_the_standards),
		cmocka_unit_test(keys_are_the_rfcs),
		cmocka_unit_test(opens_the_rfcs_packet_alone),
		cmocka_unit_test(hashes_as_libgcrypt),
		cmocka_unit_test(hmac_as_libgcrypt),
		cmocka_unit_test(two_hmacs_are_each_ones),
		cmocka_unit_test(keys_and_masks_as_the_programs),
		cmocka_unit_test(opens_what_libgcrypt_sealed),
		cmocka_unit_test(prints_are_kept_under_their_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
