/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room crypt: what asks nothing of whoever opens the packets: prints that are remembered, and the
 * making of keys. See shared.h.
 */
#include "crypt/shared.h"

static const struct crypt_shared *shared_of(const struct crypt *c)
{
	return (const struct crypt_shared *)c;
}

size_t crypt_place_of_print(const struct crypt *c, struct slice key)
{
	return c ? kept_print_place(&shared_of(c)->prints, key) : 0;
}

const char *crypt_known_print(const struct crypt *c, size_t place, struct slice key)
{
	return c ? kept_print_find(&shared_of(c)->prints, place, key) : NULL;
}

void crypt_keep_print(struct crypt *c, size_t place, struct slice key,
		      const char print[CRYPT_PRINT])
{
	if (c)
		kept_print_put(&((struct crypt_shared *)c)->prints, place, key, print);
}

void crypt_initial_keys(struct crypt *c, const struct crypt_initial_version *v, struct slice dcid,
			bool is_client, struct crypt_initial_keys *out)
{
	initial_keys_of(&((struct crypt_shared *)c)->initial, v, dcid, is_client, out);
}
