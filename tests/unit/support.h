/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the unit tests share: bytes that end against an unmapped page, so that a read past the end
 * is a crash and not luck, and a seeded stream of numbers, so that a random test can be repeated.
 */
#ifndef UNIT_SUPPORT_H
#define UNIT_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

/* Copies len bytes to memory whose next byte cannot be read. Aborts the test when out of memory.
 * Gives; wall_free() takes it back, but a test may leave that to its end. */
const uint8_t *lay_against_wall(const void *bytes, size_t len);
void wall_free(const void *at);

/* The next of a sequence of 64-bit numbers; *state is the seed, any value. */
uint64_t next_random(uint64_t *state);
/* Fills len bytes with what comes next of it. */
void draw_bytes(void *out, size_t len, uint64_t *state);

#endif
