/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which shard of the capture door a frame belongs to, and what its fragments make together. Room:
 * agent. It belongs to whoever fills a batch, in file order, so that no result depends on the
 * number of workers.
 */
#ifndef OFFLINE_ROUTE_H
#define OFFLINE_ROUTE_H

#include "engine/learn.h"
#include "packet/defrag.h"
#include "packet/glance.h"
#include "packet/packet.h"

struct offline_route;

struct offline_route *offline_route_new(void); /* NULL: out of memory */
void offline_route_free(struct offline_route *r);

struct offline_place {
	uint8_t shard;
	bool is_answer; /* it may be a DNS answer, which every worker learns from */
	enum dpi_parse parse;
};

/* Of a packet that is a fragment: the hash of the flow it belongs to, as far as that is known; see
 * offline_route_place(). */
uint32_t offline_route_fragment(struct offline_route *r, struct frame *f, const struct packet *p,
				enum dpi_parse parse, struct frame_fragment *fragment);

/*
 * Where a frame goes: by its flow; what has none goes to the first shard. The frame is decoded into
 * *p, which borrows it. One that is a fragment borrows *fragment from here on, whose slices borrow
 * until the next call.
 */
static inline struct offline_place offline_route_place(struct offline_route *r, struct frame *f,
						       struct packet *p,
						       struct frame_fragment *fragment)
{
	enum dpi_parse parse = packet_decode(f, p);
	uint32_t hash = p->hash; /* 0 where there is no key */

	if (packet_is_fragment(p, parse))
		hash = offline_route_fragment(r, f, p, parse, fragment);
	return (struct offline_place){
		.shard = (uint8_t)(hash % DPI_RINGS_MAX),
		.is_answer = parse == DPI_PARSE_OK && p->head.key.proto == DPI_IP_UDP &&
			     learn_is_answer(p),
		.parse = parse,
	};
}

/* The same at a glance, for whoever does not need the frame decoded. False, and *to is unset, where
 * it has to be: all fragments are among these. */
static inline bool offline_route_glance(const struct frame *f, struct offline_place *to)
{
	struct glance g;

	if (!packet_glance(f, &g))
		return false;
	*to = (struct offline_place){
		.shard = (uint8_t)(g.hash % DPI_RINGS_MAX),
		.is_answer = g.from && learn_is_answer_from(g.from, g.payload),
		.parse = DPI_PARSE_OK,
	};
	return true;
}

const struct defrag_counters *offline_route_counters(const struct offline_route *r);

#endif
