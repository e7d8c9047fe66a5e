/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rules made ready for packets: an immutable value. Built whole, published by one pointer, read by
 * every worker without a lock, freed when the last of them has moved on. The same tables, entry by
 * entry, are what the kernel gets, so both sides decide alike.
 *
 * Order of decision: an allow first; then address, port, application, domain. A list speaks of
 * names and addresses as single rules do, behind them; its exceptions silence lists alone.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "dpi/name.h"
#include "policy/rules.h"

struct policy;

/* A decision: rule 0 means that no rule spoke. */
struct decision {
	uint64_t rule;	     /* id of the rule that decided */
	enum rule_kind kind; /* of what it spoke of: RULE_LIST never */
	bool is_block;	     /* else an allow, or nothing */
};

/* Of which devices that rules name a flow is, each by its id (rules.h). Wherever one is taken, NULL
 * is a flow of none: what rules of devices say is then not heard. */
struct policy_whom {
	uint64_t id[DPI_DEVICES_MAX];
	unsigned count;
};

/* The applications that rules may name. ids count from 0; suffix i belongs to *app. */
struct policy_apps {
	const void *ctx;
	int (*find)(const void *ctx, struct slice proper_name); /* id or -1 */
	size_t app_count;
	size_t suffix_count;
	struct slice (*suffix)(const void *ctx, size_t i, int *app);
	/* The category of an application, as rules name it; NULL for one that rules cannot name. */
	const char *(*category)(const void *ctx, int app);
};

/*
 * Compiles rules (borrowed for the call: the policy keeps a copy, which shares their memory, so one
 * thread frees both). seed keys the suffix hashes. Returns NULL when out of memory. Two suffixes
 * whose hashes fall together are one to the kernel (64 bits: not in practice).
 */
struct policy *policy_new(const struct rules *rules, const struct policy_apps *apps, uint64_t seed);
/* The same of a policy that is there: for a few rules that differ it costs little, and both share
 * what the change does not touch, so that one thread makes and frees them. What comes out decides
 * as one made by policy_new(), and the kernel would hold the same of it. */
struct policy *policy_change(const struct policy *old, const struct rules *rules,
			     const struct policy_apps *apps);
void policy_free(struct policy *p);

const struct rules *policy_rules(const struct policy *p);
const struct rule *policy_rule(const struct policy *p, uint64_t id); /* NULL when 0 or gone */
uint64_t policy_seed(const struct policy *p);

/* Address and port rules for a flow: an allow of either kind, else an address block, else a port
 * block. opener is the end that opened it (0 or 1); the port is its responder's. */
struct decision policy_match_flow(const struct policy *p, const struct dpi_key *key,
				  uint8_t opener);
/* False when no rule speaks of an application or a domain: then none of the following ever names a
 * rule, and need not be asked. */
bool policy_hears_names(const struct policy *p);
/* Asks for the memory that the next of these will touch for a name, which is far away when there
 * are many rules; between the two there should be some other work. */
void policy_await_name(const struct policy *p, struct slice name);
/* Application and domain rules for one canonical name: those of the devices first. */
struct decision policy_match_name(const struct policy *p, const struct policy_whom *whom,
				  struct slice name);
/* The same rules that say `learnt:` as well, for a name that a DNS answer gave to the flow's
 * address; others are silent, but that no name is blocked here which they allow. */
struct decision policy_match_learnt(const struct policy *p, const struct policy_whom *whom,
				    struct slice name);
/* Rules for an application as such (one that no name stands for, such as DNS or HTTP). */
struct decision policy_match_app(const struct policy *p, const struct policy_whom *whom, int app);

/* --- policy_devices.c: nothing of it need be asked where no rule is of a device --------------- */

/* True when some rule is of a device; when some such device goes by a hardware address. */
bool policy_has_devices(const struct policy *p);
bool policy_has_hardware(const struct policy *p);
/* Adds the devices of a flow's ends, of an address, or of a hardware address of six bytes; what is
 * in the set is not added again. Two addresses and two hardware addresses always fit. */
void policy_whom_ends(const struct policy *p, const struct dpi_key *key, struct policy_whom *whom);
void policy_whom_addr(const struct policy *p, const struct dpi_addr *a, struct policy_whom *whom);
void policy_whom_mac(const struct policy *p, const uint8_t *mac, struct policy_whom *whom);
/* The same for the word of a device: of an address, a network, a hardware address, or of all that a
 * name stands for. What is none adds nobody. */
void policy_whom_word(const struct policy *p, struct slice word, struct policy_whom *whom);
/* Whether a hardware address is of any; one of those that the device of a rule has, false: none. */
bool policy_knows_mac(const struct policy *p, const uint8_t *mac);
bool policy_mac_of_rule(const struct policy *p, uint64_t rule, uint8_t mac[6]);

/* What the kernel must hold. Each calls fn with every entry until it returns non-zero, and returns
 * that. */
int policy_each_name(const struct policy *p,
		     int (*fn)(void *ctx, uint64_t hash, const struct dpi_name_rule *r), void *ctx);
int policy_each_addr(const struct policy *p,
		     int (*fn)(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r),
		     void *ctx);
/* Networks: each entry already holds the rules of every wider network around it, because the
 * longest prefix is the only one a trie finds. */
int policy_each_net(const struct policy *p,
		    int (*fn)(void *ctx, const struct dpi_net_key *k,
			      const struct dpi_addr_rule *r),
		    void *ctx);
/* Which devices an address or a network is of (as for the rules above, with those of every wider
 * one), and a hardware address; and each device that has rules for applications. */
int policy_each_device_net(const struct policy *p,
			   int (*fn)(void *ctx, const struct dpi_net_key *k,
				     const struct dpi_device_set *set),
			   void *ctx);
int policy_each_device_mac(const struct policy *p,
			   int (*fn)(void *ctx, const uint8_t *mac,
				     const struct dpi_device_set *set),
			   void *ctx);
int policy_each_device(const struct policy *p, int (*fn)(void *ctx, uint64_t device), void *ctx);
/* Ports: proto is DPI_IP_TCP or DPI_IP_UDP (a rule for both gives two entries). */
int policy_each_port(const struct policy *p,
		     int (*fn)(void *ctx, uint8_t proto, uint16_t port, uint64_t rule), void *ctx);
/* How many entries of names each of these would be told of. */
size_t policy_name_count(const struct policy *p);

/* What the kernel must take over to have one policy in place of another: every entry that is new or
 * other, then every one that is gone (NULL, or 0). Ends as the above do. */
struct policy_difference {
	int (*name)(void *ctx, uint64_t hash, const struct dpi_name_rule *r);
	int (*addr)(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r);
	int (*net)(void *ctx, const struct dpi_net_key *k, const struct dpi_addr_rule *r);
	int (*port)(void *ctx, uint8_t proto, uint16_t port, uint64_t rule);
};
int policy_each_difference(const struct policy *from, const struct policy *to,
			   const struct policy_difference *fn, void *ctx);
/* True when any rule blocks anything. */
bool policy_blocks(const struct policy *p);
/* enum dpi_config_flag bits that say which kinds of rule there are. */
uint32_t policy_config_flags(const struct policy *p);

#endif
