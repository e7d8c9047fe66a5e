/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The rule maps follow changes of rules: what is written is what differs, and what the maps hold
 * then is what a whole policy of the same rules would have put there, entry by entry.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/kernel_protocols.h"
#include "cases.h"
#include "../unit/support.h"

enum { STEPS = 300, MAPS = 6 };

/* Policies of one test, one after the other. */
struct changing {
	struct kernel *k;
	struct rules *rules;
	uint64_t random;
	size_t held[MAPS]; /* entries that a whole policy has, by map */
};

static size_t pick(struct changing *c, size_t count)
{
	return (size_t)(next_random(&c->random) % count);
}

static size_t map_count(int fd)
{
	unsigned char at[64];
	size_t count = 0;

	for (int err = bpf_map_get_next_key(fd, NULL, at); !err;
	     err = bpf_map_get_next_key(fd, at, at))
		count++;
	return count;
}

static void holds(struct changing *c, int map, int fd, const void *key, const void *value,
		  size_t size)
{
	unsigned char there[64];

	c->held[map]++;
	if (expect(c->k, bpf_map_lookup_elem(fd, key, there) == 0, "map %d lacks an entry", map))
		expect(c->k, memcmp(there, value, size) == 0, "map %d has another entry", map);
}

static int holds_name(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	struct changing *c = ctx;

	holds(c, 0, c->k->maps->names, &hash, r, sizeof(*r));
	return 0;
}

static int holds_addr(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r)
{
	struct changing *c = ctx;

	holds(c, 1, c->k->maps->addrs, a, r, sizeof(*r));
	return 0;
}

static int holds_net(void *ctx, const struct dpi_net_key *key, const struct dpi_addr_rule *r)
{
	struct changing *c = ctx;

	holds(c, 2, c->k->maps->nets, key, r, sizeof(*r));
	return 0;
}

static int holds_port(void *ctx, uint8_t proto, uint16_t port, uint64_t rule)
{
	struct changing *c = ctx;
	uint32_t key = (uint32_t)proto << 16 | port;

	holds(c, 3, c->k->maps->ports, &key, &rule, sizeof(rule));
	return 0;
}

static int holds_device_net(void *ctx, const struct dpi_net_key *key,
			    const struct dpi_device_set *set)
{
	struct changing *c = ctx;

	holds(c, 4, c->k->maps->device_nets, key, set, sizeof(*set));
	return 0;
}

static int holds_device_mac(void *ctx, const uint8_t *mac, const struct dpi_device_set *set)
{
	struct changing *c = ctx;
	struct dpi_mac key = {.pad = {0}};

	memcpy(key.b, mac, sizeof(key.b));
	holds(c, 5, c->k->maps->device_macs, &key, set, sizeof(*set));
	return 0;
}

/* The maps hold all of a whole policy of these rules, and nothing else. */
static void maps_are(struct changing *c, const struct rules *rules)
{
	struct policy_apps owned = catalogue_policy_apps(c->k->catalogue);
	const struct live_maps *m = c->k->maps;
	const int fds[MAPS] = {m->names, m->addrs,	 m->nets,
			       m->ports, m->device_nets, m->device_macs};
	struct policy *whole = policy_new(rules, &owned, policy_seed(c->k->policy));

	if (!expect(c->k, whole != NULL, "no memory for a policy"))
		return;
	memset(c->held, 0, sizeof(c->held));
	policy_each_name(whole, holds_name, c);
	policy_each_addr(whole, holds_addr, c);
	policy_each_net(whole, holds_net, c);
	policy_each_port(whole, holds_port, c);
	policy_each_device_net(whole, holds_device_net, c);
	policy_each_device_mac(whole, holds_device_mac, c);
	for (int i = 0; i < MAPS; i++)
		expect(c->k, map_count(fds[i]) == c->held[i], "map %d has %zu entries, not %zu", i,
		       map_count(fds[i]), c->held[i]);
	policy_free(whole);
}

/* A frame fares by the rules of now: CLIENT is one of the addresses. */
static void fares(struct changing *c)
{
	struct made m;
	struct dpi_key key;
	struct packet p;
	bool is_block;

	make_tcp(&m, false, DPI_TCP_SYN, 1, slice_of("", 0));
	made_decode(m.bytes, m.len, &p);
	key = p.head.key;
	is_block = policy_match_flow(c->k->policy, &key, p.head.dir).is_block;
	expect(c->k, (kernel_run(c->k, DPI_HOOK_RECEIVE, m.bytes, m.len) == DROP) == is_block,
	       "a frame is %s", is_block ? "not blocked" : "blocked");
}

