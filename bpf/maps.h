/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every map: who writes it, who reads it, why this size, what happens when it is full. All of them
 * are pinned, so that neither a crash nor an upgrade of the agent forgets anything.
 */
#ifndef BPF_MAPS_H
#define BPF_MAPS_H

#include "dpi/hello.h"
#include "dpi/request.h"

/* What each CPU saw of each flow. Kernel writes, agent reads. Full: the least recently used flow
 * leaves (its counts are lost, its verdict is not: that is in `verdicts`). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, DPI_FLOWS_MAX);
	__type(key, struct dpi_key);
	__type(value, struct dpi_flow);
} flows SEC(".maps");

/* Connections asked for and not yet answered. Kernel writes, agent reads. Small, and rationed by
 * DPI_SYN_TRACK_PER_S, so that a flood costs neither memory nor time. Full: the oldest leaves. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DPI_SYNS_MAX);
	__type(key, struct dpi_key);
	__type(value, struct dpi_syn);
} syns SEC(".maps");

/* Which flow the pieces of a datagram belong to, as its first one says. Kernel alone writes and
 * reads. Full: the oldest leaves, and its later pieces are of no known flow. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DPI_FRAGS_MAX);
	__type(key, struct dpi_frag_key);
	__type(value, struct dpi_frag);
} frags SEC(".maps");

/* Blocked flows. Agent inserts and removes, kernel looks up and stamps, and inserts where it has
 * found the name itself. Shared by all CPUs and not LRU: no flood can push a verdict out. Full: the
 * insert fails, the agent counts it and reclaims the verdict idle for longest. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DPI_VERDICTS_MAX);
	__type(key, struct dpi_key);
	__type(value, struct dpi_verdict);
} verdicts SEC(".maps");

/* What the agent knows about a flow: that it needs no more samples, and its name for the next
 * agent. Agent writes, kernel reads `settled`. Full: the oldest leaves, and is sampled again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DPI_FACTS_MAX);
	__type(key, struct dpi_key);
	__type(value, struct dpi_fact);
} facts SEC(".maps");

/* Address rules: single addresses, and networks. Supervisor writes, kernel reads. Full: the rule
 * change is refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DPI_ADDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dpi_addr);
	__type(value, struct dpi_addr_rule);
} addrs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, DPI_NETS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dpi_net_key);
	__type(value, struct dpi_addr_rule);
} nets SEC(".maps");

/* Port rules: protocol << 16 | port to rule id. Supervisor writes, kernel reads. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DPI_PORTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

/* Name rules by suffix hash (name.h). Supervisor writes, kernel reads. Full: refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DPI_NAMES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct dpi_name_rule);
} names SEC(".maps");

/* Which devices an address is of, by the longest network around it, and a hardware address. Both:
 * supervisor writes, kernel reads. Full: the rule change is refused. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, DPI_DEVICE_NETS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dpi_net_key);
	__type(value, struct dpi_device_set);
} device_nets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DPI_DEVICE_MACS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct dpi_mac);
	__type(value, struct dpi_device_set);
} device_macs SEC(".maps");

/* What protocols mean to a device, by its id. The same. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DPI_DEVICES_RULED);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct dpi_device);
} devices SEC(".maps");

/* What each rule has dropped. Kernel writes, agent reads. Full: the drop happens, uncounted here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, DPI_HITS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct dpi_hits);
} hits SEC(".maps");

/* Counters, one struct a CPU. Kernel writes, agent adds up. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dpi_counts);
} counts SEC(".maps");

/* The settings of the moment. Supervisor writes, kernel reads. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dpi_config);
} config SEC(".maps");

/* Monotonic time at which the engine was last seen working. Engine writes, kernel reads. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} heartbeat SEC(".maps");

/* One ring a worker: samples out. Kernel produces, one worker consumes. Full: the sample is lost
 * and counted, the flow marked; a later payload frame is the next chance. */
struct dpi_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, DPI_RING_BYTES);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, DPI_RINGS_MAX);
	__type(key, __u32);
	__array(values, struct dpi_ring);
} rings SEC(".maps");

/* Working memory, one element a CPU (the loader sets max_entries): larger than a per-CPU array
 * may be, and than the stack is. Programs on one CPU do not interrupt each other here. */
struct dpi_scratch {
	struct dpi_sample sample;
	__u8 frame[DPI_SNAP_MAX + 1]; /* directly behind: a sample is one piece */
	__u8 message[DPI_DNS_WINDOW];
	__u8 name[DPI_NAME_MAX + 1];
	struct dpi_flow flow; /* a new flow, before it is stored */
	/* Loop state lies here and not on the stack: to the verifier what a map holds is unknown,
	 * so one round through a loop stands for all of them. */
	struct dpi_qname question;
	struct dpi_name_walk walk;
	__u32 walk_at; /* bytes of the name already walked, from its right end */
	struct dpi_host host;
	struct dpi_hello hello;
	struct dpi_request request;
	__u32 word, word_len;	    /* the name in a first segment, which is in frame */
	struct dpi_verdict verdict; /* a new one, before it is stored */
	struct dpi_device_set whom[DPI_DEVICES_MAX / DPI_DEVICES_EACH]; /* of the frame at hand */
	struct dpi_device own; /* what those say of protocols; set where is_own */
	struct dpi_mac mac[2]; /* its destination, its source */
	__u64 device;	       /* the one at hand */
	__u32 is_own;	       /* there are any */
	__u32 pad3;
	/* What may be done in the current second: half-open entries, pieces of unknown flows. */
	__u64 syn_window, syn_count, frag_window, frag_count;
	__u64 inside;		  /* the verdict on that */
	struct dpi_packet piece;  /* a tunnel's first piece, while what it carries is looked at */
	struct dpi_addr outer[2]; /* of a packet in a tunnel: the outermost source, destination */
	__be16 outer_port;	  /* UDP: the outermost destination */
	__u8 outer_proto;
	__u8 pad2[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dpi_scratch);
} scratch SEC(".maps");

#endif
