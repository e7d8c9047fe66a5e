/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside room classify: suffixes of names and whose they are, found by their hash and then by their
 * text. Filled by one thread; afterwards nothing changes and any thread may look.
 *
 * Most names end in two labels that no suffix ends in. So these have a slot in any case, which says
 * how far there is anything to find: as a rule, one line of the cache answers.
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

struct suffix_slot {
	uint32_t mark; /* bits of the hash; 0: free */
	uint32_t text; /* of a suffix, as there */
	int app;
	uint8_t len;   /* 0: no suffix */
	uint8_t depth; /* of two labels: the most labels of a suffix that ends in them */
};

/* No pointer leads from one part to another, so that a set can also be part of the program. */
struct suffix_set {
	struct app_suffix *at;
	size_t count;
	struct text words;	  /* each ends in NUL */
	struct suffix_slot *slot; /* open addressing */
	size_t slot_count, slots_used;
};

/* Adds one of at least two labels for an application, not 0; copied. Returns 0, also when it is
 * there for the same application; -EEXIST with *owner when it is another's; -EINVAL; -ENOMEM;
 * -ENOSPC at the bound. */
int suffix_set_add(struct suffix_set *s, int app, struct slice suffix, int *owner);
/* Whose the longest suffix of a canonical name on a label border is; 0 for none. What the same
 * look-up in another set will read first is fetched meanwhile; next may be NULL. */
int suffix_set_longest(const struct suffix_set *s, struct slice name,
		       const struct suffix_set *next);
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
