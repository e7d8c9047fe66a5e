/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The report: built once from a tally, then written as boxed text, JSON (dpi-xdp/report/1) or CSV.
 * Same tally, same bytes: everything is sorted and nothing depends on the order of shards.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/text.h"
#include "policy/rules.h"
#include "report/tally.h"

struct report_worker {
	uint64_t packets, forwarded, dropped, flows, names;
};

struct report_counter {
	const char *name, *help;
	uint64_t value;
};

struct report_net {
	struct dpi_addr addr;
	uint8_t bits; /* of 128 */
};

/* All borrowed for the report's life. */
struct report_config {
	struct tally *tally;		   /* its rows may be re-ordered, nothing else changes */
	const struct catalogue *catalogue; /* names of applications */
	const struct rules *rules;	   /* NULL: none */
	const char *title;		   /* NULL: "dpi-xdp report" */
	const char *input, *output;	   /* file or interface; NULL: none */
	double duration_s;		   /* run time; below 0: unknown */
	bool is_reproducible;		   /* leave out run time, rates and worker rows */
	const struct report_worker *workers;
	size_t worker_count;
	const struct report_counter *counters; /* named beside the engine's own */
	size_t counter_count;
	const struct report_net *local_nets; /* --local-net; none: learnt */
	size_t local_net_count;
};

struct report;

struct report *report_new(const struct report_config *config); /* NULL: out of memory */
void report_free(struct report *r);

/* The same step by step, for several threads: it is opened, each job is done once, by any of them
 * and at the same time as the others, and when all are done it is finished. They return 0 or
 * -ENOMEM. */
enum report_job { REPORT_SORT, REPORT_NAMES, REPORT_ENDS, REPORT_JOBS };
struct report *report_open(const struct report_config *config); /* NULL: out of memory */
int report_do(struct report *r, enum report_job job);
int report_finish(struct report *r);

/* Where a document goes, piece by piece. write returns 0 or -errno, which ends the document. */
struct report_out {
	void *ctx;
	int (*write)(void *ctx, const void *bytes, size_t len);
};
struct report_out report_to_file(void *file); /* a FILE *, borrowed */
struct report_out report_to_text(struct text *t);

struct report_style {
	bool is_boxed; /* UTF-8 box drawing; else plain ASCII */
	bool is_coloured;
	bool is_verbose; /* every connection and counter as well */
	unsigned width;	 /* columns; 0: 80 */
};

/* Each returns 0, -ENOMEM, or what `to` returned. */
int report_text(const struct report *r, const struct report_style *style,
		const struct report_out *to);
int report_json(const struct report *r, const struct report_out *to);
int report_csv(const struct report *r, const struct report_out *to);

/* The same JSON in pieces, for several threads: each may make any of them, at the same time as the
 * others, while the tally does not change; one behind the other they are the document. It can be
 * begun when all jobs of the report are done but REPORT_ENDS; how many pieces there are is then not
 * known yet, but the count of those that can be made by now. */
struct report_json;
struct report_json *report_json_new(const struct report *r); /* NULL: out of memory */
size_t report_json_count(const struct report_json *d);
/* Appends piece i < report_json_count to t. Returns 0 or -ENOMEM. */
int report_json_piece(const struct report_json *d, size_t i, struct text *t);
void report_json_free(struct report_json *d);

/* The JSON without its connections, but for how many there are, and with no more than the first
 * REPORT_SUMMARY_DOMAINS of the domains: for who asks again and again. */
enum { REPORT_SUMMARY_DOMAINS = 200 };
int report_summary_json(const struct report *r, const struct report_out *to);

/* One connection as the JSON object of the report, appended to t; for lists of live flows. */
void report_json_connection(struct text *t, const struct connection *c,
			    const struct catalogue *catalogue, const struct rules *rules);
enum { REPORT_LABEL_MAX = 400 }; /* "allow-domain:" and a name, escaped or not */

/* "app:YouTube" for a rule id; "rule:ID" for one that is gone. */
void report_rule_label(const struct rules *rules, uint64_t id, char *out, size_t size);
/* "TCP", "UDP", "ICMP", ...; "IP-47" style for what has no name here. buf needs 8 bytes. */
const char *report_protocol(uint8_t proto, char buf[8]);

#endif
