/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: SHA-256 by the letter of FIPS 180-4 6.2, and by the machine's own instructions where
 * it has them; HMAC by RFC 2104 2.
 */
#include "crypt/sha256.h"

#include "dpi/types.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4 4.2.2 */
static const uint32_t k256[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

/* 5.3.3 */
static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static inline uint32_t turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

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

/* One round; its eight words keep their places, and are called otherwise in the next. */
static inline __attribute__((always_inline)) void take_round(uint32_t a, uint32_t b, uint32_t c,
							     uint32_t *d, uint32_t e, uint32_t f,
							     uint32_t g, uint32_t *h, uint32_t w)
{
	uint32_t t1 = *h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (g ^ (e & (f ^ g))) + w;
	uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) | (c & (a | b)));

	*d += t1;
	*h = t1 + t2;
}

/* Word t of the schedule, in the place of word t - 16. */
static inline void next_word(uint32_t *w, int t)
{
	uint32_t a = w[(t + 1) & 15], b = w[(t + 14) & 15];

	w[t & 15] += w[(t + 9) & 15] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) +
		     (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
}

/* Sixteen words, as they are on the wire, or else as numbers. */
struct block {
	const void *at;
	bool is_wire;
};

/* 6.2.2 */
static void take_plain(uint32_t state[8], struct block block)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7], w[16];

	memcpy(w, block.at, sizeof(w));
	for (int t = 0; t < 16 && block.is_wire; t++)
		w[t] = dpi_be32(w[t]);
	for (int t = 0; t < 64; t += 8) {
		const uint32_t *k = k256 + t;

		if (t >= 16)
			for (int i = 0; i < 8; i++)
				next_word(w, t + i);
		take_round(a, b, c, &d, e, f, g, &h, k[0] + w[t & 15]);
		take_round(h, a, b, &c, d, e, f, &g, k[1] + w[(t + 1) & 15]);
		take_round(g, h, a, &b, c, d, e, &f, k[2] + w[(t + 2) & 15]);
		take_round(f, g, h, &a, b, c, d, &e, k[3] + w[(t + 3) & 15]);
		take_round(e, f, g, &h, a, b, c, &d, k[4] + w[(t + 4) & 15]);
		take_round(d, e, f, &g, h, a, b, &c, k[5] + w[(t + 5) & 15]);
		take_round(c, d, e, &f, g, h, a, &b, k[6] + w[(t + 6) & 15]);
		take_round(b, c, d, &e, f, g, h, &a, k[7] + w[(t + 7) & 15]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

#if defined(__x86_64__)

enum sha256_way sha256_way_here(void)
{
	unsigned a, b, c, d, has_sha;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return SHA256_PLAIN;
	has_sha = b & bit_SHA;
	return has_sha && __get_cpuid(1, &a, &b, &c, &d) && c & bit_SSSE3 && c & bit_SSE4_1
		       ? SHA256_MACHINE
		       : SHA256_PLAIN;
}

#define MACHINE	   __attribute__((target("sha,ssse3,sse4.1")))
#define MACHINE_IN MACHINE static inline __attribute__((always_inline))

/* A block under way. The instructions want the state as two words of four: ABEF and CDGH, A the
 * highest. */
struct lane {
	__m128i abef, cdgh, w[4];
};

MACHINE_IN void begin_lane(struct lane *l, const uint32_t state[8], struct block block)
{
	const __m128i turn_bytes = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i dcba = _mm_loadu_si128((const __m128i *)state);
	__m128i hgfe = _mm_loadu_si128((const __m128i *)(state + 4));
	__m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);

	l->abef = _mm_alignr_epi8(cdab, efgh, 8);
	l->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
	for (int i = 0; i < 4; i++) {
		l->w[i] = _mm_loadu_si128((const __m128i *)block.at + i);
		if (block.is_wire)
			l->w[i] = _mm_shuffle_epi8(l->w[i], turn_bytes);
	}
}

/* Four rounds, from 4 * i on. */
MACHINE_IN void step_lane(struct lane *l, int i)
{
	__m128i *now = &l->w[i & 3], *last = &l->w[(i + 3) & 3], sum;

	if (i >= 4) { /* in the place of those of sixteen rounds ago */
		*now = _mm_sha256msg1_epu32(*now, l->w[(i + 1) & 3]);
		*now = _mm_add_epi32(*now, _mm_alignr_epi8(*last, l->w[(i + 2) & 3], 4));
		*now = _mm_sha256msg2_epu32(*now, *last);
	}
	sum = _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(k256 + 4 * i)));
	l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, sum);
	l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

