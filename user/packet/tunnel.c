/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Packets in packets, for the packet room: what include/dpi/parse.h knows, and what the kernel
 * leaves to user space: CAPWAP's data channel, ERSPAN, and GTP-U with more extension headers. A
 * port alone is never enough: the head must be sound, and the inside must parse.
 *
 * Standards: RFC 5415 4.3 (CAPWAP), RFC 5416 (802.11 in it), 3GPP TS 29.281
 * 5.2 (GTP-U), draft-foschiano-erspan.
 */
#include "packet/tunnel.h"

#include "packet/link.h"

enum {
	CAPWAP_DATA = 5247,
	CAPWAP_LEN = 8,
	CAPWAP_FRAGMENT = 0x80, /* flags, in the fourth byte behind the T bit */
	CAPWAP_KEEPALIVE = 0x08,
	CAPWAP_NATIVE = 0x01, /* T, in the third byte: not Ethernet but WBID's own frame */
	CAPWAP_WIFI = 1,
	GTPU = 2152,
	GTPU_LEN = 8,
	GTPU_MORE_LEN = 4,
	GTPU_EXTENSIONS_MAX = 8,
	ETH_ERSPAN2 = 0x88be,
	ETH_ERSPAN3 = 0x22eb,
	GRE_SEQUENCE = 0x1000,
};

/* What parsing the inside needs. */
struct inside {
	struct dpi_cursor c; /* ends with the outer packet's payload */
	uint32_t wire_len;   /* where that payload ended on the wire */
	struct dpi_packet *inner;
};

static bool is_port(const struct dpi_packet *p, uint16_t port)
{
	return dpi_be16(p->key.port[0]) == port || dpi_be16(p->key.port[1]) == port;
}

/*
 *  0 version, type | 1 HLEN 5, RID 5, WBID 5, T 1, F 1, L 1, W 1, M 1, K 1, flags 3 | 4 fragment
 */
static enum dpi_parse parse_capwap(struct inside *in)
{
	const uint8_t *head = dpi_take(&in->c, CAPWAP_LEN), *frame;
	struct wifi_form form = {0};
	uint32_t len;

	/* Version 0 in the clear; DTLS (type 1) is not looked into. */
	if (!head || head[0] != 0 || head[3] & (CAPWAP_FRAGMENT | CAPWAP_KEEPALIVE))
		return DPI_PARSE_NOT_IP;
	len = (uint32_t)(head[1] >> 3) * 4;
	if (len < CAPWAP_LEN || !dpi_take(&in->c, len - CAPWAP_LEN))
		return DPI_PARSE_NOT_IP;
	if (!(head[2] & CAPWAP_NATIVE))
		return dpi_parse_eth(&in->c, in->wire_len, in->inner);
	if ((head[2] >> 1 & 31) != CAPWAP_WIFI || in->c.end - in->c.pos < 2)
		return DPI_PARSE_NOT_IP;
	frame = in->c.pos;
	/* The version is 0 and a bit of the flags' lowest two is set: which byte is which. */
	form.is_swapped = frame[0] & 3 && !(frame[1] & 3);
	return wifi_parse(&in->c, form, in->wire_len, in->inner);
}

/* GTP-U with extension headers of any length: units of four bytes, the next one's type last. */
static enum dpi_parse parse_gtpu(struct inside *in)
{
	const uint8_t *head = dpi_take(&in->c, GTPU_LEN), *more;
	uint8_t next;

	if (!head || (head[0] & 0xf4) != 0x34 || head[1] != 255)
		return DPI_PARSE_NOT_IP;
	more = dpi_take(&in->c, GTPU_MORE_LEN);
	next = more ? more[3] : 0;
	for (int i = 0; next && i < GTPU_EXTENSIONS_MAX; i++) {
		uint32_t len = in->c.pos < in->c.end ? *in->c.pos * 4U : 0;
		const uint8_t *extension = len ? dpi_take(&in->c, len) : NULL;

		if (!extension)
			return DPI_PARSE_NOT_IP;
		next = extension[len - 1];
	}
	if (!more || next)
		return DPI_PARSE_NOT_IP;
	return link_parse(&in->c, LINK_RAW_IP, in->wire_len, in->inner);
}

/* A mirrored Ethernet frame behind ERSPAN's own head, which type 1 does not have. */
static enum dpi_parse parse_erspan(struct inside *in, uint16_t type, uint16_t gre_flags)
{
	const uint8_t *head;
	uint32_t len = type == ETH_ERSPAN3 ? 12 : gre_flags & GRE_SEQUENCE ? 8 : 0;

	head = dpi_take(&in->c, len);
	if (!head)
		return DPI_PARSE_SHORT;
	/* Version 1 is type 2, version 2 is type 3, whose last bit says that 8 bytes more follow.
	 */
	if (len && head[0] >> 4 != (type == ETH_ERSPAN3 ? 2 : 1))
		return DPI_PARSE_NOT_IP;
	if (type == ETH_ERSPAN3 && head[11] & 1 && !dpi_take(&in->c, 8))
		return DPI_PARSE_SHORT;
	return dpi_parse_eth(&in->c, in->wire_len, in->inner);
}

/* What lies behind a head that dpi_parse_tunnel has stepped over. */
static enum dpi_parse parse_type(struct inside *in, uint16_t type, const uint8_t *head)
{
	if (type == ETH_ERSPAN2 || type == ETH_ERSPAN3)
		return parse_erspan(in, type, dpi_get16(head));
	return dpi_parse_inside(&in->c, type, in->wire_len, in->inner);
}

/* The tunnels over UDP that the kernel does not follow. */
static const struct {
	uint16_t port; /* of either end */
	uint8_t kind;
	enum dpi_parse (*parse)(struct inside *in);
} udp_tunnels[] = {
	{CAPWAP_DATA, DPI_TUNNEL_CAPWAP, parse_capwap},
	{GTPU, DPI_TUNNEL_GTPU, parse_gtpu},
};

enum dpi_parse tunnel_parse(struct slice frame, const struct dpi_packet *outer,
			    struct dpi_packet *inner, enum dpi_tunnel *kind)
{
	struct inside in = {.inner = inner, .wire_len = outer->payload_off + outer->payload_len};
	struct dpi_cursor start = {.off = outer->payload_off};
	uint16_t type;
	uint8_t found;

	if (outer->is_first_fragment || outer->payload_off >= frame.len)
		return DPI_PARSE_NOT_IP;
	start.pos = frame.at + start.off;
	start.end = frame.at + (in.wire_len < frame.len ? in.wire_len : frame.len);
	in.c = start;
	type = dpi_parse_tunnel(&in.c, outer, &found);
	*kind = (enum dpi_tunnel)found;
	if (type) {
		enum dpi_parse result;

		memset(inner, 0, sizeof(*inner));
		result = parse_type(&in, type, start.pos);
		return dpi_is_carried(found, inner) ? result : DPI_PARSE_NOT_IP;
	}
	if (outer->key.proto != DPI_IP_UDP)
		return DPI_PARSE_NOT_IP;
	for (size_t i = 0; i < sizeof(udp_tunnels) / sizeof(udp_tunnels[0]); i++) {
		if (!is_port(outer, udp_tunnels[i].port))
			continue;
		in.c = start;
		memset(inner, 0, sizeof(*inner));
		*kind = (enum dpi_tunnel)udp_tunnels[i].kind;
		return udp_tunnels[i].parse(&in);
	}
	return DPI_PARSE_NOT_IP;
}
