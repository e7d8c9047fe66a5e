/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: AES-128 by tables of a round, GHASH by a table for each half of a byte. FIPS 197 5.1
 * and 5.2, SP 800-38D 6.3 to 7.2.
 */
#include "crypt/gcm.h"

#include "crypt/count.h"
#include "dpi/types.h"

enum { ROUNDS = 10, TAG = 16 };

/* FIPS 197 5.1.1 */
static const uint8_t sbox[256] = {
	0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab,
	0x76, 0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4,
	0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71,
	0xd8, 0x31, 0x15, 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2,
	0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6,
	0xb3, 0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb,
	0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf, 0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45,
	0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5,
	0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44,
	0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73, 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a,
	0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49,
	0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d,
	0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08, 0xba, 0x78, 0x25,
	0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a, 0x70, 0x3e,
	0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e, 0xe1,
	0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
	0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb,
	0x16,
};

static inline uint32_t load32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return dpi_be32(v);
}

static inline void store32(uint8_t *at, uint32_t v)
{
	v = dpi_be32(v);
	memcpy(at, &v, sizeof(v));
}

static inline uint64_t load64(const uint8_t *at)
{
	return (uint64_t)load32(at) << 32 | load32(at + 4);
}

static inline uint32_t turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

/* Times x in GF(2^8) (4.2.1). */
static uint8_t twice(uint8_t x)
{
	return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b);
}

void gcm_table_make(struct gcm_table *t)
{
	for (unsigned i = 0; i < 256; i++) {
		uint8_t s = sbox[i], d = twice(s);
		uint32_t w = (uint32_t)d << 24 | (uint32_t)s << 16 | (uint32_t)s << 8 |
			     (uint8_t)(d ^ s);

		t->round[0][i] = w;
		for (int place = 1; place < 4; place++)
			t->round[place][i] = turn(w, 8 * place);
	}
}

static uint32_t substitute(uint32_t w)
{
	return (uint32_t)sbox[w >> 24] << 24 | (uint32_t)sbox[w >> 16 & 255] << 16 |
	       (uint32_t)sbox[w >> 8 & 255] << 8 | sbox[w & 255];
}

/* 5.2 */
void aes_set_key(struct aes_key *k, const uint8_t key[16])
{
	uint8_t round = 1;

	for (int i = 0; i < 4; i++)
		k->word[i] = load32(key + 4 * i);
	for (int i = 4; i < AES_WORDS; i++) {
		uint32_t w = k->word[i - 1];

		if (i % 4 == 0) {
			w = substitute(turn(w, 24)) ^ (uint32_t)round << 24;
			round = twice(round);
		}
		k->word[i] = k->word[i - 4] ^ w;
	}
}

/* A column of the next state: one byte of each of four words, each a row further on. */
static inline uint32_t column(const struct gcm_table *t, uint32_t a, uint32_t b, uint32_t c,
			      uint32_t d)
{
	return t->round[0][a >> 24] ^ t->round[1][b >> 16 & 255] ^ t->round[2][c >> 8 & 255] ^
	       t->round[3][d & 255];
}

static uint32_t last_column(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return substitute((a & 0xff000000) | (b & 0xff0000) | (c & 0xff00) | (d & 0xff));
}

void aes_encrypt(const struct gcm_table *t, const struct aes_key *key, const uint8_t in[AES_BLOCK],
		 uint8_t out[AES_BLOCK])
{
	const uint32_t *k = key->word;
	uint32_t a = load32(in) ^ k[0], b = load32(in + 4) ^ k[1];
	uint32_t c = load32(in + 8) ^ k[2], d = load32(in + 12) ^ k[3];

	for (int r = 1; r < ROUNDS; r++) {
		uint32_t e, f, g, h;

		k += 4;
		e = column(t, a, b, c, d) ^ k[0];
		f = column(t, b, c, d, a) ^ k[1];
		g = column(t, c, d, a, b) ^ k[2];
		h = column(t, d, a, b, c) ^ k[3];
		a = e;
		b = f;
		c = g;
		d = h;
	}
	k += 4;
	store32(out, last_column(a, b, c, d) ^ k[0]);
	store32(out + 4, last_column(b, c, d, a) ^ k[1]);
	store32(out + 8, last_column(c, d, a, b) ^ k[2]);
	store32(out + 12, last_column(d, a, b, c) ^ k[3]);
}

