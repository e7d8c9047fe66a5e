/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: AES-128 with one table of a round, GHASH four bits at a time. FIPS 197 5.1 and 5.2,
 * SP 800-38D 6.3 to 7.2.
 */
#include "crypt/gcm.h"

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
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void store32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (24 - 8 * i));
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

void aes_table_make(struct aes_table *t)
{
	for (int i = 0; i < 256; i++) {
		uint8_t s = sbox[i], d = twice(s);

		t->t[i] = (uint32_t)d << 24 | (uint32_t)s << 16 | (uint32_t)s << 8 |
			  (uint8_t)(d ^ s);
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

void aes_encrypt(const struct aes_table *t, const struct aes_key *k, const uint8_t in[AES_BLOCK],
		 uint8_t out[AES_BLOCK])
{
	uint32_t s[4], n[4];

	for (int i = 0; i < 4; i++)
		s[i] = load32(in + 4 * i) ^ k->word[i];
	for (int r = 1; r < ROUNDS; r++) {
		for (int i = 0; i < 4; i++)
			n[i] = t->t[s[i] >> 24] ^ turn(t->t[s[(i + 1) & 3] >> 16 & 255], 8) ^
			       turn(t->t[s[(i + 2) & 3] >> 8 & 255], 16) ^
			       turn(t->t[s[(i + 3) & 3] & 255], 24) ^ k->word[4 * r + i];
		memcpy(s, n, sizeof(s));
	}
	for (int i = 0; i < 4; i++) {
		uint32_t w = (s[i] & 0xff000000) | (s[(i + 1) & 3] & 0xff0000) |
			     (s[(i + 2) & 3] & 0xff00) | (s[(i + 3) & 3] & 0xff);

		store32(out + 4 * i, substitute(w) ^ k->word[4 * ROUNDS + i]);
	}
}

/* An element of GF(2^128), its first bit the highest of hi (SP 800-38D 6.3). */
struct element {
	uint64_t hi, lo;
};

/* H times every polynomial of four bits. */
struct ghash {
	struct element times[16], sum;
};

static struct element shift(struct element v)
{
	uint64_t out = v.lo & 1;

	v.lo = v.lo >> 1 | v.hi << 63;
	v.hi = v.hi >> 1 ^ out * 0xe100000000000000;
	return v;
}

static void ghash_begin(struct ghash *g, const uint8_t h[AES_BLOCK])
{
	*g = (struct ghash){.times[8] = {load64(h), load64(h + 8)}};
	for (int i = 4; i > 0; i /= 2)
		g->times[i] = shift(g->times[2 * i]);
	for (int i = 2; i < 16; i *= 2)
		for (int j = 1; j < i; j++)
			g->times[i + j] = (struct element){g->times[i].hi ^ g->times[j].hi,
							   g->times[i].lo ^ g->times[j].lo};
}

/* What the four bits that a shift by four drops come back as. */
static const uint16_t back[16] = {0x0000, 0x1c20, 0x3840, 0x2460, 0x7080, 0x6ca0, 0x48c0, 0x54e0,
				  0xe100, 0xfd20, 0xd940, 0xc560, 0x9180, 0x8da0, 0xa9c0, 0xb5e0};

static void ghash_block(struct ghash *g, const uint8_t block[AES_BLOCK])
{
	struct element x = {g->sum.hi ^ load64(block), g->sum.lo ^ load64(block + 8)};
	struct element z = {0, 0};

	for (int i = 0; i < 32; i++) {
		uint64_t half = i < 16 ? x.lo : x.hi;
		const struct element *m = &g->times[half >> 4 * (i & 15) & 15];

		if (i) {
			uint64_t out = back[z.lo & 15];

			z.lo = z.lo >> 4 | z.hi << 60;
			z.hi = z.hi >> 4 ^ out << 48;
		}
		z.hi ^= m->hi;
		z.lo ^= m->lo;
	}
	g->sum = z;
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
	store32(out, (uint32_t)(g->sum.hi >> 32));
	store32(out + 4, (uint32_t)g->sum.hi);
	store32(out + 8, (uint32_t)(g->sum.lo >> 32));
	store32(out + 12, (uint32_t)g->sum.lo);
}

/* GCTR (6.5), from the counter block behind the nonce's first. */
static void decrypt(const struct aes_table *t, const struct aes_key *k, uint8_t counter[AES_BLOCK],
		    struct slice in, uint8_t *out)
{
	uint8_t pad[AES_BLOCK];

	for (uint32_t n = 2; in.len; n++) {
		size_t len = in.len < AES_BLOCK ? in.len : AES_BLOCK;

		store32(counter + 12, n);
		aes_encrypt(t, k, counter, pad);
		for (size_t i = 0; i < len; i++)
			out[i] = in.at[i] ^ pad[i];
		out += len;
		in = slice_from(in, len);
	}
}

bool gcm_open(const struct aes_table *t, const uint8_t key[16], const uint8_t nonce[12],
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
	if (!wrong)
		decrypt(t, &k, counter, text, plain);
	else if (text.len)
		memset(plain, 0, text.len);
	return !wrong;
}
