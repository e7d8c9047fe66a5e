/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: included before everything where the road fetches ahead what it will need. A module
 * has no word for that: a load whose value nobody waits for does the same, as long as the place is
 * memory. So not for guesses, as those of pcap/ahead.h.
 */
#ifndef WASM_PORT_FETCH_H
#define WASM_PORT_FETCH_H

static inline void fetch_ahead(const void *at)
{
	(void)*(const volatile char *)at;
}

#define __builtin_prefetch(at, ...) fetch_ahead(at)

#endif
