/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Private to the engine room: what its files share. engine.c is the road itself, fragment.c its
 * side way for IP fragments, life.c all of an engine but its frames, track.c follows connections,
 * inspect.c, lane.c, urgent.c and pieces.c read payload, sound.c doubts segments, judge.c turns
 * names into applications and verdicts, sign.c and hearsay.c know what stands in for a name, whom.c
 * whose flow it is.
 */
#ifndef ENGINE_ROAD_H
#define ENGINE_ROAD_H

#include "crypt/crypt.h"
#include "engine/engine.h"
#include "extract/extract.h"

/* One worker's whole world. One thread owns it and all it points to, but for the policy and the
 * catalogue, which are immutable. */
struct engine {
	/* What every frame touches. */
	struct flow_table *flows;
	uint64_t clock_ns; /* the frames' time, which one odd frame cannot push far */
	uint64_t now_ns;   /* time and number that events carry */
	uint64_t number;
	struct engine_counters count;
	struct engine_config config;
	struct flow *cursor; /* next flow that is looked at for being idle; NULL: the oldest */
	size_t held;	     /* bytes of payload under inspection, all flows */
	size_t named;	     /* bytes of their names */
	struct crypt *crypt;
	uint32_t datagram_extractors; /* a bit each */
	struct ids ids;		      /* of a flow that has none of its own yet */
	struct extract_pieces pieces; /* of the datagram at hand */
	bool is_ending;
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
	bool is_answer; /* of the message */
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

/* track.c, track.h. The state that is shown of a flow that is neither blocked nor closed nor
 * classified. */
enum flow_state track_beginning(const struct flow *f);
/* The state that is shown for what is known. */
static inline enum flow_state track_state(const struct flow *f)
{
	if (f->is_verdict)
		return FLOW_BLOCKED;
	if (f->is_closed)
		return f->is_pending && !f->name_count ? FLOW_INCOMPLETE : FLOW_CLOSED;
	return f->proto != PROTO_NONE || f->name_count ? FLOW_CLASSIFIED : track_beginning(f);
}
/* True when f has been idle for too long at time now_ns, and the door knows no later frame. */
bool track_is_gone(struct engine *e, struct flow *f, uint64_t now_ns);
enum { TRACK_DRAIN_FRAMES = 8 };
#define TRACK_CLOCK_STEP_NS 1000000000ULL
/* Looks at one flow, whether it has long been idle. */
void track_drain(struct engine *e);
/* For every frame: lets the clock follow it, and looks at a flow every so many frames. */
static inline void track_clock(struct engine *e)
{
	uint64_t limit = e->clock_ns + TRACK_CLOCK_STEP_NS;

	e->clock_ns = e->clock_ns && e->now_ns > limit ? limit : e->now_ns;
	if (!(e->count.packets % TRACK_DRAIN_FRAMES))
		track_drain(e);
}

/* inspect.c: reads a packet's payload. */
void inspect_packet(struct finding *x);
/* True for a packet in which there is nothing to read: it does no more than acknowledge, and
 * inspect_empty() is all of inspect_packet() that it needs. */
static inline bool inspect_is_empty(const struct packet *p)
{
	return !p->head.payload_len && !(p->head.tcp_flags & DPI_TCP_URG);
}
void inspect_empty(struct engine *e, const struct packet *p, struct flow *f);
/* Frees the inspection of a flow of which nothing more will be learnt. */
void inspect_settle(struct engine *e, struct flow *f);

/* Frees the inspection of a flow. */
void inspect_free(struct engine *e, struct flow *f);
/* Counts what the inspection of one end holds by now. */
void inspect_weigh(struct engine *e, struct flow *f, struct flow_side *side);

/* lane.c: true for a segment that comes next in an end of which nothing is read any more but where
 * its bytes are: then that is noted, and lane_read() would do no more. */
bool lane_pass(struct finding *x, struct flow_side *side);
/* Puts a segment in order and reads what has become readable; in both lanes while two handshakes
 * are in dispute. Returns 0 or -ENOMEM. */
int lane_read(struct finding *x, struct flow_side *side);
/* Reads bytes as messages of their own, beside the lanes and their state. */
void lane_read_alone(struct finding *x, struct slice bytes);
/* True when an end is followed without its bytes, so that it takes no more memory. */
static inline bool lane_is_hollow(const struct flow_side *side)
{
	return side->is_stream && !side->has_lanes && side->lane[0].stream &&
	       stream_is_hollow(side->lane[0].stream);
}
/* True when what is there of an end ends inside a message that was recognised. */
bool lane_is_pending(const struct flow_side *side);

/* pieces.c: puts a datagram's pieces of handshakes in order and reads what has become readable.
 * Returns whether a hello is under way in one of them. */
bool pieces_take(struct finding *x, struct flow_side *side, const struct extract_pieces *p);

/* fragment.c: what becomes of a frame that is an IP fragment; p is how it was decoded. */
void fragment_take(struct engine *e, const struct packet *p, struct outcome *o);

/* engine.c: a packet of a flow takes the road; a frame that is none of any flow passes alone. */
void road_packet(struct engine *e, const struct packet *p, struct outcome *o);
void road_alone(struct engine *e, const struct packet *p, struct outcome *o);
/* Drops the frame, or, when only watching, lets it pass for all that was worked out. f may be
 * NULL. */
void road_drop(struct engine *e, const struct packet *p, struct flow *f, uint64_t rule,
	       struct outcome *o);

/* sound.c: which doubts there are about a TCP segment. is_next: it holds the next byte that its
 * receiver waits for. */
enum sound_doubt {
	SOUND_REFUSED = 1, /* its receiver refuses it */
	SOUND_FAR = 2,	   /* it may not come so far */
};
unsigned sound_doubts(struct flow *f, const struct packet *p, bool is_next);
/* False for a SYN or RST with a false checksum. */
bool sound_handshake(struct flow *f, const struct packet *p);
/* Remembers what later packets of this end are compared with. */
void sound_note(struct flow *f, const struct packet *p);

/* urgent.c: remembers which byte a segment calls urgent; reads a view, whose first byte has
 * sequence number base, as receivers do that take urgent bytes out; from its beginning and from
 * border on. */
void urgent_note(struct flow_side *side, const struct packet *p, uint32_t seq, bool is_sound);
void urgent_read(struct finding *x, const struct flow_side *side, uint32_t base, struct slice view,
		 size_t border);

/* whom.c: keeps the hardware addresses of a frame of the flow that rules know; or, of a flow that
 * is taken over, one of the device whose rule it is. */
void whom_note(struct engine *e, struct flow *f, const struct packet *p);
void whom_note_rule(struct engine *e, struct flow *f, uint64_t rule);
/* The devices that the flow is of, in *whom; NULL: no rule is of any. */
const struct policy_whom *whom_of(const struct engine *e, const struct flow *f,
				  struct policy_whom *whom);

/* judge.c: empties a clue for an extractor; names beyond what it holds are judged as they come. */
void judge_begin(struct finding *x, struct clue *clue);
/* judge.c: takes in what an extractor found. */
void judge_clue(struct finding *x, const struct clue *clue);
/* sign.c: the signs among a flow's flags, one at a time: *at begins at 0. False at the end. */
bool sign_next(uint32_t flags, unsigned *at, enum catalogue_sign *sign);
/* The flow flags that a clue brings with it. */
uint32_t sign_of_clue(const struct engine *e, const struct flow *f, const struct clue *clue);

/* hearsay.c: true when a name by hearsay may decide, for the flow has spoken and shown none of its
 * own, with which the flag goes. */
static inline bool hearsay_is_due(const struct flow *f)
{
	return (f->flags & FLOW_LEARNT) && f->payload[f->opener & 1];
}
/* Asks which name a DNS answer gave to the address of a new flow. */
void hearsay_learn(struct engine *e, struct flow *f);
/* What the rules say of that name; rule 0 while the flow has not yet spoken, or may still be about
 * to show a name, and once it has shown one. */
struct decision hearsay_match(const struct engine *e, const struct flow *f);
/* Lets that decide when nothing else was found on a frame. */
void hearsay_judge(struct finding *x);
/* Keeps a name with its flow, within the engine's bound. As flow_add_name(). */
int judge_keep_name(struct engine *e, struct flow *f, enum app_proto source,
		    const struct name *name);
/* Sets a flag, with its event and counter the first time. */
void judge_flag(struct engine *e, struct flow *f, enum flow_flag flag);
/* Blocks a flow: the verdict, its event. */
void judge_block(struct engine *e, struct flow *f, struct decision d);
/* What the address and port rules say of a flow: a block of either end of its tunnel, or of the
 * tunnel's port, is one of all that goes through it; else its own ends decide. */
struct decision judge_ends(const struct engine *e, const struct flow *f);
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
