/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which name the last DNS answer gave to an address. Bounded; the one not renewed for longest
 * leaves. One thread at a time: whoever shares one between threads locks around it.
 */
#ifndef FLOW_DNS_MEMORY_H
#define FLOW_DNS_MEMORY_H

#include "base/name.h"
#include "dpi/abi.h"

struct dns_memory;

/* At most max addresses, fewer than 2^32; seed keys the hash. NULL when out of memory. */
struct dns_memory *dns_memory_new(size_t max, uint64_t seed);
void dns_memory_free(struct dns_memory *m);

/*
 * An answer seen at ts_ns gives so many addresses to the name (canonical). It is remembered for
 * ttl_s, but at least 10 minutes, as programs connect long after, and at most a day. Where
 * memory ends, addresses are left out.
 */
void dns_memory_put(struct dns_memory *m, const struct dpi_addr *addr, size_t count,
		    const struct name *name, uint64_t ts_ns, uint32_t ttl_s);
/* False, and *name untouched, when nothing is known at ts_ns. Of an address that nothing is known
 * of, this reads one line of the cache, as a rule. */
bool dns_memory_get(struct dns_memory *m, const struct dpi_addr *addr, uint64_t ts_ns,
		    struct name *name);

/* Asks the processor for what dns_memory_get() will read of an address: step 0 for its place in the
 * table, step 1, when that has come, for what the table says of it. Changes nothing. */
void dns_memory_warm(const struct dns_memory *m, const struct dpi_addr *addr, int step);

size_t dns_memory_count(struct dns_memory *m);

#endif
