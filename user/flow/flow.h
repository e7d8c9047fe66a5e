/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A flow: what is known of one connection or one exchange of datagrams while it lasts, laid out for
 * the cache and for being one of a million. It belongs to the table it stands in, and what it owns
 * comes from the table's memory. Room: flow.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "base/ids.h"
#include "base/name.h"
#include "dpi/parse.h"
#include "flow/stream.h"
#include "policy/policy.h"

enum flow_state {
	FLOW_NEW,	  /* opened; TCP: SYN or SYN-ACK seen */
	FLOW_ESTABLISHED, /* TCP handshake done, or packets both ways, or payload */
	FLOW_CLASSIFIED,  /* a name or a protocol is known */
	FLOW_BLOCKED,	  /* a verdict: final until 60 s without a frame */
	FLOW_INCOMPLETE,  /* payload ended inside something recognised */
	FLOW_CLOSED,	  /* FIN both ways, or RST */
	FLOW_STATES
};

enum flow_flag {
	FLOW_NO_NAME = 1,	 /* a hello or request without a name */
	FLOW_ECH = 2,		 /* encrypted ClientHello: the name is the outer one */
	FLOW_AMBIGUOUS = 4,	 /* segments that contradict each other */
	FLOW_UNDECIDED = 8,	 /* the inspection budget ended without a name */
	FLOW_MIDSTREAM = 16,	 /* its beginning was not seen */
	FLOW_ODD_NAME = 32,	 /* a name with bytes no host name has */
	FLOW_CUT = 64,		 /* payload was missing from the capture (snap length) */
	FLOW_NAMES_FULL = 128,	 /* more distinct names than are kept */
	FLOW_IP_LITERAL = 256,	 /* a name that is an address */
	FLOW_ADOPTED = 512,	 /* known from before the agent restarted */
	FLOW_DOH = 1024,	 /* DNS over HTTPS: by the resolver's name */
	FLOW_DOT = 2048,	 /* DNS over TLS: by port or ALPN */
	FLOW_DOQ = 4096,	 /* DNS over QUIC: by port or ALPN */
	FLOW_TUNNELLED = 8192,	 /* inside another packet: outer[] says whose */
	FLOW_FRAGMENTED = 16384, /* some of it came in IP fragments */
	FLOW_LEARNT = 32768,	 /* its only name is one that a DNS answer gave to its address */
};

/* A name of a flow, in the order found. Owned by the flow. */
struct flow_name {
	struct flow_name *next;
	uint8_t source; /* enum app_proto */
	uint8_t len;
	char text[]; /* canonical, NUL-terminated */
};

enum { FLOW_NAMES_MAX = 256, FLOW_JA4_LEN = 36, FLOW_RUNS_MAX = 64, FLOW_MACS_MAX = 2 };

/* A handshake that datagrams carry in pieces (QUIC's CRYPTO frames, DTLS's fragments), put in
 * order; its stream's sequence numbers are the offsets. */
struct flow_run {
	uint64_t id;
	struct stream stream;
	uint32_t parse_off[STREAM_VIEWS]; /* where the next message of each view begins */
};

/* One run of bytes of a direction and how far each view of it has been read. */
struct flow_lane {
	struct stream *stream;		  /* NULL until its first segment */
	uint32_t parse_off[STREAM_VIEWS]; /* where the next message begins; may lie past the view */
	uint32_t border;		  /* of view 0: where reading began anew, else 0 */
	uint16_t in_play[STREAM_VIEWS];	  /* extractors not yet ruled out, a bit each */
	uint8_t pending;      /* views in which an extractor is inside a message it recognised */
	bool has_message : 1; /* something was recognised in view 0 */
	bool is_over : 1;     /* bytes outside the window were counted */
};

/*
 * Lane 0 begins where the handshake says. Lane 1 is what a receiver reads when that handshake is
 * not the one it took part in: where a second one says, or else whatever lies outside lane 0's
 * window. Lane 2 is lane 0 without the segments that a receiver would refuse, and lane 3 also
 * without those that may not come so far; they open with the first of such.
 */
enum { FLOW_LANES = 4, FLOW_LANE_SOUND = 2, FLOW_LANE_NEAR = 3, FLOW_URGENT_MAX = 64 };

/* A byte that a segment called urgent. */
struct flow_urgent {
	uint32_t seq;
	bool is_sound; /* its receiver takes the segment, as far as can be told */
	bool is_taken; /* ... and the byte for the urgent one, as Linux does */
};

