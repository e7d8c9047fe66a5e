/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What one worker's struct crypt remembers: prints by what says what was hashed, and keys by
 * connection id, since a handshake has several packets, of both ends. Each stands at the only place
 * it can have, so a clash only costs the work once more. Room: crypt; private to it.
 */
#ifndef CRYPT_KEPT_H
#define CRYPT_KEPT_H

#include "crypt/crypt.h"

enum { KEPT_PRINTS = 64, KEPT_KEYS = 256, KEPT_BYTES = 256, KEPT_ID_MAX = 20 };

struct kept_print {
	uint16_t len; /* 0: none */
	char print[CRYPT_PRINT];
	uint8_t key[KEPT_BYTES];
};

/* What was worked out for a connection id. */
struct kept_keys {
	const struct crypt_initial_version *way; /* NULL: nothing */
	uint8_t id_len, id[KEPT_ID_MAX];
	bool has_keys;
	struct crypt_initial_keys end[2]; /* of the server, of the client */
};

/* All zero at first. */
struct kept_prints {
	struct kept_print print[KEPT_PRINTS];
};
struct kept_keys_all {
	uint16_t tag[KEPT_KEYS]; /* of whom the keys are */
	struct kept_keys keys[KEPT_KEYS];
};

/* The place of a key, which is fetched from memory. */
size_t kept_print_place(const struct kept_prints *k, struct slice key);
const char *kept_print_find(const struct kept_prints *k, size_t place, struct slice key);
void kept_print_put(struct kept_prints *k, size_t place, struct slice key,
		    const char print[CRYPT_PRINT]);
/* The keys of an id, with nothing worked out yet when they are new; NULL: it is longer than ids
 * are, and not kept. */
struct kept_keys *kept_keys_find(struct kept_keys_all *k, const struct crypt_initial_version *v,
				 struct slice dcid);

#endif
