/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the three writers of a report share: everything added up, looked up and sorted. Private to
 * this room; report.h is the door.
 */
#ifndef REPORT_MODEL_H
#define REPORT_MODEL_H

#include "base/pages.h"
#include "report/forensic.h"
#include "report/report.h"
#include "report/sums.h"
#include "report/top.h"

enum {
	REPORT_TOP = 20,	 /* domains and addresses in the text */
	REPORT_RULES_MAX = 1000, /* beyond, rules that did nothing are not listed */
	REPORT_PEERS_MAX = 1000, /* names and peers listed of a suspect */
};

struct model_app {
	const char *name, *category;
	struct sum_app sum;
};

struct model_rule {
	const struct rule *rule; /* NULL: gone since */
	uint64_t id, flows, packets, bytes;
};

struct model_visit {
	size_t suspect; /* index into forensic.suspects */
	struct slice domain;
};

struct model_peer {
	struct dpi_addr addr;
	const struct sum_name *domain; /* or NULL */
};

/* The peers of one suspect. */
struct model_group {
	size_t first, count;
};

/* Owned by the caller of report_new. */
struct report {
	struct report_config config;
	struct engine_counters totals;
	uint64_t first_ns, last_ns;
	size_t row_count;     /* of the tally */
	size_t blocked_count; /* of the rows */
	size_t hearsay_count; /* of the rows: only a DNS answer tells the name */
	/* Of the rows and of what was folded, a half each (sums.h), in what the tally's pages have
	 * to spare, shared out. */
	struct sums *names, *ends;
	struct pages names_pages, ends_pages;
	bool is_finished;
	struct model_app *apps; /* most packets first */
	size_t app_count;
	struct top domains;	  /* of struct sum_domain: most flows first */
	size_t domain_count;	  /* of all there are */
	struct model_rule *rules; /* in the order of the rules, then those that are gone */
	size_t rule_count;
	struct top dsts;  /* of struct sum_addr: most packets first */
	size_t dst_count; /* of all there are */
	struct report_counter *counters;
	size_t counter_count;
	struct forensic forensic;
	size_t *suspect_order;	    /* directly flagged first */
	struct model_visit *visits; /* distinct; by suspect, then name */
	size_t visit_count;
	struct model_peer *peers;   /* each group distinct and by address; some more between them */
	size_t peer_count;	    /* room for so many */
	struct model_group *groups; /* by suspect */
};

/* What the jobs are made of. Each returns 0 or -ENOMEM. */
int model_apps(struct report *r);
int model_domains(struct report *r);
int model_rules(struct report *r);
int model_dsts(struct report *r);
int model_counters(struct report *r);
/* Fills suspect_order, visits and peers. Returns 0 or -ENOMEM. */
int model_suspects(struct report *r);
int model_peers(struct report *r); /* the last part of it */
void model_peers_clear(struct report *r);
/* The application a domain belongs to. */
const char *model_domain_app(const struct report *r, const struct sum_domain *d);
/* The part of visits and peers that is one suspect's. */
size_t model_visits_of(const struct report *r, size_t suspect, const struct model_visit **first);
size_t model_peers_of(const struct report *r, size_t suspect, const struct model_peer **first);

#endif
