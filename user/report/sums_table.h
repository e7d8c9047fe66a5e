/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The entries of sums, found or made. Private to sums.c and sums_table.c. NULL: the table is full
 * or memory ran out, and the sums have counted it.
 */
#ifndef REPORT_SUMS_TABLE_H
#define REPORT_SUMS_TABLE_H

#include "report/sums.h"

struct sum_app *sums_app_entry(struct sums *s, int app);
struct sum_rule *sums_rule_entry(struct sums *s, uint64_t id);
struct sum_domain *sums_domain_entry(struct sums *s, struct slice name);
struct sum_addr *sums_addr_entry(struct sums *s, const struct dpi_addr *addr);
struct sum_pair *sums_pair_entry(struct sums *s, struct sum_addr *src, struct sum_addr *dst);
/* The same of the first name that was sought for a connection. */
struct sum_domain *sums_first_domain(struct sums *s, struct slice name,
				     const struct sums_sought *k);
/* One more port that src asked for, when it is a new one. */
void sums_add_port(struct sums *s, struct sum_addr *src, uint16_t port);

#endif