MACHINE_IN void end_lane(const struct lane *l, uint32_t state[8])
{
	__m128i feba = _mm_shuffle_epi32(l->abef, 0x1b), dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);
	__m128i *low = (__m128i *)state, *high = (__m128i *)(state + 4);

	_mm_storeu_si128(low,
			 _mm_add_epi32(_mm_loadu_si128(low), _mm_blend_epi16(feba, dchg, 0xf0)));
	_mm_storeu_si128(high,
			 _mm_add_epi32(_mm_loadu_si128(high), _mm_alignr_epi8(dchg, feba, 8)));
}

MACHINE static void take_machine(uint32_t state[8], struct block block)
{
	struct lane l;

	begin_lane(&l, state, block);
#pragma GCC unroll 16
	for (int i = 0; i < 16; i++)
		step_lane(&l, i);
	end_lane(&l, state);
}

/* Two take little longer than one: each round waits for the one before it. */
MACHINE static void take_machine_pair(uint32_t a[8], struct block block_a, uint32_t b[8],
				      struct block block_b)
{
	struct lane x, y;

	begin_lane(&x, a, block_a);
	begin_lane(&y, b, block_b);
#pragma GCC unroll 16
	for (int i = 0; i < 16; i++) {
		step_lane(&x, i);
		step_lane(&y, i);
	}
	end_lane(&x, a);
	end_lane(&y, b);
}

#else

enum sha256_way sha256_way_here(void)
{
	return SHA256_PLAIN;
}

#define take_machine		      take_plain
#define take_machine_pair(a, x, b, y) (take_plain(a, x), take_plain(b, y))

#endif

static void take_block(enum sha256_way way, uint32_t state[8], struct block block)
{
	if (way == SHA256_MACHINE)
		take_machine(state, block);
	else
		take_plain(state, block);
}

/* Two that do not hang on each other. */
static void take_pair(enum sha256_way way, uint32_t a[8], struct block block_a, uint32_t b[8],
		      struct block block_b)
{
	if (way == SHA256_MACHINE) {
		take_machine_pair(a, block_a, b, block_b);
	} else {
		take_plain(a, block_a);
		take_plain(b, block_b);
	}
}

void sha256(enum sha256_way way, struct slice bytes, uint8_t out[SHA256_LEN])
{
	uint8_t last[2 * SHA256_BLOCK] = {0};
	uint64_t bits = (uint64_t)bytes.len * 8;
	uint32_t h[SHA256_WORDS];
	size_t len;

	memcpy(h, start, sizeof(h));
	for (; bytes.len >= SHA256_BLOCK; bytes = slice_from(bytes, SHA256_BLOCK))
		take_block(way, h, (struct block){bytes.at, true});
	if (bytes.len)
		memcpy(last, bytes.at, bytes.len);
	last[bytes.len] = 0x80; /* the padding (5.1.1) */
	len = bytes.len + 9 <= SHA256_BLOCK ? SHA256_BLOCK : 2 * SHA256_BLOCK;
	store32(last + len - 8, (uint32_t)(bits >> 32));
	store32(last + len - 4, (uint32_t)bits);
	for (size_t at = 0; at < len; at += SHA256_BLOCK)
		take_block(way, h, (struct block){last + at, true});
	sha256_put(h, out, SHA256_LEN);
}

