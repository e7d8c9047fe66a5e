/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: what is remembered; see kept.h.
 */
#include "crypt/kept.h"

/* A number by the bytes: its parts tell a place, and one key at it from most others. */
static uint64_t mix_of(struct slice bytes)
{
	uint64_t mix = bytes.len, left = 0;

	for (; bytes.len >= sizeof(left); bytes = slice_from(bytes, sizeof(left))) {
		uint64_t eight;

		memcpy(&eight, bytes.at, sizeof(eight));
		mix = (mix ^ eight) * 0x9e3779b97f4a7c15ULL;
	}
	for (size_t i = 0; i < bytes.len; i++)
		left = left << 8 | bytes.at[i];
	mix ^= left;
	return (mix ^ mix >> 32) * 0x9e3779b97f4a7c15ULL;
}

size_t kept_print_place(const struct kept_prints *kept, struct slice key)
{
	size_t place = mix_of(key) >> 48 & (KEPT_PRINTS - 1);

	/* As much of it as most keys have. */
	slice_warm(slice_of(&kept->print[place], sizeof(struct kept_print)), 128);
	return place;
}

const char *kept_print_find(const struct kept_prints *kept, size_t place, struct slice key)
{
	const struct kept_print *k = &kept->print[place];

	return key.len && k->len == key.len && !memcmp(k->key, key.at, key.len) ? k->print : NULL;
}

void kept_print_put(struct kept_prints *kept, size_t place, struct slice key,
		    const char print[CRYPT_PRINT])
{
	struct kept_print *k = &kept->print[place];

	if (!key.len || key.len > KEPT_BYTES)
		return;
	k->len = (uint16_t)key.len;
	memcpy(k->key, key.at, key.len);
	memcpy(k->print, print, CRYPT_PRINT);
}

struct kept_keys *kept_keys_find(struct kept_keys_all *kept, const struct crypt_initial_version *v,
				 struct slice dcid)
{
	uint64_t mix = mix_of(dcid);
	size_t place = mix >> 48 & (KEPT_KEYS - 1);
	struct kept_keys *k = &kept->keys[place];

	if (dcid.len > KEPT_ID_MAX)
		return NULL;
	/* A new one is written without a look at what was there, which may be far away. */
	if (kept->tag[place] == (uint16_t)mix && k->way == v &&
	    slice_equal(slice_of(k->id, k->id_len), dcid))
		return k;
	kept->tag[place] = (uint16_t)mix;
	k->way = v;
	k->id_len = (uint8_t)dcid.len;
	k->has_keys = false;
	if (dcid.len)
		memcpy(k->id, dcid.at, dcid.len);
	return k;
}
