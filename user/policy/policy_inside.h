/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: what a policy is made of, for policy.c and policy_devices.c.
 */
#ifndef POLICY_POLICY_INSIDE_H
#define POLICY_POLICY_INSIDE_H

#include "policy/addr_table.h"
#include "policy/device_table.h"
#include "policy/name_layer.h"

enum { PORT_COUNT = 65536, PORT_TABLES = 2 /* TCP, UDP */ };

/* What kinds of rules there are at all: what nobody speaks of is not gone through. */
struct survey {
	bool has_kind[RULE_KINDS];
	bool has_learnt, has_block, has_devices;
};

/* What the rules say of addresses and ports. */
struct end_rules {
	size_t owners; /* policies */
	struct addr_table addrs;
	__u64 *port[PORT_TABLES]; /* by port; NULL without rules for the protocol */
};

struct policy {
	struct rules *rules;
	uint64_t seed;
	struct survey survey;
	struct name_rules names;
	struct name_rules learnt; /* of the rules that say so, for names that DNS answers gave */
	struct end_rules *ends;
	struct app_rule_sets apps;
	struct device_table devices;
};

struct end_rules *end_rules_new(const struct rules *rules, const struct survey *s);
void end_rules_drop(struct end_rules *e);
struct survey survey_of(const struct rules *rules);
const struct policy_apps *policy_apps_or_none(const struct policy_apps *apps);
/* The rule for a port; 0: none. */
uint64_t policy_port(const struct policy *p, uint8_t proto, uint16_t port);

#endif
