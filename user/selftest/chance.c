/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Chance for made-up traffic; see chance.h. Room: selftest. Noise is taken out of one stretch of
 * random bytes, so that a payload of any size costs a copy.
 */
#include "selftest/chance.h"

#include <stdlib.h>
#include <string.h>

enum { NOISE = 1 << 19 }; /* what noise begins in; CHANCE_NOISE_MAX more follow */

uint64_t chance_draw(struct chance *c) /* splitmix64 */
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

bool chance_percent(struct chance *c, unsigned share)
{
	return chance_draw(c) % 100 < share;
}

void chance_noise_of(const struct chance *c, uint64_t seed, uint8_t *at, size_t len)
{
	memcpy(at, c->noise + (seed * 0x9e3779b97f4a7c15ULL >> 32) % NOISE, len);
}

void chance_noise(struct chance *c, uint8_t *at, size_t len)
{
	memcpy(at, c->noise + chance_draw(c) % NOISE, len);
}

bool chance_init(struct chance *c, uint64_t seed)
{
	c->state = seed;
	c->noise = malloc(NOISE + CHANCE_NOISE_MAX);
	for (size_t i = 0; c->noise && i < NOISE + CHANCE_NOISE_MAX; i++)
		c->noise[i] = (uint8_t)chance_draw(c);
	return c->noise;
}

void chance_clear(struct chance *c)
{
	free(c->noise);
	c->noise = NULL;
}
