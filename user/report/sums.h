/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Connections added up: by application, domain, rule, address, pair of addresses, and destination
 * port. Adding is commutative, so the order of rows and shards does not show. Private to this room.
 *
 * Each table is bounded; what does not fit is counted in `unlisted`.
 */
#ifndef REPORT_SUMS_H
#define REPORT_SUMS_H

#include "base/table.h"
#include "report/connection.h"

enum { SUMS_MAX = 1000000 };

struct sum_app {
	uint64_t flows, packets, bytes, dropped_packets;
	uint64_t blocked_flows;
};

/* Flows that a rule decided. */
struct sum_rule {
	struct table_node node;
	uint64_t id;
	uint64_t flows;
};

struct sum_domain {
	struct table_node node;
	uint64_t flows;
	uint64_t blocked_flows;
	uint8_t len;
	char text[]; /* NUL-terminated */
};

/* An address as source (opener) and as destination of flows. */
struct sum_addr {
	struct table_node node;
	struct dpi_addr addr;
	uint64_t from_flows, to_flows;
	uint64_t to_packets, to_bytes, to_dropped;
	uint64_t from_ports;	 /* distinct destination ports it asked of hosts */
	uint64_t reserved_flows; /* as destination, but for broadcast and other service traffic */
	uint64_t unusual_flows;	 /* to ports below 1024 that are no service */
	uint16_t unusual_port;	 /* the lowest of them */
	uint32_t suspect;	 /* forensic's: 1 + its place among the suspects; 0: none */
	bool is_own;		 /* evidence that it stands in the capture's own networks */
	bool is_answering;	 /* it answered a flow */
	const struct sum_domain *domain; /* that flows to it asked for, the first by name */
	const struct sum_domain *learnt; /* that only a DNS answer gave to it, the first by name */
};

/* Flows from one address to another. */
struct sum_pair {
	struct table_node node;
	struct sum_addr *src, *dst;
	uint64_t flows;
	const struct sum_domain *domain; /* as in sum_addr */
};

/* A source and a destination port it asked for. */
struct sum_port {
	struct table_node node;
	struct sum_addr *src;
	uint16_t port;
};

/* Owned by whoever made it; one thread. */
struct sums {
	size_t max;	      /* entries of each table */
	struct sum_app *apps; /* by catalogue id */
	size_t app_count;
	struct table rules, domains, addrs, pairs, ports;
	uint64_t flows, packets, bytes, dropped_packets;
	uint64_t late_packets;
	uint64_t unlisted; /* entries refused by a full table */
	bool failed;	   /* out of memory */
};

/* Each table holds at most max entries (0: SUMS_MAX). NULL: out of memory. */
struct sums *sums_new(size_t max);
void sums_free(struct sums *s);
void sums_add(struct sums *s, const struct connection *c);
void sums_merge(struct sums *into, const struct sums *from);

/* What an address is called: what was asked for there, else what a DNS answer said; or NULL. */
static inline const struct sum_domain *sum_addr_name(const struct sum_addr *a)
{
	return a->domain ? a->domain : a->learnt;
}

const struct sum_rule *sums_rule(const struct sums *s, uint64_t id);		     /* or NULL */
const struct sum_addr *sums_addr(const struct sums *s, const struct dpi_addr *addr); /* or NULL */

#endif