void sha256_put(const uint32_t words[SHA256_WORDS], uint8_t *out, size_t len)
{
	uint8_t bytes[SHA256_LEN];

	for (int i = 0; i < SHA256_WORDS; i++)
		store32(bytes + 4 * i, words[i]);
	memcpy(out, bytes, len);
}

/* A key's two blocks. */
struct pads {
	uint32_t inner[SHA256_BLOCK / 4], outer[SHA256_BLOCK / 4];
};

static void set_pads(struct pads *p, const uint32_t key[SHA256_WORDS])
{
	for (int i = 0; i < SHA256_BLOCK / 4; i++) {
		uint32_t word = i < SHA256_WORDS ? key[i] : 0;

		p->inner[i] = word ^ 0x36363636;
		p->outer[i] = word ^ 0x5c5c5c5c;
	}
}

void hmac_set_words(struct hmac_key *k, enum sha256_way way, const uint32_t key[SHA256_WORDS])
{
	struct pads p;

	set_pads(&p, key);
	k->way = way;
	memcpy(k->inner, start, sizeof(start));
	memcpy(k->outer, start, sizeof(start));
	take_pair(way, k->inner, (struct block){p.inner, false}, k->outer,
		  (struct block){p.outer, false});
}

void hmac_set_key(struct hmac_key *k, enum sha256_way way, struct slice key)
{
	uint8_t bytes[SHA256_LEN] = {0};
	uint32_t words[SHA256_WORDS];

	if (key.len)
		memcpy(bytes, key.at, key.len);
	for (int i = 0; i < SHA256_WORDS; i++)
		words[i] = load32(bytes + 4 * i);
	hmac_set_words(k, way, words);
}

void hmac_pad(struct slice bytes, uint8_t out[SHA256_BLOCK])
{
	memset(out, 0, SHA256_BLOCK);
	if (bytes.len)
		memcpy(out, bytes.at, bytes.len);
	out[bytes.len] = 0x80;
	store32(out + SHA256_BLOCK - 4, (uint32_t)(SHA256_BLOCK + bytes.len) * 8);
}

/* Behind the inner hash in the outer key's second block: the end, and how many bits. */
static const uint32_t hash_padding[SHA256_WORDS] = {
	[0] = 0x80000000,
	[SHA256_WORDS - 1] = (SHA256_BLOCK + SHA256_LEN) * 8,
};

void hmac(const struct hmac_key *k, const uint8_t padded[SHA256_BLOCK], uint32_t out[SHA256_WORDS])
{
	uint32_t last[SHA256_BLOCK / 4], h[SHA256_WORDS];

	memcpy(h, k->inner, sizeof(h));
	take_block(k->way, h, (struct block){padded, true});
	memcpy(last, h, sizeof(h));
	memcpy(last + SHA256_WORDS, hash_padding, sizeof(hash_padding));
	memcpy(out, k->outer, sizeof(k->outer));
	take_block(k->way, out, (struct block){last, false});
}

void hmac_pair(const struct hmac_key *a, const struct hmac_key *b, const uint8_t *const padded[2],
	       uint32_t out[2][SHA256_WORDS])
{
	uint32_t last[2][SHA256_BLOCK / 4], h[2][SHA256_WORDS];

	memcpy(h[0], a->inner, sizeof(h[0]));
	memcpy(h[1], b->inner, sizeof(h[1]));
	take_pair(a->way, h[0], (struct block){padded[0], true}, h[1],
		  (struct block){padded[1], true});
	for (int i = 0; i < 2; i++) {
		memcpy(last[i], h[i], sizeof(h[i]));
		memcpy(last[i] + SHA256_WORDS, hash_padding, sizeof(hash_padding));
	}
	memcpy(out[0], a->outer, sizeof(out[0]));
	memcpy(out[1], b->outer, sizeof(out[1]));
	take_pair(a->way, out[0], (struct block){last[0], false}, out[1],
		  (struct block){last[1], false});
}
