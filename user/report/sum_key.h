/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The hash by which the entries of sums are found, keyed: a sender who does not know the keys
 * cannot make two values that meet more often than chance has it. Private to the sums (sums.h).
 *
 * Standard: NH, the hash of UMAC (RFC 4418 5.2): pairs of words, each with a key of its own added,
 * multiplied.
 */
#ifndef REPORT_SUM_KEY_H
#define REPORT_SUM_KEY_H

#include "base/table.h"

#include <string.h>

enum { SUM_KEY_WORDS = 64 /* of four bytes of a name */ };

/* What no sender knows. */
struct sum_key {
	uint32_t word[SUM_KEY_WORDS];
	uint64_t length, last;
};

/* Makes keys of a number that no sender knows. */
static inline void sum_key_make(struct sum_key *key, uint64_t secret)
{
	uint64_t i = 0;

	for (size_t k = 0; k < SUM_KEY_WORDS; k++)
		key->word[k] = (uint32_t)table_hash(secret, &i, sizeof(i)), i++;
	key->length = table_hash(secret, &i, sizeof(i)) | 1;
	i++;
	key->last = table_hash(secret, &i, sizeof(i)) | 1;
}

/* len <= 4 * SUM_KEY_WORDS */
static inline uint32_t sum_key_hash(const struct sum_key *k, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t sum = len * k->length;
	uint32_t w[2];
	size_t i = 0;

	for (; len - i >= sizeof(w); i += sizeof(w)) {
		const uint32_t *key = &k->word[i / sizeof(uint32_t)];

		memcpy(w, at + i, sizeof(w));
		sum += (uint64_t)(w[0] + key[0]) * (w[1] + key[1]);
	}
	if (i < len) {
		const uint32_t *key = &k->word[i / sizeof(uint32_t)];

		w[0] = w[1] = 0;
		memcpy(w, at + i, len - i);
		sum += (uint64_t)(w[0] + key[0]) * (w[1] + key[1]);
	}
	return (uint32_t)(sum * k->last >> 32);
}

#endif
