/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One generated flow: planned as a list of acts when it starts, played one frame an act while
 * others play theirs. gen_flow.c decides who talks to whom and how long, gen_plan.c writes the
 * plan, gen_play.c turns acts into frames.
 */
#ifndef GEN_FLOW_H
#define GEN_FLOW_H

#include "gen_names.h"
#include "gen_wire.h"
#include "selftest/make_dns.h"
#include "selftest/make_hello.h"
#include "selftest/make_quic.h"

enum gen_protocol { GEN_TLS, GEN_HTTP, GEN_DNS, GEN_QUIC, GEN_BARE, GEN_PROTOCOLS };
enum { GEN_MIXED = GEN_BARE, GEN_NAMES_MAX = 4, GEN_SEGMENT = 1448, GEN_ANSWER_LEAST = 200 };

/* What to generate. Shares are percent. */
struct gen_options {
	const char *out, *manifest;
	uint64_t flows, seed;
	unsigned mix[GEN_MIXED]; /* parts of tls, http, dns, quic */
	unsigned pq, split, swapped, v6, vlan, blocked, keep_alive;
	unsigned answer;  /* length of answers, 100: the usual mix; 0: dialogues instead */
	unsigned packets; /* of a dialogue: frames behind the first message, each side in turn */
	unsigned payload; /* bytes of a full segment */
	unsigned active, gap_ns;
	unsigned client_flows;		/* flows of one client; 0: each flow has its own */
	unsigned scan, flood, odd_port; /* flows of each forensic kind */
	bool is_ns, is_open, is_unanswered;
};

enum gen_act_kind {
	GEN_ACT_FLAGS,	      /* a segment without payload; value: its flags */
	GEN_ACT_MESSAGE,      /* len bytes of the client's first message, from value on */
	GEN_ACT_SERVER_HELLO, /* with a record of value bytes behind it */
	GEN_ACT_FINISHED,     /* what the client says when the handshake is over */
	GEN_ACT_RECORD,	      /* the head of a TLS record of value bytes, and its beginning */
	GEN_ACT_REQUEST,      /* HTTP, for name number value */
	GEN_ACT_ANSWER,	      /* HTTP, value bytes with head and body; its beginning */
	GEN_ACT_MORE,	      /* of what began before */
	GEN_ACT_QUESTION,     /* DNS; value: the type */
	GEN_ACT_RECORDS,      /* its answer */
	GEN_ACT_INITIAL,      /* QUIC: len bytes of the hello, from value on; one datagram */
	GEN_ACT_REPLY, /* the server's Initial, the same way, and Handshake in one datagram */
	GEN_ACT_INITIAL_ACK,
	GEN_ACT_HANDSHAKE, /* len bytes of it */
	GEN_ACT_SHORT,
	GEN_ACTS
};

struct gen_act {
	uint8_t kind;
	bool is_reply;
	bool is_naming; /* with this frame the name is whole */
	uint16_t len;	/* of the payload, where the act does not know */
	uint32_t value;
};

/* A flow under way. The first three stay from one flow to the next; its owner gives `message` and
 * frees both at last. */
struct gen_flow {
	struct gen_act *acts;
	size_t act_room;
	struct made_message *message; /* the client's first */

	size_t act_count, played;
	uint64_t id, naming_frame, frames;
	enum gen_protocol protocol;
	bool is_pq, has_options; /* has_options: TCP segments carry times (RFC 7323) */
	struct gen_ends ends;
	const struct gen_site *sites[GEN_NAMES_MAX]; /* in the order they are asked for */
	unsigned site_count;
	uint32_t seq[2], clock[2]; /* of client and server: the next byte, the last time sent */
	struct make_quic_flow quic;
};

/* What flows are made with; one for all. */
struct gen_stage {
	struct gen_wire wire;
	struct gen_options options;
	struct gen_sites sites;
	struct make_quic *quic;
};

/* Begins flow number id: ends, names, plan. */
void gen_flow_start(struct gen_stage *s, struct gen_flow *f, uint64_t id);
/* The n-th flow of the forensic kinds, which come last. False: there are no more. */
bool gen_flow_start_bare(struct gen_stage *s, struct gen_flow *f, uint64_t n);

/* Writes the plan of a flow whose ends and names are known. size: its place between the shortest
 * (0) and the longest (2^32 - 1). */
void gen_plan(struct gen_stage *s, struct gen_flow *f, uint32_t size);
void gen_plan_bare(struct gen_flow *f);

/* Writes the next frame. False: it was the last. */
bool gen_flow_play(struct gen_stage *s, struct gen_flow *f);
/* One more frame of a flow that was played to its end. */
void gen_flow_play_again(struct gen_stage *s, struct gen_flow *f);

/* Messages that gen_play.c sends. Each returns its length. */
size_t gen_http_request(uint8_t *at, const char *host, bool is_long, size_t *name_end);
size_t gen_http_answer(uint8_t *at, size_t room, size_t message_len);
/* Makes an answer of a question of len bytes, which stands at `at`. */
size_t gen_dns_answer(uint8_t *at, size_t len, const char *name, uint32_t type, uint64_t seed);
/* The address of a name; there are many of each (number: which). */
void gen_address_of(const char *name, bool is_v6, uint64_t number, uint8_t out[16]);

#endif
