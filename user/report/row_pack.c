/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a packed row looks like: a head that is the same for all, then addresses, counts that do not
 * fit the head, and what only some connections have, each where a bit of the head says so. Rows are
 * as long as whole eights of bytes, so that heads can be read where they stand.
 */
#include "report/row_pack.h"

#include <stddef.h>

enum {
	ROW_IS4 = 1, /* both addresses are IPv4 */
	ROW_WIDE = 2,
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

struct row_head {
	uint32_t len;
	uint16_t bits;
	uint8_t ip_proto, opener;
	uint64_t first_number, first_ns, last_ns;
	uint32_t packets[2], bytes[2]; /* the lower halves, when wide */
	uint32_t flags;
	int32_t app;
	__be16 port[2];
	uint8_t tcp_flags[2], proto, state;
};

enum { ROW_UNIT = 8 };
_Static_assert(sizeof(struct row_head) == ROW_PACK_MIN, "what a row has at least");
_Static_assert(_Alignof(struct row_head) == ROW_UNIT, "rows are aligned to it");

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static const uint8_t *get(const uint8_t *at, void *bytes, size_t len)
{
	memcpy(bytes, at, len);
	return at + len;
}

static bool is_wide(const struct connection *c)
{
	return (c->packets[0] | c->packets[1] | c->bytes[0] | c->bytes[1]) >> 32;
}

static bool has_outer(const struct connection *c)
{
	return c->outer[0].d[0] | c->outer[0].d[1] | c->outer[1].d[0] | c->outer[1].d[1];
}

static unsigned bits_of(const struct connection *c, size_t names_len)
{
	const uint8_t *pad = c->key.pad;
	unsigned bits = 0;

	bits |= dpi_addr_is4(&c->key.addr[0]) && dpi_addr_is4(&c->key.addr[1]) ? ROW_IS4 : 0;
	bits |= is_wide(c) ? ROW_WIDE : 0;
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

static struct row_head head_of(const struct connection *c, unsigned bits)
{
	return (struct row_head){
		.bits = (uint16_t)bits,
		.ip_proto = c->key.proto,
		.opener = c->opener,
		.first_number = c->first_number,
		.first_ns = c->first_ns,
		.last_ns = c->last_ns,
		.packets = {(uint32_t)c->packets[0], (uint32_t)c->packets[1]},
		.bytes = {(uint32_t)c->bytes[0], (uint32_t)c->bytes[1]},
		.flags = c->flags,
		.app = c->app,
		.port = {c->key.port[0], c->key.port[1]},
		.tcp_flags = {c->tcp_flags[0], c->tcp_flags[1]},
		.proto = c->proto,
		.state = c->state,
	};
}

/* What few connections have. */
static uint8_t *put_rare(uint8_t *at, const struct connection *c, unsigned bits)
{
	if (bits & ROW_WIDE) {
		at = put(at, c->packets, sizeof(c->packets));
		at = put(at, c->bytes, sizeof(c->bytes));
	}
	if (bits & ROW_ODD_KEY)
		at = put(at, c->key.pad, sizeof(c->key.pad));
	if (bits & ROW_DROPPED) {
		at = put(at, &c->dropped_packets, sizeof(c->dropped_packets));
		at = put(at, &c->dropped_bytes, sizeof(c->dropped_bytes));
	}
	if (bits & ROW_LATE)
		at = put(at, &c->late_packets, sizeof(c->late_packets));
	if (bits & ROW_RULE)
		at = put(at, &c->rule, sizeof(c->rule));
	if (bits & ROW_TUNNEL)
		*at++ = c->tunnel;
	if (bits & ROW_OUTER)
		at = put(at, c->outer, sizeof(c->outer));
	return at;
}

static const uint8_t *get_rare(const uint8_t *at, struct connection *out, unsigned bits)
{
	if (bits & ROW_WIDE) {
		at = get(at, out->packets, sizeof(out->packets));
		at = get(at, out->bytes, sizeof(out->bytes));
	}
	if (bits & ROW_ODD_KEY)
		at = get(at, out->key.pad, sizeof(out->key.pad));
	if (bits & ROW_DROPPED) {
		at = get(at, &out->dropped_packets, sizeof(out->dropped_packets));
		at = get(at, &out->dropped_bytes, sizeof(out->dropped_bytes));
	}
	if (bits & ROW_LATE)
		at = get(at, &out->late_packets, sizeof(out->late_packets));
	if (bits & ROW_RULE)
		at = get(at, &out->rule, sizeof(out->rule));
	if (bits & ROW_TUNNEL)
		out->tunnel = *at++;
	if (bits & ROW_OUTER)
		at = get(at, out->outer, sizeof(out->outer));
	return at;
}

enum {
	ROW_RARE = ROW_WIDE | ROW_ODD_KEY | ROW_DROPPED | ROW_LATE | ROW_RULE | ROW_TUNNEL |
		   ROW_OUTER
};

static uint8_t *put_names(uint8_t *at, const struct connection *c, const struct flow *f,
			  size_t names_len)
{
	uint16_t count = f ? connection_names_count(f) : c->name_count;
	uint32_t len = (uint32_t)names_len;

	at = put(at, &len, sizeof(len));
	at = put(at, &count, sizeof(count));
	if (f)
		connection_pack_names(f, at);
	else
		memcpy(at, c->names, names_len);
	return at + names_len;
}

size_t row_pack(uint8_t *row, const struct connection *c, const struct flow *f, size_t names_len)
{
	unsigned bits = bits_of(c, names_len);
	struct row_head head = head_of(c, bits);
	uint8_t *at = row + sizeof(head);

	if (bits & ROW_IS4) {
		at = put(at, &c->key.addr[0].w[3], sizeof(uint32_t));
		at = put(at, &c->key.addr[1].w[3], sizeof(uint32_t));
	} else {
		at = put(at, c->key.addr, sizeof(c->key.addr));
	}
	if (bits & ROW_RARE)
		at = put_rare(at, c, bits);
	if (bits & ROW_NAMES)
		at = put_names(at, c, f, names_len);
	if (bits & ROW_PRINT) {
		size_t len = strlen(c->ja4) + 1;

		at = put(at, c->ja4, len);
	}
	while ((size_t)(at - row) % ROW_UNIT)
		*at++ = 0;
	head.len = (uint32_t)(at - row);
	memcpy(row, &head, sizeof(head));
	return head.len;
}

/* Everything that a row of the usual kind has is set, and nothing else touched. */
static const uint8_t *get_head(const struct row_head *h, struct connection *out)
{
	const uint8_t *at = (const uint8_t *)(h + 1);
	uint32_t v4[2];

	if (h->bits & ROW_IS4) {
		at = get(at, v4, sizeof(v4));
		dpi_addr_set4(&out->key.addr[0], v4[0]);
		dpi_addr_set4(&out->key.addr[1], v4[1]);
	} else {
		at = get(at, out->key.addr, sizeof(out->key.addr));
	}
	out->key.port[0] = h->port[0];
	out->key.port[1] = h->port[1];
	out->key.proto = h->ip_proto;
	memset(out->key.pad, 0, sizeof(out->key.pad));
	out->first_ns = h->first_ns;
	out->last_ns = h->last_ns;
	out->first_number = h->first_number;
	for (int end = 0; end < 2; end++) {
		out->packets[end] = h->packets[end];
		out->bytes[end] = h->bytes[end];
		out->tcp_flags[end] = h->tcp_flags[end];
	}
	out->flags = h->flags;
	out->app = h->app;
	out->opener = h->opener;
	out->proto = h->proto;
	out->state = h->state;
	out->is_blocked = h->bits & ROW_BLOCKED;
	out->has_payload = h->bits & ROW_PAYLOAD;
	return at;
}

void row_unpack(const uint8_t *row, struct connection *out)
{
	const struct row_head *h = (const void *)row;
	const uint8_t *at = get_head(h, out);
	unsigned bits = h->bits;

	out->dropped_packets = out->dropped_bytes = out->late_packets = out->rule = 0;
	out->tunnel = 0;
	memset(out->outer, 0, sizeof(out->outer));
	if (bits & ROW_RARE)
		at = get_rare(at, out, bits);
	out->name_count = 0;
	out->names_len = 0;
	out->names = NULL;
	if (bits & ROW_NAMES) {
		at = get(at, &out->names_len, sizeof(out->names_len));
		at = get(at, &out->name_count, sizeof(out->name_count));
		out->names = at;
		at += out->names_len;
	}
	memset(out->ja4, 0, sizeof(out->ja4));
	if (bits & ROW_PRINT)
		memcpy(out->ja4, at, strlen((const char *)at) + 1);
}

size_t row_len(const uint8_t *row)
{
	uint32_t len;

	memcpy(&len, row, sizeof(len));
	return len;
}

uint64_t row_first_number(const uint8_t *row)
{
	return ((const struct row_head *)(const void *)row)->first_number;
}

uint64_t row_first_ns(const uint8_t *row)
{
	return ((const struct row_head *)(const void *)row)->first_ns;
}

bool row_is_blocked(const uint8_t *row)
{
	return ((const struct row_head *)(const void *)row)->bits & ROW_BLOCKED;
}
