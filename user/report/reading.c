/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading a connection for the heuristics. What makes false alarms is kept out here: group and
 * broadcast traffic, fragments without ports, the second half of flows whose first was not seen.
 */
#include "report/reading.h"

#include "report/service.h"

struct reading reading_of(const struct connection *c, bool is_src_public, bool is_dst_public)
{
	int dst_end = c->opener ? 0 : 1;
	struct reading r = {
		.src = connection_src(c),
		.dst = connection_dst(c),
		.src_port = connection_src_port(c),
		.dst_port = connection_dst_port(c),
		.is_answered = c->packets[dst_end] > 0,
		.is_midstream = (c->flags & FLOW_MIDSTREAM) != 0,
		.is_src_public = is_src_public,
		.is_dst_public = is_dst_public,
	};

	/* x.x.x.255 that takes UDP and never answers is a network's broadcast address. */
	r.is_group = addr_is_multicast(r.dst) || (dpi_addr_is4(r.dst) && r.dst->b[15] == 255 &&
						  !r.is_answered && c->key.proto == DPI_IP_UDP);
	return r;
}

bool reading_is_asked_of_host(const struct connection *c, const struct reading *r)
{
	int src_end = c->opener ? 1 : 0;
	bool is_refused = (c->tcp_flags[!src_end] & DPI_TCP_RST) != 0;

	if (r->is_group || (c->key.proto != DPI_IP_TCP && c->key.proto != DPI_IP_UDP))
		return false;
	if (r->src_port == 0 && r->dst_port == 0) /* later fragments carry no ports */
		return false;
	if (!r->is_midstream)
		return true;
	return !c->has_payload && !(c->tcp_flags[src_end] & DPI_TCP_RST) &&
	       (!r->is_answered || is_refused);
}

bool reading_is_unusual(const struct connection *c, const struct reading *r)
{
	bool is_certain = c->key.proto == DPI_IP_TCP && !r->is_midstream;

	if (c->key.proto != DPI_IP_TCP && c->key.proto != DPI_IP_UDP)
		return false;
	if (r->is_group || r->dst_port >= 1024 || (r->src_port == 0 && r->dst_port == 0))
		return false;
	if (service_is_known(r->dst_port))
		return false;
	/* A client on a reserved port (NFS, rsh) whose server was heard first. */
	return is_certain || r->src_port >= 1024;
}

/* A service of the network itself: what answers there belongs to the network. */
static bool is_infrastructure(uint16_t port)
{
	return port == 53 || port == 67 || port == 123 || port == 547 || port == 853 ||
	       port == 5351;
}

/* True when both lie in one block that an organisation uses as a whole (RFC 1918, 6598, 4193). */
static bool is_same_block(const struct dpi_addr *a, const struct dpi_addr *b)
{
	static const struct {
		uint8_t first, second, bits; /* of IPv4 */
	} blocks[] = {{10, 0, 8}, {172, 16, 12}, {192, 168, 16}, {100, 64, 10}};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct dpi_addr net;
		uint8_t bits = (uint8_t)(96 + blocks[i].bits);

		dpi_addr_set4(&net, 0);
		net.b[12] = blocks[i].first;
		net.b[13] = blocks[i].second;
		if (addr_in_net(a, &net, bits))
			return addr_in_net(b, &net, bits);
	}
	return (a->b[0] & 0xfe) == 0xfc && addr_in_net(a, b, 48);
}

bool reading_shows_src_own(const struct reading *r)
{
	return !r->is_src_public;
}

bool reading_shows_dst_own(const struct connection *c, const struct reading *r)
{
	bool is_established = r->is_answered || (r->is_midstream && c->has_payload);
	/* The ports do not say who opened it: either end may have. */
	bool is_guess = r->is_midstream && (r->src_port < 1024) == (r->dst_port < 1024);

	if (r->is_dst_public || r->is_group)
		return false;
	return r->is_src_public || (is_established && is_guess) ||
	       (is_established && is_same_block(r->src, r->dst)) ||
	       (r->is_answered && is_infrastructure(r->dst_port));
}
