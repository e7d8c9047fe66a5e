/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Room fetch: how much of a list is lost in the next one; see accept.h.
 */
#include "fetch/accept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/table.h"

enum { LOST_MIN = 10 /* fewer may go at any time */ };

/* Hashes of the lines of a list: 64 bits, so two that fall together do not matter here. They are
 * keyed: whoever wrote the list must not choose where its lines fall, for the agent waits here. */
struct lines {
	uint64_t *slot; /* open addressing; 0: empty */
	size_t slot_count;
	uint64_t seed;
};

static bool next_line(const struct lines *l, struct slice *rest, uint64_t *hash)
{
	const uint8_t *end = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;
	size_t len = end ? (size_t)(end - rest->at) : rest->len;

	if (!rest->len)
		return false;
	*hash = table_hash(l->seed, rest->at, len);
	*hash |= !*hash;
	*rest = slice_from(*rest, len + 1);
	return true;
}

static uint64_t *place_of(const struct lines *l, uint64_t hash)
{
	size_t i = (size_t)hash & (l->slot_count - 1);

	while (l->slot[i] && l->slot[i] != hash)
		i = (i + 1) & (l->slot_count - 1);
	return &l->slot[i];
}

static int lines_init(struct lines *l, const struct list *list)
{
	struct slice rest = list_text(list);
	uint64_t hash;

	if (getrandom(&l->seed, sizeof(l->seed), 0) != sizeof(l->seed))
		return -EIO;
	l->slot_count = 16;
	while (l->slot_count < (list_name_count(list) + list_addr_count(list)) * 2)
		l->slot_count *= 2;
	l->slot = calloc(l->slot_count, sizeof(*l->slot));
	if (!l->slot)
		return -ENOMEM;
	while (next_line(l, &rest, &hash))
		*place_of(l, hash) = hash;
	return 0;
}

int accept_list(const struct list *old, const struct list *new, struct fault *f)
{
	size_t before = old ? list_name_count(old) + list_addr_count(old) : 0, lost = 0;
	struct slice rest = old ? list_text(old) : slice_of("", 0);
	struct lines lines;
	uint64_t hash;

	if (before < LOST_MIN)
		return 0;
	if (lines_init(&lines, new))
		return fault_set(f, -ENOMEM, "out of memory");
	while (next_line(&lines, &rest, &hash))
		lost += *place_of(&lines, hash) == 0;
	free(lines.slot);
	if (lost < LOST_MIN || lost * 2 <= before)
		return 0;
	return fault_set(f, -EPERM,
			 "%zu of its %zu entries are gone at once, so the copy of before stays: "
			 "`dpi-xdp rules refresh --accept-mass-change` if that is meant",
			 lost, before);
}
