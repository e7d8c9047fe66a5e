/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: what the rooms below take from a system: mapped memory, which here is the C library's,
 * and seeds, which are the page's. A module's memory never shrinks; what is given back is used
 * again. It grows by many pages at once, for growing is slow whatever its size.
 */
#include "wasm/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { PAGE = 65536, STEP_MIN = 128 /* pages */ };

/* The C library's only way to memory, in whose place this stands; whole pages, and never back. */
void *sbrk(intptr_t more)
{
	static size_t used; /* pages */
	size_t size = __builtin_wasm_memory_size(0), want, step;
	char *at;

	if (!used)
		used = size;
	at = (char *)(used * PAGE);
	want = used + ((size_t)more + PAGE - 1) / PAGE;
	if (more < 0)
		goto none;
	if (want > size) {
		step = size / 8 > STEP_MIN ? size / 8 : STEP_MIN;
		step = want - size > step ? want - size : step;
		if (__builtin_wasm_memory_grow(0, step) == SIZE_MAX &&
		    __builtin_wasm_memory_grow(0, want - size) == SIZE_MAX)
			goto none;
	}
	used = want;
	return at;
none:
	errno = ENOMEM;
	return (void *)-1;
}

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
