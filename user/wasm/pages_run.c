/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: base/pages_run.h where memory cannot be mapped or given back: runs are pages of the
 * module, which are of the same size and past the C library, whose aligned memory leaves holes; and
 * what is given back waits for whoever takes the next.
 */
#include "base/pages_run.h"

#include <stdint.h>
#include <unistd.h>

enum { RUN_MAX = 16 /* blocks: 1 MiB at once */, RUN_PART = 16 /* of all blocks */ };

/* Runs that were given back, each with this in its first bytes. */
static struct spare_run {
	struct spare_run *next;
	size_t len;
} * spare_runs;

size_t pages_run_size(size_t block_count)
{
	size_t blocks = 1;

	while (blocks < RUN_MAX && blocks * RUN_PART <= block_count)
		blocks *= 2;
	return blocks;
}

char *pages_run_take(size_t len)
{
	void *at;

	for (struct spare_run **s = &spare_runs; *s; s = &(*s)->next) {
		if ((*s)->len != len)
			continue;
		at = *s;
		*s = (*s)->next;
		return at;
	}
	at = sbrk((intptr_t)len);
	return at == (void *)-1 ? NULL : at;
}

void pages_run_give(char *at, size_t len)
{
	struct spare_run *s = (struct spare_run *)at;

	*s = (struct spare_run){spare_runs, len};
	spare_runs = s;
}

void pages_run_cool(char *block)
{
}
