/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Numbers in network order and the Internet checksum (RFC 1071), for frames that are made up. Room:
 * selftest. What the program itself reads frames with is not used: a fault in it would be repeated.
 */
#ifndef SELFTEST_BYTES_H
#define SELFTEST_BYTES_H

#include <stddef.h>
#include <stdint.h>

void bytes_put16(uint8_t *at, size_t v);
void bytes_put32(uint8_t *at, uint32_t v);

/* Adds these bytes to a sum that has had an even number before. */
uint64_t bytes_sum(uint64_t total, const uint8_t *at, size_t len);
/* Writes the checksum that comes of a sum. */
void bytes_put_check(uint8_t *at, uint64_t total);

#endif
