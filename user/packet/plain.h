/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What decoding a plain frame and a glance at one have in common: where its fields lie, and its
 * flow's key. Private to the packet room.
 *
 * Standards: as include/dpi/parse.h.
 */
#ifndef PACKET_PLAIN_H
#define PACKET_PLAIN_H

#include <string.h>

#include "dpi/parse.h"

enum {
	ETH_TYPE = 12,
	ETH_LEN = sizeof(struct dpi_wire_eth),
	IP4_LEN = sizeof(struct dpi_wire_ip4),
	IP4_PROTO = 9,
	IP4_PIECE = 0x3fff, /* more fragments, or an offset */
	IP6_LEN = sizeof(struct dpi_wire_ip6),
	IP6_NEXT = 6,
	TCP_LEN = sizeof(struct dpi_wire_tcp),
	UDP_LEN = sizeof(struct dpi_wire_udp),
};

/*
 * The key of an IPv4 packet, in canonical order; ip: its header, without options, behind which lie
 * its ports. Returns its hash; *dir: 1 when the ends were turned round, else 0. All without a
 * branch, for which end sends next nobody can foretell.
 */
dpi_inline uint32_t plain_key4(const uint8_t *ip, struct dpi_key *k, uint8_t *dir)
{
	const uint64_t mapped = 0xffff00000000ULL;
	uint32_t src = dpi_get32(ip + 12), dst = dpi_get32(ip + 16);
	uint32_t ports = dpi_get32(ip + IP4_LEN);
	__u64 words[DPI_KEY_WORDS] = {0};
	bool is_turned = src > dst;
	unsigned turn;
	__be32 wire;

	if (src == dst)
		is_turned = ports >> 16 > (ports & 0xffff);
	turn = is_turned ? 16 : 0;
	ports = ports << turn | ports >> (-turn & 31);
	words[1] = dpi_be64(mapped | (src < dst ? src : dst));
	words[3] = dpi_be64(mapped | (src < dst ? dst : src));
	words[4] = (uint64_t)ports << 16 | ip[IP4_PROTO];
	wire = dpi_be32(ports);
	*k = (struct dpi_key){.proto = ip[IP4_PROTO]};
	k->addr[0].d[1] = words[1];
	k->addr[1].d[1] = words[3];
	memcpy(k->port, &wire, sizeof(wire));
	*dir = is_turned;
	return dpi_words_hash(words);
}

/* The same of an IPv6 packet without extension headers. */
dpi_inline uint32_t plain_key6(const uint8_t *ip, struct dpi_key *k, uint8_t *dir)
{
	memcpy(k->addr, ip + 8, sizeof(k->addr));
	memcpy(k->port, ip + IP6_LEN, sizeof(k->port));
	k->proto = ip[IP6_NEXT];
	memset(k->pad, 0, sizeof(k->pad));
	*dir = dpi_key_order(k);
	return dpi_key_hash(k);
}

#endif
