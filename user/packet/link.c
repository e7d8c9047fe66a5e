/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Link heads of captures, for the packet room: a table from link type to the lines that step over
 * its head, then include/dpi/parse.h. It must never guess a head that is not there.
 *
 * Heads: IEEE 802.3, Linux cooked 1 and 2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2), BSD loopback
 * (LINKTYPE_NULL, LINKTYPE_LOOP), raw IP, PPP (RFC 1661 2, RFC 1662 3), Cisco HDLC
 * (LINKTYPE_C_HDLC), PPI (LINKTYPE_PPI).
 */
#include "packet/link.h"

enum {
	COOKED1_LEN = 16,
	COOKED1_HARDWARE = 2, /* offset of the ARPHRD number */
	COOKED1_PROTOCOL = 14,
	COOKED2_LEN = 20,
	COOKED2_PROTOCOL = 0,
	COOKED2_HARDWARE = 8,
	HARDWARE_NETLINK = 824, /* the protocol is a netlink family, not an EtherType */
	NULL_LEN = 4,
	CHDLC_LEN = 4,
	PPI_LEN = 8,
	PPI_DLT = 4, /* offset of the link type inside */
};

static const struct {
	uint32_t linktype;
	enum link_type link;
} linktypes[] = {
	{1, LINK_ETHERNET},  {0, LINK_NULL},	  {108, LINK_NULL},   {101, LINK_RAW_IP},
	{12, LINK_RAW_IP},   {14, LINK_RAW_IP},	  {228, LINK_RAW_IP}, {229, LINK_RAW_IP},
	{113, LINK_COOKED1}, {276, LINK_COOKED2}, {9, LINK_PPP},      {50, LINK_PPP},
	{204, LINK_PPP},     {192, LINK_PPI},	  {105, LINK_WIFI},   {127, LINK_RADIOTAP},
	{104, LINK_CHDLC},
};

enum link_type link_type_of(uint32_t linktype)
{
	for (size_t i = 0; i < sizeof(linktypes) / sizeof(linktypes[0]); i++)
		if (linktypes[i].linktype == linktype)
			return linktypes[i].link;
	return LINK_OTHER;
}

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

static enum dpi_parse parse_raw(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p)
{
	uint8_t version;

	if (c->pos == c->end)
		return DPI_PARSE_SHORT;
	version = c->pos[0] >> 4;
	return dpi_parse_l3(c,
			    version == 4   ? DPI_ETH_IP
			    : version == 6 ? DPI_ETH_IPV6
					   : 0,
			    wire_len, p);
}

static enum dpi_parse parse_cooked(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p,
				   uint32_t len, uint32_t protocol, uint32_t hardware)
{
	const uint8_t *head = dpi_take(c, len);

	if (!head)
		return DPI_PARSE_SHORT;
	if (dpi_get16(head + hardware) == HARDWARE_NETLINK)
		return DPI_PARSE_NOT_IP;
	return dpi_parse_type(c, dpi_get16(head + protocol), wire_len, p);
}

static enum dpi_parse parse_null(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p)
{
	const uint8_t *head = dpi_take(c, NULL_LEN);

	if (!head)
		return DPI_PARSE_SHORT;
	return dpi_parse_l3(c, type_of_family(dpi_get32(head)), wire_len, p);
}

/* Address (0x0f: to one, 0x8f: to all), control, EtherType. */
static enum dpi_parse parse_chdlc(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p)
{
	const uint8_t *head = dpi_take(c, CHDLC_LEN);

	if (!head)
		return DPI_PARSE_SHORT;
	return dpi_parse_type(c, dpi_get16(head + 2), wire_len, p);
}

/*
 * A protocol number has an odd last byte and, when it has two, an even first one: so a byte can be
 * left out (RFC 1661 6.5), and what comes in front of it is told by its first byte:
 *
 *   ff 03        the HDLC head (RFC 1662 3.1)
 *   0f 00, 8f 00 no PPP but Cisco HDLC
 *   00, 01       the direction (LINKTYPE_PPP_WITH_DIR), where one of the above follows 00
 */
enum dpi_parse link_parse_ppp(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p)
{
	const uint8_t *at = c->pos;
	uint16_t protocol;

	if (c->end - at < 2)
		return DPI_PARSE_SHORT;
	if (at[0] == 1 ||
	    (at[0] == 0 && (at[1] == 0 || at[1] == 0xff || at[1] == 0x0f || at[1] == 0x8f)))
		(void)dpi_take(c, 1);
	at = c->pos;
	if (c->end - at < 2)
		return DPI_PARSE_SHORT;
	if ((at[0] == 0x0f || at[0] == 0x8f) && at[1] == 0)
		return parse_chdlc(c, wire_len, p);
	if (at[0] == 0xff && at[1] == 3)
		(void)dpi_take(c, 2);
	at = dpi_take(c, 1);
	if (!at)
		return DPI_PARSE_SHORT;
	protocol = at[0];
	if (!(protocol & 1)) {
		at = dpi_take(c, 1);
		if (!at)
			return DPI_PARSE_SHORT;
		protocol = (uint16_t)(protocol << 8 | at[0]);
	}
	return dpi_parse_l3(c, dpi_type_of_ppp(protocol), wire_len, p);
}

static enum dpi_parse parse_link(struct dpi_cursor *c, enum link_type link, uint32_t wire_len,
				 struct dpi_packet *p)
{
	switch (link) {
	case LINK_ETHERNET: return dpi_parse_eth(c, wire_len, p);
	case LINK_RAW_IP: return parse_raw(c, wire_len, p);
	case LINK_COOKED1:
		return parse_cooked(c, wire_len, p, COOKED1_LEN, COOKED1_PROTOCOL,
				    COOKED1_HARDWARE);
	case LINK_COOKED2:
		return parse_cooked(c, wire_len, p, COOKED2_LEN, COOKED2_PROTOCOL,
				    COOKED2_HARDWARE);
	case LINK_NULL: return parse_null(c, wire_len, p);
	case LINK_PPP: return link_parse_ppp(c, wire_len, p);
	case LINK_CHDLC: return parse_chdlc(c, wire_len, p);
	case LINK_WIFI: return wifi_parse(c, (struct wifi_form){0}, wire_len, p);
	case LINK_RADIOTAP: return wifi_parse_radiotap(c, wire_len, p);
	case LINK_PPI:
	case LINK_OTHER: break;
	}
	return DPI_PARSE_NOT_IP;
}

/*
 *  0 version | 1 flags | 2 length of the whole head | 4 link type of what follows
 *
 * Little-endian. PPI inside PPI is not followed.
 */
static enum dpi_parse parse_ppi(struct dpi_cursor *c, uint32_t wire_len, struct dpi_packet *p)
{
	const uint8_t *head = dpi_take(c, PPI_LEN), *dlt;
	uint32_t len;

	if (!head)
		return DPI_PARSE_SHORT;
	len = (uint32_t)(head[2] | head[3] << 8);
	if (len < PPI_LEN)
		return DPI_PARSE_BAD;
	if (!dpi_take(c, len - PPI_LEN))
		return DPI_PARSE_SHORT;
	dlt = head + PPI_DLT;
	return parse_link(c, link_type_of(__builtin_bswap32(dpi_get32(dlt))), wire_len, p);
}

enum dpi_parse link_parse(struct dpi_cursor *c, enum link_type link, uint32_t wire_len,
			  struct dpi_packet *p)
{
	return link == LINK_PPI ? parse_ppi(c, wire_len, p) : parse_link(c, link, wire_len, p);
}
