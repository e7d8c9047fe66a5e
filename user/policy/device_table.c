/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room policy: the devices that rules name, found by their addresses. There are some tens of them,
 * so nothing here is in a hurry: they are asked for once a name, not once a packet.
 */
#include "policy/device_table.h"
#include "policy/value.h"

#include <errno.h>
#include <stdlib.h>

/* Puts a device into a set, behind those that are there. False when it is full. */
static bool set_put(struct dpi_device_set *set, uint64_t id)
{
	for (size_t i = 0; i < DPI_DEVICES_EACH; i++) {
		if (set->id[i] && set->id[i] != id)
			continue;
		set->id[i] = id;
		return true;
	}
	return false;
}

/* One more element of an array, all zero; NULL when out of memory. */
static void *grow(void *array, size_t count, size_t size)
{
	char *at = reallocarray(array, count + 1, size);

	if (at)
		memset(at + count * size, 0, size);
	return at;
}

static int add_net(struct device_table *t, const struct device_word *w, uint64_t id)
{
	struct device_net *net = grow(t->net, t->net_count, sizeof(*net));

	if (!net)
		return -ENOMEM;
	t->net = net;
	net[t->net_count].addr = w->addr;
	net[t->net_count].bits = w->bits;
	set_put(&net[t->net_count++].set, id);
	return 0;
}

static int add_mac(struct device_table *t, const struct device_word *w, uint64_t id)
{
	struct device_mac *mac;

	for (size_t i = 0; i < t->mac_count; i++) {
		if (memcmp(t->mac[i].mac, w->mac, sizeof(w->mac)) != 0)
			continue;
		t->is_crowded |= !set_put(&t->mac[i].set, id);
		return 0;
	}
	mac = grow(t->mac, t->mac_count, sizeof(*mac));
	if (!mac)
		return -ENOMEM;
	t->mac = mac;
	memcpy(mac[t->mac_count].mac, w->mac, sizeof(w->mac));
	set_put(&mac[t->mac_count++].set, id);
	return 0;
}

/* What was once read into a set can be read again. */
static int add_word(struct device_table *t, const struct device_word *w, uint64_t id)
{
	return w->form == DEVICE_MAC ? add_mac(t, w, id) : add_net(t, w, id);
}

/* The addresses of a device that has a name. */
static int add_named(struct device_table *t, const struct rule *definition)
{
	struct slice rest = rule_device_addrs(definition), word;
	struct device_word w;
	int err = 0;

	while (!err && (word = value_next_word(&rest)).len)
		if (!value_read_device(word, &w, NULL))
			err = add_word(t, &w, definition->id);
	return err;
}

static bool is_noted(const struct device_table *t, uint64_t id)
{
	for (size_t i = t->id_count; i-- > 0;)
		if (t->id[i] == id)
			return true;
	return false;
}

/* The device of a rule, unless it is there. */
static int add_device(struct device_table *t, const struct rules *rules, const struct rule *rule)
{
	uint64_t id = rule_device_id(rule_device(rule)), *ids;
	const struct rule *definition;
	struct device_word w;

	if (is_noted(t, id))
		return 0;
	t->is_full |= t->id_count == DEVICES_MAX;
	ids = t->is_full ? NULL : grow(t->id, t->id_count, sizeof(*ids));
	if (!ids)
		return t->is_full ? 0 : -ENOMEM;
	t->id = ids;
	t->id[t->id_count++] = id;
	if (value_read_device(rule_device(rule), &w, NULL))
		return 0;
	if (w.form != DEVICE_NAME)
		return add_word(t, &w, id);
	definition = rules_by_id(rules, id);
	if (definition)
		return add_named(t, definition);
	if (!t->unknown)
		t->unknown = rule;
	return 0;
}

/* The longest first; of one length, those of one address beside each other. */
static int net_compare(const void *a, const void *b)
{
	const struct device_net *x = a, *y = b;

	if (x->bits != y->bits)
		return x->bits < y->bits ? 1 : -1;
	return memcmp(x->addr.b, y->addr.b, sizeof(x->addr.b));
}

/* Each network gets the devices of itself and then of those around it, and stands there once. */
static void join_nets(struct device_table *t)
{
	size_t kept = 0;

	if (t->net_count)
		qsort(t->net, t->net_count, sizeof(*t->net), net_compare);
	for (size_t i = 0; i < t->net_count; i++) {
		if (kept && net_compare(&t->net[kept - 1], &t->net[i]) == 0)
			continue;
		for (size_t j = i; j < t->net_count; j++)
			if (addr_in_net(&t->net[i].addr, &t->net[j].addr, t->net[j].bits))
				t->is_crowded |= !set_put(&t->net[i].set, t->net[j].set.id[0]);
		t->net[kept++] = t->net[i];
	}
	t->net_count = kept;
}

int device_table_build(struct device_table *t, const struct rules *rules)
{
	struct rules_walk w = {0};
	const struct rule *rule;
	int err = 0;

	while (!err && (rule = rules_next_of(rules, &w, RULES_OF_DEVICES)))
		err = add_device(t, rules, rule);
	if (!err)
		join_nets(t);
	return err;
}

void device_table_clear(struct device_table *t)
{
	free(t->id);
	free(t->net);
	free(t->mac);
	*t = (struct device_table){0};
}

const struct dpi_device_set *device_table_addr(const struct device_table *t,
					       const struct dpi_addr *a)
{
	for (size_t i = 0; i < t->net_count; i++)
		if (addr_in_net(a, &t->net[i].addr, t->net[i].bits))
			return &t->net[i].set;
	return NULL;
}

const struct dpi_device_set *device_table_mac(const struct device_table *t, const uint8_t *mac)
{
	for (size_t i = 0; i < t->mac_count; i++)
		if (memcmp(t->mac[i].mac, mac, sizeof(t->mac[i].mac)) == 0)
			return &t->mac[i].set;
	return NULL;
}
