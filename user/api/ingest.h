/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Records of flows that something else has seen, judged as the flows would be: by the same policy
 * and the same catalogue, in the same order. Room: api. The rules in force are asked for each
 * request, and made ready again when they are others.
 */
#ifndef API_INGEST_H
#define API_INGEST_H

#include "api/api.h"
#include "base/name.h"
#include "policy/policy.h"

struct api_ingest;

int ingest_open(struct api *api, struct api_ingest **out, struct fault *f);
void ingest_close(struct api_ingest *i);

/* One record: a packet of a flow, from src to dst, and the name that it was seen with. */
struct ingest_record {
	struct dpi_addr src, dst;
	uint16_t src_port, dst_port;
	uint8_t proto; /* of IP */
	uint64_t size;
	struct name name; /* empty: none */
};

/* Reads one as JSON:
 * {"tuple":{"src_ip","dst_ip","src_port","dst_port","protocol"},"size","domain"}. protocol is TCP,
 * UDP, ICMP, ICMPv6 or a number; size and domain may be left out or null. 0, or -EINVAL with *f. */
int ingest_read(const json_t *json, struct ingest_record *out, struct fault *f);

struct ingest_verdict {
	bool is_dropped;
	int app;	  /* of the catalogue */
	char reason[600]; /* the rule's label: "app:YouTube"; "" when none spoke */
};

/* What the rules say of it. Which end opened the flow is guessed as for a flow whose beginning was
 * not seen. */
void ingest_judge(const struct policy *p, const struct catalogue *c, const struct ingest_record *r,
		  struct ingest_verdict *out);

/*
 * The policy of the rules in force, borrowed until ingest_release(); one caller at a time has it.
 * 0, or -errno with *f (and nothing to release).
 */
int ingest_policy(struct api_ingest *i, const struct policy **out, struct fault *f);
void ingest_release(struct api_ingest *i);

#endif
