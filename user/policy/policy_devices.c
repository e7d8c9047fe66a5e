/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: of which devices a flow is. A flow is of a device when either of its addresses is in
 * the device's networks, or a frame of it comes from or goes to the device's hardware address. The
 * kernel decides so from each frame alone, by the same entries.
 */
#include "policy/policy_inside.h"
#include "policy/value.h"

bool policy_has_devices(const struct policy *p)
{
	return p->survey.has_devices;
}

bool policy_has_hardware(const struct policy *p)
{
	return p->devices.mac_count;
}

static void add_set(struct policy_whom *whom, const struct dpi_device_set *set)
{
	for (size_t i = 0; set && i < DPI_DEVICES_EACH && set->id[i]; i++) {
		unsigned at = 0;

		while (at < whom->count && whom->id[at] != set->id[i])
			at++;
		if (at < DPI_DEVICES_MAX)
			whom->id[at] = set->id[i];
		if (at == whom->count && at < DPI_DEVICES_MAX)
			whom->count++;
	}
}

void policy_whom_addr(const struct policy *p, const struct dpi_addr *a, struct policy_whom *whom)
{
	add_set(whom, device_table_addr(&p->devices, a));
}

void policy_whom_ends(const struct policy *p, const struct dpi_key *key, struct policy_whom *whom)
{
	policy_whom_addr(p, &key->addr[0], whom);
	policy_whom_addr(p, &key->addr[1], whom);
}

void policy_whom_mac(const struct policy *p, const uint8_t *mac, struct policy_whom *whom)
{
	add_set(whom, device_table_mac(&p->devices, mac));
}

/* Those that all of a network is of. */
static void add_net(const struct policy *p, const struct device_word *w, struct policy_whom *whom)
{
	for (size_t i = 0; i < p->devices.net_count; i++) {
		const struct device_net *net = &p->devices.net[i];

		if (net->bits > w->bits || !addr_in_net(&w->addr, &net->addr, net->bits))
			continue;
		add_set(whom, &net->set);
		return;
	}
}

static void add_word(const struct policy *p, const struct device_word *w, struct policy_whom *whom)
{
	if (w->form == DEVICE_MAC)
		policy_whom_mac(p, w->mac, whom);
	else if (w->form == DEVICE_NET)
		add_net(p, w, whom);
}

void policy_whom_word(const struct policy *p, struct slice word, struct policy_whom *whom)
{
	const struct rule *definition = NULL;
	struct slice rest = slice_of("", 0);
	struct device_word w;

	if (value_read_device(word, &w, NULL))
		return;
	add_word(p, &w, whom);
	if (w.form == DEVICE_NAME)
		definition = rules_by_id(p->rules, rule_device_id(slice_text(w.text)));
	if (definition)
		rest = rule_device_addrs(definition);
	while ((word = value_next_word(&rest)).len)
		if (!value_read_device(word, &w, NULL))
			add_word(p, &w, whom);
}

bool policy_knows_mac(const struct policy *p, const uint8_t *mac)
{
	return device_table_mac(&p->devices, mac) != NULL;
}

bool policy_mac_of_rule(const struct policy *p, uint64_t rule, uint8_t mac[6])
{
	const struct rule *r = policy_rule(p, rule);
	uint64_t id = r && r->device_len ? rule_device_id(rule_device(r)) : 0;

	for (size_t i = 0; id && i < p->devices.mac_count; i++)
		for (size_t j = 0; j < DPI_DEVICES_EACH; j++)
			if (p->devices.mac[i].set.id[j] == id) {
				memcpy(mac, p->devices.mac[i].mac, sizeof(p->devices.mac[i].mac));
				return true;
			}
	return false;
}

int policy_each_device_net(const struct policy *p,
			   int (*fn)(void *ctx, const struct dpi_net_key *k,
				     const struct dpi_device_set *set),
			   void *ctx)
{
	int stop = 0;

	for (size_t i = 0; i < p->devices.net_count && !stop; i++) {
		const struct device_net *net = &p->devices.net[i];
		struct dpi_net_key key = {.prefix_len = net->bits, .addr = net->addr};

		stop = fn(ctx, &key, &net->set);
	}
	return stop;
}

int policy_each_device_mac(const struct policy *p,
			   int (*fn)(void *ctx, const uint8_t *mac,
				     const struct dpi_device_set *set),
			   void *ctx)
{
	int stop = 0;

	for (size_t i = 0; i < p->devices.mac_count && !stop; i++)
		stop = fn(ctx, p->devices.mac[i].mac, &p->devices.mac[i].set);
	return stop;
}

int policy_each_device(const struct policy *p, int (*fn)(void *ctx, uint64_t device), void *ctx)
{
	int stop = 0;

	for (size_t i = 1; i < p->apps.count && !stop; i++)
		stop = fn(ctx, p->apps.at[i].device);
	return stop;
}
