/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Anonymous memory by the names that the rooms below call it; wasm/memory.c. Room: wasm. */
#ifndef PORT_SYS_MMAN_H
#define PORT_SYS_MMAN_H

#include <stddef.h>
#include <stdint.h>

enum { PROT_READ = 1, PROT_WRITE = 2, MAP_PRIVATE = 2, MAP_ANONYMOUS = 32, MREMAP_MAYMOVE = 1 };
#define MAP_FAILED ((void *)-1)

/* len zeroed bytes; MAP_FAILED: there are none. Everything but len is what the enum above has. */
void *mmap(void *at, size_t len, int prot, int flags, int fd, int64_t offset);
int munmap(void *at, size_t len);
void *mremap(void *at, size_t len, size_t new_len, int flags);

#endif
