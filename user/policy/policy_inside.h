/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: what a policy is made of, for policy.c and policy_devices.c.
 */
#ifndef POLICY_POLICY_INSIDE_H
#define POLICY_POLICY_INSIDE_H

#include "policy/addr_table.h"
#include "policy/device_table.h"
#include "policy/name_table.h"

enum { PORT_TABLES = 2 /* TCP, UDP */ };

/* What kinds of rules there are at all: what nobody speaks of is not gone through. */
struct survey {
	bool has_kind[RULE_KINDS];
	bool has_learnt, has_block, has_devices;
};

struct policy {
	struct rules *rules;
	uint64_t seed;
	struct survey survey;
	struct name_table names;
	struct name_table learnt; /* of the rules that say so, for names that DNS answers gave */
	struct addr_table addrs;
	__u64 *port[PORT_TABLES]; /* by port; NULL without rules for the protocol */
	struct app_rule_sets apps;
	struct device_table devices;
};

#endif
