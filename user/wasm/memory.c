/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: what the rooms below take from a system: mapped memory, which here is the C library's,
 * and seeds, which are the page's. A module's memory never shrinks; what is given back is used
 * again.
 */
#include "wasm/host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

void *mmap(void *at, size_t len, int prot, int flags, int fd, int64_t offset)
{
	void *got = calloc(1, len);

	return got ? got : MAP_FAILED;
}

int munmap(void *at, size_t len)
{
	free(at);
	return 0;
}

void *mremap(void *at, size_t len, size_t new_len, int flags)
{
	char *got = realloc(at, new_len);

	if (!got)
		return MAP_FAILED;
	if (new_len > len)
		memset(got + len, 0, new_len - len);
	return got;
}

ssize_t getrandom(void *out, size_t len, unsigned flags)
{
	host_random(out, len);
	return (ssize_t)len;
}
