/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Made-up connections for the tests of the room report.
 */
#ifndef UNIT_REPORT_MAKE_H
#define UNIT_REPORT_MAKE_H

#include "base/addr.h"
#include "report/report.h"

#include <stdlib.h>

/* A connection from a row of a test's table. Answered, whole, TCP unless said otherwise. */
struct made {
	const char *src, *dst;
	uint16_t src_port, dst_port;
	uint8_t proto;	/* 0: TCP */
	bool is_silent; /* nobody answered */
	uint32_t flags; /* enum flow_flag */
	const char *name;
	enum app_proto source; /* of name; 0: TLS */
};

/* Gives a connection; number places it among the others. */
static inline struct connection make_connection(const struct made *m, uint64_t number)
{
	struct connection c = {
		.first_number = number,
		.first_ns = 1700000000000000000ULL + number * 1000000,
		.last_ns = 1700000000500000000ULL + number * 1000000,
		.flags = m->flags,
		.state = FLOW_ESTABLISHED,
		.has_payload = true,
	};
	int dst_end;

	c.key.proto = m->proto ? m->proto : DPI_IP_TCP;
	if (addr_parse(slice_text(m->src), &c.key.addr[0]) ||
	    addr_parse(slice_text(m->dst), &c.key.addr[1]))
		abort();
	c.key.port[0] = dpi_be16(m->src_port);
	c.key.port[1] = dpi_be16(m->dst_port);
	c.opener = dpi_key_order(&c.key);
	dst_end = c.opener ? 0 : 1;
	c.packets[c.opener] = 2;
	c.bytes[c.opener] = 200;
	c.packets[dst_end] = m->is_silent ? 0 : 1;
	c.bytes[dst_end] = m->is_silent ? 0 : 1000;
	if (m->name &&
	    connection_add_name(&c, m->source ? m->source : PROTO_TLS, slice_text(m->name)))
		abort();
	return c;
}

/* Adds what a row makes to a tally. */
static inline void tally_made(struct tally *t, const struct made *m, uint64_t number)
{
	struct connection c = make_connection(m, number);

	tally_add_connection(t, &c);
	connection_clear(&c);
}

#endif
