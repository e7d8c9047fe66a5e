/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the kernel counted, as the rows and totals of a report. The engine sees samples only; every
 * number a person is shown of live traffic comes through here.
 */
#ifndef AGENT_KERNEL_COUNTS_H
#define AGENT_KERNEL_COUNTS_H

#include "live/maps.h"
#include "report/report.h"

/* Puts the kernel's counts of its flow into a row; a flow the kernel has forgotten is left. policy:
 * whose rule the row names. */
void kernel_counts_row(const struct live_maps *m, const struct live_clock *clock,
		       const struct policy *policy, struct connection *c);
/* Makes a row of a flow that only the kernel knows: nothing was sampled of it. */
void kernel_counts_new_row(const struct live_clock *clock, const struct dpi_key *key,
			   const struct live_flow *k, struct connection *out);
/* Puts the kernel's totals and per-rule drops into a tally. */
void kernel_counts_totals(const struct live_maps *m, struct tally *t);
/* Fills out[DPI_COUNT_MAX] with every kernel counter, its name and help. */
void kernel_counts_list(const struct live_maps *m, struct report_counter *out);

#endif
