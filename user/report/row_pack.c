/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a packed row looks like. A number takes seven bits a byte, the lowest first, and the highest
 * bit says that another byte follows; most numbers of a connection are small. In front of all
 * stands the length, in four bytes that are set last.
 */
#include "report/row_pack.h"

enum {
	ROW_IS4 = 1, /* both addresses are IPv4 */
	ROW_OPENER = 2,
	ROW_BLOCKED = 4,
	ROW_PAYLOAD = 8,
	ROW_DROPPED = 16,
	ROW_LATE = 32,
	ROW_RULE = 64,
	ROW_PRINT = 128,
	ROW_TUNNEL = 256,
	ROW_OUTER = 512,
	ROW_NAMES = 1024,
	ROW_ODD_KEY = 2048, /* its padding is not 0 */
};

static uint8_t *put(uint8_t *at, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		*at++ = (uint8_t)(n | 0x80);
	*at++ = (uint8_t)n;
	return at;
}

static uint64_t get(const uint8_t **at)
{
	uint64_t n = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = *(*at)++;

		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return n;
	}
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static void get_bytes(const uint8_t **at, void *bytes, size_t len)
{
	memcpy(bytes, *at, len);
	*at += len;
}

/* A small number of either sign. */
static uint64_t fold_sign(int64_t n)
{
	return (uint64_t)n << 1 ^ (uint64_t)(n >> 63);
}

static int64_t unfold_sign(uint64_t n)
{
	return (int64_t)(n >> 1 ^ (0 - (n & 1)));
}

static bool has_outer(const struct connection *c)
{
	static const struct dpi_addr none[2];

	return memcmp(c->outer, none, sizeof(none)) != 0;
}

static unsigned bits_of(const struct connection *c, size_t names_len)
{
	const uint8_t *pad = c->key.pad;
	unsigned bits = 0;

	bits |= dpi_addr_is4(&c->key.addr[0]) && dpi_addr_is4(&c->key.addr[1]) ? ROW_IS4 : 0;
	bits |= c->opener ? ROW_OPENER : 0;
	bits |= c->is_blocked ? ROW_BLOCKED : 0;
	bits |= c->has_payload ? ROW_PAYLOAD : 0;
	bits |= c->dropped_packets || c->dropped_bytes ? ROW_DROPPED : 0;
	bits |= c->late_packets ? ROW_LATE : 0;
	bits |= c->rule ? ROW_RULE : 0;
	bits |= c->ja4[0] ? ROW_PRINT : 0;
	bits |= c->tunnel ? ROW_TUNNEL : 0;
	bits |= has_outer(c) ? ROW_OUTER : 0;
	bits |= names_len ? ROW_NAMES : 0;
	bits |= pad[0] || pad[1] || pad[2] ? ROW_ODD_KEY : 0;
	return bits;
}

static uint8_t *put_key(uint8_t *at, const struct dpi_key *key, unsigned bits)
{
	for (int end = 0; end < 2; end++) {
		const struct dpi_addr *a = &key->addr[end];

		at = bits & ROW_IS4 ? put_bytes(at, &a->w[3], 4) : put_bytes(at, a, sizeof(*a));
	}
	at = put_bytes(at, key->port, sizeof(key->port));
	*at++ = key->proto;
	return bits & ROW_ODD_KEY ? put_bytes(at, key->pad, sizeof(key->pad)) : at;
}

static void get_key(const uint8_t **at, struct dpi_key *key, unsigned bits)
{
	for (int end = 0; end < 2; end++) {
		struct dpi_addr *a = &key->addr[end];

		if (!(bits & ROW_IS4)) {
			get_bytes(at, a, sizeof(*a));
			continue;
		}
		get_bytes(at, &a->w[3], 4);
		dpi_addr_set4(a, a->w[3]);
	}
	get_bytes(at, key->port, sizeof(key->port));
	key->proto = *(*at)++;
	if (bits & ROW_ODD_KEY)
		get_bytes(at, key->pad, sizeof(key->pad));
}

