/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The engine room's look at whom a flow concerns: the devices that rules name and that one of its
 * ends is. Addresses are in the flow's key; hardware addresses are in its frames, and those that
 * rules know are kept with the flow once one was seen. Without such rules none of it is done.
 *
 * Standard: IEEE 802.3 3.2 (addresses of a frame).
 */
#include "engine/road.h"

enum { MAC_LEN = 6, ETHERNET_ADDRESSES = 2 * MAC_LEN };

static bool has_mac(const struct flow_rare *rare, const uint8_t *mac)
{
	for (int i = 0; i < rare->mac_count; i++)
		if (memcmp(rare->mac[i], mac, MAC_LEN) == 0)
			return true;
	return false;
}

static void keep_mac(struct engine *e, struct flow *f, const uint8_t *mac)
{
	struct flow_rare *rare;

	if (has_mac(flow_rare(f), mac) || !policy_knows_mac(e->config.policy, mac))
		return;
	rare = flow_rare_open(f);
	if (!rare)
		e->count.facts_lost++;
	else if (rare->mac_count < FLOW_MACS_MAX)
		memcpy(rare->mac[rare->mac_count++], mac, MAC_LEN);
}

void whom_note(struct engine *e, struct flow *f, const struct packet *p)
{
	const struct frame *frame = p->frame;

	if (!policy_has_hardware(e->config.policy) || frame->link != LINK_ETHERNET ||
	    frame->bytes.len < ETHERNET_ADDRESSES)
		return;
	keep_mac(e, f, frame->bytes.at);
	keep_mac(e, f, frame->bytes.at + MAC_LEN);
}

void whom_note_rule(struct engine *e, struct flow *f, uint64_t rule)
{
	uint8_t mac[MAC_LEN];

	if (policy_mac_of_rule(e->config.policy, rule, mac))
		keep_mac(e, f, mac);
}

const struct policy_whom *whom_of(const struct engine *e, const struct flow *f,
				  struct policy_whom *whom)
{
	const struct policy *p = e->config.policy;
	const struct flow_rare *rare = flow_rare(f);

	if (!policy_has_devices(p))
		return NULL;
	whom->count = 0;
	policy_whom_ends(p, &f->key, whom);
	if (!policy_has_hardware(p))
		return whom;
	for (int i = 0; i < rare->mac_count; i++)
		policy_whom_mac(p, rare->mac[i], whom);
	/* Of a connection that was open before there were such rules. */
	for (int end = 0; end < 2 && f->key.proto == DPI_IP_TCP && f->ttl[end]; end++)
		policy_whom_mac(p, f->next_hop[end], whom);
	return whom;
}
