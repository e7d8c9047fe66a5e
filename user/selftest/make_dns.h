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

#endif
