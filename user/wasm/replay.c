/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: rows of packets; see replay.h.
 */
#include "wasm/replay.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "extract/extract.h"
#include "report/report.h"
#include "wasm/host.h"

_Static_assert(sizeof(struct replay_row) == 264 && offsetof(struct replay_row, head) == 72 &&
		       offsetof(struct replay_row, info) == 200,
	       "glue/rows.js reads it so");

enum { ROWS_SENT = 64 /* at once, of a range */ };

int replay_open(struct replay *r, uint64_t from, uint64_t to, size_t recent)
{
	size_t cap = !recent ? ROWS_SENT : recent < ROWS_MAX ? recent : ROWS_MAX;

	replay_clear(r);
	r->row = malloc(cap * sizeof(*r->row));
	if (!r->row)
		return -ENOMEM;
	r->from = from;
	r->to = to;
	r->is_recent = recent > 0;
	r->cap = cap;
	return 0;
}

void replay_clear(struct replay *r)
{
	free(r->row);
	*r = (struct replay){0};
}

void replay_send(struct replay *r)
{
	size_t first = r->count == r->cap ? r->at : 0;

	if (r->count > first)
		host_write(HOST_ROWS, r->row + first, (r->count - first) * sizeof(*r->row));
	if (first)
		host_write(HOST_ROWS, r->row, first * sizeof(*r->row));
	r->at = r->count = 0;
}

/* Writes what fits behind what is there. */
__attribute__((format(printf, 2, 3))) static void add(struct replay_row *row, const char *format,
						      ...)
{
	size_t left = sizeof(row->info) - row->info_len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(row->info + row->info_len, left, format, args);
	va_end(args);
	if (n > 0)
		row->info_len += (uint8_t)((size_t)n < left ? (size_t)n : left - 1);
}

/* " SYN ACK" */
static void add_flags(struct replay_row *row, uint8_t flags)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags >> i & 1)
			add(row, " %s", names[i]);
}

/* Asks the datagram itself, since one flow may hold many questions. True when it is one. */
static bool add_question(struct replay_row *row, const struct packet *p, enum app_proto proto)
{
	struct extract_context ctx = {
		.transport = EXTRACT_DATAGRAM,
		.src_port = row->src_port,
		.dst_port = row->dst_port,
	};
	struct clue c;

	if ((proto != PROTO_DNS && proto != PROTO_MDNS && proto != PROTO_LLMNR) ||
	    p->head.key.proto != DPI_IP_UDP)
		return false;
	clue_clear(&c);
	if (dns_try(p->payload, &ctx, &c) != EXTRACT_FOUND)
		return false;
	add(row, "%s %s%s%s", proto_name(c.proto), c.flags & CLUE_RESPONSE ? "answer" : "query",
	    c.name_count ? " " : "", c.name_count ? c.name[0].text : "");
	return true;
}

/* What the packet is to its flow, in a few words. */
static void put_info(struct replay_row *row, const struct packet *p, const struct flow *f)
{
	const struct flow_name *name = f->names ? f->names : f->learnt;
	enum app_proto proto = (enum app_proto)f->proto;
	char other[8];

	row->proto = f->proto;
	row->app = (uint16_t)f->app;
	if (add_question(row, p, proto))
		return;
	add(row, "%s",
	    proto != PROTO_NONE ? proto_name(proto) : report_protocol(p->head.key.proto, other));
	if (p->head.key.proto == DPI_IP_TCP && !p->payload.len)
		add_flags(row, p->head.tcp_flags);
	if (name)
		add(row, " %s", name->text);
}

static void put_key(struct replay_row *row, const struct packet *p)
{
	const struct dpi_key *k = &p->head.key;
	int src = p->head.dir, dst = !src;

	memcpy(row->src, &k->addr[src], sizeof(row->src));
	memcpy(row->dst, &k->addr[dst], sizeof(row->dst));
	row->src_port = dpi_be16(k->port[src]);
	row->dst_port = dpi_be16(k->port[dst]);
	row->ip_proto = k->proto;
	row->flags |= ROW_HAS_ADDRS;
	if (k->proto == DPI_IP_TCP || k->proto == DPI_IP_UDP)
		row->flags |= ROW_HAS_PORTS;
}

void replay_add(struct replay *r, const struct packet *p, const struct outcome *o)
{
	struct replay_row *row = &r->row[r->at];
	bool is_parsed = o->parse == DPI_PARSE_OK || o->parse == DPI_PARSE_FRAGMENT;
	bool has_payload = is_parsed && p->payload.len;
	struct slice head = slice_first(has_payload ? p->payload : p->frame->bytes, ROW_HEAD);

	*row = (struct replay_row){
		.number = p->frame->number,
		.ts_ns = p->frame->ts_ns,
		.wire_len = p->frame->wire_len,
		.cap_len = (uint32_t)p->frame->bytes.len,
		.flags = (o->action == DPI_DROP ? ROW_DROPPED : 0) |
			 (has_payload ? ROW_HAS_PAYLOAD : 0),
		.head_len = (uint8_t)head.len,
	};
	if (head.len)
		memcpy(row->head, head.at, head.len);
	if (is_parsed)
		put_key(row, p);
	else
		row->flags |= ROW_UNPARSED;
	if (o->flow)
		put_info(row, p, o->flow);
	r->at = r->at + 1 < r->cap ? r->at + 1 : 0;
	r->count += r->count < r->cap;
	if (!r->is_recent && r->count == r->cap)
		replay_send(r);
}
