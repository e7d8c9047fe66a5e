/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: address rules, single addresses in a hash and networks in a sorted array of
 * which the longest around an address is found. Built once, then only read, by any thread.
 */
#ifndef POLICY_ADDR_TABLE_H
#define POLICY_ADDR_TABLE_H

#include "policy/policy.h"

/* Which rules of an entry are lists: single rules come before them. */
enum addr_listed { ADDR_LISTED_BLOCK = 1, ADDR_LISTED_ALLOW = 2 };

struct addr_entry {
	struct dpi_addr addr;
	uint16_t bits;	 /* of 128 */
	uint16_t listed; /* enum addr_listed */
	uint32_t outer;	 /* nets: place of the next wider one + 1, or 0 */
	struct dpi_addr_rule rule;
};

struct addr_table {
	struct addr_entry *host, *net; /* sorted by address, the wider first */
	size_t host_count, net_count;
	uint32_t *slot; /* open addressing over host[]: place + 1, or 0 */
	size_t slot_count;
};

/* Fills an empty table. Returns 0 or -ENOMEM; clear it in either case. */
int addr_table_build(struct addr_table *t, const struct rules *rules);
void addr_table_clear(struct addr_table *t);

/* The rules for the address itself, and for the longest network around it; NULL for none. */
const struct dpi_addr_rule *addr_table_host(const struct addr_table *t, const struct dpi_addr *a);
const struct dpi_addr_rule *addr_table_net(const struct addr_table *t, const struct dpi_addr *a);
/* Those for this very network; NULL for none. */
const struct dpi_addr_rule *addr_table_same_net(const struct addr_table *t,
						const struct dpi_addr *a, uint16_t bits);

#endif
