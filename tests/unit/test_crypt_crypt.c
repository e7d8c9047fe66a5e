/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The cryptography of QUIC Initial packets against what the RFCs print (RFC 9001 A, RFC 9369 A),
 * and SHA-256 against FIPS 180-4's examples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "crypt/crypt.h"
#include "crypt_printed.h"
#include "support.h"

/* --- keys ------------------------------------------------------------------------------------ */

static struct slice rfc_id(void)
{
	return slice_of(quic_rfc_id, sizeof(quic_rfc_id));
}

static void keys_and_mask_are_the_rfcs(void **state)
{
	struct crypt *c = crypt_new();

	assert_non_null(c);
	check_printed_keys(c);
	check_printed_mask(c, crypt_initial_mask);
	crypt_free(c);
}

/* An id may be empty, and up to 20 bytes long; each length has keys of its own. */
static void ids_of_every_length(void **state)
{
	struct crypt *c = crypt_new();
	struct crypt_initial_keys k[21];

	assert_non_null(c);
	for (size_t len = 0; len <= 20; len++) {
		uint8_t zeros[20] = {0};
		const uint8_t *at = lay_against_wall(zeros, len);

		crypt_initial_keys(c, &printed_versions[0], slice_of(at, len), true, &k[len]);
		wall_free(at);
	}
	/* HMAC pads its key with zeros, not its message: no two are the same. */
	for (size_t i = 0; i <= 20; i++)
		for (size_t n = 0; n < i; n++)
			assert_memory_not_equal(k[i].key, k[n].key, sizeof(k[i].key));
	crypt_free(c);
}

/* --- opening --------------------------------------------------------------------------------- */

enum { SERVER_HEAD = 20, SERVER_NUMBER = 2 };

/* The server's packet of RFC 9001 A.3 with its header as it was before protection. */
struct opening {
	struct crypt *c;
	struct crypt_initial_keys k;
	uint8_t head[SERVER_HEAD];
	uint8_t plain[sizeof(quic_rfc_server_plain)];
};

static void open_begin(struct opening *o)
{
	static const uint8_t number[SERVER_NUMBER] = {0, 1};

	o->c = crypt_new();
	assert_non_null(o->c);
	crypt_initial_keys(o->c, &printed_versions[0], rfc_id(), false, &o->k);
	memcpy(o->head, quic_rfc_server_1, sizeof(o->head));
	o->head[0] = 0xc1;
	memcpy(o->head + SERVER_HEAD - SERVER_NUMBER, number, sizeof(number));
	memset(o->plain, 0xee, sizeof(o->plain));
}

static bool open_bytes(struct opening *o, uint64_t number, const uint8_t *sealed, size_t len)
{
	const uint8_t *at = lay_against_wall(sealed, len);
	bool is_open = crypt_initial_open(o->c, &o->k, number, slice_of(o->head, sizeof(o->head)),
					  slice_of(at, len), o->plain);

	assert_int_equal(crypt_initial_open(o->c, &o->k, number, slice_of(o->head, sizeof(o->head)),
					    slice_of(at, len), NULL),
			 is_open);
	wall_free(at);
	return is_open;
}

static const uint8_t *server_sealed(void)
{
	return quic_rfc_server_1 + SERVER_HEAD;
}

enum { SERVER_SEALED = sizeof(quic_rfc_server_1) - SERVER_HEAD };

static void opens_the_rfcs_packet(void **state)
{
	struct opening o;

	open_begin(&o);
	assert_true(open_bytes(&o, 1, server_sealed(), SERVER_SEALED));
	assert_int_equal(SERVER_SEALED - CRYPT_TAG, sizeof(quic_rfc_server_plain));
	assert_memory_equal(o.plain, quic_rfc_server_plain, sizeof(o.plain));
	crypt_free(o.c);
}

/* Not one bit of header, number, payload or tag may differ, and then nothing is given out. */
static void opens_nothing_else(void **state)
{
	uint8_t sealed[SERVER_SEALED], zeros[sizeof(quic_rfc_server_plain)] = {0};
	struct opening o;

	open_begin(&o);
	memcpy(sealed, server_sealed(), sizeof(sealed));
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(open_bytes(&o, 1, sealed, sizeof(sealed)));
		assert_memory_equal(o.plain, zeros, sizeof(o.plain));
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(o.head); bit++) {
		o.head[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(open_bytes(&o, 1, sealed, sizeof(sealed)));
		o.head[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (int bit = 0; bit < 62; bit++)
		assert_false(open_bytes(&o, 1ULL ^ 1ULL << bit, sealed, sizeof(sealed)));
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_false(open_bytes(&o, 1, sealed, len));
	assert_true(open_bytes(&o, 1, sealed, sizeof(sealed)));
	crypt_free(o.c);
}

/* --- the rest -------------------------------------------------------------------------------- */

static void sha256_of_examples(void **state)
{
	check_printed_hashes(crypt_sha256);
}

/* More keys than are kept, of every length about the bound: what is known is what was kept. */
static void prints_are_kept_under_their_keys(void **state)
{
	struct crypt *c = crypt_new();
	uint8_t bytes[300];
	size_t known = 0;

	assert_non_null(c);
	for (size_t i = 0; i < 4000; i++) {
		uint8_t print[CRYPT_HASH];
		struct slice key;
		const char *kept;
		size_t place;

		memset(bytes, 'a', sizeof(bytes));
		bytes[i % 290] = (uint8_t)(i % 3);
		key = slice_of(bytes, i % 300);
		crypt_sha256(key, print);
		place = crypt_place_of_print(c, key);
		kept = crypt_known_print(c, place, key);
		if (kept)
			assert_memory_equal(kept, print, CRYPT_PRINT);
		known += kept != NULL;
		crypt_keep_print(c, place, key, (const char *)print);
		kept = crypt_known_print(c, place, key);
		assert_true((kept != NULL) == (key.len > 0 && key.len <= 256));
	}
	assert_in_range(known, 1, 3999);
	assert_null(crypt_known_print(NULL, 0, slice_text("abc")));
	crypt_free(c);
}

/* A worker's life, many times; *said becomes what went wrong. */
static void *work(void *said)
{
	const char **fault = said;
	struct crypt_initial_keys k, first;

	for (int i = 0; i < 200; i++) {
		struct crypt *c = crypt_new();

		if (!c) {
			*fault = "no handle";
			return NULL;
		}
		crypt_initial_keys(c, &printed_versions[0], rfc_id(), true, &k);
		if (!i)
			first = k;
		else if (memcmp(&k, &first, sizeof(k)) != 0)
			*fault = "other keys";
		crypt_free(c);
	}
	return NULL;
}

static void workers_at_the_same_time(void **state)
{
	const char *fault[4] = {NULL};
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, &fault[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		if (fault[i])
			fail_msg("%s", fault[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_mask_are_the_rfcs),
		cmocka_unit_test(ids_of_every_length),
		cmocka_unit_test(opens_the_rfcs_packet),
		cmocka_unit_test(opens_nothing_else),
		cmocka_unit_test(sha256_of_examples),
		cmocka_unit_test(prints_are_kept_under_their_keys),
		cmocka_unit_test(workers_at_the_same_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
