/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The two orders that domains are listed in. Private to this room.
 */
#ifndef REPORT_DOMAIN_ORDER_H
#define REPORT_DOMAIN_ORDER_H

#include "report/sums.h"

/* A domain among others that are sorted. */
struct domain_place {
	uint64_t key; /* eight bytes of its name, as they sort; or its flows */
	const struct sum_domain *domain;
};

/* By name, byte by byte; what ends first stands first. */
int domain_compare(const struct sum_domain *a, const struct sum_domain *b);
/* Gives all domains in the order of their names; NULL when out of memory. */
struct domain_place *domain_order_names(const struct sums *s);
/* Puts domains that are in the order of their names into that of their flows, most first. Returns
 * 0 or -ENOMEM. */
int domain_order_flows(struct domain_place *place, size_t count);

#endif
