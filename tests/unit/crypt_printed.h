/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the standards print of keys, masks and hashes (RFC 9001 A.1 and A.2, RFC 9369 A.1, FIPS
 * 180-4), and the checks of it that every way of user/crypt has to pass.
 */
#ifndef UNIT_CRYPT_PRINTED_H
#define UNIT_CRYPT_PRINTED_H

#include <stdio.h>
#include <string.h>

#include "crypt/crypt.h"
#include "quic_bytes.h"

static const struct crypt_initial_version printed_versions[] = {
	{1,
	 {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	  0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
	 "quic key",
	 "quic iv",
	 "quic hp"},
	{0x6b3343cf,
	 {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
	  0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
	 "quicv2 key",
	 "quicv2 iv",
	 "quicv2 hp"},
};

static inline void check_hex(const char *name, const uint8_t *bytes, size_t len,
			     const char *expected)
{
	char text[129];

	assert_true(len * 2 < sizeof(text));
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	if (strcmp(text, expected) != 0)
		fail_msg("%s: %s, expected %s", name, text, expected);
}

/* Keys from the RFCs' connection id. */
static inline void check_printed_keys(struct crypt *c)
{
	static const struct {
		const char *name;
		int version;
		bool is_client;
		const char *key, *iv, *hp;
	} rows[] = {
		{"RFC 9001 A.1, client", 0, true, "1f369613dd76d5467730efcbe3b1a22d",
		 "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"},
		{"RFC 9001 A.1, server", 0, false, "cf3a5331653c364c88f0f379b6067e37",
		 "0ac1493ca1905853b0bba03e", "c206b8d9b9f0f37644430b490eeaa314"},
		{"RFC 9369 A.1, client", 1, true, "8b1a0bc121284290a29e0971b5cd045d",
		 "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9"},
		{"RFC 9369 A.1, server", 1, false, "82db637861d55e1d011f19ea71d5d2a7",
		 "dd13c276499c0249d3310652", "edf6d05c83121201b436e16877593c3a"},
	};
	size_t count = sizeof(rows) / sizeof(rows[0]);

	/* Twice: worked out, and remembered; nothing of one may stay for the next. */
	for (size_t i = 0; i < 2 * count; i++) {
		size_t r = i % count;
		struct crypt_initial_keys k;

		crypt_initial_keys(c, &printed_versions[rows[r].version],
				   slice_of(quic_rfc_id, sizeof(quic_rfc_id)), rows[r].is_client,
				   &k);
		check_hex(rows[r].name, k.key, sizeof(k.key), rows[r].key);
		check_hex(rows[r].name, k.iv, sizeof(k.iv), rows[r].iv);
		check_hex(rows[r].name, k.hp, sizeof(k.hp), rows[r].hp);
	}
}

static inline void check_printed_mask(struct crypt *c,
				      void (*mask_of)(struct crypt *,
						      const struct crypt_initial_keys *,
						      const uint8_t[16], uint8_t[5]))
{
	struct crypt_initial_keys k;
	uint8_t mask[5];

	crypt_initial_keys(c, &printed_versions[0], slice_of(quic_rfc_id, sizeof(quic_rfc_id)),
			   true, &k);
	mask_of(c, &k, quic_rfc_client_1 + 22, mask);
	check_hex("RFC 9001 A.2", mask, sizeof(mask), "437b9aec36");
}

static inline void check_printed_hashes(void (*hash_of)(struct slice, uint8_t[CRYPT_HASH]))
{
	static const struct {
		const char *name, *text, *hash;
	} rows[] = {
		{"FIPS 180-4, one block", "abc",
		 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"FIPS 180-4, two blocks",
		 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"nothing", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t hash[CRYPT_HASH];

		hash_of(slice_text(rows[i].text), hash);
		check_hex(rows[i].name, hash, sizeof(hash), rows[i].hash);
	}
}

#endif
