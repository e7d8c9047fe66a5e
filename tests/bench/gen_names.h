/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The names that generated flows ask for, and the application each belongs to: truth written down
 * by hand here, not taken from the program's catalogue.
 */
#ifndef GEN_NAMES_H
#define GEN_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GEN_NAME_MAX = 64, GEN_SITES_MAX = 1024 };

struct gen_site {
	char name[GEN_NAME_MAX];
	const char *app; /* "-": none */
	uint16_t family; /* sites of one owner; a connection may ask for several. 0: none */
};

struct gen_sites {
	size_t count;
	struct gen_site all[GEN_SITES_MAX];
};

void gen_sites_make(struct gen_sites *s);
/* The site for a random number: some are asked for much more often than others. */
const struct gen_site *gen_site_pick(const struct gen_sites *s, bool is_blocked, uint64_t chance);
/* Another site of its family, or itself. */
const struct gen_site *gen_site_kin(const struct gen_sites *s, const struct gen_site *site);

#endif
