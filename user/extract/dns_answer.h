/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The addresses that a DNS answer gives to a name: what names a flow later on that shows none.
 */
#ifndef EXTRACT_DNS_ANSWER_H
#define EXTRACT_DNS_ANSWER_H

#include "base/name.h"
#include "dpi/abi.h"

enum { DNS_ANSWER_ADDRESSES_MAX = 32 };

struct dns_answer {
	struct name name; /* what was asked for, whatever aliases led on from it */
	uint32_t ttl_s;	  /* the least of the addresses' */
	unsigned count;
	struct dpi_addr addr[DNS_ANSWER_ADDRESSES_MAX]; /* further ones are left out */
};

/*
 * Reads a whole DNS message (RFC 1035 4.1; A: 3.4.1, AAAA: RFC 3596 2.2) without its length
 * prefix. True when it answers one question, without error, with at least one address; of mDNS,
 * which repeats no question (RFC 6762 6), the first owner with an address counts. False leaves
 * *out in any state.
 */
bool dns_answer_read(struct slice message, struct dns_answer *out);

#endif
