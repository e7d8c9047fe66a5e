/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: AES-128 and GCM by instructions made for them; elsewhere there are none.
 *
 * Standards: FIPS 197 5.1 and 5.2; NIST SP 800-38D 6.3 to 7.2; RFC 8452 A, for GHASH is worked out
 * as POLYVAL is, whose bits are in the order of the instructions.
 */
#include "crypt/machine.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define MACHINE	   __attribute__((target("aes,pclmul,ssse3,sse4.1")))
#define MACHINE_IN MACHINE static inline __attribute__((always_inline))

enum { ROUNDS = 10, BLOCK = 16, AT_ONCE = 8 };

struct key {
	__m128i round[ROUNDS + 1];
};

bool machine_is_here(void)
{
	const unsigned wanted = bit_AES | bit_PCLMUL | bit_SSSE3 | bit_SSE4_1;
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & wanted) == wanted;
}

MACHINE_IN __m128i load(const uint8_t *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

MACHINE_IN void store(uint8_t *at, __m128i v)
{
	_mm_storeu_si128((__m128i *)at, v);
}

/* In the order of POLYVAL: the last byte first. */
MACHINE_IN __m128i turned(__m128i v)
{
	return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

/* FIPS 197 5.2. The last round of a state of four like columns substitutes a word. */
MACHINE_IN void set_key(struct key *k, const uint8_t bytes[BLOCK])
{
	const __m128i last_turned = _mm_set1_epi32(0x0c0f0e0d);
	__m128i v = load(bytes);

	k->round[0] = v;
	for (int i = 1, constant = 1; i <= ROUNDS; i++) {
		__m128i word = _mm_shuffle_epi8(v, last_turned);

		word = _mm_aesenclast_si128(word, _mm_set1_epi32(constant));
		v = _mm_xor_si128(v, _mm_slli_si128(v, 4));
		v = _mm_xor_si128(v, _mm_slli_si128(v, 8));
		v = _mm_xor_si128(v, word);
		k->round[i] = v;
		constant = (constant << 1 ^ (constant >> 7) * 0x11b) & 0xff;
	}
}

/* So many blocks, side by side. */
MACHINE_IN void encrypt(const struct key *k, __m128i *block, int n)
{
	for (int i = 0; i < n; i++)
		block[i] = _mm_xor_si128(block[i], k->round[0]);
#pragma GCC unroll 10
	for (int r = 1; r < ROUNDS; r++)
#pragma GCC unroll 8
		for (int i = 0; i < n; i++)
			block[i] = _mm_aesenc_si128(block[i], k->round[r]);
#pragma GCC unroll 8
	for (int i = 0; i < n; i++)
		block[i] = _mm_aesenclast_si128(block[i], k->round[ROUNDS]);
}

MACHINE void machine_aes(const uint8_t key[BLOCK], const uint8_t in[BLOCK], uint8_t out[BLOCK])
{
	__m128i block = load(in);
	struct key k;

	set_key(&k, key);
	encrypt(&k, &block, 1);
	store(out, block);
}

/* A product of 256 bits, or a sum of such, the middle not yet added in. */
struct product {
	__m128i low, middle, high;
};

MACHINE_IN void add_product(struct product *p, __m128i a, __m128i b)
{
	__m128i middle = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01),
				       _mm_clmulepi64_si128(a, b, 0x10));

	p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(a, b, 0x00));
	p->middle = _mm_xor_si128(p->middle, middle);
	p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(a, b, 0x11));
}

/* Divided by x^128, in the field of POLYVAL (RFC 8452 3). */
MACHINE_IN __m128i reduced(const struct product *p)
{
	const __m128i field = _mm_set_epi64x((long long)0xc200000000000000, 1);
	__m128i low = _mm_xor_si128(p->low, _mm_slli_si128(p->middle, 8));
	__m128i high = _mm_xor_si128(p->high, _mm_srli_si128(p->middle, 8));

	for (int i = 0; i < 2; i++)
		low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e),
				    _mm_clmulepi64_si128(low, field, 0x10));
	return _mm_xor_si128(low, high);
}

MACHINE_IN __m128i times(__m128i a, __m128i b)
{
	struct product p = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};

	add_product(&p, a, b);
	return reduced(&p);
}

/* GHASH under way: the sum, and the powers of what it is multiplied with, the first lowest. */
struct ghash {
	__m128i sum, power[AT_ONCE];
};

MACHINE_IN void ghash_begin(struct ghash *g, __m128i hash_key)
{
	__m128i h = turned(hash_key);
	/* Times x, in the field of POLYVAL. */
	__m128i top = _mm_shuffle_epi32(_mm_srai_epi32(h, 31), 0xff);
	__m128i carry = _mm_slli_si128(_mm_srli_epi64(h, 63), 8);

	h = _mm_or_si128(_mm_slli_epi64(h, 1), carry);
	h = _mm_xor_si128(h, _mm_and_si128(top, _mm_set_epi64x((long long)0xc200000000000000, 1)));
	g->sum = _mm_setzero_si128();
	g->power[0] = h;
	g->power[1] = times(h, h);
	g->power[2] = times(g->power[1], h);
	g->power[3] = times(g->power[1], g->power[1]);
	for (int i = 4; i < AT_ONCE; i++)
		g->power[i] = times(g->power[3], g->power[i - 4]);
}

