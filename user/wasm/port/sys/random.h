/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Seeds for hashes, from the page; wasm/host.h. Room: wasm. */
#ifndef PORT_SYS_RANDOM_H
#define PORT_SYS_RANDOM_H

#include <stddef.h>
#include <sys/types.h>

ssize_t getrandom(void *out, size_t len, unsigned flags);

#endif
