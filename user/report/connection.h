/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One row of the report: all that is remembered of a flow once the engine has let it go. Rows are
 * plain values, ordered by the frame that opened them, so any split over workers gives one list.
 */
#ifndef REPORT_CONNECTION_H
#define REPORT_CONNECTION_H

#include "base/slice.h"
#include "flow/flow.h"

/* Owns names, but where it was borrowed from a tally. Index 0/1 of an array is the sending end of
 * the key. */
struct connection {
	struct dpi_key key;
	uint64_t first_ns, last_ns;    /* wall time; 0 when unknown */
	uint64_t first_number;	       /* frame that opened it: the order of rows */
	uint64_t packets[2], bytes[2]; /* all frames, the dropped ones included */
	uint64_t dropped_packets, dropped_bytes;
	uint64_t late_packets; /* passed although the flow was blocked (live) */
	uint64_t rule;	       /* behind the block or the allow; 0: no rule spoke */
	uint32_t flags;	       /* enum flow_flag */
	int app;	       /* catalogue id */
	uint8_t opener;	       /* end of the key: 0 or 1 */
	uint8_t proto;	       /* enum app_proto */
	uint8_t state;	       /* enum flow_state */
	uint8_t tcp_flags[2];
	bool is_blocked; /* the flow, or a message of it */
	bool has_payload;
	uint16_t name_count;
	uint32_t names_len;
	const uint8_t *names;	    /* packed: source, length, text, NUL; by connection_next_name */
	char ja4[FLOW_JA4_LEN + 1]; /* of the first ClientHello; empty: none */
	uint8_t tunnel;		    /* enum dpi_tunnel: what carried the frame that opened it */
	struct dpi_addr outer[2];   /* tunnelled: who carried each end of the key */
};

/* Fills *out from a flow (borrowed); names are copied. One that only a DNS answer gave counts where
 * the flow has none of its own. Returns 0, or -ENOMEM with *out cleared. */
int connection_of_flow(struct connection *out, const struct flow *f);
/* The same without names, which are then packed, so many and of so many bytes, where the caller
 * wants them. */
void connection_nameless(struct connection *out, const struct flow *f);
size_t connection_names_len(const struct flow *f);
uint16_t connection_names_count(const struct flow *f);
void connection_pack_names(const struct flow *f, uint8_t *at);
void connection_clear(struct connection *c);

struct connection_name {
	enum app_proto source;
	struct slice text; /* borrowed from the connection */
};
/* Walks the names in the order found; *at starts at 0. False at the end. */
bool connection_next_name(const struct connection *c, size_t *at, struct connection_name *out);
/* Adds one name at the end. Returns 0 or -ENOMEM. */
int connection_add_name(struct connection *c, enum app_proto source, struct slice name);

static inline const struct dpi_addr *connection_src(const struct connection *c)
{
	return &c->key.addr[c->opener & 1];
}

static inline const struct dpi_addr *connection_dst(const struct connection *c)
{
	return &c->key.addr[~c->opener & 1];
}

/* Who carried a tunnelled connection's packets: the opener's side, and the other. */
static inline const struct dpi_addr *connection_outer_src(const struct connection *c)
{
	return &c->outer[c->opener & 1];
}

static inline const struct dpi_addr *connection_outer_dst(const struct connection *c)
{
	return &c->outer[~c->opener & 1];
}

static inline uint16_t connection_src_port(const struct connection *c)
{
	return dpi_be16(c->key.port[c->opener & 1]);
}

static inline uint16_t connection_dst_port(const struct connection *c)
{
	return dpi_be16(c->key.port[~c->opener & 1]);
}

static inline uint64_t connection_packets(const struct connection *c)
{
	return c->packets[0] + c->packets[1];
}

static inline uint64_t connection_bytes(const struct connection *c)
{
	return c->bytes[0] + c->bytes[1];
}

/* The order of rows: by opening frame, then first time, then key. */
int connection_compare(const struct connection *a, const struct connection *b);

#endif
