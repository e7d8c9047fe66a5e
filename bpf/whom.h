/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Whom a frame concerns: the devices that rules name and that one of its ends is, by the addresses
 * of the innermost packet and the hardware addresses of the frame itself, or of an earlier frame of
 * the flow. The engine decides alike (engine/whom.c). Asked only where a name is about to be
 * compared, and only while there are such rules.
 */
#ifndef BPF_WHOM_H
#define BPF_WHOM_H

#include "flow.h"

enum { WHOM_ADDR, WHOM_MAC = 2, WHOM_PLACES = DPI_DEVICES_MAX / DPI_DEVICES_EACH };
_Static_assert(WHOM_PLACES == WHOM_MAC + 2, "two addresses, two hardware addresses");

/* The loops' context: a stack pointer is all that bpf_loop hands on. */
struct whom_loop {
	struct dpi_scratch *scratch;
	__u64 seed; /* of the names' hashes */
};

/* The i-th device; 0: there is none. */
static __always_inline __u64 whom_device(const struct dpi_scratch *s, __u32 i)
{
	return s->whom[(i / DPI_DEVICES_EACH) & (WHOM_PLACES - 1)].id[i & (DPI_DEVICES_EACH - 1)];
}

static __always_inline void whom_once(__u64 *field, __u64 rule)
{
	if (!*field)
		*field = rule;
}

/* Joins what one device's rules say of protocols to what is known. */
static long whom_join(__u32 i, void *ctx)
{
	struct dpi_scratch *s = ((struct whom_loop *)ctx)->scratch;
	__u64 id = whom_device(s, i);
	const struct dpi_device *d = id ? bpf_map_lookup_elem(&devices, &id) : 0;

	if (!d)
		return 0;
	whom_once(&s->own.dns_block, d->dns_block);
	whom_once(&s->own.dns_allow, d->dns_allow);
	whom_once(&s->own.https_block, d->https_block);
	whom_once(&s->own.tls_block, d->tls_block);
	whom_once(&s->own.http_block, d->http_block);
	s->own.flags &= d->flags;
	return 0;
}

static __always_inline void whom_put(struct dpi_scratch *s, __u32 place,
				     const struct dpi_device_set *found)
{
	if (found) {
		s->whom[place] = *found;
		s->is_own = 1;
	} else {
		__builtin_memset(&s->whom[place], 0, sizeof(s->whom[place]));
	}
}

static __always_inline void whom_addr(struct dpi_scratch *s, __u32 place, const struct dpi_addr *a)
{
	struct dpi_net_key key = {.prefix_len = 128, .addr = *a};

	whom_put(s, place, bpf_map_lookup_elem(&device_nets, &key));
}

static __always_inline bool is_no_mac(const __u8 *b)
{
	return !(b[0] | b[1] | b[2] | b[3] | b[4] | b[5]);
}

/* One that a device has is kept with the flow. */
static __always_inline void whom_mac(struct dpi_scratch *s, __u32 i, struct dpi_flow *f)
{
	const struct dpi_device_set *found = bpf_map_lookup_elem(&device_macs, &s->mac[i]);

	whom_put(s, WHOM_MAC + i, found);
	if (found && f && is_no_mac(f->mac))
		__builtin_memcpy(f->mac, s->mac[i].b, sizeof(f->mac));
}

static __always_inline void whom_macs(struct place *p, __u32 hook, struct dpi_flow *f)
{
	struct dpi_scratch *s = p->scratch;
	bool is_known;

	__builtin_memset(s->mac, 0, sizeof(s->mac));
	if (place_load(p, hook, 0, s->mac[0].b, 6) || place_load(p, hook, 6, s->mac[1].b, 6))
		return;
	whom_mac(s, 0, f);
	whom_mac(s, 1, f);
	is_known = s->whom[WHOM_MAC].id[0] || s->whom[WHOM_MAC + 1].id[0];
	/* On its way on, a frame has other addresses. */
	if (!is_known && f && !is_no_mac(f->mac)) {
		__builtin_memcpy(s->mac[0].b, f->mac, sizeof(f->mac));
		whom_mac(s, 0, 0);
	}
}

static __noinline int whom_find(struct place *p, __u32 hook, struct dpi_flow *f)
{
	struct dpi_scratch *s = p->scratch;
	struct whom_loop l = {.scratch = s};

	if (!s || !p->config)
		return 0;
	__builtin_memset(s->whom, 0, sizeof(s->whom));
	if (p->config->flags & DPI_CONFIG_DEVICE_NETS) {
		whom_addr(s, WHOM_ADDR, &p->packet.key.addr[0]);
		whom_addr(s, WHOM_ADDR + 1, &p->packet.key.addr[1]);
	}
	if (p->config->flags & DPI_CONFIG_DEVICE_MACS)
		whom_macs(p, hook, f);
	if (!s->is_own)
		return 0;
	__builtin_memset(&s->own, 0, sizeof(s->own));
	s->own.flags = ~0U;
	bpf_loop(DPI_DEVICES_MAX, whom_join, &l, 0);
	return 0;
}

/* Sets s->whom, and s->own where there is anybody. f may be NULL. */
static __always_inline void whom_ask(struct place *p, __u32 hook, struct dpi_flow *f)
{
	p->scratch->is_own = 0;
	if (p->config->flags & (DPI_CONFIG_DEVICE_NETS | DPI_CONFIG_DEVICE_MACS))
		whom_find(p, hook, f);
}

#endif
