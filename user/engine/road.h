/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Private to the engine room: what its files share. engine.c is the road itself, track.c follows
 * connections, inspect.c and lane.c read payload, judge.c turns names into applications and
 * verdicts.
 */
#ifndef ENGINE_ROAD_H
#define ENGINE_ROAD_H

#include "engine/engine.h"
#include "extract/extract.h"

/* One worker's whole world. One thread owns it and all it points to, but for the policy and the
 * catalogue, which are immutable. */
struct engine {
	struct engine_config config;
	struct flow_table *flows;
	struct engine_counters count;
	struct flow *cursor; /* next flow that is looked at for being idle; NULL: the oldest */
	struct flow *hand;   /* next flow that is looked at for memory; NULL: the oldest */
	size_t held;	     /* bytes of payload under inspection, all flows */
	uint64_t clock_ns;   /* the frames' time, which one odd frame cannot push far */
	uint64_t now_ns;     /* time and number that events carry */
	uint64_t number;
};

/* What was found on one frame's payload. */
struct finding {
	struct engine *engine;
	struct flow *flow;
	const struct packet *packet;
	struct extract_context ctx;
	struct decision block;	 /* of the whole flow; rule 0: none */
	struct decision message; /* of this datagram alone; rule 0: none */
	struct name message_name;
	enum app_proto message_proto;
};

static inline uint16_t flow_responder_port(const struct flow *f)
{
	return dpi_be16(f->key.port[f->opener ? 0 : 1]);
}

/* An address that is allowed: the flow and all in it pass. */
static inline bool flow_is_allowed(const struct flow *f)
{
	return f->decision.rule && !f->decision.is_block;
}

/* track.c: the flow of a packet, opened when it is new; NULL when out of memory. */
struct flow *track_packet(struct engine *e, const struct packet *p);
/* The state that is shown for what is known. */
enum flow_state track_state(const struct flow *f);
/* True when f has been idle for too long at time now_ns, and the door knows no later frame. */
bool track_is_gone(struct engine *e, struct flow *f, uint64_t now_ns);
/* Closes up to a few flows that have long been idle. */
void track_drain(struct engine *e);

/* inspect.c: reads a packet's payload. */
void inspect_packet(struct finding *x);
/* Frees the inspection of a flow of which nothing more will be learnt. */
void inspect_settle(struct engine *e, struct flow *f);

/* Counts what a flow's inspection holds by now; last of all, when it is about to leave. */
void inspect_weigh(struct engine *e, struct flow *f);

/* lane.c: puts a segment in order and reads what has become readable; in both lanes while two
 * handshakes are in dispute. Returns 0 or -ENOMEM. */
int lane_read(struct finding *x, struct flow_side *side);
/* True when what is there of a flow ends inside a message that was recognised. */
bool lane_is_pending(const struct flow *f);

/* judge.c: takes in what an extractor found. */
void judge_clue(struct finding *x, const struct clue *clue);
/* Sets a flag, with its event and counter the first time. */
void judge_flag(struct engine *e, struct flow *f, enum flow_flag flag);
/* Blocks a flow: the verdict, its event. */
void judge_block(struct engine *e, struct flow *f, struct decision d);
/* What the rules in force say of a flow for all that is known of it. */
struct decision judge_flow(const struct engine *e, const struct flow *f);
/* Applies judge_flow to an open flow. */
void judge_again(struct engine *e, struct flow *f);
/* The application by the name of a flow, or by its protocol. */
void judge_app(const struct engine *e, struct flow *f, enum app_proto source,
	       const struct name *name);
/* Hands an event of the current frame to the sink. */
void judge_emit(struct engine *e, struct event *event);

#endif
