/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The road: one worker's whole world. A frame from either door goes in; a verdict and events come
 * out. Nothing here knows which door it was, reads a clock, or shares anything with another engine
 * but the immutable policy and catalogue.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "classify/catalogue.h"
#include "engine/event.h"
#include "packet/packet.h"

/* Everything one engine counted. Each is a name in the report's "counters" as well. */
#define ENGINE_COUNTERS(X)                                                    \
	X(packets, "frames that took the road")                               \
	X(bytes, "their bytes on the wire")                                   \
	X(forwarded, "frames passed")                                         \
	X(dropped, "frames dropped")                                          \
	X(tcp, "TCP packets")                                                 \
	X(udp, "UDP packets")                                                 \
	X(icmp, "ICMP and ICMPv6 packets")                                    \
	X(other, "packets of other protocols, and what is not IP")            \
	X(unparsed, "frames not parsed, and passed")                          \
	X(not_ip, "frames that are not IP")                                   \
	X(short_frames, "frames that end inside a header")                    \
	X(bad_frames, "frames whose headers contradict themselves")           \
	X(deep_frames, "frames with more headers than are followed")          \
	X(fragments, "IP fragments after the first")                          \
	X(dropped_fragments, "fragments dropped for hiding what they are")    \
	X(dropped_deep, "frames dropped for more headers than are followed")  \
	X(tunnel_ip4, "packets inside IPv4 in IP")                            \
	X(tunnel_ip6, "packets inside IPv6 in IP")                            \
	X(tunnel_gre, "packets inside GRE")                                   \
	X(tunnel_vxlan, "packets inside VXLAN")                               \
	X(tunnel_geneve, "packets inside GENEVE")                             \
	X(tunnel_gtpu, "packets inside GTP-U")                                \
	X(tunnel_capwap, "packets inside CAPWAP")                             \
	X(tunnel_deep, "packets in more tunnels than are followed")           \
	X(tunnel_teredo, "packets inside Teredo")                             \
	X(link_unknown, "frames of a link type that is not parsed")           \
	X(late, "frames that passed before their flow's verdict")             \
	X(flows_opened, "flows opened")                                       \
	X(flows_evicted, "flows that left because the table was full")        \
	X(flows_expired, "flows that left for being idle")                    \
	X(flows_refused, "flows not opened for want of memory")               \
	X(names, "names found")                                               \
	X(names_unlisted, "names beyond what a flow keeps")                   \
	X(verdicts, "flows blocked")                                          \
	X(messages_dropped, "DNS messages dropped for their question")        \
	X(facts_lost, "drops and verdicts not noted, for want of memory")     \
	X(relieved, "inspections given up for want of memory")                \
	X(spent, "directions whose inspection budget ended")                  \
	X(undecided, "flows whose budget ended without a name")               \
	X(incomplete, "flows that ended inside something recognised")         \
	X(ambiguous, "flows with segments that contradict each other")        \
	X(stream_over, "streams with bytes outside the inspection window")    \
	X(pieces_over, "datagrams with handshake pieces beyond what is kept") \
	X(ech, "flows with an encrypted ClientHello")                         \
	X(no_name, "flows with a hello or request that names nothing")        \
	X(doh, "flows of DNS over HTTPS")                                     \
	X(dot, "flows of DNS over TLS")                                       \
	X(doq, "flows of DNS over QUIC")                                      \
	X(learnt, "flows given a name that a DNS answer had")                 \
	X(payload_cut, "payloads the snap length cut short")

struct engine_counters {
#define X(name, help) uint64_t name;
	ENGINE_COUNTERS(X)
#undef X
};

