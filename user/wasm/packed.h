/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room wasm: the application catalogue in the module, written so that gzip makes little of it: what
 * is of one kind stands together, and what can be told from a name is a mark. scripts/gen-catalogue
 * writes it and built_in.c reads it. Ready tables, as the program has, or the text itself would
 * each be half as large again when packed.
 */
#ifndef WASM_PACKED_H
#define WASM_PACKED_H

#include "classify/build.h"
#include "dpi/name.h"

enum {
	PACKED_END = ' ',     /* of a suffix that ends in none of the endings */
	PACKED_STEM = '~',    /* the application's name, folded ... */
	PACKED_ALIAS = '^',   /* ... or its first alias */
	PACKED_ENDING = 0x80, /* and above: '.' and this ending, which ends the suffix */
	PACKED_ENDINGS = 32,
	PACKED_STEM_MIN = 3, /* bytes; shorter ones are not worth a mark */
};

/* A list is of texts that end in NUL, an empty one behind the last; a line ends in '\n', and there
 * is one for each application but "Unknown". */
struct catalogue_packed {
	const char *categories;	 /* a list */
	const char *category_of; /* of each application, 'A' + a place in that list */
	const char *calls;	 /* lines: its name and aliases, ',' between */
	const char *endings;	 /* a list: what follows the first '.' of many suffixes */
	const char *suffixes;	 /* lines: its suffixes, in bytes of their own and those above */
	const char *resolvers;	 /* likewise */
	const struct app_port *port;
	size_t app_count, port_count; /* of applications, with "Unknown" */
	int proto[PROTO_MAX], sign[SIGNS];
};

extern const struct catalogue_packed catalogue_packed;

/* A name's letters and digits, in lower case, as domains have them; empty when there are few. */
static inline void packed_stem(const char *name, char stem[APP_NAME_MAX + 1])
{
	size_t len = 0;

	for (; *name; name++) {
		uint8_t byte = dpi_lower((uint8_t)*name);

		if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9'))
			stem[len++] = (char)byte;
	}
	stem[len < PACKED_STEM_MIN ? 0 : len] = '\0';
}

#endif
