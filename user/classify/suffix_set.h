/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room classify: suffixes of names and whose they are, found by their hash and then by their
 * text. Filled by one thread; afterwards nothing changes and any thread may look.
 */
#ifndef CLASSIFY_SUFFIX_SET_H
#define CLASSIFY_SUFFIX_SET_H

#include "base/slice.h"

enum { SUFFIXES_MAX = 1 << 20 };

struct app_suffix {
	char *text; /* owned; canonical */
	size_t len;
	uint64_t hash;
	int app;
};

struct suffix_set {
	struct app_suffix *at;
	size_t count;
	uint32_t *slot; /* open addressing over at[]: place + 1, or 0 */
	size_t slot_count;
};

/* Adds one, copied. Returns 0, also when it is there for the same application; -EEXIST with *owner
 * when it is another's; -ENOMEM; -ENOSPC at the bound. */
int suffix_set_add(struct suffix_set *s, int app, struct slice suffix, int *owner);
/* The longest suffix of a canonical name on a label border; NULL for none. One probe a label. */
const struct app_suffix *suffix_set_longest(const struct suffix_set *s, struct slice name);
void suffix_set_clear(struct suffix_set *s);

/* Room for one more element; arrays grow by doubling. Returns 0 or -ENOMEM. */
int catalogue_make_room(void *array_of, size_t count, size_t size);

#endif
