/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fuzzes packet_decode: the first byte chooses the link head, the second how much longer than the
 * capture the frame claims to have been. What it answers must lie inside the bytes it was given.
 */
#include <stdlib.h>

#include "packet/glance.h"
#include "packet/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a frame that carries no other, the lines shared with the kernel say the same. */
static void check_plain(const struct frame *f, const struct packet *p, enum dpi_parse parse)
{
	struct dpi_cursor c = {.pos = f->bytes.at, .end = f->bytes.at + f->bytes.len};
	struct dpi_packet head = {.l3_off = 0};

	if (f->link != LINK_ETHERNET || p->tunnel_depth)
		return;
	if (dpi_parse_eth(&c, f->wire_len, &head) != parse ||
	    memcmp(&head.key, &p->head.key, sizeof(head.key)) || head.dir != p->head.dir ||
	    head.l4_off != p->head.l4_off || head.payload_off != p->head.payload_off ||
	    head.payload_len != p->head.payload_len || head.seq != p->head.seq ||
	    head.ack != p->head.ack || head.tcp_flags != p->head.tcp_flags ||
	    head.ip_version != p->head.ip_version || head.frag_id != p->head.frag_id)
		abort();
}

/* What a glance says is what decoding says. */
static void check_glance(const struct frame *f, const struct packet *p, enum dpi_parse parse)
{
	uint16_t from = dpi_be16(p->head.key.port[p->head.dir]);
	bool is_udp = p->head.key.proto == DPI_IP_UDP;
	struct glance g;

	if (!packet_glance(f, &g))
		return;
	if (parse != DPI_PARSE_OK || p->tunnel_depth || g.hash != p->hash ||
	    g.from != (is_udp ? from : 0))
		abort();
	if (is_udp && (g.payload.at != p->payload.at || g.payload.len != p->payload.len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame f = {.ts_ns = 1};
	struct packet p;
	enum dpi_parse parse;

	if (size < 2)
		return 0;
	f.link = (enum link_type)(data[0] % (LINK_OTHER + 1));
	f.bytes = slice_of(data + 2, size - 2);
	f.wire_len = (uint32_t)f.bytes.len + data[1] * 6U;
	parse = packet_decode(&f, &p);
	check_glance(&f, &p, parse);
	if (parse != DPI_PARSE_OK && parse != DPI_PARSE_FRAGMENT && parse != DPI_PARSE_TINY)
		return 0;
	check_plain(&f, &p, parse);
	if (p.payload.at < f.bytes.at ||
	    p.payload.len > (size_t)(f.bytes.at + f.bytes.len - p.payload.at))
		abort();
	if (p.payload.len > p.head.payload_len || p.is_cut != (p.payload.len < p.head.payload_len))
		abort();
	if (p.hash != dpi_key_hash(&p.head.key) || dpi_key_order(&p.head.key) != 0 ||
	    p.head.dir > 1)
		abort();
	if (p.tunnel_depth > DPI_TUNNELS_MAX || (p.tunnel_depth == 0) != (p.tunnel == 0))
		abort();
	/* An inner packet lies behind an outer one, and ends no later than the frame did. */
	if (p.tunnel_depth &&
	    (p.head.l3_off < 20 || p.head.payload_off + p.head.payload_len > f.wire_len))
		abort();
	return 0;
}
