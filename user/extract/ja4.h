/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * JA4, the fingerprint of a TLS client: FoxIO's public specification of the ClientHello's print.
 * hello.c gathers its parts in the pass that looks for names; here they become 36 characters.
 */
#ifndef EXTRACT_JA4_H
#define EXTRACT_JA4_H

#include "extract/extract.h"

enum {
	JA4_CIPHERS_MAX = 512,
	JA4_EXTENSIONS_MAX = 256,
	JA4_ALGORITHMS_MAX = 128,
	JA4_BLOCK_MAX = 2 * JA4_CIPHERS_MAX,
};

/* The first bytes of a list in the hello. What is longer is cut. */
struct ja4_block {
	uint16_t len;
	uint8_t at[JA4_BLOCK_MAX];
};

/* A hello's parts; ja4_clear sets what is not behind a length. */
struct ja4_hello {
	uint16_t version; /* the old field */
	bool has_name;	  /* there is a server_name extension */
	uint16_t extension_count;
	uint16_t extension[JA4_EXTENSIONS_MAX];		  /* types, in the order of the hello */
	struct ja4_block ciphers;			  /* without the length of the list */
	struct ja4_block algorithms, versions, protocols; /* contents of extensions */
};

void ja4_clear(struct ja4_hello *h);
/* Notes an extension. Returns where its content is to go, or NULL when it does not matter. */
struct ja4_block *ja4_add_extension(struct ja4_hello *h, uint16_t type);
/* Fills clue->ja4 and clue->alpn of a whole hello; clue->proto says what carried it. */
void ja4_write(const struct ja4_hello *h, struct crypt *crypt, struct clue *clue);

#endif
