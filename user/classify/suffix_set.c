/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: sets of suffixes. The hashes are walked by the steps of dpi/name.h; a hit counts
 * only if the text is the same as well. A look-up allocates nothing and does no I/O.
 */
#include "classify/suffix_set.h"
#include "dpi/name.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOT_LABELS = 2, FIRST_SLOTS = 1024 };

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

static uint32_t mark_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

static size_t home_of(const struct suffix_set *s, uint64_t hash)
{
	return hash & (s->slot_count - 1);
}

/* The next slot that has the mark, from *at on, which moves behind it; or the free one where they
 * end. */
static inline struct suffix_slot *next_slot(const struct suffix_set *s, uint32_t mark, size_t *at)
{
	struct suffix_slot *slot;

	do {
		slot = &s->slot[*at];
		*at = (*at + 1) & (s->slot_count - 1);
	} while (slot->mark && slot->mark != mark);
	return slot;
}

static bool is_text(const struct suffix_set *s, const struct suffix_slot *slot, struct slice text)
{
	return slot->len == text.len && memcmp(s->words.at + slot->text, text.at, text.len) == 0;
}

/* The slot of a suffix, or NULL. */
static const struct suffix_slot *find(const struct suffix_set *s, uint64_t hash, struct slice text)
{
	size_t at = home_of(s, hash);
	const struct suffix_slot *slot;

	while ((slot = next_slot(s, mark_of(hash), &at))->mark)
		if (is_text(s, slot, text))
			return slot;
	return NULL;
}

/* Takes a slot that is free. */
static void use(struct suffix_set *s, struct suffix_slot *slot, uint64_t hash)
{
	if (!slot->mark)
		s->slots_used++;
	slot->mark = mark_of(hash);
}

/* Enters a suffix that has no slot yet. */
static void enter(struct suffix_set *s, const struct hashes *h, const struct app_suffix *suffix)
{
	size_t at = home_of(s, h->whole);
	struct suffix_slot *slot;

	do
		slot = next_slot(s, mark_of(h->whole), &at);
	while (slot->mark && slot->len);
	use(s, slot, h->whole);
	slot->text = suffix->text;
	slot->len = (uint8_t)suffix->len;
	slot->app = suffix->app;
	/* Those that share a mark share what is said of their depth. */
	at = home_of(s, h->root);
	slot = next_slot(s, mark_of(h->root), &at);
	use(s, slot, h->root);
	if (h->labels > slot->depth)
		slot->depth = (uint8_t)h->labels;
}

/* Keeps a quarter of the slots free at least. */
static int grow_slots(struct suffix_set *s)
{
	size_t slot_count = s->slot_count ? s->slot_count * 2 : FIRST_SLOTS;
	struct suffix_slot *slot;

	if (s->slots_used + 2 <= s->slot_count / 4 * 3)
		return 0;
	slot = calloc(slot_count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(s->slot);
	s->slot = slot;
	s->slot_count = slot_count;
	s->slots_used = 0;
	for (size_t i = 0; i < s->count; i++) {
		struct hashes h = hash_name(slice_of(suffix_set_text(s, &s->at[i]), s->at[i].len));

		enter(s, &h, &s->at[i]);
	}
	return 0;
}

int suffix_set_add(struct suffix_set *s, int app, struct slice suffix, int *owner)
{
	struct app_suffix mine = {.len = (uint32_t)suffix.len, .app = app};
	struct hashes h = hash_name(suffix);
	const struct suffix_slot *there;

	if (h.labels < ROOT_LABELS || suffix.len > DPI_NAME_MAX)
		return -EINVAL;
	if (s->count >= SUFFIXES_MAX)
		return -ENOSPC;
	if (grow_slots(s) || catalogue_make_room(&s->at, s->count, sizeof(*s->at)))
		return -ENOMEM;
	there = find(s, h.whole, suffix);
	if (there) {
		*owner = there->app;
		return *owner == app ? 0 : -EEXIST;
	}
	if (catalogue_add_word(&s->words, suffix, &mine.text))
		return -ENOMEM;
	s->at[s->count++] = mine;
	enter(s, &h, &mine);
	return 0;
}

/* What the slot of two labels says of the depth below them; 0: nothing is there. */
static unsigned depth_of(const struct suffix_set *s, uint64_t hash)
{
	size_t at = home_of(s, hash);

	return next_slot(s, mark_of(hash), &at)->depth;
}

int suffix_set_longest(const struct suffix_set *s, struct slice name, const struct suffix_set *next)
{
	unsigned labels = 0, depth = ROOT_LABELS;
	struct dpi_name_walk w;
	int app = 0;

	if (!s->count)
		return 0;
	dpi_name_walk_init(&w, 0);
	for (size_t i = name.len; i && labels < depth;) {
		const struct suffix_slot *there;
		uint64_t hash;

		do
			dpi_name_walk_byte(&w, name.at[--i]);
		while (i && name.at[i - 1] != '.');
		if (++labels < ROOT_LABELS)
			continue;
		hash = mix(w.hash);
		if (labels == ROOT_LABELS && next && next->count)
			__builtin_prefetch(&next->slot[home_of(next, hash)]);
		if (labels == ROOT_LABELS)
			depth = depth_of(s, hash);
		if (!depth)
			return 0;
		there = find(s, hash, slice_from(name, i));
		if (there)
			app = there->app; /* a longer one may follow */
	}
	return app;
}

void suffix_set_clear(struct suffix_set *s)
{
	text_clear(&s->words);
	free(s->at);
	free(s->slot);
	*s = (struct suffix_set){0};
}
