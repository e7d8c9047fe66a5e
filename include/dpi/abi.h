/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The binary interface between the kernel programs and the agent: map keys and values, the head of
 * a sample, counter ids, limits. Both sides include this file; nobody copies it.
 *
 * Every struct here has explicit padding and an asserted size. A struct used as a map key must be
 * zeroed before it is filled. A change of any layout raises DPI_ABI_VERSION, which names the pin
 * directory, so that two versions never share a map.
 */
#ifndef DPI_ABI_H
#define DPI_ABI_H

#include "dpi/types.h"

#define DPI_ABI_VERSION 4

enum {
	DPI_FLOWS_MAX = 65536,	     /* kernel flow entries (LRU: may forget) */
	DPI_SYNS_MAX = 16384,	     /* half-open connections remembered (LRU) */
	DPI_VERDICTS_MAX = 65536,    /* blocked flows (plain hash: never forgets by itself) */
	DPI_FACTS_MAX = 65536,	     /* what the agent found out about a flow (LRU) */
	DPI_ADDRS_MAX = 65536,	     /* single-address rules */
	DPI_NETS_MAX = 16384,	     /* network rules */
	DPI_PORTS_MAX = 131072,	     /* port rules: 65,536 for TCP, as many for UDP */
	DPI_NAMES_MAX = 2097152,     /* name suffixes (allocated on demand) */
	DPI_DEVICE_NETS_MAX = 32768, /* addresses and networks of devices */
	DPI_DEVICE_MACS_MAX = 32768, /* hardware addresses of devices */
	DPI_DEVICES_RULED = 1024,    /* devices with rules for applications */
	DPI_HITS_MAX = 65536,	     /* rules that have dropped something */
	DPI_RINGS_MAX = 16,	     /* workers, and shards of the offline door */
	DPI_RING_BYTES = 4194304,    /* one worker's ring */
	DPI_SNAP_MAX = 65535,	     /* bytes of a frame a sample can carry */
	DPI_NAME_MAX = 255,	     /* bytes of a domain name (RFC 1035 2.3.4) */
	DPI_DNS_WINDOW = 512,	    /* bytes of a DNS message the kernel looks at; a power of two */
	DPI_QUESTIONS_MAX = 8,	    /* questions of a DNS message that are looked at */
	DPI_WORD_WINDOW = 2048,	    /* bytes of a first segment the kernel reads; a power of two */
	DPI_HOST_MAX = 253,	    /* bytes of a host's name (RFC 1035 2.3.4, without its ends) */
	DPI_UNIT_BYTES = 64,	    /* a payload packet this long or longer costs one unit ... */
	DPI_BUDGET_UNITS = 64 * 64, /* ... of 64; shorter ones their length: 64 full packets */
	DPI_BUDGET_BYTES = 65536,   /* payload bytes a direction that are inspected */
	DPI_CPUS_ASKED = 64,	    /* CPUs that are asked who opened a flow they met first */
	DPI_RECENT = 16, /* times of passed frames kept, to count those that passed late */
	DPI_SYN_TRACK_PER_S =
		4096,	       /* new half-open entries a CPU and second; a flood is not stored */
	DPI_FRAGS_MAX = 16384, /* datagrams whose first fragment has said which flow (LRU) */
	DPI_FRAG_PER_S = 4096, /* fragments of no known flow copied, a CPU and second */
};
#define DPI_FRAG_NS	    30000000000ULL /* pieces of one datagram come within 30 s */
#define DPI_VERDICT_IDLE_NS 60000000000ULL /* a block ends after 60 s without a frame ... */
/* ... but TCP sends again what was dropped, up to 120 s apart (Linux; RFC 6298 2.5): of a blocked
 * connection only a new handshake passes before this. */
#define DPI_VERDICT_IDLE_TCP_NS 300000000000ULL
#define DPI_HEARTBEAT_NS	3000000000ULL /* an agent silent for longer counts as dead */

/* An address, IPv4 in mapped form ::ffff:a.b.c.d (RFC 4291 2.5.5.2); bytes in wire order. */
struct dpi_addr {
	union {
		__u8 b[16];
		__be32 w[4];
		__be64 d[2];
	};
};
_Static_assert(sizeof(struct dpi_addr) == 16, "dpi_addr");

