/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel's counts as report rows; see kernel_counts.h.
 */
#include "agent/kernel_counts.h"

void kernel_counts_row(const struct live_maps *m, const struct live_clock *clock,
		       const struct policy *policy, struct connection *c)
{
	const struct rule *rule = policy_rule(policy, c->rule);
	struct live_flow k;

	if (live_flow_get(m, &c->key, &k))
		return;
	for (int dir = 0; dir < 2; dir++) {
		c->packets[dir] = k.packets[dir];
		c->bytes[dir] = k.bytes[dir];
		c->tcp_flags[dir] |= k.tcp_flags[dir];
	}
	/* The kernel counts a dropped frame apart and without its direction. */
	c->packets[c->opener & 1] += k.dropped_packets;
	c->bytes[c->opener & 1] += k.dropped_bytes;
	c->dropped_packets = k.dropped_packets;
	c->dropped_bytes = k.dropped_bytes;
	/* A sample is not the flow's last frame. */
	if (k.last_ns + clock->offset_ns > c->last_ns)
		c->last_ns = k.last_ns + clock->offset_ns;
	/* What was dropped before a rule allowed the flow, or none blocks it any more, is counted,
	 * and that is all. */
	if (k.dropped_packets && rule && !rule->is_allow)
		c->is_blocked = true;
}

static enum flow_state state_of(const struct dpi_key *key, const struct live_flow *k)
{
	uint8_t both = k->tcp_flags[0] & k->tcp_flags[1],
		either = k->tcp_flags[0] | k->tcp_flags[1];

	if (k->static_rule)
		return FLOW_BLOCKED;
	if (key->proto == DPI_IP_TCP && ((both & DPI_TCP_FIN) || (either & DPI_TCP_RST)))
		return FLOW_CLOSED;
	if (!k->is_half_open && k->packets[0] && k->packets[1])
		return FLOW_ESTABLISHED;
	return FLOW_NEW;
}

void kernel_counts_new_row(const struct live_clock *clock, const struct dpi_key *key,
			   const struct live_flow *k, struct connection *out)
{
	*out = (struct connection){
		.key = *key,
		.first_ns = k->first_ns + clock->offset_ns,
		.last_ns = k->last_ns + clock->offset_ns,
		.packets = {k->packets[0], k->packets[1]},
		.bytes = {k->bytes[0], k->bytes[1]},
		.dropped_packets = k->dropped_packets,
		.dropped_bytes = k->dropped_bytes,
		.rule = k->static_rule,
		.app = APP_UNKNOWN,
		.opener = k->opener & 1,
		.state = (uint8_t)state_of(key, k),
		.tcp_flags = {k->tcp_flags[0], k->tcp_flags[1]},
		.is_blocked = k->static_rule != 0 || k->dropped_packets != 0,
	};
	out->packets[out->opener] += k->dropped_packets;
	out->bytes[out->opener] += k->dropped_bytes;
}

static void hits_add(void *ctx, uint64_t rule, const struct dpi_hits *h)
{
	tally_add_rule(ctx, rule, h->packets, h->bytes, 0);
}

void kernel_counts_totals(const struct live_maps *m, struct tally *t)
{
	struct engine_counters *all = tally_totals(t);
	struct dpi_counts k;

	live_counts(m, &k);
	all->packets = k.n[DPI_COUNT_RX_PACKETS] + k.n[DPI_COUNT_TX_PACKETS];
	all->bytes = k.n[DPI_COUNT_RX_BYTES] + k.n[DPI_COUNT_TX_BYTES];
	all->forwarded = k.n[DPI_COUNT_PASSED];
	all->dropped = k.n[DPI_COUNT_DROPPED];
	all->tcp = k.n[DPI_COUNT_TCP];
	all->udp = k.n[DPI_COUNT_UDP];
	all->icmp = k.n[DPI_COUNT_ICMP];
	all->other = k.n[DPI_COUNT_OTHER];
	all->short_frames = k.n[DPI_COUNT_SHORT];
	all->bad_frames = k.n[DPI_COUNT_BAD];
	all->deep_frames = k.n[DPI_COUNT_DEEP];
	all->unparsed = all->short_frames + all->bad_frames + all->deep_frames;
	all->fragments = k.n[DPI_COUNT_FRAGMENT];
	all->dropped_fragments = k.n[DPI_COUNT_DROP_FRAGMENT];
	all->dropped_deep = k.n[DPI_COUNT_DROP_DEEP];
	all->tunnel_ip4 = k.n[DPI_COUNT_TUNNEL_IP4];
	all->tunnel_ip6 = k.n[DPI_COUNT_TUNNEL_IP6];
	all->tunnel_gre = k.n[DPI_COUNT_TUNNEL_GRE];
	all->tunnel_vxlan = k.n[DPI_COUNT_TUNNEL_VXLAN];
	all->tunnel_geneve = k.n[DPI_COUNT_TUNNEL_GENEVE];
	all->tunnel_gtpu = k.n[DPI_COUNT_TUNNEL_GTPU];
	all->tunnel_teredo = k.n[DPI_COUNT_TUNNEL_TEREDO];
	live_hits_each(m, hits_add, t);
}

void kernel_counts_list(const struct live_maps *m, struct report_counter *out)
{
	static const struct report_counter rows[DPI_COUNT_MAX] = {
#define X(id, name, help) {"kernel_" #name, help, 0},
		DPI_COUNTERS(X)
#undef X
	};
	struct dpi_counts k;

	live_counts(m, &k);
	for (int i = 0; i < DPI_COUNT_MAX; i++) {
		out[i] = rows[i];
		out[i].value = k.n[i];
	}
}
