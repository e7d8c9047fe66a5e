/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * DNS questions, made up (RFC 1035 4.1). Room: selftest.
 */
#ifndef SELFTEST_MAKE_DNS_H
#define SELFTEST_MAKE_DNS_H

#include "selftest/bytes.h"

/* A name with dots, as labels: at most two bytes longer than its text. Returns its length. */
size_t make_dns_name(uint8_t *at, const char *name);
/* A query with one question. Returns its length: that of the name, and 16. */
size_t make_dns_question(uint8_t *at, const char *name, uint16_t id, uint32_t type);

/* Appends EDNS (RFC 6891) with so many bytes of padding (RFC 7830) to a message of len bytes that
 * has no other record behind its questions. Returns how many bytes that takes. */
size_t make_dns_padding(uint8_t *message, size_t len, size_t padding);

#endif
