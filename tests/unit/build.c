/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames and messages for the tests; see build.h. Layouts: IEEE 802.3 and 802.1Q, RFC 791, 8200,
 * 9293, 768, 8446 4.1.2, 6066 3, 1035 4.1.
 */
#include "build.h"

#include "dpi/parse.h"

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	if (len)
		memcpy(at, bytes, len);
	return at + len;
}

static uint8_t *put8(uint8_t *at, unsigned n)
{
	*at = (uint8_t)n;
	return at + 1;
}

static uint8_t *put16(uint8_t *at, unsigned n)
{
	return put8(put8(at, n >> 8), n);
}

static uint8_t *put32(uint8_t *at, uint32_t n)
{
	return put16(put16(at, n >> 16), n & 0xffff);
}

static uint8_t *put_zeros(uint8_t *at, size_t len)
{
	memset(at, 0, len);
	return at + len;
}

/* A data frame to an access point, and the LLC/SNAP head (IEEE 802.11 9.3.2.1, 802.2). */
static uint8_t *put_wifi(uint8_t *at, unsigned type)
{
	at = put(at, "\x08\x01\0\0\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x02\0\0\0\0\x03\0\0", 24);
	at = put(at, "\xaa\xaa\x03\0\0\0", 6);
	return put16(at, type);
}

