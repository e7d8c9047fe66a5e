/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: sets of suffixes. The hashes are walked by the steps of dpi/name.h; a hit counts
 * only if the text is the same as well. A look-up allocates nothing and does no I/O.
 */
#include "classify/suffix_set.h"
#include "dpi/name.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ROOT_LABELS = 2,
	PLACE_BITS = 21, /* of a slot; what is above tells hashes apart */
	DEPTH_BITS = 8,
	FIRST_SLOTS = 1024,
};
#define PLACE_MASK ((1U << PLACE_BITS) - 1)
#define DEPTH_MASK ((1U << DEPTH_BITS) - 1)

_Static_assert(SUFFIXES_MAX <= PLACE_MASK, "places and one more");

int catalogue_make_room(void *array_of, size_t count, size_t size)
{
	void **array = array_of;
	void *larger;

	if (count && (count < 16 || (count & (count - 1))))
		return 0;
	larger = realloc(*array, (count ? count * 2 : 16) * size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	return 0;
}

int catalogue_add_word(struct text *words, struct slice word, uint32_t *place)
{
	size_t at = words->len;

	if (word.len >= UINT32_MAX - at)
		return -ENOMEM;
	text_add(words, word.at, word.len);
	text_putc(words, '\0');
	if (words->failed)
		return -ENOMEM;
	*place = (uint32_t)at;
	return 0;
}

/* The hash of a suffix, and that of its last two labels. */
struct hashes {
	uint64_t whole, root;
	unsigned labels;
};

/* FNV alone leaves the upper half of short names alike. */
static uint64_t mix(uint64_t hash)
{
	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static struct hashes hash_name(struct slice name)
{
	struct hashes h = {.labels = 1};
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, 0);
	for (size_t i = name.len; i-- > 0;) {
		if (name.at[i] == '.' && h.labels++ == ROOT_LABELS)
			h.root = mix(w.hash);
		dpi_name_walk_byte(&w, name.at[i]);
	}
	h.whole = mix(w.hash);
	if (h.labels <= ROOT_LABELS)
		h.root = h.whole;
	return h;
}

/* The upper bits of a slot. */
static uint32_t mark_of(uint64_t hash, int low_bits)
{
	return (uint32_t)(hash >> 32) >> low_bits << low_bits;
}

/* The suffix of this hash and text, or NULL; *at is its slot, or the empty one for it. */
static const struct app_suffix *find(const struct suffix_set *s, uint64_t hash, struct slice text,
				     size_t *at)
{
	uint32_t mark = mark_of(hash, PLACE_BITS), slot;

	for (*at = hash & (s->slot_count - 1); (slot = s->slot[*at]);
	     *at = (*at + 1) & (s->slot_count - 1)) {
		const struct app_suffix *there = &s->at[(slot & PLACE_MASK) - 1];

		if ((slot & ~PLACE_MASK) == mark && there->len == text.len &&
		    memcmp(suffix_set_text(s, there), text.at, text.len) == 0)
			return there;
	}
	return NULL;
}

/* The slot of two labels, or the empty one for them. */
static uint32_t *find_root(const struct suffix_set *s, uint64_t hash)
{
	uint32_t *root = s->slot + s->slot_count, mark = mark_of(hash, DEPTH_BITS);
	size_t at = hash & (s->slot_count - 1);

	while (root[at] && (root[at] & ~DEPTH_MASK) != mark)
		at = (at + 1) & (s->slot_count - 1);
	return &root[at];
}

/* Enters a suffix that stands in at[] already, at a free slot. */
static void enter(struct suffix_set *s, const struct hashes *h, size_t place, size_t slot)
{
	uint32_t *root = find_root(s, h->root);
	uint32_t depth = *root & DEPTH_MASK;

	s->slot[slot] = mark_of(h->whole, PLACE_BITS) | (uint32_t)(place + 1);
	if (h->labels > depth)
		depth = h->labels < DEPTH_MASK ? h->labels : DEPTH_MASK;
	*root = mark_of(h->root, DEPTH_BITS) | depth;
}

/* Keeps half of the slots free at least. */
static int grow_slots(struct suffix_set *s)
{
	size_t slot_count = s->slot_count ? s->slot_count * 2 : FIRST_SLOTS;
	uint32_t *slot;

	if ((s->count + 1) * 2 <= s->slot_count)
		return 0;
	slot = calloc(2 * slot_count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(s->slot);
	s->slot = slot;
	s->slot_count = slot_count;
	for (size_t i = 0; i < s->count; i++) {
		struct slice text = slice_of(suffix_set_text(s, &s->at[i]), s->at[i].len);
		struct hashes h = hash_name(text);
		size_t at;

		find(s, h.whole, text, &at);
		enter(s, &h, i, at);
	}
	return 0;
}

int suffix_set_add(struct suffix_set *s, int app, struct slice suffix, int *owner)
{
	struct app_suffix mine = {.len = (uint32_t)suffix.len, .app = app};
	struct hashes h = hash_name(suffix);
	const struct app_suffix *there;
	size_t at;

	if (h.labels < ROOT_LABELS || suffix.len > DPI_NAME_MAX)
		return -EINVAL;
	if (s->count >= SUFFIXES_MAX)
		return -ENOSPC;
	if (grow_slots(s) || catalogue_make_room(&s->at, s->count, sizeof(*s->at)))
		return -ENOMEM;
	there = find(s, h.whole, suffix, &at);
	if (there) {
		*owner = there->app;
		return *owner == app ? 0 : -EEXIST;
	}
	if (catalogue_add_word(&s->words, suffix, &mine.text))
		return -ENOMEM;
	s->at[s->count] = mine;
	enter(s, &h, s->count++, at);
	return 0;
}

const struct app_suffix *suffix_set_longest(const struct suffix_set *s, struct slice name)
{
	const struct app_suffix *longest = NULL;
	unsigned labels = 0, depth = ROOT_LABELS;
	struct dpi_name_walk w;
	size_t at;

	if (!s->count)
		return NULL;
	dpi_name_walk_init(&w, 0);
	for (size_t i = name.len; i && labels < depth;) {
		const struct app_suffix *there;
		uint64_t hash;

		do
			dpi_name_walk_byte(&w, name.at[--i]);
		while (i && name.at[i - 1] != '.');
		if (++labels < ROOT_LABELS)
			continue;
		hash = mix(w.hash);
		if (labels == ROOT_LABELS)
			depth = *find_root(s, hash) & DEPTH_MASK;
		if (!depth)
			return NULL;
		there = find(s, hash, slice_from(name, i), &at);
		if (there)
			longest = there; /* a longer one may follow */
	}
	return longest;
}

void suffix_set_clear(struct suffix_set *s)
{
	text_clear(&s->words);
	free(s->at);
	free(s->slot);
	*s = (struct suffix_set){0};
}
