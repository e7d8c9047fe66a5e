/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room classify: suffixes of names and whose they are, found by their hash and then by their
 * text. Filled by one thread; afterwards nothing changes and any thread may look.
 *
 * Most names end in two labels that no suffix ends in. So these are looked up first, and they also
 * say how far there is anything to find.
 */
#ifndef CLASSIFY_SUFFIX_SET_H
#define CLASSIFY_SUFFIX_SET_H

#include "base/slice.h"
#include "base/text.h"

enum { SUFFIXES_MAX = 1 << 20 };

struct app_suffix {
	uint32_t text; /* place in the set's words; canonical */
	uint32_t len;
	int app;
};

/* No pointer leads from one part to another, so that a set can also be part of the program. */
struct suffix_set {
	struct app_suffix *at;
	size_t count;
	struct text words; /* each ends in NUL */
	/* Open addressing over at[], slot_count of them: place + 1 in the lower bits, some bits of
	 * the hash in the upper ones; or 0. Behind them as many for the last two labels: the most
	 * labels of a suffix that ends in them in the lower bits, bits of the hash above; or 0. */
	uint32_t *slot;
	size_t slot_count;
};

/* Adds one of at least two labels, copied. Returns 0, also when it is there for the same
 * application; -EEXIST with *owner when it is another's; -EINVAL; -ENOMEM; -ENOSPC at the bound. */
int suffix_set_add(struct suffix_set *s, int app, struct slice suffix, int *owner);
/* The longest suffix of a canonical name on a label border; NULL for none. */
const struct app_suffix *suffix_set_longest(const struct suffix_set *s, struct slice name);
static inline const char *suffix_set_text(const struct suffix_set *s, const struct app_suffix *of)
{
	return s->words.at + of->text;
}
void suffix_set_clear(struct suffix_set *s);

/* Room for one more element; arrays grow by doubling. Returns 0 or -ENOMEM. */
int catalogue_make_room(void *array_of, size_t count, size_t size);
/* Adds a text with a NUL behind it to others; *place says where it begins. 0 or -ENOMEM. */
int catalogue_add_word(struct text *words, struct slice word, uint32_t *place);

#endif