static uint8_t *put_link(uint8_t *at, const struct build_packet *p)
{
	unsigned type = p->is_v6 ? DPI_ETH_IPV6 : DPI_ETH_IP;
	unsigned outer = p->tag_count > 1 ? DPI_ETH_QINQ : p->tag_count ? DPI_ETH_VLAN : type;

	switch (p->link) {
	case LINK_PPI:
		at = put(at, "\0\0\x08\0\x01\0\0\0", 8);
		/* fall through */
	case LINK_ETHERNET:
		at = put(at, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
		at = put16(at, outer);
		break;
	case LINK_COOKED1:
		at = put(at, "\0\0\0\x01\0\x06\x02\0\0\0\0\x02\0\0", 14);
		at = put16(at, outer);
		break;
	case LINK_COOKED2:
		at = put16(at, outer);
		at = put(at, "\0\0\0\0\0\x02\0\x01\0\x06\x02\0\0\0\0\x02\0\0", 18);
		break;
	case LINK_NULL: return put(at, p->is_v6 ? "\x1e\0\0\0" : "\x02\0\0\0", 4);
	case LINK_PPP: return put16(put16(at, 0xff03), p->is_v6 ? 0x0057 : 0x0021);
	case LINK_CHDLC: return put16(put16(at, 0x0f00), type);
	case LINK_RADIOTAP:
		at = put(at, "\0\0\x08\0\0\0\0\0", 8);
		/* fall through */
	case LINK_WIFI: return put_wifi(at, type);
	case LINK_RAW_IP:
	case LINK_OTHER: return at;
	}
	for (int i = 0; i < p->tag_count; i++) {
		at = put16(at, 100U + (unsigned)i);
		at = put16(at, i + 1 < p->tag_count ? DPI_ETH_VLAN : type);
	}
	return at;
}

static uint8_t *put_ip(uint8_t *at, const struct build_packet *p, size_t len)
{
	static const uint8_t net[12] = {0x20, 0x01, 0x0d, 0xb8};

	if (p->is_v6) {
		at = put32(at, 0x60000000);
		at = put16(at, (unsigned)len);
		at = put8(put8(at, p->proto), p->ttl ? p->ttl : 64);
		at = put32(put(at, net, sizeof(net)), p->src);
		return put32(put(at, net, sizeof(net)), p->dst);
	}
	at = put16(at, 0x4500);
	at = put16(at, (unsigned)len + 20);
	at = put16(put16(at, p->id ? p->id : 1), p->frag);
	at = put8(put8(at, p->ttl ? p->ttl : 64), p->proto);
	at = put16(at, 0);
	return put32(put32(at, p->src), p->dst);
}

/* The sum of 16-bit words, a last odd byte as the high one (RFC 1071). */
static uint32_t sum16(uint32_t total, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		total += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return total;
}

/* Sets the checksum of the len bytes of TCP at `tcp`, whose addresses stand right before it. */
static void set_checksum(uint8_t *tcp, size_t len, const struct build_packet *p)
{
	size_t ends = p->is_v6 ? 32 : 8;
	uint32_t total = sum16(DPI_IP_TCP + (uint32_t)len, tcp - ends, ends);

	total = sum16(total, tcp, len);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	put16(tcp + 16, (~total & 0xffff) ^ (p->is_spoilt ? 0x1111 : 0));
}

size_t build_frame(uint8_t *out, const struct build_packet *p)
{
	bool has_head = !(p->frag & 0x1fff);
	size_t head = !has_head ? 0 : p->proto == DPI_IP_TCP ? 20 : p->proto == DPI_IP_UDP ? 8 : 0;
	uint8_t *at = put_ip(put_link(out, p), p, head + p->payload.len), *transport = at;

	if (head)
		at = put16(put16(at, p->sport), p->dport);
	if (head == 20) {
		at = put32(put32(at, p->seq), p->ack);
		at = put8(put8(at, 0x50), p->flags);
		at = put16(put16(put16(at, 65535), 0), p->urgent);
	} else if (head == 8) {
		at = put16(put16(at, (unsigned)p->payload.len + 8), 0);
	}
	at = put(at, p->payload.at, p->payload.len);
	if (head == 20)
		set_checksum(transport, (size_t)(at - transport), p);
	return (size_t)(at - out);
}

/* The handshake message alone. */
static size_t build_handshake(uint8_t *out, const char *name, size_t pad)
{
	size_t name_len = name ? strlen(name) : 0;
	size_t extensions = (pad ? pad + 4 : 0) + (name ? name_len + 9 : 0);
	uint8_t *at = out;

	at = put8(at, 1);
	at = put8(at, 0);
	at = put16(at, (unsigned)(2 + 32 + 1 + 4 + 2 + 2 + extensions));
	at = put16(at, 0x0303);
	at = put_zeros(at, 32);
	at = put8(at, 0);
	at = put16(put16(at, 2), 0x1301);
	at = put16(at, 0x0100);
	at = put16(at, (unsigned)extensions);
	if (pad)
		at = put_zeros(put16(put16(at, 0x7777), (unsigned)pad), pad);
	if (name) {
		at = put16(put16(at, 0), (unsigned)name_len + 5);
		at = put16(at, (unsigned)name_len + 3);
		at = put16(put8(at, 0), (unsigned)name_len);
		at = put(at, name, name_len);
	}
	return (size_t)(at - out);
}

static size_t put_records(uint8_t *out, struct slice handshake, size_t record_len)
{
	uint8_t *at = out;

	while (handshake.len) {
		struct slice part = slice_first(handshake, record_len);

		at = put16(put16(put8(at, 22), 0x0301), (unsigned)part.len);
		at = put(at, part.at, part.len);
		handshake = slice_from(handshake, part.len);
	}
	return (size_t)(at - out);
}

size_t build_hello(uint8_t *out, const char *name, size_t pad)
{
	static const size_t record_max = 16384;
	uint8_t handshake[BUILD_MAX];

	return put_records(out, slice_of(handshake, build_handshake(handshake, name, pad)),
			   record_max);
}

size_t build_hello_records(uint8_t *out, const char *name, size_t record_len)
{
	uint8_t handshake[BUILD_MAX];

	return put_records(out, slice_of(handshake, build_handshake(handshake, name, 0)),
			   record_len);
}

size_t build_server_hello(uint8_t *out)
{
	uint8_t *at = put(out, "\x16\x03\x03\0\x2c\x02\0\0\x28\x03\x03", 11);

	at = put_zeros(at, 33);
	at = put(at, "\x13\x01\0\0\0", 5);
	return (size_t)(at - out);
}

size_t build_dns(uint8_t *out, const char *name, bool is_answer)
{
	uint8_t *at = put(out, "\x12\x34", 2);

	at = put16(at, is_answer ? 0x8180 : 0x0100);
	at = put16(put_zeros(put16(at, 1), 6), 0) - 2;
	while (*name) {
		size_t len = strcspn(name, ".");

		at = put(put8(at, (unsigned)len), name, len);
		name += len + (name[len] == '.');
	}
	at = put8(at, 0);
	at = put16(put16(at, 1), 1);
	return (size_t)(at - out);
}
