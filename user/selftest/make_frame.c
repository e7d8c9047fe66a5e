/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Packets made up, from the transport to Ethernet; see make_frame.h. Room: selftest.
 */
#include "selftest/make_frame.h"

#include <string.h>

enum { IP4 = 20, IP6 = 40, TCP_HEAD = 20, UDP_HEAD = 8, CHAIN = 8 };

static size_t put(uint8_t *at, const void *bytes, size_t len)
{
	if (len) /* of none there may be no place either */
		memcpy(at, bytes, len);
	return len;
}

/* The sum of the pseudo header (RFC 9293 3.1, RFC 8200 8.1). */
static uint64_t pseudo(const struct make_ends *e, uint8_t proto, size_t len)
{
	uint8_t words[4] = {0, proto};
	size_t n = e->is_v6 ? 16 : 4;

	bytes_put16(words + 2, len);
	return bytes_sum(bytes_sum(bytes_sum(0, words, 4), e->src, n), e->dst, n);
}

size_t make_segment(uint8_t *out, const struct make_ends *e, const struct make_segment *s,
		    struct slice payload)
{
	size_t head = TCP_HEAD + s->options.len, len = head + payload.len;

	memset(out, 0, TCP_HEAD);
	bytes_put16(out, e->sport);
	bytes_put16(out + 2, e->dport);
	bytes_put32(out + 4, s->seq);
	bytes_put32(out + 8, s->ack);
	out[12] = (uint8_t)((s->words ? s->words : head / 4) << 4);
	out[13] = s->flags;
	bytes_put16(out + 14, 64240);
	bytes_put16(out + 18, s->urgent);
	put(out + TCP_HEAD, s->options.at, s->options.len);
	put(out + head, payload.at, payload.len);
	bytes_put_check(out + 16, bytes_sum(pseudo(e, MAKE_TCP, len), out, len));
	if (s->is_sum_wrong)
		out[16] ^= 0x55;
	return len;
}

size_t make_datagram(uint8_t *out, const struct make_ends *e, struct slice payload)
{
	size_t len = UDP_HEAD + payload.len;

	bytes_put16(out, e->sport);
	bytes_put16(out + 2, e->dport);
	bytes_put16(out + 4, len);
	bytes_put16(out + 6, 0);
	put(out + UDP_HEAD, payload.at, payload.len);
	bytes_put_check(out + 6, bytes_sum(pseudo(e, MAKE_UDP, len), out, len));
	if (!out[6] && !out[7])
		memset(out + 6, 0xff, 2); /* 0 would say: no checksum (RFC 768) */
	return len;
}

static size_t put_ip4(uint8_t *out, const struct make_ends *e, const struct make_ip *ip,
		      uint8_t proto, size_t len)
{
	size_t head = IP4 + ip->options.len;

	memset(out, 0, IP4);
	out[0] = (uint8_t)(0x40 | head / 4);
	bytes_put16(out + 2, head + len);
	bytes_put16(out + 4, ip->ident & 0xffff);
	out[6] = 0x40;
	out[8] = ip->ttl;
	out[9] = proto;
	put(out + 12, e->src, 4);
	put(out + 16, e->dst, 4);
	put(out + IP4, ip->options.at, ip->options.len);
	bytes_put_check(out + 10, bytes_sum(0, out, head));
	return head;
}

/* An extension header of eight bytes that changes nothing; the next header's type is to follow. */
static void put_chained(uint8_t *at, uint8_t type, uint32_t ident)
{
	enum { ROUTING = 43, FRAGMENT = 44, PADN = 1 };

	memset(at, 0, CHAIN);
	if (type == FRAGMENT) {
		bytes_put32(at + 4, ident);
	} else if (type != ROUTING) {
		at[2] = PADN;
		at[3] = 4;
	}
}

static size_t put_ip6(uint8_t *out, const struct make_ends *e, const struct make_ip *ip,
		      uint8_t proto, size_t len)
{
	uint8_t *next = out + 6;
	size_t n = IP6;

	bytes_put32(out, 0x60000000 | (ip->ident & 0xfffff));
	bytes_put16(out + 4, ip->chain.len * CHAIN + len);
	out[7] = ip->ttl;
	put(out + 8, e->src, 16);
	put(out + 24, e->dst, 16);
	for (size_t i = 0; i < ip->chain.len; i++, n += CHAIN) {
		*next = ip->chain.at[i];
		put_chained(out + n, *next, ip->ident);
		next = out + n;
	}
	*next = proto;
	return n;
}

size_t make_ip(uint8_t *out, const struct make_ends *e, const struct make_ip *ip, uint8_t proto,
	       struct slice body)
{
	size_t n = e->is_v6 ? put_ip6(out, e, ip, proto, body.len)
			    : put_ip4(out, e, ip, proto, body.len);

	return n + put(out + n, body.at, body.len);
}

static bool is_v6(struct slice packet)
{
	return packet.at[0] >> 4 == 6;
}

size_t make_ip_head(struct slice packet)
{
	return is_v6(packet) ? IP6 : IP4;
}

size_t make_fragment(uint8_t *out, struct slice packet, size_t at, struct slice bytes, bool more,
		     uint32_t ident)
{
	size_t n = put(out, packet.at, make_ip_head(packet));

	if (is_v6(packet)) {
		bytes_put16(out + 4, CHAIN + bytes.len);
		out[6] = 44;
		out[n] = packet.at[6];
		out[n + 1] = 0;
		bytes_put16(out + n + 2, at | more);
		bytes_put32(out + n + 4, ident);
		n += CHAIN;
	} else {
		bytes_put16(out + 2, n + bytes.len);
		bytes_put16(out + 4, ident & 0xffff);
		bytes_put16(out + 6, (more ? 0x2000U : 0) | at / 8);
		bytes_put16(out + 10, 0);
		bytes_put_check(out + 10, bytes_sum(0, out, n));
	}
	return n + put(out + n, bytes.at, bytes.len);
}
