/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The pinned maps as the agent sees them: plain descriptors that a process without any capability
 * can inherit, and the calls that read and write through them. Only user/live knows libbpf.
 *
 * Times in the maps are CLOCK_MONOTONIC; everything above this room speaks wall time. struct
 * live_clock is the one place where the two meet.
 */
#ifndef LIVE_MAPS_H
#define LIVE_MAPS_H

#include "base/fault.h"
#include "base/name.h"
#include "policy/policy.h"

struct live_maps {
	int flows, syns, verdicts, facts, addrs, nets, ports, names, device_nets, device_macs,
		devices, hits, counts, config, heartbeat;
	int ring[DPI_RINGS_MAX];
	uint32_t ring_count;
	uint32_t cpu_count; /* possible CPUs: values a per-CPU lookup fills */
};

/* Wall time minus monotonic time, taken once. */
struct live_clock {
	uint64_t offset_ns;
};
struct live_clock live_clock_now(void);
uint64_t live_monotonic(void); /* now, CLOCK_MONOTONIC nanoseconds */

/* --- rules and settings: the supervisor writes ------------------------------------------------ */

/* The same as below for a device that has rules of its own for applications. */
struct live_device {
	uint64_t id;
	struct dpi_device rules;
};

/* What the rules say of protocols as applications, so far as the kernel decides names by itself. */
struct live_protocols {
	struct live_device *device; /* those of devices */
	size_t device_count;
	struct decision dns;
	uint64_t https_block, tls_block, http_block; /* rules; 0: none */
	uint32_t flags;				     /* DPI_CONFIG_HELLOS, _ECH, _REQUESTS */
};

/* Makes the rule maps equal to the policy: adds first, then removes what is gone, then the
 * settings. extra_flags: enum dpi_config_flag for monitoring and failing closed. 0 or -errno with
 * *f. */
int live_policy_apply(const struct live_maps *m, const struct policy *p, uint32_t extra_flags,
		      const struct live_protocols *protocols, struct fault *f);
/* The same from a policy that the maps hold, or hold in part since a change to or from it failed:
 * what differs is written and no more. On failure the maps hold a part of the change, which the way
 * back undoes. */
int live_policy_change(const struct live_maps *m, const struct policy *from,
		       const struct policy *to, uint32_t extra_flags,
		       const struct live_protocols *protocols, struct fault *f);
/* The seed of the name hashes that the maps were filled with; 0 when they are new. */
uint64_t live_name_seed(const struct live_maps *m);

/* --- verdicts and facts: the engine writes ------------------------------------------------------
 */

/* Blocks a flow from frame time since_ns (monotonic) on; when the map is full, one that has been
 * idle for long gives way. 0, or -errno. */
int live_verdict_put(const struct live_maps *m, const struct dpi_key *key, uint64_t rule,
		     uint64_t since_ns);
void live_verdict_delete(const struct live_maps *m, const struct dpi_key *key);
/* 0, or -ENOENT. */
int live_verdict_get(const struct live_maps *m, const struct dpi_key *key, struct dpi_verdict *v);
int live_fact_put(const struct live_maps *m, const struct dpi_key *key,
		  const struct dpi_fact *fact);
int live_fact_get(const struct live_maps *m, const struct dpi_key *key, struct dpi_fact *fact);
void live_heartbeat(const struct live_maps *m, uint64_t now_ns);

/* Calls fn for every verdict or fact; fn may delete the one it is given. Returns how many. */
size_t live_verdict_each(const struct live_maps *m,
			 void (*fn)(void *ctx, const struct dpi_key *k,
				    const struct dpi_verdict *v),
			 void *ctx);
size_t live_fact_each(const struct live_maps *m,
		      void (*fn)(void *ctx, const struct dpi_key *k, const struct dpi_fact *v),
		      void *ctx);

/* --- what the kernel counted ------------------------------------------------------------------ */

/* One flow, its CPUs added up. */
struct live_flow {
	uint64_t first_ns, last_ns; /* monotonic */
	uint64_t packets[2], bytes[2];
	uint64_t dropped_packets, dropped_bytes;
	uint64_t static_rule; /* an address or port rule that blocks it, or 0 */
	uint8_t opener;
	uint8_t tcp_flags[2];
	uint8_t isn_known; /* bit i: isn[i] */
	uint32_t isn[2];
	bool is_half_open; /* only asked for: from the map of SYNs */
};

/* Adds up one flow. 0, or -ENOENT. */
int live_flow_get(const struct live_maps *m, const struct dpi_key *key, struct live_flow *out);
/* Every flow the kernel remembers, half-open connections that never became one included. */
size_t live_flow_each(const struct live_maps *m,
		      void (*fn)(void *ctx, const struct dpi_key *k, const struct live_flow *f),
		      void *ctx);
/* Frames of the flow that passed at or after since_ns: those that were late for its verdict.
 * *is_least is set when more than the kernel remembers passed on one CPU. */
uint64_t live_flow_late(const struct live_maps *m, const struct dpi_key *key, uint64_t since_ns,
			bool *is_least);
/* Removes what the kernel counted of a flow that has ended, and what was found out about it. */
void live_flow_forget(const struct live_maps *m, const struct dpi_key *key);
/* Every counter, its CPUs added up. */
void live_counts(const struct live_maps *m, struct dpi_counts *out);
/* What each rule has dropped. */
size_t live_hits_each(const struct live_maps *m,
		      void (*fn)(void *ctx, uint64_t rule, const struct dpi_hits *h), void *ctx);
size_t live_verdict_count(const struct live_maps *m);

/* How full a map is that traffic fills. */
struct live_fill {
	const char *name;
	size_t entries, max;
};
enum { LIVE_FILLS = 5 };
/* Walks those maps, a fraction of a second when they are full. */
void live_fill_count(const struct live_maps *m, struct live_fill out[LIVE_FILLS]);

#endif
