/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Writing metrics for Prometheus: its text format 0.0.4, and OpenMetrics 1.0, which differs in
 * where
 * "_total" stands and in how a document ends. Room: api. Names and help come from the program
 * alone; values of labels are escaped, whatever they hold.
 */
#ifndef API_METRICS_TEXT_H
#define API_METRICS_TEXT_H

#include <stdbool.h>

#include "base/text.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

/* A document under way; borrows the text it appends to. */
struct metrics {
	struct text *out;
	bool is_open;	  /* OpenMetrics */
	const char *name; /* of the family under way, without "_total" */
	enum metric_type type;
};

struct metric_label {
	const char *name, *value;
};
enum { METRIC_LABELS_MAX = 4 };

/* Begins a family: "dpi_xdp_" and name; a counter's name is given without its "_total". All that
 * has this name follows at once. name is borrowed until the next family; help is one line. */
void metrics_family(struct metrics *m, const char *name, enum metric_type type, const char *help);
/* A value of the family; labels end at one without a name, or after METRIC_LABELS_MAX. */
void metrics_value(struct metrics *m, const struct metric_label *labels, uint64_t value);
/* A family of one value without labels. */
void metrics_one(struct metrics *m, const char *name, enum metric_type type, const char *help,
		 uint64_t value);
/* The same for a time span, written in seconds. */
void metrics_seconds(struct metrics *m, const char *name, const char *help, uint64_t ns);
/* Ends the document. */
void metrics_end(struct metrics *m);

/* The Content-Type of the one format or the other, and which of them an Accept header (or NULL)
 * asks for. */
const char *metrics_content_type(bool is_open);
bool metrics_accepts_open(const char *accept);

#endif