/*
 * One flow: both directions of a 5-tuple, in canonical order: (addr[0], port[0]) is not greater
 * than (addr[1], port[1]), compared as wire bytes. Ports are 0 where the protocol has none.
 */
struct dpi_key {
	struct dpi_addr addr[2];
	__be16 port[2];
	__u8 proto; /* IP protocol number */
	__u8 pad[3];
};
_Static_assert(sizeof(struct dpi_key) == 40, "dpi_key");

/* Which end of the key opened the flow. */
enum dpi_opener { DPI_OPENER_0 = 0, DPI_OPENER_1 = 1, DPI_OPENER_UNKNOWN = 2 };

enum dpi_hook { DPI_HOOK_RECEIVE = 0, DPI_HOOK_TRANSMIT = 1 };

enum dpi_flow_flag {
	DPI_FLOW_ISN0 = 1,	/* isn[0] is known */
	DPI_FLOW_ISN1 = 2,	/* isn[1] is known */
	DPI_FLOW_LOST = 4,	/* a sample of this flow did not fit its ring */
	DPI_FLOW_SETTLED = 8,	/* the agent has said enough (map facts) */
	DPI_FLOW_OPENER = 16,	/* a SYN has said who opened it */
	DPI_FLOW_SURE = 32,	/* the opener's isn is the one the other end has accepted */
	DPI_FLOW_DISPUTED = 64, /* ... but it is said to have accepted several */
};

enum dpi_static {
	DPI_STATIC_NONE = 0,
	DPI_STATIC_ADDRESS = 1, /* an address rule blocks */
	DPI_STATIC_PORT = 2,	/* a port rule blocks */
	DPI_STATIC_ALLOW = 3,	/* an address rule allows */
};

/*
 * What one CPU saw of a flow. Written by the kernel on that CPU only, read by the agent, which
 * adds the CPUs up. Times are CLOCK_MONOTONIC nanoseconds. Index 0/1 is the sending end.
 */
struct dpi_flow {
	__u64 first_ns, last_ns;
	__u64 packets[2], bytes[2];	      /* passed */
	__u64 dropped_packets, dropped_bytes; /* dropped, both directions */
	__u64 static_rule;		      /* the rule behind static_action */
	__u32 static_epoch; /* policy epoch that static_action was worked out for */
	__u32 budget_units[2], budget_bytes[2]; /* sampled so far, against DPI_BUDGET_* */
	__u32 isn[2];				/* initial sequence numbers, host order */
	__u8 opener;				/* enum dpi_opener */
	__u8 flags;				/* enum dpi_flow_flag */
	__u8 tcp_flags[2];			/* every TCP flag seen, by direction */
	__u8 static_action;			/* enum dpi_static */
	__u8 recent_at;				/* next slot of recent[] */
	__u8 mac[6];		  /* of a device that rules name, once a frame had it; 0: none */
	__u64 recent[DPI_RECENT]; /* times of the last frames passed while under inspection */
};
_Static_assert(sizeof(struct dpi_flow) == 112 + 8 * DPI_RECENT, "dpi_flow");

/* A connection that has only been asked for. Shared by the CPUs; written by the kernel. */
struct dpi_syn {
	__u64 first_ns, last_ns;
	__u64 rule; /* the rule that dropped it, or 0 */
	__u32 isn[2];
	__u32 packets, bytes, dropped;
	__u8 opener;
	__u8 flags;	   /* enum dpi_flow_flag: ISN0, ISN1, OPENER, SURE */
	__u8 tcp_flags[2]; /* by direction */
};
_Static_assert(sizeof(struct dpi_syn) == 48, "dpi_syn");

/* A datagram in pieces, as sent (RFC 791 3.2, RFC 8200 4.5). */
struct dpi_frag_key {
	struct dpi_addr src, dst;
	__u32 id;
	__u8 proto; /* IPv4; 44 for IPv6, whose pieces need not agree on it */
	__u8 pad[3];
};
_Static_assert(sizeof(struct dpi_frag_key) == 40, "dpi_frag_key");

