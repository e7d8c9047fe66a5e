/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: where a struct crypt's memory comes from; the rest is crypt/portable.c.
 */
#include <stdlib.h>
#include "crypt/portable.h"

struct crypt *crypt_new(void)
{
	void *room = calloc(1, crypt_portable_size());

	return room ? crypt_portable_init(room) : NULL;
}

void crypt_free(struct crypt *c)
{
	free(c);
}
