/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room base: the intrusive hash table. It owns its bucket array and nothing else; the elements
 * are the caller's. One thread at a time.
 *
 * The keyed hash is SipHash-1-3 (Aumasson and Bernstein, 2012) with the seed as both halves of the
 * key, the second one turned: a sender who does not know the seed cannot aim at a bucket.
 */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 64 };

static struct table_node **bucket_of(const struct table *t, uint64_t hash)
{
	return &t->bucket[hash & (t->bucket_count - 1)];
}

void table_clear(struct table *t)
{
	free(t->bucket);
	*t = (struct table){0};
}

/* Doubles the buckets and moves every node to its new one. */
static int grow(struct table *t)
{
	struct table larger = {.count = t->count};

	larger.bucket_count = t->bucket_count ? t->bucket_count * 2 : FIRST_BUCKETS;
	larger.bucket = calloc(larger.bucket_count, sizeof(struct table_node *));
	if (!larger.bucket)
		return -ENOMEM;
	for (size_t i = 0; i < t->bucket_count; i++) {
		struct table_node *node = t->bucket[i];

		while (node) {
			struct table_node *next = node->next;
			struct table_node **to = bucket_of(&larger, node->hash);

			node->next = *to;
			*to = node;
			node = next;
		}
	}
	free(t->bucket);
	*t = larger;
	return 0;
}

int table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	struct table_node **to;

	/* A full table still works without growing, only slower. */
	if (t->count >= t->bucket_count && grow(t) && !t->bucket_count)
		return -ENOMEM;
	to = bucket_of(t, hash);
	node->hash = hash;
	node->next = *to;
	*to = node;
	t->count++;
	return 0;
}

void table_remove(struct table *t, struct table_node *node)
{
	struct table_node **at;

	if (!t->bucket_count)
		return;
	for (at = bucket_of(t, node->hash); *at; at = &(*at)->next) {
		if (*at != node)
			continue;
		*at = node->next;
		node->next = NULL;
		t->count--;
		return;
	}
}

static struct table_node *same_hash(struct table_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct table_node *table_first(const struct table *t, uint64_t hash)
{
	return t->bucket_count ? same_hash(*bucket_of(t, hash), hash) : NULL;
}

struct table_node *table_next(const struct table_node *node)
{
	return same_hash(node->next, node->hash);
}

void table_warm_bucket(const struct table *t, uint64_t hash)
{
	if (t->bucket_count)
		__builtin_prefetch(bucket_of(t, hash));
}

const struct table_node *table_front(const struct table *t, uint64_t hash)
{
	return t->bucket_count ? *bucket_of(t, hash) : NULL;
}

struct table_node *table_walk(const struct table *t, const struct table_node *after)
{
	size_t i = 0;

	if (after) {
		if (after->next)
			return after->next;
		i = (after->hash & (t->bucket_count - 1)) + 1;
	}
	for (; i < t->bucket_count; i++)
		if (t->bucket[i])
			return t->bucket[i];
	return NULL;
}

/* Inline, all of it: a hash is taken of every frame's key. */
#define every_frame static inline __attribute__((always_inline))

every_frame uint64_t turn(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

every_frame void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = turn(v[1], 13) ^ v[0];
	v[3] = turn(v[3], 16) ^ v[2];
	v[0] = turn(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = turn(v[1], 17) ^ v[2];
	v[3] = turn(v[3], 21) ^ v[0];
	v[2] = turn(v[2], 32);
}

/* Eight bytes as a little-endian number. */
every_frame uint64_t word_of(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* The last bytes, fewer than eight. */
static uint64_t rest_of(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return word;
}

every_frame void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t table_hash(uint64_t seed, const void *bytes, size_t len)
{
	uint64_t other = turn(seed, 32) ^ 0x9e3779b97f4a7c15ULL;
	uint64_t v[4] = {
		seed ^ 0x736f6d6570736575ULL,
		other ^ 0x646f72616e646f6dULL,
		seed ^ 0x6c7967656e657261ULL,
		other ^ 0x7465646279746573ULL,
	};
	const uint8_t *at = bytes;
	size_t left = len;

	for (; left >= 8; at += 8, left -= 8)
		sip_word(v, word_of(at));
	sip_word(v, (uint64_t)len << 56 | rest_of(at, left));
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