/* What its first piece says of the others. Shared by the CPUs; the kernel's alone. */
struct dpi_frag {
	__u64 seen_ns;
	__be16 port[2]; /* of the flow's key */
	__u8 proto;	/* ... */
	__u8 dir;	/* sending end of the key */
	__u8 pad[2];
};
_Static_assert(sizeof(struct dpi_frag) == 16, "dpi_frag");

enum dpi_action { DPI_PASS = 0, DPI_DROP = 1 };

/* A blocked flow. Written by the agent (all of it) and the kernel (last_ns, packets, bytes; all of
 * it where the kernel has found the name, until the agent has heard of that). */
struct dpi_verdict {
	__u64 rule;	/* id of the rule (policy.h) */
	__u64 since_ns; /* time of the frame that completed the blocked name */
	__u64 last_ns;	/* time of the last frame of the flow; the verdict ends 60 s later */
	__u64 packets, bytes;
	__u8 action;	/* enum dpi_action */
	__u8 is_untold; /* the kernel's own, of which no agent has said that it heard */
	__u8 pad[6];
};
_Static_assert(sizeof(struct dpi_verdict) == 48, "dpi_verdict");

/* What the agent found out about a flow, kept so that a restarted agent knows it again. */
struct dpi_fact {
	__u8 settled; /* 1: the kernel need not sample this flow any more */
	__u8 proto;   /* enum app_proto (user side) */
	__u8 source;  /* enum app_proto that gave the name */
	__u8 name_len;
	char name[DPI_NAME_MAX + 1]; /* the first name; canonical */
	__u8 pad[4];
};
_Static_assert(sizeof(struct dpi_fact) == 264, "dpi_fact");

/* Rules for an address or a network; a rule id of 0 is none. Written by the supervisor. */
struct dpi_addr_rule {
	__u64 block_any, block_src, block_dst; /* either end, the opener, the responder */
	__u64 allow_any, allow_src, allow_dst;
};
_Static_assert(sizeof(struct dpi_addr_rule) == 48, "dpi_addr_rule");

struct dpi_net_key {
	__u32 prefix_len; /* bits, of 128 (IPv4: 96 + length) */
	struct dpi_addr addr;
} __attribute__((packed)); /* the kernel counts bits from behind prefix_len on */
_Static_assert(sizeof(struct dpi_net_key) == 20, "dpi_net_key");

/* The devices that something is of, each by its id (policy.h); 0 behind the last. Written by the
 * supervisor. */
enum {
	DPI_DEVICES_EACH = 4, /* that one address may be of; more are refused */
	DPI_DEVICES_MAX = 16, /* that a packet may be of: two addresses, two hardware addresses */
};
struct dpi_device_set {
	__u64 id[DPI_DEVICES_EACH];
};
_Static_assert(sizeof(struct dpi_device_set) == 32, "dpi_device_set");

/* A hardware address. */
struct dpi_mac {
	__u8 b[6];
	__u8 pad[2];
};
_Static_assert(sizeof(struct dpi_mac) == 8, "dpi_mac");

/* What the rules of a device, and those of all, say of protocols, as far as the kernel decides
 * names by itself; see struct dpi_config. Of devices with rules for applications. */
struct dpi_device {
	__u64 dns_block, dns_allow;
	__u64 https_block, tls_block, http_block;
	__u32 flags; /* enum dpi_config_flag: HELLOS, ECH and REQUESTS that are not the engine's */
	__u32 pad;
};
_Static_assert(sizeof(struct dpi_device) == 48, "dpi_device");

/* Rules for one name suffix, found by its hash (name.h). Those of a device stand beside those of
 * all, their hashes seeded with its id as well. Rule ids; 0 is none. */
enum dpi_name_flag {
	DPI_NAME_APP =
		1, /* the suffix belongs to an application: replaces what a shorter one said */
	/* Of which of the ids below a list is the rule: those of single rules come before them. */
	DPI_NAME_LIST_SUFFIX_BLOCK = 2,
	DPI_NAME_LIST_SUFFIX_ALLOW = 4,
	DPI_NAME_LIST_EXACT_BLOCK = 8,
	DPI_NAME_LIST_EXACT_ALLOW = 16,
	/* An exception within lists, which says nothing of other rules: for the name and all below
	 * it, and for the name alone. */
	DPI_NAME_SPARE = 32,
	DPI_NAME_SPARE_EXACT = 64,
};
struct dpi_name_rule {
	__u64 app_block, app_allow;	  /* for the application that owns the suffix */
	__u64 suffix_block, suffix_allow; /* for the name and all below it */
	__u64 exact_block, exact_allow;	  /* for the name alone */
	__u32 flags;
	__u32 pad;
};
_Static_assert(sizeof(struct dpi_name_rule) == 56, "dpi_name_rule");

