/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: address rules made ready for look-ups, in user space and in the kernel's maps.
 *
 * A longest-prefix trie gives one answer, so each network holds the rules of all wider ones as
 * well; of two for the same side the narrower stands. IPv4 lies inside IPv6's space (RFC 4291
 * 2.5.5.2), but a rule for ::/0 does not mean it: there an entry for all of IPv4 cuts it off.
 */
#include "policy/addr_table.h"
#include "policy/list.h"

#include <errno.h>
#include <stdlib.h>

enum { MAPPED_BITS = 96 };

static const struct dpi_addr mapped = {.b = {[10] = 0xff, [11] = 0xff}};

static int compare(const void *a, const void *b)
{
	const struct addr_entry *x = a, *y = b;
	int order = memcmp(x->addr.b, y->addr.b, sizeof(x->addr.b));

	return order ? order : (int)x->bits - (int)y->bits;
}

static void set_once(__u64 *field, __u64 id)
{
	if (!*field)
		*field = id;
}

/* Takes a rule for either side over where there is none, or a list's and this one is single. */
static void merge_any(struct addr_entry *to, __u64 *field, const struct addr_entry *from, __u64 id,
		      uint16_t listed)
{
	if (!id || (*field && (!(to->listed & listed) || (from->listed & listed))))
		return;
	*field = id;
	to->listed = (uint16_t)((to->listed & ~listed) | (from->listed & listed));
}

static void merge(struct addr_entry *to, const struct addr_entry *from)
{
	merge_any(to, &to->rule.block_any, from, from->rule.block_any, ADDR_LISTED_BLOCK);
	merge_any(to, &to->rule.allow_any, from, from->rule.allow_any, ADDR_LISTED_ALLOW);
	set_once(&to->rule.block_src, from->rule.block_src);
	set_once(&to->rule.block_dst, from->rule.block_dst);
	set_once(&to->rule.allow_src, from->rule.allow_src);
	set_once(&to->rule.allow_dst, from->rule.allow_dst);
}

static struct addr_entry entry_of(const struct rule *rule)
{
	struct addr_entry e = {.addr = rule_addr(rule), .bits = rule->ip.bits};
	__u64 *fields[2][3] = {
		{&e.rule.block_any, &e.rule.block_src, &e.rule.block_dst},
		{&e.rule.allow_any, &e.rule.allow_src, &e.rule.allow_dst},
	};

	*fields[rule->is_allow][rule->ip.side] = rule->id;
	return e;
}

/* Sorts, and makes one entry of those for the same prefix. Returns how many are left. */
static size_t sort_unique(struct addr_entry *e, size_t count)
{
	size_t kept = 0;

	if (!count)
		return 0;
	qsort(e, count, sizeof(*e), compare);
	for (size_t i = 1; i < count; i++) {
		if (compare(&e[kept], &e[i]) == 0)
			merge(&e[kept], &e[i]);
		else
			e[++kept] = e[i];
	}
	return kept + 1;
}

static bool is_inside(const struct addr_entry *inner, const struct addr_entry *outer)
{
	return inner->bits >= outer->bits && addr_in_net(&inner->addr, &outer->addr, outer->bits);
}

/* True when a rule for the outer network, written as IPv6, would reach into IPv4. */
static bool is_cut_off(const struct addr_entry *inner, const struct addr_entry *outer)
{
	return outer->bits < MAPPED_BITS && inner->bits >= MAPPED_BITS &&
	       addr_in_net(&inner->addr, &mapped, MAPPED_BITS);
}

/* Links each network to the next wider one and takes its rules over: wider ones come first. */
static void nest(struct addr_table *t)
{
	for (size_t i = 0; i < t->net_count; i++) {
		struct addr_entry *e = &t->net[i];
		uint32_t outer = (uint32_t)i;

		while (outer && !is_inside(e, &t->net[outer - 1]))
			outer = t->net[outer - 1].outer;
		e->outer = outer;
		if (outer && !is_cut_off(e, &t->net[outer - 1]))
			merge(e, &t->net[outer - 1]);
	}
}