struct engine_config {
	const struct catalogue *catalogue; /* borrowed for the engine's life */
	const struct policy *policy;	   /* borrowed until engine_set_policy */
	struct event_sink sink;
	uint64_t seed;	  /* of the flow table's hash */
	size_t flow_max;  /* 65,536 by default */
	size_t held_max;  /* bytes of payload under inspection; 64 MiB by default */
	size_t names_max; /* bytes of names of open flows; 64 MiB by default */
	bool is_monitor;  /* work everything out, drop nothing */
	/*
	 * When a flow's last frame was, for a door that does not show every frame: asked before a
	 * flow is taken for idle. False: not known. NULL: the frames are all there is.
	 */
	bool (*last_seen)(void *ctx, const struct dpi_key *key, uint64_t *ts_ns);
	void *last_seen_ctx;
	/* The name that a DNS answer not older than it may be at ts_ns gave to an address; false:
	 * none. NULL: nothing is remembered. */
	bool (*learnt)(void *ctx, const struct dpi_addr *addr, uint64_t ts_ns, struct name *name);
	/* Asks the processor for what learnt() will read, in two steps, 0 and then 1, with some
	 * other work between them; NULL: there is no need. */
	void (*learnt_warm)(void *ctx, const struct dpi_addr *addr, int step);
	void *learnt_ctx;
	/* What flows stand in, shared by engines of one thread; borrowed for the engine's life.
	 * NULL: its own. */
	struct pages *pages;
};

/* What became of one frame. */
struct outcome {
	enum dpi_action action;
	enum dpi_parse parse;
	uint64_t rule;	   /* behind a drop; 0 otherwise */
	bool is_message;   /* a drop of this one DNS message, not of the flow */
	struct flow *flow; /* borrowed until the next call; NULL when the frame has none */
};

struct engine;

struct engine *engine_new(const struct engine_config *config); /* NULL: out of memory */
void engine_free(struct engine *e); /* open flows get EVENT_FLOW_CLOSED */

/* Takes one frame down the road. */
struct outcome engine_frame(struct engine *e, const struct frame *f);
/* The same for a frame that was decoded already, with what packet_decode() said of it. */
struct outcome engine_packet(struct engine *e, const struct packet *p, enum dpi_parse parse);
/* For a door that has the next packets at hand: fetches what engine_packet() will need for one that
 * has a key: first where to look for its flow, then the flow, then its inspection and its payload,
 * as far as that is likely to be read. All may be left out. */
void engine_warm(const struct engine *e, struct packet *p);
void engine_warm_flow(const struct engine *e, const struct packet *p);
void engine_warm_sides(const struct engine *e, const struct packet *p);

/*
 * Publishes another policy to this engine (borrowed from now on; the old one is no longer read
 * once this returns). Every open flow is judged again at once: EVENT_VERDICT or EVENT_CLEARED for
 * each that changes sides. ts_ns is the time those events carry. Call between frames.
 */
void engine_set_policy(struct engine *e, const struct policy *policy, uint64_t ts_ns);

/* How an open flow fares, and how it would under another policy. A block of one DNS message is none
 * of the flow. */
struct engine_supposed {
	struct decision before, after;
};
/* What engine_set_policy() would make of one flow of this engine, without doing it. */
struct engine_supposed engine_suppose(struct engine *e, const struct flow *f,
				      const struct policy *policy);

/*
 * Takes over a flow known from before a restart: its name (may be empty), protocol, and the verdict
 * it is under (rule 0: none), as the maps remember them. The flow is opened settled or blocked.
 */
struct engine_adopted {
	struct dpi_key key;
	uint8_t opener;
	enum app_proto proto, source;
	struct name name;
	bool is_settled;
	uint8_t isn_known; /* bit i: isn[i]: by them another connection on its ports is told */
	uint32_t isn[2];
	uint64_t verdict_rule;
	uint64_t ts_ns; /* time of its last frame */
};
void engine_adopt(struct engine *e, const struct engine_adopted *a);

/*
 * Adds frames of a blocked flow that had passed before its verdict took effect (live). The engine
 * itself never counts a frame late: only the door knows what passed.
 */
void engine_note_late(struct engine *e, const struct dpi_key *key, uint64_t frames);

/* Lets flows idle at ts_ns leave (at most `most` looked at). */
void engine_expire(struct engine *e, uint64_t ts_ns, size_t most);

const struct engine_counters *engine_counters(const struct engine *e);
const struct flow_table *engine_flows(const struct engine *e);

#endif
