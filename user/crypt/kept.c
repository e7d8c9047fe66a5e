/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: what is remembered; see kept.h.
 */
#include "crypt/kept.h"

/* A place among so many, a power of two. Any will do. */
static size_t place_of(struct slice bytes, size_t places)
{
	uint64_t mix = bytes.len;

	for (; bytes.len >= 8; bytes = slice_from(bytes, 8)) {
		uint64_t eight;

		memcpy(&eight, bytes.at, 8);
		mix = (mix ^ eight) * 0x9e3779b97f4a7c15ULL;
		mix ^= mix >> 29;
	}
	for (size_t i = 0; i < bytes.len; i++)
		mix = (mix ^ bytes.at[i]) * 0x9e3779b97f4a7c15ULL;
	return mix >> 32 & (places - 1);
}

const uint8_t *kept_hash_find(const struct kept_hashes *kept, struct slice key)
{
	const struct kept_hash *k;

	if (!key.len)
		return NULL;
	k = &kept->hash[place_of(key, KEPT_HASHES)];
	return k->len == key.len && !memcmp(k->key, key.at, key.len) ? k->hash : NULL;
}

void kept_hash_put(struct kept_hashes *kept, struct slice key, const uint8_t hash[CRYPT_HASH])
{
	struct kept_hash *k;

	if (!key.len || key.len > KEPT_BYTES)
		return;
	k = &kept->hash[place_of(key, KEPT_HASHES)];
	k->len = (uint16_t)key.len;
	memcpy(k->key, key.at, key.len);
	memcpy(k->hash, hash, CRYPT_HASH);
}

struct kept_keys *kept_keys_find(struct kept_keys_all *kept, const struct crypt_initial_version *v,
				 struct slice dcid)
{
	struct kept_keys *k;

	if (dcid.len > KEPT_ID_MAX)
		return NULL;
	k = &kept->keys[place_of(dcid, KEPT_KEYS)];
	if (k->way == v && slice_equal(slice_of(k->id, k->id_len), dcid))
		return k;
	*k = (struct kept_keys){.way = v, .id_len = (uint8_t)dcid.len};
	if (dcid.len)
		memcpy(k->id, dcid.at, dcid.len);
	return k;
}