/* An element of GF(2^128), its first bit the highest of its first half (SP 800-38D 6.3). */
typedef uint64_t element __attribute__((vector_size(16)));

enum { NIBBLES = 2 * AES_BLOCK };

/* H times every value of each half byte of a block: no step waits for the one before. */
struct ghash {
	element times[NIBBLES][16], sum;
};

static inline element element_of(const uint8_t *at)
{
	return (element){load64(at), load64(at + 8)};
}

/* Times x. */
static inline element shift(element v)
{
	uint64_t hi = v[0], lo = v[1];

	return (element){hi >> 1 ^ (lo & 1) * 0xe100000000000000, lo >> 1 | hi << 63};
}

static void ghash_begin(struct ghash *g, const uint8_t h[AES_BLOCK])
{
	element v = element_of(h), none = {0, 0};

	g->sum = none;
	for (int n = 0; n < NIBBLES; n++) {
		element *t = g->times[n];

		t[0] = none;
		for (int bit = 8; bit; bit /= 2) {
			t[bit] = v;
			v = shift(v);
		}
		for (int bit = 2; bit < 16; bit *= 2)
			for (int i = 1; i < bit; i++)
				t[bit + i] = t[bit] ^ t[i];
	}
}

static inline element half(const struct ghash *g, int from, uint64_t word)
{
	element sum = {0, 0};

	for (int i = 0; i < NIBBLES / 2; i++)
		sum ^= g->times[from + i][word >> (60 - 4 * i) & 15];
	return sum;
}

static void ghash_block(struct ghash *g, const uint8_t block[AES_BLOCK])
{
	element v = g->sum ^ element_of(block);

	g->sum = half(g, 0, v[0]) ^ half(g, NIBBLES / 2, v[1]);
}

/* The last block is filled up with zeros. */
static void ghash_add(struct ghash *g, struct slice bytes)
{
	uint8_t last[AES_BLOCK] = {0};

	for (; bytes.len >= AES_BLOCK; bytes = slice_from(bytes, AES_BLOCK))
		ghash_block(g, bytes.at);
	if (!bytes.len)
		return;
	memcpy(last, bytes.at, bytes.len);
	ghash_block(g, last);
}

/* Adds the lengths in bits (7.1) and gives the sum. */
static void ghash_end(struct ghash *g, size_t head_len, size_t len, uint8_t out[AES_BLOCK])
{
	uint64_t bits[2] = {(uint64_t)head_len * 8, (uint64_t)len * 8};
	uint8_t block[AES_BLOCK];

	for (int i = 0; i < 2; i++) {
		store32(block + 8 * i, (uint32_t)(bits[i] >> 32));
		store32(block + 8 * i + 4, (uint32_t)bits[i]);
	}
	ghash_block(g, block);
	for (int i = 0; i < 2; i++) {
		store32(out + 8 * i, (uint32_t)(g->sum[i] >> 32));
		store32(out + 8 * i + 4, (uint32_t)g->sum[i]);
	}
}

bool gcm_open(const struct gcm_table *t, const uint8_t key[16], const uint8_t nonce[12],
	      struct slice head, struct slice sealed, uint8_t *plain)
{
	uint8_t counter[AES_BLOCK] = {0}, mask[AES_BLOCK], tag[AES_BLOCK], wrong = 0;
	struct slice text;
	struct aes_key k;
	struct ghash g;

	if (sealed.len < TAG)
		return false;
	text = slice_first(sealed, sealed.len - TAG);
	aes_set_key(&k, key);
	aes_encrypt(t, &k, counter, mask);
	ghash_begin(&g, mask);
	ghash_add(&g, head);
	ghash_add(&g, text);
	ghash_end(&g, head.len, text.len, tag);
	memcpy(counter, nonce, 12);
	counter[15] = 1;
	aes_encrypt(t, &k, counter, mask);
	for (int i = 0; i < TAG; i++)
		wrong |= tag[i] ^ mask[i] ^ sealed.at[text.len + (size_t)i];
	if (!plain)
		return !wrong;
	if (!wrong)
		aes_count(t, &k, nonce, text, plain);
	else if (text.len)
		memset(plain, 0, text.len);
	return !wrong;
}
