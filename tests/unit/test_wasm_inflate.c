/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the module unpacks gzip data with, against zlib: every kind of block, in pieces of any size,
 * into any room; and damage, where it must stay within its bounds. It is compiled in here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "support.h"
#include "wasm/inflate.c"

enum { PLAIN_MAX = 100000, PACKED_MAX = 130000, DRAWN = 400 };

/* Bytes of some kind: noise, few letters, long repetitions, zeros. */
static size_t draw_plain(uint8_t *out, uint64_t *seed)
{
	size_t len = next_random(seed) % PLAIN_MAX;
	unsigned kind = (unsigned)(next_random(seed) >> 20) % 4;

	for (size_t i = 0; i < len; i++) {
		uint8_t noise = (uint8_t)(next_random(seed) >> 30);
		size_t back = 1 + i / 3;

		out[i] = kind == 0   ? noise
			 : kind == 1 ? (uint8_t)("etaoin s"[noise & 7])
			 : kind == 2 ? (i > 50 && noise < 250 ? out[i - back] : noise)
				     : 0;
	}
	return len;
}

static size_t pack(const uint8_t *plain, size_t len, uint8_t *out, uint64_t *seed)
{
	z_stream z = {0};
	int strategy = (int)((next_random(seed) >> 8) % 5); /* Z_DEFAULT_STRATEGY to Z_FIXED */

	assert_int_equal(deflateInit2(&z, (int)(next_random(seed) % 10), Z_DEFLATED, -15,
				      1 + (int)(next_random(seed) % 9), strategy),
			 Z_OK);
	z.next_in = (Bytef *)(uintptr_t)plain;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = PACKED_MAX;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	len = PACKED_MAX - z.avail_out;
	deflateEnd(&z);
	return len;
}

/* Unpacks in pieces of at most in_max bytes into at most out_max at once. Returns how many came;
 * *rest is what was left of the input. */
static size_t unpack_all(struct inflate *z, struct slice packed, size_t in_max, size_t out_max,
			 uint8_t *out, size_t *rest, uint64_t *seed)
{
	size_t got = 0;

	inflate_begin(z);
	while (z->state < INFLATE_DONE) {
		size_t piece = 1 + next_random(seed) % in_max, len;
		struct slice in = slice_first(packed, piece);
		size_t had = in.len;

		len = 1 + next_random(seed) % out_max;
		if (len > PLAIN_MAX - got)
			len = PLAIN_MAX - got;
		inflate_run(z, &in, out + got, &len);
		got += len;
		packed = slice_from(packed, had - in.len);
		if ((!packed.len && !len) || got == PLAIN_MAX)
			break;
	}
	*rest = packed.len + z->bit_count / 8;
	return got;
}

static void as_zlib_packed_it(void **state)
{
	uint8_t *plain = malloc(PLAIN_MAX), *out = malloc(PLAIN_MAX), *packed = malloc(PACKED_MAX);
	struct inflate *z = malloc(sizeof(*z));
	uint64_t seed = 1951;

	assert_true(plain && out && packed && z);
	for (int i = 0; i < DRAWN; i++) {
		size_t len = draw_plain(plain, &seed);
		size_t size = pack(plain, len, packed, &seed), rest, got;
		size_t in_max = 1 + (next_random(&seed) >> 40) % (i % 2 ? 7 : 70000);
		size_t out_max = 1 + (next_random(&seed) >> 40) % (i % 3 ? 70000 : 5);
		const uint8_t *at;

		memset(packed + size, 0xa5, 5); /* what follows is not its own */
		at = lay_against_wall(packed, size + 5);
		got = unpack_all(z, slice_of(at, size + 5), in_max, out_max, out, &rest, &seed);
		wall_free(at);
		if (z->state != INFLATE_DONE && len < PLAIN_MAX)
			fail_msg("row %d: state %d, %zu of %zu bytes, %s", i, z->state, got, len,
				 z->state == INFLATE_BAD ? z->what : "");
		assert_int_equal(got, len);
		assert_memory_equal(out, plain, len);
		assert_int_equal(rest, 5);
	}
	free(plain);
	free(out);
	free(packed);
	free(z);
}

/* zlib and this one both stop, or both go on to the same bytes. */
static void damage_is_damage(void **state)
{
	uint8_t *plain = malloc(PLAIN_MAX), *out = malloc(PLAIN_MAX), *packed = malloc(PACKED_MAX);
	uint8_t *theirs = malloc(PLAIN_MAX);
	struct inflate *z = malloc(sizeof(*z));
	uint64_t seed = 1952;

	assert_true(plain && out && packed && theirs && z);
	for (int i = 0; i < 4 * DRAWN; i++) {
		size_t size = pack(plain, draw_plain(plain, &seed) % 3000, packed, &seed), rest,
		       got;
		z_stream s = {.next_in = packed, .next_out = theirs, .avail_out = PLAIN_MAX};
		const uint8_t *at;
		int n;

		for (uint64_t flips = 1 + next_random(&seed) % 3; flips; flips--)
			packed[next_random(&seed) % size] ^= (uint8_t)(1U
								       << next_random(&seed) % 8);
		at = lay_against_wall(packed, size);
		got = unpack_all(z, slice_of(at, size), 1 + i % 900, 1 + i % 5000, out, &rest,
				 &seed);
		wall_free(at);
		s.avail_in = (uInt)size;
		assert_int_equal(inflateInit2(&s, -15), Z_OK);
		n = inflate(&s, Z_FINISH);
		if (got < PLAIN_MAX) {
			assert_int_equal(z->state == INFLATE_DONE, n == Z_STREAM_END);
			if (n == Z_STREAM_END) {
				assert_int_equal(got, PLAIN_MAX - s.avail_out);
				assert_memory_equal(out, theirs, got);
			}
		}
		inflateEnd(&s);
	}
	free(plain);
	free(out);
	free(packed);
	free(theirs);
	free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_zlib_packed_it),
		cmocka_unit_test(damage_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
