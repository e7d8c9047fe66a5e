/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Packets one by one, for the dashboard's list of them: those of a range, or the last few. Room:
 * wasm. A row says what was known when its packet had been judged.
 */
#ifndef WASM_REPLAY_H
#define WASM_REPLAY_H

#include "engine/engine.h"

enum { ROW_HEAD = 128, ROW_INFO = 64, ROWS_MAX = 4096 };

enum row_flag {
	ROW_HAS_ADDRS = 1,
	ROW_HAS_PORTS = 2,
	ROW_DROPPED = 4,
	ROW_UNPARSED = 8,
	ROW_HAS_PAYLOAD = 16,
};

/* As the page reads it (glue/rows.js): little-endian, every field at its own place. */
struct replay_row {
	uint64_t number, ts_ns;
	uint8_t src[16], dst[16]; /* IPv4 mapped */
	uint16_t src_port, dst_port;
	uint32_t wire_len, cap_len;
	uint16_t app; /* by its place in the list of applications */
	uint8_t ip_proto;
	uint8_t flags; /* enum row_flag */
	uint8_t proto; /* enum app_proto of its flow */
	uint8_t head_len, info_len;
	uint8_t pad[5];
	uint8_t head[ROW_HEAD]; /* of the payload; of the frame where it has none */
	char info[ROW_INFO];
};

struct replay {
	uint64_t from, to; /* the range; from 0: none is wanted */
	bool is_recent;	   /* the last `cap` of the range; else all */
	struct replay_row *row;
	size_t cap, at, count; /* at: where the next goes */
};

/* from..to, both included; recent: how many are kept, 0: all are sent. 0 or -ENOMEM. */
int replay_open(struct replay *r, uint64_t from, uint64_t to, size_t recent);
void replay_clear(struct replay *r);

static inline bool replay_want(const struct replay *r, uint64_t number)
{
	return r->cap && number >= r->from && number <= r->to;
}

void replay_add(struct replay *r, const struct packet *p, const struct outcome *o);
/* Sends what is kept, and keeps nothing. */
void replay_send(struct replay *r);

#endif
