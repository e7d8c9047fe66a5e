/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which shard of the capture door a frame belongs to, and what its fragments make together. Room:
 * agent. It belongs to whoever fills a batch, in file order, so that no result depends on the
 * number of workers.
 */
#ifndef AGENT_OFFLINE_ROUTE_H
#define AGENT_OFFLINE_ROUTE_H

#include "packet/defrag.h"
#include "packet/packet.h"

struct offline_route;

struct offline_route *offline_route_new(void); /* NULL: out of memory */
void offline_route_free(struct offline_route *r);

struct offline_place {
	uint8_t shard;
	bool is_answer; /* it may be a DNS answer, which every worker learns from */
	enum dpi_parse parse;
};

/*
 * Where a frame goes: by its flow; what has none goes to the first shard. The frame is decoded into
 * *p, which borrows it. One that is a fragment borrows *fragment from here on, whose slices borrow
 * until the next call.
 */
struct offline_place offline_route_place(struct offline_route *r, struct frame *f, struct packet *p,
					 struct frame_fragment *fragment);

const struct defrag_counters *offline_route_counters(const struct offline_route *r);

#endif
