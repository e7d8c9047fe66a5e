/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A policy into the kernel's rule maps; see maps.h. Entries are added before others are removed and
 * the settings come last, so no moment has fewer rules than both the old and the new policy share.
 * Where it is known what the maps hold, only what differs is written.
 */
#include "live/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

/* The keys just written, to find which of the map's others are gone. */
struct written {
	int fd;
	size_t key_size;
	unsigned char *keys;
	size_t count, cap;
	int err;
};

static int written_add(struct written *w, const void *key, const void *value)
{
	if (bpf_map_update_elem(w->fd, key, value, BPF_ANY)) {
		w->err = -errno;
		return w->err;
	}
	if (w->count == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 256;
		unsigned char *keys = realloc(w->keys, cap * w->key_size);

		if (!keys) {
			w->err = -ENOMEM;
			return w->err;
		}
		w->keys = keys;
		w->cap = cap;
	}
	memcpy(w->keys + w->count++ * w->key_size, key, w->key_size);
	return 0;
}

static int key_compare(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static bool written_has(const struct written *w, const void *key)
{
	size_t low = 0, high = w->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(key, w->keys + middle * w->key_size, w->key_size);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* Deletes every key that was not written this time. */
static void written_finish(struct written *w)
{
	unsigned char at[64], next[64];
	int err;

	if (w->count)
		qsort_r(w->keys, w->count, w->key_size, key_compare, &w->key_size);
	err = bpf_map_get_next_key(w->fd, NULL, at);
	while (!err) {
		err = bpf_map_get_next_key(w->fd, at, next);
		if (!written_has(w, at))
			bpf_map_delete_elem(w->fd, at);
		memcpy(at, next, w->key_size);
	}
}

static int name_add(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	return written_add(ctx, &hash, r);
}

static int addr_add(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r)
{
	return written_add(ctx, a, r);
}

static int net_add(void *ctx, const struct dpi_net_key *k, const struct dpi_addr_rule *r)
{
	return written_add(ctx, k, r);
}

static int port_add(void *ctx, uint8_t proto, uint16_t port, uint64_t rule)
{
	uint32_t key = (uint32_t)proto << 16 | port;

	return written_add(ctx, &key, &rule);
}

static int device_net_add(void *ctx, const struct dpi_net_key *k, const struct dpi_device_set *set)
{
	return written_add(ctx, k, set);
}

static int device_mac_add(void *ctx, const uint8_t *mac, const struct dpi_device_set *set)
{
	struct dpi_mac key = {.pad = {0}};

	memcpy(key.b, mac, sizeof(key.b));
	return written_add(ctx, &key, set);
}

static void devices_add(struct written *w, const struct live_protocols *protocols)
{
	for (size_t i = 0; i < protocols->device_count && !w->err; i++)
		written_add(w, &protocols->device[i].id, &protocols->device[i].rules);
}

uint64_t live_name_seed(const struct live_maps *m)
{
	struct dpi_config c;
	uint32_t zero = 0;

	return bpf_map_lookup_elem(m->config, &zero, &c) ? 0 : c.name_seed;
}

/* Which names in first segments the kernel decides. When monitoring none: there is nothing to be
 * quick about. Without a rule that could block one no segment is read. */
static uint32_t word_flags(const struct dpi_config *c, const struct live_protocols *protocols)
{
	uint32_t flags = protocols->flags;

	if ((c->flags & DPI_CONFIG_MONITOR) || !(c->flags & DPI_CONFIG_BLOCKS))
		return 0;
	if (!(c->flags & DPI_CONFIG_NAMES) && !c->https_block && !c->tls_block)
		flags &= ~(uint32_t)DPI_CONFIG_HELLOS;
	if (!(c->flags & DPI_CONFIG_NAMES) && !c->http_block)
		flags &= ~(uint32_t)DPI_CONFIG_REQUESTS;
	return flags;
}

static int config_write(const struct live_maps *m, const struct policy *p, uint32_t extra_flags,
			const struct live_protocols *protocols)
{
	struct decision dns = protocols->dns;
	struct dpi_config c;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(m->config, &zero, &c))
		return -errno;
	c.name_seed = policy_seed(p);
	c.flags = policy_config_flags(p) | extra_flags;
	c.dns_block = dns.is_block ? dns.rule : 0;
	c.dns_allow = dns.is_block ? 0 : dns.rule;
	c.https_block = protocols->https_block;
	c.tls_block = protocols->tls_block;
	c.http_block = protocols->http_block;
	c.flags |= word_flags(&c, protocols);
	if (c.dns_block)
		c.flags |= DPI_CONFIG_NAMES;
	c.ring_count = m->ring_count;
	c.cpu_count = m->cpu_count;
	c.epoch++;
	return bpf_map_update_elem(m->config, &zero, &c, BPF_ANY) ? -errno : 0;
}

/* The maps of devices, which are small: they are written whole. */
enum { RULE_MAPS = 4, DEVICE_MAPS = 3, MAPS = RULE_MAPS + DEVICE_MAPS };

static void devices_fill(struct written w[DEVICE_MAPS], const struct live_maps *m,
			 const struct policy *p, const struct live_protocols *protocols)
{
	w[0] = (struct written){.fd = m->device_nets, .key_size = sizeof(struct dpi_net_key)};
	w[1] = (struct written){.fd = m->device_macs, .key_size = sizeof(struct dpi_mac)};
	w[2] = (struct written){.fd = m->devices, .key_size = sizeof(uint64_t)};
	policy_each_device_net(p, device_net_add, &w[0]);
	policy_each_device_mac(p, device_mac_add, &w[1]);
	devices_add(&w[2], protocols);
}

static int written_err(const struct written *w, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = w[i].err;
	return err;
}

/* Frees what was noted; when all went well, what is gone from the maps goes first. */
static void written_end(struct written *w, size_t count, int err)
{
	for (size_t i = 0; i < count; i++) {
		if (!err)
			written_finish(&w[i]);
		free(w[i].keys);
	}
}

static int refuse(int err, struct fault *f)
{
	return fault_set(f, err,
			 "the kernel refused a rule (%s): the rule maps hold up to "
			 "%d names, %d addresses, %d networks and %d addresses of devices; remove "
			 "some rules",
			 strerror(-err), DPI_NAMES_MAX, DPI_ADDRS_MAX, DPI_NETS_MAX,
			 DPI_DEVICE_NETS_MAX);
}

int live_policy_apply(const struct live_maps *m, const struct policy *p, uint32_t extra_flags,
		      const struct live_protocols *protocols, struct fault *f)
{
	struct written w[MAPS] = {
		{.fd = m->names, .key_size = sizeof(uint64_t)},
		{.fd = m->addrs, .key_size = sizeof(struct dpi_addr)},
		{.fd = m->nets, .key_size = sizeof(struct dpi_net_key)},
		{.fd = m->ports, .key_size = sizeof(uint32_t)},
	};
	int err;

	policy_each_name(p, name_add, &w[0]);
	policy_each_addr(p, addr_add, &w[1]);
	policy_each_net(p, net_add, &w[2]);
	policy_each_port(p, port_add, &w[3]);
	devices_fill(w + RULE_MAPS, m, p, protocols);
	err = written_err(w, MAPS);
	written_end(w, MAPS, err);
	if (!err)
		err = config_write(m, p, extra_flags, protocols);
	return err ? refuse(err, f) : 0;
}

/* One entry: no value takes it away, and it does not matter whether it was there. */
static int entry_set(int fd, const void *key, const void *value)
{
	if (value)
		return bpf_map_update_elem(fd, key, value, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(fd, key) && errno != ENOENT ? -errno : 0;
}

static int name_put(void *ctx, uint64_t hash, const struct dpi_name_rule *r)
{
	const struct live_maps *m = ctx;

	return entry_set(m->names, &hash, r);
}

static int addr_put(void *ctx, const struct dpi_addr *a, const struct dpi_addr_rule *r)
{
	const struct live_maps *m = ctx;

	return entry_set(m->addrs, a, r);
}

static int net_put(void *ctx, const struct dpi_net_key *k, const struct dpi_addr_rule *r)
{
	const struct live_maps *m = ctx;

	return entry_set(m->nets, k, r);
}

static int port_put(void *ctx, uint8_t proto, uint16_t port, uint64_t rule)
{
	const struct live_maps *m = ctx;
	uint32_t key = (uint32_t)proto << 16 | port;

	return entry_set(m->ports, &key, rule ? &rule : NULL);
}

int live_policy_change(const struct live_maps *m, const struct policy *from,
		       const struct policy *to, uint32_t extra_flags,
		       const struct live_protocols *protocols, struct fault *f)
{
	static const struct policy_difference set = {name_put, addr_put, net_put, port_put};
	size_t maps = policy_has_devices(from) || policy_has_devices(to) ? DEVICE_MAPS : 0;
	struct written w[DEVICE_MAPS] = {{.err = 0}};
	int err;

	if (maps)
		devices_fill(w, m, to, protocols);
	err = written_err(w, maps);
	if (!err)
		err = policy_each_difference(from, to, &set, (void *)m);
	written_end(w, maps, err);
	if (!err)
		err = config_write(m, to, extra_flags, protocols);
	return err ? refuse(err, f) : 0;
}
