/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room policy: which devices an address is of, and a hardware address, of those that rules
 * name. Built once, then only read, by any thread. The kernel holds the same entries: the longest
 * network around an address has those of every wider one, the narrowest first.
 */
#ifndef POLICY_DEVICE_TABLE_H
#define POLICY_DEVICE_TABLE_H

#include "policy/rules.h"

enum { DEVICES_MAX = 1024 /* that rules may name */ };

struct device_net {
	struct dpi_addr addr;
	uint8_t bits; /* of 128 */
	struct dpi_device_set set;
};

struct device_mac {
	uint8_t mac[6];
	struct dpi_device_set set;
};

struct device_table {
	uint64_t *id; /* of every device that a rule names, in the order of the rules */
	size_t id_count;
	struct device_net *net; /* by length, the longest first */
	struct device_mac *mac;
	size_t net_count, mac_count;
	const struct rule *unknown; /* the first rule of a device that is not known; NULL: none */
	bool is_full;		    /* there are more devices than DEVICES_MAX */
	bool is_crowded;	    /* something is of more devices than a set holds */
};

/* Fills an empty table. Returns 0 or -ENOMEM; clear it in either case. */
int device_table_build(struct device_table *t, const struct rules *rules);
void device_table_clear(struct device_table *t);

/* The devices of an address, or of a hardware address of six bytes; NULL: of none. */
const struct dpi_device_set *device_table_addr(const struct device_table *t,
					       const struct dpi_addr *a);
const struct dpi_device_set *device_table_mac(const struct device_table *t, const uint8_t *mac);

#endif
