/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How full the kernel's rule maps are, counted once for each set of rules: walking the maps
 * themselves would take a second where there are a million names. Room: agent.
 */
#include "agent/supervisor_state.h"

static int count_name(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	++*(size_t *)ctx;
	return 0;
}

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

void rule_fill_count(const struct rules *rules, const struct policy *p, struct rule_fill *out)
{
	*out = (struct rule_fill){.rules = *rules_counts(rules)};
	policy_each_addr(p, count_addr, &out->addrs);
	policy_each_net(p, count_net, &out->nets);
	policy_each_port(p, count_port, &out->ports);
	policy_each_name(p, count_name, &out->names);
	policy_each_device_net(p, count_device_net, &out->device_nets);
	policy_each_device_mac(p, count_device_mac, &out->device_macs);
}

void rule_fill_json(const struct rule_fill *fill, struct text *out)
{
	const struct {
		const char *name;
		size_t entries, max;
	} maps[] = {
		{"addrs", fill->addrs, DPI_ADDRS_MAX},
		{"nets", fill->nets, DPI_NETS_MAX},
		{"ports", fill->ports, DPI_PORTS_MAX},
		{"names", fill->names, DPI_NAMES_MAX},
		{"device_nets", fill->device_nets, DPI_DEVICE_NETS_MAX},
		{"device_macs", fill->device_macs, DPI_DEVICE_MACS_MAX},
	};

	text_puts(out, ",\"rules_by_kind\":{");
	for (int k = 0; k < RULE_KINDS; k++) {
		const char *name = rule_kind_name((enum rule_kind)k);

		text_printf(out, "%s\"%s\":%zu,\"allow-%s\":%zu", k ? "," : "", name,
			    fill->rules.of[k][false], name, fill->rules.of[k][true]);
	}
	text_puts(out, "},\"maps\":[");
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		text_printf(out, "%s{\"map\":\"%s\",\"entries\":%zu,\"max\":%zu}", i ? "," : "",
			    maps[i].name, maps[i].entries, maps[i].max);
	text_putc(out, ']');
}
