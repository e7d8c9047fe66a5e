/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: base/spool.h where there is no file: every piece is plain memory, and no larger than
 * it must be.
 */
#include "base/spool.h"

#include <stdlib.h>

enum { STEP = 4096 };

bool spool_has_spare(const struct spool *s)
{
	return false;
}

size_t spool_size(size_t len)
{
	return (len + STEP - 1) / STEP * STEP;
}

void *spool_take(struct spool *s, size_t len)
{
	size_t size = spool_size(len);
	void *at = size < len || !size ? NULL : calloc(1, size);

	s->plain += at ? size : 0;
	return at;
}

void *spool_take_unset(struct spool *s, size_t len)
{
	return spool_take(s, len);
}

void spool_give(void *piece, size_t len)
{
	free(piece);
}

void spool_clear(struct spool *s)
{
	*s = (struct spool){.plain_max = s->plain_max};
}
