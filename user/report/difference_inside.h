/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The inside of a difference, for the files that add it up and write it. Private to this room.
 */
#ifndef REPORT_DIFFERENCE_INSIDE_H
#define REPORT_DIFFERENCE_INSIDE_H

#include "base/table.h"
#include "report/difference.h"

struct difference_count {
	uint64_t flows, packets, bytes;
};

/* One application, rule or name. Owned by the difference. */
struct difference_sum {
	struct table_node node;
	struct difference_count count[FATES];
	uint64_t id; /* of a rule; the number of an application */
	char text[]; /* a name */
};

struct difference_sums {
	struct table table;
	uint64_t left_out; /* flows that a full table did not add up */
};

/* A flow that fares differently; owns the names. */
struct difference_row {
	struct connection c;
	struct difference_side before, after;
};

struct difference {
	struct difference_config config;
	struct difference_runs runs;
	uint64_t flows, packets;
	struct difference_count total[FATES];
	uint64_t other_rule; /* flows that fare alike, by another rule */
	/* Live: flows that a rule may decide differently later on, when they show more. */
	uint64_t messages; /* DNS over UDP: each question is decided by itself */
	uint64_t unnamed;  /* nothing is known yet that rules for names could be asked of */
	struct difference_sums apps, rules, names;
	struct difference_row *row;
	size_t row_count;
	uint64_t rows_left_out;
	bool failed; /* out of memory */
};

/* The sums of one kind, most flows first; NULL-terminated. Gives the list alone. NULL: no memory.
 */
const struct difference_sum **difference_order(const struct difference_sums *s);
/* What a rule of either set is called. */
void difference_label(const struct difference *d, uint64_t rule, char *out, size_t size);

#endif
