/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room classify: sets of suffixes. The hashes are walked by the steps of dpi/name.h; a hit counts
 * only if the text is the same as well. A look-up allocates nothing and does no I/O.
 */
#include "classify/suffix_set.h"
#include "dpi/name.h"

#include <errno.h>
#include <stdlib.h>

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

static size_t home_of(const struct suffix_set *s, uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32) & (s->slot_count - 1);
}

/* The suffix of this hash and text, or NULL; *at is its slot, or the empty one for it. */
static const struct app_suffix *find(const struct suffix_set *s, uint64_t hash, struct slice text,
				     size_t *at)
{
	*at = 0;
	if (!s->slot_count)
		return NULL;
	for (*at = home_of(s, hash); s->slot[*at]; *at = (*at + 1) & (s->slot_count - 1)) {
		const struct app_suffix *there = &s->at[s->slot[*at] - 1];

		if (there->hash == hash && slice_equal(slice_of(there->text, there->len), text))
			return there;
	}
	return NULL;
}

/* At most half of the slots are taken. */
static int grow_slots(struct suffix_set *s)
{
	size_t slot_count = s->slot_count ? s->slot_count * 2 : 1024;
	uint32_t *slot;

	if ((s->count + 1) * 2 <= s->slot_count)
		return 0;
	slot = calloc(slot_count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(s->slot);
	s->slot = slot;
	s->slot_count = slot_count;
	for (size_t i = 0; i < s->count; i++) {
		size_t at = home_of(s, s->at[i].hash);

		while (slot[at])
			at = (at + 1) & (slot_count - 1);
		slot[at] = (uint32_t)i + 1;
	}
	return 0;
}

static uint64_t hash_name(struct slice name)
{
	struct dpi_name_walk w;

	dpi_name_walk_init(&w, 0);
	for (size_t i = name.len; i-- > 0;)
		dpi_name_walk_byte(&w, name.at[i]);
	return w.hash;
}

int suffix_set_add(struct suffix_set *s, int app, struct slice suffix, int *owner)
{
	struct app_suffix mine = {.len = suffix.len, .hash = hash_name(suffix), .app = app};
	const struct app_suffix *there;
	size_t at;

	if (s->count >= SUFFIXES_MAX)
		return -ENOSPC;
	if (grow_slots(s) || catalogue_make_room(&s->at, s->count, sizeof(*s->at)))
		return -ENOMEM;
	there = find(s, mine.hash, suffix, &at);
	if (there) {
		*owner = there->app;
		return *owner == app ? 0 : -EEXIST;
	}
	mine.text = strndup((const char *)suffix.at, suffix.len);
	if (!mine.text)
		return -ENOMEM;
	s->at[s->count++] = mine;
	s->slot[at] = (uint32_t)s->count;
	return 0;
}

const struct app_suffix *suffix_set_longest(const struct suffix_set *s, struct slice name)
{
	const struct app_suffix *longest = NULL;
	struct dpi_name_walk w;
	size_t at;

	dpi_name_walk_init(&w, 0);
	for (size_t i = name.len; i-- > 0;) {
		const struct app_suffix *there;

		dpi_name_walk_byte(&w, name.at[i]);
		if (i && name.at[i - 1] != '.')
			continue;
		there = find(s, w.hash, slice_from(name, i), &at);
		if (there)
			longest = there; /* a longer one may follow */
	}
	return longest;
}

void suffix_set_clear(struct suffix_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->at[i].text);
	free(s->at);
	free(s->slot);
	*s = (struct suffix_set){0};
}
