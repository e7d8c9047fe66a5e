/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: crypt/count.h eight blocks at a time, for there are vectors, but no instruction for
 * AES. A vector holds one bit of every byte of all eight: bit k of its byte i is of block k's byte
 * i. So a substitution is the same few logical operations for 128 bytes, and looks nothing up.
 *
 * Standards: FIPS 197 5.1; the substitution as a circuit is that of Boyar and Peralta, "A depth-16
 * circuit for the AES S-box" (2011), without its last negations, which are in the round's key.
 */
#include "crypt/count.h"

#include "dpi/types.h"

enum { ROUNDS = 10, BITS = 8, BLOCKS = 8 };

typedef uint8_t bytes __attribute__((vector_size(16)));
typedef uint32_t words __attribute__((vector_size(16)));
typedef uint64_t longs __attribute__((vector_size(16)));

/* By bit, the lowest first. */
struct sliced {
	bytes bit[BITS];
};

static inline bytes load(const void *at)
{
	bytes v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline void store(uint8_t *at, bytes v)
{
	memcpy(at, &v, sizeof(v));
}

/* The same sixteen bytes as every block. */
static inline void spread(bytes v, struct sliced *out)
{
	for (int i = 0; i < BITS; i++)
		out->bit[i] = (bytes)((v & (uint8_t)(1U << i)) != 0);
}

/* Keys of all rounds, with what the circuit leaves out. */
static void spread_key(const struct aes_key *k, struct sliced key[ROUNDS + 1])
{
	for (int r = 0; r <= ROUNDS; r++) {
		words w;

		for (int i = 0; i < 4; i++)
			w[i] = dpi_be32(k->word[4 * r + i]);
		spread((bytes)w ^ (uint8_t)(r ? 0x63 : 0), &key[r]);
	}
}

static inline void swap(bytes *a, bytes *b, int shift, uint64_t mask)
{
	longs x = (longs)*a, y = (longs)*b, differ = ((x >> shift) ^ y) & mask;

	*b = (bytes)(y ^ differ);
	*a = (bytes)(x ^ differ << shift);
}

/* From bits to blocks: bit k of vector i becomes bit i of vector k. */
static inline void gather(struct sliced *s)
{
	static const uint64_t masks[] = {0x5555555555555555, 0x3333333333333333,
					 0x0f0f0f0f0f0f0f0f};

	for (int step = 0; step < 3; step++)
		for (int i = 0; i < BITS; i++)
			if (!(i & 1 << step))
				swap(&s->bit[i], &s->bit[i | 1 << step], 1 << step, masks[step]);
}

/* FIPS 197 5.1.1, but for 0x63. x and s count from the highest bit, as the paper does. */
static inline __attribute__((always_inline)) void substitute(struct sliced *q)
{
	bytes x0 = q->bit[7], x1 = q->bit[6], x2 = q->bit[5], x3 = q->bit[4];
	bytes x4 = q->bit[3], x5 = q->bit[2], x6 = q->bit[1], x7 = q->bit[0];

	/* The linear layer above. */
	bytes y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5, t0 = x1 ^ x2;
	bytes y1 = t0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6;
	bytes y3 = y5 ^ y8, t1 = x4 ^ y12, y15 = t1 ^ x5, y20 = t1 ^ x1, y6 = y15 ^ x7;
	bytes y10 = y15 ^ t0, y11 = y20 ^ y9, y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8;
	bytes y16 = t0 ^ y11, y21 = y13 ^ y16, y18 = x0 ^ y16;

	/* The inversion in GF(2^8), by way of GF(2^4). */
	bytes t2 = y12 & y15, t4 = (y3 & y6) ^ t2, t6 = (y4 & x7) ^ t2, t7 = y13 & y16;
	bytes t9 = (y5 & y1) ^ t7, t11 = (y2 & y7) ^ t7, t12 = y9 & y11;
	bytes t14 = (y14 & y17) ^ t12, t16 = (y8 & y10) ^ t12;
	bytes t21 = t4 ^ t14 ^ y20, t22 = t6 ^ t16 ^ y19, t23 = t9 ^ t14 ^ y21;
	bytes t24 = t11 ^ t16 ^ y18, t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26;
	bytes t29 = (t25 & t27) ^ t22, t30 = t23 ^ t24, t33 = ((t22 ^ t26) & t30) ^ t24;
	bytes t34 = t23 ^ t33, t36 = t24 & (t27 ^ t33), t37 = t36 ^ t34, t38 = t27 ^ t36;
	bytes t40 = t25 ^ (t29 & t38), t41 = t40 ^ t37, t42 = t29 ^ t33, t43 = t29 ^ t40;
	bytes t44 = t33 ^ t37, t45 = t42 ^ t41;
	bytes z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16, z4 = t40 & y1;
	bytes z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12;
	bytes z10 = t37 & y3, z11 = t33 & y4, z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2;
	bytes z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;

	/* The linear layer below. */
	bytes t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10, t50 = z2 ^ z12;
	bytes t51 = z2 ^ z5, t52 = z7 ^ z8, t53 = z0 ^ z3, t54 = z6 ^ z7, t55 = z16 ^ z17;
	bytes t56 = z12 ^ t48, t57 = t50 ^ t53, t58 = z4 ^ t46, t59 = z3 ^ t54, t60 = t46 ^ t57;
	bytes t61 = z14 ^ t57, t62 = t52 ^ t58, t63 = t49 ^ t58, t64 = z4 ^ t59, t65 = t61 ^ t62;
	bytes t66 = z1 ^ t63, t67 = t64 ^ t65, s3 = t53 ^ t66;

	q->bit[7] = t59 ^ t63;
	q->bit[6] = t64 ^ s3;
	q->bit[5] = t55 ^ t67;
	q->bit[4] = s3;
	q->bit[3] = t51 ^ t66;
	q->bit[2] = t47 ^ t65;
	q->bit[1] = t56 ^ t62;
	q->bit[0] = t48 ^ t60;
}

/* 5.1.2 */
static inline bytes shift_rows(bytes v)
{
	return __builtin_shufflevector(v, v, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11);
}

/* The byte so many rows further down, for all columns. */
static inline bytes rows_down(bytes v, int rows)
{
	return (bytes)((words)v >> (8 * rows) | (words)v << (32 - 8 * rows));
}

/* 5.1.2 and 5.1.3: a sum of two neighbours twice, and of the three others. */
static inline __attribute__((always_inline)) void mix(struct sliced *s)
{
	bytes sum[BITS], rest[BITS];

	for (int i = 0; i < BITS; i++) {
		bytes v = shift_rows(s->bit[i]), next = rows_down(v, 1);

		sum[i] = v ^ next;
		rest[i] = next ^ rows_down(sum[i], 2);
	}
	s->bit[0] = rest[0] ^ sum[7];
	s->bit[1] = rest[1] ^ sum[0] ^ sum[7];
	s->bit[2] = rest[2] ^ sum[1];
	s->bit[3] = rest[3] ^ sum[2] ^ sum[7];
	s->bit[4] = rest[4] ^ sum[3] ^ sum[7];
	s->bit[5] = rest[5] ^ sum[4];
	s->bit[6] = rest[6] ^ sum[5];
	s->bit[7] = rest[7] ^ sum[6];
}

static inline void add_key(struct sliced *s, const struct sliced *key)
{
	for (int i = 0; i < BITS; i++)
		s->bit[i] ^= key->bit[i];
}

/* The pads of eight counters, of which first is the lowest and a multiple of eight. */
static void make_pads(const struct sliced key[ROUNDS + 1], const uint8_t nonce[12], uint32_t first,
		      struct sliced *pad)
{
	uint8_t counter[AES_BLOCK];
	__be32 last = dpi_be32(first);

	memcpy(counter, nonce, 12);
	memcpy(counter + 12, &last, sizeof(last));
	spread(load(counter), pad);
	pad->bit[0][15] = 0xaa;
	pad->bit[1][15] = 0xcc;
	pad->bit[2][15] = 0xf0;
	add_key(pad, &key[0]);
	for (int r = 1; r < ROUNDS; r++) {
		substitute(pad);
		mix(pad);
		add_key(pad, &key[r]);
	}
	substitute(pad);
	for (int i = 0; i < BITS; i++)
		pad->bit[i] = shift_rows(pad->bit[i]);
	add_key(pad, &key[ROUNDS]);
	gather(pad);
}

static void add_pad(bytes pad, const uint8_t *in, uint8_t *out, size_t len)
{
	if (len == AES_BLOCK)
		store(out, load(in) ^ pad);
	else
		for (size_t i = 0; i < len; i++)
			out[i] = in[i] ^ pad[i];
}

void aes_count(const struct gcm_table *t, const struct aes_key *k, const uint8_t nonce[12],
	       struct slice in, uint8_t *out)
{
	struct sliced key[ROUNDS + 1], pad;
	uint32_t n = 2;

	spread_key(k, key);
	while (in.len) {
		make_pads(key, nonce, n & ~7U, &pad);
		do {
			size_t len = in.len < AES_BLOCK ? in.len : AES_BLOCK;

			add_pad(pad.bit[n % BLOCKS], in.at, out, len);
			out += len;
			in = slice_from(in, len);
		} while (++n % BLOCKS && in.len);
	}
}
