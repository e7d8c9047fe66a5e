/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How full the kernel's rule maps are, counted in what was written there: walking the maps
 * themselves would take a second where there are a million names. Room: agent.
 */
#include "agent/supervisor_state.h"

static int count_addr(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r)
{
	++*(size_t *)ctx;
	return 0;
}

static int count_net(void *ctx, const struct dpi_net_key *k, const struct dpi_addr_rule *r)
{
	++*(size_t *)ctx;
	return 0;
}

static int count_device_net(void *ctx, const struct dpi_net_key *k,
			    const struct dpi_device_set *set)
{
	++*(size_t *)ctx;
	return 0;
}

static int count_device_mac(void *ctx, const uint8_t *mac, const struct dpi_device_set *set)
{
	++*(size_t *)ctx;
	return 0;
}

static int count_port(void *ctx, uint8_t proto, uint16_t port, uint64_t rule)
{
	++*(size_t *)ctx;
	return 0;
}

void rule_fill_json(const struct rules *rules, const struct policy *p, struct text *out)
{
	const struct rules_counts *counts = rules_counts(rules);
	struct {
		const char *name;
		size_t max, entries;
	} maps[] = {{"addrs", DPI_ADDRS_MAX, 0},
		    {"nets", DPI_NETS_MAX, 0},
		    {"ports", DPI_PORTS_MAX, 0},
		    {"names", DPI_NAMES_MAX, policy_name_count(p)},
		    {"device_nets", DPI_DEVICE_NETS_MAX, 0},
		    {"device_macs", DPI_DEVICE_MACS_MAX, 0}};

	policy_each_addr(p, count_addr, &maps[0].entries);
	policy_each_net(p, count_net, &maps[1].entries);
	policy_each_port(p, count_port, &maps[2].entries);
	policy_each_device_net(p, count_device_net, &maps[4].entries);
	policy_each_device_mac(p, count_device_mac, &maps[5].entries);
	text_puts(out, ",\"rules_by_kind\":{");
	for (int k = 0; k < RULE_KINDS; k++) {
		const char *name = rule_kind_name((enum rule_kind)k);

		text_printf(out, "%s\"%s\":%zu,\"allow-%s\":%zu", k ? "," : "", name,
			    counts->of[k][false], name, counts->of[k][true]);
	}
	text_puts(out, "},\"maps\":[");
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		text_printf(out, "%s{\"map\":\"%s\",\"entries\":%zu,\"max\":%zu}", i ? "," : "",
			    maps[i].name, maps[i].entries, maps[i].max);
	text_putc(out, ']');
}