/* Inspection state of one direction; freed when the flow is settled. A question by UDP has one for
 * as long as its flow lasts, so it is kept small. */
struct flow_side {
	union {
		struct flow_lane *lane; /* is_stream: FLOW_LANES of them, in a flow_stream_side */
		struct flow_run *run;	/* else: run_count of them, in the order they came in */
	};
	union {
		struct flow_urgent *urgent; /* is_stream: bytes called urgent */
		struct ids *ids; /* else, of the opener's: QUIC's connection ids; NULL: none */
	};
	uint32_t units;	     /* of DPI_BUDGET_UNITS */
	uint32_t bytes;	     /* of DPI_BUDGET_BYTES */
	uint32_t held;	     /* bytes of memory, as last counted */
	uint32_t hello_over; /* of is_hello_over */
	uint8_t urgent_count, urgent_last;
	uint8_t run_count;
	bool is_stream : 1;   /* TCP */
	bool is_pending : 1;  /* its payload ended, so far, inside a message that was recognised */
	bool has_lanes : 1;   /* TCP: not lane 0 alone */
	bool has_unsound : 1; /* TCP: a segment was seen that lane 2 or 3 leaves out */
	bool is_done : 1;     /* the budget has ended */
	bool has_hello : 1;   /* TLS: a ClientHello was found in lane 0 ... */
	bool is_hello_over : 1; /* ... and what follows it is not another one, which shows before
				   the sequence number hello_over */
};

/* A direction of TCP, all of it that most have: four lines of the cache, the last without use. */
struct flow_stream_side {
	struct flow_side side;
	struct stream stream; /* lane 0's, once it has one */
	struct flow_lane lane[FLOW_LANES];
};

/* What only some flows have; there once it is written to. */
struct flow_rare {
	uint32_t other_isn[2]; /* of a second SYN, before any payload: one of the two is real */
	uint64_t dropped_packets, dropped_bytes;
	uint64_t late_packets; /* frames that passed before the verdict took effect (live) */
	uint64_t verdict_ns;   /* time of the frame that brought the verdict */
	uint8_t tunnel;	       /* enum dpi_tunnel */
	uint8_t tunnel_depth;  /* packets in packets: how many around this one */
	uint8_t outer_proto;   /* of the outermost packet */
	__be16 outer_port;     /* the tunnel's, where its protocol has ports */
	uint8_t mac_count;     /* hardware addresses of its frames that rules know: */
	uint8_t mac[FLOW_MACS_MAX][6];
	char *ja4;		  /* as in a flow that is not short; NULL: none */
	struct dpi_addr outer[2]; /* tunnelled: of the outer packet that opened the flow, by the
				     ends of key: whoever carried end 0, and end 1 */
};

/* In the number of a flow: it is short. */
#define FLOW_NUMBER_SHORT 0x80000000U

/* Four lines of the cache, no byte to spare: a million of them are to fit. Where no connection and
 * no hello are to be expected, a flow is short: three lines, and nothing from ja4 on is there. */
