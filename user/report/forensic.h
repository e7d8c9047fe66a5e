/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Suspicious addresses, worked out from sums of flows: high volume, port scan, reserved range,
 * unusual port, and the destinations a flagged source contacted. Looks at no packet; the source of
 * a flow is the end that opened it, so replies never count.
 */
#ifndef REPORT_FORENSIC_H
#define REPORT_FORENSIC_H

#include "base/addr.h"
#include "report/report.h"
#include "report/sums.h"

enum forensic_kind {
	FORENSIC_HIGH_VOLUME,	 /* more than 100 connections from or to the address */
	FORENSIC_PORT_SCAN,	 /* more than 10 distinct destination ports from it */
	FORENSIC_RESERVED_RANGE, /* private or bogon destination outside the own networks */
	FORENSIC_UNUSUAL_PORT,	 /* destination port below 1024 that is no well-known service */
	FORENSIC_ASSOCIATED,	 /* contacted from a flagged source */
	FORENSIC_KINDS
};
enum { FORENSIC_VOLUME_MAX = 100, FORENSIC_PORTS_MAX = 10 };

/* "HIGH VOLUME", "PORT SCAN", ... */
const char *forensic_kind_name(enum forensic_kind k);

struct forensic_suspect {
	struct sum_addr *addr;		/* borrowed from the sums */
	uint64_t count[FORENSIC_KINDS]; /* 0: not flagged for this */
	uint16_t port;			/* UNUSUAL_PORT: the lowest of them */
	struct dpi_addr source;		/* ASSOCIATED: the flagged source with most flows to it */
	size_t source_count;		/* ASSOCIATED: flagged sources in all */
};

/* Owned by the caller: forensic_clear frees what is inside. */
struct forensic {
	const struct sums *sums;	   /* borrowed */
	struct forensic_suspect *suspects; /* in order of address */
	size_t suspect_count;
	bool has_opener; /* one of them opened a flow: servers that many ask need not have */
	struct report_net *nets; /* the networks taken for the capture's own */
	size_t net_count;
	bool is_learnt;
};

/*
 * Fills *f from the sums (borrowed for f's life; their addresses learn their place, so that one
 * forensic belongs to one sums). nets: the own networks, or NULL to learn them.
 * Returns 0, or -ENOMEM with nothing to clear.
 */
int forensic_find(struct forensic *f, struct sums *sums, const struct report_net *nets,
		  size_t net_count);
void forensic_clear(struct forensic *f);
/* The suspect for an address, or NULL. */
const struct forensic_suspect *forensic_suspect_of(const struct forensic *f,
						   const struct dpi_addr *a);

#endif