static int write_change(struct changing *c, const struct policy *from, const struct policy *to)
{
	struct live_protocols protocols;
	struct fault f;
	int err = kernel_protocols(c->k->catalogue, to, &protocols);

	if (!err)
		err = live_policy_change(c->k->maps, from, to, 0, &protocols, &f);
	kernel_protocols_clear(&protocols);
	return err;
}

/* Goes from the policy of now to one of these rules. 0 or -errno. */
static int go_to(struct changing *c, const struct rules *rules)
{
	struct policy_apps owned = catalogue_policy_apps(c->k->catalogue);
	struct policy *next = policy_change(c->k->policy, rules, &owned);
	int err = next ? write_change(c, c->k->policy, next) : -ENOMEM;

	if (err) {
		expect(c->k, next && write_change(c, next, c->k->policy) == 0,
		       "there is no way back");
		policy_free(next);
		return err;
	}
	policy_free(c->k->policy);
	c->k->policy = next;
	return 0;
}

static enum rule_kind random_value(struct changing *c, char value[64])
{
	static const char *const devices[] = {"", "", " device 10.0.0.1",
					      " device aa:bb:cc:dd:ee:ff"};
	static const char *const apps[] = {"YouTube", "TikTok", "Netflix", "category:social"};

	switch (pick(c, 4)) {
	case 0:
		sprintf(value, "10.0.%zu.%zu/%zu", pick(c, 2), pick(c, 3),
			pick(c, 2) ? 32 : 8 + pick(c, 20));
		return RULE_IP;
	case 1: sprintf(value, "%zu%s", 1 + pick(c, 6), pick(c, 2) ? "" : "/udp"); return RULE_PORT;
	case 2:
		sprintf(value, "%s%s", apps[pick(c, COUNT(apps))],
			devices[pick(c, COUNT(devices))]);
		return RULE_APP;
	default:
		sprintf(value, "%sn%zu.%s%s", pick(c, 3) ? "" : "=", pick(c, 6),
			pick(c, 2) ? "youtube.com" : "example", devices[pick(c, COUNT(devices))]);
		return RULE_DOMAIN;
	}
}

static void changes_random(struct kernel *k)
{
	struct rule_apps apps = catalogue_rule_apps(k->catalogue);
	struct changing c = {.k = k, .rules = rules_new(), .random = 4};
	char value[64];

	for (int step = 0; step < STEPS && !k->has_failed; step++) {
		for (size_t i = 1 + pick(&c, 3); i-- > 0;) {
			enum rule_kind kind = random_value(&c, value);
			bool is_allow = pick(&c, 4) == 0;

			if (rules_remove(c.rules, kind, is_allow, slice_text(value), &apps, NULL))
				continue;
			rules_add(c.rules, kind, is_allow, slice_text(value), &apps, RULES_FORCE,
				  NULL);
		}
		expect(k, go_to(&c, c.rules) == 0, "step %d: the maps do not take it", step);
		fares(&c);
		if (step % 10 == 0)
			maps_are(&c, c.rules);
	}
	maps_are(&c, c.rules);
	rules_free(c.rules);
}

/* More addresses than the map holds are refused in the midst of a change: nothing of it stays. */
static void changes_refused(struct kernel *k)
{
	struct changing c = {.k = k};
	struct rules *many = rules_new();
	char value[64];

	kernel_rules(k, "[BLOCKED_IPS]\n10.0.0.1\n10.0.0.2\n[BLOCKED_DOMAINS]\na.example\n", 0);
	c.rules = rules_copy(policy_rules(k->policy));
	for (int i = 0; i <= DPI_ADDRS_MAX; i++) {
		sprintf(value, "10.%d.%d.%d", 1 + (i >> 16), i >> 8 & 255, i & 255);
		rules_add(many, RULE_IP, false, slice_text(value), NULL, 0, NULL);
	}
	rules_add(many, RULE_DOMAIN, false, slice_text("b.example"), NULL, 0, NULL);
	expect(k, go_to(&c, many) == -E2BIG, "a map that is full takes more");
	maps_are(&c, c.rules);
	fares(&c);
	rules_free(many);
	rules_free(c.rules);
}

const struct test_case change_cases[] = {
	{"the maps follow random changes of rules", changes_random, false},
	{"a change that the maps cannot hold leaves nothing behind", changes_refused, false},
	{NULL, NULL, false},
};
