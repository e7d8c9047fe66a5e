/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What other rules would do to the same flows: how each fares under the rules of before and of
 * after, added up by application, rule and name, and as a list. Room: report. It decides nothing:
 * whoever adds a flow says what became of it both times.
 */
#ifndef REPORT_DIFFERENCE_H
#define REPORT_DIFFERENCE_H

#include "report/report.h"

enum {
	DIFFERENCE_LISTED = 1000,     /* flows in a list, where nothing else is asked for */
	DIFFERENCE_NAMES_MAX = 65536, /* distinct names, and rules, that are added up */
};

/* What becomes of a flow that fares differently. */
enum difference_fate { FATE_DROP, FATE_PASS, FATES };

/* All borrowed for its life. */
struct difference_config {
	const struct catalogue *catalogue;
	const struct rules *before, *after;
	const char *input; /* the capture; NULL: live traffic */
	size_t listed_max;
};

/* How a flow fares under one set of rules. */
struct difference_side {
	bool is_dropped;  /* the flow, or of a capture, any packet of it */
	uint64_t rule;	  /* that decides, a block or an allow; 0: none */
	uint64_t packets; /* of a capture: dropped ones. Live: 0 */
	uint64_t bytes;
};

struct difference;

struct difference *difference_new(const struct difference_config *config); /* NULL: no memory */
void difference_free(struct difference *d);
/*
 * Adds one flow (borrowed). Live, what is counted of one that would fare differently is all of it
 * so far; of a capture, what is dropped under one set of rules and not under the other. A flow that
 * only one of two runs knows is added with an empty side for the other.
 */
void difference_add(struct difference *d, const struct connection *c,
		    const struct difference_side *before, const struct difference_side *after);

/* What two runs over a capture count as a whole. */
struct difference_runs {
	uint64_t dropped_before, dropped_after; /* frames, those of no flow too */
	uint64_t uncompared;			/* connections beyond those that a report lists */
};
void difference_set_runs(struct difference *d, const struct difference_runs *runs);

/* The whole as JSON, schema dpi-xdp/what-if/1, or for a person. 0 or -ENOMEM. */
int difference_json(const struct difference *d, struct text *out);
int difference_text(const struct difference *d, const struct report_style *style, struct text *out);

#endif
