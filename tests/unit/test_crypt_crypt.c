/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The cryptography of QUIC Initial packets against what the RFCs print (RFC 9001 A, RFC 9369 A),
 * and SHA-256 against FIPS 180-4's examples.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "crypt/crypt.h"
#include "quic_bytes.h"
#include "support.h"

static const struct crypt_initial_version version_1 = {
	1,
	{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
	"quic key",
	"quic iv",
	"quic hp",
};
static const struct crypt_initial_version version_2 = {
	0x6b3343cf,
	{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
	 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
	"quicv2 key",
	"quicv2 iv",
	"quicv2 hp",
};

static void check_hex(const char *name, const uint8_t *bytes, size_t len, const char *expected)
{
	char text[129];

	assert_true(len * 2 < sizeof(text));
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	if (strcmp(text, expected) != 0)
		fail_msg("%s: %s, expected %s", name, text, expected);
}

/* --- keys ------------------------------------------------------------------------------------ */

static const struct key_row {
	const char *name;
	const struct crypt_initial_version *version;
	bool is_client;
	const char *key, *iv, *hp;
} key_rows[] = {
	{"RFC 9001 A.1, client", &version_1, true, "1f369613dd76d5467730efcbe3b1a22d",
	 "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"},
	{"RFC 9001 A.1, server", &version_1, false, "cf3a5331653c364c88f0f379b6067e37",
	 "0ac1493ca1905853b0bba03e", "c206b8d9b9f0f37644430b490eeaa314"},
	{"RFC 9369 A.1, client", &version_2, true, "8b1a0bc121284290a29e0971b5cd045d",
	 "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9"},
	{"RFC 9369 A.1, server", &version_2, false, "82db637861d55e1d011f19ea71d5d2a7",
	 "dd13c276499c0249d3310652", "edf6d05c83121201b436e16877593c3a"},
};

static struct slice rfc_id(void)
{
	return slice_of(quic_rfc_id, sizeof(quic_rfc_id));
}

static void keys_are_the_rfcs(void **state)
{
	struct crypt *c = crypt_new();
	struct crypt_initial_keys k;

	assert_non_null(c);
	/* Twice, as nothing of one derivation may stay for the next. */
	for (size_t i = 0; i < 2 * sizeof(key_rows) / sizeof(key_rows[0]); i++) {
		const struct key_row *r = &key_rows[i % (sizeof(key_rows) / sizeof(key_rows[0]))];

		crypt_initial_keys(c, r->version, rfc_id(), r->is_client, &k);
		check_hex(r->name, k.key, sizeof(k.key), r->key);
		check_hex(r->name, k.iv, sizeof(k.iv), r->iv);
		check_hex(r->name, k.hp, sizeof(k.hp), r->hp);
	}
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

		crypt_initial_keys(c, &version_1, slice_of(at, len), true, &k[len]);
		wall_free(at);
	}
	/* HMAC pads its key with zeros, not its message: no two are the same. */
	for (size_t i = 0; i <= 20; i++)
		for (size_t n = 0; n < i; n++)
			assert_memory_not_equal(k[i].key, k[n].key, sizeof(k[i].key));
	crypt_free(c);
}

static void mask_is_the_rfcs(void **state)
{
	struct crypt *c = crypt_new();
	struct crypt_initial_keys k;
	uint8_t mask[5];

	assert_non_null(c);
	crypt_initial_keys(c, &version_1, rfc_id(), true, &k);
	crypt_initial_mask(c, &k, quic_rfc_client_1 + 22, mask);
	check_hex("RFC 9001 A.2", mask, sizeof(mask), "437b9aec36");
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
	crypt_initial_keys(o->c, &version_1, rfc_id(), false, &o->k);
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
	static const struct {
		const char *text, *hash;
	} rows[] = {
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t hash[CRYPT_HASH];

		crypt_sha256(slice_text(rows[i].text), hash);
		check_hex(rows[i].text, hash, 32, rows[i].hash);
	}
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
		crypt_initial_keys(c, &version_1, rfc_id(), true, &k);
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
		cmocka_unit_test(keys_are_the_rfcs),
		cmocka_unit_test(ids_of_every_length),
		cmocka_unit_test(mask_is_the_rfcs),
		cmocka_unit_test(opens_the_rfcs_packet),
		cmocka_unit_test(opens_nothing_else),
		cmocka_unit_test(sha256_of_examples),
		cmocka_unit_test(prints_are_kept_under_their_keys),
		cmocka_unit_test(workers_at_the_same_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
