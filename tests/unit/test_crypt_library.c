/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * crypt.c as it is on a machine without instructions for AES, against what it is on this one: the
 * same masks, the same packets opened. It is compiled in here under other names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypt/crypt.h"
#include "crypt/machine.h"
#include "gcm_seal.h"
#include "support.h"

struct crypt *library_new(void);
void library_free(struct crypt *c);
void library_sha256(struct slice bytes, uint8_t out[CRYPT_HASH]);
void library_mask(struct crypt *c, const struct crypt_initial_keys *k, const uint8_t sample[16],
		  uint8_t mask[5]);
bool library_open(struct crypt *c, const struct crypt_initial_keys *k, uint64_t number,
		  struct slice head, struct slice sealed, uint8_t *plain);

#define machine_is_here()  false
#define crypt_new	   library_new
#define crypt_free	   library_free
#define crypt_sha256	   library_sha256
#define crypt_initial_mask library_mask
#define crypt_initial_open library_open
#include "crypt/crypt.c"
#undef machine_is_here
#undef crypt_new
#undef crypt_free
#undef crypt_sha256
#undef crypt_initial_mask
#undef crypt_initial_open

enum { DRAWN = 4000, HEAD_MAX = 300, TEXT_MAX = 1500 };

static void opens(struct crypt *c,
		  bool (*open)(struct crypt *, const struct crypt_initial_keys *, uint64_t,
			       struct slice, struct slice, uint8_t *),
		  const struct crypt_initial_keys *k, struct slice head, struct slice sealed,
		  struct slice expected)
{
	uint8_t *plain = malloc(expected.len + 1), *zeros = calloc(1, expected.len + 1), *bad;

	assert_true(plain && zeros);
	assert_true(open(c, k, 0, head, sealed, plain));
	assert_true(open(c, k, 0, head, sealed, NULL));
	assert_memory_equal(plain, expected.at, expected.len);
	bad = (uint8_t *)(uintptr_t)sealed.at + expected.len * 7 % sealed.len;
	*bad ^= 4;
	assert_false(open(c, k, 0, head, sealed, NULL));
	assert_false(open(c, k, 0, head, sealed, plain));
	assert_memory_equal(plain, zeros, expected.len);
	*bad ^= 4;
	assert_false(open(c, k, 1, head, sealed, plain));
	free(plain);
	free(zeros);
}

/* Every length of text up to some blocks, then drawn ones; heads of every length. */
static void both_ways_are_one(void **state)
{
	static uint8_t head[HEAD_MAX], text[TEXT_MAX], sealed[TEXT_MAX + CRYPT_TAG];
	struct crypt *here = crypt_new(), *library = library_new();
	uint64_t seed = 38;

	assert_true(here && library);
	for (size_t i = 0; i < DRAWN; i++) {
		size_t len = i < 600 ? i : next_random(&seed) % (sizeof(text) + 1);
		struct slice h = slice_of(head, i % (sizeof(head) + 1)), t = slice_of(text, len), s;
		struct crypt_initial_keys k;
		uint8_t a[5], b[5], sample[16];

		draw_bytes((uint8_t *)&k, sizeof(k), &seed);
		draw_bytes(sample, sizeof(sample), &seed);
		draw_bytes(head, h.len, &seed);
		draw_bytes(text, len, &seed);
		gcm_seal(&k, 0, h, t, sealed);
		s = slice_of(lay_against_wall(sealed, len + CRYPT_TAG), len + CRYPT_TAG);
		opens(here, crypt_initial_open, &k, h, s, t);
		opens(library, library_open, &k, h, s, t);
		wall_free(s.at);
		crypt_initial_mask(here, &k, sample, a);
		library_mask(library, &k, sample, b);
		assert_memory_equal(a, b, sizeof(a));
	}
	crypt_free(here);
	library_free(library);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