/* The next n blocks, AT_ONCE at most. */
MACHINE_IN void ghash_add(struct ghash *g, const __m128i *block, int n)
{
	struct product p = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};

#pragma GCC unroll 8
	for (int i = 0; i < n && i < AT_ONCE; i++) {
		__m128i v = turned(block[i]);

		add_product(&p, i ? v : _mm_xor_si128(v, g->sum), g->power[n - 1 - i]);
	}
	g->sum = reduced(&p);
}

/* Up to AT_ONCE blocks of bytes, the last filled up with zeros. Returns how many. */
MACHINE_IN int load_blocks(__m128i block[AT_ONCE], struct slice bytes)
{
	uint8_t last[BLOCK] = {0};
	int n = 0;

	for (; bytes.len >= BLOCK; bytes = slice_from(bytes, BLOCK))
		block[n++] = load(bytes.at);
	if (bytes.len) {
		memcpy(last, bytes.at, bytes.len);
		block[n++] = load(last);
	}
	return n;
}

/* Opens AT_ONCE blocks, whose counters are from `next` on (SP 800-38D 6.5), into out. */
MACHINE_IN void decrypt(const struct key *k, __m128i nonce, uint32_t next, const __m128i *block,
			uint8_t *out)
{
	__m128i stream[AT_ONCE];

#pragma GCC unroll 8
	for (int i = 0; i < AT_ONCE; i++)
		stream[i] = _mm_insert_epi32(nonce, (int)__builtin_bswap32(next + (uint32_t)i), 3);
	encrypt(k, stream, AT_ONCE);
#pragma GCC unroll 8
	for (int i = 0; i < AT_ONCE; i++)
		store(out + BLOCK * i, _mm_xor_si128(block[i], stream[i]));
}

/* The text, into plain unless that is NULL, and into the sum. */
MACHINE_IN void open_text(const struct key *k, __m128i nonce, struct ghash *g, struct slice text,
			  uint8_t *plain)
{
	__m128i block[AT_ONCE];
	uint8_t last[sizeof(block)];
	uint32_t next = 2;
	int n;

	for (; text.len >= sizeof(block); text = slice_from(text, sizeof(block))) {
#pragma GCC unroll 8
		for (int i = 0; i < AT_ONCE; i++)
			block[i] = load(text.at + BLOCK * i);
		if (plain) {
			decrypt(k, nonce, next, block, plain);
			plain += sizeof(block);
			next += AT_ONCE;
		}
		ghash_add(g, block, AT_ONCE);
	}
	if (!text.len)
		return;
	for (int i = 0; i < AT_ONCE; i++)
		block[i] = _mm_setzero_si128();
	n = load_blocks(block, text);
	if (plain) {
		decrypt(k, nonce, next, block, last);
		memcpy(plain, last, text.len);
	}
	ghash_add(g, block, n);
}

MACHINE bool machine_gcm_open(const uint8_t key[BLOCK], const uint8_t nonce[12], struct slice head,
			      struct slice sealed, uint8_t *plain)
{
	struct slice text = slice_first(sealed, sealed.len - BLOCK);
	__m128i first[2] = {_mm_setzero_si128()}, block[AT_ONCE], counter, lengths, wrong;
	uint8_t bytes[BLOCK] = {0};
	struct ghash g;
	struct key k;

	memcpy(bytes, nonce, 12);
	counter = load(bytes);
	first[1] = _mm_insert_epi32(counter, 1 << 24, 3);
	lengths = _mm_set_epi64x((long long)__builtin_bswap64(text.len * 8),
				 (long long)__builtin_bswap64(head.len * 8));
	set_key(&k, key);
	encrypt(&k, first, 2); /* what GHASH multiplies with, and what the tag is hidden by */
	ghash_begin(&g, first[0]);
	for (; head.len; head = slice_from(head, sizeof(block)))
		ghash_add(&g, block, load_blocks(block, slice_first(head, sizeof(block))));
	open_text(&k, counter, &g, text, plain);
	ghash_add(&g, &lengths, 1);
	wrong = _mm_xor_si128(_mm_xor_si128(first[1], turned(g.sum)), load(sealed.at + text.len));
	if (_mm_testz_si128(wrong, wrong))
		return true;
	if (plain && text.len)
		memset(plain, 0, text.len);
	return false;
}

#else

bool machine_is_here(void)
{
	return false;
}

void machine_aes(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
	(void)key;
	(void)in;
	(void)out;
}

bool machine_gcm_open(const uint8_t key[16], const uint8_t nonce[12], struct slice head,
		      struct slice sealed, uint8_t *plain)
{
	(void)key;
	(void)nonce;
	(void)head;
	(void)sealed;
	(void)plain;
	return false;
}

#endif