/* What a rule has dropped on one CPU. */
struct dpi_hits {
	__u64 packets, bytes;
};

enum dpi_config_flag {
	DPI_CONFIG_MONITOR = 1,	    /* count what would be dropped, drop nothing */
	DPI_CONFIG_FAIL_CLOSED = 2, /* while the agent is dead, undecided flows do not pass */
	DPI_CONFIG_ADDRS = 4,	    /* there are single-address rules */
	DPI_CONFIG_NETS = 8,	    /* there are network rules */
	DPI_CONFIG_PORTS = 16,	    /* there are port rules */
	DPI_CONFIG_NAMES = 32,	    /* there are name rules */
	DPI_CONFIG_RESET = 64,	 /* a dropped TCP segment becomes a RST, to one end or the other */
	DPI_CONFIG_BLOCKS = 128, /* some rule blocks something: fragments that hide what they are
				    do not pass */
	DPI_CONFIG_HELLOS = 256, /* names in ClientHellos may be decided by themselves ... */
	DPI_CONFIG_ECH = 512,	 /* ... with an encrypted one inside as well ... */
	DPI_CONFIG_REQUESTS = 1024,    /* ... and those in HTTP requests */
	DPI_CONFIG_DEVICE_NETS = 2048, /* there are rules of devices, by address ... */
	DPI_CONFIG_DEVICE_MACS = 4096, /* ... and by hardware address */
};

/* Written by the supervisor, read by the kernel on every packet. */
struct dpi_config {
	__u64 name_seed; /* of the suffix hashes */
	__u64 dns_block; /* the rule that blocks DNS as an application; 0: none */
	__u64 dns_allow; /* the rule that allows it, whatever is asked; 0: none */
	/* The rules that block TLS on port 443, on others, and HTTP as applications; 0: none. */
	__u64 https_block, tls_block, http_block;
	__u32 epoch; /* raised with each change of an address or port rule */
	__u32 flags; /* enum dpi_config_flag */
	__u32 ring_count;
	__u32 cpu_count; /* possible CPUs */
};
_Static_assert(sizeof(struct dpi_config) == 64, "dpi_config");

enum dpi_sample_flag {
	DPI_SAMPLE_ISN = 1,	 /* isn is known */
	DPI_SAMPLE_SURE = 4,	 /* ... and the other end has accepted it */
	DPI_SAMPLE_DROPPED = 2,	 /* the kernel dropped it: a DNS message with a blocked question, or
				    a first segment with a blocked name */
	DPI_SAMPLE_FRAGMENT = 8, /* an IP fragment: hash is of dpi_key_of_pieces() */
	DPI_SAMPLE_OTHER = 16,	 /* other_isn is known */
};

/* The head of a sample; the frame follows from its Ethernet header on, cap_len bytes of it. */
struct dpi_sample {
	__u64 ts_ns;	    /* CLOCK_MONOTONIC */
	__u64 flow_packets; /* frames of the flow this CPU had passed, this one included */
	struct dpi_key key;
	__u32 ifindex;
	__u32 wire_len, cap_len;
	__u32 hash; /* dpi_key_hash(key) */
	__u32 isn;  /* of the sending end, host order */
	__u32 cpu;
	__u8 dir;	 /* sending end of the key */
	__u8 hook;	 /* enum dpi_hook */
	__u8 opener;	 /* enum dpi_opener */
	__u8 flags;	 /* enum dpi_sample_flag */
	__u32 other_isn; /* of the other end, host order */
};
_Static_assert(sizeof(struct dpi_sample) == 88, "dpi_sample");

/*
 * Every kernel counter: id, name (JSON and metrics), what it counts. One row, used everywhere.
 */