static size_t hash_addr(const struct addr_table *t, const struct dpi_addr *a)
{
	uint64_t h = (a->d[0] ^ 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	h = (h ^ h >> 32 ^ a->d[1]) * 0xc4ceb9fe1a85ec53ULL;
	return (size_t)(h ^ h >> 32) & (t->slot_count - 1);
}

static int index_hosts(struct addr_table *t)
{
	size_t slot_count = 8;

	if (!t->host_count)
		return 0;
	while (slot_count < t->host_count * 2)
		slot_count *= 2;
	t->slot = calloc(slot_count, sizeof(*t->slot));
	if (!t->slot)
		return -ENOMEM;
	t->slot_count = slot_count;
	for (size_t i = 0; i < t->host_count; i++) {
		size_t at = hash_addr(t, &t->host[i].addr);

		while (t->slot[at])
			at = (at + 1) & (slot_count - 1);
		t->slot[at] = (uint32_t)i + 1;
	}
	return 0;
}

/* How many addresses the rules and the lists have. */
static size_t count_addrs(const struct rules *rules)
{
	struct rules_walk w = {0};
	const struct rule *rule;
	size_t count = 0;

	while ((rule = rules_next_of(rules, &w, RULES_OF_KIND(RULE_LIST)))) {
		const struct list *list = rules_list(rules, rule->id);

		count += list ? list_addr_count(list) : 0;
	}
	return count + rules_counts(rules)->of[RULE_IP][false] +
	       rules_counts(rules)->of[RULE_IP][true];
}

static void add_entry(struct addr_table *t, const struct addr_entry *e)
{
	if (e->bits == 128)
		t->host[t->host_count++] = *e;
	else
		t->net[t->net_count++] = *e;
}

static void add_list(struct addr_table *t, const struct rule *rule, const struct list *list)
{
	struct addr_entry e = {.listed = ADDR_LISTED_BLOCK, .rule.block_any = rule->id};
	size_t at = list ? list_names_len(list) : 0;
	uint8_t bits;

	if (rule->is_allow)
		e = (struct addr_entry){.listed = ADDR_LISTED_ALLOW, .rule.allow_any = rule->id};
	while (list && list_next_addr(list, &at, &e.addr, &bits)) {
		e.bits = bits;
		add_entry(t, &e);
	}
}

static void add_rules(struct addr_table *t, const struct rules *rules)
{
	struct rules_walk w = {0};
	const struct rule *rule;

	while ((rule = rules_next_of(rules, &w,
				     RULES_OF_KIND(RULE_IP) | RULES_OF_KIND(RULE_LIST)))) {
		struct addr_entry e;

		if (rule->kind == RULE_LIST) {
			add_list(t, rule, rules_list(rules, rule->id));
			continue;
		}
		e = entry_of(rule);
		add_entry(t, &e);
	}
}

/* The longest network around an address, or NULL. */
static const struct addr_entry *find_net(const struct addr_table *t, const struct dpi_addr *a)
{
	size_t low = 0, high = t->net_count;

	/* The last network that begins at or before the address lies inside the one looked for. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(t->net[middle].addr.b, a->b, sizeof(a->b)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low && !addr_in_net(a, &t->net[low - 1].addr, (uint8_t)t->net[low - 1].bits))
		low = t->net[low - 1].outer;
	return low ? &t->net[low - 1] : NULL;
}

/* An address is asked for before its network: what a list says of it makes way for a single rule
 * that speaks of the network. */
static void heed_single_nets(struct addr_table *t)
{
	for (size_t i = 0; i < t->host_count; i++) {
		const struct addr_entry *net;

		if (!t->host[i].listed)
			continue;
		net = find_net(t, &t->host[i].addr);
		if (net)
			merge(&t->host[i], net);
	}
}

int addr_table_build(struct addr_table *t, const struct rules *rules)
{
	struct addr_entry all_ipv4 = {.addr = mapped, .bits = MAPPED_BITS};
	size_t count = count_addrs(rules);
	bool is_cut = false;

	if (!count)
		return 0;
	t->host = calloc(count, sizeof(*t->host));
	t->net = calloc(count + 1, sizeof(*t->net));
	if (!t->host || !t->net)
		return -ENOMEM;
	add_rules(t, rules);
	for (size_t i = 0; i < t->net_count; i++)
		is_cut |= is_cut_off(&all_ipv4, &t->net[i]) && is_inside(&all_ipv4, &t->net[i]);
	if (is_cut)
		t->net[t->net_count++] = all_ipv4;
	t->host_count = sort_unique(t->host, t->host_count);
	t->net_count = sort_unique(t->net, t->net_count);
	nest(t);
	heed_single_nets(t);
	return index_hosts(t);
}

void addr_table_clear(struct addr_table *t)
{
	free(t->host);
	free(t->net);
	free(t->slot);
	*t = (struct addr_table){0};
}

const struct dpi_addr_rule *addr_table_host(const struct addr_table *t, const struct dpi_addr *a)
{
	size_t i;

	if (!t->host_count)
		return NULL;
	for (i = hash_addr(t, a); t->slot[i]; i = (i + 1) & (t->slot_count - 1)) {
		const struct addr_entry *e = &t->host[t->slot[i] - 1];

		if (memcmp(e->addr.b, a->b, sizeof(a->b)) == 0)
			return &e->rule;
	}
	return NULL;
}

const struct dpi_addr_rule *addr_table_net(const struct addr_table *t, const struct dpi_addr *a)
{
	const struct addr_entry *net = find_net(t, a);

	return net ? &net->rule : NULL;
}

const struct dpi_addr_rule *addr_table_same_net(const struct addr_table *t,
						const struct dpi_addr *a, uint16_t bits)
{
	const struct addr_entry *net = find_net(t, a);

	/* Wider ones that begin at the same address stand before it. */
	while (net && net->bits > bits)
		net = net->outer ? &t->net[net->outer - 1] : NULL;
	return net && net->bits == bits && memcmp(net->addr.b, a->b, sizeof(a->b)) == 0 ? &net->rule
											: NULL;
}
