/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Connections added up: by application, domain, rule, address, pair of addresses, and destination
 * port. Adding is commutative, so the order of rows and shards does not show. Private to this room.
 *
 * Each kind is bounded; what does not fit is counted in `unlisted`.
 */
#ifndef REPORT_SUMS_H
#define REPORT_SUMS_H

#include "report/connection.h"
#include "report/sum_key.h"
#include "report/sum_store.h"

enum {
	SUMS_MAX = 1000000,
	SUMS_PLAIN_MAX = 16 << 20, /* bytes in plain memory, where a file may take over */
	SUMS_PORTS_AT_HAND = 3,	   /* of a source, that stand with it */
};

struct sum_app {
	uint64_t flows, packets, bytes, dropped_packets;
	uint64_t blocked_flows;
};

/* Flows that a rule decided. */
struct sum_rule {
	uint64_t id;
	uint64_t flows;
};

/* A name where it stands: in a row, or with a domain. */
struct sum_name {
	uint8_t len;
	char text[]; /* NUL-terminated */
};

struct sum_domain {
	uint64_t flows;
	uint64_t blocked_flows;
	uint8_t len; /* from here on it is a struct sum_name */
	char text[]; /* NUL-terminated */
};

/* An address as source (opener) and as destination of flows. The first line of the cache is all
 * that most sources need, the second is a destination's. */
struct sum_addr {
	struct dpi_addr addr;
	const struct sum_name *domain; /* that flows to it asked for, the first by name */
	const struct sum_name *learnt; /* that only a DNS answer gave to it, the first by name */
	uint64_t from_flows, to_flows;
	uint32_t hash;
	uint32_t suspect; /* forensic's: 1 + its place among the suspects; 0: none */
	uint16_t port[SUMS_PORTS_AT_HAND];
	uint8_t port_count;    /* of them */
	bool is_public : 1;    /* not addr_is_reserved */
	bool is_own : 1;       /* evidence that it stands in the capture's own networks */
	bool is_answering : 1; /* it answered a flow */

	uint64_t to_packets, to_bytes, to_dropped;
	uint64_t reserved_flows; /* as destination, but for broadcast and other service traffic */
	uint64_t unusual_flows;	 /* to ports below 1024 that are no service */
	uint32_t more_ports;	 /* that stand in `ports` of the sums */
	uint16_t unusual_port;	 /* the lowest of the unusual ones */
	uint8_t pad[18];	 /* to whole lines */
};

/* Flows from one address to another. */
struct sum_pair {
	struct sum_addr *src, *dst;
	uint64_t flows;
	const struct sum_name *domain; /* as in sum_addr */
};

/* A source and a destination port it asked for, beyond the first few. */
struct sum_port {
	struct sum_addr *src;
	uint16_t port;
};

/* Owned by whoever made it; one thread. */
struct sums {
	struct sum_key key;
	size_t max; /* entries of each store */
	struct spool spool;
	struct sum_app *apps; /* by catalogue id */
	size_t app_count;
	struct sum_store rules, domains, addrs, pairs, ports;
	size_t port_count; /* of all sources, wherever they stand */
	uint64_t flows, packets, bytes, dropped_packets;
	uint64_t late_packets;
	uint64_t unlisted; /* entries refused by a full store */
	bool failed;	   /* out of memory */
};

/* At most max entries of each kind (0: SUMS_MAX). NULL: out of memory. */
struct sums *sums_new(size_t max);
/* Lets entries beyond so many bytes stand in a file without a name. Before the first. */
void sums_spool(struct sums *s, size_t plain_max);
/* Lets them stand first in what these have to spare (borrowed). Before the first. */
void sums_reuse(struct sums *s, struct pages *pages);
void sums_free(struct sums *s);
/* The entries of each kind, in no order; *at begins at 0, and NULL ends. None may be added
 * meanwhile. */
struct sum_rule *sums_next_rule(const struct sums *s, size_t *at);
struct sum_domain *sums_next_domain(const struct sums *s, size_t *at);
struct sum_addr *sums_next_addr(const struct sums *s, size_t *at);
struct sum_pair *sums_next_pair(const struct sums *s, size_t *at);
/* Of those that do not stand with their source. */
struct sum_port *sums_next_port(const struct sums *s, size_t *at);
/* Distinct destination ports that an address asked of hosts. */
static inline uint32_t sum_addr_ports(const struct sum_addr *a)
{
	return a->port_count + a->more_ports;
}
static inline size_t sums_count(const struct sum_store *st)
{
	return st->index.count;
}
/* Makes room for what so many connections are likely to bring; after sums_spool. */
void sums_expect(struct sums *s, size_t connections);
void sums_add(struct sums *s, const struct connection *c);

/*
 * One half of it each, so that two threads can add up the same connections at once, each into sums
 * of its own: totals, applications, rules and domains; and addresses, pairs and ports, whose names
 * are borrowed from the connections then.
 *
 * In three steps, for many connections at a time: where the entries of each stand is asked of
 * memory, then the entries, and when they have come it is added.
 */
struct sums_sought {
	uint32_t src, dst;		  /* hashes, of the ends' half; of the other: */
	uint32_t name;			  /* of the first one */
	struct sum_addr *src_at, *dst_at; /* once they are found; NULL: not listed */
};
struct sums_sought sums_seek_names(const struct sums *s, const struct connection *c);
struct sums_sought sums_seek_ends(const struct sums *s, const struct connection *c);
void sums_warm_names(const struct sums *s, const struct sums_sought *k);
void sums_warm_ends(const struct sums *s, const struct sums_sought *k);
void sums_add_names(struct sums *s, const struct connection *c, const struct sums_sought *k);
/* Finds or makes the ends, which comes between the last two steps, and asks for what they name. */
void sums_find_ends(struct sums *s, const struct connection *c, struct sums_sought *k);
void sums_add_ends(struct sums *s, const struct connection *c, const struct sums_sought *k);
/* The source of a connection that was sought; or NULL. */
const struct sum_addr *sums_sought_src(const struct sums *s, const struct connection *c,
				       const struct sums_sought *k);

void sums_merge(struct sums *into, const struct sums *from);
void sums_merge_names(struct sums *into, const struct sums *from);
void sums_merge_ends(struct sums *into, const struct sums *from);

/* What an address is called: what was asked for there, else what a DNS answer said; or NULL. */
static inline const struct sum_name *sum_addr_name(const struct sum_addr *a)
{
	return a->domain ? a->domain : a->learnt;
}

const struct sum_rule *sums_rule(const struct sums *s, uint64_t id);		     /* or NULL */
const struct sum_addr *sums_addr(const struct sums *s, const struct dpi_addr *addr); /* or NULL */

#endif
