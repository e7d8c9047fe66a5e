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
	JA4_LOW = 64, /* extensions below it are bits */
};

/* The types of extensions that matter beyond being there. */
enum { JA4_SERVER_NAME = 0, JA4_ALGORITHMS = 13, JA4_ALPN = 16, JA4_VERSIONS = 43 };

/* The first bytes of a list in the hello: borrowed from it where they lie together, else in `room`.
 * What is longer is cut. */
struct ja4_block {
	uint16_t len;
	const uint8_t *at;
	uint8_t room[JA4_BLOCK_MAX];
};

/* A hello's parts; ja4_clear sets what is not behind a length. */
struct ja4_hello {
	uint16_t version; /* the old field */
	bool has_name;	  /* there is a server_name extension */
	uint16_t seen;	  /* extensions, JA4_EXTENSIONS_MAX at most: those behind are left out */
	uint16_t count;	  /* of these the ones that are not reserved */
	uint16_t other_count;
	uint64_t low;			    /* those below JA4_LOW, as bits */
	uint16_t other[JA4_EXTENSIONS_MAX]; /* the rest, and what comes again; no name, no ALPN */
	struct ja4_block ciphers;	    /* without the length of the list */
	struct ja4_block algorithms, versions, protocols; /* contents of extensions */
};

void ja4_clear(struct ja4_hello *h);

/* Notes one that is no bit, or has its bit. */
void ja4_add_other(struct ja4_hello *h, uint16_t type);

/* Notes an extension. */
static inline void ja4_add_extension(struct ja4_hello *h, uint16_t type)
{
	uint64_t bit = type < JA4_LOW ? 1ULL << type : 0;

	h->has_name |= type == JA4_SERVER_NAME;
	if (h->seen == JA4_EXTENSIONS_MAX)
		return;
	h->seen++;
	if (!(bit & ~h->low)) {
		ja4_add_other(h, type);
		return;
	}
	h->low |= bit;
	h->count++;
}

/* True for the extensions whose content matters. */
static inline bool ja4_is_block(uint16_t type)
{
	const uint64_t bits = 1ULL << JA4_ALGORITHMS | 1ULL << JA4_ALPN | 1ULL << JA4_VERSIONS;

	return type < JA4_LOW && bits >> type & 1;
}

/* Where the content of such an extension is to go; NULL: nowhere, for it was there before. */
struct ja4_block *ja4_block_of(struct ja4_hello *h, uint16_t type);

/* Fills clue->ja4 and clue->alpn of a whole hello; clue->proto says what carried it. */
void ja4_write(const struct ja4_hello *h, struct crypt *crypt, struct clue *clue);

#endif
