/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: base/pages.h where no blocks change hands: what is gathered is plain memory (spool.c).
 */
#include "base/pages.h"

#include <errno.h>

#include "base/pages_run.h"

int pages_share(struct pages *p, struct pages *into, size_t count)
{
	return -ENOMEM;
}

int pages_absorb(struct pages *into, struct pages *from)
{
	return -ENOMEM;
}

void pages_clear_others(struct pages *p)
{
}

void pages_sort(struct pages *p)
{
}