size_t row_pack(uint8_t *row, const struct connection *c, const struct flow *f, size_t names_len)
{
	unsigned bits = bits_of(c, names_len);
	uint8_t *at = put(row + sizeof(uint32_t), c->first_number);
	uint32_t len;

	at = put_bytes(at, &c->first_ns, sizeof(c->first_ns));
	at = put(at, bits);
	at = put_key(at, &c->key, bits);
	at = put(at, fold_sign((int64_t)(c->last_ns - c->first_ns)));
	for (int end = 0; end < 2; end++) {
		at = put(at, c->packets[end]);
		at = put(at, c->bytes[end]);
		*at++ = c->tcp_flags[end];
	}
	at = put(at, fold_sign(c->app));
	at = put(at, c->flags);
	*at++ = c->proto;
	*at++ = c->state;
	if (bits & ROW_OPENER)
		*at++ = c->opener;
	if (bits & ROW_DROPPED) {
		at = put(at, c->dropped_packets);
		at = put(at, c->dropped_bytes);
	}
	if (bits & ROW_LATE)
		at = put(at, c->late_packets);
	if (bits & ROW_RULE)
		at = put_bytes(at, &c->rule, sizeof(c->rule));
	if (bits & ROW_PRINT) {
		*at++ = (uint8_t)strlen(c->ja4);
		at = put_bytes(at, c->ja4, at[-1]);
	}
	if (bits & ROW_TUNNEL)
		*at++ = c->tunnel;
	if (bits & ROW_OUTER)
		at = put_bytes(at, c->outer, sizeof(c->outer));
	if (bits & ROW_NAMES) {
		at = put(at, f ? connection_names_count(f) : c->name_count);
		at = put(at, names_len);
		if (f)
			connection_pack_names(f, at);
		else
			memcpy(at, c->names, names_len);
		at += names_len;
	}
	len = (uint32_t)(at - row);
	memcpy(row, &len, sizeof(len));
	return len;
}

void row_unpack(const uint8_t *row, struct connection *out)
{
	const uint8_t *at = row + sizeof(uint32_t);
	unsigned bits;

	*out = (struct connection){.first_number = get(&at)};
	get_bytes(&at, &out->first_ns, sizeof(out->first_ns));
	bits = (unsigned)get(&at);
	get_key(&at, &out->key, bits);
	out->last_ns = out->first_ns + (uint64_t)unfold_sign(get(&at));
	for (int end = 0; end < 2; end++) {
		out->packets[end] = get(&at);
		out->bytes[end] = get(&at);
		out->tcp_flags[end] = *at++;
	}
	out->app = (int)unfold_sign(get(&at));
	out->flags = (uint32_t)get(&at);
	out->proto = *at++;
	out->state = *at++;
	out->is_blocked = bits & ROW_BLOCKED;
	out->has_payload = bits & ROW_PAYLOAD;
	if (bits & ROW_OPENER)
		out->opener = *at++;
	if (bits & ROW_DROPPED) {
		out->dropped_packets = get(&at);
		out->dropped_bytes = get(&at);
	}
	if (bits & ROW_LATE)
		out->late_packets = get(&at);
	if (bits & ROW_RULE)
		get_bytes(&at, &out->rule, sizeof(out->rule));
	if (bits & ROW_PRINT) {
		size_t len = *at++;

		get_bytes(&at, out->ja4, len);
	}
	if (bits & ROW_TUNNEL)
		out->tunnel = *at++;
	if (bits & ROW_OUTER)
		get_bytes(&at, out->outer, sizeof(out->outer));
	if (bits & ROW_NAMES) {
		out->name_count = (uint16_t)get(&at);
		out->names_len = (uint32_t)get(&at);
		out->names = at;
	}
}

size_t row_len(const uint8_t *row)
{
	uint32_t len;

	memcpy(&len, row, sizeof(len));
	return len;
}

uint64_t row_first_number(const uint8_t *row)
{
	row += sizeof(uint32_t);
	return get(&row);
}

uint64_t row_first_ns(const uint8_t *row)
{
	uint64_t ns;

	row += sizeof(uint32_t);
	get(&row);
	memcpy(&ns, row, sizeof(ns));
	return ns;
}