#define DPI_COUNTERS(X)                                                                      \
	X(RX_PACKETS, rx_packets, "frames seen on receive")                                  \
	X(RX_BYTES, rx_bytes, "bytes seen on receive")                                       \
	X(TX_PACKETS, tx_packets, "frames seen on transmit")                                 \
	X(TX_BYTES, tx_bytes, "bytes seen on transmit")                                      \
	X(PASSED, passed_packets, "frames passed on")                                        \
	X(DROPPED, dropped_packets, "frames dropped, all reasons")                           \
	X(DROPPED_BYTES, dropped_bytes, "bytes dropped, all reasons")                        \
	X(DROP_VERDICT, dropped_by_verdict, "frames dropped for their flow's verdict")       \
	X(DROP_ADDRESS, dropped_by_address, "frames dropped by an address rule")             \
	X(DROP_PORT, dropped_by_port, "frames dropped by a port rule")                       \
	X(DROP_DNS, dropped_by_question, "DNS messages dropped for their question")          \
	X(DROP_WORD, dropped_by_first_word, "first segments dropped for the name in them")   \
	X(DROP_FAIL_CLOSED, dropped_fail_closed, "frames dropped because the agent is dead") \
	X(RESETS, resets_sent, "dropped segments made a RST for an end")                     \
	X(MONITORED, monitored_packets, "frames that would have been dropped (monitor)")     \
	X(TCP, tcp_packets, "TCP packets")                                                   \
	X(UDP, udp_packets, "UDP packets")                                                   \
	X(ICMP, icmp_packets, "ICMP and ICMPv6 packets")                                     \
	X(OTHER, other_packets, "packets of other protocols, and what is not IP")            \
	X(SHORT, unparsed_short, "frames that end inside a header")                          \
	X(BAD, unparsed_bad, "frames whose headers contradict themselves")                   \
	X(DEEP, unparsed_deep, "frames with more headers than are followed")                 \
	X(FRAGMENT, fragments_later, "IP fragments after the first")                         \
	X(TINY, fragments_tiny, "first fragments that hide their ports")                     \
	X(DROP_FRAGMENT, dropped_fragments, "fragments dropped for hiding what they are")    \
	X(DROP_DEEP, dropped_deep, "frames dropped for more headers than are followed")      \
	X(FRAGMENT_UNSAMPLED, fragments_unsampled, "IP fragments not copied (flood)")        \
	X(TUNNEL_IP4, tunnel_ip4, "packets inside IPv4 in IP")                               \
	X(TUNNEL_IP6, tunnel_ip6, "packets inside IPv6 in IP")                               \
	X(TUNNEL_GRE, tunnel_gre, "packets inside GRE")                                      \
	X(TUNNEL_VXLAN, tunnel_vxlan, "packets inside VXLAN")                                \
	X(TUNNEL_GENEVE, tunnel_geneve, "packets inside GENEVE")                             \
	X(TUNNEL_GTPU, tunnel_gtpu, "packets inside GTP-U")                                  \
	X(TUNNEL_TEREDO, tunnel_teredo, "packets inside Teredo")                             \
	X(TUNNEL_DEEP, tunnel_deep, "packets in more tunnels than the kernel follows")       \
	X(SYN_UNTRACKED, syns_untracked, "half-open connections not remembered (flood)")     \
	X(FLOW_FULL, flow_insert_failed, "flow entries the kernel refused to store")         \
	X(EXPIRED, verdicts_expired, "frames that met a verdict that had ended")             \
	X(SAMPLES, samples, "frames copied to the agent")                                    \
	X(SAMPLE_BYTES, sample_bytes, "bytes copied to the agent")                           \
	X(SAMPLE_LOST, samples_lost, "samples refused by a full ring")                       \
	X(SAMPLE_CUT, samples_cut, "samples cut at the longest length")                      \
	X(WORDS, first_words, "first segments that were read for a name")                    \
	X(DNS_MESSAGES, dns_messages, "DNS messages whose question was compared")            \
	X(DNS_UNDECIDED, dns_undecided, "DNS questions the kernel could not read")

enum dpi_counter {
#define X(id, name, help) DPI_COUNT_##id,
	DPI_COUNTERS(X)
#undef X
		DPI_COUNT_MAX
};

/* One CPU's counters; the only element of the map `counts`. */
struct dpi_counts {
	__u64 n[DPI_COUNT_MAX];
};

#endif