struct flow {
	/* What every frame touches, two lines. */
	struct dpi_key key;
	uint64_t last_ns;
	uint32_t flags;		       /* enum flow_flag */
	uint32_t number;	       /* in its table, with FLOW_NUMBER_SHORT */
	uint32_t moved;		       /* its table's: when it was last put in its place */
	uint16_t payload[2];	       /* payload packets, counted up to 65,535 */
	uint64_t packets[2], bytes[2]; /* by sending end; all frames, dropped ones included */
	struct flow_side *side[2];     /* by sending end; NULL until payload, and once settled */
	uint16_t name_count;
	uint8_t opener;	   /* end of the key: 0 or 1 */
	uint8_t proto;	   /* enum app_proto */
	uint8_t ttl[2];	   /* the largest of each end */
	uint8_t finished;  /* TCP: bit i: end i finishes its checksums; bit 2 + i: those of IPv4;
			      bit 4 + i: stamp[i] is known */
	uint8_t isn_known; /* TCP: bit i: isn[i] is known; bit 2 + i: other_isn[i]; bit 4 + i: the
			      other end has accepted isn[i]; bit 6 + i: several are said to be it */
	/* What is written most lies apart from what is read together, a word of eight bytes. */
	bool has_syn : 1;     /* TCP: a SYN has said who opened it */
	bool is_disputed : 1; /* TCP: where its bytes begin is not certain, whatever a handshake
				 says */
	bool is_plain : 1;    /* proto is known by the form of its first bytes alone */
	bool is_settled : 1;  /* nothing more will be learnt; inspection is freed */
	bool is_verdict : 1;  /* blocked as a whole flow */
	bool is_closed : 1;
	bool is_over : 1;    /* closed by FINs, or by a RST that its receiver took */
	bool is_pending : 1; /* payload ended, so far, inside a message that was recognised */
	uint8_t state;	     /* enum flow_state; what is shown; BLOCKED wins over CLOSED */
	uint8_t tcp_flags[2];
	uint32_t held; /* bytes of inspection, as the engine last counted them */
	/* What its opening, its verdict and its names touch. */
	struct decision decision; /* what decided, for the flow or for its first dropped message */
	uint64_t first_ns;
	uint64_t first_number; /* frame that opened it */
	struct flow_name *names;
	struct flow_name *learnt; /* the name a DNS answer gave to the responder's address, or
				     NULL; source is PROTO_LEARNT */
	struct flow_rare *rare;	  /* NULL: all of it is 0; read it by flow_rare() */
	int app;		  /* catalogue id */
	/* The rest, which short flows lack: read the first by flow_ja4(), the others only of TCP.
	 */
	char ja4[FLOW_JA4_LEN + 1]; /* of the first ClientHello; empty: none */
	/* What the inspection of a segment touches. */
	uint32_t isn[2];
	uint32_t stamp[2];	/* the last timestamp that came in order (RFC 7323 4.3) */
	uint8_t next_hop[2][6]; /* Ethernet: where the first frame of each end was sent to */
};

enum { FLOW_SHORT_SIZE = 192 };
_Static_assert(offsetof(struct flow, ja4) <= FLOW_SHORT_SIZE, "a short flow has all in front");

/* The rarer part of a flow, to read. */
const struct flow_rare *flow_rare(const struct flow *f);
/* The same to write to; NULL when out of memory. f stands in a table, as for all that follow. */
struct flow_rare *flow_rare_open(struct flow *f);
/* The JA4 fingerprint of its first ClientHello; empty: none. */
static inline const char *flow_ja4(const struct flow *f)
{
	if (!(f->number & FLOW_NUMBER_SHORT))
		return f->ja4;
	return f->rare && f->rare->ja4 ? f->rare->ja4 : "";
}
/* Keeps it, FLOW_JA4_LEN characters, unless there is one, or no memory for it. */
void flow_keep_ja4(struct flow *f, const char *ja4);
/* The inspection state of one end, empty at first; NULL when out of memory. */
struct flow_side *flow_side_open(struct flow *f, int end);
/* Gives a lane of one end, which is TCP's, an empty stream. Returns 0 or -ENOMEM. */
int flow_lane_open(struct flow *f, int end, int lane);
/* One more run of an end that is UDP's; NULL when out of memory. */
struct flow_run *flow_run_open(struct flow *f, int end, uint64_t id);
/* The connection ids that a flow of datagrams has used; NULL: none. */
const struct ids *flow_ids(const struct flow *f);
/* Keeps them in place of those; without memory those stay. */
void flow_keep_ids(struct flow *f, const struct ids *ids);
/* Takes the place of what was learnt of the flow's address; NULL: nothing any more. Returns 0 or
 * -ENOMEM, with nothing learnt. */
int flow_set_learnt(struct flow *f, const struct name *name);
/* True when a name of that source is kept. */
bool flow_has_name(const struct flow *f, enum app_proto source, const struct name *name);
/* Adds a name unless it is there with the same source. Returns 1 added, 0 there already, -ENOSPC
 * when FLOW_NAMES_MAX are held (FLOW_NAMES_FULL is set), -ENOMEM. */
int flow_add_name(struct flow *f, enum app_proto source, const struct name *name);
/* Frees the inspection state. */
void flow_settle(struct flow *f);
/* Frees what one direction holds; what it has spent of its budget stays. */
void flow_side_clear(struct flow_side *side);
/* "NEW", "ESTABLISHED", ...; a set of flag names for reports, one bit at a time. */
const char *flow_state_name(enum flow_state s);
const char *flow_flag_name(enum flow_flag f);

#endif
