/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Chance for made-up traffic: the same seed, the same traffic, on any machine. Not for keys. Room:
 * selftest.
 */
#ifndef SELFTEST_CHANCE_H
#define SELFTEST_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANCE_NOISE_MAX = 8900 }; /* bytes of noise at once */

struct chance {
	uint64_t state;
	uint8_t *noise; /* random bytes that payloads are filled from */
};

/* Begins with this seed. False: out of memory. */
bool chance_init(struct chance *c, uint64_t seed);
void chance_clear(struct chance *c);

uint64_t chance_draw(struct chance *c);
bool chance_percent(struct chance *c, unsigned share);
/* Random bytes; those of `seed` are the same whenever they are asked for. */
void chance_noise(struct chance *c, uint8_t *at, size_t len);
void chance_noise_of(const struct chance *c, uint64_t seed, uint8_t *at, size_t len);

#endif
