/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The packet room: steps over the link head of a frame and hands the rest to include/dpi/parse.h,
 * the lines that also run in the kernel. It must never read past the captured bytes, allocate, or
 * guess a header that is not there.
 *
 * Heads: IEEE 802.3, Linux cooked 1 and 2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2), BSD loopback
 * (LINKTYPE_NULL, LINKTYPE_LOOP), raw IP.
 */
#include "packet/packet.h"

enum {
	COOKED1_LEN = 16,
	COOKED1_HARDWARE = 2, /* offset of the ARPHRD number */
	COOKED1_PROTOCOL = 14,
	COOKED2_LEN = 20,
	COOKED2_PROTOCOL = 0,
	COOKED2_HARDWARE = 8,
	HARDWARE_NETLINK = 824, /* the protocol is a netlink family, not an EtherType */
	NULL_LEN = 4,
};

/* Address families of the loopback head, as the systems that write them number IPv4 and IPv6. */
static const struct {
	uint32_t family;
	uint16_t type;
} loopback_families[] = {
	{2, DPI_ETH_IP},    /* everywhere */
	{10, DPI_ETH_IPV6}, /* Linux */
	{24, DPI_ETH_IPV6}, /* NetBSD, OpenBSD */
	{28, DPI_ETH_IPV6}, /* FreeBSD */
	{30, DPI_ETH_IPV6}, /* Darwin */
};

/* The EtherType of a loopback family in either byte order; 0 when it is not IP. */
static uint16_t type_of_family(uint32_t family)
{
	for (size_t i = 0; i < sizeof(loopback_families) / sizeof(loopback_families[0]); i++)
		if (family == loopback_families[i].family ||
		    family == __builtin_bswap32(loopback_families[i].family))
			return loopback_families[i].type;
	return 0;
}

static enum dpi_parse parse_raw(struct dpi_cursor *c, const struct frame *f, struct dpi_packet *p)
{
	uint8_t version;

	if (c->pos == c->end)
		return DPI_PARSE_SHORT;
	version = c->pos[0] >> 4;
	return dpi_parse_l3(c,
			    version == 4   ? DPI_ETH_IP
			    : version == 6 ? DPI_ETH_IPV6
					   : 0,
			    f->wire_len, p);
}

static enum dpi_parse parse_cooked(struct dpi_cursor *c, const struct frame *f,
				   struct dpi_packet *p, uint32_t len, uint32_t protocol,
				   uint32_t hardware)
{
	const uint8_t *head = dpi_take(c, len);

	if (!head)
		return DPI_PARSE_SHORT;
	if (dpi_get16(head + hardware) == HARDWARE_NETLINK)
		return DPI_PARSE_NOT_IP;
	return dpi_parse_type(c, dpi_get16(head + protocol), f->wire_len, p);
}

static enum dpi_parse parse_null(struct dpi_cursor *c, const struct frame *f, struct dpi_packet *p)
{
	const uint8_t *head = dpi_take(c, NULL_LEN);

	if (!head)
		return DPI_PARSE_SHORT;
	return dpi_parse_l3(c, type_of_family(dpi_get32(head)), f->wire_len, p);
}

static enum dpi_parse parse_link(struct dpi_cursor *c, const struct frame *f, struct dpi_packet *p)
{
	switch (f->link) {
	case LINK_ETHERNET: return dpi_parse_eth(c, f->wire_len, p);
	case LINK_RAW_IP: return parse_raw(c, f, p);
	case LINK_COOKED1:
		return parse_cooked(c, f, p, COOKED1_LEN, COOKED1_PROTOCOL, COOKED1_HARDWARE);
	case LINK_COOKED2:
		return parse_cooked(c, f, p, COOKED2_LEN, COOKED2_PROTOCOL, COOKED2_HARDWARE);
	case LINK_NULL: return parse_null(c, f, p);
	case LINK_OTHER: break;
	}
	return DPI_PARSE_NOT_IP;
}

enum dpi_parse packet_decode(const struct frame *f, struct packet *p)
{
	struct dpi_cursor c = {.pos = f->bytes.at, .end = f->bytes.at + f->bytes.len};
	enum dpi_parse result;

	memset(p, 0, sizeof(*p));
	p->frame = f;
	p->payload = slice_of(c.end, 0);
	result = parse_link(&c, f, &p->head);
	if (result != DPI_PARSE_OK && result != DPI_PARSE_FRAGMENT)
		return result;
	p->hash = dpi_key_hash(&p->head.key);
	p->payload = slice_first(slice_from(f->bytes, p->head.payload_off), p->head.payload_len);
	p->is_cut = p->payload.len < p->head.payload_len;
	return result;
}
