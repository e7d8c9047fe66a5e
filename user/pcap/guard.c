/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which memory is a mapped capture, and a page of zeros for one that is lost. Room: pcap. What a
 * signal handler calls here does nothing but compare and map.
 */
#include "pcap/guard.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct capture_guard_range *capture_guard_add(struct capture_guard *g, const void *at, size_t len)
{
	for (size_t i = 0; i < CAPTURE_GUARD_MAX; i++) {
		struct capture_guard_range *range = &g->range[i];

		if (atomic_load(&range->at) != 0)
			continue;
		atomic_store(&range->is_lost, false);
		atomic_store(&range->len, len);
		atomic_store(&range->at, (uintptr_t)at);
		return range;
	}
	return NULL;
}

void capture_guard_remove(struct capture_guard_range *range)
{
	if (range)
		atomic_store(&range->at, 0);
}

bool capture_guard_catch(struct capture_guard *g, const void *address)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t at = (uintptr_t)address & ~(page - 1);

	for (size_t i = 0; i < CAPTURE_GUARD_MAX; i++) {
		struct capture_guard_range *range = &g->range[i];
		uintptr_t from = atomic_load(&range->at);
		int before = errno;
		bool is_there;

		if (from == 0 || at - from >= atomic_load(&range->len))
			continue;
		atomic_store(&range->is_lost, true);
		/* By the kernel itself: the C library promises nothing of mmap() in a handler. */
		is_there = syscall(SYS_mmap, at, page, PROT_READ,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (long)at;
		errno = before;
		return is_there;
	}
	return false;
}
