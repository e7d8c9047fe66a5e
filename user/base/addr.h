/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Addresses as people write them: RFC 5952 for IPv6, dotted quad for the mapped form of IPv4.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/slice.h"
#include "dpi/parse.h"

enum { ADDR_TEXT_MAX = 46 };

/* Writes the text form, NUL-terminated, into out; returns out. */
const char *addr_format(const struct dpi_addr *a, char out[ADDR_TEXT_MAX]);

/* The same without the NUL; returns where the text ends. What is behind it in out may be anything.
 */
char *addr_print(const struct dpi_addr *a, char out[ADDR_TEXT_MAX]);

/* Parses "10.0.0.1" or "2001:db8::1". Returns 0, or -EINVAL with *a untouched. */
int addr_parse(struct slice s, struct dpi_addr *a);

/* Parses "ADDR" or "ADDR/LEN"; *bits counts of 128, so 10.0.0.0/8 gives 104; bits below the prefix
 * are cleared. Returns 0, or -EINVAL with the outputs untouched. */
int addr_parse_net(struct slice s, struct dpi_addr *a, uint8_t *bits);

/* True when the first `bits` of 128 bits are the same. */
bool addr_in_net(const struct dpi_addr *a, const struct dpi_addr *net, uint8_t bits);

/* Private, loopback, link-local, multicast, documentation, unspecified and other ranges that no
 * public host has (RFC 6890). */
bool addr_is_reserved(const struct dpi_addr *a);
bool addr_is_multicast(const struct dpi_addr *a); /* IPv4 broadcast 255.255.255.255 counts */

#endif
